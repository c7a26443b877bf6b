import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  MODEL,
  chat,
  f,
  gemini,
  hello,
  lossesOf,
  messagesOf,
  native,
  responses,
  tryWrite,
  user,
} from "../support/anthropic-messages-write.ts";
import { brokenRules } from "../support/messages-rules.ts";

describe("max_tokens", () => {
  const rows: readonly (readonly [model: string, asked: number | undefined, sent: number, loses: boolean])[] = [
    ["claude-opus-5-5", undefined, 128_000, false],
    ["claude-sonnet-4-5-20250929", undefined, 64_000, false],
    ["anthropic.claude-opus-4-1-20250805-v1:0", undefined, 32_000, false],
    ["claude-sonnet-4@20250514", undefined, 64_000, false],
    ["claude-3-5-haiku-20241022", undefined, 8192, false],
    ["anthropic/claude-opus-4.6", undefined, 128_000, false],
    ["claude-next-9", undefined, 32_000, false],
    ["claude-next-9", 100_000, 100_000, false],
    ["kimi-k3", undefined, 4096, false],
    ["claude-haiku-4-5", 64_000, 64_000, false],
    ["claude-haiku-4-5", 64_001, 64_000, true],
  ];
  for (const [model, asked, sent, loses] of rows) {
    test(`${model}: ${asked ?? "none"} is ${sent}`, () => {
      const written = chat(asked === undefined ? {} : { max_tokens: asked }, model);
      assert.equal(written.body["max_tokens"], sent);
      assert.deepEqual(lossesOf(written), loses ? ["clamped sampling.maxTokens"] : []);
    });
  }

  test("filling the cache is a limit of 0", () => {
    const written = responses({ prompt_cache_options: { prewarm: true } });
    assert.equal(written.body["max_tokens"], 0);
  });
});

