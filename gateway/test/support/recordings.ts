import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { FramingId } from "../../src/framing/framer.ts";
import { asNumber, asObject, isObject, type JsonObject } from "../../src/lib/json.ts";
import type { Fixture } from "./corpus.ts";
import type { MemoryRequest } from "./memory-reply.ts";
import { frameAll } from "./slicing.ts";
import { decoderOptions } from "./streams.ts";

/*
 * Recordings as plays: the request that was recorded, for a provider of the same format, and how the answer ends.
 */

const MODEL = "recorded-model";
const providers: Readonly<Record<ClientDialectId, string>> = {
  "openai-chat":
    "{ kind: openai-compatible, base_url: 'https://upstream.test/v1', credential: none, dialects: [openai-chat], models: [recorded-model] }",
  "openai-responses": '{ kind: openai, credential: "env::OPENAI_API_KEY", models: [recorded-model] }',
  "anthropic-messages": '{ kind: anthropic, credential: "env::ANTHROPIC_API_KEY", models: [recorded-model] }',
  gemini: '{ kind: gemini, credential: "env::GEMINI_API_KEY", models: [recorded-model] }',
};
/** A gateway whose one provider speaks the format. */
export const recordedProvider = (dialect: ClientDialectId) =>
  `providers: { recorded: ${providers[dialect]} }\nretry: { max_retries: 0 }\n`;

export type Shape = {
  readonly framing: FramingId;
  readonly outcome: "complete" | "truncated" | "upstream-failed";
  /** Offset of the frame that says the stream has failed; the length for one that only ends too early. */
  readonly brokenAt: number;
  /** Whether there is something to send before that. */
  readonly hasContent: boolean;
};

/** How a recording ends, by its own decoder. */
export function shapeOf(fixture: Fixture, dialect: ClientDialectId, framing: FramingId): Shape {
  const framed = frameAll(framing, [fixture.response.body]);
  const candidates = asNumber(asObject(fixture.request?.body)?.["n"]) ?? 1;
  const decoder = dialects[dialect].upstream.decoder({ ...decoderOptions, candidates });
  let hasContent = false;
  let offset = 0;
  for (const { bytes, payload } of framed.frames) {
    const events = payload === undefined ? [] : (decoder.step(payload) ?? []);
    const failed = events.some(({ type }) => type === "error");
    hasContent ||=
      !failed && events.some(({ type }) => type.endsWith("-delta") || type === "finish" || type === "opaque");
    if (failed) return { framing, outcome: "upstream-failed", brokenAt: offset, hasContent };
    offset += bytes.length;
  }
  return { framing, outcome: decoder.end().outcome, brokenAt: offset, hasContent };
}

const smallest: Readonly<Record<ClientDialectId, JsonObject>> = {
  "openai-chat": { messages: [{ role: "user", content: "hi" }] },
  "openai-responses": { input: "hi" },
  "anthropic-messages": { max_tokens: 9, messages: [{ role: "user", content: "hi" }] },
  gemini: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
};

/** The recorded request for the model at hand, spaced as nobody would space it: nothing of it may change on the way. */
export function requestOf(
  fixture: Fixture,
  dialect: ClientDialectId,
  framing: FramingId,
): MemoryRequest & { readonly body: string } {
  const recorded = asObject(fixture.request?.body) ?? {};
  const body = Object.keys(recorded).length === 0 ? smallest[dialect] : recorded;
  const headers = {
    "content-type": "application/json",
    ...(dialect === "anthropic-messages" ? { "anthropic-version": "2023-06-01" } : {}),
  };
  return {
    target: targetOf(dialect, fixture.stream, framing),
    headers,
    body: `${JSON.stringify(bodyOf(body, fixture, dialect), null, "\t ")}\r\n`,
  };
}

function bodyOf(body: JsonObject, { stream }: Fixture, dialect: ClientDialectId): JsonObject {
  if (dialect === "gemini") return body;
  const named = { ...body, model: MODEL, stream };
  if (dialect !== "openai-chat" || !stream) return named;
  const options = isObject(body["stream_options"]) ? body["stream_options"] : {};
  return { ...named, stream_options: { ...options, include_usage: true } };
}

function targetOf(dialect: ClientDialectId, stream: boolean, framing: FramingId): string {
  switch (dialect) {
    case "openai-chat":
      return "/v1/chat/completions";
    case "openai-responses":
      return "/v1/responses";
    case "anthropic-messages":
      return "/v1/messages";
    case "gemini":
      if (!stream) return `/v1beta/models/${MODEL}:generateContent`;
      return `/v1beta/models/${MODEL}:streamGenerateContent${framing === "sse" ? "?alt=sse" : ""}`;
    default:
      return dialect satisfies never;
  }
}
