import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Block } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalRequest, Turn } from "../../src/canonical/request.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { writeRequest } from "../../src/dialects/openai-chat/write-request.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules, unaccounted } from "../support/chat-rules.ts";
import {
  chatCall,
  chatWeather,
  gpt4,
  gpt5,
  messagesOf,
  read,
  said,
  sources,
  target,
  weather,
  write,
  written,
} from "../support/chat-write.ts";
import { readBody, readFixtures } from "../support/requests.ts";

describe("the same format", () => {
  /** Places in the source are not part of what a request says. */
  const bare = (request: CanonicalRequest): Json =>
    JSON.parse(
      JSON.stringify({ ...request, turns: request.turns.map(({ boundary: _boundary, ...turn }) => turn) }),
    ) as Json;
  const exact = (request: CanonicalRequest, options: WriteOptions): WrittenRequest => {
    const result = written(request, options);
    const again = readBody("openai-chat", result.body);
    assert.ok(again !== undefined);
    assert.deepEqual(bare({ ...again, model: "" }), bare({ ...request, model: "" }));
    return result;
  };

  const everything: JsonObject = {
    model: "gpt-4.1",
    messages: [
      {
        role: "system",
        content: [
          { type: "text", text: "A" },
          { type: "text", text: "B" },
        ],
        name: "s",
      },
      { role: "developer", content: "C" },
      {
        role: "user",
        name: "Ada",
        content: [
          { type: "text", text: "Look:" },
          { type: "image_url", image_url: { url: "data:image/jpg;base64,iVBORw0KGgo=", detail: "low" } },
          { type: "image_url", image_url: { url: "https://a.test/b.png" } },
          { type: "input_audio", input_audio: { data: "AAAA", format: "flac" } },
          { type: "file", file: { file_id: "file_1" } },
          { type: "file", file: { file_data: "data:text/plain;base64,SGk=", filename: "a.txt" } },
          { type: "video_url", video_url: { url: "https://a.test/b.mp4" } },
          { type: "something_new", value: 1 },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "text", text: "Well" },
          { type: "text", text: "…" },
        ],
        refusal: "no",
        name: "bot",
        annotations: [],
        tool_calls: [
          chatCall("call_1"),
          { id: "call_2", type: "function", function: { name: "weather", arguments: "{not json" } },
        ],
      },
      { role: "tool", tool_call_id: "call_1", content: "1", name: "weather" },
      {
        role: "tool",
        tool_call_id: "call_2",
        content: [
          { type: "text", text: "2" },
          { type: "text", text: "3" },
        ],
        extra: true,
      },
      { role: "system", content: "D" },
      { role: "assistant", content: null, audio: { id: "audio_1" } },
      { role: "user", content: "" },
    ],
    tools: [
      { ...chatWeather, function: { ...chatWeather.function, strict: false, returns: "text" } },
      { type: "function", function: { name: "bare", description: "d" } },
      { type: "builtin_function", function: { name: "$web_search" } },
    ],
    tool_choice: {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "bare" } }] },
    },
    parallel_tool_calls: true,
    web_search_options: { search_context_size: "low" },
    max_completion_tokens: 5,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 3,
    seed: 1,
    n: 1,
    presence_penalty: 0.1,
    frequency_penalty: -0.1,
    logit_bias: { "50256": -100 },
    logprobs: true,
    top_logprobs: 2,
    stop: ["a", "b", "c", "d"],
    response_format: {
      type: "json_schema",
      json_schema: { name: "r", description: "d", schema: { type: "object" }, strict: null },
    },
    verbosity: "high",
    modalities: ["text", "audio"],
    audio: { format: "wav", voice: "ash" },
    prediction: { type: "content", content: [{ type: "text", text: "p" }] },
    metadata: { a: "b" },
    user: "u",
    safety_identifier: "s",
    service_tier: "flex",
    store: false,
    moderation: { model: "m" },
    prompt_cache_key: "k",
    prompt_cache_options: { mode: "explicit", ttl: "30m" },
    prompt_cache_retention: "24h",
    provider: { order: ["a"] },
  };
  for (const to of [
    gpt4,
    target("openai-compatible", "x"),
    target("mistral", "mistral-large"),
    target("zai", "glm-5.3"),
  ]) {
    test(`everything that a client can say reaches ${to.kind}`, () => {
      const request = read("openai-chat", everything);
      const system = (request: CanonicalRequest): CanonicalRequest => ({
        ...request,
        instructions: request.instructions.map((each) => ({ ...each, authority: "system" })),
      });
      const result = exact(to.kind === "openai" ? request : system(request), to);
      assert.deepEqual(result.losses, []);
      assert.equal(result.restore, undefined);
    });
  }
  test("a reasoning model is told what it takes", () => {
    const request = read("openai-chat", { temperature: 0.5, seed: 1, reasoning_effort: "max", stop: "x" });
    const result = written(request, target("openai", "gpt-5"));
    assert.deepEqual(said(result.losses), [
      "clamped reasoning.effort",
      "emulated sampling.stop",
      "unsupported sampling.temperature",
    ]);
  });
  test("reasoning and its details return to who wrote them", () => {
    const reasoning_details = [
      { type: "reasoning.encrypted", data: "x", format: "google-gemini-v1", id: "call_1", index: 0 },
      { type: "reasoning.unheard", data: "y" },
    ];
    const messages = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Yo", reasoning: "Hmm.", reasoning_details },
    ];
    const result = exact(read("openai-chat", { messages }), target("openrouter", "google/gemini-3-pro"));
    assert.deepEqual(result.losses, []);
    assert.deepEqual(asObject(messagesOf(result)[1])?.["reasoning_details"], reasoning_details);
  });
  test("an envelope of ours is opened for its reader", () => {
    const data = sealOpaque({ issuer: { provider: "router" }, kind: "anthropic.redacted", value: "x" });
    const reasoning_details = [{ type: "reasoning.encrypted", id: null, format: "dg1", data }];
    const messages = [{ role: "assistant", content: "Yo", reasoning_details }];
    const to = target("openrouter", "anthropic/claude-opus-4.5", { issuer: "router" });
    const result = write("openai-chat", { messages }, to);
    assert.deepEqual(asObject(messagesOf(result)[0])?.["reasoning_details"], [
      { type: "reasoning.encrypted", data: "x", format: "anthropic-claude-v1" },
    ]);
    const elsewhere = write("openai-chat", { messages }, target("openrouter", "anthropic/claude-opus-4.5"));
    assert.equal(asObject(messagesOf(elsewhere)[0])?.["reasoning_details"], undefined);
    assert.deepEqual(said(elsewhere.losses), ["opaque-not-portable turns[0].blocks[0].opaque"]);
  });

  for (const { name, request } of readFixtures("openai-chat")) {
    test(`recorded: ${name}`, () => {
      const kind = name.split("-")[0] ?? "";
      const result = exact(request, target(kind === "azure" ? "azure-openai" : kind, request.model));
      assert.deepEqual(result.losses, []);
    });
  }
});

