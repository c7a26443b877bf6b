import assert from "node:assert/strict";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import type { ClientContext, DecoderOptions, StreamOutcome } from "../../src/dialects/dialect.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import type { FramePayload, FramingId } from "../../src/framing/framer.ts";
import { framers } from "../../src/framing/framers.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Fixture } from "./corpus.ts";

export const decoderOptions: DecoderOptions = {
  issuer: "gemini",
  candidates: 1,
  requestId: "req_TEST",
  createdAt: 1_700_000_000,
};

/** The context of a client that asked for thoughts. */
export function geminiClient(more: Partial<ClientContext> = {}): ClientContext {
  return {
    dialect: "gemini",
    head: { model: "gemini-test", stream: true, candidates: 1, includeUsage: true },
    framing: "sse",
    echo: { includeThoughts: true },
    agent: "other",
    requestId: "req_TEST",
    createdAt: 1_700_000_000,
    ...more,
  };
}

/** A request as the gateway's HTTP side would hand it on. */
export function geminiRequest(body: Json, operation = "streamGenerateContent"): WireRequest {
  const raw = new TextEncoder().encode(JSON.stringify(body));
  const scan = scanObject(raw);
  assert.ok(scan.ok, "the test's own body is not a JSON object");
  return wireRequest({
    path: `/v1beta/models/gemini-test:${operation}`,
    pathModel: "gemini-test",
    query: new URLSearchParams("alt=sse"),
    headers: {},
    raw,
    scan: scan.value,
  });
}

export type Decoded = { readonly events: readonly CanonicalEvent[]; readonly outcome: StreamOutcome };

/** All events of a stream, from its payloads. */
export function decodePayloads(payloads: readonly FramePayload[], options: Partial<DecoderOptions> = {}): Decoded {
  const decoder = gemini.upstream.decoder({ ...decoderOptions, ...options });
  const events: CanonicalEvent[] = [];
  for (const payload of payloads) {
    const step = decoder.step(payload);
    assert.ok(step !== undefined, `unreadable: ${payload.data}`);
    events.push(...step);
  }
  const end = decoder.end();
  return { events: [...events, ...end.events], outcome: end.outcome };
}

/** The same from chunks as objects. */
export function decodeChunks(chunks: readonly Json[], options: Partial<DecoderOptions> = {}): Decoded {
  return decodePayloads(
    chunks.map((chunk) => ({ event: "", data: JSON.stringify(chunk) })),
    options,
  );
}

/** What a body's frames say; a streamed array has the extension json. */
export function payloadsOf(fixture: Fixture): FramePayload[] {
  return framePayloads(fixture.response.body, fixture.response.extension === "json" ? "json-array" : "sse");
}

export function framePayloads(bytes: Uint8Array, framing: FramingId): FramePayload[] {
  const framer = framers[framing]();
  const frames = [...framer.push(bytes), ...framer.end().frames];
  return frames.flatMap(({ payload }) => payload ?? []);
}

/** What the encoder writes for `events`. */
export function encodeEvents(events: Iterable<CanonicalEvent>, client: ClientContext = geminiClient()): string {
  const encoder = gemini.client.encoder(client);
  let text = "";
  for (const event of events) text += encoder.write(event);
  return text;
}

/** The chunks that the encoder writes for `events`. */
export function encodedChunks(events: Iterable<CanonicalEvent>, client?: ClientContext): Json[] {
  const text = encodeEvents(events, client);
  return framePayloads(new TextEncoder().encode(text), "sse").map(({ data }) => parseJson(data) ?? null);
}

/** One chunk of a stream, or a whole answer, with these parts. */
export function chunk(parts: Json[], more: JsonObject = {}, index?: number): JsonObject {
  const place = index === undefined ? {} : { index };
  return {
    candidates: [{ content: { role: "model", parts }, ...place, ...more }],
    responseId: "r1",
    modelVersion: "m1",
  };
}

/** A body as the dialect reads it. */
export function readRequest(body: JsonObject, operation?: string): CanonicalRequest {
  const read = gemini.client.readRequest(geminiRequest(body, operation));
  assert.ok(read.ok, read.ok ? "" : read.error.message);
  return read.value;
}

/** A whole answer as the dialect reads it. */
export function readPlain(body: Json): CanonicalResponse {
  const read = gemini.upstream.readResponse(body, decoderOptions);
  assert.ok(read.ok, read.ok ? "" : read.error.message);
  return read.value;
}
