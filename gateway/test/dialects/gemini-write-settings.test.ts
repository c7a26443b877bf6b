import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest, Effort, FunctionTool, Reasoning } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/gemini/write-request.ts";
import { asObject, type JsonObject } from "../../src/lib/json.ts";
import {
  failureOf,
  hello,
  lossesOf,
  lossPaths,
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

  test("thoughts are not asked of models that have none", () => {
    assert.deepEqual(of({ visible: "auto", mode: "off" }, "gemini-2.5-flash"), { thinkingBudget: 0 });
    assert.equal(of({ visible: "auto" }, "gemini-2.0-flash"), undefined);
    assert.deepEqual(lossesOf({ reasoning: { mode: "default", visible: "auto" } }, "gemini-2.0-flash"), [
      "reasoning.visible: unsupported",
    ]);
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
    assert.deepEqual(configOf({ output: { format: { type: "text" } } }), {});
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

  test("one of a list of values as bare text, as a Gemini client asked for it", () => {
    const generationConfig = { responseMimeType: "text/x.enum", responseSchema: { type: "STRING", enum: ["a", "b"] } };
    const request = readAs("gemini", { contents: [{ parts: [{ text: "a or b?" }] }], generationConfig });
    assert.deepEqual(written(request).body["generationConfig"], generationConfig);
  });

  test("speech is asked for alone, and other vendors' voices are not known", () => {
    const output = { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } };
    assert.deepEqual(configOf({ output }), { responseModalities: ["AUDIO"] });
    assert.deepEqual(lossesOf({ output }), ["output.audio: unsupported", "output.modalities: clamped"]);
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
      include: ["reasoning.encrypted_content", "file_search_call.results"],
      extras: { "openai-chat": { web_thing: true } },
    };
    assert.deepEqual(lossesOf(more).toSorted(), [
      "cache.key: unsupported",
      "extras.openai-chat.web_thing: unsupported",
      "include: unsupported",
      "maxToolCalls: unsupported",
      "output.verbosity: unsupported",
      "prediction: unsupported",
      "sampling.logitBias: unsupported",
    ]);
  });
});
