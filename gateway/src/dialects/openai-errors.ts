import type { DialectId } from "../canonical/dialect-id.ts";
import {
  failure,
  failureCodes,
  failureStatus,
  UPSTREAM_ERROR_BODY_BYTES_MAX,
  type Failure,
  type FailureCode,
} from "../canonical/failure.ts";
import { asArray, asNumber, asObject, asString, compact, isObject, parseJson, type Json } from "../lib/json.ts";
import type { ErrorAnswer, WrittenError } from "./dialect.ts";
import { failureByMessage, failureByProviderCode, failureByStatus, writtenErrors } from "./openai-error-tables.ts";
import { readRetryAfterMs, waitMs } from "./retry-after.ts";

/**
 * The error envelope that both OpenAI formats share, `{"error":{"message","type","param","code"}}`, and what compatible providers
 * make of it: HTML, nothing, `{"detail"}`, `{"message"}`, `{"error":"text"}`, numeric codes, arrays.
 */
export function readOpenAiError(answer: ErrorAnswer, dialect: DialectId): Failure {
  const text = new TextDecoder().decode(answer.body);
  const body = parseJson(text);
  const parts: ErrorParts = body === undefined ? compact({ message: plainMessage(text) }) : errorParts(body);
  const message = parts.message ?? `The provider answered with status ${answer.status} and no explanation.`;
  const shouldRetry = answer.headers["x-should-retry"];
  return describe(
    answer.status,
    { ...parts, message },
    {
      retryAfterMs: readRetryAfterMs(answer.headers),
      retryable: shouldRetry === "true" ? true : shouldRetry === "false" ? false : undefined,
      upstream: compact({
        dialect,
        status: answer.status,
        contentType: answer.headers["content-type"],
        requestId: requestId(answer.headers),
        providerCode: parts.code ?? parts.type,
        body: answer.body.length <= UPSTREAM_ERROR_BODY_BYTES_MAX ? answer.body : undefined,
      }),
    },
  );
}

/**
 * An error that arrived inside a successful answer: an `error` event or chunk, a failed response, OpenRouter's 200 with an
 * `error` member. `value` is the error object (or text); a numeric `code` in it stands for the status that could not be sent.
 */
export function readInBandOpenAiError(value: Json, dialect: DialectId): Failure {
  const parts = errorParts({ error: value });
  const status = parts.status ?? 200;
  const message = parts.message ?? "The provider reported an error in its answer and gave no explanation.";
  const upstream = compact({ dialect, status, providerCode: parts.code ?? parts.type });
  return describe(status, { ...parts, message }, { upstream });
}

/** Status, headers and body of a failure as OpenAI's SDKs expect them. Departures for single agents are the dialect's. */
export function writeOpenAiError(of: Failure): WrittenError {
  const { type, code } = writtenErrors[of.class];
  return {
    status: failureStatus(of),
    headers: retryHeaders(of.retryAfterMs),
    body: {
      error: {
        message: openAiErrorMessage(of),
        type,
        param: of.param ?? null,
        code: code === "own" ? of.code : code,
      },
    },
  };
}

/** The message of a failure; a rate limit's ends with the wait in the words that Codex and other clients look for. */
export function openAiErrorMessage(of: Failure): string {
  if (of.class !== "rate-limit" || of.retryAfterMs === undefined) return of.message;
  if (/try again in \d/i.test(of.message)) return of.message;
  return `${of.message} Please try again in ${of.retryAfterMs / 1000}s.`;
}

type ErrorParts = {
  readonly message?: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
  /** An HTTP status that the body names. */
  readonly status?: number;
};

type Details = { readonly [K in "retryAfterMs" | "retryable" | "upstream"]?: Failure[K] | undefined };

function describe(status: number, parts: ErrorParts & { readonly message: string }, details: Details): Failure {
  const code = openAiFailureCode(status, parts);
  const isOurCallersMistake = status >= 400 && status < 500 && failureCodes[code] !== "overloaded" && status !== 408;
  const isLimit = failureCodes[code] === "rate-limit";
  // "Request too large for gpt-4o … on tokens per min": a single request above the whole limit never fits, however long one waits.
  const neverFits = isLimit && /^request too large/i.test(parts.message);
  return failure(
    code,
    parts.message,
    compact({
      status: isOurCallersMistake ? status : undefined,
      param: parts.param,
      retryAfterMs: details.retryAfterMs ?? (isLimit ? waitInMessage(parts.message) : undefined),
      retryable: details.retryable ?? (neverFits ? false : undefined),
      contextLength: code === "context_length_exceeded" ? contextLength(parts.message) : undefined,
      upstream: details.upstream,
    }),
  );
}

/** Code first, then wording, then status: the order of certainty, except that wording only refines what the status allows. */
function openAiFailureCode(status: number, parts: ErrorParts): FailureCode {
  // Groq answers 413 with `rate_limit_exceeded`; waiting does not make the request smaller.
  if (status === 413) return "provider_request_too_large";
  const byCode = lookUp(parts.code) ?? lookUp(parts.type);
  if (byCode !== undefined && byCode !== "provider_error") return byCode;
  const message = parts.message ?? "";
  // In a stream there is no status to narrow the search; every pattern may apply then.
  const byMessage = failureByMessage.find(
    (row) => (status === 200 || row.statuses.includes(status)) && row.pattern.test(message),
  );
  if (byMessage !== undefined) return byMessage.code;
  const byStatus = failureByStatus[status];
  if (byStatus !== undefined) return byStatus;
  if (status >= 300 && status < 400) return "provider_redirect";
  if (status >= 400 && status < 500) return "provider_rejected_request";
  return "provider_error";
}

