import { failure, type Failure, type FailureClass } from "../../canonical/failure.ts";
import { asObject, compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { Agent, ErrorAnswer, ErrorContext, WrittenError } from "../dialect.ts";
import { openAiErrorMessage, readInBandOpenAiError, readOpenAiError, writeOpenAiError } from "../openai-errors.ts";

export function readError(answer: ErrorAnswer): Failure {
  return readOpenAiError(answer, "openai-responses");
}

/**
 * The failure inside a successful answer, if there is one: an `error` event (flat, as documented, or nested, as sent), a failed
 * response, or any payload with a top-level `error`. Response objects carry `"error": null`, which is none.
 */
export function readInBandError(payload: JsonObject): Failure | undefined {
  const nested = payload["error"];
  if (nested !== undefined && nested !== null && nested !== false && nested !== "") return inBandFailure(nested);
  if (payload["type"] === "error") return inBandFailure(payload);
  return undefined;
}

/** The failure of a response whose status is `failed`. */
export function readFailedResponse(response: JsonObject): Failure {
  return inBandFailure(response["error"] ?? {});
}

/** A body that no reader of this dialect understands. */
export function unreadableAnswer(): Failure {
  return failure("provider_bad_response", "The provider's answer is not a response object of the Responses API.");
}

/** Codex sleeps as long as a rate limit says and shows nothing meanwhile; longer than this is told as a used up limit. */
const CODEX_WAIT_MS_MAX = 60_000;

/** What repeating cannot mend. A 401 is not among them, because Codex may fetch a new key after it. */
const hopeless: ReadonlySet<FailureClass> = new Set([
  "invalid-request",
  "unsupported-parameter",
  "unsupported-operation",
  "content-policy",
  "signature",
  "permission",
  "not-found",
  "too-large",
  "managed-credential",
  "not-implemented",
]);

/**
 * How a failure is written before anything was sent. Codex is told some in another form: it repeats a 5xx thirty times and
 * most of 4xx six times, but stops at `usage_limit_reached` and shows when the limit resets, at a 404 with `model_not_found`,
 * and at a 400 with `invalid_prompt`, whose message it shows alone (of any other 400 it shows the JSON). Seen with 0.169.
 */
export function writeError(of: Failure, client: ErrorContext): WrittenError {
  const written = writeOpenAiError(of);
  if (client.agent !== "codex") return written;
  const waitMs = of.retryAfterMs ?? 0;
  if (of.class === "budget" || (of.class === "rate-limit" && waitMs > CODEX_WAIT_MS_MAX)) {
    return usageLimitReached(of, written, client.wallMs);
  }
  // Codex repeats a 403 six times and a 404 never; both say the same to its user: choose another model.
  if (of.code === "model_not_allowed")
    return { ...written, status: 404, body: withCode(written.body, "model_not_found") };
  if (hopeless.has(of.class)) {
    return { ...written, status: 400, body: withCode(written.body, "invalid_prompt"), departs: true };
  }
  return written;
}

/** Codex reads the date (`resets_at`, Unix seconds); the seconds are for whoever looks at the answer. */
function usageLimitReached(of: Failure, written: WrittenError, wallMs: number | undefined): WrittenError {
  if (of.retryAfterMs === undefined) return written;
  const resetsInSeconds = Math.ceil(of.retryAfterMs / 1000);
  const error = compact({
    type: "usage_limit_reached",
    message: of.message,
    resets_at: wallMs === undefined ? undefined : Math.ceil(wallMs / 1000) + resetsInSeconds,
    resets_in_seconds: resetsInSeconds,
  });
  return { ...written, body: { error: { ...asObject(written.body["error"]), ...error } }, departs: true };
}

function withCode(body: JsonObject, code: string): JsonObject {
  return { error: { ...asObject(body["error"]), type: "invalid_request_error", code } };
}

/** `response.error.code` of a failed response. Clients know few codes; Codex retries the ones it does not know. */
const inBandCodes = {
  "invalid-request": "server_error",
  "context-length": "context_length_exceeded",
  "unsupported-parameter": "server_error",
  "unsupported-operation": "server_error",
  "content-policy": "invalid_prompt",
  signature: "server_error",
  authentication: "server_error",
  permission: "server_error",
  "not-found": "server_error",
  "model-not-found": "server_error",
  "method-not-allowed": "server_error",
  "request-timeout": "server_error",
  conflict: "server_error",
  "too-large": "server_error",
  "unsupported-encoding": "server_error",
  "upgrade-required": "server_error",
  "rate-limit": "rate_limit_exceeded",
  billing: "insufficient_quota",
  budget: "insufficient_quota",
  "headers-too-large": "server_error",
  cancelled: "server_error",
  internal: "server_error",
  "not-implemented": "server_error",
  "managed-credential": "server_error",
  server: "server_error",
  unreachable: "server_error",
  truncated: "server_error",
  unreadable: "server_error",
  overloaded: "server_error",
  unavailable: "server_error",
  timeout: "server_error",
} as const satisfies Record<FailureClass, string>;

/** The error of a failed response, and of the `error` event where no response has begun. */
export function inBandError(of: Failure, agent: Agent): { readonly code: string; readonly message: string } {
  // Codex stops at this code and says that the model is at capacity; other clients do not know it.
  const code = of.class === "overloaded" && agent === "codex" ? "server_is_overloaded" : inBandCodes[of.class];
  return { code, message: openAiErrorMessage(of) };
}

function inBandFailure(error: Json): Failure {
  return readInBandOpenAiError(error, "openai-responses");
}
