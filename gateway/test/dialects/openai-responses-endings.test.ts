import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, failureCodes, type FailureCode } from "../../src/canonical/failure.ts";
import type { CanonicalResponse, Finish } from "../../src/canonical/response.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { asObject, asString, type Json } from "../../src/lib/json.ts";
import { fixture } from "../support/corpus.ts";
import { encodeEvents, framesOf, payloadsOf, responsesClient } from "../support/openai-responses.ts";
import { block, encode, finalOutput, finish, output, start } from "../support/responses-encoder.ts";

const codex = responsesClient({ agent: "codex" });

describe("endings", () => {
  const rows: readonly (readonly [Finish, ClientContext["agent"], string, string, Json])[] = [
    [{ reason: "stop", native: "" }, "other", "response.completed", "completed", null],
    [{ reason: "length", native: "" }, "other", "response.incomplete", "incomplete", "max_output_tokens"],
    [{ reason: "content-filter", native: "" }, "other", "response.incomplete", "incomplete", "content_filter"],
    [{ reason: "refusal", native: "" }, "other", "response.incomplete", "incomplete", "content_filter"],
    [{ reason: "cancelled", native: "" }, "other", "response.incomplete", "cancelled", null],
    [{ reason: "malformed-tool-call", native: "MALFORMED" }, "other", "response.failed", "failed", null],
    [{ reason: "pause", native: "" }, "other", "response.completed", "completed", null],
    // Codex asks six times in all when it sees anything else.
    [{ reason: "length", native: "" }, "codex", "response.completed", "incomplete", "max_output_tokens"],
    [{ reason: "content-filter", native: "" }, "codex", "response.failed", "failed", null],
  ];
  for (const [of, agent, type, status, reason] of rows) {
    test(`${of.reason} for ${agent}`, () => {
      const last = encode(block(0, { type: "text", text: "x" }), of, responsesClient({ agent })).at(-1);
      const response = asObject(last?.["response"]);
      assert.deepEqual(
        [last?.["type"], response?.["status"], asObject(response?.["incomplete_details"])?.["reason"] ?? null],
        [type, status, reason],
      );
    });
  }

  test("an unfinished text is marked as such", () => {
    const [item] = output(block(0, { type: "text", text: "x" }), { reason: "length", native: "" });
    assert.equal(item?.["status"], "incomplete");
  });

  test("a refusal that only its explanation tells is said as a refusal", () => {
    const frames = encode([], { reason: "refusal", native: "refusal", refusal: { explanation: "Not this." } });
    assert.equal(frames.at(-1)?.["type"], "response.completed");
    assert.deepEqual(finalOutput(frames)[0]?.["content"], [{ type: "refusal", refusal: "Not this." }]);
  });

  test("nothing follows a terminal", () => {
    const encoder = openaiResponses.client.encoder(responsesClient());
    for (const event of [start, ...finish({ reason: "stop", native: "" })]) encoder.write(event);
    assert.equal(encoder.write({ type: "ping" }), "");
    assert.equal(encoder.failure(failure("internal", "late")), undefined);
  });
});

describe("failures in the stream", () => {
  const codes: readonly (readonly [FailureCode, ClientContext["agent"], string])[] = [
    ["provider_rate_limited", "other", "rate_limit_exceeded"],
    ["context_length_exceeded", "other", "context_length_exceeded"],
    ["provider_quota_exhausted", "other", "insufficient_quota"],
    ["content_policy_violation", "other", "invalid_prompt"],
    ["provider_overloaded", "other", "server_error"],
    ["provider_overloaded", "codex", "server_is_overloaded"],
    ["provider_interrupted", "codex", "server_error"],
  ];
  for (const [code, agent, written] of codes) {
    test(`${code} is ${written} for ${agent}`, () => {
      const encoder = openaiResponses.client.encoder(responsesClient({ agent }));
      encoder.write(start);
      const [frame] = framesOf(encoder.failure(failure(code, "It broke.", { retryAfterMs: 2500 })) ?? "");
      const error = asObject(asObject(frame?.["response"])?.["error"]);
      assert.deepEqual([frame?.["type"], frame?.["sequence_number"], error?.["code"]], ["response.failed", 2, written]);
      const ending = failureCodes[code] === "rate-limit" ? "It broke. Please try again in 2.5s." : "It broke.";
      assert.equal(error?.["message"], ending);
    });
  }

  test("before the response began a failure is an error event", () => {
    const [frame] = framesOf(
      encodeEvents([{ type: "error", failure: failure("internal", "It broke.", { param: "input" }) }]),
    );
    assert.deepEqual(frame, {
      type: "error",
      sequence_number: 0,
      code: "server_error",
      message: "It broke.",
      param: "input",
    });
  });
});

describe("keep-alives", () => {
  test("an event for Codex while its response is open, a comment otherwise", () => {
    const event = 'event: keepalive\ndata: {"type":"keepalive"}\n\n';
    const encoder = openaiResponses.client.encoder(codex);
    assert.match(encoder.keepAlive(), /^:/);
    encoder.write(start);
    assert.equal(encoder.keepAlive(), event);
    assert.equal(encoder.write({ type: "ping" }), event);
    const plain = openaiResponses.client.encoder(responsesClient());
    plain.write(start);
    assert.match(plain.keepAlive(), /^:[^\n]*\n\n$/);
  });
});

