import { failure, type Failure, type FailureClass } from "../canonical/failure.ts";

/*
 * What the profile `compatibility: to11` makes of failures, as that gateway documents them: one status for everything that a
 * provider did wrong, and a short list of codes.
 */

/** The codes of its header `x-to11-error-code`. */
export type To11ErrorCode =
  | "auth"
  | "forbidden"
  | "bad_request"
  | "quota"
  | "rate_limit"
  | "overloaded"
  | "content_policy"
  | "model_not_found"
  | "upstream"
  | "feature_disabled";

/** `upstream` is every failure of a server or the network, `bad_request` every other refusal; ours are sorted in with them. */
const errorCodes = {
  "invalid-request": "bad_request",
  "context-length": "bad_request",
  "unsupported-parameter": "bad_request",
  "unsupported-operation": "bad_request",
  "content-policy": "content_policy",
  signature: "bad_request",
  authentication: "auth",
  permission: "forbidden",
  "not-found": "bad_request",
  "model-not-found": "model_not_found",
  "method-not-allowed": "bad_request",
  "request-timeout": "bad_request",
  conflict: "bad_request",
  "too-large": "bad_request",
  "unsupported-encoding": "bad_request",
  "upgrade-required": "bad_request",
  "rate-limit": "rate_limit",
  billing: "quota",
  budget: "quota",
  "headers-too-large": "bad_request",
  cancelled: "bad_request",
  internal: "upstream",
  "not-implemented": "feature_disabled",
  "managed-credential": "auth",
  server: "upstream",
  unreachable: "upstream",
  truncated: "upstream",
  unreadable: "upstream",
  overloaded: "overloaded",
  unavailable: "overloaded",
  timeout: "upstream",
} as const satisfies Record<FailureClass, To11ErrorCode>;

export function to11ErrorCode(of: Failure): To11ErrorCode {
  return errorCodes[of.class];
}

const BAD_GATEWAY = 502;

/**
 * A provider's failure as 502, whatever it was. The provider's words about the caller's mistake stay; those of a failing
 * server are replaced, as documented.
 */
export function to11ProviderFailure(of: Failure): Failure {
  const status = of.upstream?.status;
  const message = status !== undefined && status >= 500 ? `provider returned status ${status}` : of.message;
  const { retryAfterMs, param } = of;
  return failure("provider_error", message, {
    status: BAD_GATEWAY,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(param === undefined ? {} : { param }),
  });
}

/** Counting is Anthropic's alone there: for every other model it refuses where we estimate. */
export function to11CountRefusal(model: string): Failure {
  const message = `"${model}" is not an Anthropic model, and only those count tokens (compatibility: to11).`;
  return failure("operation_unsupported", message, { param: "model" });
}
