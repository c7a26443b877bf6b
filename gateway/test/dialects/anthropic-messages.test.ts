import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { FailureCode } from "../../src/canonical/failure.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { messagesRequest } from "../support/anthropic-messages.ts";
import { fixtures } from "../support/corpus.ts";

const { client } = anthropicMessages;
const issuer = { provider: "anthropic" };
const hello = [{ role: "user", content: "hi" }];

describe("readRequest", () => {
  const rows: readonly (readonly [string, JsonObject, Partial<CanonicalRequest>])[] = [
    ["system text", { system: "be brief" }, { instructions: [{ text: "be brief", authority: "system" }] }],
    [
      "system blocks stay apart and keep their marks",
      {
        system: [
          { type: "text", text: "a" },
          { type: "text", text: "b", cache_control: { type: "ephemeral", ttl: "1h" } },
        ],
      },
      {
        instructions: [
          { text: "a", authority: "system" },
          { text: "b", authority: "system", cache: { ttl: "1h", source: "anthropic" } },
        ],
      },
    ],
    [
      "sampling on Anthropic's scale",
      { temperature: 0.5, top_p: 0.9, top_k: 4, stop_sequences: ["END"] },
      { sampling: { maxTokens: 9, temperature: 0.5, temperatureMax: 1, topP: 0.9, topK: 4, stop: ["END"] } },
    ],
    [
      "adaptive thinking as Claude Code asks for it",
      { thinking: { type: "adaptive", display: "omitted" }, output_config: { effort: "medium" } },
      { reasoning: { mode: "auto", effort: "medium", visible: "none" }, extras: {} },
    ],
    [
      "thinking with a budget",
      { thinking: { type: "enabled", budget_tokens: 2048, display: "summarized" } },
      { reasoning: { mode: "budget", budgetTokens: 2048, visible: "auto" } },
    ],
    [
      "what is unknown of known settings goes into extras",
      {
        thinking: { type: "later", depth: 3 },
        output_config: { effort: "huge", tone: "dry" },
        speed: "warp",
        service_tier: "gold",
      },
      {
        reasoning: { mode: "default" },
        extras: {
          "anthropic-messages": {
            thinking: { type: "later", depth: 3 },
            output_config: { effort: "huge", tone: "dry" },
            speed: "warp",
            service_tier: "gold",
          },
        },
      },
    ],
    [
      "unknown fields of the body",
      { safeguards: [1], metadata: { user_id: "u", trace: "t" } },
      { identity: { endUser: "u" }, extras: { "anthropic-messages": { safeguards: [1], metadata: { trace: "t" } } } },
    ],
    [
      "structured output, new spelling",
      { output_config: { format: { type: "json_schema", schema: { type: "object" } } } },
      { output: { format: { type: "json-schema", schema: { type: "object" }, strict: true } } },
    ],
    [
      "structured output, old spelling",
      { output_format: { type: "json_schema", schema: { type: "object" } } },
      { output: { format: { type: "json-schema", schema: { type: "object" }, strict: true } }, extras: {} },
    ],
    ["service tier and speed", { service_tier: "standard_only", speed: "fast" }, { tier: "default", speed: "fast" }],
    [
      "top-level cache mark",
      { cache_control: { type: "ephemeral" } },
      { cache: { autoMark: { source: "anthropic" } }, extras: {} },
    ],
    ["an empty cache-filling request", { max_tokens: 0 }, { cache: { prewarm: true } }],
    [
      "any tool, one at a time",
      { tool_choice: { type: "any", disable_parallel_tool_use: true } },
      { toolChoice: { type: "required" }, parallelToolCalls: false },
    ],
    [
      "a named tool that Anthropic defines",
      { tools: [{ type: "bash_20250124", name: "bash" }], tool_choice: { type: "tool", name: "bash" } },
      {
        tools: [
          {
            type: "builtin",
            tool: "bash",
            name: "bash",
            native: { dialect: "anthropic-messages", value: { type: "bash_20250124", name: "bash" } },
          },
        ],
        toolChoice: { type: "tool", tool: { kind: "builtin", name: "bash" } },
      },
    ],
    [
      "function tools keep everything",
      {
        tools: [
          {
            name: "f",
            description: "d",
            input_schema: { type: "object" },
            strict: true,
            defer_loading: true,
            cache_control: { type: "ephemeral" },
            x: 1,
          },
        ],
      },
      {
        tools: [
          {
            type: "function",
            name: "f",
            description: "d",
            schema: { type: "object" },
            strict: true,
            deferLoading: true,
            cache: { source: "anthropic" },
            extras: { "anthropic-messages": { x: 1 } },
          },
        ],
      },
    ],
    [
      "container and context management",
      { container: "c-1", context_management: { edits: [] } },
      { state: { container: "c-1" }, contextManagement: { edits: [] } },
    ],
  ];
  for (const [name, body, expected] of rows) {
    test(name, () => {
      const request = read({ model: "m", max_tokens: 9, messages: hello, ...body });
      assert.deepEqual({ ...request, ...expected }, request);
    });
  }
});

