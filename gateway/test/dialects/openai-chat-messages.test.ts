import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { Turn } from "../../src/canonical/request.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { readChatRequest } from "../support/openai-chat.ts";

const user: Json = { role: "user", content: "Hello" };

describe("content parts", () => {
  const rows: readonly (readonly [name: string, part: Json, block: Json])[] = [
    ["text", { type: "text", text: "Hi" }, { type: "text", text: "Hi" }],
    [
      "text with OpenAI's cache breakpoint",
      { type: "text", text: "Hi", prompt_cache_breakpoint: { mode: "explicit", ttl: "30m" } },
      { type: "text", text: "Hi", cache: { source: "openai", ttl: "30m" } },
    ],
    [
      "text with Anthropic's cache mark",
      { type: "text", text: "Hi", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Hi", cache: { source: "anthropic" } },
    ],
    [
      "a picture by URL",
      { type: "image_url", image_url: { url: "https://a.test/b.png", detail: "low" } },
      { type: "media", kind: "image", source: { by: "url", url: "https://a.test/b.png" }, detail: "low" },
    ],
    [
      "a picture inline",
      { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
      { type: "media", kind: "image", source: { by: "base64", data: "AAAA" }, mimeType: "image/png" },
    ],
    [
      "audio",
      { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
      { type: "media", kind: "audio", source: { by: "base64", data: "AAAA" }, mimeType: "audio/mpeg" },
    ],
    [
      "a document as a data URL",
      { type: "file", file: { file_data: "data:application/pdf;base64,JVBERi0", filename: "a.pdf" } },
      {
        type: "media",
        kind: "document",
        source: { by: "base64", data: "JVBERi0" },
        mimeType: "application/pdf",
        filename: "a.pdf",
      },
    ],
    [
      "a document as bare base64",
      { type: "file", file: { file_data: "JVBERi0" } },
      { type: "media", kind: "document", source: { by: "base64", data: "JVBERi0" }, mimeType: "application/pdf" },
    ],
    [
      "a document by id",
      { type: "file", file: { file_id: "file-1" } },
      { type: "media", kind: "document", source: { by: "file", id: "file-1", issuer: { provider: "openai" } } },
    ],
    [
      "a part of another provider",
      { type: "document_url", document_url: "https://a.test" },
      {
        type: "opaque",
        dialect: "openai-chat",
        nativeType: "document_url",
        value: { type: "document_url", document_url: "https://a.test" },
      },
    ],
  ];
  for (const [name, part, block] of rows) {
    test(name, () => assert.deepEqual(turnsOf([{ role: "user", content: [part] }])[0]?.blocks, [block]));
  }
});

describe("messages", () => {
  test("leading system and developer text is instructions, one each, later text keeps its place", () => {
    const { instructions, turns } = readChatRequest({
      messages: [
        { role: "system", content: "A" },
        {
          role: "developer",
          content: [
            { type: "text", text: "B" },
            { type: "text", text: "C" },
          ],
        },
        user,
        { role: "system", content: "D" },
      ],
    });
    assert.deepEqual(instructions, [
      { text: "A", authority: "system" },
      { text: "B", authority: "developer" },
      { text: "C", authority: "developer" },
    ]);
    assert.deepEqual(
      turns.map(({ role, boundary }) => [role, boundary]),
      [
        ["user", 2],
        ["system", 3],
      ],
    );
  });

  test("an assistant message in the order in which it was written: reasoning, text, refusal, calls", () => {
    const opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "c2ln" } as const;
    const [turn] = turnsOf([
      {
        role: "assistant",
        tool_calls: [call("a", "f", "")],
        refusal: "No",
        content: "Hi",
        reasoning_content: "Hm",
        reasoning_details: [{ type: "reasoning.encrypted", format: "dg1", data: sealOpaque(opaque) }],
        annotations: [],
        audio: null,
        function_call: null,
      },
    ]);
    assert.deepEqual(
      turn?.blocks.map(({ type }) => type),
      ["reasoning", "text", "refusal", "tool-call"],
    );
    const [reasoning] = turn?.blocks ?? [];
    assert.deepEqual(reasoning?.type === "reasoning" ? [reasoning.raw, reasoning.opaque] : [], [["Hm"], opaque]);
  });

  test("empty assistant text is no block, and missing arguments are an empty object", () => {
    for (const content of [null, "", []]) {
      const [turn] = turnsOf([{ role: "assistant", content, tool_calls: [call("a", "f", "")] }]);
      assert.deepEqual(turn?.blocks, [
        { type: "tool-call", id: "a", name: "f", kind: "function", argumentsText: "{}" },
      ]);
    }
  });

  test("arguments keep their exact text, big numbers and broken JSON included", () => {
    const text = '{"id": 12345678901234567890,  "x":';
    const [turn] = turnsOf([{ role: "assistant", content: null, tool_calls: [call("a", "f", text)] }]);
    const [block] = turn?.blocks ?? [];
    assert.equal(block?.type === "tool-call" ? block.argumentsText : "", text);
  });

  test("a series of tool messages is one turn of results that know their calls' names", () => {
    const turns = turnsOf([
      {
        role: "assistant",
        content: null,
        tool_calls: [call("a", "f", "{}"), { id: "b", type: "custom", custom: { name: "g", input: "x" } }],
      },
      { role: "tool", tool_call_id: "b", content: [{ type: "text", text: "B" }] },
      { role: "tool", tool_call_id: "a", content: "" },
      user,
    ]);
    assert.deepEqual(
      turns.map(({ boundary }) => boundary),
      [0, 1, 3],
    );
    assert.deepEqual(turns[1]?.blocks, [
      { type: "tool-result", callId: "b", name: "g", kind: "custom", content: [{ type: "text", text: "B" }] },
      { type: "tool-result", callId: "a", name: "f", kind: "function", content: [] },
    ]);
  });

  test("equal ids in one turn are told apart, on calls and results alike", () => {
    const turns = turnsOf([
      { role: "assistant", content: null, tool_calls: [call("call_0", "f", "{}"), call("call_0", "g", "{}")] },
      { role: "tool", tool_call_id: "call_0", content: "F" },
      { role: "tool", tool_call_id: "call_0", content: "G" },
    ]);
    assert.deepEqual(callIds(turns[0]), ["call_0", "call_0_2"]);
    assert.deepEqual(callIds(turns[1]), ["call_0", "call_0_2"]);
  });

  test("results without an id answer the calls in order", () => {
    const turns = turnsOf([
      { role: "assistant", content: null, tool_calls: [call("a", "f", "{}"), call("b", "g", "{}")] },
      { role: "tool", content: "F" },
      { role: "tool", content: "G" },
    ]);
    assert.deepEqual(callIds(turns[1]), ["a", "b"]);
  });

  test("function_call and function messages are paired by name", () => {
    const turns = turnsOf([
      user,
      { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
      { role: "function", name: "f", content: "F" },
    ]);
    assert.deepEqual(callIds(turns[1]), ["fc_legacy_1"]);
    assert.deepEqual(callIds(turns[2]), ["fc_legacy_1"]);
  });

  test("a longer conversation begins with exactly what the shorter one was", () => {
    for (const { request } of fixtures("openai-chat")) {
      const messages = request === null ? undefined : (request.body as JsonObject)["messages"];
      if (!Array.isArray(messages) || messages.length < 2) continue;
      const whole = turnsOf(messages);
      const shorter = turnsOf(messages.slice(0, -1));
      // The last turn of the shorter one may be a series of results that goes on.
      assert.deepEqual(shorter.slice(0, -1), whole.slice(0, Math.max(0, shorter.length - 1)));
    }
  });

  test("unknown members are kept for this format", () => {
    const [turn] = turnsOf([{ role: "assistant", content: "Hi", prefix: true }]);
    assert.deepEqual(turn?.extras, { "openai-chat": { prefix: true } });
  });
});

function turnsOf(messages: Json[]): readonly Turn[] {
  return readChatRequest({ messages }).turns;
}

function call(id: string, name: string, text: string): Json {
  return { id, type: "function", function: { name, arguments: text } };
}

function callIds(turn: Turn | undefined): string[] {
  return (turn?.blocks ?? []).map(idOf);
}

function idOf(block: Block): string {
  return block.type === "tool-call" ? block.id : block.type === "tool-result" ? block.callId : "";
}
