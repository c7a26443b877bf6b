import assert from "node:assert/strict";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { writeRequest } from "../../src/dialects/openai-responses/write-request.ts";
import type { WireRequest } from "../../src/dialects/wire-request.ts";
import { asArray, asObject, type JsonObject } from "../../src/lib/json.ts";
import { messagesRequest } from "./anthropic-messages.ts";
import { geminiRequest } from "./gemini.ts";
import { chatRequest } from "./openai-chat.ts";
import { requestOf } from "./openai-responses.ts";

/** The formats that a request may have been written in. */
export type Source = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";

/** Requests of each format, complete without `body`. */
export const wires: Record<Source, (body: JsonObject) => WireRequest> = {
  "openai-chat": (body) => chatRequest({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body }),
  "openai-responses": (body) => requestOf({ model: "m", input: "Hi", ...body }),
  "anthropic-messages": (body) =>
    messagesRequest({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...body }),
  gemini: (body) =>
    geminiRequest({ contents: [{ role: "user", parts: [{ text: "Hi" }] }], ...body }, "generateContent"),
};

/** A body of a format, over a request that is complete without it. */
export function read(source: Source, body: JsonObject): CanonicalRequest {
  const request = dialects[source].client.readRequest(wires[source](body));
  assert.ok(request.ok, request.ok ? "" : request.error.message);
  return request.value;
}

/** A model of the provider that is written to. */
export function target(model: string, more: Partial<WriteOptions> = {}): WriteOptions {
  return { issuer: "openai", kind: "openai", model, traits: {}, ...more };
}

/** What the writer makes of a body. */
export function write(source: Source, body: JsonObject, options: WriteOptions = target("gpt-5.6-sol")): WrittenRequest {
  const written = writeRequest(read(source, body), options);
  assert.ok(written.ok, written.ok ? "" : written.error.message);
  return written.value;
}

/** Why the writer does not write a body. */
export function refusal(source: Source, body: JsonObject): Failure {
  const written = writeRequest(read(source, body), target("gpt-5"));
  assert.ok(!written.ok, "was written");
  return written.error;
}

/** Losses in words: `unsupported sampling.seed`. */
export function said(losses: readonly Loss[]): string[] {
  return losses.map(({ path, reason }) => `${reason} ${path}`);
}

/** The items of what was written. */
export function inputOf(written: WrittenRequest): JsonObject[] {
  return (asArray(written.body["input"]) ?? []).map((item): JsonObject => asObject(item) ?? {});
}
