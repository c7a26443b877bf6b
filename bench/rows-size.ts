import { chatBody, type ChatRequest } from "./bodies.ts";
import { collectGarbage } from "./garbage.ts";
import type { Observation } from "./load.ts";
import { interleavePair, ratio, typical, Unavailable, type Bench, type Sample } from "./measure.ts";
import { residentKib } from "./meter.ts";
import { median, round, type Row } from "./report.ts";
import { startSubject, type Subject, type SubjectName } from "./subjects.ts";

/* Rows about memory and about large bodies. */

const IDLE_MS = 2000;
const SETTLE_MS = 1500;
const WARM_UP_REQUESTS = 500;
const HELD_STREAMS = { quick: 200, full: 1000 };
const GROWTH_STREAMS = 100_000;
const GROWTH_WARM_UP_STREAMS = 10_000;
const BODY_CONCURRENCY = 4;
const PARSE_REPEATS = 7;

const shortRequest: ChatRequest = { format: "openai-chat", model: "plain", stream: false, bytes: 1000 };

/** Resident memory of a gateway that has just started and has nothing to do. */
export async function idleRows(bench: Bench): Promise<Row[]> {
  const { measured, bare } = bench;
  const resident: number[] = [];
  for (const { name } of [measured, bare]) {
    resident.push(
      await withFresh(bench, name, false, async (subject) => {
        await pause(IDLE_MS);
        return residentKib(subject.pid) / 1024;
      }),
    );
  }
  const [own = Number.NaN, yardstick = Number.NaN] = resident;
  const budget = { most: 110 } as const;
  return [
    { name: "memory: idle", measured: own, unit: "MiB", budget, absolutes: `bare relay ${round(yardstick)} MiB` },
  ];
}

/** What an open stream keeps resident, after a garbage collection before and while they are open. */
export async function openStreamRows(bench: Bench): Promise<Row[]> {
  const count = bench.full ? HELD_STREAMS.full : HELD_STREAMS.quick;
  const rows: Row[] = [];
  for (const [label, bytes, most] of [["1 KB", 1000, 60] as const, ["48 KB", 49_152, 90] as const]) {
    const request: ChatRequest = { ...shortRequest, model: "hold", stream: true, bytes };
    const measured = await perStreamKb(bench, bench.measuredName, request, count);
    const bare = await perStreamKb(bench, "bare", request, count);
    const absolutes = `bare relay ${round(bare)} KB; ${count} streams`;
    rows.push({ name: `memory: per open stream, ${label} request`, measured, unit: "KB", budget: { most }, absolutes });
  }
  return rows;
}

function perStreamKb(bench: Bench, name: SubjectName, request: ChatRequest, count: number): Promise<number> {
  return withFresh(bench, name, true, async (subject) => {
    await runClosed(bench, subject, shortRequest, WARM_UP_REQUESTS);
    const before = await settledKib(subject);
    const { errors } = await bench.load.run({ kind: "hold", target: subject.target, request, count });
    const during = await settledKib(subject);
    await bench.load.run({ kind: "release", target: subject.target });
    if (errors > 0) throw new Unavailable(`${name}: ${errors} of ${count} open streams were refused`);
    return ((during - before) * 1.024) / count;
  });
}

/** Resident memory after many streams, less what it was after the first of them. */
export async function growthRows(bench: Bench): Promise<Row[]> {
  if (!bench.full) throw new Unavailable("only in full runs");
  const request: ChatRequest = { ...shortRequest, model: "stream-5-1-2", stream: true };
  return withFresh(bench, bench.measuredName, true, async (subject) => {
    await runClosed(bench, subject, request, GROWTH_WARM_UP_STREAMS);
    const before = (await settledKib(subject)) / 1024;
    await runClosed(bench, subject, request, GROWTH_STREAMS);
    const after = (await settledKib(subject)) / 1024;
    const absolutes = `from ${round(before)} MiB to ${round(after)} MiB`;
    const name = "memory: growth over 100,000 streams";
    return [{ name, measured: after - before, unit: "MiB", budget: { most: 15 }, absolutes }];
  });
}

