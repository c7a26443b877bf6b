import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, failureClasses, failureStatus, type Failure, type FailureCode } from "../../src/canonical/failure.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixture, fixtures } from "../support/corpus.ts";

const { client, upstream } = gemini;
const recorded = fixtures("gemini");

describe("writeError", () => {
  const context = { agent: "other", requestId: "req_TEST", framing: "sse" } as const;
  const errorIn = (body: JsonObject) => asObject(body["error"]) ?? {};
  const detailsIn = (body: JsonObject, kind: string) => {
    const details = errorIn(body)["details"];
    return (Array.isArray(details) ? details : [])
      .map(asObject)
      .find((each) => each?.["@type"] === `type.googleapis.com/google.rpc.${kind}`);
  };

  const rows: readonly [FailureCode, number, string][] = [
    ["invalid_json", 400, "INVALID_ARGUMENT"],
    ["invalid_gateway_key", 401, "UNAUTHENTICATED"],
    ["model_not_allowed", 403, "PERMISSION_DENIED"],
    ["model_not_found", 404, "NOT_FOUND"],
    ["provider_conflict", 409, "ABORTED"],
    ["body_too_large", 413, "INVALID_ARGUMENT"],
    ["provider_rate_limited", 429, "RESOURCE_EXHAUSTED"],
    ["client_closed", 499, "CANCELLED"],
    ["internal", 500, "INTERNAL"],
    ["operation_unavailable", 501, "UNIMPLEMENTED"],
    ["provider_rejected_managed_credential", 502, "UNAVAILABLE"],
    ["provider_overloaded", 503, "UNAVAILABLE"],
    ["provider_timeout", 504, "DEADLINE_EXCEEDED"],
  ];
  for (const [code, status, rpcStatus] of rows) {
    test(`${code} is ${status} ${rpcStatus}`, () => {
      const written = client.writeError(failure(code, "Words."), context);
      assert.equal(written.status, status);
      assert.equal(errorIn(written.body)["code"], status);
      assert.equal(errorIn(written.body)["status"], rpcStatus);
      assert.equal(errorIn(written.body)["message"], "Words.");
      assert.deepEqual(detailsIn(written.body, "ErrorInfo"), {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: code.toUpperCase(),
        domain: "dragoman",
        metadata: { requestId: "req_TEST" },
      });
    });
  }

  test("every class has a status that Google's SDK takes for an error", () => {
    for (const [name, { status }] of Object.entries(failureClasses)) assert.ok(status >= 400 && status < 600, name);
  });

  test("a wait is told in the header and as RetryInfo", () => {
    const written = client.writeError(failure("provider_rate_limited", "Slow.", { retryAfterMs: 1500 }), context);
    assert.deepEqual(written.headers, { "retry-after": "2" });
    assert.equal(detailsIn(written.body, "RetryInfo")?.["retryDelay"], "1.5s");
  });

  test("an exhausted budget is a daily quota to Gemini CLI, so that it asks once and shows our words", () => {
    const spent: Failure = { class: "budget", code: "provider_quota_exhausted", message: "The budget is used up." };
    const forCli = client.writeError(spent, { ...context, agent: "gemini-cli" });
    const violations = detailsIn(forCli.body, "QuotaFailure")?.["violations"];
    assert.match(JSON.stringify(violations), /"quotaId":"[A-Za-z]+PerDay"/);
    assert.equal(detailsIn(client.writeError(spent, context).body, "QuotaFailure"), undefined);
  });

  test("too long a context is told in Google's words", () => {
    const long = failure("context_length_exceeded", "prompt is too long", {
      contextLength: { tokens: 12, maximum: 10 },
    });
    assert.equal(
      errorIn(client.writeError(long, context).body)["message"],
      "The input token count (12) exceeds the maximum number of tokens allowed (10).",
    );
  });

  test("a field at fault is named", () => {
    const written = client.writeError(failure("missing_parameter", "Missing.", { param: "contents" }), context);
    assert.deepEqual(detailsIn(written.body, "BadRequest")?.["fieldViolations"], [
      { field: "contents", description: "Missing." },
    ]);
  });
});

