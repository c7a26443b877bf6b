import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MediaBlock } from "../../src/canonical/block.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { BuiltinTool, CanonicalRequest, Effort, FunctionTool, Reasoning } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/gemini/write-request.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { asArray, asObject } from "../../src/lib/json.ts";
import {
  contentsOf,
  declarationsOf,
  hello,
  model25,
  model3,
  partsOf,
  readAs,
  requestOf,
  writeOptions,
  written,
} from "../support/gemini-write.ts";

const vertex = { kind: "vertex", issuer: "vertex" };

function configOf(more: Partial<CanonicalRequest>, model = model3): JsonObject {
  return asObject(written(requestOf(more), writeOptions(model)).body["generationConfig"]) ?? {};
}

function lossPaths(losses: readonly Loss[]): string[] {
  return losses.map(({ path, reason }) => `${path}: ${reason}`);
}

function lossesOf(more: Partial<CanonicalRequest>, model = model3): string[] {
  return lossPaths(written(requestOf(more), writeOptions(model)).losses);
}

function failureOf(more: Partial<CanonicalRequest>, options = writeOptions()): Failure {
  const refused = writeRequest(requestOf(more), options);
  assert.ok(!refused.ok, "it was written");
  assert.equal(refused.error.code, "unsupported_parameter");
  return refused.error;
}

describe("sampling", () => {
  test("settings keep their values, whatever scale they came from", () => {
    const sampling = {
      maxTokens: 100,
      temperature: 0.7,
      temperatureMax: 1 as const,
      topP: 0.9,
      topK: 40,
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      stop: ["a", "b"],
      logprobs: { top: 3 },
    };
    assert.deepEqual(configOf({ sampling }), {
      maxOutputTokens: 100,
      temperature: 0.7,
      topP: 0.9,
      topK: 40,
      seed: 7,
      presencePenalty: 0.5,
      frequencyPenalty: -0.5,
      responseLogprobs: true,
      logprobs: 3,
      stopSequences: ["a", "b"],
    });
    assert.deepEqual(lossesOf({ sampling }), []);
  });

  test("nothing asked, nothing sent", () => {
    assert.deepEqual(written(requestOf()).body, { contents: [{ role: "user", parts: [{ text: "hello" }] }] });
  });

  test("what is out of range is clamped, and said so", () => {
    const sampling = {
      maxTokens: 1_000_000,
      temperature: 3,
      temperatureMax: 2 as const,
      topK: -1,
      logprobs: { top: 50 },
    };
    assert.deepEqual(configOf({ sampling }), {
      maxOutputTokens: 65_536,
      temperature: 2,
      responseLogprobs: true,
      logprobs: 20,
    });
    assert.deepEqual(lossesOf({ sampling }), [
      "sampling.maxTokens: clamped",
      "sampling.topK: unsupported",
      "sampling.temperature: clamped",
      "sampling.logprobs.top: clamped",
    ]);
  });

  test("models that ignore sampling get none", () => {
    const sampling = { temperature: 0.7, temperatureMax: 2 as const, topP: 0.5 };
    assert.deepEqual(configOf({ sampling }, "gemini-3.8-flash"), {});
    assert.deepEqual(lossesOf({ sampling }, "gemini-3.8-flash"), [
      "sampling.temperature: unsupported",
      "sampling.topP: unsupported",
    ]);
  });

  test("five stop sequences are sent, the sixth is left to the gateway", () => {
    const sampling = { temperatureMax: 2 as const, stop: ["1", "2", "3", "4", "5", "6"] };
    const result = written(requestOf({ sampling }));
    assert.deepEqual(asObject(result.body["generationConfig"])?.["stopSequences"], ["1", "2", "3", "4", "5"]);
    assert.deepEqual(result.restore, { stop: ["6"] });
    assert.deepEqual(lossPaths(result.losses), ["sampling.stop: emulated"]);
    const five = written(requestOf({ sampling: { temperatureMax: 2, stop: ["1", "2", "3", "4", "5"] } }));
    assert.deepEqual([five.restore, five.losses], [undefined, []]);
  });

  test("several candidates where the model gives them", () => {
    const sampling = { temperatureMax: 2 as const, candidates: 3 };
    assert.equal(configOf({ sampling }, model25)["candidateCount"], 3);
    assert.equal(failureOf({ sampling }).param, "n");
    assert.match(failureOf({ sampling, stream: true }, writeOptions(model25)).message, /in a stream/);
    assert.ok(writeRequest(requestOf({ sampling }), writeOptions(model3, vertex)).ok);
  });

  test("filling a cache without an answer is refused", () => {
    const request = readAs("anthropic-messages", {
      model: "m",
      max_tokens: 0,
      messages: [{ role: "user", content: "a" }],
    });
    assert.equal(failureOf(request).param, "max_tokens");
  });
});

