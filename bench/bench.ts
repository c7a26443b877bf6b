/**
 * The performance budgets, measured: `npm run bench [-- --quick] [--json FILE] [--write] [--only NAME,…]
 * [--subject gateway|bare]`; `--write` puts the figures into docs/performance.md.
 *
 * Gateway, bare relay and nginx run side by side on one core, load generator and upstream on the other, and take turns; a
 * figure is the median over the rounds of the ratio within a round. `--subject bare` measures the yardstick against itself:
 * how far its rows are from 1 is the noise of this machine. Exit code 0 whether budgets hold or not, 1 if measuring failed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HELPER_CORE, isPinned, startHelper, type Helper } from "./child.ts";
import type { Job, Observation } from "./load.ts";
import { Unavailable, type Bench, type Effort } from "./measure.ts";
import { formatRow, tableHead, toPage, verdict, type Row } from "./report.ts";
import { bodyRows, growthRows, idleRows, openStreamRows } from "./rows-size.ts";
import {
  firstTokenRows,
  guardRows,
  latencyRows,
  plainRows,
  streamRows,
  translatedRows,
  workerRows,
} from "./rows-traffic.ts";
import { translationRows } from "./rows-translation.ts";
import { hasNginx, startSubject, type SubjectName, type SubjectOptions } from "./subjects.ts";

const groups: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  plain: plainRows,
  stream: streamRows,
  translated: translatedRows,
  translation: translationRows,
  latency: latencyRows,
  "first-token": firstTokenRows,
  idle: idleRows,
  "open-streams": openStreamRows,
  growth: growthRows,
  bodies: bodyRows,
  workers: workerRows,
  guards: guardRows,
};

const efforts = {
  quick: { rounds: 9, roundMs: 500, warmUpMs: 2000 },
  full: { rounds: 21, roundMs: 2000, warmUpMs: 8000 },
} as const satisfies Record<string, Effort>;

const HELPER_WARM_UP_MS = 2000;
const PAGE = join(import.meta.dirname, "../docs/performance.md");

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    only: { type: "string" },
    subject: { type: "string", default: "gateway" },
  },
});
const chosen = options.only?.split(",") ?? Object.keys(groups);
const unknown = chosen.find((name) => groups[name] === undefined);
if (unknown !== undefined || (options.subject !== "gateway" && options.subject !== "bare")) {
  process.stderr.write(`--only takes ${Object.keys(groups).join(", ")}; --subject takes gateway or bare\n`);
  process.exit(64);
}

const folder = mkdtempSync(join(tmpdir(), "dragoman-bench-"));
const opened: { stop(): Promise<void> }[] = [];
try {
  await main(options.subject);
} catch (error) {
  process.stderr.write(`Could not measure: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(opened.map((each) => each.stop()));
  rmSync(folder, { recursive: true, force: true });
}

async function main(measuredName: SubjectName): Promise<void> {
  const bench = await openBench(measuredName);
  const pinning = isPinned ? "subjects on core 0, load and upstream on core 1" : "NOT pinned: absolutes mean little";
  const machine = `${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.versions.node}, ${pinning}`;
  process.stdout.write(`${machine}\n`);
  process.stdout.write(`Measured: ${measuredName}. ${bench.full ? "Full" : "Quick"} run.\n\n${tableHead}\n`);
  const rows: Row[] = [];
  for (const name of chosen) {
    for (const each of await measureGroup(bench, name)) {
      process.stdout.write(`${formatRow(each)}\n`);
      rows.push(each);
    }
  }
  if (options.write) writeFileSync(PAGE, toPage(rows, `${machine}.`));
  if (options.json !== undefined) writeFileSync(options.json, toJson(bench, rows));
}

function toJson({ measuredName, full }: Bench, rows: readonly Row[]): string {
  const results = rows.map((each) => ({ ...each, verdict: verdict(each) }));
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version, pinned: isPinned };
  return `${JSON.stringify({ measured: measuredName, full, machine, rows: results }, null, 2)}\n`;
}

async function measureGroup(bench: Bench, name: string): Promise<Row[]> {
  try {
    return (await groups[name]?.(bench)) ?? [];
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return [
      { name, measured: undefined, unit: "×", budget: undefined, absolutes: `not available yet: ${error.message}` },
    ];
  }
}

async function openBench(measuredName: SubjectName): Promise<Bench> {
  const keep = <T extends { stop(): Promise<void> }>(each: T): T => {
    opened.unshift(each);
    return each;
  };
  const upstream = keep(await startHelper("mock-upstream.ts", { core: HELPER_CORE }));
  const subjectOptions = { upstreamPort: upstream.port, folder };
  const needsNginx = hasNginx && chosen.includes("plain");
  const load = keep(await startHelper<Job, Observation>("load.ts", { core: HELPER_CORE }));
  await warmHelpers(load, subjectOptions);
  return {
    load,
    prober: keep(await startHelper<Job, Observation>("load.ts", { core: HELPER_CORE })),
    upstreamPort: upstream.port,
    folder,
    effort: options.quick ? efforts.quick : efforts.full,
    full: !options.quick,
    measuredName,
    measured: keep(await startSubject(measuredName, subjectOptions)),
    bare: keep(await startSubject("bare", subjectOptions)),
    nginx: needsNginx ? keep(await startSubject("nginx", subjectOptions)) : undefined,
  };
}

/**
 * What a subject's compiler learns while load generator and upstream are still slow costs it about a tenth for good, so a
 * relay that is thrown away takes their first seconds on itself.
 */
async function warmHelpers(load: Helper<Job, Observation>, options: SubjectOptions): Promise<void> {
  const relay = await startSubject("bare", options);
  for (const model of ["plain", "stream-100-1-5", "stream-1000-10-5"]) {
    const request = { format: "openai-chat", model, stream: model !== "plain", bytes: 1000 } as const;
    await load.run({ kind: "closed", target: relay.target, request, concurrency: 50, durationMs: HELPER_WARM_UP_MS });
  }
  await relay.stop();
}
