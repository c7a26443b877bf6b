import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  MODEL,
  call,
  calls,
  chat,
  f,
  gemini,
  hello,
  lossesOf,
  messagesOf,
  native,
  responses,
  result,
  tryWrite,
  user,
} from "../support/anthropic-messages-write.ts";
import { brokenRules } from "../support/messages-rules.ts";

describe("max_tokens", () => {
  const rows: readonly (readonly [model: string, asked: number | undefined, sent: number, loses: boolean])[] = [
    ["claude-opus-5-5", undefined, 128_000, false],
    ["claude-sonnet-4-5-20250929", undefined, 64_000, false],
    ["anthropic.claude-opus-4-1-20250805-v1:0", undefined, 32_000, false],
    ["claude-sonnet-4@20250514", undefined, 64_000, false],
    ["claude-3-5-haiku-20241022", undefined, 8192, false],
    ["anthropic/claude-opus-4.6", undefined, 128_000, false],
    ["claude-next-9", undefined, 32_000, false],
    ["claude-next-9", 100_000, 100_000, false],
    ["kimi-k3", undefined, 4096, false],
    ["claude-haiku-4-5", 64_000, 64_000, false],
    ["claude-haiku-4-5", 64_001, 64_000, true],
  ];
  for (const [model, asked, sent, loses] of rows) {
    test(`${model}: ${asked ?? "none"} is ${sent}`, () => {
      const written = chat(asked === undefined ? {} : { max_tokens: asked }, model);
      assert.equal(written.body["max_tokens"], sent);
      assert.deepEqual(lossesOf(written), loses ? ["clamped sampling.maxTokens"] : []);
    });
  }

  test("filling the cache is a limit of 0", () => {
    const written = responses({ prompt_cache_options: { prewarm: true } });
    assert.equal(written.body["max_tokens"], 0);
  });
});

