import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure, failureClasses, failureStatus, type Failure, type FailureCode } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixture, fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import {
  decodeChunks,
  decodePayloads,
  decoderOptions,
  encodedChunks,
  encodeEvents,
  framePayloads,
  geminiClient,
  geminiRequest,
  payloadsOf,
} from "../support/gemini.ts";

const { client, upstream } = gemini;
const contents = [{ role: "user", parts: [{ text: "hello" }] }];
const recorded = fixtures("gemini");
const streams = recorded.filter(({ response, stream }) => response.status === 200 && stream);

function chunk(parts: Json[], more: JsonObject = {}, index?: number): JsonObject {
  const place = index === undefined ? {} : { index };
  return {
    candidates: [{ content: { role: "model", parts }, ...place, ...more }],
    responseId: "r1",
    modelVersion: "m1",
  };
}

function readRequest(body: JsonObject, operation?: string): CanonicalRequest {
  const read = client.readRequest(geminiRequest(body, operation));
  assert.ok(read.ok, read.ok ? "" : read.error.message);
  return read.value;
}

function readPlain(body: Json): CanonicalResponse {
  const read = upstream.readResponse(body, decoderOptions);
  assert.ok(read.ok, read.ok ? "" : read.error.message);
  return read.value;
}

function errorOf(events: readonly CanonicalEvent[]): Failure {
  const last = events.at(-1);
  assert.ok(last?.type === "error");
  return last.failure;
}

describe("readHead", () => {
  const head = (body: JsonObject, operation?: string) => client.readHead(geminiRequest(body, operation));

  test("takes the model and the kind of answer from the path", () => {
    assert.deepEqual(head({ contents }), {
      ok: true,
      value: { model: "gemini-test", stream: true, candidates: 1, includeUsage: true },
    });
    const plain = head({ contents }, "generateContent");
    assert.ok(plain.ok && !plain.value.stream);
  });

  test("reads limits in both spellings, also as strings", () => {
    for (const body of [
      { contents, generationConfig: { maxOutputTokens: 100, candidateCount: 2 } },
      { contents, generation_config: { max_output_tokens: "100", candidate_count: 2 } },
    ]) {
      const read = head(body);
      assert.ok(read.ok);
      assert.deepEqual([read.value.maxTokens, read.value.candidates], [100, 2]);
    }
  });

  test("wants contents", () => {
    const none = head({});
    assert.ok(!none.ok && none.error.code === "missing_parameter" && none.error.param === "contents");
    const text = head({ contents: "hello" });
    assert.ok(!text.ok && text.error.code === "invalid_parameter");
    assert.ok(head({ contents: { parts: { text: "one content instead of a list" } } }).ok);
  });

  test("lets countTokens wrap a whole request", () => {
    assert.ok(head({ generateContentRequest: { contents } }, "countTokens").ok);
    assert.ok(!head({ generateContentRequest: { contents } }, "generateContent").ok);
  });

  test("remembers whether thoughts were asked for", () => {
    const config = (includeThoughts: boolean) => ({
      contents,
      generationConfig: { thinkingConfig: { includeThoughts } },
    });
    assert.deepEqual(client.readEcho(geminiRequest(config(true))), { includeThoughts: true });
    assert.deepEqual(client.readEcho(geminiRequest(config(false))), { includeThoughts: false });
    assert.deepEqual(client.readEcho(geminiRequest({ contents })), { includeThoughts: false });
  });
});

describe("readRequest", () => {
  test("reads the request of Gemini CLI 0.61", () => {
    const request = readRequest({
      contents: [{ role: "user", parts: [{ text: "<session_context>" }, { text: "hi" }] }],
      systemInstruction: { role: "user", parts: [{ text: "You are Gemini CLI." }] },
      tools: [{ functionDeclarations: [{ name: "read_file", parametersJsonSchema: { type: "object" } }] }],
      generationConfig: {
        temperature: 1,
        topP: 0.95,
        topK: 64,
        thinkingConfig: { includeThoughts: true, thinkingLevel: "HIGH" },
      },
    });
    assert.deepEqual(request, {
      source: "gemini",
      model: "gemini-test",
      stream: true,
      instructions: [{ text: "You are Gemini CLI.", authority: "system" }],
      turns: [
        {
          role: "user",
          boundary: 0,
          blocks: [
            { type: "text", text: "<session_context>" },
            { type: "text", text: "hi" },
          ],
        },
      ],
      tools: [{ type: "function", name: "read_file", schema: { type: "object" } }],
      sampling: { temperatureMax: 2, temperature: 1, topP: 0.95, topK: 64 },
      reasoning: { mode: "default", visible: "auto", effort: "high" },
      output: {},
      cache: {},
      identity: {},
      headers: { betas: [] },
      extras: {},
    } satisfies CanonicalRequest);
  });

  test("reads every recorded request", () => {
    for (const { name, request } of recorded) {
      const body = asObject(request?.body);
      if (body === undefined || body["contents"] === undefined) continue;
      const read = client.readRequest(geminiRequest(body));
      assert.ok(read.ok, name);
      assert.ok(read.value.turns.length > 0, name);
    }
  });

  test("takes snake_case for camelCase", () => {
    const camel = {
      systemInstruction: { parts: [{ text: "s" }] },
      contents: [
        { role: "model", parts: [{ functionCall: { name: "f", args: { a_b: 1 } }, thoughtSignature: "c2ln" }] },
        { role: "user", parts: [{ functionResponse: { name: "f", response: { output: "x" } } }] },
        { role: "user", parts: [{ inlineData: { mimeType: "image/png", data: "AA==" } }] },
      ],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["f"] } },
      generationConfig: { stopSequences: ["x"], responseMimeType: "application/json" },
    };
    const snake = {
      system_instruction: { parts: [{ text: "s" }] },
      contents: [
        { role: "model", parts: [{ function_call: { name: "f", args: { a_b: 1 } }, thought_signature: "c2ln" }] },
        { role: "user", parts: [{ function_response: { name: "f", response: { output: "x" } } }] },
        { role: "user", parts: [{ inline_data: { mime_type: "image/png", data: "AA==" } }] },
      ],
      tool_config: { function_calling_config: { mode: "ANY", allowed_function_names: ["f"] } },
      generation_config: { stop_sequences: ["x"], response_mime_type: "application/json" },
    };
    assert.deepEqual(readRequest(snake), readRequest(camel));
  });

  test("counts a single object for a list of one, as Google does", () => {
    const request = readRequest({ contents: { parts: { text: "hello" } }, tools: { googleSearch: {} } });
    assert.deepEqual(request.turns[0]?.blocks, [{ type: "text", text: "hello" }]);
    assert.equal(request.tools.length, 1);
  });

  test("refuses a role that Google refuses", () => {
    const read = client.readRequest(geminiRequest({ contents: [{ role: "assistant", parts: [] }] }));
    assert.ok(!read.ok && read.error.param === "contents[0]");
  });

  test("unwraps a request whose tokens are to be counted", () => {
    const body = { generateContentRequest: { model: "models/x", contents, tools: [{ googleSearch: {} }] } };
    const request = readRequest(body, "countTokens");
    assert.equal(request.turns.length, 1);
    assert.equal(request.tools.length, 1);
    assert.deepEqual(request.extras, {});
  });

  test("keeps what has no canonical name for Gemini alone", () => {
    const request = readRequest({
      contents,
      modelArmorConfig: { promptTemplateName: "t" },
      toolConfig: { retrievalConfig: { languageCode: "de" } },
      generationConfig: { mediaResolution: "MEDIA_RESOLUTION_LOW" },
      safetySettings: [{ category: "c", threshold: "BLOCK_NONE" }],
      labels: { team: "a" },
      cachedContent: "cachedContents/1",
      serviceTier: "standard",
      store: false,
      continuationToken: "t0",
    });
    assert.deepEqual(request.extras, {
      gemini: {
        modelArmorConfig: { promptTemplateName: "t" },
        toolConfig: { retrievalConfig: { languageCode: "de" } },
        generationConfig: { mediaResolution: "MEDIA_RESOLUTION_LOW" },
      },
    });
    assert.deepEqual(request.safety, { settings: [{ category: "c", threshold: "BLOCK_NONE" }] });
    assert.deepEqual(request.identity, { labels: { team: "a" } });
    assert.deepEqual(request.cache, { cachedContent: "cachedContents/1" });
    assert.equal(request.tier, "default");
    assert.equal(request.state?.store, false);
    assert.equal(request.state?.continuation?.kind, "gemini.continuation");
  });
});

