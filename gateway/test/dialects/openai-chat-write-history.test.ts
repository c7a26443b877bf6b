import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type JsonObject } from "../../src/lib/json.ts";
import { call, gpt4, gpt5, messagesOf, refusal, result, said, target, weather, write } from "../support/chat-write.ts";

describe("cache marks", () => {
  const marked = (text: string, ttl?: string) => ({
    type: "text",
    text,
    cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) },
  });
  test("are breakpoints for OpenAI's newer models", () => {
    const written = write("anthropic-messages", { system: [marked("S", "1h")] });
    assert.deepEqual(asObject(messagesOf(written)[0])?.["content"], [
      { type: "text", text: "S", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
    ]);
    assert.deepEqual(written.losses, []);
  });
  test("stay what they are for Claude on OpenRouter", () => {
    const to = target("openrouter", "anthropic/claude-opus-4.5");
    const written = write("anthropic-messages", { system: [marked("S", "1h")] }, to);
    assert.deepEqual(asObject(messagesOf(written)[0])?.["content"], [
      { type: "text", text: "S", cache_control: { type: "ephemeral", ttl: "1h" } },
    ]);
  });
  test("stand on results as well", () => {
    const messages = [
      { role: "assistant", content: [call("a")] },
      { role: "user", content: [result("a", "no", { is_error: true, cache_control: { type: "ephemeral" } })] },
    ];
    const written = write("anthropic-messages", { messages, tools: [weather] });
    assert.deepEqual(asObject(messagesOf(written)[1])?.["content"], [
      { type: "text", text: "[tool error] no", prompt_cache_breakpoint: { mode: "explicit" } },
    ]);
  });
  test("are nobody else's business", () => {
    const written = write("anthropic-messages", { system: [marked("S")] }, gpt4);
    assert.deepEqual(messagesOf(written)[0], { role: "system", content: "S" });
    assert.deepEqual(written.losses, []);
  });
  for (const count of [4, 5]) {
    test(`${count} of them`, () => {
      const system = Array.from({ length: count }, (_, index) => marked(`${index}`));
      const written = write("anthropic-messages", { system });
      const isMarked = messagesOf(written)
        .slice(0, count)
        .map((message) => JSON.stringify(message).includes("prompt_cache_breakpoint"));
      assert.deepEqual(
        isMarked,
        system.map((_, index) => index >= count - 4),
      );
      assert.deepEqual(said(written.losses), count === 4 ? [] : ["clamped cache"]);
    });
  }
});

describe("earlier reasoning", () => {
  const history = (...blocks: JsonObject[]) => ({
    messages: [
      { role: "user", content: "Hi" },
      { role: "assistant", content: [...blocks, call("a")] },
      { role: "user", content: [result("a", "1")] },
    ],
    tools: [weather],
  });
  const thinking = { type: "thinking", thinking: "Hmm.", signature: "c2ln" };
  const assistantOf = (written: WrittenRequest) => asObject(messagesOf(written)[1]) ?? {};

  const rows: readonly (readonly [string, WriteOptions, JsonObject, JsonObject, readonly string[]])[] = [
    ["OpenAI takes none", gpt5, thinking, {}, ["opaque-not-portable turns[1].blocks[0].opaque"]],
    [
      "DeepSeek takes its text",
      target("deepseek", "deepseek-v4-pro"),
      thinking,
      { reasoning_content: "Hmm." },
      ["opaque-not-portable turns[1].blocks[0].opaque"],
    ],
    [
      "DeepSeek wants the member where there is none",
      target("deepseek", "deepseek-v4-pro"),
      { type: "text", text: "x" },
      { reasoning_content: "" },
      [],
    ],
    [
      "Kimi wants a text even where there is none",
      target("moonshot", "kimi-k2.6"),
      { type: "text", text: "x" },
      { reasoning_content: "[no reasoning recorded]" },
      ["repaired turns[1].blocks"],
    ],
    [
      "its models elsewhere are told as well",
      target("openai-compatible", "moonshotai/Kimi-K2-Thinking"),
      { type: "thinking", thinking: "Hmm." },
      { reasoning_content: "Hmm." },
      [],
    ],
    [
      "Groq calls it reasoning",
      target("groq", "openai/gpt-oss-20b"),
      { type: "thinking", thinking: "Hmm." },
      { reasoning: "Hmm." },
      [],
    ],
    [
      "OpenRouter gets its own signatures back",
      target("openrouter", "anthropic/claude-opus-4.5", { issuer: "router" }),
      {
        ...thinking,
        signature: sealOpaque({ issuer: { provider: "router" }, kind: "anthropic.signature", value: "c2ln" }),
      },
      {
        reasoning: "Hmm.",
        reasoning_details: [{ type: "reasoning.text", text: "Hmm.", signature: "c2ln", format: "anthropic-claude-v1" }],
      },
      [],
    ],
    [
      "and nobody else's",
      target("openrouter", "anthropic/claude-opus-4.5"),
      thinking,
      { reasoning: "Hmm." },
      ["opaque-not-portable turns[1].blocks[0].opaque"],
    ],
  ];
  for (const [what, to, block, members, losses] of rows) {
    test(what, () => {
      const written = write("anthropic-messages", history(block), to);
      const { role: _role, content: _content, tool_calls: _calls, ...rest } = assistantOf(written);
      assert.deepEqual(rest, members);
      assert.deepEqual(said(written.losses), losses);
    });
  }

  test("Mistral takes it as a part", () => {
    const written = write(
      "anthropic-messages",
      history({ type: "thinking", thinking: "Hmm." }),
      target("mistral", "magistral-medium"),
    );
    assert.deepEqual(assistantOf(written)["content"], [
      { type: "thinking", thinking: [{ type: "text", text: "Hmm." }] },
    ]);
  });

  const signed = {
    contents: [
      { role: "user", parts: [{ text: "Hi" }] },
      { role: "model", parts: [{ functionCall: { name: "f", args: {} }, thoughtSignature: "c2ln" }] },
      { role: "user", parts: [{ functionResponse: { name: "f", response: { output: "1" } } }] },
    ],
    tools: [{ functionDeclarations: [{ name: "f" }] }],
  };
  const signatureOf = (written: WrittenRequest) =>
    asObject(asArray(assistantOf(written)["tool_calls"])?.[0])?.["extra_content"];
  test("Gemini's signatures return to Gemini", () => {
    const written = write("gemini", signed, target("gemini", "gemini-3.5-flash"));
    assert.deepEqual(signatureOf(written), { google: { thought_signature: "c2ln" } });
    assert.deepEqual(written.losses, []);
  });
  test("and to nobody else", () => {
    const written = write("gemini", signed, target("openrouter", "google/gemini-3-pro"));
    assert.equal(signatureOf(written), undefined);
    assert.deepEqual(said(written.losses), ["opaque-not-portable turns[1].blocks[0].signature"]);
  });
  test("Gemini 3 gets a stand-in for calls of other models", () => {
    const written = write("anthropic-messages", history(), target("gemini", "gemini-3.5-flash"));
    assert.deepEqual(signatureOf(written), { google: { thought_signature: "skip_thought_signature_validator" } });
  });
});

