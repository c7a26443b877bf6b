import {
  failure,
  UPSTREAM_ERROR_BODY_BYTES_MAX,
  type Failure,
  type FailureCode,
  type UpstreamError,
} from "../../canonical/failure.ts";
import { asNumber, asObject, asString, compact, parseJson, type JsonObject } from "../../lib/json.ts";
import type { ErrorAnswer } from "../dialect.ts";
import { readRetryAfterMs } from "../retry-after.ts";

/**
 * An error answer: `{"message"}` (some services write `Message`), its class in the header `x-amzn-errortype`, as in
 * `ValidationException:http://internal.amazon.com/…`.
 */
export function readError(answer: ErrorAnswer): Failure {
  const text = new TextDecoder().decode(answer.body);
  const body = asObject(parseJson(text));
  const type = answer.headers["x-amzn-errortype"] ?? asString(body?.["__type"]) ?? "";
  return describe(answer.status, className(type), body, {
    upstream: compact({
      dialect: "bedrock-converse" as const,
      status: answer.status,
      contentType: answer.headers["content-type"],
      requestId: answer.headers["x-amzn-requestid"],
      providerCode: className(type) === "" ? undefined : className(type),
      body: answer.body.length <= UPSTREAM_ERROR_BODY_BYTES_MAX ? answer.body : undefined,
    }),
    retryAfterMs: readRetryAfterMs(answer.headers),
  });
}

/** An exception, or an error of the transport, in a stream that began as a success. `event` is its frame's. */
export function readInBandError(event: string, body: JsonObject | undefined): Failure {
  const type = className(event.slice(event.indexOf(":") + 1));
  return describe(200, type, body, {
    upstream: compact({
      dialect: "bedrock-converse" as const,
      status: 200,
      providerCode: type === "" ? undefined : type,
    }),
  });
}

/** `com.amazon.coral.service#ThrottlingException:http://…` and `throttlingException` are `ThrottlingException`. */
function className(type: string): string {
  const bare = /^(?:.*#)?(?<name>\w+)/.exec(type)?.groups?.["name"] ?? "";
  return bare.slice(0, 1).toUpperCase() + bare.slice(1);
}

type Details = { readonly upstream: UpstreamError; readonly retryAfterMs?: number | undefined };

function describe(status: number, type: string, body: JsonObject | undefined, details: Details): Failure {
  const said = asString(body?.["message"]) ?? asString(body?.["Message"]) ?? asString(body?.["originalMessage"]);
  const message = said === undefined || said === "" ? unexplained(status, type) : said;
  const code = failureCode(status, type, message, asNumber(body?.["originalStatusCode"]));
  return failure(
    code,
    message,
    compact({
      status: status >= 400 && status < 500 && !ownStatus.has(code) ? status : undefined,
      retryAfterMs: details.retryAfterMs,
      upstream: details.upstream,
    }),
  );
}

function unexplained(status: number, type: string): string {
  return `The provider answered with ${type === "" ? `status ${status}` : type} and no explanation.`;
}

/** Failures of the provider that Bedrock reports with a status of the caller's mistakes. */
const ownStatus: ReadonlySet<FailureCode> = new Set(["provider_timeout", "provider_overloaded", "provider_error"]);

/** The exception says what happened, the status where there is none; wording refines what these leave coarse. */
function failureCode(status: number, type: string, message: string, original: number | undefined): FailureCode {
  const known = Object.hasOwn(failureByException, type) ? failureByException[type] : undefined;
  // The model's own status is told where Bedrock is only the messenger.
  const coarse = known ?? failureByStatus[status >= 400 ? status : (original ?? 500)] ?? byClass(status);
  const refined = failureByMessage.find(({ refines, pattern }) => refines.includes(coarse) && pattern.test(message));
  return refined?.code ?? coarse;
}

function byClass(status: number): FailureCode {
  if (status >= 300 && status < 400) return "provider_redirect";
  return status >= 400 && status < 500 ? "provider_rejected_request" : "provider_error";
}

/**
 * Exceptions of Bedrock's runtime, as its SDK 3.1162 lists them, and those that AWS answers every service with when it does
 * not accept the signature.
 */
const failureByException: { readonly [type: string]: FailureCode } = {
  ValidationException: "provider_rejected_request",
  AccessDeniedException: "provider_permission_denied",
  ResourceNotFoundException: "provider_model_not_found",
  ThrottlingException: "provider_rate_limited",
  ServiceQuotaExceededException: "provider_quota_exhausted",
  ConflictException: "provider_conflict",
  ModelNotReadyException: "provider_overloaded",
  ModelTimeoutException: "provider_timeout",
  ModelErrorException: "provider_error",
  ModelStreamErrorException: "provider_error",
  InternalServerException: "provider_error",
  InternalFailure: "provider_error",
  ServiceUnavailableException: "provider_overloaded",
  InvalidSignatureException: "provider_rejected_credential",
  SignatureDoesNotMatch: "provider_rejected_credential",
  IncompleteSignatureException: "provider_rejected_credential",
  MissingAuthenticationTokenException: "provider_rejected_credential",
  UnrecognizedClientException: "provider_rejected_credential",
  InvalidClientTokenId: "provider_rejected_credential",
  ExpiredTokenException: "provider_rejected_credential",
  RequestExpired: "provider_rejected_credential",
};

const failureByStatus: { readonly [status: number]: FailureCode } = {
  401: "provider_rejected_credential",
  403: "provider_permission_denied",
  404: "provider_not_found",
  408: "provider_timeout",
  409: "provider_conflict",
  413: "provider_request_too_large",
  424: "provider_error",
  429: "provider_rate_limited",
  503: "provider_overloaded",
  504: "provider_timeout",
};

/** A model that cannot be reached, a prompt that is too long: Bedrock calls them all a ValidationException. */
const failureByMessage: readonly {
  readonly refines: readonly FailureCode[];
  readonly pattern: RegExp;
  readonly code: FailureCode;
}[] = [
  {
    refines: ["provider_rejected_request"],
    pattern: /model identifier is invalid|model id .* (isn.t|is not) supported|marked by provider as Legacy/i,
    code: "provider_model_not_found",
  },
  {
    refines: ["provider_rejected_request"],
    pattern:
      /input is too long|too many input tokens|prompt is too long|exceeds? the (model.?s )?(maximum )?(context|input)/i,
    code: "context_length_exceeded",
  },
  {
    refines: ["provider_rejected_request"],
    pattern: /invalid `?signature`?|`?thinking`?( or `redacted_thinking`)? blocks? .*cannot be modified/i,
    code: "invalid_signature",
  },
  {
    refines: ["provider_rejected_request"],
    pattern: /doesn.t support|does not support|not supported|extraneous key|malformed input request/i,
    code: "unsupported_parameter",
  },
];
