import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { type Json, type JsonObject } from "../../src/lib/json.ts";
import { geminiRequest, readRequest } from "../support/gemini.ts";

const { client } = gemini;
const contents = [{ role: "user", parts: [{ text: "hello" }] }];

describe("function responses find their calls", () => {
  const call = (name: string, id?: string) => ({ functionCall: id === undefined ? { name } : { name, id } });
  const response = (name: string, id?: string, more: JsonObject = {}) => ({
    functionResponse: { name, response: { output: name }, ...(id === undefined ? {} : { id }), ...more },
  });
  const callIds = (calls: Json[], responses: Json[]) =>
    readRequest({
      contents: [
        { role: "model", parts: calls },
        { role: "user", parts: responses },
      ],
    }).turns[1]?.blocks.map((block) => (block.type === "tool-result" ? block.callId : block.type));

  test("by order among calls of the same name", () => {
    const calls = [call("a"), call("b"), call("a")];
    assert.deepEqual(callIds(calls, [response("b"), response("a"), response("a")]), ["gc_0_1", "gc_0_0", "gc_0_2"]);
  });

  test("by id, whatever the order", () => {
    assert.deepEqual(callIds([call("a", "1"), call("a", "2")], [response("a", "2"), response("a", "1")]), ["2", "1"]);
  });

  test("by name where Gemini CLI made up the id of the response only", () => {
    assert.deepEqual(callIds([call("a"), call("a")], [response("a", "a-1-x"), response("a", "a-2-y")]), [
      "gc_0_0",
      "gc_0_1",
    ]);
  });

  test("or stay orphans with an id of their own", () => {
    assert.deepEqual(callIds([call("a")], [response("z"), response("y", "own")]), ["gc_1_0", "own"]);
  });

  test("errors, media and whole objects are told apart", () => {
    const parts = [
      { functionResponse: { name: "a", response: { error: "no" } } },
      { functionResponse: { name: "a", response: { temperature: 3 }, scheduling: "SILENT" } },
      response("a", undefined, { parts: [{ inlineData: { mimeType: "image/png", data: "AA==" } }] }),
    ];
    const blocks = readRequest({ contents: [{ role: "user", parts }] }).turns[0]?.blocks;
    assert.deepEqual(
      blocks?.map((block) => (block.type === "tool-result" ? [block.isError, block.content, block.scheduling] : [])),
      [
        [true, [{ type: "text", text: "no" }], undefined],
        [undefined, [{ type: "text", text: '{"temperature":3}' }], "SILENT"],
        [
          undefined,
          [
            { type: "text", text: "a" },
            { type: "media", kind: "image", source: { by: "base64", data: "AA==" }, mimeType: "image/png" },
          ],
          undefined,
        ],
      ],
    );
  });

  test("a longer conversation begins with the same turns", () => {
    const long = [
      ...contents,
      { role: "model", parts: [call("a"), call("a")] },
      { role: "user", parts: [response("a"), response("a")] },
      { role: "model", parts: [{ text: "done" }] },
    ];
    const whole = readRequest({ contents: long }).turns;
    long.forEach((_content, index) => {
      assert.deepEqual(readRequest({ contents: long.slice(0, index) }).turns, whole.slice(0, index));
    });
  });
});

