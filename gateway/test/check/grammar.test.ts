import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { unfold } from "../../src/canonical/unfold.ts";
import type { Dialect } from "../../src/dialects/dialect.ts";
import { upstreamDialect } from "../../src/dialects/upstream.ts";
import type { Frame } from "../../src/framing/framer.ts";
import { parseJson } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { seededRandom } from "../support/random.ts";
import { frameAll } from "../support/slicing.ts";
import { decodeFrames, decoderOptions, streamFixtures, upstreamDialectIds } from "../support/streams.ts";

const SEED = 20_261_120;
const CUTS_PER_STREAM = 40;

for (const id of upstreamDialectIds) {
  const dialect = { upstream: upstreamDialect(id) };

  describe(`${id}: the events of a recorded stream obey the grammar, wherever the connection ends`, () => {
    for (const stream of streamFixtures(id)) {
      test(stream.name, () => {
        const { frames } = frameAll(stream.framing, [stream.response.body]);
        for (const count of [frames.length, ...cutPoints(frames.length)]) checkPrefix(dialect, frames.slice(0, count));
      });
    }
  });

  describe(`${id}: a recorded plain answer, unfolded, obeys the grammar`, () => {
    const plain = fixtures(id).filter(({ stream, response }) => !stream && response.extension === "json");
    for (const { name, response } of plain) {
      test(name, () => {
        const read = dialect.upstream.readResponse(parseJson(response.body.toString()) ?? null, decoderOptions);
        if (read.ok) assert.equal(checkEvents(unfold(read.value)), undefined);
      });
    }
  });
}

function checkPrefix(dialect: Pick<Dialect, "upstream">, frames: readonly Frame[]): void {
  const { events, outcome } = decodeFrames(dialect, frames);
  assert.equal(checkEvents(events), undefined, `after ${frames.length} frames`);
  const ending = events.at(-1)?.type;
  assert.equal(ending, outcome === "complete" ? "end" : "error", `the last event of a stream that is ${outcome}`);
}

/** Every frame boundary of a short stream, a seeded choice of a long one's. */
function cutPoints(count: number): number[] {
  if (count <= CUTS_PER_STREAM) return Array.from({ length: count }, (_, index) => index);
  const random = seededRandom(SEED);
  return Array.from({ length: CUTS_PER_STREAM }, () => random.below(count));
}
