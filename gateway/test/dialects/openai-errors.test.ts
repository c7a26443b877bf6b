import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, failureCodes, UPSTREAM_ERROR_BODY_BYTES_MAX, type FailureCode } from "../../src/canonical/failure.ts";
import { readDataUrl } from "../../src/dialects/data-url.ts";
import { readInBandOpenAiError, readOpenAiError, writeOpenAiError } from "../../src/dialects/openai-errors.ts";
import { RETRY_AFTER_MS_MAX, readRetryAfterMs } from "../../src/dialects/retry-after.ts";
import type { Json } from "../../src/lib/json.ts";

type Row = {
  readonly what: string;
  readonly status: number;
  readonly body: Json | undefined;
  readonly code: FailureCode;
  readonly message?: RegExp;
};

const rows: readonly Row[] = [
  {
    what: "OpenAI: context length",
    status: 400,
    body: error("This model's maximum context length is 4097 tokens. However, your messages resulted in 4294 tokens.", {
      code: "context_length_exceeded",
    }),
    code: "context_length_exceeded",
  },
  {
    what: "DeepSeek: context length by its wording alone",
    status: 400,
    body: error("This model's maximum context length is 1048565 tokens. However, you requested 1250025 tokens (…).", {
      code: "invalid_request_error",
    }),
    code: "context_length_exceeded",
  },
  {
    what: "OpenAI: quota",
    status: 429,
    body: error("quota", { code: "insufficient_quota" }),
    code: "provider_quota_exhausted",
  },
  { what: "DeepSeek: no balance", status: 402, body: error("Insufficient Balance"), code: "provider_quota_exhausted" },
  {
    what: "Mistral: flat",
    status: 429,
    body: { object: "error", message: "Rate limit exceeded", type: "rate_limited", code: "1300" },
    code: "provider_rate_limited",
  },
  {
    what: "Azure: filter",
    status: 400,
    body: error("filtered", { code: "content_filter" }),
    code: "content_policy_violation",
  },
  {
    what: "Azure: numeric code as text",
    status: 404,
    body: error("Resource not found", { code: "404" }),
    code: "provider_not_found",
  },
  {
    what: "Azure: deployment",
    status: 404,
    body: error("none", { code: "DeploymentNotFound" }),
    code: "provider_model_not_found",
  },
  {
    what: "OpenRouter: numeric code",
    status: 404,
    body: error("No endpoints found for qwen/qwq-32b:free.", { code: 404 }),
    code: "provider_model_not_found",
  },
  {
    what: "OpenRouter: what the provider behind it said",
    status: 400,
    body: error("Provider returned error", {
      code: 400,
      metadata: {
        provider_name: "OpenAI",
        raw: '{"error":{"message":"Unsupported parameter: \'seed\'","code":"unsupported_parameter"}}',
      },
    }),
    code: "unsupported_parameter",
    message: /^Unsupported parameter: 'seed'$/,
  },
  {
    what: "OpenRouter: what the provider behind it said, in words",
    status: 429,
    body: error("Provider returned error", {
      code: 429,
      metadata: { raw: "r1:free is temporarily rate-limited upstream." },
    }),
    code: "provider_rate_limited",
    message: /temporarily rate-limited/,
  },
  {
    what: "xAI: a bad key is a 400",
    status: 400,
    body: { code: "invalid-argument", error: "Incorrect API key provided." },
    code: "provider_rejected_credential",
  },
  {
    what: "xAI: error as text",
    status: 404,
    body: { code: "not found", error: "The model grok-beta was deprecated on 2025-09-15." },
    code: "provider_model_not_found",
  },
  {
    what: "Groq: too large is not a matter of waiting",
    status: 413,
    body: error("Request too large", { code: "rate_limit_exceeded" }),
    code: "provider_request_too_large",
  },
  {
    what: "Mistral: detail as text",
    status: 401,
    body: { detail: "Invalid API Key" },
    code: "provider_rejected_credential",
    message: /^Invalid API Key$/,
  },
  {
    what: "FastAPI: detail as a list",
    status: 422,
    body: { detail: [{ loc: ["body", "messages", 0], msg: "field required", type: "missing" }] },
    code: "provider_rejected_request",
    message: /^body\.messages\.0: field required$/,
  },
  {
    what: "Gemini's compatible endpoint: an array",
    status: 429,
    body: [{ error: { code: 429, message: "Resource exhausted", status: "RESOURCE_EXHAUSTED" } }],
    code: "provider_rate_limited",
    message: /^Resource exhausted$/,
  },
  {
    what: "reasoning without its pair",
    status: 400,
    body: error("Item 'msg_1' of type 'message' was provided without its required 'reasoning' item: 'rs_1'."),
    code: "invalid_signature",
  },
  {
    what: "an overloaded server",
    status: 503,
    body: error("busy", { code: "server_overloaded" }),
    code: "provider_overloaded",
  },
  {
    what: "a server error by its type",
    status: 500,
    body: error("oops", { type: "server_error" }),
    code: "provider_error",
  },
  {
    what: "a web page",
    status: 502,
    body: "<html><head><title>502 Bad Gateway</title></head></html>",
    code: "provider_error",
    message: /web page: 502 Bad Gateway/,
  },
  {
    what: "nothing at all",
    status: 500,
    body: undefined,
    code: "provider_error",
    message: /status 500 and no explanation/,
  },
  {
    what: "plain words",
    status: 504,
    body: "upstream request timeout",
    code: "provider_timeout",
    message: /^upstream request timeout$/,
  },
  { what: "JSON that says nothing", status: 400, body: {}, code: "provider_rejected_request", message: /status 400/ },
  { what: "null", status: 403, body: { error: null }, code: "provider_permission_denied", message: /status 403/ },
  {
    what: "a JSON text without a word in it",
    status: 503,
    body: '""',
    code: "provider_overloaded",
    message: /status 503 and no explanation/,
  },
  {
    what: "a JSON text of blanks",
    status: 400,
    body: '"  "',
    code: "provider_rejected_request",
    message: /status 400 and no explanation/,
  },
  { what: "a redirect", status: 302, body: undefined, code: "provider_redirect" },
];

