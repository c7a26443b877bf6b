import type { Loss } from "../canonical/loss.ts";

/*
 * Losses in one word each. A path is written in canonical names (`sampling.topK`, `turns[3].blocks[0]`); the detail says what
 * happened where the reason alone does not.
 */

/** The target has no place for it, so it is not sent. */
export function dropped(path: string, detail?: string): Loss {
  return loss(path, "unsupported", detail);
}

/** The target takes less of it: a lower number, fewer entries, the nearest of its values. */
export function clamped(path: string, detail?: string): Loss {
  return loss(path, "clamped", detail);
}

/** The target lacks it, and something else stands in for it. */
export function emulated(path: string, detail?: string): Loss {
  return loss(path, "emulated", detail);
}

/** The source's structure would have been refused and was put right. */
export function repaired(path: string, detail?: string): Loss {
  return loss(path, "repaired", detail);
}

/** Reasoning state of another issuer, which nobody else can read. */
export function notPortable(path: string, detail?: string): Loss {
  return loss(path, "opaque-not-portable", detail);
}

/** A number that the target takes; a loss where it is not the one that was asked for. */
export type ClampedNumber = { readonly value: number; readonly losses: readonly Loss[] };

/** `value` within the target's range; `path` is what a loss names. */
export function clampNumber(path: string, value: number, minimum: number, maximum: number): ClampedNumber {
  const inside = Math.min(Math.max(value, minimum), maximum);
  return { value: inside, losses: inside === value ? [] : [clamped(path, `${value} became ${inside}`)] };
}

function loss(path: string, reason: Loss["reason"], detail: string | undefined): Loss {
  return detail === undefined ? { path, reason } : { path, reason, detail };
}
