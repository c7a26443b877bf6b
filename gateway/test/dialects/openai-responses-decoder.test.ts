import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { decodeData, decoderOptions, decodePayloads, payloadsOf } from "../support/openai-responses.ts";

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

describe("how a stream ends", () => {
  const outcomes: readonly (readonly [string, JsonObject, string, string])[] = [
    ["completed", terminal("completed"), "complete", "stop"],
    ["length", terminal("incomplete", { incomplete_details: { reason: "max_output_tokens" } }), "complete", "length"],
    [
      "filter",
      terminal("incomplete", { incomplete_details: { reason: "content_filter" } }),
      "complete",
      "content-filter",
    ],
    ["another reason", terminal("incomplete", { incomplete_details: { reason: "steered" } }), "complete", "other"],
    ["cancelled", terminal("cancelled"), "complete", "cancelled"],
    ["nonstandard done", { ...terminal("completed"), type: "response.done" }, "complete", "stop"],
    ["no status", { type: "response.incomplete", response: { id: "resp_1" } }, "complete", "other"],
    [
      "failed",
      terminal("failed", { error: { code: "server_error", message: "no" } }),
      "upstream-failed",
      "provider_error",
    ],
    ["failed without saying why", terminal("failed", { error: null }), "upstream-failed", "provider_error"],
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
      const decoded = decodeData(created(), event);
      assert.equal(decoded.outcome, outcome);
      assert.equal(checkEvents(decoded.events), undefined);
      assert.equal(ending(decoded.events), expected);
    });
  }

  test("an error after the terminal is still a failure, and [DONE] is none", () => {
    assert.equal(decodeData(created(), terminal("completed"), "[DONE]").outcome, "complete");
    assert.equal(
      decodeData(created(), terminal("completed"), { error: { message: "late" } }).outcome,
      "upstream-failed",
    );
  });

  test("the null error of every response object is no error", () => {
    assert.equal(decodeData(created({ error: null }), terminal("completed", { error: null })).outcome, "complete");
  });

  test("[DONE] alone does not complete a stream", () => {
    assert.equal(decodeData(created(), "[DONE]").outcome, "truncated");
  });

  test("what is not JSON is unreadable, what is unknown says nothing", () => {
    const decoded = decodeData(
      "{broken",
      "17",
      { type: "response.from.the.future" },
      {},
      created(),
      terminal("completed"),
    );
    assert.equal(decoded.unreadable, 1);
    assert.deepEqual(kinds(decoded.events), ["start", "finish", "end"]);
  });
});

describe("streams of servers that leave events out", () => {
  test("a stream of the terminal alone is replayed from its output", () => {
    const output = [message("msg_1", "Hello"), call("fc_1", "call_1", "f", "{}")];
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
        created(),
        { type: "response.output_item.added", output_index: 0, item: announced },
        { type: "response.output_item.done", output_index: 0, item: finished },
        terminal("completed", { output: [finished] }),
      );
      assert.equal(checkEvents(decoded.events), undefined);
    }
  });

  test("deltas without added items or parts open what they belong to", () => {
    const decoded = decodeData(
      created(),
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "Hel" },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "lo" },
      terminal("completed", { output: [message("msg_1", "Hello")] }),
    );
    assert.equal(checkEvents(decoded.events), undefined);
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("the end that the deltas lack comes with `done`, and nothing comes twice", () => {
    const item = call("fc_1", "call_1", "f", '{"a":1}');
    const decoded = decodeData(
      created(),
      { type: "response.output_item.added", output_index: 0, item: { ...item, arguments: "" } },
      { type: "response.function_call_arguments.delta", output_index: 0, item_id: "fc_1", delta: '{"a"' },
      { type: "response.function_call_arguments.done", output_index: 0, item_id: "fc_1", arguments: '{"a":1}' },
      { type: "response.output_item.done", output_index: 0, item },
      terminal("completed", { output: [item] }),
    );
    assert.equal(checkEvents(decoded.events), undefined);
    assert.deepEqual(calls(decoded.events), [["call_1", "f", '{"a":1}']]);
  });

  test("items that are renamed in the final output are not repeated", () => {
    const decoded = decodeData(
      created(),
      { type: "response.output_item.added", output_index: 0, item: message("msg_1", "") },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "Hello" },
      { type: "response.output_item.done", output_index: 0, item: message("msg_1", "Hello") },
      terminal("completed", { output: [message("msg_other", "Hello")] }),
    );
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("final items without ids, or with the same id, are all replayed", () => {
    for (const id of ["", "msg_same"]) {
      const decoded = decodeData(created(), terminal("completed", { output: [message(id, "a"), message(id, "b")] }));
      assert.deepEqual(texts(decoded.events), ["a", "b"]);
    }
  });

  test("an unseen item before a streamed one does not pass for it", () => {
    const decoded = decodeData(
      created(),
      { type: "response.output_item.added", output_index: 0, item: message("msg_1", "") },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, item_id: "msg_1", delta: "second" },
      terminal("completed", { output: [message("msg_0", "first"), message("msg_1", "second")] }),
    );
    assert.deepEqual(texts(decoded.events).toSorted(), ["first", "second"]);
  });

  test("parts of a message that are numbered on from its reasoning are matched by order", () => {
    const decoded = decodeData(
      created(),
      { type: "response.output_item.added", output_index: 1, item: message("msg_1", "") },
      {
        type: "response.content_part.added",
        output_index: 1,
        content_index: 1,
        item_id: "msg_1",
        part: { type: "output_text", text: "" },
      },
      { type: "response.output_text.delta", output_index: 1, content_index: 1, item_id: "msg_1", delta: "Hello" },
      { type: "response.output_item.done", output_index: 1, item: message("msg_1", "Hello") },
      terminal("completed", { output: [message("msg_1", "Hello")] }),
    );
    assert.deepEqual(texts(decoded.events), ["Hello"]);
  });

  test("a resumed stream without `response.created` starts with what comes first", () => {
    const decoded = decodeData(
      { type: "response.in_progress", response: { id: "resp_7", model: "m", created_at: 5 } },
      terminal("completed"),
    );
    assert.deepEqual(decoded.events[0], { type: "start", id: "resp_7", model: "m", createdAt: 5 });
  });

  test("keepalives, queueing and progress are signs of life", () => {
    const decoded = decodeData(
      created(),
      { type: "response.queued" },
      { type: "response.in_progress" },
      { type: "keepalive" },
      terminal("completed"),
    );
    assert.deepEqual(kinds(decoded.events), ["start", "ping", "ping", "ping", "finish", "end"]);
  });
});