describe("parts of a request", () => {
  const blocksOf = (parts: Json[], role = "model") => readRequest({ contents: [{ role, parts }] }).turns[0]?.blocks;
  const signature: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" };

  const rows: readonly [string, Json, Block][] = [
    ["text", { text: "a" }, { type: "text", text: "a" }],
    ["signed text", { text: "a", thoughtSignature: "c2ln" }, { type: "text", text: "a", signature }],
    ["a signature on empty text", { text: "", thoughtSignature: "c2ln" }, { type: "text", text: "", signature }],
    ["a signature alone", { thoughtSignature: "c2ln" }, { type: "text", text: "", signature }],
    ["a thought", { text: "hm", thought: true }, { type: "reasoning", summary: ["hm"] }],
    [
      "a signed thought",
      { text: "hm", thought: true, thoughtSignature: "c2ln" },
      { type: "reasoning", summary: ["hm"], opaque: signature },
    ],
    [
      "the stand-in for a signature, which is none",
      { functionCall: { name: "f" }, thoughtSignature: "skip_thought_signature_validator" },
      { type: "tool-call", kind: "function", id: "gc_0_0", name: "f", argumentsText: "{}" },
    ],
    [
      "a function call with id and arguments",
      { functionCall: { id: "x", name: "f", args: { a: [1, "2"] } } },
      { type: "tool-call", kind: "function", id: "x", name: "f", argumentsText: '{"a":[1,"2"]}' },
    ],
    [
      "a picture",
      { inlineData: { mimeType: "image/jpeg", data: "AA==" }, mediaResolution: { level: "HIGH" } },
      {
        type: "media",
        kind: "image",
        source: { by: "base64", data: "AA==" },
        mimeType: "image/jpeg",
        resolution: "HIGH",
      },
    ],
    [
      "a file of Google's",
      { fileData: { mimeType: "application/pdf", fileUri: "gs://b/f.pdf" } },
      {
        type: "media",
        kind: "document",
        source: { by: "file", id: "gs://b/f.pdf", issuer: { provider: "gemini" } },
        mimeType: "application/pdf",
      },
    ],
    [
      "a video from the web",
      { fileData: { fileUri: "https://www.youtube.com/watch?v=1" }, videoMetadata: { fps: 1 } },
      {
        type: "media",
        kind: "video",
        source: { by: "url", url: "https://www.youtube.com/watch?v=1" },
        video: { fps: 1 },
      },
    ],
    [
      "code",
      { executableCode: { language: "PYTHON", code: "1+1" } },
      { type: "code", phase: "code", language: "PYTHON", code: "1+1" },
    ],
    [
      "its result",
      { codeExecutionResult: { outcome: "OUTCOME_OK", output: "2" } },
      { type: "code", phase: "result", outcome: "OUTCOME_OK", output: "2" },
    ],
    [
      "a call of a server tool",
      { toolCall: { id: "t", toolType: "FILE_SEARCH", args: { q: 1 } } },
      {
        type: "server-tool",
        phase: "call",
        tool: "file_search",
        id: "t",
        input: { q: 1 },
        native: { dialect: "gemini", value: { toolCall: { id: "t", toolType: "FILE_SEARCH", args: { q: 1 } } } },
      },
    ],
    [
      "a part of a kind to come",
      { hologram: { size: 3 }, thoughtSignature: "c2ln" },
      {
        type: "opaque",
        dialect: "gemini",
        nativeType: "hologram",
        value: { hologram: { size: 3 } },
        signature,
      },
    ],
    [
      "a modifier without a canonical name",
      { text: "a", partMetadata: { k: "v" } },
      { type: "text", text: "a", extras: { gemini: { partMetadata: { k: "v" } } } },
    ],
  ];
  for (const [name, part, block] of rows) {
    test(name, () => assert.deepEqual(blocksOf([part]), [block]));
  }

  test("thoughts that were streamed in pieces are one, up to a signature", () => {
    const parts = [
      { text: "a", thought: true },
      { text: "b", thought: true, thoughtSignature: "c2ln" },
      { text: "c", thought: true },
    ];
    assert.deepEqual(blocksOf(parts), [
      { type: "reasoning", summary: ["ab"], opaque: signature },
      { type: "reasoning", summary: ["c"] },
    ]);
  });

  test("an empty part is nothing", () => assert.deepEqual(blocksOf([{}, null, 3]), []));
});

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

