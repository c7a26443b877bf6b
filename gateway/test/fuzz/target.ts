import type { Random } from "../support/random.ts";
import type { Seeds } from "./seeds.ts";

/** A piece of code that is given foreign data. */
export type Target = {
  readonly name: string;
  readonly seeds: Seeds;
  /** Says what is wrong, or throws it; `random` makes the choices that are no part of the input. */
  run(input: Uint8Array, random: Random): string | undefined;
};
