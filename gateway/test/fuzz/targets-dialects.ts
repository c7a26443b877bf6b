import assert from "node:assert/strict";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { AnswerSummary } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import type {
  ClientContext,
  Decoder,
  DecoderOptions,
  Dialect,
  UpstreamDialect,
  WriteOptions,
} from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { upstreamDialect } from "../../src/dialects/upstream.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { isObject, parseJson } from "../../src/lib/json.ts";
import { observe, observeSummary, openObservation } from "../../src/record/observe.ts";
import { adaptSchema, qualifiesForStrict } from "../../src/translation/json-schema.ts";
import type { Restore } from "../../src/translation/restore-plan.ts";
import { restoreResponse, restoring } from "../../src/translation/restore.ts";
import { checkEvents } from "../support/events.ts";
import type { Random } from "../support/random.ts";
import { frameAll } from "../support/slicing.ts";
import { clientDialectIds, decoderOptions } from "../support/streams.ts";
import { checkSize, checkValue, tape } from "./bounded.ts";
import { composeEvents } from "./events.ts";
import type { RecordedDialectId, SeedTable } from "./seeds.ts";
import { schemaTargets } from "../translation/json-schema-rows.ts";
import type { Target } from "./target.ts";

/** What reads and writes the formats. */
export function dialectTargets(seeds: SeedTable): Target[] {
  const noise = { form: "bytes", samples: seeds.framings.sse.samples } as const;
  return [
    ...clientDialectIds.flatMap((id): Target[] => {
      const dialect: Dialect = dialects[id];
      const { requests } = seeds.dialects[id];
      return [
        { name: `${id}/request`, seeds: requests, run: (input, random) => checkRequest(dialect, input, random) },
        { name: `${id}/write-request`, seeds: requests, run: (input, random) => checkWrite(dialect, input, random) },
        { name: `${id}/encoder`, seeds: noise, run: (input) => checkEncoder(dialect, input) },
      ];
    }),
    ...upstreamIds.flatMap((id): Target[] => {
      const upstream = upstreamDialect(id);
      const { answers, streams, errors } = seeds.dialects[id];
      return [
        { name: `${id}/response`, seeds: answers, run: (input, random) => checkResponse(upstream, input, random) },
        { name: `${id}/decoder`, seeds: streams, run: (input, random) => checkDecoder(upstream, input, random) },
        { name: `${id}/error`, seeds: errors, run: (input, random) => checkError(upstream, input, random) },
      ];
    }),
    ...clientDialectIds.map((id): Target => {
      const dialect: Dialect = dialects[id];
      const { streams } = seeds.dialects[id];
      return { name: `${id}/follower`, seeds: streams, run: (input, random) => checkFollower(dialect, input, random) };
    }),
    { name: "translation/restore", seeds: noise, run: checkRestore },
    { name: "translation/schema", seeds: seeds.schemas, run: checkSchema },
  ];
}

const upstreamIds: readonly [RecordedDialectId, ...RecordedDialectId[]] = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini",
  "bedrock-converse",
];

const paths: Readonly<Record<ClientDialectId, readonly [string, ...string[]]>> = {
  "openai-chat": ["/v1/chat/completions"],
  "openai-responses": ["/v1/responses", "/v1/responses/compact"],
  "anthropic-messages": ["/v1/messages", "/v1/messages/count_tokens"],
  gemini: ["/v1beta/models/gemini-2.5-flash:generateContent", "/v1beta/models/m:streamGenerateContent"],
};

function pickDialect(random: Random): ClientDialectId {
  return random.pick<ClientDialectId>(["openai-chat", "openai-responses", "anthropic-messages", "gemini"]);
}

/** A body that has passed the scan, as only those reach a reader. */
function wireOf(id: ClientDialectId, input: Uint8Array, random: Random): WireRequest | undefined {
  const scan = scanObject(input);
  if (!scan.ok) return undefined;
  const path = random.pick(paths[id]);
  return wireRequest({
    path,
    pathModel: /models\/([^:]+):/.exec(path)?.[1] ?? "",
    query: new URLSearchParams(random.pick(["", "alt=sse", "beta=true&alt=json"])),
    headers: random.pick<WireRequest["headers"]>([
      {},
      { "anthropic-version": "2023-06-01", "anthropic-beta": "a-2025-01-01, b ,, context-management-2025-06-27" },
      { "anthropic-version": "next", "user-agent": "claude-cli/2.1.0 (external, cli)" },
    ]),
    raw: input,
    scan: scan.value,
  });
}

function checkRequest(dialect: Dialect, input: Uint8Array, random: Random): string | undefined {
  const wire = wireOf(dialect.id, input, random);
  if (wire === undefined) return undefined;
  const head = dialect.client.readHead(wire);
  const echo = dialect.client.readEcho(wire);
  const read = dialect.client.readRequest(wire);
  return (
    checkValue(input.length, "the head", head.ok ? head.value : head.error) ??
    checkValue(input.length, "the echo", echo) ??
    checkValue(input.length, "the request", read.ok ? read.value : read.error)
  );
}