describe("the decoder", () => {
  for (const each of streams) {
    test(`${each.name} obeys the grammar of events, whole and cut after every frame`, () => {
      const payloads = payloadsOf(each);
      assert.equal(checkEvents(decodePayloads(payloads).events), undefined);
      for (let count = 0; count < payloads.length; count += 1) {
        const { events, outcome } = decodePayloads(payloads.slice(0, count));
        assert.equal(checkEvents(events), undefined, `after ${count} frames`);
        assert.equal(outcome === "truncated", events.at(-1)?.type === "error");
      }
    });
  }

  test("a stream without a finish reason is truncated, whatever it brought", () => {
    const { events, outcome } = decodePayloads(payloadsOf(fixture("gemini", "stream-without-finish")));
    assert.equal(outcome, "truncated");
    assert.equal(errorOf(events).code, "provider_interrupted");
    assert.equal(decodeChunks([]).outcome, "truncated");
    assert.equal(decodeChunks([chunk([{ functionCall: { name: "f" } }])]).outcome, "truncated");
  });

  test("the last finish reason wins", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "vertex-stream-finish-changes")));
    const [candidate] = fold(events).candidates;
    assert.deepEqual(candidate?.finish, { reason: "content-filter", native: "RECITATION" });
  });

  test("a refused prompt is a complete answer without a block", () => {
    const { events, outcome } = decodePayloads(payloadsOf(fixture("gemini", "stream-prompt-blocked")));
    assert.equal(outcome, "complete");
    assert.deepEqual(fold(events).candidates, [
      { index: 0, blocks: [], finish: { reason: "content-filter", native: "SAFETY" } },
    ]);
  });

  test("an error chunk fails the stream, also after a finish", () => {
    const error = { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } };
    const { events, outcome } = decodeChunks([
      chunk([{ text: "a" }], { finishReason: "STOP" }),
      error,
      chunk([{ text: "b" }]),
    ]);
    assert.equal(outcome, "upstream-failed");
    assert.equal(checkEvents(events), undefined);
    assert.equal(errorOf(events).code, "provider_overloaded");
    assert.equal(errorOf(events).upstream?.status, 503);
  });

  test("is terminal when every candidate asked for has finished", () => {
    const decoder = upstream.decoder({ ...decoderOptions, candidates: 2 });
    const step = (value: JsonObject) => decoder.step({ event: "", data: JSON.stringify(value) });
    step(chunk([{ text: "a" }], { finishReason: "STOP" }, 0));
    assert.equal(decoder.terminal, false);
    step(chunk([{ text: "b" }], {}, 1));
    assert.equal(decoder.terminal, false);
    step(chunk([], { finishReason: "MAX_TOKENS" }, 1));
    assert.equal(decoder.terminal, true);
    const end = decoder.end();
    assert.equal(end.outcome, "complete");
    assert.deepEqual(
      end.events.flatMap((event) => (event.type === "finish" ? [event.candidate, event.finish.reason] : [])),
      [0, "stop", 1, "length"],
    );
  });

  test("fewer candidates than asked for are complete at the end", () => {
    const { outcome } = decodeChunks([chunk([{ text: "a" }], { finishReason: "STOP" })], { candidates: 2 });
    assert.equal(outcome, "complete");
  });

  test("candidates interleave without mixing", () => {
    const { events } = decodeChunks([
      chunk([{ text: "a" }], {}, 0),
      chunk([{ text: "x" }], {}, 1),
      chunk([{ text: "b" }], { finishReason: "STOP" }, 0),
      chunk([{ text: "y" }], { finishReason: "STOP" }, 1),
    ]);
    assert.equal(checkEvents(events), undefined);
    assert.deepEqual(
      fold(events).candidates.map(({ blocks }) => blocks),
      [[{ type: "text", text: "ab" }], [{ type: "text", text: "xy" }]],
    );
  });

  test("a call without arguments has an empty object, and ids are the same every time", () => {
    const decode = () =>
      fold(
        decodeChunks([
          chunk([{ functionCall: { name: "f" } }, { functionCall: { name: "f" } }], { finishReason: "STOP" }),
        ]).events,
      );
    const [candidate] = decode().candidates;
    const calls = candidate?.blocks.map((block) => (block.type === "tool-call" ? block : undefined));
    assert.equal(calls?.[0]?.argumentsText, "{}");
    assert.match(calls?.[0]?.id ?? "", /^gc_[0-9a-z]{13}$/);
    assert.notEqual(calls?.[0]?.id, calls?.[1]?.id);
    assert.deepEqual(decode().candidates[0], candidate);
    assert.equal(candidate?.finish.reason, "tool-calls");
  });

  test("a signature closes its text, and one on empty text is a block of its own", () => {
    const { events } = decodeChunks([
      chunk([{ text: "a" }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }]),
      chunk([{ text: "b" }]),
      chunk([{ functionCall: { name: "f" } }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }], { finishReason: "STOP" }),
    ]);
    const signature: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" };
    const [candidate] = fold(events).candidates;
    assert.deepEqual(
      candidate?.blocks.filter(({ type }) => type === "text"),
      [
        { type: "text", text: "a", signature },
        { type: "text", text: "b" },
        { type: "text", text: "", signature },
      ],
    );
  });

  test("empty text without a signature is no block", () => {
    const { events } = decodeChunks([chunk([{ text: "" }], { finishReason: "STOP" })]);
    assert.deepEqual(fold(events).candidates[0]?.blocks, []);
  });

  test("thoughts, then text, then an empty finish chunk", () => {
    const { events } = decodeChunks([
      chunk([{ text: "hm", thought: true }]),
      chunk([{ text: " ah", thought: true }]),
      chunk([{ text: "yes" }]),
      { candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 3 } },
    ]);
    assert.deepEqual(fold(events).candidates[0]?.blocks, [
      { type: "reasoning", summary: ["hm ah"] },
      { type: "text", text: "yes" },
    ]);
  });

  test("counters that a later chunk leaves out are kept", () => {
    const { events } = decodeChunks([
      { usageMetadata: { trafficType: "ON_DEMAND" }, candidates: [] },
      { usageMetadata: { promptTokenCount: 10, toolUsePromptTokenCount: 5, cachedContentTokenCount: 4 } },
      chunk([{ text: "a" }], { finishReason: "STOP" }),
      { usageMetadata: { candidatesTokenCount: 7, thoughtsTokenCount: 20, totalTokenCount: 42 } },
    ]);
    const { raw, ...usage } = fold(events).usage ?? {};
    assert.deepEqual(usage, {
      inputTotal: 15,
      cacheRead: 4,
      cacheWrite: 0,
      toolUsePrompt: 5,
      outputTotal: 27,
      reasoning: 20,
    });
    assert.ok(raw !== undefined);
  });

  test("no counters, no usage", () => {
    const { events } = decodeChunks([
      { ...chunk([{ text: "a" }], { finishReason: "STOP" }), usageMetadata: { trafficType: "ON_DEMAND" } },
    ]);
    assert.equal(fold(events).usage, undefined);
  });

  test("[DONE] and empty data are read and mean nothing; text that is no JSON is unreadable", () => {
    const decoder = upstream.decoder(decoderOptions);
    assert.deepEqual(decoder.step({ event: "", data: "[DONE]" }), []);
    assert.deepEqual(decoder.step({ event: "", data: "" }), []);
    assert.deepEqual(decoder.step({ event: "", data: "[1]" }), []);
    assert.equal(decoder.step({ event: "", data: '{"candidates":' }), undefined);
  });

  test("grounding comes at the end, as citations with byte offsets", () => {
    const { events } = decodeChunks([
      chunk([{ text: "Zürich liegt am See." }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }], {
        finishReason: "STOP",
        groundingMetadata: {
          groundingChunks: [{ web: { uri: "https://a.example", title: "a" } }],
          groundingSupports: [
            { segment: { endIndex: 7, text: "Zürich" }, groundingChunkIndices: [0, 9], confidenceScores: [0.5] },
          ],
        },
      }),
    ]);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.deepEqual(block.citations, [
      {
        type: "grounding",
        chunk: { web: { uri: "https://a.example", title: "a" } },
        segment: { start: 0, end: 7, text: "Zürich" },
        confidence: 0.5,
      },
    ]);
  });

  test("recitations of all chunks are joined, each once", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "stream-recitation")));
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.equal(block.citations?.length, 10);
  });

  test("log probabilities go with the text of their chunk", () => {
    const logprobsResult = {
      chosenCandidates: [{ token: "é", tokenId: 1, logProbability: -0.1 }],
      topCandidates: [
        {
          candidates: [
            { token: "é", logProbability: -0.1 },
            { token: "e", logProbability: -2 },
          ],
        },
      ],
    };
    const { events } = decodeChunks([chunk([{ text: "é" }], { finishReason: "STOP", logprobsResult })]);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.deepEqual(block.logprobs?.[0]?.bytes, [0xc3, 0xa9]);
    assert.equal(block.logprobs[0].top?.[1]?.token, "e");
  });

  test("nothing that a provider may send breaks it", () => {
    const scalar = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null));
    const part = fc.dictionary(
      fc.constantFrom(
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "inlineData",
        "executableCode",
        "toolCall",
        "x",
      ),
      fc.oneof(
        scalar,
        fc.dictionary(fc.constantFrom("name", "args", "willContinue", "partialArgs", "data"), fc.jsonValue()),
      ),
    );
    const candidate = fc.record(
      {
        index: fc.oneof(fc.integer(), scalar),
        content: fc.oneof(fc.record({ parts: fc.array(fc.oneof(part, scalar)) }), scalar),
        finishReason: fc.oneof(fc.constant("STOP"), scalar),
        groundingMetadata: fc.jsonValue(),
        citationMetadata: fc.jsonValue(),
        logprobsResult: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const anyChunk = fc.oneof(
      fc.record(
        {
          candidates: fc.oneof(fc.array(candidate), fc.jsonValue()),
          usageMetadata: fc.jsonValue(),
          promptFeedback: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(anyChunk), (chunks) => {
        const payloads = chunks.map((each) => ({ event: "", data: JSON.stringify(each) }));
        const { events } = decodePayloads(payloads);
        assert.equal(checkEvents(events), undefined);
        encodeEvents(events);
        fold(events);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe("streamed arguments", () => {
  const pieces = (...partialArgs: JsonObject[]) => chunk([{ functionCall: { partialArgs, willContinue: true } }]);
  const open = chunk([{ functionCall: { name: "f", willContinue: true }, thoughtSignature: "c2ln" }]);
  const close = chunk([{ functionCall: {} }], { finishReason: "STOP" });
  const argumentsOf = (...between: JsonObject[]) => {
    const { events } = decodeChunks([open, ...between, close]);
    assert.equal(checkEvents(events), undefined);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "tool-call");
    assert.equal(block.signature?.value, "c2ln");
    return { value: parseJson(block.argumentsText), losses: fold(events).losses };
  };

  test("are put together by path", () => {
    const { value, losses } = argumentsOf(
      pieces({ jsonPath: "$.a.b[0].c", stringValue: "one", willContinue: true }),
      pieces({ jsonPath: "$.a.b[0].c", stringValue: " two" }),
      pieces({ jsonPath: "$.a.b[1].c", numberValue: 3 }, { jsonPath: "$['odd.key']", boolValue: false }),
      pieces({ jsonPath: '$["n"]', nullValue: "NULL_VALUE" }),
      pieces(),
    );
    assert.deepEqual(value, { a: { b: [{ c: "one two" }, { c: 3 }] }, "odd.key": false, n: null });
    assert.deepEqual(losses, []);
  });

  test("with a piece that has no place are told as repaired", () => {
    const { value, losses } = argumentsOf(
      pieces({ jsonPath: "$.a[1000000]", stringValue: "x" }, { jsonPath: "$..b", stringValue: "x" }),
      pieces({ jsonPath: "$.__proto__.c", stringValue: "y" }),
    );
    assert.deepEqual(JSON.stringify(value), '{"a":[],"__proto__":{"c":"y"}}');
    assert.equal(losses[0]?.reason, "repaired");
    assert.equal(Object.hasOwn(Object.prototype, "c"), false);
  });

  test("cut off in the middle are no call", () => {
    const { events } = decodeChunks([
      open,
      pieces({ jsonPath: "$.a", stringValue: "x" }),
      chunk([], { finishReason: "MAX_TOKENS" }),
    ]);
    const response = fold(events);
    assert.deepEqual(response.candidates[0]?.blocks, []);
    assert.equal(response.candidates[0].finish.reason, "length");
    assert.equal(response.losses.length, 1);
  });

  test("of Vertex AI's recorded recipe are whole", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "vertex-stream-partial-arguments")));
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "tool-call");
    const recipe = asObject(asObject(parseJson(block.argumentsText))?.["recipe"]);
    assert.deepEqual(Object.keys(recipe ?? {}), ["ingredients", "name", "steps"]);
    assert.ok(Array.isArray(recipe?.["steps"]) && recipe["steps"].length === 10);
  });
});

