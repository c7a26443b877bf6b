import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/chat-rules.ts";
import {
  call,
  chatCall,
  gpt4,
  gpt5,
  messagesOf,
  picture,
  refusal,
  result,
  said,
  target,
  weather,
  write,
} from "../support/chat-write.ts";

describe("instructions", () => {
  const system = {
    system: [
      { type: "text", text: "One." },
      { type: "text", text: "Two." },
    ],
  };
  const rows: readonly (readonly [string, WriteOptions, Json[], readonly string[]])[] = [
    [
      "reasoning models have a developer",
      gpt5,
      [
        { role: "developer", content: "One." },
        { role: "developer", content: "Two." },
      ],
      [],
    ],
    [
      "others have a system",
      gpt4,
      [
        { role: "system", content: "One." },
        { role: "system", content: "Two." },
      ],
      [],
    ],
    [
      "nobody else has a developer",
      target("openrouter", "openai/gpt-5"),
      [
        { role: "system", content: "One." },
        { role: "system", content: "Two." },
      ],
      [],
    ],
    [
      "some take one system message",
      target("vllm", "qwen3.5"),
      [{ role: "system", content: "One.\n\nTwo." }],
      ["repaired instructions"],
    ],
  ];
  for (const [what, to, expected, losses] of rows) {
    test(what, () => {
      const result = write("anthropic-messages", system, to);
      assert.deepEqual(messagesOf(result).slice(0, -1), expected);
      assert.deepEqual(said(result.losses), losses);
    });
  }

  const middle = {
    input: [
      { role: "user", content: "Hi" },
      { role: "developer", content: "Be brief." },
      { role: "user", content: "Well?" },
    ],
  };
  test("in the middle they keep their place", () => {
    const result = write("openai-responses", middle);
    assert.deepEqual(messagesOf(result)[1], { role: "developer", content: "Be brief." });
    assert.deepEqual(result.losses, []);
  });
  test("where that is refused they are a reminder from the user", () => {
    const result = write("openai-responses", middle, target("llamacpp", "x"));
    assert.deepEqual(messagesOf(result)[1], {
      role: "user",
      content: "<system-reminder>\nBe brief.\n</system-reminder>",
    });
    assert.deepEqual(said(result.losses), ["emulated turns[1]"]);
  });
});

