import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fourProviders } from "../support/config.ts";
import { jsonAnswer } from "../support/memory-transport.ts";
import { relayedStage, stage } from "../support/play.ts";

/* Bodies that no provider sees, for what is in them or for what is in them twice. */

const badBodies: readonly { readonly name: string; readonly body: string | Uint8Array; readonly code: string }[] = [
  { name: "no body", body: "", code: "invalid_json" },
  { name: "not JSON", body: "hello", code: "invalid_json" },
  { name: "an array", body: "[]", code: "invalid_json" },
  { name: "cut off", body: '{"model":"gpt-4o","messages":[', code: "invalid_json" },
  { name: "50,000 brackets", body: `{"model":"gpt-4o","messages":${"[".repeat(50_000)}`, code: "json_too_deep" },
  { name: "two models", body: '{"model":"gpt-4o","messages":[],"model":"other"}', code: "duplicate_key" },
  {
    name: "two models, one escaped",
    body: '{"model":"gpt-4o","messages":[],"mod\\u0065l":"other"}',
    code: "duplicate_key",
  },
  { name: "two streams", body: '{"model":"gpt-4o","stream":true,"messages":[],"stream":false}', code: "duplicate_key" },
  { name: "two messages", body: '{"model":"gpt-4o","messages":[],"messages":[]}', code: "duplicate_key" },
  { name: "bad UTF-8", body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), code: "invalid_utf8" },
  { name: "no model", body: '{"messages":[]}', code: "missing_parameter" },
  { name: "a number as model", body: '{"model":7,"messages":[]}', code: "invalid_parameter" },
  { name: "no messages", body: '{"model":"gpt-4o"}', code: "missing_parameter" },
  { name: "messages of the wrong type", body: '{"model":"gpt-4o","messages":"hi"}', code: "invalid_parameter" },
  {
    name: "stream of the wrong type",
    body: '{"model":"gpt-4o","messages":[],"stream":"yes"}',
    code: "invalid_parameter",
  },
];

for (const { name, body, code } of badBodies) {
  test(`a bad body is a 400 that says why: ${name}`, async () => {
    const { ask, records } = stage({ yaml: fourProviders });
    const { reply } = await ask({ body });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], code);
    assert.equal(reply.headers["x-should-retry"], "false");
    assert.equal(records[0]?.end, "refused");
  });
}

describe("keys that decide what is asked and what it costs", () => {
  for (const key of [
    "model",
    "stream",
    "input",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "messages",
  ]) {
    test(`"${key}" twice is a 400`, async () => {
      const { ask, upstream } = relayedStage(() => jsonAnswer({}));
      for (const target of ["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"]) {
        const { reply } = await ask({ target, body: `{"model":"m","${key}":1,"x":{},"${key}":2}` });
        assert.equal(reply.status, 400);
        assert.equal(reply.headers["x-dragoman-error-code"], "duplicate_key");
      }
      assert.equal(upstream.calls.length, 0);
    });
  }

  test('"generationConfig" twice is a 400', async () => {
    const { ask } = relayedStage(() => jsonAnswer({}));
    const body = '{"contents":[],"generationConfig":{"maxOutputTokens":1},"generationConfig":{"maxOutputTokens":9}}';
    const { reply } = await ask({ target: "/v1beta/models/gemini-2.5-flash:generateContent", body });
    assert.equal(reply.headers["x-dragoman-error-code"], "duplicate_key");
  });
});