describe("readResponse", () => {
  test("a plain answer means the same as a stream of one chunk", () => {
    for (const each of recorded.filter(({ response, stream }) => response.status === 200 && !stream)) {
      const body = parseJson(each.response.body.toString());
      assert.ok(body !== undefined);
      const { promptBlock: _promptBlock, extras: _extras, ...plain } = readPlain(body);
      assert.equal(checkEvents(unfold(plain as CanonicalResponse)), undefined, each.name);
      const { extras: _none, ...streamed } = fold(decodeChunks([body]).events);
      if (each.name !== "plain-blocked-without-reason") assert.deepEqual(plain, streamed, each.name);
    }
  });

  test("a refused prompt is an answer", () => {
    const read = readPlain(
      parseJson(fixture("gemini", "vertex-plain-prompt-blocked").response.body.toString()) ?? null,
    );
    assert.deepEqual(read.promptBlock, {
      reason: "MODEL_ARMOR",
      message: "The prompt violated Prompt Injection and Jailbreak filters.",
    });
    assert.equal(read.candidates[0]?.finish.reason, "content-filter");
    assert.deepEqual(read.candidates[0].blocks, []);
    const written = client.writeResponse(read, geminiClient());
    assert.equal(written["candidates"], undefined);
    assert.deepEqual(asObject(written["promptFeedback"])?.["blockReason"], "MODEL_ARMOR");
    const forCli = client.writeResponse(read, geminiClient({ agent: "gemini-cli" }));
    assert.equal(forCli["promptFeedback"], undefined);
    assert.deepEqual(forCli["candidates"], [
      {
        finishReason: "MODEL_ARMOR",
        finishMessage: "The prompt violated Prompt Injection and Jailbreak filters.",
        index: 0,
      },
    ]);
  });

  const failing: readonly [string, Json, FailureCode][] = [
    ["an error", { error: { code: 500, message: "x", status: "INTERNAL" } }, "provider_error"],
    [
      "an error in an array",
      [{ error: { code: 429, message: "x", status: "RESOURCE_EXHAUSTED" } }],
      "provider_rate_limited",
    ],
    ["nothing", {}, "provider_bad_response"],
    ["text", "hello", "provider_bad_response"],
    ["another format's answer", { choices: [] }, "provider_bad_response"],
  ];
  for (const [name, body, code] of failing) {
    test(`${name} with status 200 is a failure`, () => {
      const read = upstream.readResponse(body, decoderOptions);
      assert.ok(!read.ok);
      assert.equal(read.error.code, code);
    });
  }
});

