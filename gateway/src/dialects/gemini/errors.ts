import { failureStatus, type Failure, type FailureClass } from "../../canonical/failure.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import type { ErrorContext, WrittenError } from "../dialect.ts";

/** The `google.rpc.Code` name of each class (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto). */
const rpcStatuses = {
  "invalid-request": "INVALID_ARGUMENT",
  "context-length": "INVALID_ARGUMENT",
  "unsupported-parameter": "INVALID_ARGUMENT",
  "unsupported-operation": "INVALID_ARGUMENT",
  "content-policy": "INVALID_ARGUMENT",
  signature: "INVALID_ARGUMENT",
  authentication: "UNAUTHENTICATED",
  permission: "PERMISSION_DENIED",
  "not-found": "NOT_FOUND",
  "model-not-found": "NOT_FOUND",
  "method-not-allowed": "INVALID_ARGUMENT",
  "request-timeout": "DEADLINE_EXCEEDED",
  conflict: "ABORTED",
  "too-large": "INVALID_ARGUMENT",
  "unsupported-encoding": "INVALID_ARGUMENT",
  "upgrade-required": "FAILED_PRECONDITION",
  "rate-limit": "RESOURCE_EXHAUSTED",
  billing: "RESOURCE_EXHAUSTED",
  budget: "RESOURCE_EXHAUSTED",
  "headers-too-large": "INVALID_ARGUMENT",
  cancelled: "CANCELLED",
  internal: "INTERNAL",
  "not-implemented": "UNIMPLEMENTED",
  "managed-credential": "UNAVAILABLE",
  server: "INTERNAL",
  unreachable: "INTERNAL",
  truncated: "INTERNAL",
  unreadable: "INTERNAL",
  overloaded: "UNAVAILABLE",
  unavailable: "UNAVAILABLE",
  timeout: "DEADLINE_EXCEEDED",
} as const satisfies Record<FailureClass, string>;

/**
 * Status, headers and body of a failure as Google's SDKs expect them. The body is the object; a client of the streamed JSON
 * array (`framing: "json-array"`) gets it in `[ ]`, which is for whoever sends it, because a body is an object here.
 */
export function writeError(failure: Failure, client: ErrorContext): WrittenError {
  const { retryAfterMs } = failure;
  return {
    status: writtenStatus(failure, client),
    headers: retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) },
    body: errorBody(failure, client),
  };
}

/** `{"error":{code,message,status,details}}`: the body of an error answer, and the chunk that ends a stream. */
export function errorBody(failure: Failure, client: Pick<ErrorContext, "agent" | "requestId">): JsonObject {
  return {
    error: {
      code: writtenStatus(failure, client),
      message: message(failure),
      status: isHopeless(failure, client) ? "FAILED_PRECONDITION" : rpcStatuses[failure.class],
      details: details(failure, client),
    },
  };
}

function writtenStatus(failure: Failure, client: Pick<ErrorContext, "agent">): number {
  return isHopeless(failure, client) ? 400 : failureStatus(failure);
}

/** Gemini CLI repeats every 5xx for minutes, and a 400 never (seen with 0.61); these are not mended by waiting. */
function isHopeless(failure: Failure, client: Pick<ErrorContext, "agent">): boolean {
  const never = failure.class === "managed-credential" || failure.class === "not-implemented";
  return never && client.agent === "gemini-cli";
}

/** The context error in Google's own words, because clients look for them. */
function message(failure: Failure): string {
  const { contextLength } = failure;
  if (failure.class !== "context-length" || contextLength === undefined) return failure.message;
  return `The input token count (${contextLength.tokens}) exceeds the maximum number of tokens allowed (${contextLength.maximum}).`;
}

function details(failure: Failure, client: Pick<ErrorContext, "agent" | "requestId">): JsonObject[] {
  const { param, retryAfterMs } = failure;
  const found: JsonObject[] = [
    {
      "@type": "type.googleapis.com/google.rpc.ErrorInfo",
      reason: failure.code.toUpperCase(),
      domain: "dragoman",
      metadata: { requestId: client.requestId },
    },
  ];
  if (param !== undefined) {
    found.push({
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: param, description: failure.message }],
    });
  }
  if (isExhausted(failure) && client.agent === "gemini-cli") found.push(dailyQuota(failure));
  else if (retryAfterMs !== undefined) {
    // Durations have at most nanoseconds; milliseconds are what we know.
    const retryDelay = `${Number((retryAfterMs / 1000).toFixed(3))}s`;
    found.push({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay });
  }
  return found;
}

function isExhausted(failure: Failure): boolean {
  return failure.class === "budget" || failure.class === "billing";
}

/**
 * Gemini CLI repeats every 429 for a minute, except that of a daily quota: then it stops after one request and shows our
 * sentence (recorded with 0.61). It looks for `PerDay` in the quota's id.
 */
function dailyQuota(failure: Failure): JsonObject {
  return {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    violations: [compact({ subject: "dragoman", quotaId: "DragomanBudgetPerDay", description: failure.message })],
  };
}
