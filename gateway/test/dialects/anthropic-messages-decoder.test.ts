import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { fold } from "../../src/canonical/fold.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { checkWire, decoderOptions, decodeStream, encodeEvents, streamOf } from "../support/anthropic-messages.ts";
import { fixture, fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";

const start = {
  type: "message_start",
  message: { id: "msg_1", model: "claude", content: [], usage: { input_tokens: 3, output_tokens: 1 } },
};
const messageStop = { type: "message_stop" };
const textStart = (index: number, text = "") => ({
  type: "content_block_start",
  index,
  content_block: { type: "text", text },
});
const textDelta = (index: number, text: string) => ({
  type: "content_block_delta",
  index,
  delta: { type: "text_delta", text },
});
const blockStop = (index: number) => ({ type: "content_block_stop", index });
const stopReason = (stop_reason: string | null, usage: JsonObject = { output_tokens: 2 }) => ({
  type: "message_delta",
  delta: { stop_reason, stop_sequence: null },
  usage,
});

describe("decoder: recorded streams obey the event grammar", () => {
  const outcomes: { readonly [name: string]: string } = {
    "stream-error": "upstream-failed",
    "stream-error-first": "upstream-failed",
    "stream-error-after-finish": "upstream-failed",
    "stream-truncated": "truncated",
    "stream-truncated-after-stop-reason": "truncated",
  };
  for (const { name, response } of fixtures("anthropic-messages")) {
    if (response.extension !== "sse") continue;
    test(name, () => {
      const decoded = decodeStream(response.body);
      assert.equal(checkEvents(decoded.events), undefined);
      assert.equal(decoded.unreadable, 0);
      assert.equal(decoded.outcome, outcomes[name] ?? "complete");
    });
  }
});

describe("decoder", () => {
  test("tool calls have ids, names and the exact text of their arguments", () => {
    const { events } = decodeStream(fixture("anthropic-messages", "stream-parallel-tools").response.body);
    const calls = (fold(events).candidates[0]?.blocks ?? []).filter((block) => block.type === "tool-call");
    assert.ok(calls.length >= 2);
    assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length);
    assert.equal(fold(events).candidates[0]?.finish.reason, "tool-calls");
  });

  test("a message that starts with its content and stop reason is whole", () => {
    const response = fold(decodeStream(fixture("anthropic-messages", "stream-continued-tool").response.body).events);
    const [call] = response.candidates[0]?.blocks ?? [];
    assert.equal(call?.type === "tool-call" ? call.argumentsText : "", '{"player":"player2"}');
    assert.equal(response.candidates[0]?.finish.native, "tool_use");
    assert.deepEqual(response.losses, []);
    assert.equal(asObject(response.candidates[0]?.meta?.container)?.["id"], "container_011CWHPPTDTn1XufeRB9uHeH");
  });

  test("a stop reason without message_stop is truncated all the same", () => {
    const { events } = decodeStream(
      streamOf([start, textStart(0), textDelta(0, "a"), blockStop(0), stopReason("end_turn")]),
    );
    const last = events.at(-1);
    assert.equal(last?.type === "error" ? last.failure.code : "", "provider_interrupted");
  });

  test("a stream without anything says that it was empty", () => {
    const { events, outcome } = decodeStream(new Uint8Array());
    const last = events.at(-1);
    assert.deepEqual(
      [outcome, last?.type === "error" ? last.failure.code : ""],
      ["truncated", "provider_empty_stream"],
    );
    assert.equal(checkEvents(events), undefined);
  });

  const overloaded = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };

  test("an error after the stop reason fails the stream, with its class", () => {
    const { events, outcome } = decodeStream(streamOf([start, stopReason("end_turn"), overloaded]));
    const last = events.at(-1);
    assert.deepEqual([outcome, last?.type === "error" ? last.failure.class : ""], ["upstream-failed", "overloaded"]);
  });

  test("an error after message_stop fails the stream, though its events have ended", () => {
    const { events, outcome } = decodeStream(streamOf([start, stopReason("end_turn"), messageStop, overloaded]));
    assert.deepEqual([outcome, events.at(-1)?.type], ["upstream-failed", "end"]);
    assert.equal(checkEvents(events), undefined);
  });

  test("message_stop ends the events: a provider that keeps its socket open does not hold the stop reason back", () => {
    const decoder = anthropicMessages.upstream.decoder(decoderOptions);
    const frames = [start, stopReason("end_turn"), messageStop].map((event) => JSON.stringify(event));
    const [, , last] = frames.map((data) => decoder.step({ event: "", data }));
    assert.deepEqual(
      last?.map(({ type }) => type),
      ["finish", "end"],
    );
    assert.deepEqual(decoder.end(), { events: [], outcome: "complete" });
  });

  test("usage is cumulative: later counters replace, null and absent ones do not", () => {
    const first = {
      ...start,
      message: { ...start.message, usage: { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 } },
    };
    const delta = stopReason("end_turn", { output_tokens: 20, input_tokens: null, cache_read_input_tokens: 7 });
    const { usage } = fold(decodeStream(streamOf([first, delta, messageStop])).events);
    assert.deepEqual([usage?.inputTotal, usage?.cacheRead, usage?.outputTotal], [17, 7, 20]);
  });

  test("a later signature replaces an earlier one", () => {
    const signature = (text: string) => ({
      type: "content_block_delta",
      index: 0,
      delta: { type: "signature_delta", signature: text },
    });
    const thinking = {
      type: "content_block_start",
      index: 0,
      content_block: { type: "thinking", thinking: "", signature: "" },
    };
    const { events } = decodeStream(
      streamOf([start, thinking, signature("a"), signature("b"), blockStop(0), stopReason("end_turn"), messageStop]),
    );
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.equal(block?.type === "reasoning" ? block.opaque?.value : "", "b");
  });

  test("text and input that proxies put into the block's start are not lost", () => {
    const tool = {
      type: "content_block_start",
      index: 1,
      content_block: { type: "tool_use", id: "t", name: "f", input: { a: 1 } },
    };
    const { events } = decodeStream(
      streamOf([
        start,
        textStart(0, "Hel"),
        textDelta(0, "lo"),
        blockStop(0),
        tool,
        blockStop(1),
        stopReason("tool_use"),
        messageStop,
      ]),
    );
    const [text, call] = fold(events).candidates[0]?.blocks ?? [];
    assert.deepEqual(text, { type: "text", text: "Hello" });
    assert.equal(call?.type === "tool-call" ? call.argumentsText : "", '{"a":1}');
  });

  test("a tool call without any input has the arguments {}", () => {
    const tool = {
      type: "content_block_start",
      index: 0,
      content_block: { type: "tool_use", id: "t", name: "f", input: {} },
    };
    const { events } = decodeStream(streamOf([start, tool, blockStop(0), stopReason("end_turn"), messageStop]));
    const [call] = fold(events).candidates[0]?.blocks ?? [];
    assert.equal(call?.type === "tool-call" ? call.argumentsText : "", "{}");
    assert.equal(fold(events).candidates[0]?.finish.reason, "tool-calls", "whatever the provider called it");
  });

  test("a delta for a block that never started opens one, and that is a loss", () => {
    const { events } = decodeStream(streamOf([start, textDelta(4, "a"), stopReason("end_turn"), messageStop]));
    assert.equal(checkEvents(events), undefined);
    const response = fold(events);
    assert.deepEqual(response.candidates[0]?.blocks, [{ type: "text", text: "a" }]);
    assert.equal(response.losses[0]?.reason, "repaired");
  });

  test("an index that is used again is a new block", () => {
    const { events } = decodeStream(
      streamOf([
        start,
        textStart(0),
        textDelta(0, "a"),
        textStart(0),
        textDelta(0, "b"),
        blockStop(0),
        stopReason("end_turn"),
        messageStop,
      ]),
    );
    assert.equal(checkEvents(events), undefined);
    assert.equal(fold(events).candidates[0]?.blocks.length, 2);
  });

  test("a ping before the message does not start it without its id", () => {
    const { events } = decodeStream(
      streamOf([{ type: "ping" }, start, { type: "ping" }, stopReason("end_turn"), messageStop]),
    );
    assert.equal(events[0]?.type === "start" ? events[0].id : "", "msg_1");
    assert.equal(events.filter(({ type }) => type === "ping").length, 1);
  });

  test("frames that are not JSON are unreadable; unknown ones and [DONE] are not", () => {
    const decoder = anthropicMessages.upstream.decoder(decoderOptions);
    assert.equal(decoder.step({ event: "message_start", data: "{" }), undefined);
    assert.deepEqual(decoder.step({ event: "", data: "[DONE]" }), []);
    assert.deepEqual(decoder.step({ event: "x", data: '{"type":"x"}' }), []);
    assert.deepEqual(decoder.step({ event: "x", data: "7" }), []);
    assert.equal(decoder.isTerminal(), false);
  });

  test("nothing that a provider may send makes it throw or break the grammar", () => {
    const index = fc.integer({ min: -1, max: 3 });
    const anything = fc.jsonValue() as fc.Arbitrary<Json>;
    const block = fc.oneof(
      anything,
      fc.record(
        {
          type: fc.constantFrom(
            "text",
            "thinking",
            "redacted_thinking",
            "tool_use",
            "server_tool_use",
            "compaction",
            "x_tool_result",
            "tool_result",
            "new",
          ),
          id: anything,
          name: anything,
          input: anything,
          text: anything,
          data: anything,
        },
        { requiredKeys: ["type"] },
      ),
    );
    const delta = fc.record(
      {
        type: fc.constantFrom(
          "text_delta",
          "thinking_delta",
          "signature_delta",
          "input_json_delta",
          "citations_delta",
          "compaction_delta",
          "new",
        ),
        text: anything,
        thinking: anything,
        partial_json: anything,
        signature: anything,
        citation: anything,
        content: anything,
      },
      { requiredKeys: ["type"] },
    );
    const event = fc.oneof(
      fc.record({
        type: fc.constant("message_start"),
        message: fc.oneof(anything, fc.record({ content: anything, usage: anything, stop_reason: anything })),
      }),
      fc.record({ type: fc.constant("content_block_start"), index, content_block: block }),
      fc.record({ type: fc.constant("content_block_delta"), index, delta }),
      fc.record({ type: fc.constant("content_block_stop"), index }),
      fc.record({ type: fc.constant("message_delta"), delta: anything, usage: anything }),
      fc.constant(messageStop),
      fc.constant({ type: "ping" }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), (events) => {
        const decoded = decodeStream(streamOf(events));
        assert.equal(checkEvents(decoded.events), undefined);
        checkWire(encodeEvents(decoded.events));
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
