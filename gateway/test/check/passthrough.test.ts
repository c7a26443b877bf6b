import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { FramingId } from "../../src/framing/framer.ts";
import { asArray, asObject, isObject } from "../../src/lib/json.ts";
import type { ExchangeRecord } from "../../src/record/record.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import type { MemoryReply } from "../support/memory-reply.ts";
import type { Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";
import { recordedProvider, requestOf, shapeOf, type Shape } from "../support/recordings.ts";
import { seededRandom } from "../support/random.ts";
import { boundariesOf, cut, frameAll } from "../support/slicing.ts";
import { clientDialectIds, decodeFrames, decoderOptions } from "../support/streams.ts";

/*
 * Every recorded success goes through the whole gateway, from a client of its format to a provider of it: what comes out is
 * what the provider sent, byte for byte, however the network cuts it, and what the provider gets is what the client sent.
 */

const SEED = 20_261_120;
const SLICINGS = 40;
const CUTS_MAX = 40;
const BYTE_BY_BYTE_MAX = 4_096;

for (const dialect of clientDialectIds) {
  const successes = fixtures(dialect).filter(({ response }) => response.status < 300);
  describe(`${dialect}: a recorded plain answer passes byte for byte`, () => {
    for (const fixture of successes.filter((each) => !each.stream))
      test(fixture.name, () => checkPlain(fixture, dialect));
  });
  describe(`${dialect}: a recorded stream passes byte for byte`, () => {
    for (const fixture of successes.filter((each) => each.stream))
      test(fixture.name, () => checkStream(fixture, dialect));
  });
}

describe("openai-chat: a client that did not ask for usage gets every frame but the one that brings nothing else", () => {
  const streams = fixtures("openai-chat").filter(
    ({ stream, response }) => stream && response.extension === "sse" && response.status < 300,
  );
  for (const fixture of streams) {
    if (shapeOf(fixture, "openai-chat", "sse").outcome !== "complete") continue;
    test(fixture.name, async () => {
      const { body } = fixture.response;
      const frames = body.toString().split(/(?<=\n\r?\n)/);
      const asked = requestOf(fixture, "openai-chat", "sse");
      const silent = asked.body.replace(/"include_usage": true/, '"include_usage": false');
      const headers = { "content-type": "text/event-stream" };
      const { ask, records } = stage({
        yaml: recordedProvider("openai-chat"),
        script: () => [{ headers }, { data: body }, { end: true }],
      });
      const { reply } = await ask({ ...asked, body: silent });
      assert.equal(reply.text, frames.filter((frame) => !bringsOnlyUsage(frame)).join(""));
      assert.deepEqual(records[0]?.attempts[0]?.edits, ["stream_options.include_usage: true"]);
    });
  }
});

function bringsOnlyUsage(frame: string): boolean {
  const data = /^data: (\{.*\})\s*$/s.exec(frame)?.[1];
  const chunk = asObject(data === undefined ? undefined : JSON.parse(data));
  return asArray(chunk?.["choices"])?.length === 0 && isObject(chunk?.["usage"]);
}

const seen = { plain: 0, failed: 0, complete: 0, truncated: 0, "upstream-failed": 0 };
after(() => {
  // The recordings hold every kind of ending; a check that sees none of one kind has lost its way.
  for (const [kind, count] of Object.entries(seen)) assert.ok(count > 0, `no recording that is ${kind}`);
});

async function checkPlain(fixture: Fixture, dialect: ClientDialectId): Promise<void> {
  const { body, extension } = fixture.response;
  const asked = requestOf(fixture, dialect, "sse");
  const script = (): Step[] => [
    { headers: { "content-type": "application/json" } },
    ...cut(body, [1, Math.floor(body.length / 2)]).map((data) => ({ data })),
    { end: true },
  ];
  const { ask, upstream, records } = stage({ yaml: recordedProvider(dialect), script });
  const { reply } = await ask(asked);
  assert.equal(upstream.calls[0]?.text, asked.body, "the provider gets what the client sent");
  const read = dialects[dialect].upstream.readResponse(JSON.parse(body.toString()), decoderOptions);
  assert.equal(extension, "json");
  if (!read.ok) {
    seen.failed += 1;
    assert.ok(reply.status >= 400, "an error in disguise is an error");
    return;
  }
  seen.plain += 1;
  assert.equal(reply.status, 200);
  assert.ok(reply.body.equals(body));
  checkRecord(records, "complete");
  assert.equal(records[0]?.responseBytes, body.length);
}

async function checkStream(fixture: Fixture, dialect: ClientDialectId): Promise<void> {
  const framing: FramingId = fixture.response.extension === "json" ? "json-array" : "sse";
  const asked = requestOf(fixture, dialect, framing);
  const shape = shapeOf(fixture, dialect, framing);
  const ways = shape.outcome === "complete" ? slicingsOf(fixture, framing) : [[]];
  const script = (_call: unknown, index: number): Step[] => [
    { headers: { "content-type": framing === "sse" ? "text/event-stream; charset=utf-8" : "application/json" } },
    ...(shape.outcome === "complete"
      ? delivered(fixture.response.body, ways[index] ?? [])
      : committedBefore(fixture, shape.brokenAt)),
    { end: true },
  ];
  const { ask, upstream, records } = stage({ yaml: recordedProvider(dialect), script });
  for (const [index, way] of ways.entries()) {
    const { reply } = await ask(asked);
    assert.equal(upstream.calls[index]?.text, asked.body, "the provider gets what the client sent");
    const record = records.pop();
    checkAnswer(fixture, shape, reply, record, `cut at ${way.join(", ")}`);
  }
  seen[shape.outcome] += 1;
}

/** What comes before the failure is sent, and then what the recording has left. */
function committedBefore({ response }: Fixture, offset: number): Step[] {
  const [first = response.body, ...rest] = cut(response.body, [offset]);
  return [{ data: first }, { waitMs: 10 }, ...rest.map((data) => ({ data }))];
}

/** Some reads come at once, others after the gateway has done something else. */
function delivered(body: Buffer, offsets: readonly number[]): Step[] {
  const random = seededRandom(body.length + offsets.length);
  return cut(body, offsets).flatMap((data): Step[] =>
    random.below(4) === 0 ? [{ until: Promise.resolve() }, { data }] : [{ data }],
  );
}

/** Whole, at one offset, at several, around the boundaries of frames, and byte by byte where that is short. */
function slicingsOf({ response }: Fixture, framing: FramingId): number[][] {
  const { body } = response;
  const random = seededRandom(SEED + body.length);
  const boundaries = boundariesOf(frameAll(framing, [body]));
  const some = (count: number) => Array.from({ length: count }, () => random.below(body.length));
  const ways = [[], boundaries, boundaries.map((offset) => offset - 1), boundaries.map((offset) => offset + 1)];
  for (let round = 0; round < SLICINGS; round += 1)
    ways.push(some(round < SLICINGS / 2 ? 1 : random.below(CUTS_MAX) + 2));
  if (body.length <= BYTE_BY_BYTE_MAX) ways.push(Array.from(body, (_byte, offset) => offset));
  return ways;
}

function checkAnswer(
  fixture: Fixture,
  shape: Shape,
  reply: MemoryReply,
  record: ExchangeRecord | undefined,
  how: string,
): void {
  const { body } = fixture.response;
  assert.ok(record !== undefined);
  if (!shape.hasContent && shape.outcome !== "complete") {
    assert.ok(reply.status >= 400, "nothing was sent yet, so the error has a status of its own");
    assert.equal(record.end, "upstream-failed");
    return;
  }
  assert.equal(reply.status, 200, how);
  assert.ok(reply.ended);
  checkRecord([record], shape.outcome);
  assert.equal(record.responseBytes, reply.body.length);
  if (shape.outcome !== "truncated") {
    assert.ok(reply.body.equals(body), how);
    return;
  }
  const framed = frameAll(shape.framing, [body]);
  const whole = body.length - framed.rest.length;
  assert.ok(reply.body.subarray(0, whole).equals(body.subarray(0, whole)), how);
  checkToldOnce(fixture, shape.framing, reply, framed.frames.length);
}

/** What follows the provider's frames is one error in the client's format, and no sign of success. */
function checkToldOnce(fixture: Fixture, framing: FramingId, reply: MemoryReply, count: number): void {
  const { frames, rest } = frameAll(framing, [reply.body]);
  const own = frames.slice(count).filter(({ payload }) => payload !== undefined);
  assert.equal(own.length, 1);
  assert.equal(rest.length, 0);
  assert.ok(!own[0]?.payload?.data.includes("[DONE]"));
  const dialect = dialects[fixture.dialect as ClientDialectId];
  const { events } = decodeFrames(dialect, frames);
  assert.equal(events.at(-1)?.type, "error");
}

function checkRecord(records: readonly ExchangeRecord[], end: ExchangeRecord["end"]): void {
  const [record] = records;
  assert.equal(record?.end, end);
  assert.equal(record?.attempts.length, 1);
  assert.deepEqual(record?.attempts[0]?.edits, []);
  assert.deepEqual(record?.attempts[0]?.carry, { request: "verbatim", response: "verbatim" });
  assert.equal(record?.unreadableFrames, 0);
}