describe("following a verbatim stream", () => {
  const payloads = payloadsOf(fixture("openai-responses", "stream-reasoning-summary").response.body);

  test("a failure goes on counting in the stream's own name", () => {
    const follower = openaiResponses.client.follower(codex);
    assert.match(follower.keepAlive(), /^:/);
    for (const payload of payloads.slice(0, 20)) follower.observe(payload);
    assert.match(follower.keepAlive(), /^event: keepalive/);
    const [frame] = framesOf(follower.failure(failure("provider_interrupted", "It broke off.")) ?? "");
    const response = asObject(frame?.["response"]);
    const created = asObject(asObject(JSON.parse(payloads[0]?.data ?? ""))?.["response"]);
    assert.deepEqual([frame?.["type"], frame?.["sequence_number"]], ["response.failed", 20]);
    assert.deepEqual(
      [response?.["id"], response?.["model"], response?.["created_at"]],
      [created?.["id"], created?.["model"], created?.["created_at"]],
    );
    assert.equal(asObject(response?.["error"])?.["message"], "It broke off.");
  });

  test("a provider's own form of id is kept, because the client has seen it", () => {
    const follower = openaiResponses.client.follower(codex);
    for (const payload of payloadsOf(fixture("openai-responses", "xai-stream-web-search").response.body).slice(0, 3))
      follower.observe(payload);
    const [frame] = framesOf(follower.failure(failure("internal", "x")) ?? "");
    assert.doesNotMatch(asString(asObject(frame?.["response"])?.["id"]) ?? "resp_", /^resp_/);
  });

  test("before anything was seen a failure is an error event, and after the terminal there is none", () => {
    const [frame] = framesOf(openaiResponses.client.follower(codex).failure(failure("internal", "x")) ?? "");
    assert.equal(frame?.["type"], "error");
    const follower = openaiResponses.client.follower(codex);
    for (const payload of payloads) follower.observe(payload);
    assert.equal(follower.failure(failure("internal", "x")), undefined);
    assert.match(follower.keepAlive(), /^:/);
  });

  test("streams without event names or numbers are followed as well", () => {
    const follower = openaiResponses.client.follower(codex);
    follower.observe({
      event: "",
      data: '{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":1}}',
    });
    const text = JSON.stringify({
      type: "response.output_text.delta",
      delta: '"sequence_number": 99, {"type":"error"}',
    });
    follower.observe({ event: "", data: text });
    const [frame] = framesOf(follower.failure(failure("internal", "x")) ?? "");
    assert.deepEqual([frame?.["type"], frame?.["sequence_number"]], ["response.failed", 2]);
    const ended = openaiResponses.client.follower(codex);
    ended.observe({ event: "", data: '{"sequence_number":4,"type":"response.completed","response":{"id":"resp_1"}}' });
    assert.equal(ended.failure(failure("internal", "x")), undefined);
  });
});

describe("errors for agents", () => {
  const context = (agent: ClientContext["agent"]) => ({ agent, requestId: "req_1", framing: "sse" as const });

  test("Codex is told when a limit resets, and stops asking", () => {
    const budget = {
      ...failure("provider_quota_exhausted", "The budget is used up."),
      class: "budget" as const,
      retryAfterMs: 60_500,
    };
    const forCodex = openaiResponses.client.writeError(budget, context("codex"));
    assert.equal(forCodex.status, 429);
    const error = asObject(forCodex.body["error"]);
    assert.deepEqual([error?.["type"], error?.["resets_in_seconds"]], ["usage_limit_reached", 61]);
    const forSdk = openaiResponses.client.writeError(budget, context("other"));
    assert.equal(asObject(forSdk.body["error"])?.["code"], "insufficient_quota");
  });

  test("a model that a key may not use is not found for Codex, forbidden for SDKs", () => {
    const of = failure("model_not_allowed", "Choose another model.");
    assert.equal(openaiResponses.client.writeError(of, context("codex")).status, 404);
    assert.equal(openaiResponses.client.writeError(of, context("other")).status, 403);
  });

  test("a bad key stays a 401", () => {
    assert.equal(
      openaiResponses.client.writeError(failure("invalid_gateway_key", "No."), context("codex")).status,
      401,
    );
  });
});

describe("plain answers", () => {
  test("members of the provider's response that have no canonical name are kept for its own format", () => {
    const response: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [{ type: "text", text: "x" }], finish: { reason: "stop", native: "" } }],
      losses: [],
      extras: { "openai-responses": { tool_usage: { web_search: { num_requests: 1 } } } },
    };
    const written = openaiResponses.client.writeResponse(response, responsesClient());
    assert.deepEqual(written["tool_usage"], { web_search: { num_requests: 1 } });
    assert.equal(written["usage"], null);
  });

  test("a background response that is still queued stays queued", () => {
    const queued: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [], finish: { reason: "other", native: "queued" } }],
      losses: [],
      extras: {},
    };
    assert.equal(openaiResponses.client.writeResponse(queued, responsesClient())["status"], "queued");
  });

  test("an answer that failed says why", () => {
    const failed: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [], finish: { reason: "error", native: "X", message: "Broken." } }],
      losses: [],
      extras: {},
    };
    const written = openaiResponses.client.writeResponse(failed, responsesClient());
    assert.deepEqual([written["status"], written["error"]], ["failed", { code: "server_error", message: "Broken." }]);
  });
});
