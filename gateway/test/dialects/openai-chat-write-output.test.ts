import { describe, test } from "node:test";
import { checkSetting, gpt4, gpt5, target, type SettingRow } from "../support/chat-write.ts";

/* The shape and the length of answers, as each provider of Chat Completions is asked for them. */

describe("settings", () => {
  const rows: readonly SettingRow[] = [
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
  ];
  for (const row of rows) test(row[0], () => checkSetting(row));
});