function lookUp(code: string | undefined): FailureCode | undefined {
  return code !== undefined && Object.hasOwn(failureByProviderCode, code) ? failureByProviderCode[code] : undefined;
}

/** Finds message, type, code and param wherever a compatible provider put them. */
function errorParts(body: Json): ErrorParts {
  // Gemini's compatible endpoint wraps errors in an array.
  const outer = asObject(Array.isArray(body) ? body[0] : body);
  if (outer === undefined) return compact({ message: wordsOf(body) });
  const inner = asObject(outer["error"]) ?? asObject(outer["detail"]) ?? outer;
  const nested = nestedParts(inner["metadata"]);
  const code = inner["code"];
  return compact({
    message: nested?.message ?? messageOf(inner) ?? messageOf(outer),
    type: asString(inner["type"]) ?? nested?.type,
    code: nested?.code ?? (typeof code === "string" && !/^\d+$/.test(code) ? code : undefined),
    param: asString(inner["param"]) ?? nested?.param,
    status: statusIn(code) ?? statusIn(inner["status"]),
  });
}

/** OpenRouter says "Provider returned error" and keeps what the provider said, as text or JSON, in `metadata.raw`. */
function nestedParts(metadata: Json | undefined): ErrorParts | undefined {
  const raw = asString(asObject(metadata)?.["raw"]);
  if (raw === undefined || raw.trim() === "") return undefined;
  const value = parseJson(raw);
  return isObject(value) ? errorParts(value) : compact({ message: plainMessage(raw) });
}

/** A text that says something; blank ones are no message. */
function wordsOf(value: Json | undefined): string | undefined {
  const text = asString(value);
  return text === undefined || text.trim() === "" ? undefined : text;
}

function messageOf(holder: { readonly [key: string]: Json | undefined }): string | undefined {
  for (const key of ["message", "error", "detail", "error_message", "title"]) {
    const text = wordsOf(holder[key]);
    if (text !== undefined) return text;
  }
  // FastAPI: {"detail":[{"loc":["body","model"],"msg":"field required","type":"value_error.missing"}]}
  const problems = (asArray(holder["detail"]) ?? []).map(problemText).filter((text) => text !== "");
  return problems.length > 0 ? problems.join("; ") : undefined;
}

function problemText(problem: Json): string {
  const text = asString(problem) ?? asString(asObject(problem)?.["msg"]) ?? "";
  const place = asArray(asObject(problem)?.["loc"])?.map(String).join(".");
  return text !== "" && place !== undefined ? `${place}: ${text}` : text;
}

const PLAIN_MESSAGE_LENGTH_MAX = 500;

/** The words of a body that is not JSON: the title of a page, or a short text. */
function plainMessage(text: string): string | undefined {
  const title = /<title>([^<]{1,200})<\/title>/i.exec(text.slice(0, 4096))?.[1]?.trim();
  if (title !== undefined) return `The provider answered with a web page: ${title}`;
  const words = text.trim();
  return words === "" || words.startsWith("<") ? undefined : words.slice(0, PLAIN_MESSAGE_LENGTH_MAX);
}

function statusIn(value: Json | undefined): number | undefined {
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : asNumber(value);
  return status !== undefined && status >= 400 && status <= 599 ? status : undefined;
}

/** "This model's maximum context length is 4097 tokens. However, your messages resulted in 4294 tokens." */
function contextLength(message: string): Failure["contextLength"] {
  const maximum = /maximum (?:context|prompt) length is (\d{1,12})/i.exec(message)?.[1];
  const tokens = /(?:resulted in|requested(?: about)?|contains) (\d{1,12})/i.exec(message)?.[1];
  return maximum === undefined || tokens === undefined
    ? undefined
    : { tokens: Number(tokens), maximum: Number(maximum) };
}

/** "Please try again in 26.604s." (OpenAI), "in 6ms", "Please retry after 86400 seconds" (Azure). */
function waitInMessage(message: string): number | undefined {
  const found = /(?:try again in|retry after) (\d+(?:\.\d+)?) ?(ms|s)/i.exec(message);
  return waitMs(found?.[1], found?.[2]?.toLowerCase() === "ms" ? 1 : 1000);
}

function requestId(headers: ErrorAnswer["headers"]): string | undefined {
  return headers["x-request-id"] ?? headers["request-id"] ?? headers["apim-request-id"] ?? headers["cf-ray"];
}

function retryHeaders(retryAfterMs: number | undefined): WrittenError["headers"] {
  if (retryAfterMs === undefined) return {};
  return { "retry-after": String(Math.ceil(retryAfterMs / 1000)), "retry-after-ms": String(Math.ceil(retryAfterMs)) };
}
