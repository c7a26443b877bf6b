import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fold } from "../../src/canonical/fold.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { createdEvent, decodeData, endingOf, messageItem, terminalEvent } from "../support/openai-responses.ts";

describe("reasoning", () => {
  const done = {
    id: "rs_1",
    type: "reasoning",
    summary: [{ type: "summary_text", text: "I think" }],
    encrypted_content: "whole",
  };

  test("the encrypted content is the finished item's, with its whole item", () => {
    const decoded = decodeData(
      createdEvent(),
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
      terminalEvent("completed", { output: [done] }),
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
    const decoded = decodeData(createdEvent(), terminalEvent("completed", { output: [sealed] }));
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
    const decoded = decodeData(
      createdEvent(),
      added,
      delta(2_000_000_000, "a"),
      delta(7, "b"),
      delta(2_000_000_000, "c"),
    );
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.deepEqual(block?.type === "reasoning" && block.summary, ["ac", "b"]);
  });

  test("raw reasoning text is its own channel", () => {
    const decoded = decodeData(
      createdEvent(),
      { type: "response.output_item.added", output_index: 0, item: { id: "rs_1", type: "reasoning", summary: [] } },
      { type: "response.reasoning_text.delta", output_index: 0, content_index: 0, item_id: "rs_1", delta: "hmm" },
      terminalEvent("completed"),
    );
    const [block] = fold(decoded.events).candidates[0]?.blocks ?? [];
    assert.deepEqual(block, { type: "reasoning", itemId: "rs_1", summary: [], raw: ["hmm"] });
  });
});

describe("calls that the client carries out", () => {
  const shell = { id: "sh_1", type: "shell_call", call_id: "call_1", action: { commands: ["ls"] } };

  test("a built-in call ends the answer with tool calls, and keeps its item", () => {
    const decoded = decodeData(createdEvent(), terminalEvent("completed", { output: [shell] }));
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
    assert.equal(endingOf(decodeData(createdEvent(), terminalEvent("completed", { output })).events), "stop");
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
      createdEvent(),
      terminalEvent("completed", { output: [{ ...messageItem("msg_1", ""), content: [part] }] }),
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
      const read = fold(decodeData(createdEvent(), terminalEvent("completed", { usage })).events).usage;
      for (const [key, value] of Object.entries(expected)) assert.equal(read?.[key as keyof typeof read], value, key);
    });
  }
});
