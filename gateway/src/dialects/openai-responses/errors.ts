import { failure, type Failure, type FailureClass } from "../../canonical/failure.ts";
import { asObject, type Json, type JsonObject } from "../../lib/json.ts";
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

/**
 * How a failure is written before anything was sent. Codex departs from the table where it would otherwise repeat a hopeless
 * request or hide our words: it stops at `usage_limit_reached` and shows when the limit resets, and at `model_not_found`.
 */
export function writeError(of: Failure, client: ErrorContext): WrittenError {
  const written = writeOpenAiError(of);
  if (client.agent !== "codex") return written;
  if (of.class === "budget") return usageLimitReached(of, written);
  // Codex repeats a 403 six times and a 404 never; both say the same to its user: choose another model.
  if (of.code === "model_not_allowed")
    return { ...written, status: 404, body: withCode(written.body, "model_not_found") };
  return written;
}

function usageLimitReached(of: Failure, written: WrittenError): WrittenError {
  if (of.retryAfterMs === undefined) return written;
  const error = {
    type: "usage_limit_reached",
    message: of.message,
    resets_in_seconds: Math.ceil(of.retryAfterMs / 1000),
  };
  return { ...written, body: { error: { ...asObject(written.body["error"]), ...error } } };
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