const start: CanonicalEvent = { type: "start", id: "r1", model: "m1", createdAt: 1 };
const finish: CanonicalEvent = { type: "finish", candidate: 0, finish: { reason: "stop", native: "end_turn" } };
const end: CanonicalEvent = { type: "end" };
const at = (block: number) => ({ candidate: 0, block });

function textBlock(block: number, ...deltas: string[]): CanonicalEvent[] {
  return [
    { type: "block-start", ...at(block), kind: "text", initial: { type: "text", text: "" } },
    ...deltas.map((text): CanonicalEvent => ({ type: "text-delta", ...at(block), text })),
    { type: "block-stop", ...at(block) },
  ];
}

function callBlock(block: number, argumentsText: string, id = "call_1"): CanonicalEvent[] {
  const initial: Block = { type: "tool-call", kind: "function", id, name: "f", argumentsText: "" };
  return [
    { type: "block-start", ...at(block), kind: "tool-call", initial },
    ...argumentsText.split("").map((text): CanonicalEvent => ({ type: "arguments-delta", ...at(block), text })),
    { type: "block-stop", ...at(block) },
  ];
}

function thoughtBlock(block: number, text: string, value?: Opaque): CanonicalEvent[] {
  return [
    { type: "block-start", ...at(block), kind: "reasoning", initial: { type: "reasoning", summary: [] } },
    { type: "reasoning-delta", ...at(block), channel: "summary", part: 0, text },
    ...(value === undefined ? [] : [{ type: "opaque", ...at(block), value } satisfies CanonicalEvent]),
    { type: "block-stop", ...at(block) },
  ];
}

function candidateOf(value: Json | undefined): JsonObject {
  const candidates = asObject(value)?.["candidates"];
  return asObject(Array.isArray(candidates) ? candidates[0] : undefined) ?? {};
}

function partsOf(chunks: readonly Json[]): Json[] {
  return chunks.flatMap((each) => {
    const parts = asObject(candidateOf(each)["content"])?.["parts"];
    return Array.isArray(parts) ? parts : [];
  });
}

