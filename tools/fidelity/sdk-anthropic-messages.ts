import Anthropic from "@anthropic-ai/sdk";
import { asArray, asObject, asString, type JsonObject } from "../../gateway/src/lib/json.ts";
import type { Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import type { Asked, Sdk } from "./sdk.ts";
import { count, seenAnswer, type FinishClass, type Seen, type SeenCall, type SeenUsage } from "./seen.ts";

const request = {
  model: "recorded-model",
  max_tokens: 1024,
  messages: [{ role: "user" as const, content: "hi" }],
};

/** The SDK has one way to read a stream into a message, so both readings are it. */
export const anthropicMessagesSdk: Sdk = { strict: read, lenient: read };

async function read(fetch: Fetch, asked: Asked): Promise<Seen> {
  const client = new Anthropic({ apiKey: "dragoman", baseURL: "http://gateway.test", maxRetries: 0, fetch });
  const message = asked.stream
    ? await client.messages.stream(request).finalMessage()
    : await client.messages.create(request);
  return seenIn(asObject(message) ?? {});
}

function seenIn(message: JsonObject): Seen {
  const blocks = (asArray(message["content"]) ?? []).map((block) => asObject(block) ?? {});
  const text = blocks.map((block) => (block["type"] === "text" ? (asString(block["text"]) ?? "") : "")).join("");
  const calls = blocks.flatMap((block): SeenCall[] =>
    block["type"] === "tool_use" ? [{ name: asString(block["name"]) ?? "", arguments: block["input"] ?? {} }] : [],
  );
  const finish = finishes[asString(message["stop_reason"]) ?? ""] ?? "stop";
  return { answers: [seenAnswer(text, calls, finish)], usage: usageOf(message["usage"]) };
}

const finishes: Readonly<Record<string, FinishClass>> = {
  tool_use: "tool-calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "filtered",
};

function usageOf(value: unknown): SeenUsage {
  const usage = asObject(value) ?? {};
  const cached = count(usage["cache_read_input_tokens"]);
  return {
    input: count(usage["input_tokens"]) + cached + count(usage["cache_creation_input_tokens"]),
    output: count(usage["output_tokens"]),
    cached,
  };
}
