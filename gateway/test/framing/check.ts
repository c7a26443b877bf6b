import assert from "node:assert/strict";
import type { FramePayload, FramingId } from "../../src/framing/framer.ts";
import { boundariesOf, bytesOf, cut, frameAll, slicings } from "../support/slicing.ts";

export type FramingCase = {
  readonly name: string;
  readonly input: string | Uint8Array;
  /** What the frames say, in order; `null` for a frame without payload. A string is data without an event name. */
  readonly payloads: readonly (string | FramePayload | null)[];
  /** What belongs to no frame at the end; "" unless told. */
  readonly rest?: string;
};

/** Whole and under every slicing: the same payloads, the same rest, and every byte that went in. */
export function checkFraming(framing: FramingId, row: FramingCase): void {
  const input = typeof row.input === "string" ? Buffer.from(row.input) : row.input;
  const whole = frameAll(framing, [input]);
  const payloads = whole.frames.map(({ payload }) => payload ?? null);
  const expected = row.payloads.map((each) => (typeof each === "string" ? { event: "", data: each } : each));
  assert.deepEqual(payloads, expected);
  assert.equal(Buffer.from(whole.rest).toString(), row.rest ?? "");
  for (const pieces of slicings(input, 1, boundariesOf(whole))) {
    const sliced = frameAll(framing, pieces);
    const cuts = pieces.map((piece) => piece.length).join("+");
    assert.deepEqual(said(sliced.frames), said(whole.frames), `sliced ${cuts}`);
    assert.equal(Buffer.compare(sliced.rest, whole.rest), 0, `rest when sliced ${cuts}`);
    assert.equal(Buffer.compare(bytesOf(sliced), input), 0, `bytes when sliced ${cuts}`);
  }
}

/** Any bytes, cut anywhere: nothing thrown, nothing lost, the same said as in one piece. */
export function checkConservation(framing: FramingId, input: Uint8Array, cuts: readonly number[]): void {
  const whole = frameAll(framing, [input]);
  const sliced = frameAll(framing, cut(input, cuts));
  assert.equal(Buffer.compare(bytesOf(whole), input), 0);
  assert.equal(Buffer.compare(bytesOf(sliced), input), 0);
  assert.deepEqual(said(sliced.frames), said(whole.frames));
  assert.equal(Buffer.compare(sliced.rest, whole.rest), 0);
}

/** White space after a closed array goes on as it comes, so frames that say nothing may be cut differently. */
function said(frames: readonly { readonly payload: FramePayload | undefined }[]): FramePayload[] {
  return frames.flatMap(({ payload }) => (payload === undefined ? [] : [payload]));
}
