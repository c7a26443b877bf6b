import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { dialects } from "../../src/dialects/index.ts";
import { asArray, asObject, asString, isObject, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { ExchangeRecord } from "../../src/record/record.ts";
import type { MemoryReply } from "./memory-reply.ts";
import { jsonAnswer, sseAnswer, type Step } from "./memory-transport.ts";
import { stage } from "./play.ts";
import { frameAll } from "./slicing.ts";
import { decodeFrames } from "./streams.ts";

/** A model per format, each of a provider that speaks nothing else; Gemini 3 and Claude's generations by their names. */
export const pairsYaml = `
providers:
  chat: { kind: openai, dialects: [openai-chat], credential: "env::OPENAI_API_KEY", models: [gpt-4.1, gpt-5] }
  responses: { kind: openai, dialects: [openai-responses], credential: "env::OPENAI_API_KEY", models: [gpt-5.5] }
  anthropic: { credential: "env::ANTHROPIC_API_KEY", models: ["claude-*"] }
  gemini: { dialects: [gemini], credential: "env::GEMINI_API_KEY", models: ["gemini-*"] }
retry: { max_retries: 0 }
`;

export const modelOf: Readonly<Record<ClientDialectId, string>> = {
  "openai-chat": "gpt-4.1",
  "openai-responses": "gpt-5.5",
  "anthropic-messages": "claude-sonnet-4-6",
  gemini: "gemini-3.5-flash",
};

export type Pair = {
  readonly from: ClientDialectId;
  readonly to: ClientDialectId;
  /** Instead of the usual one of `to`. */
  readonly model?: string;
  /** Added to the smallest request of the client's format. */
  readonly request?: JsonObject;
  readonly headers?: { readonly [name: string]: string };
  /** The whole body as it is sent, where its spelling matters. */
  readonly rawRequest?: string;
  /** A plain answer, what a stream says (objects are framed as the format frames them, texts go as they are), or steps. */
  readonly answer?: Json;
  readonly stream?: readonly (JsonObject | string)[];
  readonly steps?: readonly Step[];
};

export type Played = {
  readonly reply: MemoryReply;
  /** The body as the provider got it. */
  readonly sent: JsonObject;
  readonly sentText: string;
  readonly sentHeaders: { readonly [name: string]: string };
  readonly record: ExchangeRecord;
  /** What the client's stream says, frame by frame. */
  readonly frames: readonly JsonObject[];
  /** The client's stream as its own format's decoder reads it. */
  readonly events: readonly CanonicalEvent[];
  readonly folded: CanonicalResponse;
};

/** One request through the whole gateway, from a client of one format to a provider of another. */
export async function playPair(pair: Pair): Promise<Played> {
  const script = pair.steps ?? (pair.stream === undefined ? jsonAnswer(pair.answer) : sseAnswer([streamText(pair)]));
  const isStream = pair.answer === undefined;
  const { ask, upstream, records } = stage({ yaml: pairsYaml, script: () => script });
  const asked = requestOf(pair, isStream);
  const { reply } = await ask({ ...asked, body: pair.rawRequest ?? asked.body }, 200_000);
  const [call] = upstream.calls;
  const [record] = records;
  if (record === undefined) throw new Error("no record was made");
  const { frames } = frameAll("sse", [isStream ? reply.body : Buffer.alloc(0)]);
  const { events } = decodeFrames(dialects[pair.from], frames);
  return {
    reply,
    sent: asObject(call?.json) ?? {},
    sentText: call?.text ?? "",
    sentHeaders: Object.fromEntries(Object.entries(call?.headers ?? {}).map(([name, value]) => [name, String(value)])),
    record,
    frames: frames.flatMap(({ payload }): JsonObject[] => {
      const value = parseJson(payload?.data ?? "");
      return isObject(value) ? [value] : [];
    }),
    events,
    folded: fold(events),
  };
}

function requestOf({ from, to, request = {}, headers = {}, model = modelOf[to] }: Pair, stream: boolean) {
  const messages = [{ role: "user", content: "hi" }];
  switch (from) {
    case "openai-chat":
      return { target: "/v1/chat/completions", headers, body: { model, stream, messages, ...request } };
    case "openai-responses":
      return { target: "/v1/responses", headers, body: { model, stream, input: "hi", ...request } };
    case "anthropic-messages":
      return { target: "/v1/messages", headers, body: { model, stream, max_tokens: 100, messages, ...request } };
    case "gemini": {
      const method = stream ? "streamGenerateContent?alt=sse" : "generateContent";
      const contents = [{ role: "user", parts: [{ text: "hi" }] }];
      return { target: `/v1beta/models/${model}:${method}`, headers, body: { contents, ...request } };
    }
  }
}

function streamText({ to, stream = [] }: Pair): string {
  return stream.map((each) => (typeof each === "string" ? each : frameOf(to, each))).join("");
}

/** A value as a stream of the format says it. */
export function frameOf(dialect: ClientDialectId, value: JsonObject): string {
  const isNamed = dialect === "anthropic-messages" || dialect === "openai-responses";
  return `${isNamed ? `event: ${asString(value["type"]) ?? ""}\n` : ""}data: ${JSON.stringify(value)}\n\n`;
}

/** A chunk of Chat with one choice. */
export function chatChunk(delta: JsonObject, finish: string | null = null, more: JsonObject = {}): JsonObject {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more };
}

