import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asArray, asObject, asString, type Json, type JsonObject } from "../../src/lib/json.ts";
import { inputOf, said, write, type Source } from "../support/responses-write.ts";

const tool = { type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } };

describe("tools", () => {
  const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "number" } }, required: ["a"] };
  const strictSchema = { ...schema, required: ["a", "b"], additionalProperties: false };
  const rows: readonly (readonly [string, Source, JsonObject, JsonObject, readonly string[]])[] = [
    [
      "Chat without `strict` is not strict here",
      "openai-chat",
      { type: "function", function: { name: "f", description: "d", parameters: schema } },
      { type: "function", name: "f", description: "d", parameters: schema, strict: false },
      [],
    ],
    [
      "Chat's strict",
      "openai-chat",
      { type: "function", function: { name: "f", parameters: strictSchema, strict: true } },
      { type: "function", name: "f", parameters: strictSchema, strict: true },
      [],
    ],
    [
      "no schema",
      "openai-chat",
      { type: "function", function: { name: "f" } },
      { type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false },
      [],
    ],
    [
      "Anthropic's strict with an optional property",
      "anthropic-messages",
      {
        name: "f",
        input_schema: { ...schema, additionalProperties: false },
        strict: true,
        eager_input_streaming: true,
      },
      { type: "function", name: "f", parameters: { ...schema, additionalProperties: false }, strict: false },
      ["clamped tools[0].strict"],
    ],
    [
      "a tool to be searched for",
      "anthropic-messages",
      {
        name: "f",
        input_schema: schema,
        defer_loading: true,
        input_examples: [{ a: "x" }],
        cache_control: { type: "ephemeral" },
      },
      { type: "function", name: "f", parameters: schema, strict: false },
      ["unsupported tools[0].examples", "emulated tools[0].deferLoading", "unsupported cache"],
    ],
    [
      "a custom tool with a grammar",
      "openai-chat",
      {
        type: "custom",
        custom: { name: "c", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: A" } } },
      },
      { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "start: A" } },
      [],
    ],
    [
      "Anthropic's search",
      "anthropic-messages",
      {
        type: "web_search_20250305",
        name: "web_search",
        max_uses: 5,
        allowed_domains: ["x.org"],
        user_location: { type: "approximate", city: "Rome" },
      },
      {
        type: "web_search",
        filters: { allowed_domains: ["x.org"] },
        user_location: { city: "Rome", type: "approximate" },
      },
      ["unsupported tools[0].max_uses"],
    ],
  ];
  for (const [what, source, declared, expected, losses] of rows) {
    test(what, () => {
      const written = write(source, { tools: [declared] });
      assert.deepEqual(written.body["tools"], [expected]);
      assert.deepEqual(said(written.losses), losses);
    });
  }

  test("Chat's and Google's search, Google's code", () => {
    const chat = write("openai-chat", {
      web_search_options: {
        search_context_size: "low",
        user_location: { type: "approximate", approximate: { city: "Rome" } },
      },
    });
    assert.deepEqual(chat.body["tools"], [
      { type: "web_search", search_context_size: "low", user_location: { city: "Rome", type: "approximate" } },
    ]);
    const google = write("gemini", { tools: [{ googleSearch: {} }, { codeExecution: {} }, { googleMaps: {} }] });
    assert.deepEqual(google.body["tools"], [
      { type: "web_search" },
      { type: "code_interpreter", container: { type: "auto" } },
    ]);
    assert.deepEqual(said(google.losses), ["unsupported tools[2]"]);
  });

  const choices: readonly (readonly [Source, JsonObject, Json])[] = [
    ["openai-chat", { tool_choice: "required" }, "required"],
    [
      "openai-chat",
      { tool_choice: { type: "function", function: { name: "add" } } },
      { type: "function", name: "add" },
    ],
    [
      "openai-chat",
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "add" } }] },
        },
      },
      { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "add" }] },
    ],
  ];
  for (const [source, body, expected] of choices) {
    test(`tool_choice ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(write(source, { tools: [tool], ...body }).body["tool_choice"], expected);
    });
  }

  test("a forced search and calls one by one", () => {
    const written = write("anthropic-messages", {
      tools: [{ type: "web_search_20250305", name: "web_search" }],
      tool_choice: { type: "tool", name: "web_search", disable_parallel_tool_use: true },
    });
    assert.deepEqual(written.body["tool_choice"], { type: "web_search" });
    assert.equal(written.body["parallel_tool_calls"], false);
  });

  test("names that the API does not take are bent and restored", () => {
    const written = write("gemini", {
      tools: [{ functionDeclarations: [{ name: "my.tool" }, { name: "my:tool" }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["my.tool"] } },
      contents: [
        { parts: [{ text: "?" }] },
        { role: "model", parts: [{ functionCall: { name: "my.tool", args: {} } }] },
        { parts: [{ functionResponse: { name: "my.tool", response: { output: "4" } } }] },
      ],
    });
    const [first, second] = (asArray(written.body["tools"]) ?? []).map(
      (each) => asString(asObject(each)?.["name"]) ?? "",
    );
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.match(first, /^[\w-]{1,64}$/);
    assert.equal(inputOf(written)[1]?.["name"], first);
    assert.deepEqual(written.body["tool_choice"], { type: "function", name: first });
    assert.equal(written.restore?.tools?.get(first)?.name, "my.tool");
    assert.equal(written.restore?.tools?.get(second)?.name, "my:tool");
  });

  test("effort and tools that Anthropic changes on the way", () => {
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "system",
          content: [{ type: "tool_addition", tool: { name: "late", input_schema: { type: "object" } } }],
          output_config: { effort: "max" },
        },
      ],
    });
    assert.deepEqual(inputOf(written).slice(1), [
      { type: "configuration_update", reasoning: { effort: "max" } },
      {
        type: "additional_tools",
        role: "developer",
        tools: [{ type: "function", name: "late", parameters: { type: "object" }, strict: false }],
      },
    ]);
  });
});