const models = [
  "gpt-4o",
  "gpt-5.5",
  "o3",
  "claude-opus-5-5",
  "claude-haiku-4-5",
  "claude-sonnet-4-6",
  "gemini-2.5-flash",
  "gemini-3.5-flash",
  "unknown",
] as const;

function checkWrite(dialect: Dialect, input: Uint8Array, random: Random): string | undefined {
  const wire = wireOf(dialect.id, input, random);
  const read = wire === undefined ? undefined : dialect.client.readRequest(wire);
  if (read === undefined || !read.ok) return undefined;
  const target = upstreamDialect(random.pick(upstreamIds));
  const request: CanonicalRequest = { ...read.value, model: random.pick(models) };
  const options: WriteOptions = {
    issuer: random.pick(["openai", "anthropic", "gemini", "mine"]),
    kind: random.pick(["openai", "anthropic", "gemini", "openrouter", "vertex", "deepseek"]),
    model: request.model,
    traits: random.pick<WriteOptions["traits"]>([
      {},
      { structuredOutput: "native" },
      { structuredOutput: "tool", streamUsage: false },
    ]),
  };
  const written = target.writeRequest?.(request, options);
  if (written === undefined) return "it cannot be written";
  if (!written.ok) return checkValue(input.length, "the refusal", written.error);
  const text = JSON.stringify(written.value);
  if (random.below(4) === 0) {
    const again = target.writeRequest?.(request, options);
    if (JSON.stringify(again?.ok === true ? again.value : undefined) !== text) return "two writings differ";
  }
  return checkSize(input.length, `the request to ${target.id}`, text.length);
}

function contextOf(id: ClientDialectId, random: Random): ClientContext {
  return {
    dialect: id,
    head: { model: "m", stream: true, candidates: 1 + random.below(2), includeUsage: random.below(2) === 0 },
    framing: id === "gemini" && random.below(3) === 0 ? "json-array" : "sse",
    echo: {},
    agent: random.pick(["claude-code", "codex", "gemini-cli", "other"]),
    requestId: "req_FUZZ",
    createdAt: 1_700_000_000,
  };
}

function optionsOf(random: Random): DecoderOptions {
  return { ...decoderOptions, candidates: 1 + random.below(2) };
}

function checkResponse(upstream: UpstreamDialect, input: Uint8Array, random: Random): string | undefined {
  const body = parseJson(Buffer.from(input).toString("utf8"));
  if (body === undefined) return undefined;
  const summary = upstream.summarise?.(body);
  const read = upstream.readResponse(body, optionsOf(random));
  if (!read.ok) return checkValue(input.length, "the failure", read.error);
  const events = unfold(read.value);
  const problem =
    checkEvents(events) ?? checkValue(input.length, "the response", read.value) ?? checkSummary(summary, events);
  if (problem !== undefined) return problem;
  const id = pickDialect(random);
  const written = dialects[id].client.writeResponse(read.value, contextOf(id, random));
  return checkValue(input.length, `the answer for ${id}`, written);
}

/** What the record would say must not depend on how much of the answer was read. */
function checkSummary(summary: AnswerSummary | undefined, events: readonly CanonicalEvent[]): string | undefined {
  // Those with other characters are read in full.
  if (summary?.toolCalls.every((name) => /^[\x20-\x7e]*$/.test(name)) !== true) return undefined;
  const short = openObservation();
  observeSummary(short, summary, 1);
  const full = openObservation();
  for (const event of events) observe(full, event, 1);
  // The provider's own object is no part of the record.
  const [said, read] = [short, full].map((each) =>
    JSON.stringify({ ...each, losses: [], usage: { ...each.usage, raw: undefined } }),
  );
  return said === read ? undefined : `the summary says ${said}, the answer ${read}`;
}

/** A provider's stream to its end, and what a client of some format gets of it. */
function checkDecoder(upstream: UpstreamDialect, input: Uint8Array, random: Random): string | undefined {
  const id = pickDialect(random);
  const context = contextOf(id, random);
  const encoder = dialects[id].client.encoder(context);
  const decoder = upstream.decoder(optionsOf(random));
  const events: CanonicalEvent[] = [];
  for (const { payload } of frameAll("sse", [input]).frames) {
    if (payload === undefined) continue;
    events.push(...(decoder.step(payload) ?? []));
    if (isOver(events)) break;
  }
  const end = decoder.end();
  events.push(...end.events);
  const written = events.map((event) => encoder.write(event)).join("");
  const last = events.at(-1)?.type;
  // An error behind a format's own terminal leaves the events as they ended: only the outcome tells of it.
  const isTold = end.outcome === "upstream-failed" || (last === "end") === (end.outcome === "complete");
  if (!isTold) return `${end.outcome}, and the last event is ${last}`;
  return (
    checkEvents(events) ??
    checkValue(input.length, "the events", events) ??
    checkSize(input.length, `the stream for ${id}`, written.length + encoder.keepAlive().length)
  );
}

function isOver(events: readonly CanonicalEvent[]): boolean {
  return events.at(-1)?.type === "error";
}