describe("recorded requests of all formats", () => {
  /** What cannot be translated, whoever the provider is: background mode, cached content, no messages at all. */
  const refused: readonly string[] = ["plain-queued", "stream-background", "plain-cached", "error-400"];
  const targets = [
    gpt4,
    gpt5,
    target("openai", "o4-mini"),
    target("openai-compatible", "some-model"),
    target("deepseek", "deepseek-v4-pro"),
    target("mistral", "mistral-large-latest"),
    target("openrouter", "anthropic/claude-opus-4.5"),
    target("moonshot", "kimi-k2.6"),
    target("vllm", "qwen3.5"),
  ];
  for (const source of sources) {
    for (const { name, request } of readFixtures(source)) {
      test(`${source}: ${name}`, () => {
        for (const to of targets) {
          const result = writeRequest(request, to);
          if (!result.ok) {
            assert.ok(refused.includes(name), `${to.kind}: ${result.error.message}`);
            continue;
          }
          assert.deepEqual(writeRequest(request, to), result, "the same request is written the same");
          assert.deepEqual(unaccounted(request, result.value), [], to.kind);
          if (to.kind === "openai" && source !== "openai-chat") assert.deepEqual(brokenRules(result.value.body), []);
        }
      });
    }
  }
});

describe("a growing conversation is written the same as far as it went", () => {
  const options = [gpt5, target("mistral", "mistral-large"), target("moonshot", "kimi-k2.6"), target("vllm", "x")];
  function assertStable(request: CanonicalRequest): void {
    for (const to of options) {
      const whole = JSON.stringify(messagesOf(written(request, to))).slice(0, -1);
      request.turns.forEach((turn, index) => {
        // What is not answered yet may still change its end; only an answer to the client's turn makes it final.
        if (turn.role !== "assistant" || index === 0 || request.turns[index - 1]?.role === "assistant") return;
        const part = writeRequest({ ...request, turns: request.turns.slice(0, index) }, to);
        if (!part.ok) return;
        const text = JSON.stringify(messagesOf(part.value)).slice(0, -1);
        assert.ok(whole.startsWith(text), `${to.kind}, turn ${index}:\n${text}\n${whole}`);
      });
    }
  }

  for (const source of sources) {
    test(`recorded: ${source}`, () => {
      for (const { request } of readFixtures(source)) {
        if (request.turns.length > 2 && writeRequest(request, gpt5).ok) assertStable(unmarked(request));
      }
    });
  }

  /** Cache marks move along with a conversation by design. */
  function unmarked(request: CanonicalRequest): CanonicalRequest {
    const bare = <T extends object>(value: T): T => {
      const text = JSON.stringify(value, (key, member: unknown) => (key === "cache" ? undefined : member));
      return JSON.parse(text) as T;
    };
    return { ...request, turns: request.turns.map(bare) };
  }

  const id = fc.constantFrom("call_0", "a.b", "a:b", "x".repeat(70));
  const text = fc.string({ maxLength: 5 }).map((each): Block => ({ type: "text", text: each }));
  const image: Block = {
    type: "media",
    kind: "image",
    source: { by: "base64", data: "iVBORw0KGgo=" },
    mimeType: "image/png",
  };
  const thought: Block = { type: "reasoning", summary: ["Hmm."] };
  const calling = fc
    .record({ id, name: fc.constantFrom("weather", "a.b", "ä"), isCustom: fc.boolean() })
    .map((each): Block => ({
      type: "tool-call",
      id: each.id,
      name: each.name,
      kind: each.isCustom ? "custom" : "function",
      argumentsText: "{}",
    }));
  const answer = fc
    .tuple(id, fc.array(fc.oneof(text, fc.constant(image)), { maxLength: 2 }), fc.boolean())
    .map(([callId, content, isError]): Block => ({ type: "tool-result", callId, kind: "function", content, isError }));
  const turn = fc.oneof(
    fc
      .array(fc.oneof(text, calling, fc.constant(thought)), { maxLength: 4 })
      .map((blocks) => ({ role: "assistant" as const, blocks })),
    fc
      .array(fc.oneof(text, answer, fc.constant(image)), { maxLength: 4 })
      .map((blocks) => ({ role: "user" as const, blocks })),
    text.map((block) => ({ role: "system" as const, blocks: [block] })),
  );
  const conversation = fc
    .array(turn, { maxLength: 8 })
    .map((turns) => turns.map((each, boundary): Turn => ({ ...each, boundary })));

  test("whatever is said in it, and OpenAI would take it", () => {
    const base = read("anthropic-messages", { tools: [weather] });
    fc.assert(
      fc.property(conversation, (turns) => {
        const request: CanonicalRequest = { ...base, turns: [...base.turns, ...turns] };
        assertStable(request);
        assert.deepEqual(brokenRules(written(request).body), []);
      }),
      { numRuns: 200 },
    );
  });
});