describe("thinking", () => {
  const of = (reasoning: Partial<Reasoning>, model: string, source: CanonicalRequest["source"] = "openai-chat") =>
    configOf({ reasoning: { mode: "default", ...reasoning }, source }, model)["thinkingConfig"];

  const efforts: readonly (readonly [
    Effort,
    flash25: number,
    pro25: number,
    flash3: string,
    pro3: string,
    flash38: string,
  ])[] = [
    ["none", 0, 128, "MINIMAL", "LOW", "LOW"],
    ["minimal", 512, 512, "MINIMAL", "LOW", "LOW"],
    ["low", 2048, 2048, "LOW", "LOW", "LOW"],
    ["medium", 8192, 8192, "MEDIUM", "HIGH", "MEDIUM"],
    ["high", 24_576, 24_576, "HIGH", "HIGH", "HIGH"],
    ["xhigh", 24_576, 32_768, "HIGH", "HIGH", "HIGH"],
    ["max", 24_576, 32_768, "HIGH", "HIGH", "HIGH"],
  ];
  for (const [effort, flash25, pro25, flash3, pro3, flash38] of efforts) {
    test(`the effort ${effort}`, () => {
      assert.deepEqual(of({ effort }, "gemini-2.5-flash"), { thinkingBudget: flash25 });
      assert.deepEqual(of({ effort }, "models/gemini-2.5-pro"), { thinkingBudget: pro25 });
      assert.deepEqual(of({ effort }, "gemini-3-flash-preview"), { thinkingLevel: flash3 });
      assert.deepEqual(of({ effort }, "gemini-3-pro-preview"), { thinkingLevel: pro3 });
      assert.deepEqual(of({ effort }, "gemini-3.8-flash"), { thinkingLevel: flash38 });
      assert.equal(of({ effort }, "gemini-2.0-flash"), undefined);
    });
  }

  test("budgets stay within the model's range, or become levels", () => {
    const of5000 = { mode: "budget" as const, budgetTokens: 5000 };
    assert.deepEqual(of(of5000, "gemini-2.5-flash"), { thinkingBudget: 5000 });
    assert.deepEqual(of({ ...of5000, budgetTokens: 100 }, "gemini-2.5-flash-lite"), { thinkingBudget: 512 });
    assert.deepEqual(of({ ...of5000, budgetTokens: 99_999 }, "gemini-2.5-pro"), { thinkingBudget: 32_768 });
    assert.deepEqual(of(of5000, model3), { thinkingLevel: "LOW" });
    assert.deepEqual(of(of5000, model3, "gemini"), { thinkingBudget: 5000 });
    assert.deepEqual(of({ mode: "auto" }, "gemini-2.5-flash"), { thinkingBudget: -1 });
    assert.equal(of({ mode: "auto" }, model3), undefined);
    assert.deepEqual(of({ mode: "between-tools" }, "gemini-2.5-flash"), { thinkingBudget: 0 });
  });

  test("what cannot be switched off is clamped", () => {
    const off = { reasoning: { mode: "off" as const } };
    assert.deepEqual(lossesOf(off, "gemini-2.5-pro"), ["reasoning.mode: clamped"]);
    assert.deepEqual(lossesOf(off, model3), ["reasoning.mode: clamped"]);
    assert.deepEqual(lossesOf(off, "gemini-2.5-flash"), []);
    assert.deepEqual(lossesOf(off, "gemini-2.0-flash"), []);
    assert.deepEqual(lossesOf({ reasoning: { mode: "default", effort: "high" } }, "gemini-2.0-flash"), [
      "reasoning.effort: unsupported",
    ]);
  });

  test("thoughts are shown to those who asked, and to Anthropic's clients that did not say otherwise", () => {
    assert.deepEqual(of({ visible: "detailed" }, model3), { includeThoughts: true });
    assert.deepEqual(of({ visible: "none" }, model3), { includeThoughts: false });
    assert.deepEqual(of({ mode: "auto" }, model25, "anthropic-messages"), {
      includeThoughts: true,
      thinkingBudget: -1,
    });
  });

  test("the last change of effort in the conversation counts", () => {
    const turns = [hello, { role: "system" as const, blocks: [], boundary: 1, effortFromHere: "low" }];
    assert.deepEqual(configOf({ turns, reasoning: { mode: "default", effort: "high" } })["thinkingConfig"], {
      thinkingLevel: "LOW",
    });
  });
});