describe("sampling and the API version (46)", () => {
  const rows: readonly (readonly [JsonObject, string, JsonObject, version: string, losses: string[]])[] = [
    [{}, "claude-haiku-4-5", {}, "2026-10-21", []],
    [{ temperature: 0.7 }, "claude-haiku-4-5", { temperature: 0.7 }, "2023-06-01", []],
    [{ temperature: 1 }, "claude-haiku-4-5", {}, "2026-10-21", []],
    [{ temperature: 1.8 }, "claude-haiku-4-5", { temperature: 1 }, "2023-06-01", ["clamped sampling.temperature"]],
    [
      { temperature: 0.5, top_p: 0.9 },
      "claude-haiku-4-5",
      { temperature: 0.5 },
      "2023-06-01",
      ["unsupported sampling.topP"],
    ],
    [{ temperature: 0.5, top_p: 0.9 }, "claude-3-haiku-20240307", { temperature: 0.5, top_p: 0.9 }, "2023-06-01", []],
    [{ temperature: 0.7 }, "claude-opus-5-5", {}, "2026-10-21", ["unsupported sampling.temperature"]],
    [{ temperature: 1, top_p: 0.99 }, "claude-opus-5-5", {}, "2026-10-21", []],
    [{ temperature: 0.7 }, "kimi-k3", { temperature: 0.7 }, "2023-06-01", []],
    [{}, "kimi-k3", {}, "2023-06-01", []],
  ];
  for (const [asked, model, sent, version, losses] of rows) {
    test(`${JSON.stringify(asked)} to ${model}`, () => {
      const written = chat(asked, model);
      const { temperature, top_p } = written.body;
      assert.deepEqual(JSON.parse(JSON.stringify({ temperature, top_p })), sent);
      assert.equal(written.headers["anthropic-version"], version);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("stop sequences of white space are watched for in the answer", () => {
    const written = chat({ stop: ["\n\n", "END"] });
    assert.deepEqual(written.body["stop_sequences"], ["END"]);
    assert.deepEqual(written.restore, { stop: ["\n\n"] });
    assert.deepEqual(lossesOf(written), ["emulated sampling.stop"]);
  });
});

describe("structured output", () => {
  const schema: Json = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const response_format: Json = { type: "json_schema", json_schema: { name: "Count", schema } };

  test("the Chat surface is refused unless the configuration says how", () => {
    const written = tryWrite("openai-chat", { messages: hello, response_format }, MODEL, { traits: {} });
    assert.deepEqual(written.ok ? [] : [written.error.code, written.error.param], [
      "unsupported_parameter",
      "response_format",
    ]);
    assert.match(written.ok ? "" : written.error.message, /structured_output: native/);
    assert.ok(
      tryWrite("openai-chat", { messages: hello, response_format: { type: "text" } }, MODEL, { traits: {} }).ok,
    );
  });

  test("other surfaces get the API's own, the name as the title", () => {
    const text: Json = { format: { type: "json_schema", name: "Count", schema } };
    const { body, restore } = responses({ text }, MODEL, { traits: {} });
    const format = asObject(asObject(body["output_config"])?.["format"]);
    assert.deepEqual([format?.["type"], asObject(format?.["schema"])?.["title"]], ["json_schema", "Count"]);
    assert.equal(restore, undefined);
  });

  test("a forced tool where the configuration or the model wants it so", () => {
    for (const written of [
      chat({ response_format }, MODEL, { traits: { structuredOutput: "tool" } }),
      responses({ text: { format: { type: "json_schema", name: "n", schema } } }, "claude-3-haiku-20240307"),
    ]) {
      assert.deepEqual(written.body["tool_choice"], { type: "tool", name: "json_output" });
      assert.equal(written.restore?.jsonTool, "json_output");
      assert.deepEqual(brokenRules(written.body), []);
    }
    const beside = chat({ response_format, tools: [f] }, MODEL, { traits: { structuredOutput: "tool" } });
    assert.deepEqual(beside.body["tool_choice"], { type: "any" });
  });

  test("JSON without a schema is asked for in words", () => {
    const written = chat({ response_format: { type: "json_object" } });
    assert.match(JSON.stringify(written.body["system"]), /single JSON object/);
    assert.deepEqual(lossesOf(written), ["emulated output.format"]);
  });
});

describe("cache marks", () => {
  const marks = (written: WrittenRequest) => JSON.stringify(written.body).match(/"cache_control":\{[^}]*\}/g) ?? [];

  test("stand where OpenAI would cache without being asked", () => {
    const written = chat({ messages: [{ role: "system", content: "s" }, user("x")], tools: [f] });
    assert.deepEqual(written.body["system"], [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }]);
    assert.deepEqual(messagesOf(written).at(-1)?.["content"], [
      { type: "text", text: "x", cache_control: { type: "ephemeral" } },
    ]);
    assert.equal(marks(written).length, 2);
    assert.deepEqual(lossesOf(written), []);
  });

  test("are not added for other formats, for imitators of this one, or where the client marks itself", () => {
    assert.deepEqual(marks(gemini({})), []);
    assert.deepEqual(marks(chat({}, "kimi-k3", { kind: "moonshot" })), []);
    const marked = chat({
      messages: [user([{ type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } }])],
    });
    assert.deepEqual(marks(marked), ['"cache_control":{"type":"ephemeral","ttl":"1h"}']);
  });

  test("are the last four at most, none of an hour behind a shorter one", () => {
    const text = (ttl?: string): Json => ({
      type: "text",
      text: "x",
      cache_control: ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl },
    });
    const five = native({
      system: [text("1h"), text("1h")],
      messages: [{ role: "user", content: [text(), text(), text()] }],
    });
    assert.equal(marks(five).length, 4);
    assert.equal(asObject(asArray(five.body["system"])?.[0])?.["cache_control"], undefined);
    const late = native({ system: [text()], messages: [{ role: "user", content: [text("1h")] }] });
    assert.deepEqual(brokenRules(late.body), []);
    assert.deepEqual(lossesOf(late), ["clamped cache"]);
    const four = native({ system: [text("1h"), text("1h")], messages: [{ role: "user", content: [text(), text()] }] });
    assert.deepEqual([marks(four).length, lossesOf(four)], [4, []]);
  });
});

test("keys that a provider refuses are left out, and that is told", () => {
  const written = chat({ user: "u1" }, MODEL, { traits: { dropKeys: ["metadata", "top_k"] } });
  assert.equal(written.body["metadata"], undefined);
  assert.deepEqual(lossesOf(written), ["unsupported metadata"]);
});
