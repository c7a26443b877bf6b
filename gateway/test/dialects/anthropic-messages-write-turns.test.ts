import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest, Turn } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/anthropic-messages/write-request.ts";
import { asArray, asObject, type Json } from "../../src/lib/json.ts";
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
import { clientDialectIds } from "../support/streams.ts";

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
