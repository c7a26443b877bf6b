import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, failureClasses, failureStatus, type Failure } from "../../src/canonical/failure.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { asObject, asString } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";

describe("errors", () => {
  test("every class has a status, a type and a code, and asks for no retry header of its own", () => {
    for (const name of Object.keys(failureClasses) as (keyof typeof failureClasses)[]) {
      const reason: Failure = { class: name, code: "internal", message: "What, why, what to do." };
      const written = write(reason);
      assert.equal(written.status, failureStatus(reason));
      assert.deepEqual(written.headers, {});
      const error = asObject(written.body["error"]);
      assert.deepEqual(Object.keys(error ?? {}), ["message", "type", "param", "code"]);
    }
  });

  test("a rate limit says how long to wait, in headers and in words", () => {
    const written = write(failure("provider_rate_limited", "Too many requests.", { retryAfterMs: 1200 }));
    assert.deepEqual(written.headers, { "retry-after": "2", "retry-after-ms": "1200" });
    assert.match(asString(asObject(written.body["error"])?.["message"]) ?? "", /Please try again in 1\.2s\.$/);
  });

  test("recorded refusals of providers", () => {
    const rows: readonly (readonly [name: string, code: string, message: RegExp])[] = [
      ["azure-status-404", "provider_not_found", /Resource not found/],
      ["azure-status-429", "provider_rate_limited", /exceeded token rate limit/],
      ["deepseek-status-400-context", "context_length_exceeded", /maximum context length/],
      ["deepseek-status-402", "provider_quota_exhausted", /Insufficient Balance/],
      ["groq-status-400-tool-use-failed", "provider_rejected_request", /Tool call validation failed/],
      ["mistral-status-401-detail", "provider_rejected_credential", /Invalid API Key/],
      ["mistral-status-429", "provider_rate_limited", /Rate limit exceeded/],
      ["openai-status-400-context", "context_length_exceeded", /4294 tokens/],
      ["openai-status-401", "provider_rejected_credential", /Incorrect API key/],
      ["openai-status-404-model", "provider_model_not_found", /does not exist/],
      ["openai-status-429-tokens", "provider_rate_limited", /Rate limit reached/],
      ["openai-status-500-empty", "provider_error", /status 500/],
      ["openai-status-502-html", "provider_error", /502 Bad Gateway/],
      ["openrouter-status-403-nested", "content_policy_violation", /violates usage guidelines/],
      ["xai-status-404", "provider_model_not_found", /was deprecated/],
    ];
    const refusals = fixtures("openai-chat").filter(({ response: { status } }) => status >= 400);
    assert.deepEqual(
      refusals.map(({ name }) => name),
      rows.map(([name]) => name),
    );
    for (const [index, [name, code, message]] of rows.entries()) {
      const recorded = refusals[index]?.response;
      assert.ok(recorded !== undefined);
      const reason = openaiChat.upstream.readError({ ...recorded, headers: lowerCase(recorded.headers) });
      assert.equal(reason.code, code, name);
      assert.match(reason.message, message, name);
      assert.equal(reason.upstream?.status, recorded.status, name);
      assert.equal(reason.upstream?.dialect, "openai-chat", name);
      assert.deepEqual(reason.upstream?.body, recorded.body, name);
    }
  });

  test("waits that make no sense are no waits", () => {
    const rows: readonly (readonly [headers: { readonly [name: string]: string }, expected: number | undefined])[] = [
      [{ "retry-after": "3" }, 3000],
      [{ "retry-after": "0.5" }, 500],
      [{ "retry-after-ms": "1200", "retry-after": "9" }, 1200],
      [{ "retry-after": "-1" }, undefined],
      [{ "retry-after": "NaN" }, undefined],
      [{ "retry-after": "1e9" }, undefined],
      [{ "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }, undefined],
    ];
    for (const [headers, expected] of rows) {
      const body = Buffer.from('{"error":{"message":"Slow down"}}');
      assert.equal(openaiChat.upstream.readError({ status: 429, headers, body }).retryAfterMs, expected);
    }
  });
});

function write(reason: Failure): ReturnType<typeof openaiChat.client.writeError> {
  return openaiChat.client.writeError(reason, { agent: "other", requestId: "req_TEST", framing: "sse" });
}

function lowerCase(headers: { readonly [name: string]: string }): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