describe("readRequest: blocks of messages", () => {
  const rows: readonly (readonly [string, JsonObject, unknown])[] = [
    [
      "text",
      { type: "text", text: "a", cache_control: { type: "ephemeral" } },
      { type: "text", text: "a", cache: { source: "anthropic" } },
    ],
    [
      "image",
      { type: "image", source: { type: "base64", media_type: "image/png", data: "AA==" } },
      { type: "media", kind: "image", source: { by: "base64", data: "AA==" }, mimeType: "image/png" },
    ],
    [
      "document with title and citations",
      { type: "document", source: { type: "file", file_id: "f1" }, title: "T", citations: { enabled: true } },
      { type: "media", kind: "document", source: { by: "file", id: "f1", issuer }, title: "T", citations: true },
    ],
    [
      "thinking with its signature",
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "reasoning", summary: ["hm"], opaque: { issuer, kind: "anthropic.signature", value: "sig" } },
    ],
    [
      "thinking without text",
      { type: "thinking", thinking: "", signature: "sig" },
      { type: "reasoning", summary: [], opaque: { issuer, kind: "anthropic.signature", value: "sig" } },
    ],
    [
      "an envelope opens to its issuer's value",
      {
        type: "thinking",
        thinking: "s",
        signature: sealOpaque({ issuer: { provider: "openai" }, kind: "openai.reasoning", value: "{}" }),
      },
      {
        type: "reasoning",
        summary: ["s"],
        opaque: { issuer: { provider: "openai" }, kind: "openai.reasoning", value: "{}" },
      },
    ],
    [
      "redacted thinking",
      { type: "redacted_thinking", data: "d" },
      { type: "reasoning", summary: [], redacted: true, opaque: { issuer, kind: "anthropic.redacted", value: "d" } },
    ],
    [
      "tool use",
      { type: "tool_use", id: "t1", name: "f", input: { a: 1 }, caller: { type: "direct" } },
      {
        type: "tool-call",
        id: "t1",
        name: "f",
        kind: "function",
        argumentsText: '{"a":1}',
        caller: { type: "direct" },
      },
    ],
    [
      "tool result with text",
      { type: "tool_result", tool_use_id: "t1", content: "ok", is_error: true },
      { type: "tool-result", callId: "t1", kind: "function", content: [{ type: "text", text: "ok" }], isError: true },
    ],
    [
      "empty tool result",
      { type: "tool_result", tool_use_id: "t1" },
      { type: "tool-result", callId: "t1", kind: "function", content: [] },
    ],
    [
      "server tool result, with its error told",
      { type: "web_search_tool_result", tool_use_id: "s1", content: { type: "web_search_tool_result_error" } },
      {
        type: "server-tool",
        phase: "result",
        tool: "web_search",
        id: "s1",
        output: { type: "web_search_tool_result_error" },
        isError: true,
        native: {
          dialect: "anthropic-messages",
          value: {
            type: "web_search_tool_result",
            tool_use_id: "s1",
            content: { type: "web_search_tool_result_error" },
          },
        },
      },
    ],
    [
      "a block of tomorrow",
      { type: "hologram", depth: 3 },
      { type: "opaque", dialect: "anthropic-messages", nativeType: "hologram", value: { type: "hologram", depth: 3 } },
    ],
    [
      "a known block without what it promises",
      { type: "tool_use", name: "f" },
      { type: "opaque", dialect: "anthropic-messages", nativeType: "tool_use", value: { type: "tool_use", name: "f" } },
    ],
    [
      "extra members of a block",
      { type: "text", text: "a", tone: 1 },
      { type: "text", text: "a", extras: { "anthropic-messages": { tone: 1 } } },
    ],
  ];
  for (const [name, block, expected] of rows) {
    test(name, () => {
      const request = read({ model: "m", max_tokens: 9, messages: [{ role: "user", content: [block] }] });
      assert.deepEqual(request.turns[0]?.blocks, [expected]);
    });
  }

  test("an integer of 19 digits in a tool's input keeps every digit", () => {
    const raw = `{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{"id": 9223372036854775807, "ratio":1.0}}]}]}`;
    const call = read(raw).turns[0]?.blocks[1];
    assert.equal(call?.type === "tool-call" ? call.argumentsText : "", '{"id":9223372036854775807,"ratio":1.0}');
  });

  test("a signature of a Gemini part returns to the part that it was taken from", () => {
    const signature = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature" as const, value: "s" };
    const carrier = { type: "thinking", thinking: "", signature: sealOpaque(signature) };
    const use = { type: "tool_use", id: "t", name: "f", input: {} };
    const content = [{ type: "text", text: "a" }, carrier, carrier, use];
    const [text, call, ...rest] =
      read({ model: "m", max_tokens: 9, messages: [{ role: "assistant", content }] }).turns[0]?.blocks ?? [];
    assert.deepEqual(text, { type: "text", text: "a", signature });
    assert.deepEqual(call, { type: "tool-call", id: "t", name: "f", kind: "function", argumentsText: "{}", signature });
    assert.deepEqual(rest, []);
  });
});

