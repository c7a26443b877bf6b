import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import {
  createdEvent,
  decodeData,
  decodePayloads,
  kindsOf,
  messageItem,
  payloadsOf,
  terminalEvent,
} from "../support/openai-responses.ts";

const streams = fixtures("openai-responses").filter(({ response }) => response.extension === "sse");

describe("recorded streams obey the grammar of events", () => {
  for (const { name, response } of streams) {
    test(name, () => {
      const { events, unreadable } = decodePayloads(payloadsOf(response.body));
      assert.equal(checkEvents(events), undefined);
      assert.equal(unreadable, 0);
    });
  }
});

describe("a recorded stream that is cut before its terminal is told as truncated", () => {
  for (const { name, response } of streams) {
    test(name, () => {
      const payloads = payloadsOf(response.body);
      const terminal = payloads.findIndex(({ data }) =>
        /"type":\s*"(response\.(completed|incomplete|failed)|error)"/.test(data),
      );
      // Every cut of a short stream, a dozen of a long one.
      const stride = Math.max(1, Math.floor(terminal / 12));
      for (let length = 0; length <= terminal; length += stride) {
        const { events, outcome } = decodePayloads(payloads.slice(0, length));
        assert.equal(outcome, "truncated");
        assert.equal(checkEvents(events), undefined);
        const last = events.at(-1);
        assert.equal(last?.type === "error" ? last.failure.code : "", "provider_interrupted");
      }
    });
  }
});

describe("streams of servers that leave events out", () => {
  test("a stream of the terminal alone is replayed from its output", () => {
    const output = [messageItem("msg_1", "Hello"), call("fc_1", "call_1", "f", "{}")];
    const decoded = decodeData({ type: "response.completed", response: { id: "resp_1", status: "completed", output } });
    assert.equal(checkEvents(decoded.events), undefined);
    const response = fold(decoded.events);
    assert.deepEqual(texts(decoded.events), ["Hello"]);
    assert.deepEqual(calls(decoded.events), [["call_1", "f", "{}"]]);
    assert.equal(response.candidates[0]?.finish.reason, "tool-calls");
  });

  test("an item that is finished as another type stays what it was announced as", () => {
    const item: JsonObject = { id: "fs_1", type: "file_search_call", status: "completed", queries: [] };
    for (const [announced, finished] of [
      [{ id: "fs_1" }, item],
      [item, { id: "fs_1" }],
    ] as const) {
      const decoded = decodeData(
        createdEvent(),
        { type: "response.output_item.added", output_index: 0, item: announced },
        { type: "response.output_item.done", output_index: 0, item: finished },
        terminalEvent("completed", { output: [finished] }),
      );
      assert.equal(checkEvents(decoded.events), undefined);
    }
  });

  test("deltas without added items or parts open what they belong to", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "Hel" },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "lo" },
      terminalEvent("completed", { output: [messageItem("msg_1", "Hello")] }),
    );
    assert.equal(checkEvents(decoded.events), undefined);
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("the end that the deltas lack comes with `done`, and nothing comes twice", () => {
    const item = call("fc_1", "call_1", "f", '{"a":1}');
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_item.added", output_index: 0, item: { ...item, arguments: "" } },
      { type: "response.function_call_arguments.delta", output_index: 0, item_id: "fc_1", delta: '{"a"' },
      { type: "response.function_call_arguments.done", output_index: 0, item_id: "fc_1", arguments: '{"a":1}' },
      { type: "response.output_item.done", output_index: 0, item },
      terminalEvent("completed", { output: [item] }),
    );
    assert.equal(checkEvents(decoded.events), undefined);
    assert.deepEqual(calls(decoded.events), [["call_1", "f", '{"a":1}']]);
  });

  test("items that are renamed in the final output are not repeated", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_item.added", output_index: 0, item: messageItem("msg_1", "") },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "Hello" },
      { type: "response.output_item.done", output_index: 0, item: messageItem("msg_1", "Hello") },
      terminalEvent("completed", { output: [messageItem("msg_other", "Hello")] }),
    );
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("final items without ids, or with the same id, are all replayed", () => {
    for (const id of ["", "msg_same"]) {
      const decoded = decodeData(
        createdEvent(),
        terminalEvent("completed", { output: [messageItem(id, "a"), messageItem(id, "b")] }),
      );
      assert.deepEqual(texts(decoded.events), ["a", "b"]);
    }
  });

  test("an unseen item before a streamed one does not pass for it", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_item.added", output_index: 0, item: messageItem("msg_1", "") },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "second" },
      terminalEvent("completed", { output: [messageItem("msg_0", "first"), messageItem("msg_1", "second")] }),
    );
    assert.deepEqual(texts(decoded.events).toSorted(), ["first", "second"]);
  });

  test("parts of a message that are numbered on from its reasoning are matched by order", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_item.added", output_index: 1, item: messageItem("msg_1", "") },
      {
        type: "response.content_part.added",
        output_index: 1,
        content_index: 1,
        item_id: "msg_1",
        part: { type: "output_text", text: "" },
      },
      { type: "response.output_text.delta", output_index: 1, content_index: 1, item_id: "msg_1", delta: "Hello" },
      { type: "response.output_item.done", output_index: 1, item: messageItem("msg_1", "Hello") },
      terminalEvent("completed", { output: [messageItem("msg_1", "Hello")] }),
    );
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("a resumed stream without `response.created` starts with what comes first", () => {
    const decoded = decodeData(
      { type: "response.in_progress", response: { id: "resp_7", model: "m", created_at: 5 } },
      terminalEvent("completed"),
    );
    assert.deepEqual(decoded.events[0], { type: "start", id: "resp_7", model: "m", createdAt: 5 });
  });

  test("keepalives, queueing and progress are signs of life", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.queued" },
      { type: "response.in_progress" },
      { type: "keepalive" },
      terminalEvent("completed"),
    );
    assert.deepEqual(kindsOf(decoded.events), ["start", "ping", "ping", "ping", "finish", "end"]);
  });
});

test("nothing that a provider may send makes the decoder throw", () => {
  const odd: unknown[] = [null, 0, -1, "", "x", [], {}, [null], { type: 1 }, { id: 5, type: "message", content: "no" }];
  const types = [
    "response.created",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.done",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.done",
    "response.web_search_call.searching",
    "response.completed",
    "response.failed",
    "error",
  ];
  for (const type of types) {
    for (const value of odd) {
      const event = JSON.stringify({
        type,
        response: value,
        item: value,
        part: value,
        delta: value,
        text: value,
        output_index: value,
        content_index: value,
        annotation: value,
        error: type === "error" ? value : undefined,
      });
      const nested = JSON.stringify({
        type: "response.completed",
        response: {
          id: value,
          status: value,
          output: [value, { type: "message", content: [value] }, { type: "reasoning", summary: value }],
          usage: value,
        },
      });
      for (const data of [event, nested]) {
        const decoded = decodeData(createdEvent(), data);
        assert.equal(checkEvents(decoded.events), undefined, data);
      }
    }
  }
});

function call(id: string, callId: string, name: string, text: string): JsonObject {
  return { id, type: "function_call", call_id: callId, name, arguments: text, status: "completed" };
}

function texts(events: readonly CanonicalEvent[]): string[] {
  return (fold(events).candidates[0]?.blocks ?? []).flatMap((block) => (block.type === "text" ? [block.text] : []));
}

function calls(events: readonly CanonicalEvent[]): string[][] {
  const blocks = fold(events).candidates[0]?.blocks ?? [];
  return blocks.flatMap((block) => (block.type === "tool-call" ? [[block.id, block.name, block.argumentsText]] : []));
}
