import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FailureCode } from "../../src/canonical/failure.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { messagesRequest } from "../support/anthropic-messages.ts";

const { client } = anthropicMessages;
const hello = [{ role: "user", content: "hi" }];

describe("readHead", () => {
  const rows: readonly (readonly [string, Json, JsonObject | FailureCode])[] = [
    [
      "model, stream and limit",
      { model: "m", stream: true, max_tokens: 5, messages: [] },
      { model: "m", stream: true, maxTokens: 5 },
    ],
    ["no max_tokens, as for count_tokens", { model: "m", messages: hello }, { model: "m", stream: false }],
    ["max_tokens 0 fills the cache only", { model: "m", max_tokens: 0, messages: hello }, { model: "m", maxTokens: 0 }],
    ["no model is for the operation to judge", { messages: hello }, { model: "" }],
    [
      "session in Claude Code's JSON",
      withUser('{"device_id":"d","account_uuid":"","session_id":"s-1"}'),
      { sessionKey: "s-1" },
    ],
    ["session in the older form", withUser("user_ab_account_cd_session_s-2"), { sessionKey: "s-2" }],
    ["any other user id", withUser("customer 7"), { sessionKey: "customer 7" }],
    ["JSON without a session", withUser('{"a":1}'), { sessionKey: '{"a":1}' }],
    ["messages missing", { model: "m" }, "missing_parameter"],
    ["messages not a list", { model: "m", messages: "hi" }, "invalid_parameter"],
    ["model not a text", { model: 4, messages: [] }, "invalid_parameter"],
    ["stream not a boolean", { model: "m", stream: "yes", messages: [] }, "invalid_parameter"],
    ["max_tokens not whole", { model: "m", max_tokens: 1.5, messages: [] }, "invalid_parameter"],
    ["max_tokens negative", { model: "m", max_tokens: -1, messages: [] }, "invalid_parameter"],
  ];
  for (const [name, body, expected] of rows) {
    test(name, () => {
      const head = client.readHead(messagesRequest(body));
      if (typeof expected === "string") {
        assert.equal(head.ok ? undefined : head.error.code, expected);
        return;
      }
      assert.ok(head.ok);
      assert.equal(head.value.candidates, 1);
      assert.equal(head.value.includeUsage, true);
      assert.deepEqual({ ...head.value, ...expected }, head.value);
    });
  }
});

test("readEcho keeps version and betas, which decide how answers are written", () => {
  const wire = messagesRequest({}, { "anthropic-version": "2026-10-21", "anthropic-beta": "a-1, b-2,,c-3" });
  assert.deepEqual(client.readEcho(wire), { version: "2026-10-21", betas: ["a-1", "b-2", "c-3"] });
  assert.deepEqual(client.readEcho(messagesRequest({})), { betas: [] });
});

function withUser(userId: string): Json {
  return { model: "m", messages: hello, metadata: { user_id: userId } };
}
