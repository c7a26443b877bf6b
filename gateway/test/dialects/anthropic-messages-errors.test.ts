import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, failureCodes, type Failure, type FailureCode } from "../../src/canonical/failure.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import type { ErrorContext } from "../../src/dialects/dialect.ts";
import { asObject } from "../../src/lib/json.ts";
import { fixture } from "../support/corpus.ts";

const { client, upstream } = anthropicMessages;

describe("readError", () => {
  const rows: readonly (readonly [string, Partial<Failure>])[] = [
    ["error-400", { code: "provider_rejected_request", status: 400, param: "messages.0" }],
    ["error-400-unsupported", { code: "unsupported_parameter", status: 400, param: "output_format.schema" }],
    [
      "error-400-context",
      { code: "context_length_exceeded", status: 400, contextLength: { tokens: 205123, maximum: 200000 } },
    ],
    ["error-401", { code: "provider_rejected_credential", status: 401, retryable: false }],
    ["error-404", { code: "provider_model_not_found", status: 404 }],
    ["error-413", { code: "provider_request_too_large", status: 413 }],
    ["error-429", { code: "provider_rate_limited", status: 429 }],
    ["error-429-headers-only", { code: "provider_rate_limited", retryAfterMs: 16_000, retryable: true }],
    ["error-429-spend-limit", { code: "provider_quota_exhausted", retryAfterMs: 3_600_000, retryable: false }],
    ["error-500", { code: "provider_error" }],
    ["error-529", { code: "provider_overloaded", retryable: true }],
  ];
  for (const [name, expected] of rows) {
    test(name, () => {
      const { response } = fixture("anthropic-messages", name);
      const of = upstream.readError(lowerCased(response));
      assert.deepEqual({ ...of, ...expected }, of);
      assert.equal(of.class, failureCodes[of.code]);
      assert.equal(of.upstream?.status, response.status);
      assert.deepEqual(of.upstream?.body, response.body);
    });
  }

  const written: readonly (readonly [string, number, string, FailureCode])[] = [
    ["402", 402, error("billing_error", "pay"), "provider_quota_exhausted"],
    ["403", 403, error("permission_error", "no"), "provider_permission_denied"],
    [
      "credit balance",
      400,
      error("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
      "provider_quota_exhausted",
    ],
    [
      "413 under the general type",
      413,
      error("invalid_request_error", "request exceeds the maximum size"),
      "provider_request_too_large",
    ],
    [
      "signature",
      400,
      error("invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"),
      "invalid_signature",
    ],
    [
      "output filter",
      400,
      error("invalid_request_error", "Output blocked by content filtering policy"),
      "content_policy_violation",
    ],
    ["a proxy's page", 502, "<html><title>Bad gateway</title></html>", "provider_error"],
    ["nothing at all", 503, "", "provider_overloaded"],
    [
      "Google's list",
      429,
      '[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}]',
      "provider_rate_limited",
    ],
    ["a redirect", 307, "", "provider_redirect"],
    ["an unknown 4xx", 418, '{"message":"teapot"}', "provider_rejected_request"],
  ];
  for (const [name, status, body, code] of written) {
    test(name, () => {
      const of = upstream.readError({ status, headers: {}, body: new TextEncoder().encode(body) });
      assert.equal(of.code, code);
      assert.ok(of.message.length > 0 && !of.message.includes("<html"));
    });
  }

  test("input and max_tokens that exceed the window together", () => {
    const message =
      "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length";
    const of = upstream.readError({
      status: 400,
      headers: {},
      body: new TextEncoder().encode(error("invalid_request_error", message)),
    });
    assert.deepEqual([of.code, of.contextLength], ["context_length_exceeded", { tokens: 210000, maximum: 200000 }]);
  });
});

describe("writeError", () => {
  const context: ErrorContext = { agent: "other", requestId: "req_1", framing: "sse" };
  const rows: readonly (readonly [string, Failure, number, string])[] = [
    ["bad request", failure("invalid_parameter", "x"), 400, "invalid_request_error"],
    ["bad key", failure("invalid_gateway_key", "x"), 401, "authentication_error"],
    ["unknown model", failure("model_not_found", "x"), 404, "not_found_error"],
    ["rate limit", failure("provider_rate_limited", "x"), 429, "rate_limit_error"],
    ["quota of the provider's account", failure("provider_quota_exhausted", "x"), 429, "rate_limit_error"],
    ["the caller's own bill", failure("provider_quota_exhausted", "x", { status: 402 }), 402, "billing_error"],
    ["managed credential", failure("provider_rejected_managed_credential", "x"), 502, "api_error"],
    ["provider failed", failure("provider_error", "x"), 502, "api_error"],
    ["provider slow", failure("provider_timeout", "x"), 504, "timeout_error"],
    ["provider overloaded", failure("provider_overloaded", "x", { status: 503 }), 529, "overloaded_error"],
    ["gateway sheds load", failure("gateway_overloaded", "x"), 529, "overloaded_error"],
    ["store gone", failure("store_unavailable", "x"), 503, "api_error"],
    ["kept status", failure("provider_rejected_request", "x", { status: 422 }), 422, "invalid_request_error"],
    ["too large", failure("body_too_large", "x"), 413, "request_too_large"],
    ["a budget of ours", { class: "budget", code: "internal", message: "x" }, 429, "billing_error"],
  ];
  for (const [name, of, status, type] of rows) {
    test(name, () => {
      const written = client.writeError(of, context);
      assert.equal(written.status, status);
      assert.deepEqual(written.body, {
        type: "error",
        error: { type, message: "x", details: { error_code: of.code } },
        request_id: "req_1",
      });
      assert.deepEqual(written.headers, { "request-id": "req_1" });
    });
  }

  test("the wait is told in whole seconds, rounded up", () => {
    const written = client.writeError(failure("provider_rate_limited", "x", { retryAfterMs: 1200 }), context);
    assert.equal(written.headers["retry-after"], "2");
  });

  const message = (of: Failure) => asObject(client.writeError(of, context).body["error"])?.["message"];
  test("a prompt that is too long is told in the words that make Claude Code compact", () => {
    const contextLength = { tokens: 12, maximum: 10 };
    assert.equal(
      message(failure("context_length_exceeded", "Too much.", { contextLength })),
      "prompt is too long: 12 tokens > 10 maximum. Too much.",
    );
    const native = "prompt is too long: 12 tokens > 10 maximum";
    assert.equal(message(failure("context_length_exceeded", native, { contextLength })), native);
    assert.equal(message(failure("context_length_exceeded", "Too much.")), "prompt is too long. Too much.");
  });

  test("Claude Code gets our own refusal as 451, which it does not repeat; SDKs get 400; a provider's refusal keeps its status", () => {
    const ours = failure("content_policy_violation", "x");
    const theirs = { ...ours, upstream: { dialect: "openai-chat" as const, status: 400 } };
    assert.equal(client.writeError(ours, { ...context, agent: "claude-code" }).status, 451);
    assert.equal(client.writeError(ours, context).status, 400);
    assert.equal(client.writeError(theirs, { ...context, agent: "claude-code" }).status, 400);
  });
});

function error(type: string, message: string): string {
  return JSON.stringify({ type: "error", error: { type, message } });
}

/** The relay hands header names on in lower case; recordings keep what the recorder stored. */
function lowerCased(response: {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}) {
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { ...response, headers };
}
