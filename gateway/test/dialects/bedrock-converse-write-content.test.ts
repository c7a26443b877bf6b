import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asArray, asObject, asString, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  chat,
  CLAUDE,
  contentOf,
  gemini,
  KIMI,
  lossesOf,
  messages,
  NOVA,
  responses,
  shape,
  tryWrite,
} from "../support/converse-write.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUg==";
const PDF = "JVBERi0xLjQK";
const OPUS_5_5 = "global.anthropic.claude-opus-5-5-v1";
const LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0";

const user = (content: Json): Json => ({ role: "user", content });
const assistant = (content: Json): Json => ({ role: "assistant", content });
const call = (id: string, name = "f", args = "{}"): Json => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name, arguments: args } }],
});
const result = (id: string, content: Json = "done"): Json => ({ role: "tool", tool_call_id: id, content });
const f: Json = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const choice = ({ body }: { readonly body: JsonObject }) => asObject(body["toolConfig"])?.["toolChoice"];

describe("messages", () => {
  test("neighbours of one role become one message, an instruction on the way a reminder", () => {
    const written = chat(
      {
        messages: [user("a"), user("b"), assistant("c"), { role: "system", content: "rule" }, user("d")],
      },
      KIMI,
    );
    assert.deepEqual(shape(written), ["user: text text", "assistant: text", "user: text text"]);
    assert.deepEqual(contentOf(written)[3], { text: "<system-reminder>\nrule\n</system-reminder>" });
    assert.deepEqual(lossesOf(written), ["emulated turns[3]"]);
  });

  test("a conversation begins with the user", () => {
    assert.deepEqual(shape(chat({ messages: [assistant("hi"), user("a")] }, KIMI)), [
      "user: text",
      "assistant: text",
      "user: text",
    ]);
  });

  test("an answer's beginning is kept where the model goes on from it, else it is asked to continue", () => {
    const begun = { messages: [user("a"), assistant("The answer is ")] };
    assert.deepEqual(contentOf(chat(begun, CLAUDE)).at(-1), { text: "The answer is" });
    const asked = chat(begun, OPUS_5_5);
    assert.deepEqual(contentOf(asked).at(-1), { text: "Continue." });
    assert.deepEqual(lossesOf(asked), ["emulated turns"]);
  });

  test("results follow their calls, in their order, and a call without one gets one", () => {
    const written = messages({
      tools: [{ name: "f", input_schema: { type: "object" } }],
      messages: [
        user("a"),
        assistant([
          { type: "tool_use", id: "t1", name: "f", input: { n: 1 } },
          { type: "tool_use", id: "t2", name: "f", input: {} },
        ]),
        user([
          { type: "text", text: "see" },
          { type: "tool_result", tool_use_id: "t2", content: "two", is_error: true },
        ]),
      ],
    });
    assert.deepEqual(shape(written), ["user: text", "assistant: toolUse toolUse", "user: toolResult toolResult text"]);
    assert.deepEqual(contentOf(written).slice(1, 5), [
      { toolUse: { toolUseId: "t1", name: "f", input: { n: 1 } } },
      { toolUse: { toolUseId: "t2", name: "f", input: {} } },
      { toolResult: { toolUseId: "t1", content: [{ text: "[no result recorded]" }], status: "error" } },
      { toolResult: { toolUseId: "t2", content: [{ text: "two" }], status: "error" } },
    ]);
  });

  test("a result's status is for models that know one; others read of the error", () => {
    const said = { messages: [user("a"), call("t1"), result("t1", "")], tools: [f] };
    assert.deepEqual(contentOf(chat(said))[2], { toolResult: { toolUseId: "t1", content: [{ text: "(no output)" }] } });
    const failed = {
      messages: [
        user("a"),
        assistant([{ type: "tool_use", id: "t1", name: "f", input: {} }]),
        user([{ type: "tool_result", tool_use_id: "t1", content: "no", is_error: true }]),
      ],
      tools: [{ name: "f", input_schema: { type: "object" } }],
    };
    const content = [{ text: "[tool error]" }, { text: "no" }];
    assert.deepEqual(contentOf(messages(failed, KIMI))[2], { toolResult: { toolUseId: "t1", content } });
  });

  test("a picture in a result stands behind it for models that do not look there", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const body = {
      messages: [
        user("a"),
        assistant([{ type: "tool_use", id: "t1", name: "f", input: {} }]),
        user([{ type: "tool_result", tool_use_id: "t1", content: [image] }]),
      ],
      tools: [{ name: "f", input_schema: { type: "object" } }],
    };
    const picture = { image: { format: "png", source: { bytes: PNG } } };
    assert.deepEqual(contentOf(messages(body))[2], { toolResult: { toolUseId: "t1", content: [picture] } });
    const written = messages(body, LLAMA);
    assert.deepEqual(contentOf(written).slice(2), [
      { toolResult: { toolUseId: "t1", content: [{ text: "(no output)" }] } },
      picture,
    ]);
    assert.deepEqual(lossesOf(written), ["emulated turns[2].blocks[0]"]);
  });

  const ids = [
    ["functions.f:0", KIMI, "functions.f:0"],
    ["functions.f:0", CLAUDE, undefined],
    ["call_1", CLAUDE, "call_1"],
  ] as const;
  for (const [id, model, expected] of ids) {
    test(`the id ${id} for ${model}`, () => {
      const written = chat({ messages: [user("a"), call(id), result(id)], tools: [f] }, model);
      const [, toolUse, toolResult] = contentOf(written);
      const sent = asObject(toolUse?.["toolUse"])?.["toolUseId"];
      assert.equal(asObject(toolResult?.["toolResult"])?.["toolUseId"], sent);
      if (expected === undefined) assert.match(asString(sent) ?? "", /^tooluse_[a-z0-9]+$/);
      else assert.equal(sent, expected);
    });
  }

  test("big numbers in arguments keep their digits", () => {
    const written = chat({
      messages: [user("a"), call("t1", "f", '{"id":12345678901234567890}'), result("t1")],
      tools: [f],
    });
    assert.match(JSON.stringify(written.body), /"id":12345678901234567890/);
  });
});

