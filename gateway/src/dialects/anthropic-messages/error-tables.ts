import type { FailureClass, FailureCode } from "../../canonical/failure.ts";

/** Anthropic's stable machine codes (`error.details.error_code`) that say more than the type beside them. */
export const failureByErrorCode: { readonly [errorCode: string]: FailureCode } = {
  contract_spend_limit_reached: "provider_quota_exhausted",
  enforced_spend_limit_reached: "provider_quota_exhausted",
  ramp_limit_exceeded: "provider_rate_limited",
  compaction_unavailable: "provider_overloaded",
};

/** `error.type`, whatever the status: in a stream there is none. */
export const failureByType: { readonly [type: string]: FailureCode } = {
  invalid_request_error: "provider_rejected_request",
  authentication_error: "provider_rejected_credential",
  billing_error: "provider_quota_exhausted",
  permission_error: "provider_permission_denied",
  not_found_error: "provider_not_found",
  conflict_error: "provider_conflict",
  request_too_large: "provider_request_too_large",
  rate_limit_error: "provider_rate_limited",
  api_error: "provider_error",
  timeout_error: "provider_timeout",
  overloaded_error: "provider_overloaded",
};

/** For bodies without a known type: proxies, load balancers, and the clouds that serve the same models. */
export const failureByStatus: { readonly [status: number]: FailureCode } = {
  401: "provider_rejected_credential",
  402: "provider_quota_exhausted",
  403: "provider_permission_denied",
  404: "provider_not_found",
  408: "provider_timeout",
  409: "provider_conflict",
  413: "provider_request_too_large",
  429: "provider_rate_limited",
  503: "provider_overloaded",
  504: "provider_timeout",
  // 529 is Anthropic's overload signal; it is not in any RFC.
  529: "provider_overloaded",
};

/**
 * The last resort: what the wording gives away where type and status are too coarse. A row applies to answers that were already
 * classified as `refines`. The wordings are what recordings, bug reports and clients' own matchers show of the API; not every one was
 * seen on the wire, and none is stable.
 */
export const failureByMessage: readonly {
  readonly refines: readonly FailureCode[];
  readonly pattern: RegExp;
  readonly code: FailureCode;
}[] = [
  {
    refines: ["provider_rejected_request", "provider_request_too_large"],
    pattern: /prompt is too long|exceed(s)? (the )?(model'?s? )?(maximum )?context (limit|window|length)/i,
    code: "context_length_exceeded",
  },
  {
    refines: ["provider_rejected_request"],
    pattern: /credit balance is too low/i,
    code: "provider_quota_exhausted",
  },
  {
    refines: ["provider_rejected_request", "provider_error"],
    pattern: /blocked by (the )?content filter/i,
    code: "content_policy_violation",
  },
  {
    refines: ["provider_rejected_request"],
    pattern: /invalid `?signature`?|`?thinking`?( or `redacted_thinking`)? blocks? .*(cannot be modified|prefix)/i,
    code: "invalid_signature",
  },
  {
    refines: ["provider_rejected_request"],
    pattern: /extra inputs are not permitted|(is|are) not supported|does not support/i,
    code: "unsupported_parameter",
  },
  { refines: ["provider_not_found"], pattern: /^model: /i, code: "provider_model_not_found" },
];

/** How each class is said to a Messages client: `error.type`, and a status where it is not the class's own. */
export const writtenErrors = {
  "invalid-request": { type: "invalid_request_error" },
  "context-length": { type: "invalid_request_error" },
  "unsupported-parameter": { type: "invalid_request_error" },
  "unsupported-operation": { type: "invalid_request_error" },
  "content-policy": { type: "invalid_request_error" },
  signature: { type: "invalid_request_error" },
  authentication: { type: "authentication_error" },
  permission: { type: "permission_error" },
  "not-found": { type: "not_found_error" },
  "model-not-found": { type: "not_found_error" },
  "method-not-allowed": { type: "invalid_request_error" },
  "request-timeout": { type: "timeout_error" },
  conflict: { type: "conflict_error" },
  "too-large": { type: "request_too_large" },
  "unsupported-encoding": { type: "invalid_request_error" },
  "upgrade-required": { type: "invalid_request_error" },
  "rate-limit": { type: "rate_limit_error" },
  billing: { type: "rate_limit_error" },
  budget: { type: "billing_error" },
  "headers-too-large": { type: "invalid_request_error" },
  cancelled: { type: "api_error" },
  internal: { type: "api_error" },
  "not-implemented": { type: "api_error" },
  "managed-credential": { type: "api_error" },
  server: { type: "api_error" },
  unreachable: { type: "api_error" },
  truncated: { type: "api_error" },
  unreadable: { type: "api_error" },
  overloaded: { type: "overloaded_error", status: 529 },
  unavailable: { type: "api_error" },
  timeout: { type: "timeout_error" },
} as const satisfies Record<FailureClass, { readonly type: string; readonly status?: number }>;
