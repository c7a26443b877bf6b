import type { Frame, FramingId } from "../../src/framing/framer.ts";
import { framers } from "../../src/framing/framers.ts";
import { seededRandom } from "./random.ts";

/** Streams up to this size are cut at every byte; larger ones around their frame boundaries and at random. */
export const CUT_EVERYWHERE_BYTES_MAX = 4096;
const BOUNDARY_REACH = 4;
const RANDOM_CUTS = 200;
const RANDOM_SLICINGS = 4;

/**
 * Ways in which a network may cut `bytes`. Small streams: one cut at every offset, and every byte alone. Larger ones: every
 * one of `boundaries` (offsets between frames) moved by -4 to +4, all bytes around the boundaries alone, 200 random cuts at
 * once, and the same number spread over several slicings.
 */
export function* slicings(bytes: Uint8Array, seed: number, boundaries: readonly number[] = []): Iterable<Uint8Array[]> {
  if (bytes.length <= CUT_EVERYWHERE_BYTES_MAX) {
    for (let offset = 1; offset < bytes.length; offset += 1) yield cut(bytes, [offset]);
    yield cut(
      bytes,
      Array.from(bytes, (_, offset) => offset),
    );
    return;
  }
  const shifts = Array.from({ length: 2 * BOUNDARY_REACH + 1 }, (_, index) => index - BOUNDARY_REACH);
  for (const shift of shifts)
    yield cut(
      bytes,
      boundaries.map((boundary) => boundary + shift),
    );
  yield cut(
    bytes,
    boundaries.flatMap((boundary) => shifts.map((shift) => boundary + shift)),
  );
  const random = seededRandom(seed);
  const randomCuts = (count: number) => Array.from({ length: count }, () => random.below(bytes.length));
  yield cut(bytes, randomCuts(RANDOM_CUTS));
  for (let round = 0; round < RANDOM_SLICINGS; round += 1) {
    yield cut(bytes, randomCuts(RANDOM_CUTS / RANDOM_SLICINGS));
  }
}

/** Cuts at the given offsets, in any order, repeated or out of range; each piece has memory of its own, as network reads do. */
export function cut(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const inside = offsets.filter((offset) => offset > 0 && offset < bytes.length);
  const sorted = [...new Set(inside)].toSorted((left, right) => left - right);
  return [0, ...sorted].map((start, index) => new Uint8Array(bytes.subarray(start, sorted[index])));
}

export type Framed = { readonly frames: readonly Frame[]; readonly rest: Uint8Array };

/** Pushes the pieces through a new framer, to the end. */
export function frameAll(framing: FramingId, pieces: Iterable<Uint8Array>, frameBytesMax?: number): Framed {
  const framer = framers[framing](frameBytesMax === undefined ? {} : { frameBytesMax });
  const frames: Frame[] = [];
  for (const piece of pieces) frames.push(...framer.push(piece));
  const end = framer.end();
  return { frames: [...frames, ...end.frames], rest: end.rest };
}

/** Offsets at which one frame ends and the next begins. */
export function boundariesOf(framed: Framed): number[] {
  let offset = 0;
  return framed.frames.map((frame) => (offset += frame.bytes.length));
}

/** All bytes that came out, in order: equal to what went in, or the framer lost or invented some. */
export function bytesOf(framed: Framed): Buffer {
  return Buffer.concat([...framed.frames.map((frame) => frame.bytes), framed.rest]);
}
