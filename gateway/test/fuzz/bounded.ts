import type { Random } from "../support/random.ts";

/*
 * The properties that every target is held to. A problem is told in words and returned; a throw is one as well, found by
 * whoever runs the target.
 */

/**
 * What may come of an input, at most. A reader gives each member of an array a block of its own and a writer an envelope for
 * each block, so that a few bytes may become some hundreds; nothing may grow with the square of the input.
 */
const FACTOR = 150;
const CONSTANT = 64 * 1024;

/** Says when something made of `inputBytes` is too large. */
export function checkSize(inputBytes: number, what: string, size: number): string | undefined {
  const most = inputBytes * FACTOR + CONSTANT;
  return size <= most ? undefined : `${what} is ${size} long, made of ${inputBytes} bytes`;
}

/** The same for a value, as JSON; what a target remembers in sets or maps is no part of it. */
export function checkValue(inputBytes: number, what: string, value: unknown): string | undefined {
  return checkSize(inputBytes, what, (JSON.stringify(value) ?? "").length);
}

/** Decisions that are read off an input's bytes, so that a shorter input is a shorter course of events. */
export function tape(input: Uint8Array): Random {
  let position = 0;
  const below = (limit: number): number => {
    const byte = input[position] ?? 0;
    position += 1;
    if (limit <= 256) return byte % limit;
    const next = input[position] ?? 0;
    position += 1;
    return (byte * 256 + next) % limit;
  };
  return {
    next: () => below(256) / 256,
    below,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
  };
}
