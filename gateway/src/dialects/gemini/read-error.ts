import {
  failure,
  failureCodes,
  UPSTREAM_ERROR_BODY_BYTES_MAX,
  type Failure,
  type FailureCode,
  type UpstreamError,
} from "../../canonical/failure.ts";
import { asObject, asString, compact, isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import type { ErrorAnswer } from "../dialect.ts";
import { readRetryAfterMs, waitMs } from "../retry-after.ts";
import { field, list, number } from "./fields.ts";

/**
 * An answer that is not a success: `{"error":{code,message,status,details[]}}`, in an array on stream endpoints without
 * `alt=sse`, and labelled `text/event-stream` with it. Anything else (HTML of a proxy, nothing) is told by its status.
 */
export function readError(answer: ErrorAnswer): Failure {
  const text = new TextDecoder().decode(answer.body);
  const error = readParts(parseJson(text), text);
  return describe(answer.status, error, {
    retryAfterMs: readRetryAfterMs(answer.headers),
    upstream: compact({
      dialect: "gemini" as const,
      status: answer.status,
      contentType: answer.headers["content-type"],
      requestId: answer.headers["x-goog-request-id"] ?? answer.headers["x-request-id"],
      providerCode: error.reason ?? error.status,
      body: answer.body.length <= UPSTREAM_ERROR_BODY_BYTES_MAX ? answer.body : undefined,
    }),
  });
}

/** The `error` member of a chunk, or of a plain answer with status 200. Its own `code` stands for the status that could not be sent. */
export function readInBandError(value: Json): Failure {
  const error = readParts({ error: value }, "");
  const status = error.code ?? 200;
  const upstream = compact({ dialect: "gemini" as const, status, providerCode: error.reason ?? error.status });
  return describe(status, error, { upstream });
}

type ErrorParts = {
  readonly message: string;
  /** The HTTP status that the body names. */
  readonly code: number | undefined;
  /** `INVALID_ARGUMENT` and so on. */
  readonly status: string | undefined;
  /** `ErrorInfo.reason`. */
  readonly reason: string | undefined;
  readonly quotaIds: readonly string[];
  readonly retryDelay: string | undefined;
  readonly param: string | undefined;
};

function describe(
  status: number,
  error: ErrorParts,
  more: { readonly retryAfterMs?: number | undefined; readonly upstream: UpstreamError },
): Failure {
  const code = failureCode(status, error);
  const isLimit = failureCodes[code] === "rate-limit";
  const message =
    error.message === "" ? `The provider answered with status ${status} and no explanation.` : error.message;
  return failure(
    code,
    message,
    compact({
      param: error.param,
      retryAfterMs: retryDelayMs(error) ?? more.retryAfterMs ?? (isLimit ? waitInMessage(message) : undefined),
      contextLength: code === "context_length_exceeded" ? contextLength(message) : undefined,
      upstream: more.upstream,
    }),
  );
}

/** Machine codes first, then wording, then the RPC status, then the HTTP status: the order of certainty. */
function failureCode(status: number, error: ErrorParts): FailureCode {
  // INVALID_ARGUMENT as well, but smaller is what it takes.
  if (status === 413) return "provider_request_too_large";
  const byReason = error.reason === undefined ? undefined : own(codesByReason, error.reason);
  if (byReason !== undefined) return byReason;
  if (error.quotaIds.some((id) => /PerDay|Daily/.test(id))) return "provider_quota_exhausted";
  const byMessage = codesByMessage.find((row) => row.pattern.test(error.message) && (row.status ?? status) === status);
  if (byMessage !== undefined) return byMessage.code;
  const byStatus = error.status === undefined ? undefined : own(codesByStatus, error.status);
  if (byStatus !== undefined) return byStatus;
  return own(codesByHttpStatus, String(status)) ?? byRange(status);
}

/** `google.rpc.ErrorInfo.reason`, see https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto */
const codesByReason: Readonly<Record<string, FailureCode>> = {
  API_KEY_INVALID: "provider_rejected_credential",
  API_KEY_EXPIRED: "provider_rejected_credential",
  CREDENTIALS_MISSING: "provider_rejected_credential",
  ACCESS_TOKEN_EXPIRED: "provider_rejected_credential",
  ACCESS_TOKEN_TYPE_UNSUPPORTED: "provider_rejected_credential",
  ACCOUNT_STATE_INVALID: "provider_rejected_credential",
  SERVICE_DISABLED: "provider_permission_denied",
  API_KEY_SERVICE_BLOCKED: "provider_permission_denied",
  IAM_PERMISSION_DENIED: "provider_permission_denied",
  CONSUMER_SUSPENDED: "provider_permission_denied",
  BILLING_DISABLED: "provider_quota_exhausted",
  QUOTA_EXHAUSTED: "provider_quota_exhausted",
  RATE_LIMIT_EXCEEDED: "provider_rate_limited",
};

/** Wording is the last resort where INVALID_ARGUMENT stands for everything. `status` narrows a row to one HTTP status. */
const codesByMessage: readonly { readonly pattern: RegExp; readonly code: FailureCode; readonly status?: number }[] = [
  { pattern: /input token count.*exceeds the maximum/i, code: "context_length_exceeded" },
  {
    pattern: /^Invalid JSON payload received\. Unknown name|^Unknown name/i,
    code: "unsupported_parameter",
    status: 400,
  },
  { pattern: /thought_signature|thought signature/i, code: "invalid_signature", status: 400 },
  { pattern: /payload size exceeds/i, code: "provider_request_too_large" },
  { pattern: /api key not valid|api key expired/i, code: "provider_rejected_credential", status: 400 },
  {
    pattern: /enable billing|billing (account|is not enabled|to be enabled)/i,
    code: "provider_quota_exhausted",
    status: 400,
  },
  // "models/x is not found for API version v1beta", "Publisher Model `…` was not found".
  { pattern: /^models\/.* is not found|publisher model/i, code: "provider_model_not_found", status: 404 },
];

/** `google.rpc.Code` names. */
const codesByStatus: Readonly<Record<string, FailureCode>> = {
  INVALID_ARGUMENT: "provider_rejected_request",
  FAILED_PRECONDITION: "provider_rejected_request",
  OUT_OF_RANGE: "provider_rejected_request",
  UNIMPLEMENTED: "provider_rejected_request",
  UNAUTHENTICATED: "provider_rejected_credential",
  PERMISSION_DENIED: "provider_permission_denied",
  NOT_FOUND: "provider_not_found",
  ABORTED: "provider_conflict",
  ALREADY_EXISTS: "provider_conflict",
  RESOURCE_EXHAUSTED: "provider_rate_limited",
  CANCELLED: "provider_interrupted",
  DEADLINE_EXCEEDED: "provider_timeout",
  UNAVAILABLE: "provider_overloaded",
  INTERNAL: "provider_error",
  UNKNOWN: "provider_error",
  DATA_LOSS: "provider_error",
};

const codesByHttpStatus: Readonly<Record<string, FailureCode>> = {
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
};

function byRange(status: number): FailureCode {
  if (status >= 300 && status < 400) return "provider_redirect";
  return status >= 400 && status < 500 ? "provider_rejected_request" : "provider_error";
}

function own(table: Readonly<Record<string, FailureCode>>, key: string): FailureCode | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Finds the error wherever it stands: in an object, in an array of one, as text, or not at all. */
function readParts(body: Json | undefined, text: string): ErrorParts {
  const outer = asObject(Array.isArray(body) ? body[0] : body);
  const error = asObject(outer?.["error"]) ?? outer ?? {};
  const details = list(field(error, "details")).filter(isObject);
  const violation = (kind: string, key: string) => list(field(detail(details, kind) ?? {}, key)).filter(isObject);
  const info = detail(details, "ErrorInfo");
  return {
    message:
      asString(outer?.["error"]) ??
      asString(field(error, "message")) ??
      (outer === undefined ? plainMessage(text) : ""),
    code: statusIn(field(error, "code")),
    status: asString(field(error, "status")),
    reason: info === undefined ? undefined : asString(field(info, "reason")),
    quotaIds: violation("QuotaFailure", "violations").flatMap((each) => asString(field(each, "quotaId")) ?? []),
    retryDelay: asString(field(detail(details, "RetryInfo") ?? {}, "retryDelay")),
    param: violation("BadRequest", "fieldViolations")
      .map((each) => asString(field(each, "field")))
      .find((each) => each !== undefined && each !== ""),
  };
}

function detail(details: readonly JsonObject[], kind: string): JsonObject | undefined {
  return details.find((each) => asString(each["@type"])?.endsWith(`google.rpc.${kind}`) === true);
}

function statusIn(value: Json | undefined): number | undefined {
  const status = number(value);
  return status !== undefined && status >= 400 && status <= 599 ? status : undefined;
}

const PLAIN_MESSAGE_LENGTH_MAX = 500;

/** The words of a body that is not JSON; a page of a proxy says nothing that helps. */
function plainMessage(text: string): string {
  const words = text.trim();
  return words.startsWith("<") ? "" : words.slice(0, PLAIN_MESSAGE_LENGTH_MAX);
}

/** A `google.protobuf.Duration`: "48.939935699s". */
function retryDelayMs(error: ErrorParts): number | undefined {
  return error.retryDelay?.endsWith("s") === true ? waitMs(error.retryDelay.slice(0, -1), 1000) : undefined;
}

/** "Please retry in 48.939935699s.", also "in 650.3ms". */
function waitInMessage(message: string): number | undefined {
  const found = /retry in (\d+(?:\.\d+)?)(ms|s)/i.exec(message);
  return waitMs(found?.[1], found?.[2] === "ms" ? 1 : 1000);
}

/** "The input token count (1250074) exceeds the maximum number of tokens allowed (1048576)." */
function contextLength(message: string): Failure["contextLength"] {
  const found =
    /input token count \(?(\d{1,12})\)? exceeds the maximum number of tokens allowed \(?(\d{1,12})\)?/i.exec(message);
  if (found === null) return undefined;
  return { tokens: Number(found[1]), maximum: Number(found[2]) };
}
