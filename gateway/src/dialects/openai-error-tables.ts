import type { FailureClass, FailureCode } from "../canonical/failure.ts";

/** OpenAI's machine codes, and those of compatible providers, by what they mean. Looked up in `error.code`, then `error.type`. */
export const failureByProviderCode: { readonly [code: string]: FailureCode } = {
  context_length_exceeded: "context_length_exceeded",
  unsupported_parameter: "unsupported_parameter",
  unsupported_value: "unsupported_parameter",
  unknown_parameter: "unsupported_parameter",
  content_policy_violation: "content_policy_violation",
  content_filter: "content_policy_violation", // Azure
  invalid_prompt: "content_policy_violation",
  bio_policy: "content_policy_violation",
  misalignment_policy_violation: "content_policy_violation",
  moderation_blocked: "content_policy_violation",
  invalid_encrypted_content: "invalid_signature",
  invalid_api_key: "provider_rejected_credential",
  authentication_error: "provider_rejected_credential",
  permission_error: "provider_permission_denied",
  unsupported_country_region_territory: "provider_permission_denied",
  insufficient_quota: "provider_quota_exhausted",
  billing_error: "provider_quota_exhausted",
  billing_hard_limit_reached: "provider_quota_exhausted",
  billing_not_active: "provider_quota_exhausted",
  usage_limit_reached: "provider_quota_exhausted",
  usage_not_included: "provider_quota_exhausted",
  model_not_found: "provider_model_not_found",
  model_decommissioned: "provider_model_not_found", // Groq
  DeploymentNotFound: "provider_model_not_found", // Azure
  request_too_large: "provider_request_too_large",
  rate_limit_exceeded: "provider_rate_limited",
  rate_limit_error: "provider_rate_limited",
  rate_limited: "provider_rate_limited", // Mistral
  server_overloaded: "provider_overloaded",
  server_is_overloaded: "provider_overloaded",
  engine_overloaded: "provider_overloaded",
  overloaded_error: "provider_overloaded",
  slow_down: "provider_overloaded",
  server_error: "provider_error",
};

/** What a status means when no code says more. Anything else: see `openAiFailureCode`. */
export const failureByStatus: { readonly [status: number]: FailureCode } = {
  401: "provider_rejected_credential",
  402: "provider_quota_exhausted",
  403: "provider_permission_denied",
  404: "provider_not_found",
  408: "provider_timeout",
  409: "provider_conflict",
  413: "provider_request_too_large",
  429: "provider_rate_limited",
  451: "provider_permission_denied",
  498: "provider_overloaded", // Groq: flex capacity exceeded
  503: "provider_overloaded",
  504: "provider_timeout",
  529: "provider_overloaded",
};

/** The last resort: what a refusal's wording gives away where code and status are too coarse. All of them recorded. */
export const failureByMessage: readonly {
  readonly statuses: readonly number[];
  readonly pattern: RegExp;
  readonly code: FailureCode;
}[] = [
  {
    statuses: [400, 413, 422],
    pattern:
      /maximum (context|prompt) length|exceeds? the (model's )?(context|maximum)|context (window|length)|prompt is too long/i,
    code: "context_length_exceeded",
  },
  {
    statuses: [400],
    pattern: /without its required|encrypted content .* could not be/i,
    code: "invalid_signature",
  },
  // xAI answers a bad key with 400, Gemini's compatible endpoint too.
  { statuses: [400], pattern: /(incorrect|invalid) api key|api key not valid/i, code: "provider_rejected_credential" },
  {
    statuses: [400, 403, 429],
    pattern:
      /insufficient (balance|credits?|funds|quota)|exceeded your current quota|credit balance is too low|have any credits|used all available credits/i,
    code: "provider_quota_exhausted",
  },
  {
    statuses: [400, 403],
    pattern: /violates usage guidelines|content management policy/i,
    code: "content_policy_violation",
  },
  {
    statuses: [400],
    pattern:
      /^unsupported (parameter|value)|^unknown parameter|does not support parameter|not supported with this model/i,
    code: "unsupported_parameter",
  },
  {
    statuses: [400, 404],
    pattern:
      /\bmodel\b.*(not found|not exist|deprecated|is not supported)|not a valid model|no endpoints found for|not a chat model/i,
    code: "provider_model_not_found",
  },
];

/** `type` and `code` of the error object. `code: "own"` is the failure's own stable code. */
type Written = { readonly type: string; readonly code: string };

/** How a failure is said in OpenAI's envelope; where SDKs and agents branch on a code, the code is theirs. */
export const writtenErrors = {
  "invalid-request": { type: "invalid_request_error", code: "own" },
  "context-length": { type: "invalid_request_error", code: "context_length_exceeded" },
  "unsupported-parameter": { type: "invalid_request_error", code: "unsupported_parameter" },
  "unsupported-operation": { type: "invalid_request_error", code: "own" },
  "content-policy": { type: "invalid_request_error", code: "content_policy_violation" },
  signature: { type: "invalid_request_error", code: "invalid_encrypted_content" },
  authentication: { type: "invalid_request_error", code: "invalid_api_key" },
  permission: { type: "permission_error", code: "own" },
  "not-found": { type: "invalid_request_error", code: "own" },
  "model-not-found": { type: "invalid_request_error", code: "model_not_found" },
  "method-not-allowed": { type: "invalid_request_error", code: "own" },
  "request-timeout": { type: "invalid_request_error", code: "own" },
  conflict: { type: "invalid_request_error", code: "own" },
  "too-large": { type: "invalid_request_error", code: "request_too_large" },
  "unsupported-encoding": { type: "invalid_request_error", code: "own" },
  "upgrade-required": { type: "invalid_request_error", code: "own" },
  "rate-limit": { type: "rate_limit_error", code: "rate_limit_exceeded" },
  billing: { type: "insufficient_quota", code: "insufficient_quota" },
  budget: { type: "insufficient_quota", code: "insufficient_quota" },
  "headers-too-large": { type: "invalid_request_error", code: "own" },
  cancelled: { type: "server_error", code: "own" },
  internal: { type: "server_error", code: "own" },
  "not-implemented": { type: "invalid_request_error", code: "own" },
  "managed-credential": { type: "server_error", code: "own" },
  server: { type: "server_error", code: "own" },
  unreachable: { type: "server_error", code: "own" },
  truncated: { type: "server_error", code: "own" },
  unreadable: { type: "server_error", code: "own" },
  overloaded: { type: "server_error", code: "server_overloaded" },
  unavailable: { type: "server_error", code: "own" },
  timeout: { type: "server_error", code: "own" },
} as const satisfies Record<FailureClass, Written>;