describe("errors of OpenAI and of what is compatible with it", () => {
  for (const { what, status, body, code, message } of rows) {
    test(what, () => {
      const read = readOpenAiError({ status, headers: {}, body: bytes(body) }, "openai-chat");
      assert.equal(read.code, code);
      assert.equal(read.class, failureCodes[code]);
      assert.match(read.message, message ?? /./);
      assert.equal(read.upstream?.status, status);
    });
  }

  test("the caller's own mistakes keep the provider's status, its failures do not", () => {
    const kept = [400, 401, 402, 403, 404, 413, 422, 429].filter((status) => statusOf(status) === status);
    assert.deepEqual(kept, [400, 401, 402, 403, 404, 413, 422, 429]);
    assert.deepEqual([408, 498, 500, 502, 503, 504, 529].map(statusOf), Array.from({ length: 7 }));
  });

  test("the provider's numbers of a context that is too long", () => {
    const read = readOpenAiError({ status: 400, headers: {}, body: bytes(rows[0]?.body) }, "openai-chat");
    assert.deepEqual(read.contextLength, { tokens: 4294, maximum: 4097 });
  });

  test("headers, request id and body are kept, a body above the limit is not", () => {
    const headers = { "content-type": "application/json", "x-request-id": "req_9", "x-should-retry": "false" };
    const read = readOpenAiError(
      { status: 400, headers, body: bytes(error("no", { param: "input", code: "odd" })) },
      "openai-chat",
    );
    assert.equal(read.param, "input");
    assert.equal(read.retryable, false);
    assert.equal(read.upstream?.requestId, "req_9");
    assert.equal(read.upstream?.contentType, "application/json");
    assert.equal(read.upstream?.providerCode, "odd");
    assert.ok(read.upstream?.body !== undefined);
    const atLimit = new Uint8Array(UPSTREAM_ERROR_BODY_BYTES_MAX);
    const above = new Uint8Array(UPSTREAM_ERROR_BODY_BYTES_MAX + 1);
    assert.ok(readOpenAiError({ status: 500, headers: {}, body: atLimit }, "openai-chat").upstream?.body !== undefined);
    assert.equal(readOpenAiError({ status: 500, headers: {}, body: above }, "openai-chat").upstream?.body, undefined);
  });

  test("a request above the whole limit is not worth a second try", () => {
    const body = error("Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.", {
      code: "rate_limit_exceeded",
    });
    assert.equal(readOpenAiError({ status: 429, headers: {}, body: bytes(body) }, "openai-chat").retryable, false);
  });
});

describe("errors inside a successful answer", () => {
  test("a numeric code stands for the status that could not be sent", () => {
    const read = readInBandOpenAiError({ code: 502, message: "Provider disconnected" }, "openai-chat");
    assert.equal(read.code, "provider_error");
    assert.equal(
      readInBandOpenAiError({ code: 429, message: "Slow down" }, "openai-chat").code,
      "provider_rate_limited",
    );
  });

  test("codes, wordings and bare texts", () => {
    assert.equal(readInBandOpenAiError({ code: "server_error", message: "x" }, "openai-chat").code, "provider_error");
    assert.equal(
      readInBandOpenAiError({ code: "insufficient_quota", message: "x" }, "openai-chat").code,
      "provider_quota_exhausted",
    );
    assert.equal(
      readInBandOpenAiError({ message: "input exceeds the context window" }, "openai-chat").code,
      "context_length_exceeded",
    );
    assert.equal(readInBandOpenAiError("it broke", "openai-chat").message, "it broke");
    assert.match(readInBandOpenAiError({}, "openai-chat").message, /no explanation/);
  });
});

