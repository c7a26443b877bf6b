import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { geminiRequest, readRequest } from "../support/gemini.ts";

const { client } = gemini;
const contents = [{ role: "user", parts: [{ text: "hello" }] }];
const recorded = fixtures("gemini");

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
