import type { ChatRequest } from "./bodies.ts";
import { processTree } from "./meter.ts";
import {
  difference,
  interleave,
  interleavePair,
  ratio,
  sample,
  sampleBeside,
  typical,
  Unavailable,
  type Bench,
  type LoadPlan,
  type Sample,
} from "./measure.ts";
import { median, round, type Row } from "./report.ts";
import { startSubject, type Subject, type SubjectOptions } from "./subjects.ts";

/* Rows about CPU time and latency. Each function measures once and gives the rows that follow from it. */

const CONCURRENCY = 32;
const STREAMS = 50;
/** Low enough that no stream waits for another, high enough that the slowest hundredth of a round is more than one stream. */
const FIRST_TOKEN_RATE = 200;

const plainRequest: ChatRequest = { format: "openai-chat", model: "plain", stream: false, bytes: 1000 };
const plainPlan = { kind: "closed", request: plainRequest, concurrency: CONCURRENCY } as const;

const cpuUs = (each: Sample): number => each.cpuUs;
const perSecond = ({ observation }: Sample): number => (observation.requests / observation.elapsedMs) * 1000;

export async function plainRows(bench: Bench): Promise<Row[]> {
  const subjects = [bench.measured, bench.bare, ...(bench.nginx === undefined ? [] : [bench.nginx])];
  const [measured, bare, nginx] = await interleave(
    bench,
    subjects.map((subject) => ({ subject, plan: plainPlan })),
  );
  return [
    {
      name: "plain: CPU per request ÷ bare relay",
      measured: ratio(measured, bare, cpuUs),
      unit: "×",
      budget: { most: 1.6 },
      absolutes: `${versus(measured, bare, cpuUs, "µs")}; ${round(typical(measured, perSecond))} requests/s`,
    },
    {
      name: "plain: CPU per request ÷ nginx",
      measured: nginx === undefined ? undefined : ratio(measured, nginx, cpuUs),
      unit: "×",
      budget: { most: 3.3 },
      absolutes: nginx === undefined ? "nginx is not installed" : versus(measured, nginx, cpuUs, "µs"),
    },
  ];
}

/** One write of the upstream every 5 ms and stream: the relay finds one write in each read. */
const streams = [
  { frames: 1, chunks: 100, budget: { most: 1.3 } },
  { frames: 10, chunks: 1000, budget: undefined },
] as const;

export async function streamRows(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { frames, chunks, budget } of streams) {
    const request = { ...plainRequest, model: `stream-${chunks}-${frames}-5`, stream: true };
    const [measured, bare] = await interleavePair(bench, { kind: "closed", request, concurrency: STREAMS });
    const perChunk = (each: Sample): number => each.cpuUs / chunks;
    rows.push({
      name: `stream, ${frames} per read: CPU per chunk ÷ bare`,
      measured: ratio(measured, bare, perChunk),
      unit: "×",
      budget,
      absolutes: versus(measured, bare, perChunk, "µs"),
    });
  }
  return rows;
}

/** Anthropic Messages at the gateway, OpenAI Chat upstream; the yardstick passes the same chunks on as they are. */
export async function translatedRows(bench: Bench): Promise<Row[]> {
  if (bench.measuredName !== "gateway") throw new Unavailable("only a gateway translates");
  const chunks = 100;
  const request: ChatRequest = { ...plainRequest, model: `stream-${chunks}-1-5`, stream: true };
  const foreign: ChatRequest = { ...request, format: "anthropic-messages" };
  const [translated, bare] = await interleave(bench, [
    { subject: bench.measured, plan: { kind: "closed", request: foreign, concurrency: STREAMS } },
    { subject: bench.bare, plan: { kind: "closed", request, concurrency: STREAMS } },
  ]);
  const perChunk = (each: Sample): number => each.cpuUs / chunks;
  return [
    {
      name: "stream, translated: CPU per chunk ÷ bare",
      measured: ratio(translated, bare, perChunk),
      unit: "×",
      budget: { most: 1.8 },
      absolutes: versus(translated, bare, perChunk, "µs"),
    },
  ];
}

/** At concurrency 1, and at half of what the slower of the two can do, in arrivals that do not wait for answers. */
export async function latencyRows(bench: Bench): Promise<Row[]> {
  const single = await interleavePair(bench, { kind: "closed", request: plainRequest, concurrency: 1 });
  const { roundMs } = bench.effort;
  const capacities = [
    await sample(bench, bench.measured, plainPlan, roundMs),
    await sample(bench, bench.bare, plainPlan, roundMs),
  ];
  const rate = Math.floor(Math.min(...capacities.map(perSecond)) / 2);
  const half = await interleavePair(bench, { kind: "open", request: plainRequest, rate });
  return [
    ...latencyPair("latency at concurrency 1", single, ""),
    ...latencyPair("latency at half load", half, `; ${rate} requests/s`),
    halfLoadRow(half, rate),
  ];
}

/**
 * What a request costs where both get the same number of them. In the plain row each takes as many as it can, and the faster one
 * is then given more of them by the system at once, which makes each cheaper still.
 */
