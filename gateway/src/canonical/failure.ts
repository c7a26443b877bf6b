import type { DialectId } from "./dialect-id.ts";

/**
 * What can go wrong, in one list. A class decides what is done (retry, fall back: `routing/disposition.ts`) and how it is
 * said (each dialect's `errors.ts`); `status` is the HTTP status of the answer unless a dialect's own table says otherwise.
 */
export const failureClasses = {
  "invalid-request": { status: 400 },
  "context-length": { status: 400 },
  "unsupported-parameter": { status: 400 },
  /** The provider does not have this operation, or nothing can translate to it. */
  "unsupported-operation": { status: 400 },
  "content-policy": { status: 400 },
  /** Opaque reasoning state that its reader does not accept. */
  signature: { status: 400 },
  authentication: { status: 401 },
  permission: { status: 403 },
  "not-found": { status: 404 },
  "model-not-found": { status: 404 },
  "method-not-allowed": { status: 405 },
  "request-timeout": { status: 408 },
  conflict: { status: 409 },
  "too-large": { status: 413 },
  "unsupported-encoding": { status: 415 },
  "upgrade-required": { status: 426 },
  "rate-limit": { status: 429 },
  /** The provider's account has no money or quota left. */
  billing: { status: 429 },
  /** A budget of the gateway is used up. */
  budget: { status: 429 },
  "headers-too-large": { status: 431 },
  /** The client went away; nobody reads the answer. */
  cancelled: { status: 499 },
  internal: { status: 500 },
  "not-implemented": { status: 501 },
  /** The provider refused the gateway's own credential: our operator's problem, never the caller's. */
  "managed-credential": { status: 502 },
  server: { status: 502 },
  unreachable: { status: 502 },
  truncated: { status: 502 },
  unreadable: { status: 502 },
  overloaded: { status: 503 },
  /** A dependency of the gateway failed, nothing is healthy, or load was shed. */
  unavailable: { status: 503 },
  timeout: { status: 504 },
} as const satisfies Record<string, { readonly status: number }>;

export type FailureClass = keyof typeof failureClasses;

/**
 * The stable codes of `x-dragoman-error-code`, each with its class. Documented one by one in docs/errors.md; a test holds the
 * two together. Add a code where a reader would act differently, not for every message.
 */
export const failureCodes = {
  // The request as HTTP.
  path_not_found: "not-found",
  method_not_allowed: "method-not-allowed",
  websocket_unsupported: "upgrade-required",
  headers_too_large: "headers-too-large",
  /** Not HTTP/1.1 as the standard has it: framing, Host, an upgrade or expectation that is not served. */
  invalid_http: "invalid-request",
  body_too_large: "too-large",
  body_timeout: "request-timeout",
  body_incomplete: "invalid-request",
  unsupported_encoding: "unsupported-encoding",
  invalid_encoding: "invalid-request",
  // The request as JSON.
  invalid_utf8: "invalid-request",
  invalid_json: "invalid-request",
  json_too_deep: "invalid-request",
  duplicate_key: "invalid-request",
  invalid_parameter: "invalid-request",
  missing_parameter: "invalid-request",
  /** Not `multipart/form-data` that every reader takes for the same form. */
  invalid_form: "invalid-request",
  unsupported_parameter: "unsupported-parameter",
  // Who asks.
  invalid_gateway_key: "authentication",
  missing_credential: "authentication",
  ambiguous_credentials: "invalid-request",
  project_mismatch: "permission",
  model_not_allowed: "permission",
  /** Files, batches and stored responses of an account that several keys would share. */
  shared_account: "permission",
  // What is asked for.
  model_not_found: "model-not-found",
  model_conflict: "invalid-request",
  not_configured: "model-not-found",
  translation_unavailable: "unsupported-operation",
  operation_unsupported: "unsupported-operation",
  operation_unavailable: "not-implemented",
  // What the provider said.
  provider_rejected_request: "invalid-request",
  context_length_exceeded: "context-length",
  content_policy_violation: "content-policy",
  invalid_signature: "signature",
  provider_rejected_credential: "authentication",
  provider_rejected_managed_credential: "managed-credential",
  provider_permission_denied: "permission",
  provider_not_found: "not-found",
  provider_model_not_found: "model-not-found",
  provider_conflict: "conflict",
  provider_request_too_large: "too-large",
  provider_rate_limited: "rate-limit",
  provider_quota_exhausted: "billing",
  provider_overloaded: "overloaded",
  provider_error: "server",
  provider_redirect: "server",
  // What happened on the way.
  provider_unreachable: "unreachable",
  provider_tls_error: "unreachable",
  provider_dns_error: "unreachable",
  provider_timeout: "timeout",
  provider_stalled: "timeout",
  provider_interrupted: "truncated",
  provider_empty_stream: "truncated",
  provider_bad_response: "unreadable",
  provider_frame_too_large: "unreadable",
  deadline_exceeded: "timeout",
  // The gateway itself.
  client_closed: "cancelled",
  store_unavailable: "unavailable",
  gateway_overloaded: "unavailable",
  gateway_shutting_down: "unavailable",
  internal: "internal",
} as const satisfies Record<string, FailureClass>;

export type FailureCode = keyof typeof failureCodes;

/** An expected failure: what happened. What to do about it and how to say it are decided elsewhere. */
export type Failure = {
  readonly class: FailureClass;
  readonly code: FailureCode;
  /** What happened, why, and what to do, in sentences for a person. No secrets, no stack. */
  readonly message: string;
  /** The HTTP status to answer with, where the provider's own is kept; absent: the class decides. */
  readonly status?: number;
  /** The request field at fault, as the client wrote it. */
  readonly param?: string;
  readonly retryAfterMs?: number;
  /** False: trying the same again cannot help. Absent: the class decides. */
  readonly retryable?: boolean;
  /** Methods that the path does have, for 405. */
  readonly allow?: readonly string[];
  /** `prompt is too long: <tokens> tokens > <maximum> maximum`, where the provider said the numbers. */
  readonly contextLength?: { readonly tokens: number; readonly maximum: number };
  readonly upstream?: UpstreamError;
};

/** The provider's own answer, kept so that the same dialect can pass it on untouched. */
export type UpstreamError = {
  readonly dialect: DialectId;
  readonly status: number;
  readonly contentType?: string;
  readonly requestId?: string;
  /** The provider's machine code or type, as it wrote it. */
  readonly providerCode?: string;
  /** At most `UPSTREAM_ERROR_BODY_BYTES_MAX`, and whole: a longer body is left out. */
  readonly body?: Uint8Array;
};

export const UPSTREAM_ERROR_BODY_BYTES_MAX = 1_048_576;

/** Makes a failure; the code decides the class. */
export function failure(
  code: FailureCode,
  message: string,
  more: Omit<Failure, "class" | "code" | "message"> = {},
): Failure {
  return { class: failureCodes[code], code, message, ...more };
}

/** The status of the answer, before a dialect's own exceptions. */
export function failureStatus(of: Failure): number {
  return of.status ?? failureClasses[of.class].status;
}