describe("tools", () => {
  test("functions come with either kind of schema, other tools as they are", () => {
    const { tools } = readRequest({
      contents,
      tools: [
        {
          functionDeclarations: [
            { name: "a", description: "d", parameters: { type: "OBJECT", properties: { x: { type: "STRING" } } } },
            { name: "b", parametersJsonSchema: { type: "object", const: 1 }, behavior: "NON_BLOCKING" },
            { name: "c", responseJsonSchema: { type: "string" }, colour: "red" },
          ],
          code_execution: {},
        },
        { googleSearch: { excludeDomains: ["x"] } },
        { mcpServers: [{ name: "one" }, { name: "two" }] },
        { timeMachine: {} },
      ],
    });
    assert.deepEqual(tools, [
      {
        type: "function",
        name: "a",
        description: "d",
        schema: { type: "object", properties: { x: { type: "string" } } },
      },
      { type: "function", name: "b", schema: { type: "object", const: 1 }, async: true },
      { type: "function", name: "c", outputSchema: { type: "string" }, extras: { gemini: { colour: "red" } } },
      { type: "builtin", tool: "code_execution", native: { dialect: "gemini", value: { codeExecution: {} } } },
      {
        type: "builtin",
        tool: "web_search",
        native: { dialect: "gemini", value: { googleSearch: { excludeDomains: ["x"] } } },
      },
      {
        type: "builtin",
        tool: "mcp",
        name: "one",
        native: { dialect: "gemini", value: { mcpServers: [{ name: "one" }] } },
      },
      {
        type: "builtin",
        tool: "mcp",
        name: "two",
        native: { dialect: "gemini", value: { mcpServers: [{ name: "two" }] } },
      },
      { type: "builtin", tool: "timeMachine", native: { dialect: "gemini", value: { timeMachine: {} } } },
    ]);
  });

  test("a function without a name is refused where it stands", () => {
    const read = client.readRequest(geminiRequest({ contents, tools: [{ functionDeclarations: [{}] }] }));
    assert.ok(!read.ok && read.error.param === "tools[0].functionDeclarations[0].name");
  });

  const choices: readonly [JsonObject, CanonicalRequest["toolChoice"]][] = [
    [{}, undefined],
    [{ mode: "AUTO" }, { type: "auto" }],
    [{ mode: "NONE" }, { type: "none" }],
    [{ mode: "ANY" }, { type: "required" }],
    [
      { mode: "any", allowedFunctionNames: ["a"] },
      { type: "tool", tool: { kind: "function", name: "a" } },
    ],
    [
      { mode: "ANY", allowedFunctionNames: ["a", "b"] },
      {
        type: "allowed",
        mode: "required",
        tools: [
          { kind: "function", name: "a" },
          { kind: "function", name: "b" },
        ],
      },
    ],
    [{ mode: "VALIDATED" }, { type: "auto" }],
    [
      { mode: "VALIDATED", allowedFunctionNames: ["a"] },
      { type: "allowed", mode: "auto", tools: [{ kind: "function", name: "a" }] },
    ],
  ];
  for (const [functionCallingConfig, choice] of choices) {
    test(`choice ${JSON.stringify(functionCallingConfig)}`, () => {
      assert.deepEqual(readRequest({ contents, toolConfig: { functionCallingConfig } }).toolChoice, choice);
    });
  }

  test("VALIDATED makes functions strict and is kept for Gemini", () => {
    const request = readRequest({
      contents,
      tools: [{ functionDeclarations: [{ name: "a" }] }],
      toolConfig: { functionCallingConfig: { mode: "VALIDATED" } },
    });
    assert.deepEqual(request.tools, [{ type: "function", name: "a", strict: true }]);
    assert.deepEqual(request.extras.gemini, { toolConfig: { functionCallingConfig: { mode: "VALIDATED" } } });
  });
});

