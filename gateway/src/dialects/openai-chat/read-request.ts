import type { Failure } from "../../canonical/failure.ts";
import type { CacheOptions, CanonicalRequest, Effort, Output, Reasoning, Sampling } from "../../canonical/request.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { WireRequest } from "../wire-request.ts";
import { readMaxTokens } from "./head.ts";
import { readTextContent } from "./read-content.ts";
import { readMessages } from "./read-messages.ts";
import { readToolChoice, readTools } from "./read-tools.ts";
import {
  isAbsent,
  optionalBoolean,
  optionalNumber,
  optionalString,
  otherMembers,
  readTtl,
  refuse,
  refuseMissing,
  type Reading,
} from "./reading.ts";

/** Members of the body that the canonical request has names for. All others are kept for providers of this format. */
const known = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "functions",
  "tool_choice",
  "function_call",
  "parallel_tool_calls",
  "web_search_options",
  "max_completion_tokens",
  "max_tokens",
  "temperature",
  "top_p",
  "top_k",
  "seed",
  "presence_penalty",
  "frequency_penalty",
  "logit_bias",
  "stop",
  "n",
  "logprobs",
  "top_logprobs",
  "reasoning_effort",
  "response_format",
  "verbosity",
  "modalities",
  "audio",
  "prediction",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "user",
  "safety_identifier",
  "metadata",
  "service_tier",
  "moderation",
  "store",
]);

export function readRequest(wire: WireRequest): Result<CanonicalRequest, Failure> {
  const tree = wire.tree();
  if (!tree.ok) return tree;
  const body = tree.value;
  const reading: Reading = { failure: undefined };
  const model = optionalString(reading, body, "model") ?? "";
  const stream = optionalBoolean(reading, body, "stream") ?? false;
  const messages = asArray(body["messages"]);
  if (messages === undefined || messages.length === 0) {
    refuseMissing(reading, "messages", "Send the conversation as an array of at least one message.");
  }
  const { tier, extras: otherTier } = readTier(body["service_tier"]);
  const { metadata, extras: otherMetadata } = readMetadata(body["metadata"]);
  const others = { ...otherMembers(body, known), ...otherTier, ...otherMetadata };
  const store = optionalBoolean(reading, body, "store");
  const request: CanonicalRequest = compact({
    source: "openai-chat" as const,
    model,
    stream,
    ...readMessages(reading, messages ?? []),
    tools: readTools(reading, body),
    toolChoice: readToolChoice(reading, body),
    parallelToolCalls: optionalBoolean(reading, body, "parallel_tool_calls"),
    sampling: readSampling(reading, body),
    reasoning: readEffort(reading, body["reasoning_effort"]),
    output: readOutput(reading, body),
    cache: readCache(reading, body),
    identity: compact({
      endUser: optionalString(reading, body, "user"),
      safetyId: optionalString(reading, body, "safety_identifier"),
      metadata,
    }),
    tier,
    safety: isAbsent(body["moderation"]) ? undefined : { moderation: body["moderation"] },
    state: store === undefined ? undefined : { store },
    prediction: readPrediction(reading, body["prediction"]),
    headers: { betas: [] },
    extras: Object.keys(others).length === 0 ? {} : { "openai-chat": others },
  });
  return reading.failure === undefined ? ok(request) : fail(reading.failure);
}

function readSampling(reading: Reading, body: JsonObject): Sampling {
  return compact({
    maxTokens: readMaxTokens(body["max_completion_tokens"], body["max_tokens"]),
    temperature: optionalNumber(reading, body, "temperature"),
    temperatureMax: 2 as const,
    topP: optionalNumber(reading, body, "top_p"),
    topK: optionalNumber(reading, body, "top_k"), // vLLM, OpenRouter
    seed: optionalNumber(reading, body, "seed"),
    presencePenalty: optionalNumber(reading, body, "presence_penalty"),
    frequencyPenalty: optionalNumber(reading, body, "frequency_penalty"),
    logitBias: readLogitBias(reading, body["logit_bias"]),
    stop: readStop(reading, body["stop"]),
    candidates: optionalNumber(reading, body, "n"),
    logprobs: readLogprobsSetting(reading, body),
  });
}

function readLogitBias(reading: Reading, value: Json | undefined): Sampling["logitBias"] {
  if (isAbsent(value)) return undefined;
  const biases = Object.entries(asObject(value) ?? {}).flatMap(([token, bias]) => {
    const number = asNumber(bias);
    return number === undefined ? [] : [[token, number] as const];
  });
  const isWhole = asObject(value) !== undefined && biases.length === Object.keys(asObject(value) ?? {}).length;
  if (!isWhole) refuse(reading, "logit_bias", "an object of token ids and numbers");
  return Object.fromEntries(biases);
}

function readStop(reading: Reading, value: Json | undefined): readonly string[] | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === "string") return [value];
  const texts = asArray(value)?.flatMap((each) => (typeof each === "string" ? [each] : []));
  if (texts === undefined || texts.length !== asArray(value)?.length)
    refuse(reading, "stop", "a string or an array of strings");
  return texts === undefined || texts.length === 0 ? undefined : texts;
}

