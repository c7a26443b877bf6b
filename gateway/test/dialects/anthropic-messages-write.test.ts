import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalRequest, Turn } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/anthropic-messages/write-request.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  assistant,
  call,
  calls,
  chat,
  f,
  gemini,
  lossesOf,
  messagesOf,
  models,
  native,
  optionsFor,
  responses,
  result,
  shape,
  tryWrite,
  user,
  withoutMarks,
} from "../support/anthropic-messages-write.ts";
import { brokenRules } from "../support/messages-rules.ts";
import { seededRandom } from "../support/random.ts";
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

describe("messages", () => {
  const rows: readonly (readonly [name: string, messages: Json[], shape: string[], losses: string[]])[] = [
    [
      "results of parallel calls are one user message, in the order of the calls (edge case 41)",
      [user("x"), calls(call("a"), call("b")), result("b"), result("a"), user("go")],
      ["user: text", "assistant: tool_use tool_use", "user: tool_result tool_result", "user: text"],
      ["repaired turns[2].blocks"],
    ],
    [
      "user text between call and result comes behind the result (43)",
      [user("x"), calls(call("a")), user("wait"), result("a")],
      ["user: text", "assistant: tool_use", "user: tool_result text"],
      ["repaired turns[2].blocks"],
    ],
    [
      "an interrupted call gets a result that says so (44)",
      [user("x"), calls(call("a")), user("never mind")],
      ["user: text", "assistant: tool_use", "user: tool_result text"],
      ["repaired turns[1].blocks[0]"],
    ],
    [
      "empty texts are left out (45)",
      [
        user([
          { type: "text", text: "" },
          { type: "text", text: "x" },
        ]),
        assistant(""),
        user("y"),
      ],
      ["user: text", "user: text"],
      ["repaired turns[1]"],
    ],
    [
      "a user who says nothing to an answer asks for more of it",
      [user("x"), assistant("y"), user(""), assistant("z"), user("go")],
      ["user: text", "assistant: text", "user: text", "assistant: text", "user: text"],
      ["repaired turns[2]"],
    ],
    [
      "a picture beside results follows them in the user's turn (50)",
      [
        user("x"),
        calls(call("a")),
        result("a"),
        user([{ type: "image_url", image_url: { url: "https://example.com/a.png" } }]),
      ],
      ["user: text", "assistant: tool_use", "user: tool_result", "user: image"],
      [],
    ],
    [
      "a conversation that begins with the assistant gets a user before it",
      [assistant("Hi, I am a bot."), user("x")],
      ["user: text", "assistant: text", "user: text"],
      ["repaired turns[0]"],
    ],
    [
      "calls at the very end are answered, so that the model can go on",
      [user("x"), calls(call("a"))],
      ["user: text", "assistant: tool_use", "user: tool_result text"],
      ["repaired turns[1].blocks[0]"],
    ],
    [
      "a result that nothing asked for is text",
      [user("x"), assistant("y"), result("zzz", "late")],
      ["user: text", "assistant: text", "user: text"],
      ["repaired turns[2].blocks[0]"],
    ],
  ];
  for (const [name, messages, expected, losses] of rows) {
    test(name, () => {
      const written = chat({ messages, tools: [f] });
      assert.deepEqual(shape(written), expected);
      assert.deepEqual(lossesOf(written), losses);
      assert.deepEqual(brokenRules(written.body), []);
    });
  }

  test("ids become such as Anthropic takes, alike on call and result, and different ones stay different (42)", () => {
    const messages = [
      user("x"),
      calls(call("functions.Bash:0"), call("a.b"), call("a:b")),
      result("functions.Bash:0"),
      result("a.b"),
      result("a:b"),
    ];
    const written = chat({ messages, tools: [f] });
    assert.deepEqual(brokenRules(written.body), []);
    const [, asked] = messagesOf(written);
    assert.equal(new Set((asArray(asked?.["content"]) ?? []).map((block) => asObject(block)?.["id"])).size, 3);
  });

  test("arguments that are no JSON, or no object, keep their text", () => {
    const messages = [user("x"), calls(call("a", "f", '{"x": '), call("b", "f", "[1]")), result("a"), result("b")];
    const written = chat({ messages, tools: [f] });
    const inputs = (asArray(messagesOf(written)[1]?.["content"]) ?? []).map((block) => asObject(block)?.["input"]);
    assert.deepEqual(inputs, [{ _raw: '{"x": ' }, { value: [1] }]);
    assert.deepEqual(lossesOf(written), [
      "repaired turns[1].blocks[0].argumentsText",
      "repaired turns[1].blocks[1].argumentsText",
    ]);
  });

  test("tools of the history that are not declared any more are declared, and not to be called", () => {
    const written = chat({ messages: [user("x"), calls(call("a", "old")), result("a"), user("y")] });
    assert.deepEqual(asArray(written.body["tools"])?.length, 1);
    assert.deepEqual(written.body["tool_choice"], { type: "none" });
  });

  test("a conversation without anything to send is refused, with the client's own word for it", () => {
    const written = tryWrite("openai-chat", { messages: [user("  ")] });
    assert.deepEqual(written.ok ? undefined : [written.error.code, written.error.param], [
      "invalid_parameter",
      "messages",
    ]);
  });

  test("the beginning of an answer: kept without its trailing space, or asked to be continued", () => {
    const messages = [user("x"), assistant("The answer is ")];
    const prefilled = messagesOf(chat({ messages }))[1];
    assert.deepEqual(prefilled?.["content"], [{ type: "text", text: "The answer is" }]);
    assert.deepEqual(shape(chat({ messages }, "claude-sonnet-5")), ["user: text", "assistant: text", "user: text"]);
  });

  test("a picture by the assistant is shown with the next user turn, behind results", () => {
    const written = gemini({
      contents: [
        { role: "user", parts: [{ text: "draw" }] },
        {
          role: "model",
          parts: [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }, { functionCall: { name: "f" } }],
        },
        { role: "user", parts: [{ functionResponse: { name: "f", response: { output: "ok" } } }, { text: "and?" }] },
      ],
      tools: [{ functionDeclarations: [{ name: "f" }] }],
    });
    assert.deepEqual(shape(written), ["user: text", "assistant: tool_use", "user: tool_result image text"]);
    assert.deepEqual(lossesOf(written), ["emulated turns[1].blocks[0]"]);
  });
});