describe("the encoder", () => {
  test("writes one data line per chunk and nothing else", () => {
    const text = encodeEvents([start, ...textBlock(0, "a\nb\u2028"), finish, end]);
    assert.equal(
      text,
      'data: {"candidates":[{"content":{"parts":[{"text":"a\\nb\\u2028"}],"role":"model"},"index":0}],"modelVersion":"m1","responseId":"r1"}\r\n\r\n' +
        'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"m1","responseId":"r1"}\r\n\r\n',
    );
  });

  test("holds the finish back until the end, with the usage that came after it", () => {
    const usage: CanonicalEvent = { type: "usage", usage: { inputTotal: 5, outputTotal: 3, reasoning: 1 } };
    const chunks = encodedChunks([start, ...textBlock(0, "a"), finish, usage, end]);
    const finishes = chunks.filter((each) => candidateOf(each)["finishReason"] !== undefined);
    assert.equal(finishes.length, 1);
    assert.equal(finishes[0], chunks.at(-1));
    assert.deepEqual(asObject(chunks.at(-1))?.["usageMetadata"], {
      promptTokenCount: 5,
      candidatesTokenCount: 2,
      thoughtsTokenCount: 1,
      totalTokenCount: 8,
    });
  });

  test("each candidate has one finish chunk", () => {
    const events = decodeChunks([
      chunk([{ text: "a" }], { finishReason: "STOP" }, 0),
      chunk([{ text: "b" }], { finishReason: "MAX_TOKENS" }, 1),
    ]).events;
    const reasons = encodedChunks(events).map((each) => [
      candidateOf(each)["index"],
      candidateOf(each)["finishReason"],
    ]);
    assert.deepEqual(reasons, [
      [0, undefined],
      [1, undefined],
      [0, "STOP"],
      [1, "MAX_TOKENS"],
    ]);
  });

  test("a function call goes out whole when it stops", () => {
    const chunks = encodedChunks([start, ...callBlock(0, '{"a":1}'), ...callBlock(1, "", "gc_x"), finish, end]);
    assert.deepEqual(partsOf(chunks), [
      { functionCall: { id: "call_1", name: "f", args: { a: 1 } } },
      { functionCall: { name: "f", args: {} } },
      { text: "" },
    ]);
  });

  test("arguments that are no object finish as MALFORMED_FUNCTION_CALL, with the text", () => {
    for (const text of ['{"a":', "[1]", "nonsense"]) {
      const chunks = encodedChunks([start, ...callBlock(0, text), finish, end]);
      const last = candidateOf(chunks.at(-1));
      assert.deepEqual([last["finishReason"], last["finishMessage"]], ["MALFORMED_FUNCTION_CALL", text]);
      assert.deepEqual(partsOf(chunks), [{ text: "" }]);
    }
  });

  test("a call that the token limit cut stays MAX_TOKENS", () => {
    const length: CanonicalEvent = { type: "finish", candidate: 0, finish: { reason: "length", native: "max_tokens" } };
    const chunks = encodedChunks([start, ...callBlock(0, '{"a":'), length, end]);
    assert.equal(candidateOf(chunks.at(-1))["finishReason"], "MAX_TOKENS");
  });

  const foreign: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "sïg==" };

  test("thoughts are shown to who asked; the signature goes on the next part in any case", () => {
    const events = [start, ...thoughtBlock(0, "hm", foreign), ...textBlock(1, "a", "b"), finish, end];
    const shown = partsOf(encodedChunks(events));
    const hidden = partsOf(encodedChunks(events, geminiClient({ echo: { includeThoughts: false } })));
    assert.deepEqual(shown[0], { text: "hm", thought: true });
    assert.deepEqual(shown.slice(1), hidden);
    assert.equal(hidden.length, 3);
    assert.ok(typeof asObject(hidden[0])?.["thoughtSignature"] === "string");
    assert.equal(asObject(hidden[1])?.["thoughtSignature"], undefined);
  });

  test("another vendor's signature comes back to its reasoning when the client sends the turn again", () => {
    const redacted: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.redacted", value: "secret" };
    const events = [
      start,
      ...thoughtBlock(0, "", redacted),
      ...thoughtBlock(1, "hm", foreign),
      ...callBlock(2, "{}"),
      finish,
      end,
    ];
    const call: Block = { type: "tool-call", kind: "function", id: "call_1", name: "f", argumentsText: "{}" };
    const reread = (chunks: Json[]) =>
      readRequest({ contents: [{ role: "model", parts: partsOf(chunks) }] }).turns[0]?.blocks;
    assert.deepEqual(reread(encodedChunks(events)), [
      { type: "reasoning", summary: [], opaque: redacted, redacted: true },
      { type: "reasoning", summary: ["hm"], opaque: foreign },
      call,
      { type: "text", text: "" },
    ]);
    assert.deepEqual(reread(encodedChunks(events, geminiClient({ echo: {} }))), [
      { type: "reasoning", summary: [], opaque: redacted, redacted: true },
      { type: "reasoning", summary: [], opaque: foreign },
      call,
      { type: "text", text: "" },
    ]);
  });

  test("an opaque value that a block brings from its start is not lost", () => {
    const initial: Block = { type: "reasoning", summary: [], opaque: foreign, redacted: true };
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "reasoning", initial },
      { type: "block-stop", ...at(0) },
      ...callBlock(1, "{}"),
      finish,
      end,
    ];
    const [call] = partsOf(encodedChunks(events)).map(asObject);
    assert.ok(call?.["functionCall"] !== undefined && typeof call["thoughtSignature"] === "string");
  });

  test("a signature with no part after it goes out on an empty text with the finish", () => {
    const native: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" };
    const chunks = encodedChunks([start, ...thoughtBlock(0, "hm", native), finish, end], geminiClient({ echo: {} }));
    assert.equal(chunks.length, 1);
    assert.deepEqual(partsOf(chunks), [{ text: "", thoughtSignature: "c2ln" }]);
    assert.equal(candidateOf(chunks[0])["finishReason"], "STOP");
  });

  test("a character that was cut in two is put together, and half of one is replaced", () => {
    assert.deepEqual(partsOf(encodedChunks([start, ...textBlock(0, "a\ud83d", "\ude00b"), finish, end])), [
      { text: "a" },
      { text: "😀b" },
      { text: "" },
    ]);
    assert.deepEqual(partsOf(encodedChunks([start, ...textBlock(0, "a\ud83d"), finish, end])), [
      { text: "a" },
      { text: "\ufffd" },
      { text: "" },
    ]);
  });

  test("web citations become grounding with offsets in UTF-8 bytes of the whole text", () => {
    const cited: Block = {
      type: "text",
      text: "Zürich.",
      citations: [{ type: "url", url: "https://a.example", title: "a", start: 0, end: 6 }],
    };
    const response: CanonicalResponse = {
      id: "r1",
      model: "m1",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [{ type: "text", text: "é " }, cited], finish: { reason: "stop", native: "" } }],
      losses: [],
      extras: {},
    };
    const grounding = {
      groundingChunks: [{ web: { uri: "https://a.example", title: "a" } }],
      groundingSupports: [{ segment: { startIndex: 3, endIndex: 10, text: "Zürich" }, groundingChunkIndices: [0] }],
    };
    const streamed = candidateOf(encodedChunks(unfold(response)).at(-1));
    assert.deepEqual(streamed["groundingMetadata"], grounding);
    assert.deepEqual(candidateOf(client.writeResponse(response, geminiClient()))["groundingMetadata"], grounding);
  });

  test("a refusal is text and SAFETY, with its explanation", () => {
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "refusal", initial: { type: "refusal", text: "" } },
      { type: "refusal-delta", ...at(0), text: "No." },
      { type: "block-stop", ...at(0) },
      {
        type: "finish",
        candidate: 0,
        finish: { reason: "refusal", native: "refusal", refusal: { explanation: "why" } },
      },
      end,
    ];
    const chunks = encodedChunks(events);
    assert.deepEqual(partsOf(chunks)[0], { text: "No." });
    const last = candidateOf(chunks.at(-1));
    assert.deepEqual([last["finishReason"], last["finishMessage"]], ["SAFETY", "why"]);
  });

  test("blocks that only another vendor's client can read are left out", () => {
    const initial: Block = {
      type: "server-tool",
      phase: "call",
      tool: "web_search",
      id: "s",
      native: { dialect: "anthropic-messages", value: { type: "server_tool_use" } },
    };
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "server-tool", initial },
      { type: "block-stop", ...at(0) },
      finish,
      end,
    ];
    assert.deepEqual(partsOf(encodedChunks(events)), [{ text: "" }]);
  });
});

