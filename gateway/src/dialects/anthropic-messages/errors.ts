import {
  failure,
  failureStatus,
  UPSTREAM_ERROR_BODY_BYTES_MAX,
  type Failure,
  type FailureCode,
  type UpstreamError,
} from "../../canonical/failure.ts";
import { asArray, asObject, asString, compact, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import type { ErrorAnswer, ErrorContext, WrittenError } from "../dialect.ts";
import { readRetryAfterMs } from "../retry-after.ts";
import { failureByErrorCode, failureByMessage, failureByStatus, failureByType, writtenErrors } from "./error-tables.ts";

/**
 * What a provider's error answer says: `{"type":"error","error":{"type","message","details"?:{"error_code"}},"request_id"}`, and
 * the variants around it (413 without the outer type, the clouds' own bodies, HTML, nothing at all).
 */
export function readError(answer: ErrorAnswer): Failure {
  const text = new TextDecoder().decode(answer.body);
  const parts = errorParts(parseJson(text), text);
  return describe(answer.status, parts, {
    upstream: compact({
      dialect: "anthropic-messages" as const,
      status: answer.status,
      contentType: answer.headers["content-type"],
      requestId: answer.headers["request-id"] ?? answer.headers["x-request-id"] ?? parts.requestId,
      providerCode: parts.errorCode ?? parts.type,
      body: answer.body.length <= UPSTREAM_ERROR_BODY_BYTES_MAX ? answer.body : undefined,
    }),
    retryAfterMs: readRetryAfterMs(answer.headers),
    retryable: shouldRetry(answer.headers["x-should-retry"]),
  });
}

/** An error inside an answer that began as a success: an `error` event, or an error body with status 200. */
export function readInBandError(body: JsonObject): Failure {
  const parts = errorParts(body, "");
  return describe(200, parts, {
    upstream: compact({
      dialect: "anthropic-messages" as const,
      status: 200,
      requestId: parts.requestId,
      providerCode: parts.errorCode ?? parts.type,
    }),
  });
}

/** Status, headers and body of a failure as Anthropic's SDKs and Claude Code expect them. */
export function writeError(of: Failure, client: ErrorContext): WrittenError {
  return {
    status: writtenStatus(of, client),
    headers: compact({
      "request-id": client.requestId,
      "retry-after": of.retryAfterMs === undefined ? undefined : String(Math.ceil(of.retryAfterMs / 1000)),
    }),
    body: writeErrorBody(of, client.requestId),
  };
}

/** The body of an error answer, which is also the data of an `error` event. */
export function writeErrorBody(of: Failure, requestId: string): JsonObject {
  return {
    type: "error",
    error: { type: writtenType(of), message: writtenMessage(of), details: { error_code: of.code } },
    request_id: requestId,
  };
}

function writtenStatus(of: Failure, client: ErrorContext): number {
  // Claude Code repeats a 400 five times with growing bodies, a 451 never, and shows the message of both (recorded).
  const isOurRefusal = of.code === "content_policy_violation" && of.upstream === undefined;
  if (isOurRefusal && client.agent === "claude-code") return 451;
  if (of.code === "gateway_overloaded") return writtenErrors.overloaded.status;
  const written = writtenErrors[of.class];
  return "status" in written ? written.status : failureStatus(of);
}

function writtenType(of: Failure): string {
  if (of.code === "gateway_overloaded") return writtenErrors.overloaded.type;
  if (of.class === "billing" && of.status === 402) return "billing_error";
  return writtenErrors[of.class].type;
}

/** Claude Code compacts the conversation when a message starts with exactly these words. */
const TOO_LONG = "prompt is too long";

function writtenMessage(of: Failure): string {
  if (of.class !== "context-length" || of.message.startsWith(TOO_LONG)) return of.message;
  if (of.contextLength === undefined) return `${TOO_LONG}. ${of.message}`;
  const { tokens, maximum } = of.contextLength;
  return `${TOO_LONG}: ${tokens} tokens > ${maximum} maximum. ${of.message}`;
}

type ErrorParts = {
  readonly message?: string;
  readonly type?: string;
  readonly errorCode?: string;
  readonly requestId?: string;
};

type Details = {
  readonly upstream: UpstreamError;
  readonly retryAfterMs?: number | undefined;
  readonly retryable?: boolean | undefined;
};

function describe(status: number, parts: ErrorParts, details: Details): Failure {
  const message = parts.message ?? `The provider answered with status ${status} and no explanation.`;
  const code = failureCode(status, parts, message);
  const isCallersMistake =
    status >= 400 && status < 500 && code !== "provider_timeout" && code !== "provider_overloaded";
  const isAboutRequest = code === "provider_rejected_request" || code === "unsupported_parameter";
  return failure(
    code,
    message,
    compact({
      status: isCallersMistake ? status : undefined,
      param: isAboutRequest ? paramIn(message) : undefined,
      retryAfterMs: details.retryAfterMs,
      retryable: details.retryable,
      contextLength: code === "context_length_exceeded" ? contextLength(message) : undefined,
      upstream: details.upstream,
    }),
  );
}

/** Machine code first, then type, then status; wording only refines what these left coarse. */
function failureCode(status: number, parts: ErrorParts, message: string): FailureCode {
  // A body that is too large is also reported as `invalid_request_error`; the status is the clearer word.
  const byType = status === 413 ? undefined : lookUp(failureByType, parts.type);
  const coarse = lookUp(failureByErrorCode, parts.errorCode) ?? byType ?? byStatus(status);
  const refined = failureByMessage.find((row) => row.refines.includes(coarse) && row.pattern.test(message));
  return refined?.code ?? coarse;
}

function byStatus(status: number): FailureCode {
  const known = failureByStatus[status];
  if (known !== undefined) return known;
  if (status >= 300 && status < 400) return "provider_redirect";
  return status >= 400 && status < 500 ? "provider_rejected_request" : "provider_error";
}

function lookUp(table: { readonly [key: string]: FailureCode }, key: string | undefined): FailureCode | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

const PLAIN_MESSAGE_LENGTH_MAX = 500;

/** Finds the parts wherever they stand; Vertex answers like Google (an array at times), proxies answer with anything. */
function errorParts(body: Json | undefined, text: string): ErrorParts {
  const outer = asObject(asArray(body)?.[0] ?? body);
  if (outer === undefined) return compact({ message: plainMessage(asString(body) ?? text) });
  const error = asObject(outer["error"]) ?? outer;
  const type = asString(error["type"]);
  return compact({
    message:
      asString(error["message"]) ?? asString(outer["error"]) ?? asString(outer["message"]) ?? asString(outer["detail"]),
    type: type === "error" ? undefined : (type ?? asString(error["status"]) ?? asString(error["code"])),
    errorCode: asString(asObject(error["details"])?.["error_code"]),
    requestId: asString(outer["request_id"]),
  });
}

function plainMessage(text: string): string | undefined {
  const words = text.trim();
  return words === "" || words.startsWith("<") ? undefined : words.slice(0, PLAIN_MESSAGE_LENGTH_MAX);
}

/** Validation messages start with the place: `messages.0.content: …`, `output_format.schema: …`. */
function paramIn(message: string): string | undefined {
  return /^([a-z_]+(?:\.[\w-]+)*): /.exec(message)?.[1];
}

/** `prompt is too long: 205000 tokens > 200000 maximum`, or input and `max_tokens` which together exceed the window. */
function contextLength(message: string): Failure["contextLength"] {
  const prompt = /too long: (\d{1,12}) tokens > (\d{1,12}) maximum/i.exec(message);
  if (prompt !== null) return { tokens: Number(prompt[1]), maximum: Number(prompt[2]) };
  const sum = /context limit: (\d{1,12}) \+ (\d{1,12}) > (\d{1,12})/i.exec(message);
  return sum === null ? undefined : { tokens: Number(sum[1]) + Number(sum[2]), maximum: Number(sum[3]) };
}

function shouldRetry(header: string | undefined): boolean | undefined {
  return header === "true" ? true : header === "false" ? false : undefined;
}
