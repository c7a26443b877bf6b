import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { requestOf } from "../support/openai-responses.ts";

const { client } = openaiResponses;

describe("requests: the conversation", () => {
  test("a text is one user turn", () => {
    assert.deepEqual(read({ input: "Hi" }).turns, [
      { role: "user", blocks: [{ type: "text", text: "Hi" }], boundary: 0 },
    ]);
  });

  test("instructions and leading developer messages lead, later ones keep their place", () => {
    const request = read({
      instructions: "Be brief.",
      input: [
        {
          role: "developer",
          content: [
            { type: "input_text", text: "A" },
            { type: "input_text", text: "B" },
          ],
        },
        { type: "message", role: "system", content: "C" },
        { role: "user", content: "Hi" },
        { type: "message", id: "msg_9", role: "developer", content: "D" },
      ],
    });
    assert.deepEqual(
      request.instructions.map(({ text, authority }) => [text, authority]),
      [
        ["Be brief.", "system"],
        ["A", "developer"],
        ["B", "developer"],
        ["C", "system"],
      ],
    );
    assert.deepEqual(request.instructions[0]?.extras, { "openai-responses": { instructions: true } });
    assert.deepEqual(request.turns.at(-1), {
      role: "system",
      authority: "developer",
      blocks: [{ type: "text", text: "D" }],
      boundary: 3,
      id: "msg_9",
    });
  });

  test("what the model wrote in one go is one turn, and the outputs of its calls another", () => {
    const reasoning = {
      type: "reasoning",
      id: "rs_1",
      summary: [{ type: "summary_text", text: "think" }],
      encrypted_content: "gAAA",
    };
    const { turns } = read({
      input: [
        { role: "user", content: "Hi" },
        reasoning,
        {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "Let me look." }],
        },
        {
          type: "function_call",
          id: "fc_1",
          call_id: "call_1",
          name: "f",
          namespace: "ns",
          arguments: '{ "a": 12345678901234567890 }',
        },
        { type: "custom_tool_call", id: "ctc_1", call_id: "call_2", name: "patch", input: "*** Begin" },
        { type: "function_call_output", call_id: "call_1", output: "42" },
        { type: "custom_tool_call_output", call_id: "call_2", output: [{ type: "input_text", text: "done" }] },
        { role: "user", content: "Thanks" },
      ],
    });
    assert.deepEqual(
      turns.map(({ role, boundary }) => [role, boundary]),
      [
        ["user", 0],
        ["assistant", 1],
        ["user", 5],
        ["user", 7],
      ],
    );
    assert.deepEqual(turns[1]?.blocks, [
      {
        type: "reasoning",
        summary: ["think"],
        opaque: { issuer: { provider: "openai" }, kind: "openai.reasoning", value: JSON.stringify(reasoning) },
        itemId: "rs_1",
      },
      { type: "text", text: "Let me look.", extras: { "openai-responses": { id: "msg_1" } } },
      {
        type: "tool-call",
        id: "call_1",
        name: "f",
        namespace: "ns",
        kind: "function",
        argumentsText: '{ "a": 12345678901234567890 }',
        itemId: "fc_1",
      },
      { type: "tool-call", id: "call_2", name: "patch", kind: "custom", argumentsText: "*** Begin", itemId: "ctc_1" },
    ]);
    assert.deepEqual(turns[2]?.blocks, [
      { type: "tool-result", callId: "call_1", kind: "function", content: [{ type: "text", text: "42" }] },
      { type: "tool-result", callId: "call_2", kind: "custom", content: [{ type: "text", text: "done" }] },
    ]);
  });

  test("two phases are two turns", () => {
    const say = (phase: string, text: string) => ({
      role: "assistant",
      phase,
      content: [{ type: "output_text", text }],
    });
    const { turns } = read({
      input: [
        say("commentary", "a"),
        { type: "function_call", call_id: "c", name: "f", arguments: "" },
        say("final_answer", "b"),
      ],
    });
    assert.deepEqual(
      turns.map(({ phase, blocks }) => [phase, blocks.length]),
      [
        ["commentary", 2],
        ["final_answer", 1],
      ],
    );
  });

  const parts: readonly (readonly [string, JsonObject, Block])[] = [
    [
      "image by data URL",
      { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" },
      { type: "media", kind: "image", source: { by: "base64", data: "AAAA" }, mimeType: "image/png", detail: "low" },
    ],
    [
      "image by URL",
      { type: "input_image", image_url: "https://example.com/a.png" },
      { type: "media", kind: "image", source: { by: "url", url: "https://example.com/a.png" } },
    ],
    [
      "image by id",
      { type: "input_image", file_id: "file_1" },
      { type: "media", kind: "image", source: { by: "file", id: "file_1", issuer: { provider: "openai" } } },
    ],
    [
      "file with a data URL",
      { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" },
      {
        type: "media",
        kind: "document",
        source: { by: "base64", data: "JVBERi0=" },
        mimeType: "application/pdf",
        filename: "a.pdf",
      },
    ],
    [
      "file in bare base64",
      { type: "input_file", file_data: "JVBERi0=" },
      { type: "media", kind: "document", source: { by: "base64", data: "JVBERi0=" }, mimeType: "application/pdf" },
    ],
    [
      "file by URL",
      { type: "input_file", file_url: "https://example.com/a.pdf" },
      { type: "media", kind: "document", source: { by: "url", url: "https://example.com/a.pdf" } },
    ],
    [
      "audio",
      { type: "input_audio", input_audio: { data: "AAAA", format: "mp3" } },
      { type: "media", kind: "audio", source: { by: "base64", data: "AAAA" }, mimeType: "audio/mpeg" },
    ],
    [
      "a cache mark",
      { type: "input_text", text: "x", prompt_cache_breakpoint: { mode: "explicit", ttl: "12h" } },
      { type: "text", text: "x", cache: { ttl: "12h", source: "openai" } },
    ],
    ["a refusal", { type: "refusal", refusal: "no" }, { type: "refusal", text: "no" }],
    [
      "an unknown part",
      { type: "input_smell", id: 1 },
      { type: "opaque", dialect: "openai-responses", nativeType: "input_smell", value: { type: "input_smell", id: 1 } },
    ],
  ];
  for (const [what, part, block] of parts) {
    test(`a message with ${what}`, () => {
      assert.deepEqual(read({ input: [{ role: "user", content: [part] }] }).turns[0]?.blocks, [block]);
    });
  }

  test("built-in calls, server tools and unknown items stay whole", () => {
    const shell = {
      type: "local_shell_call",
      id: "lsh_1",
      call_id: "call_1",
      action: { type: "exec", command: ["ls"] },
      status: "completed",
    };
    const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } };
    const future = { type: "quantum_call", id: "q_1" };
    const reference = { type: "item_reference", id: "msg_1" };
    const { turns } = read({ input: [shell, search, future, reference] });
    assert.deepEqual(
      turns[0]?.blocks.map((block) => [block.type, block.type === "opaque" ? block.nativeType : ""]),
      [
        ["tool-call", ""],
        ["server-tool", ""],
        ["opaque", "quantum_call"],
        ["opaque", "item_reference"],
      ],
    );
    const [call, tool, opaque] = turns[0]?.blocks ?? [];
    assert.deepEqual(call?.extras, { "openai-responses": { item: shell } });
    assert.deepEqual(tool?.type === "server-tool" && tool.native.value, search);
    assert.deepEqual(opaque?.type === "opaque" && opaque.value, future);
  });

  test("outputs: empty, structured, failed, a screenshot", () => {
    const { turns } = read({
      input: [
        { type: "function_call_output", call_id: "a", output: "" },
        { type: "shell_call_output", call_id: "b", output: [{ stdout: "x", stderr: "" }] },
        { type: "apply_patch_call_output", call_id: "c", status: "failed", output: "no such file" },
        {
          type: "computer_call_output",
          call_id: "d",
          output: { type: "computer_screenshot", image_url: "data:image/png;base64,AAAA" },
        },
      ],
    });
    const results = turns[0]?.blocks.flatMap((block) => (block.type === "tool-result" ? [block] : [])) ?? [];
    assert.deepEqual(
      results.map(({ callId, kind, isError, content }) => [callId, kind, isError, content[0]]),
      [
        ["a", "function", undefined, undefined],
        ["b", "builtin", undefined, { type: "text", text: '[{"stdout":"x","stderr":""}]' }],
        ["c", "builtin", true, { type: "text", text: "no such file" }],
        [
          "d",
          "builtin",
          undefined,
          { type: "media", kind: "image", source: { by: "base64", data: "AAAA" }, mimeType: "image/png" },
        ],
      ],
    );
  });

  test("a foreign vendor's opaque value is opened from its envelope", () => {
    const opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature" as const, value: "EqQB" };
    const { turns } = read({
      input: [
        {
          type: "reasoning",
          id: "rs_1",
          summary: [{ type: "summary_text", text: "t" }],
          encrypted_content: sealOpaque(opaque),
        },
      ],
    });
    assert.deepEqual(turns[0]?.blocks, [{ type: "reasoning", summary: ["t"], opaque, itemId: "rs_1" }]);
  });

  test("effort and tools that change on the way", () => {
    const { turns, tools } = read({
      input: [
        { type: "additional_tools", role: "developer", tools: [{ type: "function", name: "early", parameters: {} }] },
        { role: "user", content: "Hi" },
        { type: "configuration_update", reasoning: { effort: "high" } },
        { type: "additional_tools", role: "developer", tools: [{ type: "function", name: "late", parameters: {} }] },
      ],
    });
    assert.deepEqual(
      tools.map(({ name }) => name),
      ["early"],
    );
    assert.equal(turns[1]?.effortFromHere, "high");
    assert.deepEqual(
      turns[2]?.toolsFromHere?.add.map(({ name }) => name),
      ["late"],
    );
  });

  const refused: readonly (readonly [string, Json, string])[] = [
    ["an item that is none", [5], "input[0]"],
    ["an unknown role", [{ role: "tool", content: "x" }], "input[0].role"],
    ["a call without id", [{ type: "function_call", name: "f", arguments: "" }], "input[0].call_id"],
    [
      "an output without id",
      [
        { role: "user", content: "x" },
        { type: "function_call_output", output: "" },
      ],
      "input[1].call_id",
    ],
    [
      "a broken data URL",
      [{ role: "user", content: [{ type: "input_image", image_url: "data:image/png,x" }] }],
      "input[0].content[0].image_url",
    ],
    ["an image of nothing", [{ role: "user", content: [{ type: "input_image" }] }], "input[0].content[0].image_url"],
    ["a part that is none", [{ role: "user", content: [5] }], "input[0].content[0]"],
  ];
  for (const [what, input, param] of refused) {
    test(`${what} is refused by name`, () => {
      const request = client.readRequest(requestOf({ model: "m", input }));
      assert.equal(request.ok ? "" : request.error.param, param);
    });
  }
});

function read(body: JsonObject): CanonicalRequest {
  const request = client.readRequest(requestOf({ model: "m", input: "Hi", ...body }));
  if (!request.ok) throw new Error(request.error.message);
  return request.value;
}