function readLogprobsSetting(reading: Reading, body: JsonObject): Sampling["logprobs"] {
  const top = optionalNumber(reading, body, "top_logprobs");
  return optionalBoolean(reading, body, "logprobs") === true ? { top: top ?? 0 } : undefined;
}

const efforts: { readonly [E in Effort]: E } = {
  none: "none",
  minimal: "minimal",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "max",
};

function readEffort(reading: Reading, value: Json | undefined): Reasoning {
  if (isAbsent(value)) return { mode: "default" };
  if (typeof value === "string" && isEffort(value))
    return { mode: value === "none" ? "off" : "default", effort: value };
  refuse(reading, "reasoning_effort", `one of ${Object.keys(efforts).join(", ")}`);
  return { mode: "default" };
}

function isEffort(text: string): text is Effort {
  return Object.hasOwn(efforts, text);
}

function readOutput(reading: Reading, body: JsonObject): Output {
  return compact({
    format: readFormat(reading, body["response_format"]),
    verbosity: readVerbosity(reading, body["verbosity"]),
    modalities: asArray(body["modalities"])?.flatMap((each) => (typeof each === "string" ? [each] : [])),
    audio: body["audio"] ?? undefined,
  });
}

function readVerbosity(reading: Reading, value: Json | undefined): Output["verbosity"] {
  if (value === "low" || value === "medium" || value === "high") return value;
  if (!isAbsent(value)) refuse(reading, "verbosity", "`low`, `medium` or `high`");
  return undefined;
}

function readFormat(reading: Reading, value: Json | undefined): Output["format"] {
  if (isAbsent(value)) return undefined;
  const format = asObject(value);
  switch (format?.["type"]) {
    case "text":
      return { type: "text" };
    case "json_object":
      return { type: "json" };
    case "json_schema":
      return readSchemaFormat(reading, asObject(format["json_schema"]));
    default:
      refuse(reading, "response_format.type", "`text`, `json_object` or `json_schema`");
      return undefined;
  }
}

function readSchemaFormat(reading: Reading, source: JsonObject | undefined): Output["format"] {
  if (source === undefined) {
    refuseMissing(reading, "response_format.json_schema", "Send an object with `name` and `schema`.");
    return undefined;
  }
  const { strict } = source;
  return compact({
    type: "json-schema" as const,
    name: asString(source["name"]),
    description: asString(source["description"]),
    schema: asObject(source["schema"]) ?? {},
    strict: typeof strict === "boolean" || strict === null ? strict : undefined,
  });
}

function readCache(reading: Reading, body: JsonObject): CacheOptions {
  const options = asObject(body["prompt_cache_options"]);
  return compact({
    key: optionalString(reading, body, "prompt_cache_key"),
    mode: readCacheMode(options?.["mode"]),
    ttl: readTtl(options?.["ttl"]),
    retention: optionalString(reading, body, "prompt_cache_retention"),
  });
}

function readCacheMode(value: Json | undefined): CacheOptions["mode"] {
  return value === "implicit" || value === "explicit" ? value : undefined;
}

function readPrediction(reading: Reading, value: Json | undefined): CanonicalRequest["prediction"] {
  const content = asObject(value)?.["content"];
  if (isAbsent(value) || typeof content === "string") return asString(content);
  return readTextContent(reading, content, "prediction.content");
}

const tiers: { readonly [T in NonNullable<CanonicalRequest["tier"]>]: T } = {
  auto: "auto",
  default: "default",
  flex: "flex",
  priority: "priority",
  fast: "fast",
  ultrafast: "ultrafast",
  scale: "scale",
};

/** Tiers of other providers (`on_demand` of Groq) are for them alone. */
function readTier(value: Json | undefined): { readonly tier: CanonicalRequest["tier"]; readonly extras: JsonObject } {
  const tier = asString(value);
  if (tier === undefined) return { tier: undefined, extras: {} };
  return isTier(tier) ? { tier, extras: {} } : { tier: undefined, extras: { service_tier: tier } };
}

function isTier(text: string): text is NonNullable<CanonicalRequest["tier"]> {
  return Object.hasOwn(tiers, text);
}

/** Clients of other gateways put lists and objects into `metadata`; those are kept, but not called metadata. */
function readMetadata(value: Json | undefined): {
  readonly metadata: CanonicalRequest["identity"]["metadata"];
  readonly extras: JsonObject;
} {
  if (isAbsent(value)) return { metadata: undefined, extras: {} };
  const pairs = Object.entries(asObject(value) ?? {});
  const texts = pairs.flatMap(([key, each]) => (typeof each === "string" ? [[key, each] as const] : []));
  const isPlain = asObject(value) !== undefined && texts.length === pairs.length;
  return isPlain
    ? { metadata: Object.fromEntries(texts), extras: {} }
    : { metadata: undefined, extras: { metadata: value } };
}