describe("output", () => {
  const schema: JsonObject = { type: "object", properties: { a: { type: "string" } } };
  const lookup: FunctionTool = { type: "function", name: "lookup", schema };
  const format = { type: "json-schema" as const, name: "answer", schema, strict: true };

  test("structured output, with the name as the schema's title", () => {
    assert.deepEqual(configOf({ output: { format } }), {
      responseMimeType: "application/json",
      responseJsonSchema: { title: "answer", ...schema },
    });
    assert.deepEqual(configOf({ output: { format: { type: "json" } } }), { responseMimeType: "application/json" });
    assert.deepEqual(configOf({ output: { format: { type: "text" } } }), { responseMimeType: "text/plain" });
  });

  test("beside tools Gemini 2.5 is asked for JSON in words, Gemini 3 by the setting", () => {
    const request = requestOf({
      output: { format },
      tools: [lookup],
      instructions: [{ text: "Be kind.", authority: "system" }],
    });
    const older = written(request, writeOptions(model25));
    assert.equal(older.body["generationConfig"], undefined);
    const parts = partsOf(asObject(older.body["systemInstruction"]));
    assert.deepEqual(parts[0], { text: "Be kind." });
    assert.match(JSON.stringify(parts[1]), /single JSON object.*JSON Schema/);
    assert.deepEqual(lossPaths(older.losses), ["output.format: emulated"]);
    assert.deepEqual(written(request).losses, []);
  });

  test("speech is asked for alone, and other vendors' voices are not known", () => {
    const output = { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } };
    assert.deepEqual(configOf({ output }), { responseModalities: ["AUDIO"] });
    assert.deepEqual(lossesOf({ output }), ["output.audio: unsupported", "output.modalities: clamped"]);
  });
});