describe("what cannot be said is refused, with the place and what to do", () => {
  const input = (part: JsonObject) => ({ input: [{ role: "user", content: [part] }] });
  const parts = (part: JsonObject) => ({ contents: [{ role: "user", parts: [part] }] });
  const rows: readonly (readonly [string, ClientDialectId, JsonObject, string])[] = [
    ["a stored response", "openai-responses", { previous_response_id: "resp_1" }, "previous_response_id"],
    ["a stored conversation", "openai-responses", { conversation: "conv_1" }, "conversation"],
    ["the background", "openai-responses", { background: true }, "background"],
    ["writing the cache only", "anthropic-messages", { max_tokens: 0 }, "max_tokens"],
    ["cached content", "gemini", { cachedContent: "cachedContents/1" }, "cachedContent"],
    [
      "a built-in tool that must be called",
      "anthropic-messages",
      { tools: [{ type: "bash_20250124", name: "bash" }], tool_choice: { type: "tool", name: "bash" } },
      "tool_choice",
    ],
    ["a file of another vendor", "openai-responses", input({ type: "input_image", file_id: "file_1" }), "input[0]"],
    [
      "a document by its URL",
      "openai-responses",
      input({ type: "input_file", file_url: "https://a.test/b.pdf" }),
      "input[0]",
    ],
    ["video", "gemini", parts({ inlineData: { mimeType: "video/mp4", data: "AAAA" } }), "contents[0]"],
    [
      "audio of another kind",
      "gemini",
      parts({ inlineData: { mimeType: "audio/ogg", data: "T2dnUw==" } }),
      "contents[0]",
    ],
    [
      "history that only another vendor can read",
      "openai-responses",
      {
        input: [
          { type: "compaction", id: "c", encrypted_content: "x" },
          { role: "user", content: "Hi" },
        ],
      },
      "input[0]",
    ],
  ];
  for (const [what, source, body, param] of rows) {
    test(what, () => {
      const failure = refusal(source, body);
      assert.equal(failure.param, param);
      assert.equal(failure.class, "unsupported-parameter");
      assert.match(failure.message, /\. [A-Z].*\.$/);
    });
  }
  test("a conversation without a word", () => {
    const failure = refusal("gemini", { contents: [] });
    assert.deepEqual([failure.code, failure.param], ["missing_parameter", "contents"]);
  });
  test("OpenAI's own files are its own", () => {
    const written = write("openai-responses", input({ type: "input_file", file_id: "file_1" }));
    assert.deepEqual(asObject(messagesOf(written)[0])?.["content"], [{ type: "file", file: { file_id: "file_1" } }]);
  });
});