/** What follows a stream that passes untouched, and says at any point of it how it failed. */
function checkFollower(dialect: Dialect, input: Uint8Array, random: Random): string | undefined {
  const follower = dialect.client.follower(contextOf(dialect.id, random));
  const stop = random.below(40);
  for (const [index, { payload }] of frameAll("sse", [input]).frames.entries()) {
    if (index === stop) break;
    if (payload !== undefined) follower.observe(payload);
  }
  const kept = follower.keepAlive();
  return checkValue(input.length, "the failure", `${kept}${follower.failure(cutOff) ?? ""}`);
}

const cutOff = { class: "truncated", code: "provider_interrupted", message: "cut" } as const;

function checkError(upstream: UpstreamDialect, input: Uint8Array, random: Random): string | undefined {
  const failure = upstream.readError({
    status: random.pick([400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529, 300, 418, 599]),
    headers: random.pick<Readonly<Record<string, string>>>([
      {},
      { "retry-after": "-1", "x-request-id": "\u0000" },
      { "retry-after": "1e99", "content-type": "text/html" },
      { "retry-after": "Wed, 21 Oct 2099 07:28:00 GMT", "anthropic-ratelimit-requests-reset": "never" },
    ]),
    body: input,
  });
  const id = pickDialect(random);
  const { status, headers, body } = dialects[id].client.writeError(failure, contextOf(id, random));
  if (!Number.isInteger(status) || status < 400 || status > 599) return `status ${status}`;
  const unsafe = Object.values(headers).find((value) => /[^\x20-\x7e]/.test(value));
  if (unsafe !== undefined) return `a header that cannot be sent: ${JSON.stringify(unsafe)}`;
  const { retryAfterMs } = failure;
  if (retryAfterMs !== undefined && !(retryAfterMs >= 0 && Number.isFinite(retryAfterMs)))
    return `wait ${retryAfterMs}`;
  // The provider's own body is kept as bytes, which as JSON are longer.
  return (
    checkValue(input.length, "the error", { ...failure, upstream: undefined }) ??
    checkValue(input.length, "the answer", body)
  );
}

/** Any answer is written as frames that can be read, by the format's own reader too. */
function checkEncoder(dialect: Dialect, input: Uint8Array): string | undefined {
  const random = tape(input);
  const context = contextOf(dialect.id, random);
  const events = composeEvents(random);
  assert.equal(checkEvents(events), undefined, "the composer broke the grammar");
  const encoder = dialect.client.encoder(context);
  const isCut = random.below(8) === 0;
  const shown = isCut ? events.slice(0, random.below(events.length)) : events;
  let written = shown.map((event) => encoder.write(event)).join("");
  const failed = isCut ? encoder.failure(cutOff) : undefined;
  written += failed ?? "";
  const { frames, rest } = frameAll(context.framing, [Buffer.from(written)]);
  if (rest.length > 0 && failed !== undefined) return `half a frame was written: ${Buffer.from(rest).toString()}`;
  const decoder: Decoder = dialect.upstream.decoder({ ...decoderOptions, candidates: context.head.candidates });
  const read: CanonicalEvent[] = [];
  for (const { payload } of frames) {
    if (payload === undefined || isOver(read)) continue;
    if (payload.data !== "[DONE]" && !isObject(parseJson(payload.data))) return `no object: ${payload.data}`;
    read.push(...(decoder.step(payload) ?? []));
  }
  read.push(...decoder.end().events);
  const size = JSON.stringify(events).length;
  return (
    checkEvents(read) ?? checkSize(size, "the stream", written.length) ?? checkWhole(dialect, context, events, size)
  );
}

function checkWhole(dialect: Dialect, context: ClientContext, events: readonly CanonicalEvent[], size: number) {
  return checkValue(size, "the plain answer", dialect.client.writeResponse(fold(events), context));
}

/** Undoing what a request's writer did keeps the grammar, and does the same for a whole answer. */
function checkRestore(input: Uint8Array): string | undefined {
  const random = tape(input);
  const restore: Restore = {
    ...(random.below(2) === 0 ? { stop: [random.pick(["END", "a", "😀", "lo "]), "\n\n"] } : {}),
    ...(random.below(4) === 0 ? { jsonTool: "call_1" } : {}),
    tools: new Map([
      ["a", { name: "aa", kind: "custom" }],
      ["call_1", { name: "b", namespace: "n", kind: "function" }],
    ]),
  };
  const events = composeEvents(random);
  const stage = restoring(restore, random.below(3));
  const restored = events.flatMap((event) => stage.step(event));
  const size = JSON.stringify(events).length;
  return (
    checkEvents(restored) ??
    checkValue(size, "the events", restored) ??
    checkValue(size, "the response", restoreResponse(fold(events), restore))
  );
}

function checkSchema(input: Uint8Array, random: Random): string | undefined {
  const schema = parseJson(Buffer.from(input).toString("utf8"));
  if (!isObject(schema)) return undefined;
  const target = random.pick(schemaTargets);
  const adapted = adaptSchema(schema, target);
  qualifiesForStrict(schema, target);
  return checkValue(input.length, `the schema for ${target}`, adapted);
}