describe("instructions in the middle of a conversation", () => {
  const messages = [
    { role: "system", content: "first" },
    user("x"),
    { role: "system", content: "second" },
    assistant("y"),
    user("z"),
  ];

  test("keep their role where the model has it", () => {
    const written = chat({ messages }, "claude-opus-5-5");
    assert.deepEqual(shape(written), ["user: text", "system: text", "assistant: text", "user: text"]);
    assert.deepEqual(lossesOf(written), []);
  });

  test("are reminders in the user's turn elsewhere, also on clouds that lack the role", () => {
    for (const written of [
      chat({ messages }),
      chat({ messages }, "claude-opus-5-5", { kind: "bedrock", issuer: "aws" }),
    ]) {
      const [first] = messagesOf(written);
      assert.deepEqual(withoutMarks(first?.["content"] ?? null), [
        { type: "text", text: "x" },
        { type: "text", text: "<system-reminder>\nsecond\n</system-reminder>" },
      ]);
      assert.deepEqual(lossesOf(written), ["emulated turns[1]"]);
    }
  });

  test("never part a call from its result, nor stand before another user message", () => {
    const between = [
      user("x"),
      calls(call("a")),
      { role: "system", content: "be quick" },
      result("a"),
      { role: "system", content: "be kind" },
      user("y"),
    ];
    for (const model of models) assert.deepEqual(brokenRules(chat({ messages: between, tools: [f] }, model).body), []);
  });

  test("may be followed by an answer that was empty", () => {
    const empty = [user("x"), { role: "system", content: "be kind" }, assistant(""), user("y")];
    for (const model of models) assert.deepEqual(brokenRules(chat({ messages: empty }, model).body), []);
  });

  test("a change of effort is a directive where the model has it, else holds from the beginning", () => {
    const input: Json = [
      { role: "user", content: "x" },
      { type: "configuration_update", reasoning: { effort: "high" } },
      { role: "user", content: "y" },
    ];
    const direct = responses({ input }, "claude-opus-5-5");
    assert.deepEqual(messagesOf(direct)[1], { role: "system", content: [], output_config: { effort: "high" } });
    assert.equal(direct.headers["anthropic-beta"], "mid-conversation-output-config-2026-07-01");
    const early = responses({ input }, "claude-opus-4-6");
    assert.deepEqual(early.body["output_config"], { effort: "high" });
    assert.deepEqual(lossesOf(early), ["emulated turns[1].effortFromHere"]);
  });
});

describe("what an assistant turn follows never changes when the conversation goes on (49)", () => {
  for (const model of ["claude-opus-5-5", "claude-haiku-4-5"]) {
    test(`generated conversations to ${model}`, () => {
      const random = seededRandom(20_261_120);
      for (let round = 0; round < 150; round += 1) {
        const request = readBody("openai-chat", { model, messages: generated(random), tools: [f] });
        assert.ok(request !== undefined);
        checkPrefixes(request, model);
      }
    });

    test(`recorded conversations to ${model}`, () => {
      for (const dialect of clientDialectIds) {
        for (const { request } of readFixtures(dialect)) checkPrefixes(request, model);
      }
    });
  }
});

