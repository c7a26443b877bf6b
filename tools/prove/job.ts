import type { Finding } from "../../gateway/test/fuzz/fuzz.ts";

/** One thread's share: the inputs `first`, `first + step`, … below `inputs`. */
export type Job = {
  readonly seed: number;
  readonly first: number;
  readonly step: number;
  readonly inputs: number;
  /** Two 32-bit cells: how many inputs the thread has begun, and 1 once it should stop. */
  readonly cells: SharedArrayBuffer;
};

export const BEGUN = 0;
export const STOP = 1;

export type Message =
  | { readonly kind: "finding"; readonly finding: Finding }
  /** Inputs done by name of the target. */
  | { readonly kind: "done"; readonly counts: ReadonlyMap<string, number> };