describe("messages", () => {
  type Row = readonly [string, JsonObject[], WriteOptions, Json[], (readonly string[])?];
  const rows: readonly Row[] = [
    [
      "results become messages of their own, in the order of the calls, before what the user says",
      [
        { role: "assistant", content: [{ type: "text", text: "Looking." }, call("a"), call("b")] },
        { role: "user", content: [result("b", "2"), { type: "text", text: "And?" }, result("a", "1")] },
      ],
      gpt5,
      [
        { role: "assistant", content: "Looking.", tool_calls: [chatCall("a"), chatCall("b")] },
        { role: "tool", tool_call_id: "a", content: "1" },
        { role: "tool", tool_call_id: "b", content: "2" },
        { role: "user", content: "And?" },
      ],
      ["repaired turns[1].blocks"],
    ],
    [
      "a call without a result, after an interruption",
      [
        { role: "assistant", content: [call("a")] },
        { role: "user", content: "Stop" },
      ],
      gpt5,
      [
        { role: "assistant", content: null, tool_calls: [chatCall("a")] },
        { role: "tool", tool_call_id: "a", content: "[tool error] [no result recorded]" },
        { role: "user", content: "Stop" },
      ],
      ["repaired turns[0].blocks[0]"],
    ],
    [
      "a result without a call",
      [{ role: "user", content: [result("x", "left over")] }],
      gpt5,
      [{ role: "user", content: "[tool result x] left over" }],
      ["repaired turns[0].blocks[0]"],
    ],
    [
      "results that failed, and that say nothing",
      [
        { role: "assistant", content: [call("a"), call("b")] },
        { role: "user", content: [result("a", "no", { is_error: true }), result("b", "")] },
      ],
      gpt5,
      [
        { role: "assistant", content: null, tool_calls: [chatCall("a"), chatCall("b")] },
        { role: "tool", tool_call_id: "a", content: "[tool error] no" },
        { role: "tool", tool_call_id: "b", content: "" },
      ],
    ],
    [
      "pictures in results follow behind the last of them",
      [
        { role: "assistant", content: [call("a"), call("b")] },
        { role: "user", content: [result("a", [{ type: "text", text: "Seen:" }, picture]), result("b", "2")] },
      ],
      gpt5,
      [
        { role: "assistant", content: null, tool_calls: [chatCall("a"), chatCall("b")] },
        { role: "tool", tool_call_id: "a", content: "Seen:\n[image 1 of call a follows]" },
        { role: "tool", tool_call_id: "b", content: "2" },
        {
          role: "user",
          content: [
            { type: "text", text: "Attachments of tool call a:" },
            { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
          ],
        },
      ],
      ["emulated turns[1].blocks[0].content[1]"],
    ],
    [
      "ids that are too long",
      [
        { role: "assistant", content: [call("i".repeat(65))] },
        { role: "user", content: [result("i".repeat(65), "1")] },
      ],
      gpt5,
      [
        { role: "assistant", content: null, tool_calls: [chatCall("call_1e9q6awey099g")] },
        { role: "tool", tool_call_id: "call_1e9q6awey099g", content: "1" },
      ],
    ],
    [
      "Mistral: ids of nine characters, and an assistant before the user",
      [
        { role: "assistant", content: [call("toolu_1")] },
        { role: "user", content: [result("toolu_1", "1"), { type: "text", text: "And?" }] },
      ],
      target("mistral", "mistral-large-latest"),
      [
        { role: "assistant", content: null, tool_calls: [chatCall("kjyhjf0ry")] },
        { role: "tool", tool_call_id: "kjyhjf0ry", content: "1" },
        { role: "assistant", content: "I have the results." },
        { role: "user", content: "And?" },
      ],
      ["repaired turns[1]"],
    ],
    [
      "documents of text are text",
      [
        {
          role: "user",
          content: [
            {
              type: "document",
              title: "Notes",
              source: { type: "text", media_type: "text/plain", data: "Some." },
              citations: { enabled: true },
            },
          ],
        },
      ],
      gpt5,
      [{ role: "user", content: "Document: Notes\n\nSome." }],
      ["unsupported turns[0].blocks[0].citations"],
    ],
    [
      "PDFs are files",
      [
        {
          role: "user",
          content: [
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
            },
          ],
        },
      ],
      gpt5,
      [
        {
          role: "user",
          content: [
            { type: "file", file: { filename: "document.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
          ],
        },
      ],
    ],
    [
      "a type that the bytes contradict",
      [{ role: "user", content: [{ ...picture, source: { ...picture.source, media_type: "image/jpg" } }] }],
      gpt5,
      [
        {
          role: "user",
          content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }],
        },
      ],
    ],
    [
      "several texts, for who knows lists of them",
      [
        {
          role: "user",
          content: [
            { type: "text", text: "A" },
            { type: "text", text: "B" },
          ],
        },
      ],
      gpt5,
      [
        {
          role: "user",
          content: [
            { type: "text", text: "A" },
            { type: "text", text: "B" },
          ],
        },
      ],
    ],
    [
      "and for who does not",
      [
        {
          role: "user",
          content: [
            { type: "text", text: "A" },
            { type: "text", text: "B" },
          ],
        },
      ],
      target("deepseek", "deepseek-chat"),
      [{ role: "user", content: "A\n\nB" }],
    ],
    [
      "an answer to be continued cannot be",
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "{" },
      ],
      gpt5,
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "{" },
      ],
      ["unsupported turns[1]"],
    ],
    [
      "nothing is left of an answer that was all thought",
      [
        { role: "user", content: "Hi" },
        { role: "assistant", content: [{ type: "redacted_thinking", data: "x" }] },
        { role: "user", content: "Go on" },
      ],
      gpt5,
      [
        { role: "user", content: "Hi" },
        { role: "user", content: "Go on" },
      ],
      ["opaque-not-portable turns[1].blocks[0].opaque", "unsupported turns[1]"],
    ],
  ];
  for (const [what, messages, to, expected, losses = []] of rows) {
    test(what, () => {
      const written = write("anthropic-messages", { messages, tools: [weather] }, to);
      assert.deepEqual(messagesOf(written), expected);
      assert.deepEqual(said(written.losses), losses);
      if (to.kind === "openai") assert.deepEqual(brokenRules(written.body), []);
    });
  }

  test("ids that look alike stay apart", () => {
    const long = "i".repeat(64);
    const messages = [
      { role: "assistant", content: [call(`${long}.b`), call(`${long}:b`)] },
      { role: "user", content: [result(`${long}.b`, "1"), result(`${long}:b`, "2")] },
    ];
    assert.deepEqual(brokenRules(write("anthropic-messages", { messages, tools: [weather] }).body), []);
  });

  test("what a server tool of another vendor did is told", () => {
    const messages = [
      {
        role: "assistant",
        content: [
          { type: "server_tool_use", id: "s", name: "web_search", input: { query: "rome" } },
          {
            type: "web_search_tool_result",
            tool_use_id: "s",
            content: [
              { type: "web_search_result", url: "https://rome.test", title: "Rome", encrypted_content: "SECRET" },
            ],
          },
          { type: "text", text: "It is old." },
        ],
      },
      { role: "user", content: "Thanks" },
    ];
    const written = write("anthropic-messages", { messages });
    const [answer] = messagesOf(written);
    const text = JSON.stringify(asObject(answer)?.["content"]);
    assert.ok(text.includes("Searched the web for") && text.includes("https://rome.test"), text);
    assert.ok(!text.includes("SECRET"));
    assert.equal(asObject(answer)?.["tool_calls"], undefined);
  });

  test("calls of built-in tools that the client carries out are told, with their results", () => {
    const input = [
      { role: "user", content: "Hi" },
      {
        type: "local_shell_call",
        id: "l",
        call_id: "c",
        action: { type: "exec", command: ["ls"] },
        status: "completed",
      },
      { type: "local_shell_call_output", id: "c", call_id: "c", output: "a.txt" },
    ];
    const written = write("openai-responses", { input });
    const roles = messagesOf(written).map((message) => asObject(message)?.["role"]);
    assert.ok(!roles.includes("tool"));
    assert.ok(JSON.stringify(messagesOf(written)).includes("a.txt"));
    assert.deepEqual(brokenRules(written.body), []);
  });
});

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