function generated(random: ReturnType<typeof seededRandom>): Json[] {
  const messages: Json[] = [user("begin")];
  for (let step = 0; step < 8; step += 1) {
    const ids = Array.from({ length: random.below(3) }, (_, index) =>
      random.pick([`c${step}_${index}`, "call_0", "a.b"]),
    );
    // An instruction that got an empty answer is the one thing that changes its form when the user goes on after it.
    const last = messages.findLastIndex((message) => asObject(message)?.["role"] === "assistant");
    const isInstructed = messages.slice(last + 1).some((message) => asObject(message)?.["role"] === "system");
    const text = isInstructed ? "text" : random.pick(["text", "", " "]);
    messages.push(ids.length === 0 ? assistant(text) : calls(...ids.map((id) => call(id))));
    for (const id of ids) if (random.below(4) > 0) messages.push(result(id, random.pick(["ok", "", "later"])));
    if (random.below(3) === 0) messages.push({ role: "system", content: `rule ${step}` });
    if (ids.length === 0 || random.below(2) === 0) messages.push(user(random.pick(["next", "", "more"])));
  }
  return messages;
}

/** Clients send what there is whenever it is the model's turn, so a conversation is cut before every assistant turn. */
function checkPrefixes(request: CanonicalRequest, model: string): void {
  let before: string[] = [];
  for (const [index, turn] of [...request.turns, undefined].entries()) {
    const isTurnOfModel = turn === undefined || turn.role === "assistant";
    const last = request.turns.slice(0, index).findLast((each: Turn) => each.role !== "system");
    if (!isTurnOfModel || last?.role !== "user") continue;
    const written = writeRequest({ ...request, turns: request.turns.slice(0, index) }, optionsFor(model));
    if (!written.ok) continue;
    if (request.source !== "anthropic-messages") assert.deepEqual(brokenRules(written.value.body), []);
    const messages = messagesOf(written.value).map((message) => JSON.stringify(withoutMarks(message)));
    assert.deepEqual(messages.slice(0, before.length), before);
    before = messages;
  }
}

describe("content", () => {
  const refusals: readonly (readonly [name: string, part: Json, words: RegExp])[] = [
    ["sound", { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }, /no audio/],
    ["a file of OpenAI's", { type: "file", file: { file_id: "file-1" } }, /only the provider that stores it/],
    [
      "an image of a strange type",
      { type: "image_url", image_url: { url: "data:image/tiff;base64,AAAA" } },
      /image\/tiff/,
    ],
    ["a document of a strange type", { type: "file", file: { file_data: "data:application/zip;base64,AAAA" } }, /zip/],
  ];
  for (const [name, part, words] of refusals) {
    test(`${name} is refused`, () => {
      const written = tryWrite("openai-chat", { messages: [user([part])] });
      assert.match(written.ok ? "" : written.error.message, words);
      assert.equal(written.ok ? "" : written.error.param, "messages[0]");
    });
  }

  test("pictures by their bytes, documents as PDF, text or address", () => {
    const written = chat({
      messages: [
        user([
          { type: "image_url", image_url: { url: "data:image/jpeg;base64,iVBORw0KGgoAAAA=" } },
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
          { type: "file", file: { filename: "a.md", file_data: "data:text/markdown;base64,SGk=" } },
        ]),
      ],
    });
    assert.deepEqual(withoutMarks(messagesOf(written)[0]?.["content"] ?? null), [
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgoAAAA=" } },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
        title: "a.pdf",
      },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "Hi" }, title: "a.md" },
    ]);
    assert.deepEqual(lossesOf(written), []);
  });

  test("what another vendor searched for is told as text", () => {
    const written = responses({
      input: [
        { role: "user", content: "x" },
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "cats" } },
        { role: "assistant", content: "Cats." },
        { role: "user", content: "more" },
      ],
    });
    assert.match(JSON.stringify(messagesOf(written)[1]), /Searched the web for \\"cats\\"/);
    assert.deepEqual(lossesOf(written), ["emulated turns[1].blocks[0]"]);
  });

  test("a conversation that another provider keeps is refused", () => {
    const written = tryWrite("openai-responses", { input: "x", previous_response_id: "resp_1" });
    assert.equal(written.ok ? "" : written.error.param, "previous_response_id");
  });

  test("an address of e-mail does not reach the provider", () => {
    const written = chat({ user: "jane@example.com" });
    assert.ok(!JSON.stringify(written.body).includes("jane"));
    assert.deepEqual(lossesOf(written), ["repaired identity.endUser"]);
    assert.deepEqual(chat({ user: "u1", safety_identifier: "s1" }).body["metadata"], { user_id: "s1" });
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
