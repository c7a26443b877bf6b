import OpenAI from "openai";
import type { Response as SdkResponse } from "openai/resources/responses/responses";
import { asArray, asObject, asString, type JsonObject } from "../../gateway/src/lib/json.ts";
import type { Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import type { Sdk } from "./sdk.ts";
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

const request = { model: "recorded-model", input: "hi" };

export const openaiResponsesSdk: Sdk = {
  strict: async (fetch, asked) => {
    if (!asked.stream) return plain(fetch);
    return seenIn(await client(fetch).responses.stream(request).finalResponse());
  },
  /** The response object of the last event that has one. */
  lenient: async (fetch, asked) => {
    if (!asked.stream) return plain(fetch);
    let last: SdkResponse | undefined;
    for await (const event of await client(fetch).responses.create({ ...request, stream: true })) {
      if ("response" in event) last = event.response;
    }
    if (last === undefined) throw new Error("no event had a response");
    return seenIn(last);
  },
};

async function plain(fetch: Fetch): Promise<Seen> {
  return seenIn(await client(fetch).responses.create(request));
}

function client(fetch: Fetch): OpenAI {
  return new OpenAI({ apiKey: "dragoman", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch });
}

function seenIn(response: SdkResponse): Seen {
  const { status } = response;
  if (status === "failed" || status === "cancelled") {
    return { failed: true, said: response.error?.message ?? status };
  }
  const items = (asArray(response.output) ?? []).map((item) => asObject(item) ?? {});
  const parts = items.flatMap((item) => (item["type"] === "message" ? (asArray(item["content"]) ?? []) : []));
  const texts = parts.map((part) => asObject(part) ?? {});
  const refusal = texts.map((part) => asString(part["refusal"]) ?? "").join("");
  const text = texts.map((part) => asString(part["text"]) ?? "").join("");
  const finish = finishOf(response, refusal);
  const answer = seenAnswer(text + refusal, items.flatMap(callOf), finish);
  return { answers: [answer], usage: usageOf(response.usage) };
}

function finishOf({ incomplete_details }: SdkResponse, refusal: string): FinishClass {
  if (incomplete_details?.reason === "max_output_tokens") return "length";
  if (incomplete_details?.reason === "content_filter") return "filtered";
  return refusal === "" ? "stop" : "filtered";
}

/** Calls of the tools that the request declared. Without namespaces, a tool of one is called `namespace__name`. */
function callOf(item: JsonObject): SeenCall[] {
  const namespace = asString(item["namespace"]);
  const name = `${namespace === undefined ? "" : `${namespace}__`}${asString(item["name"]) ?? ""}`;
  if (item["type"] === "function_call") return [{ name, arguments: argumentsOf(asString(item["arguments"]) ?? "") }];
  if (item["type"] === "custom_tool_call") return [{ name, arguments: { input: asString(item["input"]) ?? "" } }];
  return [];
}

function usageOf(value: unknown): SeenUsage {
  const usage = asObject(value);
  if (usage === undefined) return noUsage;
  return {
    input: count(usage["input_tokens"]),
    output: count(usage["output_tokens"]),
    cached: count(asObject(usage["input_tokens_details"])?.["cached_tokens"]),
  };
}