describe("tools", () => {
  const tool = (more: Partial<FunctionTool> = {}): FunctionTool => ({ type: "function", name: "look", ...more });
  const builtin = (name: string, value: JsonObject = {}): BuiltinTool => ({
    type: "builtin",
    tool: name,
    native: { dialect: "openai-responses", value: { type: name, ...value } },
  });
  const toolsOf = (more: Partial<CanonicalRequest>, model = model3) => written(requestOf(more), writeOptions(model));

  test("a tool without parameters has none (edge case 55)", () => {
    for (const schema of [
      undefined,
      {},
      { type: "object", properties: {} },
      { type: "object", additionalProperties: false },
    ]) {
      const result = toolsOf({ tools: [schema === undefined ? tool() : tool({ schema })] });
      assert.deepEqual(declarationsOf(result), [{ name: "look" }]);
    }
  });

  const odd: JsonObject = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    additionalProperties: false,
    propertyNames: { pattern: "^[a-z]+$" },
    properties: {
      properties: { type: "object", properties: { const: { const: "x" } } },
      maybe: { type: ["string", "null"] },
    },
    required: ["properties"],
  };

  test("a schema with what Google does not know is adapted by position (edge case 53)", () => {
    const [declaration] = declarationsOf(toolsOf({ tools: [tool({ schema: odd })] }));
    const schema = asObject(declaration?.["parametersJsonSchema"]);
    const members = asObject(schema?.["properties"]);
    assert.deepEqual(Object.keys(members ?? {}), ["properties", "maybe"]);
    assert.equal(schema?.["$schema"], undefined);
    assert.deepEqual(asObject(asObject(asObject(members?.["properties"])?.["properties"])?.["const"])?.["enum"], ["x"]);
    assert.equal(JSON.stringify(schema).includes('"propertyNames"'), false);
  });

  test("an older model gets Google's own kind of schema", () => {
    const [declaration] = declarationsOf(toolsOf({ tools: [tool({ schema: odd })] }, "gemini-2.0-flash"));
    assert.equal(declaration?.["parametersJsonSchema"], undefined);
    const text = JSON.stringify(declaration?.["parameters"]);
    assert.match(text, /"type":"OBJECT"/);
    for (const keyword of ["$schema", "additionalProperties", "propertyNames"])
      assert.equal(text.includes(`"${keyword}"`), false);
  });

  test("losses of a schema name the tool", () => {
    const { losses } = toolsOf({ tools: [tool({ schema: odd })] });
    assert.ok(losses.length > 0 && losses.every(({ path }) => path.startsWith("tools[0].schema")));
  });

  test("names and custom tools are restored in the answer", () => {
    const request = readAs("openai-responses", {
      model: "m",
      input: "hi",
      tools: [
        {
          type: "custom",
          name: "apply_patch",
          description: "Edits.",
          format: { type: "grammar", syntax: "lark", definition: "start: X" },
        },
        {
          type: "namespace",
          name: "crm",
          tools: [{ type: "function", name: "find user", parameters: { type: "object" } }],
        },
      ],
      tool_choice: { type: "custom", name: "apply_patch" },
    });
    const result = written(request);
    const [custom, function_] = declarationsOf(result);
    assert.match(String(custom?.["description"]), /Edits\.[\s\S]*lark[\s\S]*start: X/);
    assert.equal(function_?.["name"], "crm__find_user");
    assert.deepEqual(
      [...(result.restore?.tools ?? [])],
      [
        ["apply_patch", { name: "apply_patch", kind: "custom" }],
        ["crm__find_user", { name: "find user", namespace: "crm", kind: "function" }],
      ],
    );
    assert.deepEqual(result.body["toolConfig"], {
      functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["apply_patch"] },
    });
  });

  const choices: readonly (readonly [CanonicalRequest["toolChoice"], Json | undefined])[] = [
    [undefined, undefined],
    [{ type: "auto" }, { mode: "AUTO" }],
    [{ type: "none" }, { mode: "NONE" }],
    [{ type: "required" }, { mode: "ANY" }],
    [
      { type: "tool", tool: { kind: "function", name: "look" } },
      { mode: "ANY", allowedFunctionNames: ["look"] },
    ],
    [
      { type: "allowed", mode: "auto", tools: [{ kind: "function", name: "look" }] },
      { mode: "VALIDATED", allowedFunctionNames: ["look"] },
    ],
    [
      { type: "allowed", mode: "required", tools: [{ kind: "function", name: "look" }] },
      { mode: "ANY", allowedFunctionNames: ["look"] },
    ],
  ];
  for (const [toolChoice, functionCallingConfig] of choices) {
    test(`the choice ${JSON.stringify(toolChoice)}`, () => {
      const more = toolChoice === undefined ? {} : { toolChoice };
      const { body, losses } = toolsOf({ tools: [tool()], ...more });
      assert.deepEqual(body["toolConfig"], functionCallingConfig === undefined ? undefined : { functionCallingConfig });
      assert.deepEqual(losses, []);
    });
  }

  test("a choice without functions is not sent", () => {
    const { body, losses } = toolsOf({ toolChoice: { type: "auto" } });
    assert.deepEqual([body["toolConfig"], losses], [undefined, []]);
    assert.deepEqual(lossesOf({ toolChoice: { type: "required" } }), ["toolChoice: unsupported"]);
    const search: CanonicalRequest["toolChoice"] = { type: "tool", tool: { kind: "builtin", name: "web_search" } };
    assert.deepEqual(lossesOf({ tools: [tool()], toolChoice: search }), ["toolChoice: unsupported"]);
  });

  test("strict functions are validated, where the choice does not do so already", () => {
    const strict = [tool({ strict: true })];
    const modeOf = (more: Partial<CanonicalRequest>, model = model3) =>
      asObject(asObject(toolsOf({ tools: strict, ...more }, model).body["toolConfig"])?.["functionCallingConfig"])?.[
        "mode"
      ];
    assert.equal(modeOf({}), "VALIDATED");
    assert.equal(modeOf({ toolChoice: { type: "auto" } }), "VALIDATED");
    assert.equal(modeOf({ toolChoice: { type: "required" } }), "ANY");
    assert.equal(modeOf({}, "gemini-2.0-flash"), undefined);
    assert.deepEqual(lossesOf({ tools: strict }, "gemini-2.0-flash"), ["tools[0].strict: unsupported"]);
  });

  test("Google's own tools for those of others, by kind", () => {
    const tools = [
      builtin("web_search", { filters: { allowed_domains: ["a.com"] } }),
      builtin("code_execution"),
      builtin("computer"),
    ];
    const result = toolsOf({ tools });
    assert.deepEqual(result.body["tools"], [{ googleSearch: {} }, { codeExecution: {} }]);
    assert.deepEqual(lossPaths(result.losses), ["tools[0].native.filters: unsupported", "tools[2]: unsupported"]);
  });

  test("they stand beside functions on Gemini 3 only", () => {
    const tools = [tool(), builtin("web_search")];
    const newer = toolsOf({ tools });
    assert.equal(asArray(newer.body["tools"])?.length, 2);
    assert.deepEqual(newer.body["toolConfig"], {
      includeServerSideToolInvocations: true,
      functionCallingConfig: { mode: "VALIDATED" },
    });
    assert.deepEqual(lossesOf({ tools }, model25), ["tools[1]: unsupported"]);
    const onVertex = written(requestOf({ tools }), writeOptions(model3, vertex));
    assert.equal(onVertex.body["toolConfig"], undefined);
  });

  test("MCP servers of OpenAI's and of Anthropic's clients, unless somebody must approve their calls", () => {
    const mcp = { server_label: "docs", server_url: "https://mcp.example/", authorization: "t" };
    const entry = {
      mcpServers: [
        {
          name: "docs",
          streamableHttpTransport: { url: "https://mcp.example/", headers: { Authorization: "Bearer t" } },
        },
      ],
    };
    const approved = builtin("mcp", { ...mcp, require_approval: "never" });
    assert.deepEqual(toolsOf({ tools: [approved] }).body["tools"], [entry]);
    assert.match(failureOf({ tools: [builtin("mcp", mcp)] }).message, /require_approval/);
    const anthropic = readAs("anthropic-messages", {
      model: "m",
      max_tokens: 10,
      messages: [{ role: "user", content: "a" }],
      tools: [{ type: "mcp_toolset", mcp_server_name: "docs" }],
      mcp_servers: [{ type: "url", name: "docs", url: "https://mcp.example/", authorization_token: "t" }],
    });
    assert.deepEqual(written(anthropic).body["tools"], [entry]);
  });

  test("tools that join later are declared from the beginning", () => {
    const turns = [
      hello,
      {
        role: "system" as const,
        blocks: [],
        boundary: 1,
        toolsFromHere: { add: [tool(), tool({ name: "new" })], remove: [] },
      },
    ];
    const names = declarationsOf(toolsOf({ tools: [tool()], turns })).map((declaration) => declaration["name"]);
    assert.deepEqual(names, ["look", "new"]);
  });

  test("one call at a time cannot be asked for", () => {
    assert.deepEqual(lossesOf({ tools: [tool()], parallelToolCalls: false }), ["parallelToolCalls: unsupported"]);
    assert.deepEqual(lossesOf({ tools: [tool()], parallelToolCalls: true }), []);
  });
});