test("mid-conversation system messages keep their place, effort and tool changes", () => {
  const content = [
    { type: "text", text: "env" },
    { type: "tool_addition", tool: { name: "g", input_schema: { type: "object" } } },
    { type: "tool_removal", tool: { type: "tool_reference", name: "f" } },
  ];
  const messages = [...hello, { role: "system", content, output_config: { effort: "low" }, clear_at: "never" }];
  assert.deepEqual(read({ model: "m", max_tokens: 9, messages }).turns[1], {
    role: "system",
    authority: "system",
    blocks: [{ type: "text", text: "env" }],
    boundary: 1,
    clearAt: "never",
    effortFromHere: "low",
    toolsFromHere: {
      add: [{ type: "function", name: "g", schema: { type: "object" } }],
      remove: [{ kind: "function", name: "f" }],
    },
  });
});

test("headers become part of the request", () => {
  const wire = messagesRequest(
    { model: "m", max_tokens: 1, messages: hello },
    { "anthropic-version": "2023-06-01", "anthropic-beta": "x" },
  );
  const request = client.readRequest(wire);
  assert.deepEqual(request.ok && request.value.headers, { anthropicVersion: "2023-06-01", betas: ["x"] });
});

describe("readRequest refuses what the API would refuse, naming the place", () => {
  const rows: readonly (readonly [string, JsonObject, FailureCode, string])[] = [
    ["no max_tokens", { max_tokens: undefined }, "missing_parameter", "max_tokens"],
    ["no model", { model: undefined }, "missing_parameter", "model"],
    ["a message that is no object", { messages: ["hi"] }, "invalid_parameter", "messages.0"],
    [
      "an unknown role",
      { messages: [...hello, { role: "tool", content: "x" }] },
      "invalid_parameter",
      "messages.1.role",
    ],
    [
      "content that is neither",
      { messages: [{ role: "user", content: 4 }] },
      "invalid_parameter",
      "messages.0.content",
    ],
    [
      "a block that is text",
      { messages: [{ role: "user", content: ["x"] }] },
      "invalid_parameter",
      "messages.0.content.0",
    ],
    ["system that is neither", { system: 4 }, "invalid_parameter", "system"],
    ["a tool without a name", { tools: [{ input_schema: {} }] }, "missing_parameter", "tools.0.name"],
    ["a choice of nothing", { tool_choice: { type: "tool" } }, "missing_parameter", "tool_choice.name"],
  ];
  for (const [name, body, code, param] of rows) {
    test(name, () => {
      const request = client.readRequest(messagesRequest({ model: "m", max_tokens: 1, messages: hello, ...body }));
      assert.ok(!request.ok);
      assert.deepEqual([request.error.code, request.error.param], [code, param]);
    });
  }

  test("count_tokens needs no max_tokens", () => {
    assert.ok(client.readRequest(messagesRequest({ model: "m", messages: hello }, {}, "/v1/messages/count_tokens")).ok);
  });

  test("every recorded request is readable", () => {
    for (const { name, request, response } of fixtures("anthropic-messages")) {
      if (request === null || request.body === null || response.status >= 400) continue;
      const result = client.readRequest(messagesRequest({ model: "m", ...asObject(request.body) }, request.headers));
      assert.ok(result.ok, `${name}: ${result.ok ? "" : result.error.message}`);
    }
  });
});

function read(body: Json | string): CanonicalRequest {
  const request = client.readRequest(messagesRequest(body));
  assert.ok(request.ok, request.ok ? "" : request.error.message);
  return request.value;
}
