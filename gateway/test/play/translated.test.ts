import assert from "node:assert/strict";
import { test } from "node:test";
import { createKey } from "../../src/limits/keys.ts";
import { fourProviders, providerKeys } from "../support/config.ts";
import { jsonAnswer, type Script } from "../support/memory-transport.ts";
import { messagesAnswer, stage } from "../support/play.ts";

/* Requests that the gateway writes anew: for a model of another format, or without what only another vendor can read. */

test("a model of another format is reached by translation, and what it could not carry is said", async () => {
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  const { ask, upstream, records } = stage({ yaml: fourProviders, script });
  const { reply } = await ask({
    body: { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 },
  });
  assert.equal(reply.status, 200);
  assert.equal((reply.json() as { object: string }).object, "chat.completion");
  assert.equal(upstream.calls[0]?.path, "/v1/messages");
  assert.equal(reply.headers["x-dragoman-translation"], "openai-chat>anthropic-messages; dropped=sampling.seed");
  assert.deepEqual(
    records[0]?.losses.map((loss) => loss.path),
    ["sampling.seed"],
  );
});

test("reasoning state of another vendor in a same-format history goes through the writer, which leaves it out", async () => {
  const thinking = { type: "thinking", thinking: "hm", signature: "dg1.openai.reasoning.openai.eyJpZCI6InJzXzEifQ" };
  const body = {
    model: "claude-sonnet-4-6",
    max_tokens: 9,
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: [thinking, { type: "text", text: "hello" }] },
      { role: "user", content: "again" },
    ],
  };
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  const { ask, upstream, records } = stage({ yaml: fourProviders, script });
  const { reply } = await ask({ target: "/v1/messages", body });
  assert.equal(reply.text, JSON.stringify(JSON.parse(messagesAnswer)));
  assert.ok(!upstream.calls[0]?.text.includes("dg1."));
  assert.ok(upstream.calls[0]?.text.includes("hello"));
  assert.equal(records[0]?.losses[0]?.reason, "opaque-not-portable");
  assert.equal(records[0]?.attempts[0]?.carry.request, "translate");
});

test("strict translation refuses what would be lost, by name", async () => {
  const { ask } = stage({ yaml: fourProviders });
  const body = { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 };
  const { reply } = await ask({ headers: { "x-dragoman-strict": "true" }, body });
  assert.equal(reply.status, 400);
  assert.equal(reply.headers["x-dragoman-error-code"], "unsupported_parameter");
  assert.match(reply.text, /sampling\.seed/);
});

test("strict translation may be set for everybody, or for a key", async () => {
  const key = createKey((length) => new Uint8Array(length).fill(5));
  const keys = (strict: boolean) => `keys:\n  - { name: ci, id: ${key.id}, hash: "${key.hash}", strict: ${strict} }\n`;
  const body = { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 };
  const headers = { authorization: `Bearer ${key.text}` };
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  for (const [yaml, status] of [
    [`${fourProviders}${keys(true)}`, 400],
    [`${fourProviders}${keys(false)}`, 200],
    [`${fourProviders}${keys(false)}translation: { strict: true }\n`, 400],
  ] as const) {
    const { reply } = await stage({ yaml, environment: providerKeys, script }).ask({ headers, body });
    assert.equal(reply.status, status);
  }
});

test("a stop sequence that the provider never learns of cuts the answer and ends the call", async () => {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
  const delta = (text: string) =>
    event({
      type: "response.output_text.delta",
      sequence_number: 3,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      delta: text,
      logprobs: [],
    });
  const opening = [
    event({
      type: "response.created",
      sequence_number: 0,
      response: { id: "resp_1", object: "response", created_at: 1, status: "in_progress", model: "gpt-5", output: [] },
    }),
    event({
      type: "response.output_item.added",
      sequence_number: 1,
      output_index: 0,
      item: { type: "message", id: "msg_1", role: "assistant", status: "in_progress", content: [] },
    }),
    event({
      type: "response.content_part.added",
      sequence_number: 2,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      part: { type: "output_text", text: "", annotations: [] },
    }),
  ].join("");
  const yaml = `providers:\n  openai: { credential: "env::OPENAI_API_KEY", models: [gpt-5], dialects: [openai-responses] }\n`;
  const script: Script = () => [
    { headers: { "content-type": "text/event-stream" } },
    { data: opening + delta("one ST") },
    { waitMs: 10 },
    { data: delta("OP two") },
    { stall: true },
  ];
  const { ask, upstream, records } = stage({ yaml, environment: providerKeys, script });
  const { reply } = await ask({
    body: { model: "gpt-5", stream: true, stop: "STOP", messages: [{ role: "user", content: "hi" }] },
  });
  const text = [...reply.text.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join("");
  assert.equal(text, "one ");
  assert.ok(reply.text.endsWith("data: [DONE]\n\n"), reply.text);
  assert.ok(upstream.calls[0]?.state.aborted);
  assert.equal(records[0]?.end, "complete");
});
