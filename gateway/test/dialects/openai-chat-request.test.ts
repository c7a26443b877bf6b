import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Tool, ToolChoice } from "../../src/canonical/request.ts";
import { readEcho, readHead } from "../../src/dialects/openai-chat/head.ts";
import { readRequest } from "../../src/dialects/openai-chat/read-request.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { chatRequest, readChatRequest } from "../support/openai-chat.ts";

const user: Json = { role: "user", content: "Hello" };

describe("the head", () => {
  const plainHead = { model: "m", stream: false, candidates: 1, includeUsage: false };
  const rows: readonly (readonly [name: string, body: JsonObject, expected: JsonObject])[] = [
    ["the least", {}, plainHead],
    ["a stream", { stream: true }, { ...plainHead, stream: true }],
    ["null means not set", { stream: null, n: null, max_tokens: null, stream_options: null, user: null }, plainHead],
    ["max_completion_tokens wins", { max_tokens: 5, max_completion_tokens: 7 }, { ...plainHead, maxTokens: 7 }],
    [
      "a null max_completion_tokens does not",
      { max_tokens: 5, max_completion_tokens: null },
      { ...plainHead, maxTokens: 5 },
    ],
    ["-1 is LM Studio's word for no limit", { max_tokens: -1 }, plainHead],
    ["128 choices", { n: 128 }, { ...plainHead, candidates: 128 }],
    ["usage in the stream", { stream_options: { include_usage: true } }, { ...plainHead, includeUsage: true }],
    ["prompt_cache_key names the session", { prompt_cache_key: "k", user: "u" }, { ...plainHead, sessionKey: "k" }],
    ["user names it otherwise", { prompt_cache_key: "", user: "u" }, { ...plainHead, sessionKey: "u" }],
  ];
  for (const [name, body, expected] of rows) {
    test(name, () => {
      assert.deepEqual(readHead(chatRequest({ model: "m", messages: [user], ...body })), { ok: true, value: expected });
    });
  }

  const refused: readonly (readonly [name: string, body: JsonObject, code: string, param: string])[] = [
    ["no model", { messages: [] }, "missing_parameter", "model"],
    ["an empty model", { model: "", messages: [] }, "missing_parameter", "model"],
    ["a model that is no string", { model: 4, messages: [] }, "invalid_parameter", "model"],
    ["no messages", { model: "m" }, "missing_parameter", "messages"],
    ["input instead of messages", { model: "m", input: [] }, "missing_parameter", "messages"],
    ["messages that are no array", { model: "m", messages: "Hello" }, "invalid_parameter", "messages"],
    ["stream as text", { model: "m", messages: [], stream: "true" }, "invalid_parameter", "stream"],
    ["no choice", { model: "m", messages: [], n: 0 }, "invalid_parameter", "n"],
    ["129 choices", { model: "m", messages: [], n: 129 }, "invalid_parameter", "n"],
    ["half a choice", { model: "m", messages: [], n: 1.5 }, "invalid_parameter", "n"],
  ];
  for (const [name, body, code, param] of refused) {
    test(`refused: ${name}`, () => {
      const head = readHead(chatRequest(body));
      assert.deepEqual(head.ok ? "ok" : [head.error.code, head.error.param], [code, param]);
    });
  }

  test("the echo remembers only that functions were declared", () => {
    assert.deepEqual(readEcho(chatRequest({ functions: [{ name: "f" }] })), { legacyFunctions: true });
    assert.deepEqual(readEcho(chatRequest({ functions: [{ name: "f" }], tools: [] })), {});
    assert.deepEqual(readEcho(chatRequest({ functions: [] })), {});
  });
});

