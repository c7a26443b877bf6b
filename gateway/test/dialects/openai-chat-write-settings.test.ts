import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { WriteOptions } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/chat-rules.ts";
import { gpt4, gpt5, messagesOf, patch, said, target, weather, write } from "../support/chat-write.ts";

describe("settings", () => {
  type Row = readonly [
    what: string,
    source: ClientDialectId,
    body: JsonObject,
    to: WriteOptions,
    members: JsonObject,
    losses?: readonly string[],
  ];
  const rows: readonly Row[] = [
    [
      "the limit of a reasoning model",
      "anthropic-messages",
      {},
      gpt5,
      { max_completion_tokens: 100, max_tokens: undefined },
    ],
    ["the limit for DeepSeek", "anthropic-messages", {}, target("deepseek", "deepseek-chat"), { max_tokens: 100 }],
    [
      "the limit of a server that nobody knows",
      "anthropic-messages",
      {},
      target("openai-compatible", "x"),
      { max_tokens: 100 },
    ],
    [
      "a reasoning model behind a server that nobody knows",
      "anthropic-messages",
      {},
      target("openai-compatible", "openai/gpt-5"),
      { max_completion_tokens: 100 },
    ],
    [
      "the provider's own limit wins",
      "anthropic-messages",
      {},
      target("openai", "gpt-5", { traits: { maxTokensField: "max_tokens" } }),
      { max_tokens: 100, max_completion_tokens: undefined },
    ],
    [
      "streams ask for usage",
      "anthropic-messages",
      { stream: true },
      gpt5,
      { stream_options: { include_usage: true } },
    ],
    [
      "unless the provider refuses to be asked",
      "anthropic-messages",
      { stream: true },
      target("perplexity", "sonar", { traits: { streamUsage: false } }),
      { stream: true, stream_options: undefined },
    ],
    ["plain answers bring it anyway", "anthropic-messages", {}, gpt5, { stream: undefined, stream_options: undefined }],
    ["temperature is on one scale", "anthropic-messages", { temperature: 0.7 }, gpt4, { temperature: 0.7 }],
    [
      "a reasoning model takes no temperature",
      "anthropic-messages",
      { temperature: 0.7, top_p: 0.5 },
      gpt5,
      { temperature: undefined, top_p: undefined },
      ["unsupported sampling.temperature", "unsupported sampling.topP"],
    ],
    ["a temperature of 1 is what it has", "anthropic-messages", { temperature: 1 }, gpt5, { temperature: undefined }],
    [
      "unless it is told not to reason",
      "anthropic-messages",
      { temperature: 0.7, thinking: { type: "disabled" } },
      gpt5,
      { temperature: 0.7, reasoning_effort: "none" },
    ],
    [
      "a reasoning model that cannot be told",
      "anthropic-messages",
      { temperature: 0.7, thinking: { type: "disabled" } },
      target("openai", "o3"),
      { temperature: undefined, reasoning_effort: "low" },
      ["clamped reasoning.effort", "unsupported sampling.temperature"],
    ],
    [
      "OpenAI has no top_k",
      "anthropic-messages",
      { top_k: 5 },
      gpt4,
      { top_k: undefined },
      ["unsupported sampling.topK"],
    ],
    ["vLLM has", "anthropic-messages", { top_k: 5 }, target("vllm", "x"), { top_k: 5 }],
    [
      "Mistral calls it random_seed",
      "gemini",
      { generationConfig: { seed: 7 } },
      target("mistral", "mistral-large-latest"),
      { random_seed: 7, seed: undefined },
    ],
    [
      "Kimi samples in its own way",
      "anthropic-messages",
      { temperature: 0.2 },
      target("moonshot", "kimi-k2.6"),
      { temperature: undefined },
      ["unsupported sampling.temperature"],
    ],
    [
      "a narrower scale",
      "gemini",
      { generationConfig: { temperature: 1.8 } },
      target("zai", "glm-4.7"),
      { temperature: 1 },
      ["clamped sampling.temperature"],
    ],
    [
      "log probabilities",
      "gemini",
      { generationConfig: { responseLogprobs: true, logprobs: 3 } },
      gpt4,
      { logprobs: true, top_logprobs: 3 },
    ],
    ["several candidates", "gemini", { generationConfig: { candidateCount: 2 } }, gpt4, { n: 2 }],
    [
      "several candidates of who has one",
      "gemini",
      { generationConfig: { candidateCount: 2 } },
      target("deepseek", "deepseek-chat"),
      { n: undefined },
      ["unsupported sampling.candidates"],
    ],
    ["nothing said of reasoning", "anthropic-messages", {}, gpt5, { reasoning_effort: undefined }],
    [
      "adaptive thinking is the default",
      "anthropic-messages",
      { thinking: { type: "adaptive" } },
      gpt5,
      { reasoning_effort: undefined },
    ],
    [
      "an effort",
      "anthropic-messages",
      { thinking: { type: "adaptive" }, output_config: { effort: "max" } },
      gpt5,
      { reasoning_effort: "max" },
    ],
    [
      "an effort that the model does not have",
      "anthropic-messages",
      { output_config: { effort: "max" } },
      target("openai", "gpt-5"),
      { reasoning_effort: "high" },
      ["clamped reasoning.effort"],
    ],
    [
      "a budget",
      "anthropic-messages",
      { thinking: { type: "enabled", budget_tokens: 10_000 } },
      gpt5,
      { reasoning_effort: "medium" },
      ["emulated reasoning.budgetTokens"],
    ],
    [
      "thinking between tools",
      "anthropic-messages",
      { thinking: { type: "between_tools" } },
      gpt5,
      { reasoning_effort: "low" },
      ["emulated reasoning.mode"],
    ],
    [
      "what is said last of the effort",
      "openai-responses",
      {
        reasoning: { effort: "high" },
        input: [
          { role: "user", content: "Hi" },
          { type: "configuration_update", reasoning: { effort: "low" } },
          { role: "user", content: "Well?" },
        ],
      },
      gpt5,
      { reasoning_effort: "low" },
    ],
    [
      "a level",
      "gemini",
      { generationConfig: { thinkingConfig: { thinkingLevel: "MINIMAL" } } },
      target("openai", "gpt-5"),
      { reasoning_effort: "minimal" },
    ],
    [
      "a model that does not reason",
      "openai-responses",
      { reasoning: { effort: "high" } },
      gpt4,
      { reasoning_effort: undefined },
      ["unsupported reasoning"],
    ],
    [
      "nor has to be told not to",
      "openai-responses",
      { reasoning: { effort: "none" } },
      gpt4,
      { reasoning_effort: undefined },
    ],
    [
      "DeepSeek has a switch and an effort",
      "openai-responses",
      { reasoning: { effort: "high" } },
      target("deepseek", "deepseek-v4-pro"),
      { thinking: { type: "enabled" }, reasoning_effort: "high" },
    ],
    [
      "Kimi has the switch alone",
      "openai-responses",
      { reasoning: { effort: "low" } },
      target("moonshot", "kimi-k2.6"),
      { thinking: { type: "enabled" }, reasoning_effort: undefined },
      ["clamped reasoning.effort"],
    ],
    [
      "GLM 5.3 always thinks",
      "openai-responses",
      { reasoning: { effort: "none" } },
      target("zai", "glm-5.3"),
      { thinking: { type: "enabled" }, reasoning_effort: "low" },
      ["clamped reasoning.effort"],
    ],
    [
      "OpenRouter takes budgets",
      "anthropic-messages",
      { thinking: { type: "enabled", budget_tokens: 5000, display: "omitted" } },
      target("openrouter", "anthropic/claude-opus-4.5"),
      { reasoning: { max_tokens: 5000, exclude: true }, reasoning_effort: undefined },
    ],
    [
      "gpt-oss wherever it runs",
      "openai-responses",
      { reasoning: { effort: "xhigh" } },
      target("groq", "openai/gpt-oss-120b"),
      { reasoning_effort: "high" },
      ["clamped reasoning.effort"],
    ],
    [
      "JSON mode has to be spoken of",
      "gemini",
      { generationConfig: { responseMimeType: "application/json" } },
      gpt5,
      {
        response_format: { type: "json_object" },
        messages: [
          { role: "developer", content: "Respond with a single JSON object." },
          { role: "user", content: "Hi" },
        ],
      },
    ],
    [
      "a schema, held to",
      "anthropic-messages",
      {
        output_config: {
          format: {
            type: "json_schema",
            schema: {
              type: "object",
              properties: { a: { type: "string" } },
              required: ["a"],
              additionalProperties: false,
            },
          },
        },
      },
      gpt5,
      {
        response_format: {
          type: "json_schema",
          json_schema: {
            name: "response",
            schema: {
              type: "object",
              properties: { a: { type: "string" } },
              required: ["a"],
              additionalProperties: false,
            },
            strict: true,
          },
        },
      },
    ],
    [
      "a schema for who has JSON mode only",
      "openai-responses",
      { text: { format: { type: "json_schema", name: "r", schema: { type: "object" } } } },
      target("deepseek", "deepseek-chat"),
      {
        response_format: { type: "json_object" },
        messages: [
          {
            role: "system",
            content:
              'Respond with a single JSON object and nothing else. It must match this JSON Schema:\n{"type":"object"}',
          },
          { role: "user", content: "Hi" },
        ],
      },
      ["emulated output.format"],
    ],
    [
      "JSON mode for who has schemas only",
      "openai-responses",
      { text: { format: { type: "json_object" } } },
      target("lmstudio", "x"),
      { response_format: { type: "json_schema", json_schema: { name: "response", schema: { type: "object" } } } },
      ["emulated output.format"],
    ],
    ["verbosity", "openai-responses", { text: { verbosity: "low" } }, gpt5, { verbosity: "low" }],
    [
      "verbosity of older models",
      "openai-responses",
      { text: { verbosity: "low" } },
      gpt4,
      { verbosity: undefined },
      ["unsupported output.verbosity"],
    ],
    [
      "who asks",
      "anthropic-messages",
      { metadata: { user_id: "u" } },
      gpt5,
      { safety_identifier: "u", user: undefined },
    ],
    [
      "who asks, in too many words",
      "anthropic-messages",
      { metadata: { user_id: "u".repeat(129) } },
      gpt5,
      { safety_identifier: "user_24bx68bphkltc" },
      ["clamped identity.endUser"],
    ],
    [
      "who asks, of a server that has users",
      "anthropic-messages",
      { metadata: { user_id: "u" } },
      target("vllm", "x"),
      { user: "u" },
    ],
    [
      "who asks, of one that has none",
      "anthropic-messages",
      { metadata: { user_id: "u" } },
      target("mistral", "mistral-large"),
      { user: undefined, safety_identifier: undefined },
      ["unsupported identity.endUser"],
    ],
    [
      "metadata is kept with stored answers only",
      "openai-responses",
      { metadata: { a: "b" } },
      gpt5,
      { metadata: undefined, store: undefined },
      ["unsupported identity.metadata"],
    ],
    [
      "stored answers",
      "openai-responses",
      { metadata: { a: "b" }, store: true },
      gpt5,
      { metadata: { a: "b" }, store: true },
    ],
    ["not stored is the default", "openai-responses", { store: false }, gpt5, { store: undefined }],
    ["the tier", "openai-responses", { service_tier: "flex" }, gpt5, { service_tier: "flex" }],
    [
      "the fastest tier",
      "openai-responses",
      { service_tier: "ultrafast" },
      gpt5,
      { service_tier: "fast" },
      ["clamped tier"],
    ],
    ["fast mode", "anthropic-messages", { speed: "fast" }, gpt5, { service_tier: "fast" }],
    [
      "a tier of another vendor",
      "openai-responses",
      { service_tier: "flex" },
      target("vllm", "x"),
      { service_tier: undefined },
      ["unsupported tier"],
    ],
    ["the key of the cache", "openai-responses", { prompt_cache_key: "k" }, gpt5, { prompt_cache_key: "k" }],
    [
      "a key that nobody asked about",
      "openai-responses",
      { prompt_cache_key: "k" },
      target("mistral", "m"),
      { prompt_cache_key: undefined },
    ],
    [
      "settings of other formats",
      "anthropic-messages",
      { context_management: {}, container: "c", mcp_servers: [] },
      gpt5,
      {},
      [
        "unsupported state.container",
        "unsupported contextManagement",
        "unsupported extras.anthropic-messages.mcp_servers",
      ],
    ],
    [
      "keys that the provider refuses",
      "openai-responses",
      { prompt_cache_key: "k" },
      target("openai", "gpt-5", { traits: { dropKeys: ["prompt_cache_key"] } }),
      { prompt_cache_key: undefined },
    ],
  ];
  for (const [what, source, body, to, members, losses = []] of rows) {
    test(what, () => {
      const result = write(source, body, to);
      for (const [key, value] of Object.entries(members)) assert.deepEqual(result.body[key], value, key);
      assert.deepEqual(said(result.losses), losses);
      if (to.kind === "openai" && to.traits.maxTokensField === undefined)
        assert.deepEqual(brokenRules(result.body), []);
    });
  }
});

describe("stop sequences", () => {
  const five = { stop_sequences: ["a", "b", "c", "d", "e"] };
  const rows: readonly (readonly [string, WriteOptions, Json | undefined, readonly string[] | undefined])[] = [
    ["four are sent, the rest is matched here", gpt4, ["a", "b", "c", "d"], ["e"]],
    ["a reasoning model is sent none", gpt5, undefined, ["a", "b", "c", "d", "e"]],
    ["xAI is sent none", target("xai", "grok-4.5"), undefined, ["a", "b", "c", "d", "e"]],
    ["DeepSeek takes sixteen", target("deepseek", "deepseek-chat"), ["a", "b", "c", "d", "e"], undefined],
  ];
  for (const [what, to, stop, restored] of rows) {
    test(what, () => {
      const result = write("anthropic-messages", five, to);
      assert.deepEqual(result.body["stop"], stop);
      assert.deepEqual(result.restore?.stop, restored);
      assert.deepEqual(said(result.losses), restored === undefined ? [] : ["emulated sampling.stop"]);
    });
  }
});

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
