import { failure, type Failure } from "../../canonical/failure.ts";
import { asNumber, asObject, asString, compact, isObject, parseJson, type Json } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { Echo, Head } from "../dialect.ts";
import { member, type WireRequest } from "../wire-request.ts";

const OPENING_BRACKET = 0x5b;

/**
 * What routing needs, from the top-level spans alone: `messages` is only looked at, never parsed. `max_tokens` may be absent
 * (`count_tokens` has none); `readRequest` asks for it where it is required.
 */
export function readHead(wire: WireRequest): Result<Head, Failure> {
  const model = member(wire, "model");
  if (model !== undefined && typeof model !== "string") return fail(wrongType("model", "a string"));
  const stream = member(wire, "stream");
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return fail(wrongType("stream", "true or false"));
  }
  const maxTokens = readMaxTokens(member(wire, "max_tokens"));
  if (!maxTokens.ok) return maxTokens;
  const messages = wire.scan.members.get("messages");
  if (messages === undefined) return fail(missing("messages"));
  if (wire.raw[messages.start] !== OPENING_BRACKET) return fail(wrongType("messages", "a list of messages"));
  return ok(
    compact({
      model: model ?? "",
      stream: stream === true,
      maxTokens: maxTokens.value,
      candidates: 1,
      includeUsage: true,
      sessionKey: readSessionKey(member(wire, "metadata")),
    }),
  );
}

/** `max_tokens` as sent; 0 asks to fill the prompt cache and write nothing. */
export function readMaxTokens(value: Json | undefined): Result<number | undefined, Failure> {
  if (value === undefined || value === null) return ok(undefined);
  const maxTokens = asNumber(value);
  if (maxTokens === undefined || !Number.isInteger(maxTokens) || maxTokens < 0) {
    return fail(wrongType("max_tokens", "a whole number of tokens, 0 or more"));
  }
  return ok(maxTokens);
}

/**
 * Claude Code puts its session into `metadata.user_id`: since 2.1 as JSON text `{"device_id","account_uuid","session_id"}`, before
 * as `user_<hash>_account_<uuid>_session_<uuid>`. Other clients' ids are taken whole.
 */
function readSessionKey(metadata: Json | undefined): string | undefined {
  const userId = asString(asObject(metadata)?.["user_id"]);
  if (userId === undefined || userId === "") return undefined;
  if (userId.startsWith("{")) {
    const parsed = parseJson(userId);
    const session = isObject(parsed) ? asString(parsed["session_id"]) : undefined;
    if (session !== undefined && session !== "") return session;
  }
  return /_session_(.+)$/.exec(userId)?.[1] ?? userId;
}

/** What decides how answers are written: the API version and betas that the client speaks. */
export function readEcho(wire: WireRequest): Echo {
  return compact({ version: wire.headers["anthropic-version"], betas: readBetas(wire.headers["anthropic-beta"]) });
}

/** The names in an `anthropic-beta` header: an open list, separated by commas. */
export function readBetas(header: string | undefined): string[] {
  if (header === undefined) return [];
  return header
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** The version from which on every client knows the stop reason `model_context_window_exceeded`. */
const CONTEXT_WINDOW_STOP_VERSION = "2026-10-21";
const CONTEXT_WINDOW_STOP_BETA = "model-context-window-exceeded-2025-08-26";

export function acceptsContextWindowStop(echo: Echo): boolean {
  const version = asString(echo["version"]) ?? "";
  const betas = Array.isArray(echo["betas"]) ? echo["betas"] : [];
  // Versions are dates, so text order is their order.
  return version >= CONTEXT_WINDOW_STOP_VERSION || betas.includes(CONTEXT_WINDOW_STOP_BETA);
}

/** A parameter that is not what it must be. `expected` completes "must be …". */
export function wrongType(param: string, expected: string): Failure {
  return failure("invalid_parameter", `\`${param}\` must be ${expected}.`, { param });
}

export function missing(param: string): Failure {
  return failure("missing_parameter", `\`${param}\` is required by the Messages API and is missing.`, { param });
}
