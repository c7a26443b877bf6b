import assert from "node:assert/strict";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { writeRequest } from "../../src/dialects/bedrock-converse/write-request.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { readBody } from "./requests.ts";

/* Bodies of all client formats as requests to the Converse API, for tests that are tables. */

export const CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
export const NOVA = "us.amazon.nova-2-lite-v1:0";
export const KIMI = "moonshot.kimi-k2-thinking";

/** One of each family. */
export const models = [
  "global.anthropic.claude-opus-5-5-v1",
  "us.anthropic.claude-sonnet-4-6",
  CLAUDE,
  "anthropic.claude-3-haiku-20240307-v1:0",
  NOVA,
  "amazon.nova-micro-v1:0",
  "openai.gpt-oss-120b-1:0",
  "qwen.qwen3-32b-v1:0",
  KIMI,
  "us.meta.llama4-maverick-17b-instruct-v1:0",
  "amazon.titan-text-express-v1",
  "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
] as const;

export function optionsFor(model: string, more: Partial<WriteOptions> = {}): WriteOptions {
  return { issuer: "bedrock", kind: "bedrock", traits: {}, ...more, model };
}

export function tryWrite(
  dialect: ClientDialectId,
  body: JsonObject,
  model: string = CLAUDE,
  more: Partial<WriteOptions> = {},
) {
  const request = readBody(dialect, { model: "client-model", ...body });
  assert.ok(request !== undefined, "the test's own body is not accepted");
  return writeRequest(request, optionsFor(model, more));
}

export function write(
  dialect: ClientDialectId,
  body: JsonObject,
  model?: string,
  more?: Partial<WriteOptions>,
): WrittenRequest {
  const written = tryWrite(dialect, body, model, more);
  assert.ok(written.ok, written.ok ? "" : written.error.message);
  return written.value;
}

export const hello: Json = [{ role: "user", content: "Hello" }];
export const chat = (body: JsonObject, model?: string, more?: Partial<WriteOptions>) =>
  write("openai-chat", { messages: hello, ...body }, model, more);
export const responses = (body: JsonObject, model?: string) =>
  write("openai-responses", { input: "Hello", ...body }, model);
export const messages = (body: JsonObject, model?: string) =>
  write("anthropic-messages", { max_tokens: 2000, messages: hello, ...body }, model);
export const gemini = (body: JsonObject, model?: string) =>
  write("gemini", { contents: [{ role: "user", parts: [{ text: "Hello" }] }], ...body }, model);

export function messagesOf({ body }: WrittenRequest): JsonObject[] {
  return (asArray(body["messages"]) ?? []).filter(isObject);
}

/** The content of all messages, one after another, without cache points that nobody asked for. */
export function contentOf(written: WrittenRequest): JsonObject[] {
  const all = messagesOf(written).flatMap(({ content }) => (asArray(content) ?? []).filter(isObject));
  return all.filter(({ cachePoint }) => cachePoint === undefined);
}

/** `role: kind kind` of every message. */
export function shape(written: WrittenRequest): string[] {
  return messagesOf(written).map(({ role, content }) => {
    const kinds = (asArray(content) ?? []).map((block) => Object.keys(asObject(block) ?? {}).join("+"));
    return `${asString(role) ?? ""}: ${kinds.join(" ")}`;
  });
}

export const lossesOf = (written: WrittenRequest) => written.losses.map(({ path, reason }) => `${reason} ${path}`);

/** Cache points stand behind what is cached now, so they move on with a conversation. */
export const withoutPoints = (message: JsonObject): JsonObject => ({
  ...message,
  content: (asArray(message["content"]) ?? []).filter((block) => asObject(block)?.["cachePoint"] === undefined),
});