describe("media", () => {
  const media = (source: MediaBlock["source"], more: Partial<MediaBlock> = {}): Partial<CanonicalRequest> => ({
    turns: [{ role: "user", blocks: [{ type: "media", kind: "image", source, ...more }], boundary: 4 }],
  });
  const partsFor = (more: Partial<CanonicalRequest>, model = model3) =>
    partsOf(contentsOf(written(requestOf(more), writeOptions(model)))[0]);

  test("bytes are inline, by what they are rather than what they are called", () => {
    const png = media({ by: "base64", data: "iVBORw0KGgo=" }, { mimeType: "image/jpg" });
    assert.deepEqual(partsFor(png), [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }]);
  });

  test("addresses that Google loads are passed on, others are refused with advice", () => {
    const https = media({ by: "url", url: "https://example.com/cat.webp?size=1" });
    assert.deepEqual(partsFor(https), [
      { fileData: { mimeType: "image/webp", fileUri: "https://example.com/cat.webp?size=1" } },
    ]);
    const video = media({ by: "url", url: "https://youtu.be/x" }, { kind: "video" });
    assert.deepEqual(partsFor(video, "gemini-2.0-flash"), [
      { fileData: { mimeType: "video/mp4", fileUri: "https://youtu.be/x" } },
    ]);
    const older = failureOf(https, writeOptions("gemini-2.0-flash"));
    assert.equal(older.param, "messages[4]");
    assert.match(older.message, /base64/);
    assert.ok(writeRequest(requestOf(https), writeOptions("gemini-2.0-flash", vertex)).ok);
    assert.match(failureOf(media({ by: "url", url: "http://example.com/cat.png" })).message, /cannot load the address/);
  });

  test("files go back to where they were uploaded only", () => {
    const own = media({ by: "file", id: "files/abc", issuer: { provider: "gemini" } }, { mimeType: "image/png" });
    assert.deepEqual(partsFor(own), [{ fileData: { mimeType: "image/png", fileUri: "files/abc" } }]);
    assert.match(
      failureOf(media({ by: "file", id: "file-1", issuer: { provider: "openai" } })).message,
      /another provider/,
    );
  });

  test("text documents are text under their title", () => {
    const text = media({ by: "text", text: "Body." }, { kind: "document", title: "Notes", citations: true });
    assert.deepEqual(partsFor(text), [{ text: "Document: Notes\n\nBody." }]);
    assert.deepEqual(lossesOf(text), ["turns[0].blocks[0].citations: unsupported"]);
    const pdf = media({ by: "base64", data: "JVBERi0=" }, { kind: "document", filename: "a.pdf" });
    assert.deepEqual(partsFor(pdf), [
      { text: "Document: a.pdf" },
      { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
    ]);
  });

  test("the resolution of one picture is set on Gemini 3, lost before", () => {
    const low = media({ by: "base64", data: "iVBORw0KGgo=" }, { detail: "low" });
    assert.deepEqual(partsFor(low)[0]?.["mediaResolution"], { level: "MEDIA_RESOLUTION_LOW" });
    assert.equal(partsFor(low, model25)[0]?.["mediaResolution"], undefined);
    assert.deepEqual(lossesOf(low, model25), ["turns[0].blocks[0].detail: unsupported"]);
  });

  test("an earlier audio answer that another provider keeps is lost", () => {
    const audio = media({ by: "reference", id: "audio_1" }, { kind: "audio" });
    const result = written(requestOf({ turns: [hello, ...(audio.turns ?? [])] }));
    assert.deepEqual(lossPaths(result.losses), ["turns[1].blocks[0]: unsupported"]);
  });
});