describe("thoughts", () => {
  const thought = { type: "thinking", thinking: "hm", signature: "c2ln" };
  const redacted = { type: "redacted_thinking", data: "ZGF0YQ==" };
  const body = { messages: [user("a"), assistant([thought, redacted, { type: "text", text: "b" }]), user("c")] };

  test("go back to a Claude model with their signature", () => {
    const written = messages(body);
    assert.deepEqual(contentOf(written).slice(1, 3), [
      { reasoningContent: { reasoningText: { text: "hm", signature: "c2ln" } } },
      { reasoningContent: { redactedContent: "ZGF0YQ==" } },
    ]);
    assert.deepEqual(lossesOf(written), []);
  });

  test("go to no other model", () => {
    const written = messages(body, NOVA);
    assert.deepEqual(shape(written), ["user: text", "assistant: text", "user: text"]);
    assert.deepEqual(lossesOf(written), [
      "opaque-not-portable turns[1].blocks[0]",
      "opaque-not-portable turns[1].blocks[1]",
    ]);
  });
});

describe("media", () => {
  const url = (text: string): Json => ({ type: "image_url", image_url: { url: text } });
  const pdf = (filename: string): Json => ({
    type: "file",
    file: { filename, file_data: `data:application/pdf;base64,${PDF}` },
  });

  test("an image by its bytes, whatever type was declared", () => {
    const written = chat({ messages: [user([url(`data:image/jpeg;base64,${PNG}`)])] }, KIMI);
    assert.deepEqual(contentOf(written), [{ image: { format: "png", source: { bytes: PNG } } }]);
  });

  test("documents have names of their own, of characters that are taken, and a text beside them", () => {
    const written = chat(
      { messages: [user([pdf("Q3_report (v2).pdf"), pdf("Q3_report (v2).pdf"), pdf("日本.pdf")])] },
      KIMI,
    );
    assert.deepEqual(
      contentOf(written).map((block) => asObject(block["document"])?.["name"] ?? block["text"]),
      ["Q3 report (v2) pdf", "Q3 report (v2) pdf 2", "pdf", "See the document."],
    );
    assert.deepEqual(contentOf(written)[0], {
      document: { format: "pdf", source: { bytes: PDF }, name: "Q3 report (v2) pdf" },
    });
  });

  const text = {
    type: "document",
    source: { type: "text", media_type: "text/plain", data: "words" },
    title: "T",
    citations: { enabled: true },
  };
  test("a text is a document with citations for Claude, and text for others", () => {
    const body = { messages: [user([text, { type: "text", text: "?" }])] };
    assert.deepEqual(contentOf(messages(body))[0], {
      document: { format: "txt", source: { text: "words" }, name: "T", citations: { enabled: true } },
    });
    const written = messages(body, NOVA);
    assert.deepEqual(contentOf(written)[0], { text: "Document: T\n\nwords" });
    assert.deepEqual(lossesOf(written), ["emulated turns[0].blocks[0]"]);
  });

  test("a search result is one for Claude, and text for others", () => {
    const found = {
      type: "search_result",
      source: "https://x",
      title: "X",
      content: [{ type: "text", text: "y" }],
      citations: { enabled: true },
    };
    const body = { messages: [user([found])] };
    assert.deepEqual(contentOf(messages(body))[0], {
      searchResult: { source: "https://x", title: "X", content: [{ text: "y" }], citations: { enabled: true } },
    });
    assert.match(asString(contentOf(messages(body, KIMI))[0]?.["text"]) ?? "", /^Search result: X/);
  });

  const refused: readonly (readonly [string, Json, string, RegExp])[] = [
    ["an image on the web", url("https://example.com/a.png"), CLAUDE, /does not fetch media from the web/],
    [
      "an image of a type that nobody takes",
      url("data:image/tiff;base64,SUkqAA=="),
      CLAUDE,
      /takes image as png, jpeg, gif, webp/,
    ],
    ["a file by its id", { type: "file", file: { file_id: "file-1" } }, CLAUDE, /by an id/],
    [
      "sound",
      { type: "input_audio", input_audio: { format: "wav", data: "UklGRgAAAABXQVZF" } },
      CLAUDE,
      /takes no audio/,
    ],
  ];
  for (const [name, part, model, words] of refused) {
    test(`${name} is refused`, () => {
      const written = tryWrite("openai-chat", { messages: [user([part])] }, model);
      assert.ok(!written.ok);
      assert.match(written.error.message, words);
      assert.equal(written.error.param, "messages[0]");
    });
  }

  test("what is in S3 is fetched by the model, film and sound are for Nova 2", () => {
    const file = (fileUri: string, mimeType: string) => ({
      contents: [{ role: "user", parts: [{ fileData: { fileUri, mimeType } }, { text: "?" }] }],
    });
    assert.deepEqual(contentOf(gemini(file("s3://bucket/a.mp4", "video/mp4"), NOVA))[0], {
      video: { format: "mp4", source: { s3Location: { uri: "s3://bucket/a.mp4" } } },
    });
    const sound = { type: "input_audio", input_audio: { format: "wav", data: "UklGRgAAAABXQVZF" } };
    assert.deepEqual(contentOf(chat({ messages: [user([sound])] }, NOVA))[0], {
      audio: { format: "wav", source: { bytes: "UklGRgAAAABXQVZF" } },
    });
  });
});