describe("tools", () => {
  const rows: readonly (readonly [name: string, body: JsonObject, tools: readonly Tool[]])[] = [
    [
      "a function: strict absent, false and null are three things",
      {
        tools: [undefined, false, null].map((strict) => ({
          type: "function",
          function: { name: "f", strict },
        })) as Json[],
      },
      [
        { type: "function", name: "f" },
        { type: "function", name: "f", strict: false },
        { type: "function", name: "f", strict: null },
      ],
    ],
    [
      "a custom tool with a grammar",
      {
        tools: [
          {
            type: "custom",
            custom: { name: "p", format: { type: "grammar", grammar: { syntax: "lark", definition: "x" } } },
          },
        ],
      },
      [{ type: "custom", name: "p", grammar: { syntax: "lark", definition: "x" } }],
    ],
    [
      "the deprecated functions",
      { functions: [{ name: "f", parameters: { type: "object" } }] },
      [{ type: "function", name: "f", schema: { type: "object" } }],
    ],
    [
      "web search",
      { web_search_options: { search_context_size: "low" } },
      [
        {
          type: "builtin",
          tool: "web_search",
          native: { dialect: "openai-chat", value: { web_search_options: { search_context_size: "low" } } },
        },
      ],
    ],
  ];
  for (const [name, body, tools] of rows) test(name, () => assert.deepEqual(readChatRequest(body).tools, tools));

  const choices: readonly (readonly [body: JsonObject, choice: ToolChoice | undefined])[] = [
    [{}, undefined],
    [{ tool_choice: "auto" }, { type: "auto" }],
    [{ tool_choice: "any" }, { type: "required" }],
    [
      { tool_choice: { type: "function", function: { name: "f" } } },
      { type: "tool", tool: { kind: "function", name: "f" } },
    ],
    [{ tool_choice: { function: { name: "f" } } }, { type: "tool", tool: { kind: "function", name: "f" } }],
    [{ tool_choice: { type: "custom", custom: { name: "p" } } }, { type: "tool", tool: { kind: "custom", name: "p" } }],
    [
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "f" } }] },
        },
      },
      { type: "allowed", mode: "required", tools: [{ kind: "function", name: "f" }] },
    ],
    [{ function_call: { name: "f" } }, { type: "tool", tool: { kind: "function", name: "f" } }],
    [{ function_call: "none" }, { type: "none" }],
  ];
  test("every way of choosing", () => {
    for (const [body, choice] of choices)
      assert.deepEqual(readChatRequest(body).toolChoice, choice, JSON.stringify(body));
  });
});

test("settings find their canonical names, and what has none is kept for this format", () => {
  const { sampling, reasoning, output, cache, identity, tier, state, safety, prediction, extras } = readChatRequest({
    max_tokens: 9,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    seed: 7,
    presence_penalty: 1,
    frequency_penalty: -1,
    logit_bias: { "50256": -100 },
    stop: "END",
    n: 2,
    logprobs: true,
    top_logprobs: 3,
    reasoning_effort: "none",
    verbosity: "low",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
    response_format: { type: "json_schema", json_schema: { name: "s", schema: { type: "object" }, strict: true } },
    prompt_cache_key: "k",
    prompt_cache_options: { mode: "explicit", ttl: "30m" },
    user: "u",
    safety_identifier: "s",
    metadata: { a: "b" },
    service_tier: "flex",
    store: true,
    moderation: { model: "m" },
    prediction: { type: "content", content: "same" },
    min_p: 0.1,
    stream_options: { include_usage: true },
  });
  assert.deepEqual(sampling, {
    maxTokens: 9,
    temperature: 0.5,
    temperatureMax: 2,
    topP: 0.9,
    topK: 40,
    seed: 7,
    presencePenalty: 1,
    frequencyPenalty: -1,
    logitBias: { "50256": -100 },
    stop: ["END"],
    candidates: 2,
    logprobs: { top: 3 },
  });
  assert.deepEqual(reasoning, { mode: "off", effort: "none" });
  assert.deepEqual(output, {
    format: { type: "json-schema", name: "s", schema: { type: "object" }, strict: true },
    verbosity: "low",
    modalities: ["text", "audio"],
    audio: { voice: "alloy", format: "wav" },
  });
  assert.deepEqual(cache, { key: "k", mode: "explicit", ttl: "30m" });
  assert.deepEqual(identity, { endUser: "u", safetyId: "s", metadata: { a: "b" } });
  assert.deepEqual(
    [tier, state, safety, prediction],
    ["flex", { store: true }, { moderation: { model: "m" } }, "same"],
  );
  assert.deepEqual(extras, { "openai-chat": { min_p: 0.1 } });
});