describe("everything else", () => {
  test("metadata are labels on Vertex AI, as labels are written", () => {
    const identity = { endUser: "User@1", metadata: { Team: "Blue Sky" } };
    const onVertex = written(requestOf({ identity }), writeOptions(model3, vertex));
    assert.deepEqual(onVertex.body["labels"], { team: "blue_sky", user: "user_1" });
    assert.deepEqual(lossPaths(onVertex.losses), ["identity: clamped"]);
    const plain = written(requestOf({ identity }));
    assert.equal(plain.body["labels"], undefined);
    assert.deepEqual(lossPaths(plain.losses), ["identity.endUser: unsupported", "identity.metadata: unsupported"]);
  });

  test("tiers", () => {
    const tierOf = (more: Partial<CanonicalRequest>) => written(requestOf(more)).body["serviceTier"];
    assert.equal(tierOf({ tier: "auto" }), undefined);
    assert.equal(tierOf({ tier: "default" }), "standard");
    assert.equal(tierOf({ tier: "flex" }), "flex");
    assert.equal(tierOf({ tier: "fast" }), "priority");
    assert.deepEqual(lossesOf({ tier: "fast" }), ["tier: emulated"]);
    assert.equal(tierOf({ speed: "fast" }), "priority");
  });

  test("conversations that others keep, and answers in the background, are refused", () => {
    assert.equal(failureOf({ state: { previousResponseId: "resp_1" } }).param, "previous_response_id");
    assert.equal(failureOf({ state: { conversation: "conv_1" } }).param, "conversation");
    assert.equal(failureOf({ state: { background: true } }).param, "background");
    assert.deepEqual(lossesOf({ state: { store: false, background: false } }), []);
    assert.deepEqual(lossesOf({ state: { store: true } }), ["state.store: unsupported"]);
  });

  test("a continuation goes back to its issuer", () => {
    const continuation = { issuer: { provider: "gemini" }, kind: "gemini.continuation" as const, value: "tok" };
    assert.equal(written(requestOf({ state: { continuation } })).body["continuationToken"], "tok");
    const other = { ...continuation, issuer: { provider: "elsewhere" } };
    assert.deepEqual(lossesOf({ state: { continuation: other } }), ["state.continuation: opaque-not-portable"]);
  });

  test("what has no counterpart is named, once each", () => {
    const more: Partial<CanonicalRequest> = {
      maxToolCalls: 3,
      prediction: "x",
      sampling: { temperatureMax: 2, logitBias: { "1": 5 } },
      output: { verbosity: "low" },
      cache: { key: "k" },
      extras: { "openai-chat": { web_thing: true } },
    };
    assert.deepEqual(lossesOf(more).toSorted(), [
      "cache.key: unsupported",
      "extras.openai-chat.web_thing: unsupported",
      "maxToolCalls: unsupported",
      "output.verbosity: unsupported",
      "prediction: unsupported",
      "sampling.logitBias: unsupported",
    ]);
  });
});
