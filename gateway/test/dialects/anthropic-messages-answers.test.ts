import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { FailureCode } from "../../src/canonical/failure.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { asString, type Json, type JsonObject } from "../../src/lib/json.ts";
import { decoderOptions, messagesClient } from "../support/anthropic-messages.ts";

const { client, upstream } = anthropicMessages;
const issuer = { provider: "anthropic" };

describe("readResponse", () => {
  const rows: readonly (readonly [string, Json, FailureCode])[] = [
    [
      "an error with status 200",
      { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
      "provider_overloaded",
    ],
    ["an error without its type", { error: { type: "rate_limit_error", message: "slow" } }, "provider_rate_limited"],
    ["no object", [1], "provider_bad_response"],
    ["no content", { id: "x" }, "provider_bad_response"],
  ];
  for (const [name, body, code] of rows) {
    test(`${name} is a failure`, () => {
      const response = upstream.readResponse(body, decoderOptions);
      assert.equal(response.ok ? undefined : response.error.code, code);
    });
  }

  test("cache writes are split by lifetime and counted into the input", () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 30,
      cache_read_input_tokens: 5,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 4 },
      server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
    };
    const response = upstream.readResponse(
      { content: [], stop_reason: "end_turn", usage },
      { ...decoderOptions, issuer: "vertex" },
    );
    assert.ok(response.ok);
    assert.deepEqual(response.value.usage, {
      inputTotal: 45,
      cacheRead: 5,
      cacheWrite: 30,
      cacheWriteByTtl: { "5m": 10, "1h": 20 },
      outputTotal: 7,
      reasoning: 4,
      serverTools: { webSearch: 2, webFetch: 1 },
      raw: { dialect: "anthropic-messages", value: usage },
    });
  });

  test("signatures in an answer belong to the provider that answered, envelopes included", () => {
    const sealed = sealOpaque({ issuer, kind: "openai.reasoning", value: "x" });
    const body = { content: [{ type: "thinking", thinking: "t", signature: sealed }], stop_reason: "end_turn" };
    const response = upstream.readResponse(body, { ...decoderOptions, issuer: "vertex" });
    const block = response.ok ? response.value.candidates[0]?.blocks[0] : undefined;
    assert.deepEqual(block?.type === "reasoning" ? block.opaque : undefined, {
      issuer: { provider: "vertex" },
      kind: "anthropic.signature",
      value: sealed,
    });
  });
});

describe("writeResponse", () => {
  const base = { id: "chatcmpl-abc", model: "gpt", createdAt: 1, losses: [], extras: {} };

  test("has every key, with cached tokens taken out of the input", () => {
    const usage = { inputTotal: 100, cacheRead: 75, cacheWrite: 0, outputTotal: 9, reasoning: 4 };
    const candidates = [
      {
        index: 0,
        blocks: [{ type: "text" as const, text: "hi" }],
        finish: { reason: "stop" as const, native: "stop" },
      },
    ];
    assert.deepEqual(client.writeResponse({ ...base, candidates, usage }, messagesClient()), {
      id: "msg_abc",
      type: "message",
      role: "assistant",
      model: "gpt",
      content: [{ type: "text", text: "hi", citations: null }],
      stop_reason: "end_turn",
      stop_sequence: null,
      stop_details: null,
      container: null,
      diagnostics: null,
      usage: {
        input_tokens: 25,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 75,
        cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
        output_tokens: 9,
        output_tokens_details: { thinking_tokens: 4 },
        server_tool_use: null,
        service_tier: null,
        speed: null,
        inference_geo: null,
      },
    });
  });

  test("a prompt that the provider blocked is a refusal", () => {
    const written = client.writeResponse(
      { ...base, candidates: [], promptBlock: { reason: "SAFETY" } },
      messagesClient(),
    );
    assert.equal(written["stop_reason"], "refusal");
    assert.match(JSON.stringify(written["stop_details"]), /SAFETY/);
  });

  const windowStop = (echo: JsonObject) =>
    client.writeResponse(
      { ...base, candidates: [{ index: 0, blocks: [], finish: { reason: "context-length", native: "length" } }] },
      messagesClient({ echo }),
    )["stop_reason"];
  test("only clients that know model_context_window_exceeded get it", () => {
    assert.equal(windowStop({ version: "2023-06-01", betas: [] }), "max_tokens");
    assert.equal(windowStop({ version: "2026-10-21", betas: [] }), "model_context_window_exceeded");
    assert.equal(
      windowStop({ version: "2023-06-01", betas: ["model-context-window-exceeded-2025-08-26"] }),
      "model_context_window_exceeded",
    );
  });

  test("arguments that are no object become one", () => {
    const call = (argumentsText: string, id: string) => ({
      type: "tool-call" as const,
      id,
      name: "f",
      kind: "function" as const,
      argumentsText,
    });
    const blocks = [call("", "a.b"), call("[1]", "a:b"), call("{oops", "c"), call("{}", "c")];
    const written = client.writeResponse(
      { ...base, candidates: [{ index: 0, blocks, finish: { reason: "stop", native: "stop" } }] },
      messagesClient(),
    );
    const uses = (written["content"] as JsonObject[]).map((use) => use["input"]);
    assert.deepEqual(uses, [{}, { value: [1] }, { _raw: "{oops" }, {}]);
    const ids = (written["content"] as JsonObject[]).map((use) => asString(use["id"]) ?? "");
    assert.ok(ids.every((id) => /^[a-zA-Z0-9_-]{1,64}$/.test(id)));
    assert.equal(new Set(ids).size, 4, "ids stay distinct");
    assert.equal(written["stop_reason"], "tool_use", "a tool call forces the reason");
  });
});
