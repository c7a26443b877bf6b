import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { unretriedProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { committedScript, sseScript, typedEvent } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/* Where streams of the Messages API end and how. */

const messagesRequest: MemoryRequest = {
  target: "/v1/messages",
  body: { model: "claude-sonnet-4-6", max_tokens: 9, stream: true, messages: [{ role: "user", content: "hi" }] },
};
const messageStart = typedEvent("message_start", {
  message: {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-6",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 7, output_tokens: 1 },
  },
});
const blockStart = typedEvent("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
const blockDelta = typedEvent("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hello" } });
const blockStop = typedEvent("content_block_stop", { index: 0 });
const messageDelta = typedEvent("message_delta", {
  delta: { stop_reason: "end_turn", stop_sequence: null },
  usage: { output_tokens: 2 },
});
const messageStop = typedEvent("message_stop", {});
const message = messageStart + blockStart + blockDelta + blockStop;

describe("a Messages stream", () => {
  test("that is cut after its stop reason but before message_stop is broken, and says so", async () => {
    const { ask, records } = stage({
      yaml: unretriedProviders,
      script: committedScript(message, { data: messageDelta }, { end: true }),
    });
    const { reply } = await ask(messagesRequest);
    const said = message + messageDelta;
    assert.ok(reply.text.startsWith(said));
    assert.match(reply.text.slice(said.length), /^event: error\ndata: \{"type":"error",.*\n\n$/);
    assert.equal(records[0]?.end, "truncated");
    assert.equal(records[0]?.usage?.outputTotal, 2, "what was used is charged");
  });

  test("with two message_stops passes as it is, and is one answer", async () => {
    const all = message + messageDelta + messageStop + messageDelta + messageStop;
    const { ask, records } = stage({ yaml: unretriedProviders, script: sseScript({ data: all }, { end: true }) });
    const { reply } = await ask(messagesRequest);
    assert.equal(reply.text, all);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.end, "complete");
    assert.deepEqual(records[0]?.finish, ["stop"]);
  });

  test("with an error after message_stop has failed, and nothing is added to the provider's own words", async () => {
    const error = typedEvent("error", { error: { type: "api_error", message: "It broke." } });
    const { ask, records } = stage({
      yaml: unretriedProviders,
      script: committedScript(message + messageDelta + messageStop, { data: error }, { end: true }),
    });
    const { reply } = await ask(messagesRequest);
    assert.equal(reply.text, message + messageDelta + messageStop + error);
    assert.equal(records[0]?.end, "upstream-failed");
    assert.equal(records[0]?.failure?.code, "provider_error");
  });

  test("is charged for what the client saw of it, when the client leaves in the middle", async () => {
    const { say, clock, records } = stage({
      yaml: unretriedProviders,
      script: committedScript(message, { stall: true }),
    });
    const { reply } = say(messagesRequest);
    await clock.advance(50);
    reply.leave();
    await clock.advance(0);
    assert.equal(records[0]?.end, "cancelled");
    assert.equal(records[0]?.usage?.inputTotal, 7);
  });
});