function halfLoadRow([measured, bare]: Sample[][], rate: number): Row {
  return {
    name: "plain at half load: CPU per request ÷ bare",
    measured: ratio(measured, bare, cpuUs),
    unit: "×",
    budget: { most: 1.6 },
    absolutes: `${versus(measured, bare, cpuUs, "µs")}; ${rate} requests/s`,
  };
}

function latencyPair(name: string, [measured, bare]: Sample[][], note: string): Row[] {
  return [["p50", 1.5] as const, ["p99", 3] as const].map(([quantile, most]) => {
    const latency = ({ observation }: Sample): number => observation.latency[quantile];
    const more = difference(measured, bare, latency);
    const absolutes = `${versus(measured, bare, latency, "ms")}; ${more >= 0 ? "+" : ""}${round(more)} ms${note}`;
    return {
      name: `${name}: ${quantile} ÷ bare`,
      measured: ratio(measured, bare, latency),
      unit: "×",
      budget: { most },
      absolutes,
    };
  });
}

export async function firstTokenRows(bench: Bench): Promise<Row[]> {
  const request = { ...plainRequest, model: "stream-5-1-0", stream: true };
  const [measured, bare] = await interleavePair(bench, { kind: "open", request, rate: FIRST_TOKEN_RATE });
  const p99 = ({ observation }: Sample): number => observation.firstByte.p99;
  const p50 = ({ observation }: Sample): number => observation.firstByte.p50;
  return [
    {
      name: "time to first token: p99 − bare relay's",
      measured: difference(measured, bare, p99),
      unit: "ms",
      budget: { most: 1 },
      absolutes: `${versus(measured, bare, p99, "ms")}; p50 ${versus(measured, bare, p50, "ms")}`,
    },
  ];
}

/**
 * Both workers run on the one core of the subjects, where two processes cost each other caches, which with a core of its own
 * each they do not; what that alone costs is told beside, by two gateways that have nothing to do with each other.
 */
export async function workerRows(bench: Bench): Promise<Row[]> {
  const pair = await startVariant(bench, { workers: 2 });
  const other = await startVariant(bench, {});
  try {
    // Primary and two workers. Fewer: the setting is accepted, but nothing is behind it yet.
    if (processTree(pair.pid).length < 3) throw new Unavailable("no worker processes");
    // Each of the two gets half of the requests that its code has to be warmed up with.
    await sample(bench, pair, plainPlan, bench.effort.warmUpMs * 2);
    const [two, one] = await interleave(bench, [
      { subject: pair, plan: plainPlan },
      { subject: bench.measured, plan: plainPlan },
    ]);
    const beside = await besideEachOther(bench, [bench.measured, other]);
    return [
      {
        name: "two workers: CPU per request ÷ one worker's",
        measured: ratio(two, one, cpuUs),
        unit: "×",
        budget: { most: 1.1 },
        absolutes: `${versus(two, one, cpuUs, "µs")}; two unrelated gateways on this core: ${round(beside / typical(one, cpuUs))} ×`,
      },
    ];
  } finally {
    await Promise.all([pair.stop(), other.stop()]);
  }
}

async function besideEachOther(bench: Bench, subjects: readonly [Subject, Subject]): Promise<number> {
  const { rounds, roundMs, warmUpMs } = bench.effort;
  await sampleBeside(bench, subjects, plainPlan, warmUpMs * 2);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    samples.push(await sampleBeside(bench, subjects, plainPlan, roundMs));
  }
  return median(samples);
}

/** 10,000 phrases and all kinds of personal data, on a prompt of 10 KB. */
export async function guardRows(bench: Bench): Promise<Row[]> {
  const guarded = await startVariant(bench, { guards: true });
  try {
    const plan: LoadPlan = { ...plainPlan, request: { ...plainRequest, bytes: 10_240 } };
    const [measured, unguarded] = await interleave(bench, [
      { subject: guarded, plan },
      { subject: bench.measured, plan },
    ]);
    const cpuMs = (each: Sample): number => each.cpuUs / 1000;
    return [
      {
        name: "guards on a 10 KB prompt: added CPU",
        measured: difference(measured, unguarded, cpuMs),
        unit: "ms",
        budget: { most: 0.5 },
        absolutes: versus(measured, unguarded, cpuMs, "ms"),
      },
    ];
  } finally {
    await guarded.stop();
  }
}

async function startVariant(bench: Bench, options: Pick<SubjectOptions, "workers" | "guards">): Promise<Subject> {
  if (bench.measuredName !== "gateway") throw new Unavailable("only a gateway has this");
  try {
    return await startSubject("gateway", { upstreamPort: bench.upstreamPort, folder: bench.folder, ...options });
  } catch {
    throw new Unavailable("the gateway does not start with it");
  }
}

/** `45.1 µs against 27.3 µs` */
function versus(
  measured: readonly Sample[] | undefined,
  other: readonly Sample[] | undefined,
  figure: (sample: Sample) => number,
  unit: string,
): string {
  return `${round(typical(measured, figure))} ${unit} against ${round(typical(other, figure))} ${unit}`;
}