test("a tier and metadata that are not OpenAI's are kept, not refused", () => {
  const { tier, identity, extras } = readChatRequest({ service_tier: "on_demand", metadata: { tags: ["a"] } });
  assert.deepEqual([tier, identity], [undefined, {}]);
  assert.deepEqual(extras, { "openai-chat": { service_tier: "on_demand", metadata: { tags: ["a"] } } });
});

describe("refused requests name the parameter", () => {
  const rows: readonly (readonly [body: JsonObject, param: string])[] = [
    [{ messages: [] }, "messages"],
    [{ messages: ["Hello"] }, "messages[0]"],
    [{ messages: [{ role: "bot", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: null }] }, "messages[0].content"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:nonsense" } }] }] },
      "messages[0].content[0].image_url.url",
    ],
    [
      { messages: [{ role: "system", content: [{ type: "image_url", image_url: { url: "https://a.test" } }] }] },
      "messages[0].content[0]",
    ],
    [
      { messages: [{ role: "assistant", content: null, tool_calls: [{ id: "a", type: "function", function: {} }] }] },
      "messages[0].tool_calls[0].function.name",
    ],
    [{ messages: [user, { role: "tool", content: "x" }] }, "messages[1].tool_call_id"],
    [{ temperature: "hot" }, "temperature"],
    [{ stop: [1] }, "stop"],
    [{ logit_bias: { a: "b" } }, "logit_bias"],
    [{ tools: [{ type: "function", function: {} }] }, "tools[0].function.name"],
    [{ tool_choice: "sometimes" }, "tool_choice"],
    [{ reasoning_effort: "huge" }, "reasoning_effort"],
    [{ response_format: { type: "xml" } }, "response_format.type"],
    [{ response_format: { type: "json_schema" } }, "response_format.json_schema"],
  ];
  for (const [body, param] of rows) {
    test(param, () => {
      const result = readRequest(chatRequest({ model: "m", messages: [user], ...body }));
      assert.equal(result.ok ? "accepted" : result.error.param, param);
    });
  }
});

test("every recorded request is read", () => {
  for (const { name, request } of fixtures("openai-chat")) {
    if (request === null || typeof request.body !== "object") continue;
    const result = readRequest(chatRequest(request.body));
    assert.ok(result.ok, `${name}: ${result.ok ? "" : result.error.message}`);
  }
});

test("whatever a client sends, reading it does not throw", () => {
  const part = fc.dictionary(fc.constantFrom("type", "text", "image_url", "file", "input_audio"), fc.jsonValue());
  const message = fc.dictionary(
    fc.constantFrom("role", "content", "tool_calls", "tool_call_id", "function_call", "reasoning_details", "audio"),
    fc.oneof(
      fc.constantFrom("user", "assistant", "tool", "system", "function"),
      fc.array(part, { maxLength: 3 }),
      fc.jsonValue(),
    ),
  );
  const keys = [
    "model",
    "tools",
    "tool_choice",
    "stop",
    "response_format",
    "metadata",
    "logit_bias",
    "n",
    "prediction",
    "functions",
  ];
  const body = fc.tuple(fc.array(message, { maxLength: 4 }), fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()));
  fc.assert(
    fc.property(body, ([messages, rest]) => {
      const wire = chatRequest(JSON.stringify({ ...rest, messages }));
      for (const result of [readHead(wire), readRequest(wire)]) assert.ok(result.ok || result.error.message !== "");
      readEcho(wire);
    }),
    { seed: 7, numRuns: 400 },
  );
});
