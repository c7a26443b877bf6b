import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { wireRequest } from "../../src/dialects/wire-request.ts";
import type { FramingId } from "../../src/framing/framer.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { asObject, parseJson, type Json } from "../../src/lib/json.ts";
import type { Observation } from "../../src/record/observe.ts";
import type { StreamResult } from "../../src/relay/answer-stream.ts";
import { plainCarry, plainFailure, type CarryKind } from "../../src/relay/carry.ts";
import { driveStream } from "../support/answer-stream.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { MemoryReply } from "../support/memory-reply.ts";
import { requestOf, shapeOf } from "../support/recordings.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { clientDialectIds, decodeFrames, decoderOptions } from "../support/streams.ts";

/*
 * Every recording goes to a client of its own format both ways: untouched, and translated to the same format. Both must say
 * the same, in the record and to the client; what a rewriting may change is listed here and nowhere else.
 */

for (const dialect of clientDialectIds) {
  const successes = fixtures(dialect).filter(({ response }) => response.status < 300);
  describe(`${dialect}: a recorded stream says the same untouched and rewritten`, () => {
    for (const fixture of successes.filter(({ stream }) => stream))
      test(fixture.name, () => checkStream(fixture, dialect));
  });
  describe(`${dialect}: a recorded plain answer says the same untouched and rewritten`, () => {
    for (const fixture of successes.filter(({ stream }) => !stream))
      test(fixture.name, () => checkPlain(fixture, dialect));
  });
}

/** Answers that failed by their finish: their own format has a word for it, a translation makes it a failure. */
const failedByFinish: ReadonlySet<string> = new Set([
  "gemini/stream-unexpected-tool-call",
  "gemini/vertex-plain-unexpected-tool-call",
]);

async function checkStream(fixture: Fixture, dialect: ClientDialectId): Promise<void> {
  const framing: FramingId = fixture.response.extension === "json" ? "json-array" : "sse";
  const verbatim = await carried("verbatim", fixture, dialect, framing);
  const translated = await carried("translate", fixture, dialect, framing);
  if (failedByFinish.has(`${dialect}/${fixture.name}`)) {
    assert.equal(verbatim.result?.end, "complete");
    assert.equal(translated.result, undefined, "a failure of the attempt");
    return;
  }
  assert.deepEqual(recorded(translated), recorded(verbatim));
  if (verbatim.result === undefined) return;
  const [ours, theirs] = [translated, verbatim].map(({ reply }) => frameAll(framing, [reply.body]).frames);
  const written = decodeFrames(dialects[dialect], ours ?? []);
  const source = decodeFrames(dialects[dialect], theirs ?? []);
  assert.equal(written.events.at(-1)?.type, source.events.at(-1)?.type);
  const name = `${dialect}/${fixture.name}`;
  // Finishes, usage and calls that are not whole are held back by a writer until they are; what could be seen must be there.
  const look = verbatim.result.end === "complete" ? said : visible;
  assert.deepEqual(look(name, fold(written.events)), look(name, fold(source.events)));
}

function checkPlain(fixture: Fixture, dialect: ClientDialectId): void {
  const { client, upstream } = dialects[dialect];
  const context = contextOf(fixture, dialect, "sse");
  const options = { ...decoderOptions, candidates: context.head.candidates };
  const read = upstream.readResponse(parseJson(fixture.response.body.toString()) ?? null, options);
  if (!read.ok) return;
  const name = `${dialect}/${fixture.name}`;
  assert.equal(plainFailure("translate", read.value) !== undefined, failedByFinish.has(name));
  assert.equal(plainFailure("verbatim", read.value), undefined);
  const answer = { bytes: fixture.response.body, contentType: "application/json", response: read.value };
  assert.equal(plainCarry("verbatim", client, context, answer).body, fixture.response.body);
  const { body } = plainCarry("translate", client, context, answer);
  const again = upstream.readResponse(parseJson(body.toString()) ?? null, options);
  assert.ok(again.ok, "what we write is an answer");
  assert.deepEqual(said(name, again.value), said(name, read.value));
}

type Carried = {
  readonly observation: Observation;
  /** Undefined where the stream failed before anything of it was sent. */
  readonly result: StreamResult | undefined;
  readonly failure: string | undefined;
  readonly reply: MemoryReply;
};

/** Relays a recording one way. What stands before a failure is committed before the failure comes. */
async function carried(
  kind: CarryKind,
  fixture: Fixture,
  dialect: ClientDialectId,
  framing: FramingId,
): Promise<Carried> {
  const { brokenAt, outcome } = shapeOf(fixture, dialect, framing);
  const reply = new MemoryReply(Infinity);
  const driven = driveStream({ kind, client: contextOf(fixture, dialect, framing) });
  const { clock, observation, peeked, source } = driven;
  const [first, ...rest] = cut(fixture.response.body, outcome === "complete" ? [] : [brokenAt]);
  if (first !== undefined) source.data(first);
  const finish = () => {
    for (const piece of rest) source.data(piece);
    source.end();
  };
  const isCommitted = await Promise.race([peeked.then(() => true), clock.advance(0).then(() => false)]);
  if (!isCommitted) finish();
  const stream = await peeked;
  if (!stream.ok) return { observation, result: undefined, failure: stream.error.code, reply };
  const over = stream.value.relay(reply, 200, {});
  if (isCommitted) finish();
  const result = await over;
  return { observation, result, failure: result.failure?.code, reply };
}