describe("how long to wait", () => {
  const waits: readonly (readonly [Record<string, string>, number | undefined])[] = [
    [{ "retry-after": "2" }, 2000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "1200", "retry-after": "2" }, 1200],
    [{ "retry-after-ms": "soon", "retry-after": "2" }, 2000],
    [{ "retry-after": String(RETRY_AFTER_MS_MAX / 1000) }, RETRY_AFTER_MS_MAX],
    [{ "retry-after": String(RETRY_AFTER_MS_MAX / 1000 + 1) }, undefined],
    [{ "retry-after": "-1" }, undefined],
    [{ "retry-after": "NaN" }, undefined],
    [{ "retry-after": "1e9" }, undefined],
    [{ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, undefined],
    [{}, undefined],
  ];
  for (const [headers, expected] of waits) {
    test(JSON.stringify(headers), () => assert.equal(readRetryAfterMs(headers), expected));
  }

  test("the words of a rate limit count where the headers are silent", () => {
    const wait = (message: string) =>
      readOpenAiError({ status: 429, headers: {}, body: bytes(error(message)) }, "openai-chat").retryAfterMs;
    assert.equal(wait("Rate limit reached. Please try again in 26.604s. Visit …"), 26_604);
    assert.equal(wait("Please try again in 6ms."), 6);
    assert.equal(wait("Please retry after 86400 seconds."), 86_400_000);
  });
});

describe("the written envelope", () => {
  test("a rate limit says when to try again, in headers and in the words that clients parse", () => {
    const written = writeOpenAiError(failure("provider_rate_limited", "Too fast.", { retryAfterMs: 1500 }));
    assert.equal(written.status, 429);
    assert.deepEqual(written.headers, { "retry-after": "2", "retry-after-ms": "1500" });
    assert.deepEqual(written.body, {
      error: {
        message: "Too fast. Please try again in 1.5s.",
        type: "rate_limit_error",
        param: null,
        code: "rate_limit_exceeded",
      },
    });
  });

  test("words that say it already are left alone", () => {
    const written = writeOpenAiError(
      failure("provider_rate_limited", "Please try again in 3s.", { retryAfterMs: 3000 }),
    );
    assert.match(JSON.stringify(written.body), /"Please try again in 3s\."/);
  });

  const statuses: readonly (readonly [FailureCode, number, string])[] = [
    ["provider_overloaded", 503, "server_overloaded"],
    ["provider_error", 502, "provider_error"],
    ["provider_rejected_managed_credential", 502, "provider_rejected_managed_credential"],
    ["provider_timeout", 504, "provider_timeout"],
    ["provider_quota_exhausted", 429, "insufficient_quota"],
    ["gateway_overloaded", 503, "gateway_overloaded"],
    ["model_not_found", 404, "model_not_found"],
    ["invalid_gateway_key", 401, "invalid_api_key"],
    ["body_too_large", 413, "request_too_large"],
  ];
  for (const [code, status, written] of statuses) {
    test(`${code} is ${status} ${written}`, () => {
      const { status: got, body } = writeOpenAiError(failure(code, "x", { param: "model" }));
      assert.equal(got, status);
      assert.match(JSON.stringify(body), new RegExp(`"param":"model","code":"${written}"`));
    });
  }
});

test("data URLs: base64 ones are read, others are not", () => {
  assert.deepEqual(readDataUrl("data:image/png;base64,AAAA"), { mimeType: "image/png", data: "AAAA" });
  assert.deepEqual(readDataUrl("DATA:text/plain;charset=utf-8;base64,QQ=="), { mimeType: "text/plain", data: "QQ==" });
  assert.deepEqual(readDataUrl("data:;base64,QQ=="), { mimeType: "text/plain", data: "QQ==" });
  for (const url of ["data:image/png,AAAA", "data:image/png;base64", "https://example.com/a,b;base64,c", ""]) {
    assert.equal(readDataUrl(url), undefined, url);
  }
});

function error(message: string, more: { readonly [key: string]: Json } = {}): Json {
  return { error: { message, type: "invalid_request_error", param: null, code: null, ...more } };
}

function bytes(body: Json | undefined): Uint8Array {
  return Buffer.from(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body));
}

function statusOf(status: number): number | undefined {
  return readOpenAiError({ status, headers: {}, body: bytes(error("x")) }, "openai-chat").status;
}
