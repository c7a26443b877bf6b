import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fidelityExceptions } from "../../../tools/fidelity-exceptions.ts";
import { openComparer } from "../../../tools/fidelity/answers.ts";
import type { Recording } from "../../../tools/fidelity/recording.ts";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { FramingId } from "../../src/framing/framer.ts";
import { parseJson } from "../../src/lib/json.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { shapeOf } from "../support/recordings.ts";
import { clientDialectIds, decoderOptions } from "../support/streams.ts";

/*
 * What `npm run fidelity` measures on thousands of recordings, on every whole answer of the corpus: the client's SDK gets from
 * the gateway what the provider's SDK gets from the recording, or an exception says why not.
 */

const SEED = 20_261_120;
const compare = openComparer(SEED);

/** The APIs of the recordings, by format. */
const apis = {
  "openai-chat": "chat",
  "openai-responses": "responses",
  "anthropic-messages": "messages",
  gemini: "generateContent",
} as const satisfies Record<ClientDialectId, string>;

for (const upstream of clientDialectIds) {
  describe(`${upstream}: every client gets what the provider's own client gets`, () => {
    for (const fixture of fixtures(upstream).filter((each) => isWhole(each, upstream))) {
      test(fixture.name, async () => {
        for (const comparison of await compare(recordingOf(fixture, upstream), clientDialectIds)) {
          const unexcused = comparison.differences.filter(
            (difference) => !fidelityExceptions.some((exception) => exception.excuses(difference, comparison)),
          );
          assert.deepEqual(unexcused, [], comparison.client);
        }
      });
    }
  });
}

function isWhole(fixture: Fixture, upstream: ClientDialectId): boolean {
  const { status, extension, body } = fixture.response;
  if (status !== 200) return false;
  if (fixture.stream) return shapeOf(fixture, upstream, framingOf(extension)).outcome === "complete";
  return dialects[upstream].upstream.readResponse(parseJson(body.toString()) ?? null, decoderOptions).ok;
}

function framingOf(extension: string): FramingId {
  return extension === "json" ? "json-array" : "sse";
}

function recordingOf(fixture: Fixture, upstream: ClientDialectId): Recording {
  const { name, provider, stream, request, response } = fixture;
  return {
    id: name,
    provider,
    api: apis[upstream],
    stream,
    model: null,
    tags: [],
    request: request === null ? null : { ...request, body_encoding: "json" },
    response: {
      status: response.status,
      body: response.body.toString(),
      body_encoding: "text",
      body_kind: response.extension,
      fidelity: "verbatim",
    },
  };
}