describe("sampling and the API version (46)", () => {
  const rows: readonly (readonly [JsonObject, string, JsonObject, version: string, losses: string[]])[] = [
    [{}, "claude-haiku-4-5", {}, "2026-10-21", []],
    [{ temperature: 0.7 }, "claude-haiku-4-5", { temperature: 0.7 }, "2023-06-01", []],
    [{ temperature: 1 }, "claude-haiku-4-5", {}, "2026-10-21", []],
    [{ temperature: 1.8 }, "claude-haiku-4-5", { temperature: 1 }, "2023-06-01", ["clamped sampling.temperature"]],
    [
      { temperature: 0.5, top_p: 0.9 },
      "claude-haiku-4-5",
      { temperature: 0.5 },
      "2023-06-01",
      ["unsupported sampling.topP"],
    ],
    [{ temperature: 0.5, top_p: 0.9 }, "claude-3-haiku-20240307", { temperature: 0.5, top_p: 0.9 }, "2023-06-01", []],
    [{ temperature: 0.7 }, "claude-opus-5-5", {}, "2026-10-21", ["unsupported sampling.temperature"]],
    [{ temperature: 1, top_p: 0.99 }, "claude-opus-5-5", {}, "2026-10-21", []],
    [{ temperature: 0.7 }, "kimi-k3", { temperature: 0.7 }, "2023-06-01", []],
    [{}, "kimi-k3", {}, "2023-06-01", []],
  ];
  for (const [asked, model, sent, version, losses] of rows) {
    test(`${JSON.stringify(asked)} to ${model}`, () => {
      const written = chat(asked, model);
      const { temperature, top_p } = written.body;
      assert.deepEqual(JSON.parse(JSON.stringify({ temperature, top_p })), sent);
      assert.equal(written.headers["anthropic-version"], version);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("stop sequences of white space are watched for in the answer", () => {
    const written = chat({ stop: ["\n\n", "END"] });
    assert.deepEqual(written.body["stop_sequences"], ["END"]);
    assert.deepEqual(written.restore, { stop: ["\n\n"] });
    assert.deepEqual(lossesOf(written), ["emulated sampling.stop"]);
  });
});

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

describe("tools", () => {
  const choices: readonly (readonly [Json, JsonObject | undefined, string[]])[] = [
    ["auto", { type: "auto" }, []],
    ["none", { type: "none" }, []],
    ["required", { type: "any" }, []],
    [{ type: "function", function: { name: "f" } }, { type: "tool", name: "f" }, []],
    [{ type: "function", function: { name: "gone" } }, undefined, ["unsupported toolChoice"]],
    [
      {
        type: "allowed_tools",
        allowed_tools: { mode: "required", tools: [{ type: "function", function: { name: "f" } }] },
      },
      { type: "tool", name: "f" },
      [],
    ],
    [
      {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "f" } }] },
      },
      { type: "auto" },
      ["clamped toolChoice"],
    ],
  ];
  for (const [choice, expected, losses] of choices) {
    test(`the choice ${JSON.stringify(choice)}`, () => {
      const written = chat({ tools: [f], tool_choice: choice });
      assert.deepEqual(written.body["tool_choice"], expected);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("a model that cannot be made to call a tool is left the choice", () => {
    const written = chat({ tools: [f], tool_choice: "required" }, "claude-opus-5-5");
    assert.deepEqual(written.body["tool_choice"], { type: "auto" });
    assert.deepEqual(lossesOf(written), ["clamped toolChoice"]);
  });

  test("one call at a time", () => {
    const written = chat({ tools: [f], parallel_tool_calls: false });
    assert.deepEqual(written.body["tool_choice"], { type: "auto", disable_parallel_tool_use: true });
    assert.equal(
      chat({ parallel_tool_calls: false }).body["tool_choice"],
      undefined,
      "without tools nothing is chosen",
    );
  });

  test("names that Anthropic refuses are changed in declaration, history and choice, and restored", () => {
    const dotted: Json = { type: "function", function: { name: "files.read", parameters: { type: "object" } } };
    const written = chat({
      tools: [dotted],
      tool_choice: { type: "function", function: { name: "files.read" } },
      messages: [user("x"), calls(call("a", "files.read")), result("a")],
    });
    assert.deepEqual(asObject(written.body["tool_choice"])?.["name"], "files_read");
    assert.deepEqual(asObject(asArray(messagesOf(written)[1]?.["content"])?.[0])?.["name"], "files_read");
    assert.deepEqual(written.restore?.tools?.get("files_read"), { name: "files.read", kind: "function" });
    assert.deepEqual(lossesOf(written), []);
  });

  test("a custom tool is a function, also in the history", () => {
    const written = responses({
      tools: [{ type: "custom", name: "apply_patch", description: "Patch." }],
      input: [
        { role: "user", content: "x" },
        { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: "*** Begin\n" },
        { type: "custom_tool_call_output", call_id: "c", output: "ok" },
      ],
    });
    assert.deepEqual(asObject(asArray(messagesOf(written)[1]?.["content"])?.[0])?.["input"], { input: "*** Begin\n" });
    assert.equal(written.restore?.tools?.get("apply_patch")?.kind, "custom");
  });

  test("strict where the schema allows it", () => {
    const parameters: Json = {
      type: "object",
      properties: { a: { type: "string" } },
      required: ["a"],
      additionalProperties: false,
    };
    const strict = chat({ tools: [{ type: "function", function: { name: "f", strict: true, parameters } }] });
    assert.equal(asObject(asArray(strict.body["tools"])?.[0])?.["strict"], true);
    assert.deepEqual(lossesOf(strict), []);
  });

  test("OpenAI's web search becomes Anthropic's, with the place of the user", () => {
    const written = chat({
      web_search_options: {
        search_context_size: "high",
        user_location: { type: "approximate", approximate: { city: "Bern", country: "CH" } },
      },
    });
    assert.deepEqual(written.body["tools"], [
      {
        type: "web_search_20250305",
        name: "web_search",
        user_location: { type: "approximate", city: "Bern", country: "CH" },
        cache_control: { type: "ephemeral" },
      },
    ]);
    assert.deepEqual(lossesOf(written), ["unsupported tools[0].search_context_size"]);
  });

  test("an MCP server is one of Anthropic's, except when it asks before calls", () => {
    const server = {
      type: "mcp",
      server_label: "docs",
      server_url: "https://example.com/mcp",
      allowed_tools: ["find"],
    };
    const written = responses({ tools: [{ ...server, require_approval: "never", authorization: "t" }] });
    assert.deepEqual(written.body["mcp_servers"], [
      { type: "url", url: "https://example.com/mcp", name: "docs", authorization_token: "t" },
    ]);
    assert.equal(written.headers["anthropic-beta"], "mcp-client-2025-11-20");
    const asking = tryWrite("openai-responses", { input: "x", tools: [server] });
    assert.equal(asking.ok ? "" : asking.error.param, "tools[0].require_approval");
  });
});

describe("structured output", () => {
  const schema: Json = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const response_format: Json = { type: "json_schema", json_schema: { name: "Count", schema } };

  test("the Chat surface is refused unless the configuration says how", () => {
    const written = tryWrite("openai-chat", { messages: hello, response_format }, MODEL, { traits: {} });
    assert.deepEqual(written.ok ? [] : [written.error.code, written.error.param], [
      "unsupported_parameter",
      "response_format",
    ]);
    assert.match(written.ok ? "" : written.error.message, /structured_output: native/);
    assert.ok(
      tryWrite("openai-chat", { messages: hello, response_format: { type: "text" } }, MODEL, { traits: {} }).ok,
    );
  });

  test("other surfaces get the API's own, the name as the title", () => {
    const text: Json = { format: { type: "json_schema", name: "Count", schema } };
    const { body, restore } = responses({ text }, MODEL, { traits: {} });
    const format = asObject(asObject(body["output_config"])?.["format"]);
    assert.deepEqual([format?.["type"], asObject(format?.["schema"])?.["title"]], ["json_schema", "Count"]);
    assert.equal(restore, undefined);
  });

  test("a forced tool where the configuration or the model wants it so", () => {
    for (const written of [
      chat({ response_format }, MODEL, { traits: { structuredOutput: "tool" } }),
      responses({ text: { format: { type: "json_schema", name: "n", schema } } }, "claude-3-haiku-20240307"),
    ]) {
      assert.deepEqual(written.body["tool_choice"], { type: "tool", name: "json_output" });
      assert.equal(written.restore?.jsonTool, "json_output");
      assert.deepEqual(brokenRules(written.body), []);
    }
    const beside = chat({ response_format, tools: [f] }, MODEL, { traits: { structuredOutput: "tool" } });
    assert.deepEqual(beside.body["tool_choice"], { type: "any" });
  });

  test("JSON without a schema is asked for in words", () => {
    const written = chat({ response_format: { type: "json_object" } });
    assert.match(JSON.stringify(written.body["system"]), /single JSON object/);
    assert.deepEqual(lossesOf(written), ["emulated output.format"]);
  });
});

describe("cache marks", () => {
  const marks = (written: WrittenRequest) => JSON.stringify(written.body).match(/"cache_control":\{[^}]*\}/g) ?? [];

  test("stand where OpenAI would cache without being asked", () => {
    const written = chat({ messages: [{ role: "system", content: "s" }, user("x")], tools: [f] });
    assert.deepEqual(written.body["system"], [{ type: "text", text: "s", cache_control: { type: "ephemeral" } }]);
    assert.deepEqual(messagesOf(written).at(-1)?.["content"], [
      { type: "text", text: "x", cache_control: { type: "ephemeral" } },
    ]);
    assert.equal(marks(written).length, 2);
    assert.deepEqual(lossesOf(written), []);
  });

  test("are not added for other formats, for imitators of this one, or where the client marks itself", () => {
    assert.deepEqual(marks(gemini({})), []);
    assert.deepEqual(marks(chat({}, "kimi-k3", { kind: "moonshot" })), []);
    const marked = chat({
      messages: [user([{ type: "text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } }])],
    });
    assert.deepEqual(marks(marked), ['"cache_control":{"type":"ephemeral","ttl":"1h"}']);
  });

  test("are the last four at most, none of an hour behind a shorter one", () => {
    const text = (ttl?: string): Json => ({
      type: "text",
      text: "x",
      cache_control: ttl === undefined ? { type: "ephemeral" } : { type: "ephemeral", ttl },
    });
    const five = native({
      system: [text("1h"), text("1h")],
      messages: [{ role: "user", content: [text(), text(), text()] }],
    });
    assert.equal(marks(five).length, 4);
    assert.equal(asObject(asArray(five.body["system"])?.[0])?.["cache_control"], undefined);
    const late = native({ system: [text()], messages: [{ role: "user", content: [text("1h")] }] });
    assert.deepEqual(brokenRules(late.body), []);
    assert.deepEqual(lossesOf(late), ["clamped cache"]);
    const four = native({ system: [text("1h"), text("1h")], messages: [{ role: "user", content: [text(), text()] }] });
    assert.deepEqual([marks(four).length, lossesOf(four)], [4, []]);
  });
});

test("keys that a provider refuses are left out, and that is told", () => {
  const written = chat({ user: "u1" }, MODEL, { traits: { dropKeys: ["metadata", "top_k"] } });
  assert.equal(written.body["metadata"], undefined);
  assert.deepEqual(lossesOf(written), ["unsupported metadata"]);
});
