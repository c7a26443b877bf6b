import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import type { Agent, ErrorContext, WrittenError } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { asArray, asObject, asString, type JsonObject } from "../../src/lib/json.ts";

/*
 * Where an error is told to an agent in another form than to SDKs, because it would repeat the usual one for minutes or hide its
 * words. What each agent does with each form has been seen with Codex 0.169 and Gemini CLI 0.61; `gateway/test/agents` looks
 * again, with the agents themselves.
 */

const wallMs = Date.UTC(2027, 0, 1);

function write(dialect: ClientDialectId, of: Failure, agent: Agent, more: Partial<ErrorContext> = {}): WrittenError {
  return dialects[dialect].client.writeError(of, { agent, requestId: "req_1", framing: "sse", wallMs, ...more });
}

function errorIn(written: WrittenError): JsonObject {
  return asObject(written.body["error"]) ?? {};
}

function rateLimit(retryAfterMs: number): Failure {
  return failure("provider_rate_limited", "Slow down.", { status: 429, retryAfterMs });
}

describe("a rate limit, for Codex", () => {
  test("a minute is waited for", () => {
    const written = write("openai-responses", rateLimit(60_000), "codex");
    assert.deepEqual([written.status, errorIn(written)["code"]], [429, "rate_limit_exceeded"]);
    assert.notEqual(errorIn(written)["type"], "usage_limit_reached");
    assert.equal(written.departs, undefined);
  });

  test("more than a minute is a used up limit with a date: it would sleep that long and show nothing", () => {
    const written = write("openai-responses", rateLimit(60_001), "codex");
    assert.equal(written.status, 429);
    const { type, resets_at: resetsAt, resets_in_seconds: resetsIn } = errorIn(written);
    assert.deepEqual([type, resetsAt, resetsIn], ["usage_limit_reached", wallMs / 1000 + 61, 61]);
    assert.equal(written.departs, true);
  });

  test("for everybody else it stays a rate limit with its wait", () => {
    const written = write("openai-responses", rateLimit(3_600_000), "other");
    assert.deepEqual([errorIn(written)["code"], written.headers["retry-after"]], ["rate_limit_exceeded", "3600"]);
    assert.equal(errorIn(written)["resets_at"], undefined);
  });
});

describe("a failure that repeating cannot mend", () => {
  const hopeless = [
    failure("provider_rejected_managed_credential", "Our words.", { retryable: false }),
    failure("provider_permission_denied", "Our words.", { status: 403 }),
    failure("provider_request_too_large", "Our words.", { status: 413 }),
    failure("content_policy_violation", "Our words."),
    failure("invalid_parameter", "Our words.", { param: "input" }),
    failure("operation_unavailable", "Our words."),
  ];
  for (const of of hopeless) {
    test(`${of.code}: Codex asks once and shows the message alone`, () => {
      const written = write("openai-responses", of, "codex");
      assert.deepEqual(
        [written.status, errorIn(written)["code"], errorIn(written)["message"]],
        [400, "invalid_prompt", "Our words."],
      );
      assert.notEqual(errorIn(write("openai-responses", of, "other"))["code"], "invalid_prompt");
    });
  }

  test("Codex fetches a new key after a 401, so that stays one", () => {
    const written = write("openai-responses", failure("invalid_gateway_key", "No."), "codex");
    assert.equal(written.status, 401);
  });

  test("Codex knows a context that is too long by its code", () => {
    const written = write("openai-responses", failure("context_length_exceeded", "Too long."), "codex");
    assert.deepEqual([written.status, errorIn(written)["code"]], [400, "context_length_exceeded"]);
  });

  for (const code of ["provider_rejected_managed_credential", "operation_unavailable"] as const) {
    test(`${code}: Gemini CLI, which repeats every 5xx for minutes, gets a 400`, () => {
      const of = failure(code, "Our words.", { retryable: false });
      const written = write("gemini", of, "gemini-cli");
      const { code: status, status: rpcStatus, message, details } = errorIn(written);
      assert.deepEqual([written.status, status, rpcStatus, message], [400, 400, "FAILED_PRECONDITION", "Our words."]);
      assert.equal(asString(asObject(asArray(details)?.[0])?.["reason"]), code.toUpperCase());
      assert.ok(write("gemini", of, "other").status >= 500);
    });
  }

  test("failures that may pass keep their status for both", () => {
    for (const code of ["provider_error", "provider_overloaded", "provider_timeout"] as const) {
      const of = failure(code, "Later.");
      assert.equal(write("openai-responses", of, "codex").status, write("openai-responses", of, "other").status);
      assert.equal(write("gemini", of, "gemini-cli").status, write("gemini", of, "other").status);
    }
  });
});
