/**
 * What survives of recorded traffic, measured: `npm run fidelity -- FILE [--requests] [--json FILE] [--sample N] [--seed S]
 * [--only FROM>TO] [--id ID]… [--workers N]`.
 *
 * FILE holds recordings, one JSON object per line, gzipped. Every successful recorded answer of a conversation goes through
 * the whole gateway, cut at seeded random places, to a client of each format; what that client's official SDK makes of it is
 * held against what the provider's own SDK makes of the recording. `--requests` writes every recorded request for providers of
 * the other formats instead: nothing may be lost without being named, and the provider's rules have to hold. Differences that
 * no exception of fidelity-exceptions.ts excuses are listed; the exit code is 1 when they are more than 0.5 %.
 */
import { availableParallelism } from "node:os";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { seededRandom } from "../gateway/test/support/random.ts";
import { fidelityExceptions, requestExceptions } from "./fidelity-exceptions.ts";
import { readRecordings } from "./fidelity/recording.ts";
import { render, share, summarise } from "./fidelity/report.ts";
import type { Job, Row } from "./fidelity/row.ts";

const SHARE_LEAST = 99.5;
const WORKERS_MAX = 4;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    requests: { type: "boolean", default: false },
    json: { type: "string" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    id: { type: "string", multiple: true },
    workers: { type: "string", default: String(Math.min(WORKERS_MAX, availableParallelism())) },
  },
});
const [file] = positionals;
const seed = Number(options.seed);
const workers = Number(options.workers);
if (file === undefined || positionals.length > 1 || !Number.isInteger(seed) || !(workers >= 1)) {
  process.stderr.write(
    "usage: npm run fidelity -- FILE.jsonl.gz [--requests] [--json FILE] [--sample N] [--seed S] [--only FROM>TO] [--id ID]… [--workers N]\n",
  );
  process.exit(64);
}

const mode = options.requests ? "requests" : "answers";
const ids = options.id ?? (options.sample === undefined ? undefined : await sampleOf(file, Number(options.sample)));
const { only } = options;
const jobs = Array.from({ length: workers }, (_, first): Job => {
  const share = { first, step: workers };
  return { file, mode, seed, share, ...(only === undefined ? {} : { only }), ...(ids === undefined ? {} : { ids }) };
});
const rows = (await Promise.all(jobs.map(runJob))).flat();
const table = mode === "answers" ? fidelityExceptions : requestExceptions;
const summary = summarise(rows.toSorted(byId), { mode, seed }, table);
process.stdout.write(render(summary));
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(summary, null, 2)}\n`);
process.exitCode = share(summary.total) < SHARE_LEAST ? 1 : 0;

/** A seeded choice of recordings; which of them are successes shows later. */
async function sampleOf(from: string, size: number): Promise<string[]> {
  const all: string[] = [];
  for await (const { id } of readRecordings(from)) all.push(id);
  const random = seededRandom(seed);
  const drawn = all.map((id) => ({ id, at: random.next() })).toSorted((left, right) => left.at - right.at);
  return drawn.slice(0, size).map(({ id }) => id);
}

function runJob(job: Job): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const found: Row[] = [];
    const worker = new Worker(new URL("fidelity/worker.ts", import.meta.url), { workerData: job });
    worker.on("message", (row: Row) => found.push(row));
    worker.once("error", reject);
    worker.once("exit", () => resolve(found));
  });
}

function byId(left: Row, right: Row): number {
  const key = (row: Row) => `${row.id} ${row.from} ${row.to}`;
  return key(left) < key(right) ? -1 : 1;
}
