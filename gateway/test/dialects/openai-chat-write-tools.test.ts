import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WriteOptions } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/chat-rules.ts";
import { gpt4, gpt5, messagesOf, patch, said, target, weather, write } from "../support/chat-write.ts";

describe("tools", () => {
  test("a function that takes nothing says so", () => {
    const result = write("gemini", { tools: [{ functionDeclarations: [{ name: "now" }] }] });
    assert.deepEqual(result.body["tools"], [
      { type: "function", function: { name: "now", parameters: { type: "object", properties: {} } } },
    ]);
  });
  test("a strict schema is made fit, or the function is not strict", () => {
    const loose = { ...weather, strict: true };
    const open = {
      name: "open",
      strict: true,
      input_schema: { type: "object", properties: {}, additionalProperties: { type: "string" } },
    };
    const result = write("anthropic-messages", { tools: [loose, open] });
    const [first, second] = asArray(result.body["tools"]) ?? [];
    assert.equal(asObject(asObject(first)?.["function"])?.["strict"], true);
    assert.equal(asObject(asObject(second)?.["function"])?.["strict"], undefined);
    assert.ok(said(result.losses).includes("unsupported tools[1].strict"));
    assert.deepEqual(brokenRules(result.body), []);
  });
  test("strictness stays with who knows it", () => {
    const result = write("anthropic-messages", { tools: [{ ...weather, strict: true }] }, target("ollama", "x"));
    assert.deepEqual(said(result.losses), ["unsupported tools[0].strict"]);
  });
  test("a custom tool is one for OpenAI's newer models", () => {
    const result = write("openai-responses", { tools: [patch], tool_choice: { type: "custom", name: "apply_patch" } });
    const { name, description } = patch;
    const format = { type: "grammar", grammar: { syntax: "lark", definition: "start: /.+/" } };
    assert.deepEqual(result.body["tools"], [{ type: "custom", custom: { name, description, format } }]);
    assert.deepEqual(result.body["tool_choice"], { type: "custom", custom: { name } });
    assert.equal(result.restore, undefined);
  });
  for (const to of [gpt4, target("deepseek", "deepseek-chat")]) {
    test(`a custom tool is a function for ${to.model}, and its calls come back unwrapped`, () => {
      const input = [
        { role: "user", content: "Hi" },
        { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: "*** Begin\n" },
        { type: "custom_tool_call_output", call_id: "c1", output: "done" },
      ];
      const result = write(
        "openai-responses",
        { tools: [patch], tool_choice: { type: "custom", name: "apply_patch" }, input },
        to,
      );
      const [tool] = asArray(result.body["tools"]) ?? [];
      assert.deepEqual(asObject(asObject(asObject(tool)?.["function"])?.["parameters"])?.["required"], ["input"]);
      assert.deepEqual(result.body["tool_choice"], { type: "function", function: { name: "apply_patch" } });
      assert.deepEqual(asObject(messagesOf(result)[1])?.["tool_calls"], [
        { id: "c1", type: "function", function: { name: "apply_patch", arguments: '{"input":"*** Begin\\n"}' } },
      ]);
      assert.deepEqual(result.restore?.tools?.get("apply_patch"), { name: "apply_patch", kind: "custom" });
    });
  }
  test("namespaces are part of the name", () => {
    const tools = [
      { type: "namespace", name: "git", tools: [{ type: "function", name: "log", parameters: { type: "object" } }] },
    ];
    const input = [
      { role: "user", content: "Hi" },
      { type: "function_call", call_id: "c", namespace: "git", name: "log", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "" },
    ];
    const result = write("openai-responses", { tools, input });
    assert.deepEqual(result.restore?.tools?.get("git__log"), { name: "log", namespace: "git", kind: "function" });
    assert.deepEqual(brokenRules(result.body), []);
    assert.ok(JSON.stringify(messagesOf(result)).includes('"git__log"'));
  });
  test("tools of other vendors are lost, and what is left of the choice with them", () => {
    const tools = [{ type: "web_search_20250305", name: "web_search" }];
    const result = write("anthropic-messages", { tools, tool_choice: { type: "any" } });
    assert.equal(result.body["tools"], undefined);
    assert.equal(result.body["tool_choice"], undefined);
    assert.deepEqual(said(result.losses), ["unsupported tools[0]", "unsupported toolChoice"]);
  });
  test("search models search", () => {
    const user_location = { type: "approximate", city: "Rome", country: "IT" };
    const tools = [{ type: "web_search_20250305", name: "web_search", user_location, max_uses: 2 }];
    const result = write("anthropic-messages", { tools }, target("openai", "gpt-4o-search-preview"));
    assert.deepEqual(result.body["web_search_options"], {
      user_location: { type: "approximate", approximate: { country: "IT", city: "Rome" } },
    });
    assert.deepEqual(said(result.losses), ["clamped tools[0]"]);
  });
  test("tools that come later are declared from the beginning", () => {
    const later = { type: "function", name: "later", parameters: { type: "object" } };
    const input = [
      { role: "user", content: "Hi" },
      { type: "additional_tools", role: "developer", tools: [later] },
      { role: "user", content: "Go" },
    ];
    const result = write("openai-responses", { tools: [{ ...later, name: "first" }], input });
    const names = (asArray(result.body["tools"]) ?? []).map((tool) => asObject(asObject(tool)?.["function"])?.["name"]);
    assert.deepEqual(names, ["first", "later"]);
    assert.deepEqual(said(result.losses), ["emulated turns[1].toolsFromHere.add"]);
  });

  const choices: readonly (readonly [string, JsonObject, WriteOptions, Json | undefined, readonly string[]])[] = [
    ["auto", { type: "auto" }, gpt5, "auto", []],
    ["none", { type: "none" }, gpt5, "none", []],
    ["any", { type: "any" }, gpt5, "required", []],
    ["one", { type: "tool", name: "weather" }, gpt5, { type: "function", function: { name: "weather" } }, []],
    ["any, where only auto is taken", { type: "any" }, target("zai", "glm-4.7"), undefined, ["clamped toolChoice"]],
  ];
  for (const [what, tool_choice, to, expected, losses] of choices) {
    test(`the choice: ${what}`, () => {
      const result = write("anthropic-messages", { tools: [weather], tool_choice }, to);
      assert.deepEqual(result.body["tool_choice"], expected);
      assert.deepEqual(said(result.losses), losses);
    });
  }
  test("none, where only auto is taken, declares nothing", () => {
    const result = write(
      "anthropic-messages",
      { tools: [weather], tool_choice: { type: "none" } },
      target("zai", "glm-4.7"),
    );
    assert.equal(result.body["tools"], undefined);
    assert.deepEqual(said(result.losses), ["emulated toolChoice"]);
  });
  test("some tools of all", () => {
    const tools = [{ functionDeclarations: [{ name: "a" }, { name: "b" }] }];
    const calling = (mode: string, ...names: string[]) => ({
      tools,
      toolConfig: { functionCallingConfig: { mode, allowedFunctionNames: names } },
    });
    const all = write("gemini", calling("ANY", "a", "b"));
    const reference = (name: string) => ({ type: "function", function: { name } });
    assert.deepEqual(all.body["tool_choice"], {
      type: "allowed_tools",
      allowed_tools: { mode: "required", tools: [reference("a"), reference("b")] },
    });
    const others = write("gemini", calling("ANY", "a", "b"), target("groq", "llama"));
    assert.equal(others.body["tool_choice"], "required");
    assert.deepEqual(said(others.losses), ["clamped toolChoice"]);
  });
  test("calls one at a time", () => {
    const tool_choice = { type: "auto", disable_parallel_tool_use: true };
    assert.equal(write("anthropic-messages", { tools: [weather], tool_choice }).body["parallel_tool_calls"], false);
    const old = write("anthropic-messages", { tools: [weather], tool_choice }, target("openai", "o3"));
    assert.equal(old.body["parallel_tool_calls"], undefined);
    assert.deepEqual(said(old.losses), ["unsupported parallelToolCalls"]);
    const none = write("openai-responses", { parallel_tool_calls: false });
    assert.equal(none.body["parallel_tool_calls"], undefined);
  });
});