describe("tools", () => {
  test("a declaration, its cache mark, and strictness where the model has it", () => {
    const strict = {
      type: "function",
      function: {
        name: "f",
        description: "d",
        strict: true,
        parameters: { type: "object", properties: {}, additionalProperties: false },
      },
    };
    const spec = {
      name: "f",
      description: "d",
      inputSchema: { json: { type: "object", properties: {}, additionalProperties: false } },
      strict: true,
    };
    assert.deepEqual(asArray(asObject(chat({ tools: [strict] }).body["toolConfig"])?.["tools"])?.[0], {
      toolSpec: spec,
    });
    const loose = chat({ tools: [strict] }, KIMI);
    assert.doesNotMatch(JSON.stringify(loose.body["toolConfig"]), /strict/);
    assert.deepEqual(lossesOf(loose), ["unsupported tools[0].strict"]);
    const marked = messages({
      tools: [{ name: "f", input_schema: { type: "object" }, cache_control: { type: "ephemeral", ttl: "1h" } }],
    });
    assert.deepEqual(asArray(asObject(marked.body["toolConfig"])?.["tools"])?.[1], {
      cachePoint: { type: "default", ttl: "1h" },
    });
  });

  const choices: readonly (readonly [Json, string, Json | undefined, readonly string[]])[] = [
    ["auto", CLAUDE, { auto: {} }, []],
    ["required", CLAUDE, { any: {} }, []],
    ["required", LLAMA, { auto: {} }, ["clamped toolChoice"]],
    [{ type: "function", function: { name: "f" } }, CLAUDE, { tool: { name: "f" } }, []],
    [{ type: "function", function: { name: "f" } }, NOVA, { tool: { name: "f" } }, []],
    [{ type: "function", function: { name: "f" } }, KIMI, { any: {} }, ["clamped toolChoice"]],
    [{ type: "function", function: { name: "f" } }, OPUS_5_5, { auto: {} }, ["clamped toolChoice"]],
    [{ type: "function", function: { name: "g" } }, CLAUDE, undefined, ["unsupported toolChoice"]],
  ];
  for (const [asked, model, expected, losses] of choices) {
    test(`tool_choice ${JSON.stringify(asked)} for ${model}`, () => {
      const written = chat({ tools: [f], tool_choice: asked }, model);
      assert.deepEqual(choice(written), expected);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("tools that must not be called are left out, unless the history calls them", () => {
    assert.equal(chat({ tools: [f], tool_choice: "none" }).body["toolConfig"], undefined);
    const written = chat({ messages: [user("a"), call("t1"), result("t1")], tools: [f], tool_choice: "none" });
    assert.deepEqual(choice(written), { auto: {} });
    assert.deepEqual(lossesOf(written), ["clamped toolChoice"]);
  });

  test("tools that only the history knows are declared", () => {
    const written = chat({ messages: [user("a"), call("t1", "g"), result("t1")] }, KIMI);
    const [declared] = asArray(asObject(written.body["toolConfig"])?.["tools"]) ?? [];
    assert.deepEqual(declared, { toolSpec: { name: "g", inputSchema: { json: { type: "object" } } } });
    assert.deepEqual(lossesOf(written), ["clamped toolChoice"]);
  });

  test("Nova searches and runs code by itself; other vendors' tools have no counterpart", () => {
    const written = responses({ tools: [{ type: "web_search" }] }, NOVA);
    assert.deepEqual(asObject(written.body["toolConfig"])?.["tools"], [{ systemTool: { name: "nova_grounding" } }]);
    assert.deepEqual(lossesOf(responses({ tools: [{ type: "web_search" }] })), ["unsupported tools[0]"]);
  });

  test("names that are not taken are changed, and the answer changed back", () => {
    const written = chat({ tools: [{ type: "function", function: { name: "a.b", parameters: { type: "object" } } }] });
    assert.deepEqual(written.restore?.tools?.get("a_b"), { name: "a.b", kind: "function" });
  });
});
