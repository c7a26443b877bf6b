import type { Helper } from "./child.ts";
import type { ChatRequest } from "./bodies.ts";
import type { Job, Observation } from "./load.ts";
import { cpuMs } from "./meter.ts";
import { median } from "./report.ts";
import type { Subject, SubjectName } from "./subjects.ts";

export type LoadHelper = Helper<Job, Observation>;

/** How long and how often: a quick run shows the direction, a full one decides. */
export type Effort = { readonly rounds: number; readonly roundMs: number; readonly warmUpMs: number };

export type Bench = {
  readonly load: LoadHelper;
  readonly prober: LoadHelper;
  readonly upstreamPort: number;
  readonly folder: string;
  readonly effort: Effort;
  readonly full: boolean;
  /** What is measured: the gateway, or the yardstick again, which should come out at 1. */
  readonly measuredName: SubjectName;
  readonly measured: Subject;
  readonly bare: Subject;
  readonly nginx: Subject | undefined;
};

/** What one round of load cost a subject and what the client saw. */
export type Sample = { readonly cpuUs: number; readonly observation: Observation };

export type LoadPlan =
  | { readonly kind: "closed"; readonly request: ChatRequest; readonly concurrency: number }
  | { readonly kind: "open"; readonly request: ChatRequest; readonly rate: number };

/** A subject that cannot do what a row asks for: the row says so instead of a figure. */
export class Unavailable extends Error {}

/** More failures than this share and the figures would describe error answers. */
const ERROR_SHARE_MAX = 0.001;

export async function sample(bench: Bench, subject: Subject, plan: LoadPlan, durationMs: number): Promise<Sample> {
  const before = cpuMs(subject.pid);
  const observation = await bench.load.run({ ...plan, target: subject.target, durationMs });
  const used = cpuMs(subject.pid) - before;
  const { requests, errors } = observation;
  if (requests === 0 || errors / (requests + errors) > ERROR_SHARE_MAX) {
    throw new Unavailable(`${subject.name}: ${errors} of ${requests + errors} requests failed`);
  }
  return { cpuUs: (used * 1000) / requests, observation };
}

/** CPU per request of two subjects that share the core, each under half of the load at the same time: µs. */
export async function sampleBeside(
  bench: Bench,
  subjects: readonly [Subject, Subject],
  plan: Extract<LoadPlan, { readonly kind: "closed" }>,
  durationMs: number,
): Promise<number> {
  const half = { ...plan, concurrency: plan.concurrency / 2, durationMs };
  const cpu = (): number => cpuMs(subjects[0].pid) + cpuMs(subjects[1].pid);
  const before = cpu();
  const observations = await Promise.all([
    bench.load.run({ ...half, target: subjects[0].target }),
    bench.prober.run({ ...half, target: subjects[1].target }),
  ]);
  return ((cpu() - before) * 1000) / observations.reduce((sum, { requests }) => sum + requests, 0);
}

/** One of the things that are compared: a subject under a load. */
export type Contender = { readonly subject: Subject; readonly plan: LoadPlan };

/**
 * Samples of all contenders in turns (A B, B A, A B …), after a warm-up of each, so that what the machine does meanwhile
 * happens to all of them. Many short rounds: a disturbance then spoils few of them, and the median none.
 */
export async function interleave(bench: Bench, contenders: readonly Contender[]): Promise<Sample[][]> {
  const { rounds, roundMs, warmUpMs } = bench.effort;
  for (const { subject, plan } of contenders) await sample(bench, subject, plan, warmUpMs);
  const samples: Sample[][] = contenders.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = [...contenders.entries()];
    for (const [index, { subject, plan }] of round % 2 === 0 ? order : order.reverse()) {
      samples[index]?.push(await sample(bench, subject, plan, roundMs));
    }
  }
  return samples;
}

/** The measured subject and the yardstick under the same load. */
export function interleavePair(bench: Bench, plan: LoadPlan): Promise<Sample[][]> {
  return interleave(bench, [
    { subject: bench.measured, plan },
    { subject: bench.bare, plan },
  ]);
}

/** The median over the rounds of one subject's figure divided by another's of the same round. */
export function ratio(
  measured: readonly Sample[] = [],
  yardstick: readonly Sample[] = [],
  figure: (sample: Sample) => number,
): number {
  return median(measured.map((each, round) => figure(each) / valueAt(yardstick, round, figure)));
}

/** As `ratio`, for what is compared by its difference. */
export function difference(
  measured: readonly Sample[] = [],
  yardstick: readonly Sample[] = [],
  figure: (sample: Sample) => number,
): number {
  return median(measured.map((each, round) => figure(each) - valueAt(yardstick, round, figure)));
}

export function typical(samples: readonly Sample[] = [], figure: (sample: Sample) => number): number {
  return median(samples.map(figure));
}

function valueAt(samples: readonly Sample[], round: number, figure: (sample: Sample) => number): number {
  const found = samples[round];
  return found === undefined ? Number.NaN : figure(found);
}