export function chatCallDelta(index: number, call: { id?: string; name?: string; arguments?: string }): JsonObject {
  const { id, ...called } = call;
  const names = id === undefined ? {} : { id, type: "function" };
  return { tool_calls: [{ index, ...names, function: called }] };
}

export const chatUsage = (usage: JsonObject): JsonObject => ({ ...chatChunk({}), choices: [], usage });
export const DONE = "data: [DONE]\n\n";

/** A Messages stream around the blocks given: `[content_block, …deltas]`. */
export function messagesStream(
  blocks: readonly (readonly [JsonObject, ...JsonObject[]])[],
  stopReason = "end_turn",
  usage: JsonObject = { output_tokens: 5 },
): JsonObject[] {
  const message = { id: "msg_1", type: "message", role: "assistant", model: "claude", content: [], stop_reason: null };
  const counted = { input_tokens: 10, cache_read_input_tokens: 4, output_tokens: 1 };
  return [
    { type: "message_start", message: { ...message, usage: counted } },
    ...blocks.flatMap(([block, ...deltas], index): JsonObject[] => [
      { type: "content_block_start", index, content_block: block },
      ...deltas.map((delta) => ({ type: "content_block_delta", index, delta })),
      { type: "content_block_stop", index },
    ]),
    { type: "message_delta", delta: { stop_reason: stopReason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ];
}

export const textBlock = (...texts: string[]): [JsonObject, ...JsonObject[]] => [
  { type: "text", text: "" },
  ...texts.map((text) => ({ type: "text_delta", text })),
];
export const toolBlock = (id: string, name: string, ...pieces: string[]): [JsonObject, ...JsonObject[]] => [
  { type: "tool_use", id, name, input: {} },
  ...pieces.map((piece) => ({ type: "input_json_delta", partial_json: piece })),
];

/** A chunk of Gemini with one candidate. */
export function geminiChunk(parts: readonly JsonObject[], more: JsonObject = {}, top: JsonObject = {}): JsonObject {
  return { candidates: [{ content: { role: "model", parts: [...parts] }, index: 0, ...more }], ...top };
}

/** The member at a path of keys and positions; undefined where there is none. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (each, key) => (typeof key === "number" ? asArray(each)?.at(key) : asObject(each)?.[key]),
    value,
  );
}

/** All objects of a list that is one. */
export function objects(value: Json | undefined): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}

/** The types of a list's members, in order. */
export function types(value: Json | readonly JsonObject[] | undefined): string[] {
  const list = (Array.isArray(value) ? value : []) as readonly Json[];
  return list.map((each) => asString(asObject(each)?.["type"]) ?? "");
}

/** Texts put together; what is none counts as "". */
export function joined(values: readonly (Json | undefined)[]): string {
  return values.map((value) => asString(value) ?? "").join("");
}
