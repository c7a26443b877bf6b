import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WriteOptions } from "../../src/dialects/dialect.ts";
import { type Json } from "../../src/lib/json.ts";
import { checkSetting, gpt4, gpt5, said, target, write, type SettingRow } from "../support/chat-write.ts";

/* Settings of requests to Chat Completions: limits, streams, sampling, who asks, tiers and caches. */

describe("settings", () => {
  const rows: readonly SettingRow[] = [
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
  for (const row of rows) test(row[0], () => checkSetting(row));
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
