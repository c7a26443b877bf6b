import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { upstreamDialect } from "../../src/dialects/upstream.ts";
import type { Frame } from "../../src/framing/framer.ts";
import { boundariesOf, bytesOf, frameAll, slicings, type Framed } from "../support/slicing.ts";
import { decodeFrames, streamFixtures, upstreamDialectIds, type StreamFixture } from "../support/streams.ts";

const SEED = 20_261_120;

for (const id of upstreamDialectIds) {
  describe(`${id}: a recorded stream says the same however the network cuts it`, () => {
    const dialect = { upstream: upstreamDialect(id) };
    const streams = streamFixtures(id);
    test("there are recorded streams", () => assert.notEqual(streams.length, 0));
    for (const stream of streams) {
      test(stream.name, () => {
        const whole = frameAll(stream.framing, [stream.response.body]);
        const events = decodeFrames(dialect, whole.frames);
        const last = checkSlicings(stream, whole);
        assert.deepEqual(decodeFrames(dialect, last.frames), events);
      });
    }
  });
}

/**
 * A decoder sees payloads and nothing else, so the same payloads are the same events; they are compared for every slicing,
 * and decoded for the last one, which is answered.
 */
function checkSlicings(stream: StreamFixture, whole: Framed): Framed {
  const { body } = stream.response;
  const expected = saidBy(whole.frames);
  let last = whole;
  for (const pieces of slicings(body, SEED, boundariesOf(whole))) {
    last = frameAll(stream.framing, pieces);
    // Compared as text first: a deep comparison for each of thousands of slicings would take minutes.
    const isSame = saidBy(last.frames) === expected && bytesOf(last).equals(body) && same(last.rest, whole.rest);
    if (!isSame) assert.fail(`differs when cut into ${pieces.map((piece) => piece.length).join("+")} bytes`);
  }
  return last;
}

function saidBy(frames: readonly Frame[]): string {
  return frames
    .map(({ payload }) => (payload === undefined ? "" : `${payload.event}\u0000${payload.data}\u0000`))
    .join("");
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