describe("reasoning", () => {
  const done = {
    id: "rs_1",
    type: "reasoning",
    summary: [{ type: "summary_text", text: "I think" }],
    encrypted_content: "whole",
  };

  test("the encrypted content is the finished item's, with its whole item", () => {
    const decoded = decodeData(
      created(),
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { ...done, summary: [], encrypted_content: "part" },
      },
      {
        type: "response.reasoning_summary_text.delta",
        output_index: 0,
        summary_index: 0,
        item_id: "rs_1",
        delta: "I ",
      },
      { type: "response.output_item.done", output_index: 0, item: done },
      terminal("completed", { output: [done] }),
    );
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.deepEqual(block, {
      type: "reasoning",
      itemId: "rs_1",
      summary: ["I think"],
      opaque: { issuer: { provider: "openai" }, kind: "openai.reasoning", value: JSON.stringify(done) },
    });
  });

  test("an envelope from a provider is not opened: it is that provider's own", () => {
    const sealed = { ...done, encrypted_content: "dg1.anthropic.signature.anthropic.RXE" };
    const decoded = decodeData(created(), terminal("completed", { output: [sealed] }));
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.equal(block?.type === "reasoning" && block.opaque?.issuer.provider, "openai");
    assert.equal(block?.type === "reasoning" && block.opaque?.kind, "openai.reasoning");
  });

  test("part numbers with gaps of any size make no empty parts", () => {
    const delta = (index: number, text: string) => ({
      type: "response.reasoning_summary_text.delta",
      output_index: 0,
      summary_index: index,
      delta: text,
    });
    const added = { type: "response.output_item.added", output_index: 0, item: { id: "rs_1", type: "reasoning" } };
    const decoded = decodeData(created(), added, delta(2_000_000_000, "a"), delta(7, "b"), delta(2_000_000_000, "c"));
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.deepEqual(block?.type === "reasoning" && block.summary, ["ac", "b"]);
  });

  test("raw reasoning text is its own channel", () => {
    const decoded = decodeData(
      created(),
      { type: "response.output_item.added", output_index: 0, item: { id: "rs_1", type: "reasoning", summary: [] } },
      { type: "response.reasoning_text.delta", output_index: 0, content_index: 0, item_id: "rs_1", delta: "hmm" },
      terminal("completed"),
    );
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.deepEqual(block, { type: "reasoning", itemId: "rs_1", summary: [], raw: ["hmm"] });
  });
});