async function runClosed(bench: Bench, subject: Subject, request: ChatRequest, count: number): Promise<void> {
  const { target } = subject;
  await bench.load.run({ kind: "closed", target, request, concurrency: 64, durationMs: 600_000, count });
}

async function settledKib(subject: Subject): Promise<number> {
  await pause(SETTLE_MS);
  if (subject.inspectorPort !== undefined) await collectGarbage(subject.inspectorPort);
  await pause(SETTLE_MS);
  return residentKib(subject.pid);
}

/** Memory is measured in a process of its own: what another row left behind would hide what this one adds. */
async function withFresh<T>(
  bench: Bench,
  name: SubjectName,
  inspector: boolean,
  work: (subject: Subject) => Promise<T>,
): Promise<T> {
  const subject = await startSubject(name, { upstreamPort: bench.upstreamPort, folder: bench.folder, inspector });
  try {
    return await work(subject);
  } finally {
    await subject.stop();
  }
}

export async function bodyRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [label, bytes, least] of [["1 MB", 1_000_000, 0.65] as const, ["10 MB", 10_000_000, 0.4] as const]) {
    const request: ChatRequest = { ...shortRequest, bytes };
    const megabytes = Buffer.byteLength(chatBody(request)) / 1e6;
    const [measured, bare] = await interleavePair(bench, { kind: "closed", request, concurrency: BODY_CONCURRENCY });
    const cpuMs = (each: Sample): number => each.cpuUs / 1000;
    const throughput = ({ observation }: Sample): number =>
      (observation.requests * megabytes * 1000) / observation.elapsedMs;
    rows.push({
      name: `${label} bodies: throughput ÷ bare relay`,
      measured: ratio(measured, bare, throughput),
      unit: "×",
      budget: { least },
      absolutes: `${round(typical(measured, throughput))} MB/s against ${round(typical(bare, throughput))} MB/s; ${round(typical(measured, cpuMs))} ms of CPU per body against ${round(typical(bare, cpuMs))} ms`,
    });
    rows.push(await stallRow(bench, label, request));
  }
  return rows;
}

/** How long a tiny request waits while large bodies pass one by one, against parsing and writing one such body once. */
async function stallRow(bench: Bench, label: string, request: ChatRequest): Promise<Row> {
  const unitMs = parseAndStringifyMs(chatBody(request));
  const own = await longestStalls(bench, bench.measured, request);
  const bare = await longestStalls(bench, bench.bare, request);
  const typicalMs = median(own);
  return {
    name: `${label} bodies: longest stall ÷ parse + stringify`,
    measured: typicalMs / unitMs,
    unit: "×",
    budget: { most: 2 },
    absolutes: `${round(typicalMs)} ms (worst ${round(Math.max(...own))}) against ${round(unitMs)} ms; bare relay ${round(median(bare))} ms`,
  };
}

/** For each body that a probe met on its way, the longest such probe in milliseconds. */
async function longestStalls(bench: Bench, subject: Subject, request: ChatRequest): Promise<number[]> {
  const { target } = subject;
  const durationMs = bench.effort.roundMs;
  const [bodies, probes] = await Promise.all([
    bench.load.run({ kind: "closed", target, request, concurrency: 1, durationMs }),
    bench.prober.run({ kind: "probe", target, path: subject.probePath, durationMs }),
  ]);
  return longestOverlaps(bodies, probes);
}

function longestOverlaps(bodies: Observation, probes: Observation): number[] {
  return bodies.spans.flatMap(([start, length]) => {
    const during = probes.spans.filter(([at, took]) => at < start + length && at + took > start);
    return during.length === 0 ? [] : [Math.max(...during.map(([, took]) => took))];
  });
}

function parseAndStringifyMs(text: string): number {
  const times = Array.from({ length: PARSE_REPEATS }, () => {
    const started = performance.now();
    JSON.stringify(JSON.parse(text));
    return performance.now() - started;
  });
  return median(times);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
