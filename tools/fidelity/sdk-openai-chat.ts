import OpenAI from "openai";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../gateway/src/lib/json.ts";
import type { Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import type { Asked, Sdk } from "./sdk.ts";
import {
  count,
  argumentsOf,
  noUsage,
  seenAnswer,
  type FinishClass,
  type Seen,
  type SeenCall,
  type SeenUsage,
} from "./seen.ts";

const model = "recorded-model";
const messages = [{ role: "user" as const, content: "hi" }];
const stream_options = { include_usage: true };

export const openaiChatSdk: Sdk = {
  strict: async (fetch, asked) => {
    if (!asked.stream) return plain(fetch, asked);

    const stream = client(fetch).chat.completions.stream({ model, messages, n: asked.candidates, stream_options });
    return seenIn(await stream.finalChatCompletion());
  },
  lenient: async (fetch, asked) => {
    if (!asked.stream) return plain(fetch, asked);
    const stream = await client(fetch).chat.completions.create({
      model,
      messages,
      n: asked.candidates,
      stream: true,
      stream_options,
    });
    const chunks: ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    return seenInChunks(chunks);
  },
};

async function plain(fetch: Fetch, { candidates }: Asked): Promise<Seen> {
  return seenIn(await client(fetch).chat.completions.create({ model, messages, n: candidates }));
}

function client(fetch: Fetch): OpenAI {
  return new OpenAI({ apiKey: "dragoman", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch });
}

function seenIn(completion: ChatCompletion): Seen {
  const error = asObject(completion)?.["error"];
  if (!Array.isArray(completion.choices) && error !== undefined) return { failed: true, said: JSON.stringify(error) };
  const answers = (completion.choices ?? []).map((choice) => {
    const message = asObject(choice.message) ?? {};
    const calls = (asArray(message["tool_calls"]) ?? []).map((call) => callOf(asObject(call) ?? {}));
    const refusal = asString(message["refusal"]) ?? "";
    return answerOf(textOf(message["content"]), refusal, [...calls, ...legacyCall(message["function_call"])], choice);
  });
  return { answers, usage: usageOf(completion.usage) };
}

/**
 * Text; or parts, of which the text ones count, because some models put their thinking beside it; or an object: Cloudflare
 * parses the JSON that it was asked for.
 */
function textOf(content: Json | undefined): string {
  if (typeof content === "string") return content;
  if (isObject(content)) return JSON.stringify(content);
  const parts = (asArray(content) ?? []).map((part) => asObject(part) ?? {});
  return parts.map((part) => (part["type"] === "text" ? (asString(part["text"]) ?? "") : "")).join("");
}

function callOf(call: JsonObject): SeenCall {
  const custom = asObject(call["custom"]);
  // Snowflake fills in every member of every kind.
  if (custom !== undefined && call["type"] !== "function") {
    return { name: asString(custom["name"]) ?? "", arguments: { input: asString(custom["input"]) ?? "" } };
  }
  const called = asObject(call["function"]) ?? {};
  return { name: asString(called["name"]) ?? "", arguments: readArguments(called["arguments"]) };
}

/** A few imitators send the arguments as an object. */
function readArguments(value: Json | undefined): Json {
  return value === undefined || value === null ? {} : typeof value === "string" ? argumentsOf(value) : value;
}

function legacyCall(value: Json | undefined): SeenCall[] {
  const call = asObject(value);
  const name = asString(call?.["name"]) ?? "";
  return call === undefined || name === "" ? [] : [{ name, arguments: readArguments(call["arguments"]) }];
}

function answerOf(text: string, refusal: string, calls: readonly SeenCall[], choice: { finish_reason: string | null }) {
  const finish = finishes[choice.finish_reason ?? ""] ?? "stop";
  return seenAnswer(text + refusal, calls, refusal !== "" && finish === "stop" ? "filtered" : finish);
}

const finishes: Readonly<Record<string, FinishClass>> = {
  tool_calls: "tool-calls",
  tool_call: "tool-calls",
  function_call: "tool-calls",
  length: "length",
  max_tokens: "length",
  model_length: "length",
  content_filter: "filtered",
};

function usageOf(value: unknown): SeenUsage {
  const usage = asObject(value);
  if (usage === undefined) return noUsage;
  const details = asObject(usage["prompt_tokens_details"]);
  return {
    input: count(usage["prompt_tokens"]),
    output: count(usage["completion_tokens"]),
    cached: count(details?.["cached_tokens"]),
  };
}

type Draft = { text: string; refusal: string; calls: DraftCall[]; legacy: DraftCall; finish_reason: string | null };
type DraftCall = { index: number; id: string; name: string; arguments: string; input: string | undefined };

function seenInChunks(chunks: readonly ChatCompletionChunk[]): Seen {
  const drafts: Draft[] = [];
  let usage: Json | undefined;
  for (const chunk of chunks) {
    const parsed = asObject(chunk) ?? {};
    usage = asObject(parsed["usage"]) ?? usage;
    for (const each of asArray(parsed["choices"]) ?? []) {
      const choice = asObject(each) ?? {};
      const draft = (drafts[count(choice["index"])] ??= emptyDraft());
      addDelta(draft, asObject(choice["delta"]) ?? asObject(choice["message"]) ?? {});
      draft.finish_reason = asString(choice["finish_reason"]) || draft.finish_reason;
    }
  }
  const answers = drafts.map((draft) => {
    const calls = [...draft.calls, ...(draft.legacy.name === "" ? [] : [draft.legacy])];
    return answerOf(draft.text, draft.refusal, calls.map(closedCall), draft);
  });
  return { answers, usage: usageOf(usage) };
}

function emptyDraft(): Draft {
  return { text: "", refusal: "", calls: [], legacy: emptyCall(-1), finish_reason: null };
}

function emptyCall(index: number): DraftCall {
  return { index, id: "", name: "", arguments: "", input: undefined };
}

function closedCall({ name, arguments: text, input }: DraftCall): SeenCall {
  return { name, arguments: input === undefined ? argumentsOf(text) : { input } };
}

function addDelta(draft: Draft, delta: JsonObject): void {
  draft.text += textOf(delta["content"]);
  draft.refusal += asString(delta["refusal"]) ?? "";
  for (const each of asArray(delta["tool_calls"]) ?? []) addCallDelta(draft, asObject(each) ?? {});
  const legacy = asObject(delta["function_call"]);
  draft.legacy.name += asString(legacy?.["name"]) ?? "";
  draft.legacy.arguments += asString(legacy?.["arguments"]) ?? "";
}

/** A delta without `index` begins a call when it has a name, and goes on with the last one when it has none. */
function addCallDelta(draft: Draft, delta: JsonObject): void {
  const called = asObject(delta["function"]) ?? asObject(delta["custom"]) ?? {};
  const name = asString(called["name"]) ?? "";
  const call = callAt(draft, delta["index"], name);
  call.name ||= name;
  const given = called["arguments"];
  call.arguments += typeof given === "object" && given !== null ? JSON.stringify(given) : (asString(given) ?? "");
  if (typeof called["input"] === "string") call.input = (call.input ?? "") + called["input"];
}

function callAt(draft: Draft, index: Json | undefined, name: string): DraftCall {
  const known = typeof index === "number" ? draft.calls.find((call) => call.index === index) : draft.calls.at(-1);
  if (known !== undefined && (typeof index === "number" || name === "")) return known;
  const fresh = emptyCall(typeof index === "number" ? index : draft.calls.length);
  draft.calls.push(fresh);
  return fresh;
}