describe("readError", () => {
  const read = (status: number, body: Json | string, headers: Record<string, string> = {}) =>
    upstream.readError({
      status,
      headers,
      body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    });

  const rows: readonly [string, FailureCode][] = [
    ["error-400-key", "provider_rejected_credential"],
    ["error-400-key-as-event-stream", "provider_rejected_credential"],
    ["error-400-location", "provider_rejected_request"],
    ["error-400-context-length", "context_length_exceeded"],
    ["error-401", "provider_rejected_credential"],
    ["error-403", "provider_permission_denied"],
    ["error-403-permission", "provider_permission_denied"],
    ["error-404-model", "provider_model_not_found"],
    ["error-429-quota", "provider_rate_limited"],
    ["error-429-rate", "provider_rate_limited"],
    ["error-503", "provider_overloaded"],
  ];
  for (const [name, code] of rows) {
    test(`${name} is ${code}, also in an array`, () => {
      const { response } = fixture("gemini", name);
      const found = upstream.readError({ status: response.status, headers: {}, body: response.body });
      assert.equal(found.code, code);
      assert.equal(found.upstream?.status, response.status);
      assert.equal(found.upstream.body, response.body);
      const wrapped = upstream.readError({
        ...response,
        headers: {},
        body: Buffer.from(`[${response.body.toString()}\n]`),
      });
      assert.deepEqual({ ...wrapped, upstream: 0 }, { ...found, upstream: 0 });
    });
  }

  test("every recorded error is in the table", () => {
    const names = recorded.filter(({ response }) => response.status !== 200).map(({ name }) => name);
    assert.deepEqual(names, rows.map(([name]) => name).toSorted());
  });

  test("numbers of the context error are read", () => {
    const { response } = fixture("gemini", "error-400-context-length");
    const found = upstream.readError({ ...response, headers: {}, body: response.body });
    assert.deepEqual(found.contextLength, { tokens: 1_250_074, maximum: 1_048_576 });
  });

  test("the wait comes from RetryInfo, the header or the words", () => {
    const { response } = fixture("gemini", "error-429-quota");
    assert.equal(upstream.readError({ ...response, headers: {}, body: response.body }).retryAfterMs, 48_000);
    const bare = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Please retry in 1.5s." } };
    assert.equal(read(429, bare, { "retry-after": "7" }).retryAfterMs, 7000);
    assert.equal(read(429, bare).retryAfterMs, 1500);
  });

  test("a daily quota is used up, not a rate limit", () => {
    const details = [
      {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }],
      },
    ];
    const body = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Quota.", details } };
    assert.equal(read(429, body).code, "provider_quota_exhausted");
  });

  const bare: readonly [number, Json | string, FailureCode][] = [
    [
      400,
      { error: { message: "Function call is missing a thought_signature in functionCall parts." } },
      "invalid_signature",
    ],
    [
      400,
      { error: { message: 'Invalid JSON payload received. Unknown name "x": Cannot find field.' } },
      "unsupported_parameter",
    ],
    [402, "", "provider_quota_exhausted"],
    [404, "<html>not here</html>", "provider_not_found"],
    [413, { error: { status: "INVALID_ARGUMENT", message: "big" } }, "provider_request_too_large"],
    [429, "[]", "provider_rate_limited"],
    [499, { error: { status: "CANCELLED", message: "c" } }, "provider_interrupted"],
    [500, { error: { status: "INTERNAL", message: "i" } }, "provider_error"],
    [502, "<html>bad gateway</html>", "provider_error"],
    [504, { error: { status: "DEADLINE_EXCEEDED", message: "d" } }, "provider_timeout"],
    [418, "short and stout", "provider_rejected_request"],
  ];
  for (const [status, body, code] of bare) {
    test(`${status} ${JSON.stringify(body).slice(0, 60)} is ${code}`, () => {
      const found = read(status, body);
      assert.equal(found.code, code);
      assert.ok(found.message.length > 0 && !found.message.includes("<"));
      assert.ok(failureStatus(found) >= 400);
    });
  }
});
