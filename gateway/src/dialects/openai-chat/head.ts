import { failure, type Failure } from "../../canonical/failure.ts";
import { asArray, asNumber, asObject, asString, type Json } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { Echo, Head } from "../dialect.ts";
import { member, type WireRequest } from "../wire-request.ts";

const OPENING_BRACKET = 0x5b;
/** The API's own limit. */
const CHOICES_MAX = 128;

/** What routing needs, from the top-level spans alone: `messages` is only looked at, never parsed. */
export function readHead(wire: WireRequest): Result<Head, Failure> {
  const model = member(wire, "model") ?? "";
  if (typeof model !== "string") return fail(wrongType("model", "a string"));
  if (model === "") return fail(missing("model", "Name the model that shall answer."));
  const messages = wire.scan.members.get("messages");
  if (messages === undefined) return fail(missing("messages", "Send the conversation as an array of messages."));
  if (wire.raw[messages.start] !== OPENING_BRACKET) return fail(wrongType("messages", "an array of messages"));
  const stream = member(wire, "stream") ?? false;
  if (typeof stream !== "boolean") return fail(wrongType("stream", "true or false"));
  const candidates = member(wire, "n") ?? 1;
  if (!isChoiceCount(candidates)) return fail(wrongType("n", `a whole number from 1 to ${CHOICES_MAX}`));
  const includeUsage = asObject(member(wire, "stream_options"))?.["include_usage"] === true;
  const head: { -readonly [K in keyof Head]: Head[K] } = { model, stream, candidates, includeUsage };
  const maxTokens = readMaxTokens(member(wire, "max_completion_tokens"), member(wire, "max_tokens"));
  if (maxTokens !== undefined) head.maxTokens = maxTokens;
  const sessionKey = nonEmpty(member(wire, "prompt_cache_key")) ?? nonEmpty(member(wire, "user"));
  if (sessionKey !== undefined) head.sessionKey = sessionKey;
  return ok(head);
}

/** Clients that declare the deprecated `functions` know no `tool_calls`: they are answered with `function_call`. */
export function readEcho(wire: WireRequest): Echo {
  const functions = asArray(member(wire, "functions")) ?? [];
  return functions.length > 0 && member(wire, "tools") === undefined ? { legacyFunctions: true } : {};
}

export function answersWithFunctionCall(echo: Echo): boolean {
  return echo["legacyFunctions"] === true;
}

/**
 * `max_completion_tokens` wins over the deprecated `max_tokens`. LM Studio's clients send -1 for "no limit"; what is no
 * positive number limits nothing, and whether it is an error is the provider's to say.
 */
export function readMaxTokens(maxCompletionTokens: Json | undefined, maxTokens: Json | undefined): number | undefined {
  const limit = asNumber(maxCompletionTokens ?? undefined) ?? asNumber(maxTokens);
  return limit !== undefined && limit > 0 ? limit : undefined;
}

function isChoiceCount(value: Json): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= CHOICES_MAX;
}

function nonEmpty(value: Json | undefined): string | undefined {
  return asString(value) || undefined;
}

/** A parameter that is not what it must be. `expected` completes "must be …". */
export function wrongType(param: string, expected: string): Failure {
  return failure("invalid_parameter", `\`${param}\` must be ${expected}.`, { param });
}

/** A parameter that is not there. `advice` says what to send. */
export function missing(param: string, advice: string): Failure {
  return failure("missing_parameter", `The request has no \`${param}\`. ${advice}`, { param });
}
