import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WriteOptions } from "../../src/dialects/dialect.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/chat-rules.ts";
import {
  call,
  chatCall,
  gpt4,
  gpt5,
  messagesOf,
  picture,
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
