import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  call,
  calls,
  chat,
  f,
  lossesOf,
  messagesOf,
  responses,
  result,
  tryWrite,
  user,
} from "../support/anthropic-messages-write.ts";

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
