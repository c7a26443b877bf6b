import type { Failure } from "../../canonical/failure.ts";
import type {
  CacheOptions,
  CanonicalRequest,
  Output,
  Reasoning,
  Sampling,
  SystemBlock,
} from "../../canonical/request.ts";
import {
  asArray,
  asBoolean,
  asNumber,
  asObject,
  asString,
  compact,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { WireRequest } from "../wire-request.ts";
import { readContent, type Problems } from "./read-content.ts";
import { readInput } from "./read-items.ts";
import { readToolChoice, readTools } from "./read-tools.ts";

/** A request in canonical terms. What has no name there is kept for this dialect's own writer. */
export function readRequest(wire: WireRequest): Result<CanonicalRequest, Failure> {
  const tree = wire.tree();
  if (!tree.ok) return tree;
  const body = tree.value;
  const problems: Problems = [];
  const conversation = readInput(body["input"], problems);
  const request: CanonicalRequest = compact({
    source: "openai-responses" as const,
    model: asString(body["model"]) ?? "",
    stream: asBoolean(body["stream"]) ?? false,
    instructions: [...readInstructions(body["instructions"], problems), ...conversation.instructions],
    turns: conversation.turns,
    tools: [...readTools(body["tools"], "tools", problems), ...conversation.tools],
    toolChoice: readToolChoice(body["tool_choice"]),
    parallelToolCalls: asBoolean(body["parallel_tool_calls"]),
    maxToolCalls: asNumber(body["max_tool_calls"]),
    sampling: readSampling(body),
    reasoning: readReasoning(asObject(body["reasoning"])),
    output: readOutput(asObject(body["text"])),
    cache: readCache(body),
    identity: compact({
      endUser: asString(body["user"]),
      safetyId: asString(body["safety_identifier"]),
      metadata: stringValues(body["metadata"]),
    }),
    tier: tiers.find((tier) => tier === body["service_tier"]),
    safety: body["moderation"] === undefined ? undefined : { moderation: body["moderation"] },
    state: readState(body),
    contextManagement: body["context_management"],
    include: strings(body["include"]),
    headers: { betas: [] },
    extras: readExtras(body),
  });
  const [problem] = problems;
  return problem === undefined ? ok(request) : fail(problem);
}

/** `instructions` is a text; the API's response objects repeat it as items, and some clients send that back. */
function readInstructions(value: Json | undefined, problems: Problems): SystemBlock[] {
  const extras = { "openai-responses": { instructions: true } };
  const items = asArray(value)?.flatMap((item) => asObject(item)?.["content"] ?? []) ?? [value ?? ""];
  return items
    .flatMap((content) => readContent(content, "instructions", problems))
    .flatMap((block) => (block.type === "text" ? [{ text: block.text, authority: "system" as const, extras }] : []));
}

function readSampling(body: JsonObject): Sampling {
  const top = asNumber(body["top_logprobs"]);
  const wantsLogprobs = top !== undefined || (strings(body["include"]) ?? []).includes("message.output_text.logprobs");
  return compact({
    maxTokens: asNumber(body["max_output_tokens"]),
    temperature: asNumber(body["temperature"]),
    temperatureMax: 2 as const,
    topP: asNumber(body["top_p"]),
    logprobs: wantsLogprobs ? { top: top ?? 0 } : undefined,
  });
}

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
const summaries = ["auto", "concise", "detailed"] as const;

function readReasoning(reasoning: JsonObject | undefined): Reasoning {
  const effort = efforts.find((each) => each === reasoning?.["effort"]);
  // The older name counts where the newer one is absent; null is a value of its own here.
  const summary = reasoning?.["summary"] === undefined ? reasoning?.["generate_summary"] : reasoning["summary"];
  const openai = compact({ mode: asString(reasoning?.["mode"]), context: asString(reasoning?.["context"]) });
  return compact({
    mode: effort === "none" ? ("off" as const) : ("default" as const),
    effort,
    visible: summary === null ? ("none" as const) : summaries.find((each) => each === summary),
    openai: Object.keys(openai).length === 0 ? undefined : openai,
  });
}

const verbosities = ["low", "medium", "high"] as const;

function readOutput(text: JsonObject | undefined): Output {
  return compact({
    format: readFormat(asObject(text?.["format"])),
    verbosity: verbosities.find((each) => each === text?.["verbosity"]),
  });
}

function readFormat(format: JsonObject | undefined): Output["format"] {
  switch (format?.["type"]) {
    case "text":
      return { type: "text" };
    case "json_object":
      return { type: "json" };
    case "json_schema": {
      const strict = format["strict"];
      return compact({
        type: "json-schema" as const,
        name: asString(format["name"]),
        description: asString(format["description"]),
        schema: asObject(format["schema"]) ?? {},
        strict: strict === null ? null : asBoolean(strict),
      });
    }
    default:
      return undefined;
  }
}

const cacheModes = ["implicit", "explicit"] as const;
const cacheTtls = ["30m", "12h"] as const;

function readCache(body: JsonObject): CacheOptions {
  const options = asObject(body["prompt_cache_options"]);
  return compact({
    key: asString(body["prompt_cache_key"]),
    mode: cacheModes.find((mode) => mode === options?.["mode"]),
    ttl: cacheTtls.find((ttl) => ttl === options?.["ttl"]),
    prewarm: asBoolean(options?.["prewarm"]),
    retention: asString(body["prompt_cache_retention"]),
  });
}

const tiers = ["auto", "default", "flex", "priority", "fast", "ultrafast", "scale"] as const;

function readState(body: JsonObject): CanonicalRequest["state"] {
  const state = compact({
    previousResponseId: asString(body["previous_response_id"]),
    conversation: body["conversation"] ?? undefined,
    store: asBoolean(body["store"]),
    background: asBoolean(body["background"]),
  });
  return Object.keys(state).length === 0 ? undefined : state;
}

/** Members of the body that the canonical request names. Members of theirs that it does not are lost with them, except here. */
const known = new Set([
  "model",
  "stream",
  "instructions",
  "input",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "max_tool_calls",
  "max_output_tokens",
  "temperature",
  "top_p",
  "top_logprobs",
  "include",
  "reasoning",
  "text",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "user",
  "safety_identifier",
  "metadata",
  "service_tier",
  "moderation",
  "previous_response_id",
  "conversation",
  "store",
  "background",
  "context_management",
]);

/** Null means absent in this API. */
function readExtras(body: JsonObject): CanonicalRequest["extras"] {
  const rest = Object.entries(body).filter(([key, value]) => !known.has(key) && value !== null);
  return rest.length === 0 ? {} : { "openai-responses": Object.fromEntries(rest) };
}

function strings(value: Json | undefined): string[] | undefined {
  return asArray(value)?.flatMap((entry) => asString(entry) ?? []);
}

function stringValues(value: Json | undefined): { [key: string]: string } | undefined {
  const object = asObject(value);
  if (object === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, each]) => (typeof each === "string" ? [[key, each]] : [])),
  );
}