describe("calls that the client carries out", () => {
  const shell = { id: "sh_1", type: "shell_call", call_id: "call_1", action: { commands: ["ls"] } };

  test("a built-in call ends the answer with tool calls, and keeps its item", () => {
    const decoded = decodeData(created(), terminal("completed", { output: [shell] }));
    const [candidate] = fold(decoded.events).candidates;
    assert.equal(candidate?.finish.reason, "tool-calls");
    assert.deepEqual(candidate?.blocks[0], {
      type: "tool-call",
      id: "call_1",
      name: "shell",
      kind: "builtin",
      argumentsText: '{"commands":["ls"]}',
      itemId: "sh_1",
      extras: { "openai-responses": { item: shell } },
    });
  });

  test("one that the provider has answered itself does not", () => {
    const output = [shell, { id: "sho_1", type: "shell_call_output", call_id: "call_1", output: [] }];
    assert.equal(ending(decodeData(created(), terminal("completed", { output })).events), "stop");
  });
});

describe("citations", () => {
  const text = "😀 see here";
  const annotation = {
    type: "url_citation",
    url: "https://example.com",
    title: "Example",
    start_index: 2,
    end_index: 10,
  };

  test("code points become UTF-16 units, and annotations that were never streamed come with the part", () => {
    const part = { type: "output_text", text, annotations: [annotation] };
    const decoded = decodeData(
      created(),
      terminal("completed", { output: [{ ...message("msg_1", ""), content: [part] }] }),
    );
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    const citations = block?.type === "text" ? block.citations : undefined;
    assert.deepEqual(citations, [{ type: "url", url: "https://example.com", title: "Example", start: 3, end: 11 }]);
  });
});

describe("usage", () => {
  const cases: readonly (readonly [string, JsonObject, Record<string, number | undefined>])[] = [
    [
      "inclusive totals",
      {
        input_tokens: 100,
        input_tokens_details: { cached_tokens: 75, cache_write_tokens: 5 },
        output_tokens: 20,
        output_tokens_details: { reasoning_tokens: 12 },
      },
      { inputTotal: 100, cacheRead: 75, cacheWrite: 5, outputTotal: 20, reasoning: 12 },
    ],
    [
      "cached tokens left out of the total",
      { input_tokens: 10, input_tokens_details: { cached_tokens: 75 }, output_tokens: 1 },
      { inputTotal: 85, cacheRead: 75 },
    ],
    ["no details", { input_tokens: 10, output_tokens: 1 }, { inputTotal: 10, cacheRead: 0, reasoning: undefined }],
    ["nonsense", { input_tokens: -4, output_tokens: "many" }, { inputTotal: 0, outputTotal: 0 }],
  ];
  for (const [what, usage, expected] of cases) {
    test(what, () => {
      const read = fold(decodeData(created(), terminal("completed", { usage })).events).usage;
      for (const [key, value] of Object.entries(expected)) assert.equal(read?.[key as keyof typeof read], value, key);
    });
  }
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
        const decoded = decodeData(created(), data);
        assert.equal(checkEvents(decoded.events), undefined, data);
      }
    }
  }
});

test("a failure that ended a stream is reported with its code", () => {
  const error = { type: "error", code: "context_length_exceeded", message: "Your input exceeds the context window." };
  const last = decodeData(created(), error).events.at(-1);
  assert.deepEqual(last, {
    type: "error",
    failure: failure("context_length_exceeded", "Your input exceeds the context window.", {
      upstream: { dialect: "openai-responses", status: 200, providerCode: "context_length_exceeded" },
    }),
  });
});

function created(more: JsonObject = {}): JsonObject {
  return {
    type: "response.created",
    response: { id: "resp_1", model: "gpt-5", created_at: 1, status: "in_progress", ...more },
  };
}

function terminal(status: string, more: JsonObject = {}): JsonObject {
  return { type: `response.${status}`, response: { ...terminalResponse(status), ...more } };
}

function terminalResponse(status: string): JsonObject {
  return { id: "resp_1", object: "response", model: "gpt-5", created_at: 1, status, output: [] };
}

function message(id: string, text: string): JsonObject {
  const content = text === "" ? [] : [{ type: "output_text", text, annotations: [] }];
  return { id, type: "message", role: "assistant", status: "completed", content };
}

function call(id: string, callId: string, name: string, text: string): JsonObject {
  return { id, type: "function_call", call_id: callId, name, arguments: text, status: "completed" };
}

function kinds(events: readonly CanonicalEvent[]): string[] {
  return events.map(({ type }) => type);
}

function ending(events: readonly CanonicalEvent[]): string {
  const last = events.at(-1);
  if (last?.type === "error") return last.failure.code;
  const finish = events.find((event) => event.type === "finish");
  return finish?.finish.reason ?? "";
}

function texts(events: readonly CanonicalEvent[]): string[] {
  return (fold(events).candidates[0]?.blocks ?? []).flatMap((block) => (block.type === "text" ? [block.text] : []));
}

function calls(events: readonly CanonicalEvent[]): string[][] {
  const blocks = fold(events).candidates[0]?.blocks ?? [];
  return blocks.flatMap((block) => (block.type === "tool-call" ? [[block.id, block.name, block.argumentsText]] : []));
}
