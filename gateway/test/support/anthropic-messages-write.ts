import assert from "node:assert/strict";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { writeRequest } from "../../src/dialects/anthropic-messages/write-request.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { readBody } from "./requests.ts";

/* Bodies of all formats as requests to the Messages API, for tests that are tables. */

export type Options = Partial<WriteOptions>;

export function optionsFor(model: string, more: Options = {}): WriteOptions {
  return { issuer: "anthropic", kind: "anthropic", traits: { structuredOutput: "native" }, ...more, model };
}

export const MODEL = "claude-haiku-4-5";

export function write(dialect: ClientDialectId, body: JsonObject, model = MODEL, more: Options = {}): WrittenRequest {
  const written = tryWrite(dialect, body, model, more);
  assert.ok(written.ok, written.ok ? "" : written.error.message);
  return written.value;
}

export function tryWrite(dialect: ClientDialectId, body: JsonObject, model = MODEL, more: Options = {}) {
  const request = readBody(dialect, { model: "client-model", ...body });
  assert.ok(request !== undefined, "the test's own body is not accepted");
  return writeRequest(request, optionsFor(model, more));
}

export const hello: Json = [{ role: "user", content: "Hello" }];
export const chat = (body: JsonObject, model?: string, more?: Options) =>
  write("openai-chat", { messages: hello, ...body }, model, more);
export const responses = (body: JsonObject, model?: string, more?: Options) =>
  write("openai-responses", { input: "Hello", ...body }, model, more);
export const gemini = (body: JsonObject, model?: string) =>
  write("gemini", { contents: [{ role: "user", parts: [{ text: "Hello" }] }], ...body }, model);
export const native = (body: JsonObject, model?: string, more?: Options) =>
  write("anthropic-messages", { max_tokens: 100, messages: hello, ...body }, model, more);

export function messagesOf({ body }: WrittenRequest): JsonObject[] {
  return (asArray(body["messages"]) ?? []).filter(isObject);
}

/** `role: type type` of every message. */
export function shape(written: WrittenRequest): string[] {
  return messagesOf(written).map(({ role, content }) => {
    const types = (asArray(content) ?? []).map((block) => asString(asObject(block)?.["type"]) ?? "");
    return `${asString(role) ?? ""}: ${types.join(" ")}`;
  });
}

export const lossesOf = (written: WrittenRequest) => written.losses.map(({ path, reason }) => `${reason} ${path}`);
export const withoutMarks = (value: Json): Json =>
  JSON.parse(JSON.stringify(value, (key, each: unknown) => (key === "cache_control" ? undefined : each))) as Json;

export const call = (id: string, name = "f", args = "{}"): Json => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
export const calls = (...toolCalls: Json[]): Json => ({ role: "assistant", content: null, tool_calls: toolCalls });
export const result = (id: string, content: Json = "done"): Json => ({ role: "tool", tool_call_id: id, content });
export const user = (content: Json): Json => ({ role: "user", content });
export const assistant = (content: Json): Json => ({ role: "assistant", content });
export const f: Json = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };

export const models = [
  "claude-opus-5-5",
  "claude-sonnet-5",
  "claude-opus-4-6",
  "claude-haiku-4-5",
  "claude-3-haiku-20240307",
  "kimi-k3",
];
