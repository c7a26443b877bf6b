import { seededRandom, type Random } from "../support/random.ts";
import { makeInput } from "./mutate.ts";
import { readSeeds } from "./seeds.ts";
import type { Target } from "./target.ts";
import { byteTargets } from "./targets-bytes.ts";
import { dialectTargets } from "./targets-dialects.ts";

/** An input under which a target does what it must not. */
export type Finding = {
  readonly seed: number;
  /** The number of the input; with the seed it makes the same input again. */
  readonly index: number;
  readonly target: string;
  readonly problem: string;
  /** As short as it could be made. */
  readonly input: Uint8Array;
};

/** An input may take this long, however loaded the machine is; the second time, that is: the first may meet a collection. */
export const INPUT_MS_MAX = 1_000;

export function readTargets(): readonly Target[] {
  const seeds = readSeeds();
  return [...byteTargets(seeds), ...dialectTargets(seeds)];
}

/** Input number `index` of a seed: which target, what it is given, and the choices beside it. */
export function inputOf(
  targets: readonly Target[],
  seed: number,
  index: number,
): { readonly target: Target; readonly input: Buffer; readonly choices: () => Random } {
  const target = targets[index % targets.length];
  if (target === undefined) throw new Error("no targets");
  const start = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
  return {
    target,
    input: makeInput(target.seeds, seededRandom(start)),
    choices: () => seededRandom(start ^ 0x5bd1e995),
  };
}

/** Gives a target one input. */
export function fuzzOne(targets: readonly Target[], seed: number, index: number): Finding | undefined {
  const { target, input, choices } = inputOf(targets, seed, index);
  const run = (bytes: Uint8Array): string | undefined => runTarget(target, bytes, choices());
  const problem = run(input);
  if (problem === undefined) return undefined;
  return { seed, index, target: target.name, problem, input: shorten(input, (bytes) => run(bytes) !== undefined) };
}

function runTarget(target: Target, input: Uint8Array, random: Random): string | undefined {
  const started = performance.now();
  const problem = sayProblem(target, input, random);
  if (problem !== undefined || performance.now() - started <= INPUT_MS_MAX) return problem;
  const again = performance.now();
  sayProblem(target, input, random);
  const took = performance.now() - again;
  return took > INPUT_MS_MAX ? `took ${Math.round(took)} ms` : undefined;
}

function sayProblem(target: Target, input: Uint8Array, random: Random): string | undefined {
  try {
    return target.run(input, random);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

const SHORTENINGS_MAX = 2_000;

/** Leaves out pieces, large ones first, for as long as the problem stays. */
function shorten(input: Uint8Array, isBad: (bytes: Uint8Array) => boolean): Uint8Array {
  let best = input;
  let left = SHORTENINGS_MAX;
  for (let length = best.length >> 1; length >= 1; length = length >> 1) {
    for (let at = 0; at < best.length && left > 0; left -= 1) {
      const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + length)]);
      if (isBad(shorter)) best = shorter;
      else at += length;
    }
  }
  return best;
}
