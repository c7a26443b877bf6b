import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json } from "../../src/lib/json.ts";
import { MODEL, chat, f, gemini, lossesOf, messagesOf, responses } from "../support/anthropic-messages-write.ts";
import { brokenRules } from "../support/messages-rules.ts";

describe("thinking", () => {
  const rows: readonly (readonly [name: string, WrittenRequest, Json, effort: Json | undefined, losses: string[]])[] = [
    ["nothing asked", chat({}, "claude-opus-5-5"), null, undefined, []],
    [
      "an effort, adaptively",
      chat({ reasoning_effort: "xhigh" }, "claude-opus-5-5"),
      { type: "adaptive", display: "summarized" },
      "xhigh",
      [],
    ],
    [
      "an effort that the model lacks (recorded: Opus 4.6 refuses xhigh)",
      chat({ reasoning_effort: "xhigh" }, "claude-opus-4-6"),
      { type: "adaptive", display: "summarized" },
      "max",
      ["clamped reasoning.effort"],
    ],
    [
      "an effort, as a budget",
      chat({ reasoning_effort: "medium" }),
      { type: "enabled", budget_tokens: 10_240, display: "summarized" },
      undefined,
      ["emulated reasoning.effort"],
    ],
    [
      "a budget within a small limit",
      chat({ reasoning_effort: "high", max_tokens: 4000 }),
      { type: "enabled", budget_tokens: 2976, display: "summarized" },
      undefined,
      ["emulated reasoning.effort"],
    ],
    [
      "a limit that leaves no room",
      chat({ reasoning_effort: "low", max_tokens: 1500 }),
      null,
      undefined,
      ["unsupported reasoning"],
    ],
    ["none", chat({ reasoning_effort: "none" }), { type: "disabled" }, undefined, []],
    [
      "none, where thinking is always on",
      chat({ reasoning_effort: "none" }, "claude-opus-5-5"),
      null,
      "low",
      ["clamped reasoning.mode"],
    ],
    [
      "none, where only the notes between tools stay",
      chat({ reasoning_effort: "none" }, "claude-sonnet-5-5"),
      { type: "between_tools" },
      undefined,
      [],
    ],
    [
      "a model that does not think",
      chat({ reasoning_effort: "low" }, "claude-3-haiku-20240307"),
      null,
      undefined,
      ["unsupported reasoning"],
    ],
    [
      "Responses without a summary shows none",
      responses({ reasoning: { effort: "low" } }, "claude-opus-5-5"),
      { type: "adaptive", display: "omitted" },
      "low",
      [],
    ],
    [
      "a budget of Gemini's",
      gemini({ generationConfig: { thinkingConfig: { thinkingBudget: 5000, includeThoughts: true } } }),
      { type: "enabled", budget_tokens: 5000, display: "summarized" },
      undefined,
      [],
    ],
    [
      "a budget of Gemini's to an adaptive model",
      gemini({ generationConfig: { thinkingConfig: { thinkingBudget: 5000 } } }, "claude-sonnet-5"),
      { type: "adaptive", display: "omitted" },
      "low",
      ["emulated reasoning.budgetTokens"],
    ],
    [
      "a forced tool excludes a budget",
      chat({ reasoning_effort: "low", tools: [f], tool_choice: "required" }),
      null,
      undefined,
      ["unsupported reasoning"],
    ],
    [
      "a forced tool and adaptive thinking go together",
      chat({ reasoning_effort: "low", tools: [f], tool_choice: "required" }, "claude-opus-5"),
      { type: "adaptive", display: "summarized" },
      "low",
      [],
    ],
  ];
  for (const [name, written, thinking, effort, losses] of rows) {
    test(name, () => {
      assert.deepEqual(written.body["thinking"] ?? null, thinking);
      assert.equal(asObject(written.body["output_config"])?.["effort"], effort);
      assert.deepEqual(lossesOf(written), losses);
      assert.deepEqual(brokenRules(written.body), []);
    });
  }

  test("calls of another vendor's model leave no thoughts to think on from (47)", () => {
    const input: Json = [
      { role: "user", content: "x" },
      { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "hm" }], encrypted_content: "openai" },
      { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "ok" },
    ];
    const tools: Json = [{ type: "function", name: "f", parameters: { type: "object", properties: {} } }];
    const manual = responses({ input, tools, reasoning: { effort: "high" } });
    assert.equal(manual.body["thinking"], undefined);
    assert.ok(lossesOf(manual).includes("opaque-not-portable turns[1].blocks[0]"));
    const adaptive = responses({ input, tools, reasoning: { effort: "high" } }, "claude-opus-5-5");
    assert.deepEqual(adaptive.body["thinking"], { type: "adaptive", display: "omitted" });
  });

  test("thoughts in an envelope go back to who thought them, word for word", () => {
    const opaque = (provider: string) =>
      sealOpaque({ issuer: { provider }, kind: "anthropic.signature", value: "c2lnbmF0dXJl" });
    const input = (provider: string): Json => [
      { role: "user", content: "x" },
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "  hm\n" }],
        encrypted_content: opaque(provider),
      },
      { role: "assistant", content: "y" },
      { role: "user", content: "z" },
    ];
    const own = responses({ input: input("my-claude") }, MODEL, { issuer: "my-claude" });
    assert.deepEqual(asArray(messagesOf(own)[1]?.["content"])?.[0], {
      type: "thinking",
      thinking: "  hm\n",
      signature: "c2lnbmF0dXJl",
    });
    assert.deepEqual(lossesOf(own), []);
    const other = responses({ input: input("another") }, MODEL, { issuer: "my-claude" });
    assert.deepEqual(lossesOf(other), ["opaque-not-portable turns[1].blocks[0]"]);
  });
});