describe("Google's schemas as JSON Schema", () => {
  const rows: readonly [string, JsonObject, JsonObject][] = [
    ["types in capitals", { type: "STRING", format: "date-time" }, { type: "string", format: "date-time" }],
    ["null", { type: "INTEGER", nullable: true }, { type: ["integer", "null"] }],
    [
      "null in an enumeration",
      { type: "STRING", enum: ["a"], nullable: true },
      { type: ["string", "null"], enum: ["a", null] },
    ],
    [
      "null among alternatives",
      { any_of: [{ type: "STRING" }], nullable: true },
      { anyOf: [{ type: "string" }, { type: "null" }] },
    ],
    [
      "limits as strings",
      { type: "ARRAY", minItems: "1", max_items: "3", items: { type: "NUMBER" } },
      { type: "array", minItems: 1, maxItems: 3, items: { type: "number" } },
    ],
    [
      "the order of properties",
      { type: "OBJECT", properties: { a: {}, b: {} }, propertyOrdering: ["b", "a", "z"] },
      { type: "object", properties: { b: {}, a: {} } },
    ],
    [
      "properties named like keywords",
      { properties: { type: { type: "STRING" }, properties: { type: "STRING" }, nullable: { type: "BOOLEAN" } } },
      { properties: { type: { type: "string" }, properties: { type: "string" }, nullable: { type: "boolean" } } },
    ],
    [
      "references",
      { defs: { n: { type: "NUMBER" } }, properties: { a: { ref: "#/defs/n" } } },
      { $defs: { n: { type: "number" } }, properties: { a: { $ref: "#/$defs/n" } } },
    ],
    ["an example", { example: 1, title: "T", default: 2 }, { examples: [1], title: "T", default: 2 }],
    ["keywords to come", { type: "TYPE_UNSPECIFIED", sparkle: true }, { sparkle: true }],
  ];
  for (const [name, schema, expected] of rows) {
    test(name, () => {
      const request = readRequest({ contents, generationConfig: { responseSchema: schema } });
      const { format } = request.output;
      assert.ok(format?.type === "json-schema");
      assert.deepEqual(format.schema, expected);
      // deepEqual does not see the order of keys, which the model does.
      assert.equal(JSON.stringify(format.schema), JSON.stringify(expected));
    });
  }
});

describe("settings", () => {
  const config = (generationConfig: JsonObject) => readRequest({ contents, generationConfig });

  const thinking: readonly [JsonObject, CanonicalRequest["reasoning"]][] = [
    [{ thinkingBudget: 0 }, { mode: "off", visible: "none" }],
    [
      { thinkingBudget: -1, includeThoughts: true },
      { mode: "auto", visible: "auto" },
    ],
    [{ thinkingBudget: 512 }, { mode: "budget", visible: "none", budgetTokens: 512 }],
    [{ thinkingLevel: "minimal" }, { mode: "default", visible: "none", effort: "minimal" }],
    [{ thinkingLevel: "THINKING_LEVEL_UNSPECIFIED" }, { mode: "default", visible: "none" }],
  ];
  for (const [thinkingConfig, reasoning] of thinking) {
    test(`thinking ${JSON.stringify(thinkingConfig)}`, () => {
      assert.deepEqual(config({ thinkingConfig }).reasoning, reasoning);
    });
  }

  const formats: readonly [JsonObject, CanonicalRequest["output"]["format"]][] = [
    [{ responseMimeType: "application/json" }, { type: "json" }],
    [{ responseMimeType: "text/plain" }, { type: "text" }],
    [{ responseJsonSchema: { type: "string" } }, { type: "json-schema", schema: { type: "string" }, strict: true }],
    [{ _responseJsonSchema: { type: "string" } }, { type: "json-schema", schema: { type: "string" }, strict: true }],
  ];
  for (const [generationConfig, format] of formats) {
    test(`format ${JSON.stringify(generationConfig)}`, () => {
      const request = config(generationConfig);
      assert.deepEqual(request.output.format, format);
      assert.deepEqual(request.extras, {});
    });
  }

  test("an enumeration as bare text keeps its mime type", () => {
    const request = config({ responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a"] } });
    assert.deepEqual(request.output.format, {
      type: "json-schema",
      schema: { type: "string", enum: ["a"] },
      strict: true,
    });
    assert.deepEqual(request.extras.gemini, { generationConfig: { responseMimeType: "text/x.enum" } });
  });

  test("the rest of generationConfig", () => {
    const request = config({
      maxOutputTokens: 10,
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      candidateCount: 2,
      stopSequences: ["a"],
      responseLogprobs: true,
      logprobs: 3,
      responseModalities: ["TEXT", "IMAGE"],
      imageConfig: { aspectRatio: "1:1" },
      speechConfig: { languageCode: "de" },
    });
    assert.deepEqual(request.sampling, {
      temperatureMax: 2,
      maxTokens: 10,
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      stop: ["a"],
      candidates: 2,
      logprobs: { top: 3 },
    });
    assert.deepEqual(request.output, {
      modalities: ["text", "image"],
      audio: { languageCode: "de" },
      image: { aspectRatio: "1:1" },
    });
  });
});
