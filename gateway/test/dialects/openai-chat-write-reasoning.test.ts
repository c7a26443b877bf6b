import { describe, test } from "node:test";
import { checkSetting, gpt4, gpt5, target, type SettingRow } from "../support/chat-write.ts";

/* What each provider of Chat Completions is told of how much a model should think. */

describe("settings", () => {
  const rows: readonly SettingRow[] = [
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
  ];
  for (const row of rows) test(row[0], () => checkSetting(row));
});
