import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure } from "../../src/canonical/failure.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { checkEvents } from "../support/events.ts";
import {
  createdEvent,
  decodeData,
  decoderOptions,
  endingOf,
  kindsOf,
  terminalEvent,
  terminalResponse,
} from "../support/openai-responses.ts";

describe("how a stream ends", () => {
  const outcomes: readonly (readonly [string, JsonObject, string, string])[] = [
    ["completed", terminalEvent("completed"), "complete", "stop"],
    [
      "length",
      terminalEvent("incomplete", { incomplete_details: { reason: "max_output_tokens" } }),
      "complete",
      "length",
    ],
    [
      "filter",
      terminalEvent("incomplete", { incomplete_details: { reason: "content_filter" } }),
      "complete",
      "content-filter",
    ],
    ["another reason", terminalEvent("incomplete", { incomplete_details: { reason: "steered" } }), "complete", "other"],
    ["cancelled", terminalEvent("cancelled"), "complete", "cancelled"],
    ["nonstandard done", { ...terminalEvent("completed"), type: "response.done" }, "complete", "stop"],
    ["no status", { type: "response.incomplete", response: { id: "resp_1" } }, "complete", "other"],
    [
      "failed",
      terminalEvent("failed", { error: { code: "server_error", message: "no" } }),
      "upstream-failed",
      "provider_error",
    ],
    ["failed without saying why", terminalEvent("failed", { error: null }), "upstream-failed", "provider_error"],
    [
      "flat error",
      { type: "error", code: "rate_limit_exceeded", message: "no" },
      "upstream-failed",
      "provider_rate_limited",
    ],
    [
      "nested error",
      { type: "error", error: { code: "insufficient_quota", message: "no" } },
      "upstream-failed",
      "provider_quota_exhausted",
    ],
    ["error beside data", { error: { message: "no", code: 503 } }, "upstream-failed", "provider_overloaded"],
  ];
  for (const [what, event, outcome, expected] of outcomes) {
    test(what, () => {
      const decoded = decodeData(createdEvent(), event);
      assert.equal(decoded.outcome, outcome);
      assert.equal(checkEvents(decoded.events), undefined);
      assert.equal(endingOf(decoded.events), expected);
    });
  }

  test("an error after the terminal is still a failure, and [DONE] is none", () => {
    assert.equal(decodeData(createdEvent(), terminalEvent("completed"), "[DONE]").outcome, "complete");
    assert.equal(
      decodeData(createdEvent(), terminalEvent("completed"), { error: { message: "late" } }).outcome,
      "upstream-failed",
    );
  });

  test("the null error of every response object is no error", () => {
    assert.equal(
      decodeData(createdEvent({ error: null }), terminalEvent("completed", { error: null })).outcome,
      "complete",
    );
  });

  test("[DONE] alone does not complete a stream", () => {
    assert.equal(decodeData(createdEvent(), "[DONE]").outcome, "truncated");
  });

  test("what is not JSON is unreadable, what is unknown says nothing", () => {
    const decoded = decodeData(
      "{broken",
      "17",
      { type: "response.from.the.future" },
      {},
      createdEvent(),
      terminalEvent("completed"),
    );
    assert.equal(decoded.unreadable, 1);
    assert.deepEqual(kindsOf(decoded.events), ["start", "finish", "end"]);
  });
});

describe("plain answers that are none", () => {
  const bodies: readonly (readonly [string, JsonObject | string | null, string])[] = [
    [
      "an error with status 200",
      { error: { code: 502, message: "Provider disconnected" }, user_id: "u" },
      "provider_error",
    ],
    [
      "a failed response",
      { ...terminalResponse("failed"), error: { code: "rate_limit_exceeded", message: "slow" } },
      "provider_rate_limited",
    ],
    ["another object", { object: "list", data: [] }, "provider_bad_response"],
    ["a text", "OK", "provider_bad_response"],
    ["null", null, "provider_bad_response"],
  ];
  for (const [what, body, code] of bodies) {
    test(what, () => {
      const read = openaiResponses.upstream.readResponse(body, decoderOptions);
      assert.equal(read.ok ? "" : read.error.code, code);
    });
  }

  test("a queued background response is an answer that has not ended", () => {
    const read = openaiResponses.upstream.readResponse(terminalResponse("queued"), decoderOptions);
    assert.deepEqual(read.ok && read.value.candidates[0]?.finish, { reason: "other", native: "queued" });
  });
});

test("a failure that ended a stream is reported with its code", () => {
  const error = { type: "error", code: "context_length_exceeded", message: "Your input exceeds the context window." };
  const last = decodeData(createdEvent(), error).events.at(-1);
  assert.deepEqual(last, {
    type: "error",
    failure: failure("context_length_exceeded", "Your input exceeds the context window.", {
      upstream: { dialect: "openai-responses", status: 200, providerCode: "context_length_exceeded" },
    }),
  });
});
