import assert from "node:assert/strict";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { writeRequest } from "../../src/dialects/openai-chat/write-request.ts";
import { asArray, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "./chat-rules.ts";
import { readBody } from "./requests.ts";

/** The least that each format takes, where a test does not care. */
const least: Readonly<Record<ClientDialectId, JsonObject>> = {
  "openai-chat": { model: "m", messages: [{ role: "user", content: "Hi" }] },
  "openai-responses": { model: "m", input: "Hi" },
  "anthropic-messages": { model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] },
  gemini: { contents: [{ role: "user", parts: [{ text: "Hi" }] }] },
};

export const sources = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const;

/** A body as a client of the format sends it, in canonical form; what a test does not care about is filled in. */
export function read(source: ClientDialectId, body: JsonObject): CanonicalRequest {
  const request = readBody(source, { ...least[source], ...body });
  assert.ok(request !== undefined, "the test's own request is refused");
  return request;
}

/** A provider whose id is its kind. */
export function target(kind: string, model: string, more: Partial<WriteOptions> = {}): WriteOptions {
  return { issuer: kind, kind, model, traits: {}, ...more };
}

export const gpt4 = target("openai", "gpt-4.1");
export const gpt5 = target("openai", "gpt-5.6");

export function written(request: CanonicalRequest, options: WriteOptions = gpt5): WrittenRequest {
  const result = writeRequest(request, options);
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  return result.value;
}

export function write(source: ClientDialectId, body: JsonObject, options: WriteOptions = gpt5): WrittenRequest {
  return written(read(source, body), options);
}

/** The failure of a request that cannot be written. */
export function refusal(source: ClientDialectId, body: JsonObject, options: WriteOptions = gpt5): Failure {
  const result = writeRequest(read(source, body), options);
  assert.ok(!result.ok, "was written");
  return result.error;
}

/** What a client of a format asks for, and what of it a provider is sent and is not. */
export type SettingRow = readonly [
  what: string,
  source: ClientDialectId,
  body: JsonObject,
  to: WriteOptions,
  members: JsonObject,
  losses?: readonly string[],
];

/** Writes what the row asks for; the result has its members and losses, and OpenAI would take it. */
export function checkSetting([, source, body, to, members, losses = []]: SettingRow): void {
  const result = write(source, body, to);
  for (const [key, value] of Object.entries(members)) assert.deepEqual(result.body[key], value, key);
  assert.deepEqual(said(result.losses), losses);
  if (to.kind === "openai" && to.traits.maxTokensField === undefined) assert.deepEqual(brokenRules(result.body), []);
}

export function messagesOf({ body }: WrittenRequest): Json[] {
  return asArray(body["messages"]) ?? [];
}

/** Losses as `reason path`. */
export function said(losses: readonly Loss[]): string[] {
  return losses.map(({ path, reason }) => `${reason} ${path}`);
}

export const weather = { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } };
export const chatWeather = {
  type: "function",
  function: { name: "weather", parameters: { type: "object", properties: {} } },
};
export const patch = {
  type: "custom",
  name: "apply_patch",
  description: "Edit files.",
  format: { type: "grammar", syntax: "lark", definition: "start: /.+/" },
};
export const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };

export const call = (id: string, name = "weather") => ({ type: "tool_use", id, name, input: { city: "Rome" } });
export const result = (id: string, content: Json, more: JsonObject = {}) => ({
  type: "tool_result",
  tool_use_id: id,
  content,
  ...more,
});
export const chatCall = (id: string, name = "weather") => ({
  id,
  type: "function",
  function: { name, arguments: '{"city":"Rome"}' },
});