describe("a stream's tail", () => {
  const broken = failure("provider_interrupted", "The provider's stream ended early.");
  const array = geminiClient({ framing: "json-array" });
  const elements = (text: string) => framePayloads(new TextEncoder().encode(text), "json-array").length;

  test("an array is valid JSON whatever happens, keep-alives anywhere", () => {
    const events = [start, ...textBlock(0, "a", "b"), finish, end];
    const encoder = client.encoder(array);
    const text =
      encoder.keepAlive() +
      events.map((event) => encoder.write(event) + (event === end ? "" : encoder.keepAlive())).join("");
    assert.ok(Array.isArray(JSON.parse(text)));
    assert.equal(elements(text), 3);
    assert.equal(encodeEvents([start, { type: "error", failure: broken }], array).startsWith('[{"error"'), true);
    for (const count of [0, 1, 2]) {
      const failing = client.encoder(array);
      const before = [start, ...textBlock(0, "a")].slice(0, count + 1).map((event) => failing.write(event));
      const whole: unknown = JSON.parse(before.join("") + (failing.failure(broken) ?? ""));
      assert.ok(Array.isArray(whole) && whole.length > 0);
    }
  });

  test("an array without an element is an empty array", () => {
    assert.equal(encodeEvents([start, end], array), "[]");
  });

  test("a failure is an error chunk that Google's SDK takes for one", () => {
    const text = client.encoder(geminiClient()).failure(broken) ?? "";
    const error = asObject(asObject(parseJson(text.slice("data: ".length)))?.["error"]);
    assert.deepEqual([error?.["code"], error?.["status"]], [502, "INTERNAL"]);
    assert.ok(text.endsWith("\r\n\r\n"));
  });

  test("for Gemini CLI only cutting the connection is a failure", () => {
    const cli = geminiClient({ agent: "gemini-cli" });
    assert.equal(client.encoder(cli).failure(broken), undefined);
    assert.equal(client.follower(cli).failure(broken), undefined);
    assert.equal(encodeEvents([start, { type: "error", failure: broken }], cli), "");
  });

  test("a keep-alive is a chunk with an empty text, never a comment", () => {
    const encoder = client.encoder(geminiClient());
    encoder.write(start);
    const expected = {
      candidates: [{ content: { parts: [{ text: "" }], role: "model" }, index: 0 }],
      modelVersion: "m1",
      responseId: "r1",
    };
    assert.deepEqual(parseJson(encoder.keepAlive().slice("data: ".length)), expected);
    const follower = client.follower(geminiClient());
    follower.observe({ event: "", data: JSON.stringify(chunk([{ text: "a" }])) });
    assert.deepEqual(parseJson(follower.keepAlive().slice("data: ".length)), expected);
    assert.equal(encoder.write({ type: "ping" }), encoder.keepAlive());
  });

  test("the follower keeps a verbatim array valid", () => {
    for (const name of ["array-call", "vertex-array-text"]) {
      const { body } = fixture("gemini", name).response;
      const text = body.toString();
      const follower = client.follower(array);
      assert.ok(Array.isArray(JSON.parse(`${follower.keepAlive()}${follower.failure(broken)}`)));
      const other = client.follower(array);
      const [first] = payloadsOf(fixture("gemini", name));
      assert.ok(first);
      other.observe(first);
      const sent = text.slice(0, text.indexOf(first.data) + first.data.length);
      const whole: unknown = JSON.parse(sent + other.keepAlive() + (other.failure(broken) ?? ""));
      assert.ok(Array.isArray(whole) && whole.length === 2);
    }
  });
});

describe("writeResponse", () => {
  test("a plain answer read and written again is the same to its reader", () => {
    for (const each of recorded.filter(({ response, stream }) => response.status === 200 && !stream)) {
      const once = readPlain(parseJson(each.response.body.toString()) ?? null);
      const twice = readPlain(client.writeResponse(once, geminiClient()));
      // The date is not written, the tier only within usage.
      assert.deepEqual({ ...twice, createdAt: 0, tier: "" }, { ...once, createdAt: 0, tier: "" }, each.name);
    }
  });
});