/** The client that made the recorded request. */
function contextOf(fixture: Fixture, dialect: ClientDialectId, framing: FramingId): ClientContext {
  const { target, body } = requestOf(fixture, dialect, framing);
  const raw = Buffer.from(body);
  const scan = scanObject(raw);
  assert.ok(scan.ok);
  const path = (target ?? "").split("?")[0] ?? "";
  const wire = wireRequest({ path, pathModel: "m", query: new URLSearchParams(), headers: {}, raw, scan: scan.value });
  const { client } = dialects[dialect];
  const head = client.readHead(wire);
  assert.ok(head.ok);
  return {
    dialect,
    head: head.value,
    framing,
    // Recordings without a request have thoughts in their answers all the same.
    echo: dialect === "gemini" ? { includeThoughts: true } : client.readEcho(wire),
    agent: "other",
    requestId: decoderOptions.requestId,
    createdAt: decoderOptions.createdAt,
  };
}

/** Everything that the record says. */
function recorded({ observation, result, failure }: Carried): unknown {
  return { ...observation, end: result?.end, unreadable: result?.unreadableFrames, failure };
}

/** What a rewriting need not repeat, by member and format. */
const forgotten: Readonly<Record<string, readonly ClientDialectId[]>> = {
  // The provider's own spelling of what the counters say, and what the canonical form has no name for.
  raw: clientDialectIds,
  extras: clientDialectIds,
  // The provider's word for a finish, and that it gave none: the format's own word is written instead.
  native: ["openai-chat"],
  losses: ["openai-chat"],
  // How the answer was served and when, which no chunk of ours says.
  tier: ["gemini"],
  createdAt: ["gemini"],
  // A write to the cache without its lifetime is one of five minutes.
  cacheWriteByTtl: ["anthropic-messages"],
  // Searches are counted beside the usage, under a name that is not the API's own.
  serverTools: ["openai-responses"],
};

/** Members of an opaque reasoning item that say nothing (`content: []`), repeat its end (`completed`) or are a reseller's. */
const forgottenOfReasoning: ReadonlySet<string> = new Set(["content", "status", "format"]);

/** The answer's own id has a prefix in these; a provider's other id gets it. */
const prefixed: ReadonlySet<string> = new Set(["openai-chat", "openai-responses"]);

/** Two reasoning items of one answer have the same id in this recording; clients need ids that differ. */
const renamed: ReadonlySet<string> = new Set(["openai-responses/xai-plain-web-search"]);

/** The answer without what a rewriting may change: absent, null and zero say the same. */
function said(name: string, response: CanonicalResponse): Json {
  const dialect = clientDialectIds.find((each) => name.startsWith(`${each}/`)) ?? "gemini";
  const id = prefixed.has(dialect) ? "" : response.id;
  return plain({ ...response, id }, { dialect, isRenamed: renamed.has(name) }) ?? null;
}

/** What a reader of a broken answer has seen of it. */
function visible(_name: string, response: CanonicalResponse): Json {
  return response.candidates.map(({ blocks }) =>
    blocks.flatMap((block) => {
      if (block.type === "text" || block.type === "refusal") return [block.text];
      return block.type === "reasoning" ? [...block.summary, ...(block.raw ?? [])] : [];
    }),
  );
}

type Leave = { readonly dialect: ClientDialectId; readonly isRenamed: boolean };

function plain(value: unknown, leave: Leave): Json | undefined {
  if (value === null || value === undefined || value === 0) return undefined;
  if (Array.isArray(value)) return value.map((each) => plain(each, leave) ?? null);
  if (typeof value === "string") return reasoningItem(value, leave) ?? value;
  if (typeof value === "number" || typeof value === "boolean") return value;
  const members = Object.entries(value)
    .filter(([key]) => forgotten[key]?.includes(leave.dialect) !== true && !(leave.isRenamed && key === "itemId"))
    .map(([key, each]) => [key, plain(each, leave)] as const)
    .filter(([, each]) => each !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

/** Opaque reasoning items are JSON in a text, whose members may stand in another order. */
function reasoningItem(text: string, leave: Leave): Json | undefined {
  const item = text.startsWith("{") ? asObject(parseJson(text)) : undefined;
  if (item?.["type"] !== "reasoning") return undefined;
  const kept = Object.entries(item).filter(
    ([key]) => !forgottenOfReasoning.has(key) && !(leave.isRenamed && key === "id"),
  );
  return plain(Object.fromEntries(kept), leave);
}
