import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/anthropic-messages/write-request.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import {
  call,
  calls,
  chat,
  f,
  lossesOf,
  models,
  native,
  optionsFor,
  result,
  shape,
  user,
} from "../support/anthropic-messages-write.ts";
import { brokenRules } from "../support/messages-rules.ts";
import { readBody, readFixtures } from "../support/requests.ts";
import { brokenRequests } from "../support/broken-requests.ts";
import { clientDialectIds } from "../support/streams.ts";

/** Recorded requests that no Claude model can answer, and why. */
const refused: { readonly [name: string]: RegExp } = {
  "openai-plain-audio": /audio/,
  "openai-stream-audio-no-finish": /audio/,
  "plain-cached": /cachedContent/,
};

describe("recorded requests of all formats are written so that the API takes them", () => {
  for (const dialect of clientDialectIds.filter((each) => each !== "anthropic-messages")) {
    for (const { name, request } of readFixtures(dialect)) {
      test(`${dialect} ${name}`, () => {
        for (const model of models) {
          const written = writeRequest(request, optionsFor(model));
          if (!written.ok) {
            assert.match(written.error.message, refused[name] ?? /^nothing is refused$/);
            continue;
          }
          assert.deepEqual(brokenRules(written.value.body), [], model);
          assert.deepEqual(writeRequest(request, optionsFor(model)), written, "the same request, the same bytes");
          checkEverythingKept(request, written.value);
        }
      });
    }
  }
});

/** Every text, call and result of the request is in what was written, or a loss names it. */
function checkEverythingKept(request: CanonicalRequest, { body, losses }: WrittenRequest): void {
  const wire = JSON.stringify(body["messages"]);
  for (const [index, turn] of request.turns.entries()) {
    for (const [position, block] of turn.blocks.entries()) {
      const path = `turns[${index}].blocks[${position}]`;
      if (losses.some((loss) => loss.path.startsWith(path))) continue;
      if (block.type === "text") assert.ok(wire.includes(JSON.stringify(block.text.trimEnd()).slice(1, -1)), path);
      if (block.type === "tool-call") assert.ok(wire.includes('"tool_use"'), path);
      if (block.type === "tool-result") assert.ok(wire.includes('"tool_result"'), path);
      if (block.type === "reasoning") assert.ok(wire.includes('"thinking"'), path);
      if (block.type === "media") assert.ok(wire.includes('"image"') || wire.includes('"document"'), path);
    }
  }
}

describe("a recorded Messages request comes out as it went in", () => {
  for (const { name, request } of readFixtures("anthropic-messages")) {
    test(name, () => {
      const written = writeRequest(request, optionsFor(request.model));
      assert.ok(written.ok);
      const { body, headers, losses } = written.value;
      assert.deepEqual(losses, []);
      const again = readBody("anthropic-messages", body, { headers });
      const headersRead = { ...request.headers, anthropicVersion: request.headers.anthropicVersion ?? "2023-06-01" };
      assert.deepEqual(again, { ...request, headers: headersRead });
    });
  }
});

describe("a Messages client's words that only this format has are kept", () => {
  test("settings, betas, unknown members, system messages with their changes", () => {
    const body: JsonObject = {
      model: "claude-opus-5-5",
      max_tokens: 2000,
      system: [
        { type: "text", text: "a", cache_control: { type: "ephemeral", ttl: "1h" } },
        { type: "text", text: "b", citations: null },
      ],
      thinking: {
        type: "adaptive",
        display: "updates",
        block_binding: { prefix_mismatch_behavior: "drop_block" },
        future: 1,
      },
      output_config: { effort: "xhigh", format: { type: "json_schema", schema: { type: "object" } }, future: true },
      metadata: { user_id: "u@example.com", future: 1 },
      service_tier: "standard_only",
      speed: "fast",
      cache_control: { type: "ephemeral" },
      container: { id: "c" },
      context_management: { edits: [] },
      temperature: 0.3,
      top_k: 5,
      stop_sequences: ["\n"],
      tool_choice: { type: "any", disable_parallel_tool_use: false },
      tools: [
        {
          name: "f",
          input_schema: { type: "object", anyOf: [] },
          strict: true,
          allowed_callers: ["direct"],
          future: 1,
        },
        { type: "bash_20250124", name: "bash", cache_control: { type: "ephemeral", ttl: "1h" } },
      ],
      messages: [
        { role: "user", content: [{ type: "text", text: " ", future: 1 }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "", signature: "sig" },
            { type: "redacted_thinking", data: "data" },
            { type: "future_block", x: 1 },
            { type: "tool_use", id: "a.b", name: "f", input: { n: 1 }, caller: { type: "direct" } },
          ],
        },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "a.b", content: [{ type: "tool_reference" }] }] },
        {
          role: "system",
          content: [{ type: "text", text: "now" }],
          clear_at: "never",
          output_config: { effort: "low" },
        },
      ],
      future_setting: { a: 1 },
    };
    const headers = { "anthropic-version": "2026-10-21", "anthropic-beta": "a-2026-01-01,b" };
    const request = readBody("anthropic-messages", body, { headers });
    assert.ok(request !== undefined);
    const written = writeRequest(request, optionsFor("claude-opus-5-5"));
    assert.ok(written.ok);
    assert.deepEqual(written.value.body, { ...body });
    assert.deepEqual(written.value.headers, headers);
    assert.deepEqual(written.value.losses, []);
  });

  test("numbers that JavaScript would round arrive as they were written", () => {
    const written = chat({
      messages: [user("x"), calls(call("c", "f", '{"id": 12345678901234567890, "r": 1.0}')), result("c")],
      tools: [f],
    });
    assert.ok(JSON.stringify(written.body).includes('"input":{"id":12345678901234567890,"r":1.0}'));
  });

  test("an answer's envelope of another vendor's thoughts goes to nobody else, and thinking stays legal without it", () => {
    const foreign = sealOpaque({ issuer: { provider: "gemini" }, kind: "gemini.continuation", value: "x" });
    const written = native({
      max_tokens: 9000,
      thinking: { type: "enabled", budget_tokens: 2000 },
      tools: [{ name: "f", input_schema: { type: "object" } }],
      messages: [
        { role: "user", content: "x" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm", signature: foreign },
            { type: "tool_use", id: "t", name: "f", input: {} },
          ],
        },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t" }] },
      ],
    });
    assert.deepEqual(shape(written), ["user: text", "assistant: tool_use", "user: tool_result"]);
    assert.equal(written.body["thinking"], undefined);
    assert.deepEqual(lossesOf(written), ["opaque-not-portable turns[1].blocks[0]", "clamped reasoning"]);
  });
});

describe("broken requests are refused or repaired, never thrown at", () => {
  for (const dialect of clientDialectIds) {
    test(dialect, () => {
      for (const { request, model } of brokenRequests(dialect, models)) {
        const written = writeRequest(request, optionsFor(model));
        if (written.ok && dialect !== "anthropic-messages") assert.deepEqual(brokenRules(written.value.body), []);
      }
    });
  }
});