describe("writeError", () => {
  const context = { agent: "other", requestId: "req_TEST", framing: "sse" } as const;
  const errorIn = (body: JsonObject) => asObject(body["error"]) ?? {};
  const detailsIn = (body: JsonObject, kind: string) => {
    const details = errorIn(body)["details"];
    return (Array.isArray(details) ? details : [])
      .map(asObject)
      .find((each) => each?.["@type"] === `type.googleapis.com/google.rpc.${kind}`);
  };

  const rows: readonly [FailureCode, number, string][] = [
    ["invalid_json", 400, "INVALID_ARGUMENT"],
    ["invalid_gateway_key", 401, "UNAUTHENTICATED"],
    ["model_not_allowed", 403, "PERMISSION_DENIED"],
    ["model_not_found", 404, "NOT_FOUND"],
    ["provider_conflict", 409, "ABORTED"],
    ["body_too_large", 413, "INVALID_ARGUMENT"],
    ["provider_rate_limited", 429, "RESOURCE_EXHAUSTED"],
    ["client_closed", 499, "CANCELLED"],
    ["internal", 500, "INTERNAL"],
    ["operation_unavailable", 501, "UNIMPLEMENTED"],
    ["provider_rejected_managed_credential", 502, "UNAVAILABLE"],
    ["provider_overloaded", 503, "UNAVAILABLE"],
    ["provider_timeout", 504, "DEADLINE_EXCEEDED"],
  ];
  for (const [code, status, rpcStatus] of rows) {
    test(`${code} is ${status} ${rpcStatus}`, () => {
      const written = client.writeError(failure(code, "Words."), context);
      assert.equal(written.status, status);
      assert.equal(errorIn(written.body)["code"], status);
      assert.equal(errorIn(written.body)["status"], rpcStatus);
      assert.equal(errorIn(written.body)["message"], "Words.");
      assert.deepEqual(detailsIn(written.body, "ErrorInfo"), {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        reason: code.toUpperCase(),
        domain: "dragoman",
        metadata: { requestId: "req_TEST" },
      });
    });
  }

  test("every class has a status that Google's SDK takes for an error", () => {
    for (const [name, { status }] of Object.entries(failureClasses)) assert.ok(status >= 400 && status < 600, name);
  });

  test("a wait is told in the header and as RetryInfo", () => {
    const written = client.writeError(failure("provider_rate_limited", "Slow.", { retryAfterMs: 1500 }), context);
    assert.deepEqual(written.headers, { "retry-after": "2" });
    assert.equal(detailsIn(written.body, "RetryInfo")?.["retryDelay"], "1.5s");
  });

  test("an exhausted budget is a daily quota to Gemini CLI, so that it asks once and shows our words", () => {
    const spent: Failure = { class: "budget", code: "provider_quota_exhausted", message: "The budget is used up." };
    const forCli = client.writeError(spent, { ...context, agent: "gemini-cli" });
    const violations = detailsIn(forCli.body, "QuotaFailure")?.["violations"];
    assert.match(JSON.stringify(violations), /"quotaId":"[A-Za-z]+PerDay"/);
    assert.equal(detailsIn(client.writeError(spent, context).body, "QuotaFailure"), undefined);
  });

  test("too long a context is told in Google's words", () => {
    const long = failure("context_length_exceeded", "prompt is too long", {
      contextLength: { tokens: 12, maximum: 10 },
    });
    assert.equal(
      errorIn(client.writeError(long, context).body)["message"],
      "The input token count (12) exceeds the maximum number of tokens allowed (10).",
    );
  });

  test("a field at fault is named", () => {
    const written = client.writeError(failure("missing_parameter", "Missing.", { param: "contents" }), context);
    assert.deepEqual(detailsIn(written.body, "BadRequest")?.["fieldViolations"], [
      { field: "contents", description: "Missing." },
    ]);
  });
});

describe("readError", () => {
  const read = (status: number, body: Json | string, headers: Record<string, string> = {}) =>
    upstream.readError({
      status,
      headers,
      body: new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body)),
    });

  const rows: readonly [string, FailureCode][] = [
    ["error-400-key", "provider_rejected_credential"],
    ["error-400-key-as-event-stream", "provider_rejected_credential"],
    ["error-400-location", "provider_rejected_request"],
    ["error-400-context-length", "context_length_exceeded"],
    ["error-401", "provider_rejected_credential"],
    ["error-403", "provider_permission_denied"],
    ["error-403-permission", "provider_permission_denied"],
    ["error-404-model", "provider_model_not_found"],
    ["error-429-quota", "provider_rate_limited"],
    ["error-429-rate", "provider_rate_limited"],
    ["error-503", "provider_overloaded"],
  ];
  for (const [name, code] of rows) {
    test(`${name} is ${code}, also in an array`, () => {
      const { response } = fixture("gemini", name);
      const found = upstream.readError({ status: response.status, headers: {}, body: response.body });
      assert.equal(found.code, code);
      assert.equal(found.upstream?.status, response.status);
      assert.equal(found.upstream.body, response.body);
      const wrapped = upstream.readError({
        ...response,
        headers: {},
        body: Buffer.from(`[${response.body.toString()}\n]`),
      });
      assert.deepEqual({ ...wrapped, upstream: 0 }, { ...found, upstream: 0 });
    });
  }

  test("every recorded error is in the table", () => {
    const names = recorded.filter(({ response }) => response.status !== 200).map(({ name }) => name);
    assert.deepEqual(names, rows.map(([name]) => name).toSorted());
  });

  test("numbers of the context error are read", () => {
    const { response } = fixture("gemini", "error-400-context-length");
    const found = upstream.readError({ ...response, headers: {}, body: response.body });
    assert.deepEqual(found.contextLength, { tokens: 1_250_074, maximum: 1_048_576 });
  });

  test("the wait comes from RetryInfo, the header or the words", () => {
    const { response } = fixture("gemini", "error-429-quota");
    assert.equal(upstream.readError({ ...response, headers: {}, body: response.body }).retryAfterMs, 48_000);
    const bare = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Please retry in 1.5s." } };
    assert.equal(read(429, bare, { "retry-after": "7" }).retryAfterMs, 7000);
    assert.equal(read(429, bare).retryAfterMs, 1500);
  });

  test("a daily quota is used up, not a rate limit", () => {
    const details = [
      {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }],
      },
    ];
    const body = { error: { code: 429, status: "RESOURCE_EXHAUSTED", message: "Quota.", details } };
    assert.equal(read(429, body).code, "provider_quota_exhausted");
  });

  const bare: readonly [number, Json | string, FailureCode][] = [
    [
      400,
      { error: { message: "Function call is missing a thought_signature in functionCall parts." } },
      "invalid_signature",
    ],
    [
      400,
      { error: { message: 'Invalid JSON payload received. Unknown name "x": Cannot find field.' } },
      "unsupported_parameter",
    ],
    [402, "", "provider_quota_exhausted"],
    [404, "<html>not here</html>", "provider_not_found"],
    [413, { error: { status: "INVALID_ARGUMENT", message: "big" } }, "provider_request_too_large"],
    [429, "[]", "provider_rate_limited"],
    [499, { error: { status: "CANCELLED", message: "c" } }, "provider_interrupted"],
    [500, { error: { status: "INTERNAL", message: "i" } }, "provider_error"],
    [502, "<html>bad gateway</html>", "provider_error"],
    [504, { error: { status: "DEADLINE_EXCEEDED", message: "d" } }, "provider_timeout"],
    [418, "short and stout", "provider_rejected_request"],
  ];
  for (const [status, body, code] of bare) {
    test(`${status} ${JSON.stringify(body).slice(0, 60)} is ${code}`, () => {
      const found = read(status, body);
      assert.equal(found.code, code);
      assert.ok(found.message.length > 0 && !found.message.includes("<"));
      assert.ok(failureStatus(found) >= 400);
    });
  }
});
