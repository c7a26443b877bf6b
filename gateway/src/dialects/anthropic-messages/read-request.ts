import type { Issuer } from "../../canonical/block.ts";
import type { Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest, SystemBlock } from "../../canonical/request.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { hasLongNumber } from "../../lib/json-exact.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { WireRequest } from "../wire-request.ts";
import { missing, readBetas, readMaxTokens, wrongType } from "./head.ts";
import { otherMembers, readCacheMark, type BlockOrigin } from "./read-blocks.ts";
import { exactInputs, readTurns } from "./read-messages.ts";
import { readIdentity, readOutput, readReasoning, readSpeed, readTier, type Setting } from "./read-settings.ts";
import { readToolChoice, readTools } from "./read-tools.ts";

/** Whoever serves it, a native value in a Messages request was made by Anthropic. */
const issuer: Issuer = { provider: "anthropic" };

/** Members of the body that the canonical request holds; the others travel in `extras` and reach only their own format. */
const knownKeys = [
  "model",
  "stream",
  "max_tokens",
  "system",
  "messages",
  "tools",
  "tool_choice",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
  "speed",
  "cache_control",
  "container",
  "context_management",
];

/** The whole request. Fails with what the API itself would refuse: no messages, a missing `max_tokens`, unreadable parts. */
export function readRequest(wire: WireRequest): Result<CanonicalRequest, Failure> {
  const tree = wire.tree();
  if (!tree.ok) return tree;
  const body = tree.value;
  const model = asString(body["model"]);
  if (model === undefined) return fail(missing("model"));
  const maxTokens = readMaxTokens(body["max_tokens"]);
  if (!maxTokens.ok) return maxTokens;
  if (maxTokens.value === undefined && !wire.path.endsWith("/count_tokens")) return fail(missing("max_tokens"));
  const instructions = readSystem(body["system"]);
  if (!instructions.ok) return instructions;
  const turns = readTurns(body["messages"], blockOrigin(wire, body));
  if (!turns.ok) return turns;
  const tools = readTools(body["tools"]);
  if (!tools.ok) return tools;
  const choice = readToolChoice(body["tool_choice"], tools.value);
  if (!choice.ok) return choice;
  return ok({
    source: "anthropic-messages",
    model,
    stream: body["stream"] === true,
    instructions: instructions.value,
    turns: turns.value,
    tools: tools.value,
    ...choice.value,
    ...settings(body, maxTokens.value),
    headers: compact({
      anthropicVersion: wire.headers["anthropic-version"],
      betas: readBetas(wire.headers["anthropic-beta"]),
    }),
  });
}

type Settings = Pick<
  CanonicalRequest,
  | "sampling"
  | "reasoning"
  | "output"
  | "cache"
  | "identity"
  | "tier"
  | "speed"
  | "state"
  | "contextManagement"
  | "extras"
>;

function settings(body: JsonObject, maxTokens: number | undefined): Settings {
  const reasoning = readReasoning(body["thinking"], body["output_config"]);
  const output = readOutput(body["output_config"], body["output_format"]);
  const identity = readIdentity(body["metadata"]);
  const tier = readTier(body["service_tier"]);
  const speed = readSpeed(body["speed"]);
  const container = body["container"];
  return compact({
    sampling: compact({
      maxTokens,
      temperature: asNumber(body["temperature"]),
      temperatureMax: 1 as const,
      topP: asNumber(body["top_p"]),
      topK: asNumber(body["top_k"]),
      stop: readStop(body["stop_sequences"]),
    }),
    reasoning: reasoning.value,
    output: output.value,
    cache: compact({ autoMark: readCacheMark(body["cache_control"]), prewarm: maxTokens === 0 ? true : undefined }),
    identity: identity.value,
    tier: tier.value,
    speed: speed.value,
    state: container === undefined || container === null ? undefined : { container },
    contextManagement: body["context_management"],
    extras: extrasOf(body, [reasoning, output, identity, tier, speed]),
  });
}

function extrasOf(body: JsonObject, read: readonly Setting<unknown>[]): CanonicalRequest["extras"] {
  const rest: JsonObject = { ...otherMembers(body, knownKeys) };
  for (const setting of read) Object.assign(rest, setting.rest);
  return Object.keys(rest).length === 0 ? {} : { "anthropic-messages": rest };
}

function readStop(value: Json | undefined): string[] | undefined {
  return asArray(value)?.filter((sequence) => typeof sequence === "string");
}

/** One entry per block, never joined: Claude Code's first block is recognised by its position. */
function readSystem(value: Json | undefined): Result<SystemBlock[], Failure> {
  if (value === undefined || value === null || value === "") return ok([]);
  if (typeof value === "string") return ok([{ text: value, authority: "system" }]);
  const list = asArray(value);
  if (list === undefined) return fail(wrongType("system", "text or a list of text blocks"));
  const blocks: SystemBlock[] = [];
  for (const [index, item] of list.entries()) {
    const block = asObject(item);
    const text = asString(block?.["text"]);
    if (block === undefined || text === undefined) return fail(wrongType(`system.${index}`, "a text block"));
    const rest = otherMembers(block, ["type", "text", "cache_control"]);
    blocks.push(
      compact({
        text,
        authority: "system" as const,
        cache: readCacheMark(block["cache_control"]),
        extras: rest && { "anthropic-messages": rest },
      }),
    );
  }
  return ok(blocks);
}

function blockOrigin(wire: WireRequest, body: JsonObject): BlockOrigin {
  const origin: BlockOrigin = { issuer, opensEnvelopes: true };
  const span = wire.scan.members.get("messages");
  if (span === undefined || !isObject(body)) return origin;
  const bytes = wire.raw.subarray(span.start, span.end);
  return hasLongNumber(bytes) ? { ...origin, inputTexts: exactInputs(body["messages"], bytes) } : origin;
}
