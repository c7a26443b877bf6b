import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fourProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { sseAnswer, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/*
 * Errors in the middle of streams that pass untouched, in all formats and framings: what the client gets is always something
 * that its own reader understands, or a cut connection.
 */

const playing =
  (...scripts: (readonly Step[])[]): Script =>
  (_call, index) =>
    scripts[Math.min(index, scripts.length - 1)] ?? [];
const sse: Step = { headers: { "content-type": "text/event-stream" } };
const array: Step = { headers: { "content-type": "application/json; charset=UTF-8" } };

/** The first pieces are committed before the others come. */
const committedThen = (head: Step, first: string, ...rest: Step[]): Step[] => [
  head,
  { data: first },
  { waitMs: 10 },
  ...rest,
];

const cli = { "user-agent": "GeminiCLI-tui/0.61.0/gemini-2.5-flash (linux; x64)" };
const geminiBody = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
const geminiSse = { target: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body: geminiBody };
const geminiArray = { target: "/v1beta/models/gemini-2.5-flash:streamGenerateContent", body: geminiBody };

const part = (text: string, more: object = {}) => ({
  candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0, ...more }],
});
const overloaded = { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } };
const event = (value: object) => `data: ${JSON.stringify(value)}\r\n\r\n`;

describe("an error frame of the provider, for Gemini CLI", () => {
  const scripts: readonly (readonly [string, MemoryRequest, Step, string, string])[] = [
    ["as events", geminiSse, sse, event(part("Hel")), event(overloaded)],
    ["as an array", geminiArray, array, `[${JSON.stringify(part("Hel"))}`, `,\r\n${JSON.stringify(overloaded)}]`],
  ];
  for (const [name, request, head, first, error] of scripts) {
    test(`${name}: it is not passed on, and the connection is cut`, async () => {
      const { ask, records } = stage({
        yaml: fourProviders,
        script: playing(committedThen(head, first, { data: error }, { end: true })),
      });
      const { reply } = await ask({ ...request, headers: cli });
      assert.ok(reply.destroyed);
      assert.equal(reply.text, first);
      assert.equal(records[0]?.end, "upstream-failed");
      assert.equal(records[0]?.failure?.class, "overloaded");
    });
  }

  test("after a finish it cuts the connection as well, and what came before it in the same read has been sent", async () => {
    const rest = event(part("lo", { finishReason: "STOP" }));
    const script = playing(committedThen(sse, event(part("Hel")), { data: rest + event(overloaded) }, { end: true }));
    const { ask, records } = stage({ yaml: fourProviders, script });
    const { reply } = await ask({ ...geminiSse, headers: cli });
    assert.ok(reply.destroyed);
    assert.equal(reply.text, event(part("Hel")) + rest);
    assert.equal(records[0]?.end, "upstream-failed");
  });
});

describe("a streamed array stays valid JSON", () => {
  const first = `[${JSON.stringify(part("Hel"))}`;
  const error = `,\r\n${JSON.stringify(overloaded)}`;
  const endings: readonly (readonly [string, readonly Step[], readonly unknown[]])[] = [
    ["the provider's error and its bracket", [{ data: `${error}]` }, { end: true }], [overloaded]],
    [
      "the provider's error and its bracket later",
      [{ data: error }, { waitMs: 20 }, { data: "\n]\n" }, { end: true }],
      [overloaded],
    ],
    ["the provider's error and no bracket", [{ data: error }, { end: true }], [overloaded]],
    ["the provider's error and a broken connection", [{ data: error }, { error: { kind: "reset" } }], [overloaded]],
    ["the provider's error and silence", [{ data: error }, { stall: true }], [overloaded]],
    ["the provider's error and half an element", [{ data: `${error},\r\n{"candi` }, { end: true }], [overloaded]],
  ];
  for (const [name, rest, more] of endings) {
    test(`after ${name}`, async () => {
      const { ask, records } = stage({ yaml: fourProviders, script: playing(committedThen(array, first, ...rest)) });
      const { reply } = await ask(geminiArray);
      assert.ok(reply.ended);
      assert.deepEqual(reply.json(), [part("Hel"), ...more]);
      assert.equal(records[0]?.end, "upstream-failed");
      assert.equal(records[0]?.failure?.class, "overloaded");
    });
  }

  for (const [name, rest] of [
    ["a clean end", [{ end: true }]],
    ["a broken connection", [{ error: { kind: "reset" } }]],
    ["half an element", [{ data: ',\r\n{"candi' }, { end: true }]],
  ] as const satisfies readonly (readonly [string, readonly Step[]])[]) {
    test(`after ${name} without a finish, with our own error`, async () => {
      const { ask, records } = stage({ yaml: fourProviders, script: playing(committedThen(array, first, ...rest)) });
      const { reply } = await ask(geminiArray);
      const [said, told, ...nothing] = reply.json() as [unknown, { error: { code: number } }];
      assert.deepEqual(said, part("Hel"));
      assert.equal(told.error.code, 502);
      assert.deepEqual(nothing, []);
      assert.equal(records[0]?.end, "truncated");
    });
  }

  test("after a finish, when the provider never closes it", async () => {
    const finish = `,\r\n${JSON.stringify(part("lo", { finishReason: "STOP" }))}`;
    const { ask, records } = stage({
      yaml: fourProviders,
      script: playing(committedThen(array, first, { data: finish }, { stall: true })),
    });
    const { reply } = await ask(geminiArray);
    assert.deepEqual(reply.json(), [part("Hel"), part("lo", { finishReason: "STOP" })]);
    assert.equal(records[0]?.end, "complete");
  });

  test("an array that was closed before its finish is cut off: nothing can follow the bracket", async () => {
    const { ask, records } = stage({
      yaml: fourProviders,
      script: playing(committedThen(array, first, { data: "]" }, { end: true })),
    });
    const { reply } = await ask(geminiArray);
    assert.ok(reply.destroyed);
    assert.equal(reply.text, `${first}]`);
    assert.equal(records[0]?.end, "truncated");
  });

  test("one object in place of an array is cut off: nothing can be added to it", async () => {
    const { ask, records } = stage({
      yaml: fourProviders,
      script: playing(committedThen(array, JSON.stringify(part("Hel")), { end: true })),
    });
    const { reply } = await ask(geminiArray);
    assert.ok(reply.destroyed);
    assert.equal(records[0]?.end, "truncated");
  });

  test("with signs of life at every position", async () => {
    const [first, second, last] = [part("Hel"), part("lo"), part("!", { finishReason: "STOP" })].map((each) =>
      JSON.stringify(each),
    );
    const steps: readonly Step[] = [
      array,
      { data: " [" },
      { waitMs: 21_000 },
      { data: `${first}` },
      { waitMs: 31_000 },
      { data: `\r\n,${second?.slice(0, 20)}` },
      { waitMs: 31_000 },
      { data: `${second?.slice(20)},` },
      { waitMs: 31_000 },
      { data: `${last}` },
      { waitMs: 9_000 },
      { data: "\n]" },
      { waitMs: 9_000 },
      { data: "\n" },
      { end: true },
    ];
    const { ask } = stage({ yaml: fourProviders, script: playing(steps) });
    const { reply } = await ask(geminiArray, 200_000);
    assert.deepEqual(reply.json(), [part("Hel"), part("lo"), part("!", { finishReason: "STOP" })]);
    const added = reply.text.length - ` [${first}\r\n,${second},${last}\n]\n`.length;
    assert.equal(added, 7, "one before the first element, two after the first, four after the second");
  });
});

/* Chat, where most providers and most oddities are. */

const chunk = (choices: readonly object[], more: object = {}) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices, ...more })}\n\n`;
const delta = (content: string, more: object = {}) =>
  chunk([{ index: 0, delta: { content }, finish_reason: null }], more);
const finish = chunk([{ index: 0, delta: {}, finish_reason: "stop" }]);
const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const done = "data: [DONE]\n\n";
const chatBody = { model: "gpt-4o", stream: true, messages: [{ role: "user", content: "hi" }] };

describe("the usage frame that only the gateway asked for", () => {
  const stays: readonly (readonly [string, string])[] = [
    ["text that spells an empty list of choices", delta('"choices": []', { usage })],
    [
      "content that is an object with an empty list of choices",
      chunk([{ index: 0, delta: { content: { choices: [] } }, finish_reason: null }], { usage }),
    ],
    ["a member of usage that is called so", delta("x", { usage: { ...usage, details: { choices: [] } } })],
    ["an empty list of choices without usage", chunk([], { prompt_filter_results: [] })],
  ];
  for (const [name, odd] of stays) {
    test(`is not mistaken for one with ${name}`, async () => {
      const all = [delta("Hi"), odd, finish, chunk([], { usage }), done];
      const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer(all)) });
      const { reply } = await ask({ body: chatBody });
      assert.equal(reply.text, [delta("Hi"), odd, finish, done].join(""));
      assert.equal(records[0]?.usage?.inputTotal, 7);
    });
  }

  test("is withheld however it is spaced", async () => {
    const spaced = `data: { "choices" : [ ] , "usage": ${JSON.stringify(usage)} }\n\n`;
    const { ask } = stage({ yaml: fourProviders, script: playing(sseAnswer([delta("Hi"), finish, spaced, done])) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, [delta("Hi"), finish, done].join(""));
  });

  test("passes when it brings an error: the client has to be told", async () => {
    const failed = chunk([], { usage, error: { message: "The server is overloaded", code: 503 } });
    const { ask, records } = stage({
      yaml: fourProviders,
      script: playing(committedThen(sse, delta("Hi"), { data: failed }, { end: true })),
    });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, delta("Hi") + failed);
    assert.equal(records[0]?.end, "upstream-failed");
    assert.equal(records[0]?.usage?.inputTotal, 7);
  });
});

describe("an error frame before anything was sent has a status of its own", () => {
  const error = `data: {"error":{"message":"overloaded","type":"server_error","code":"server_overloaded"}}\n\n`;
  const scripts: readonly (readonly [string, readonly Step[]])[] = [
    ["when nothing comes after it", [{ data: error }, { stall: true }]],
    ["when it stands in one read with content", [{ data: delta("Hi") + error }, { stall: true }]],
    ["when it stands in one read with a finish", [{ data: delta("Hi") + finish + error + done }, { end: true }]],
  ];
  for (const [name, steps] of scripts) {
    test(name, async () => {
      const { ask, clock, records } = stage({
        yaml: `${fourProviders}retry: { max_retries: 0 }\n`,
        script: playing([sse, ...steps]),
      });
      const { reply } = await ask({ body: chatBody });
      assert.equal(reply.status, 503);
      assert.equal(records[0]?.failure?.code, "provider_overloaded");
      assert.ok(clock.now() < 1_000, "at once");
    });
  }
});

describe("an error of the provider's stays the reason", () => {
  const error = `data: {"error":{"message":"overloaded","type":"server_error","code":"server_overloaded"}}\n\n`;
  const endings: readonly (readonly [string, readonly Step[]])[] = [
    ["the connection breaks", [{ error: { kind: "reset" } }]],
    ["nothing more comes", [{ stall: true }]],
    ["[DONE] follows", [{ data: done }, { end: true }]],
  ];
  for (const [name, rest] of endings) {
    test(`when ${name} after it`, async () => {
      const { ask, records } = stage({
        yaml: fourProviders,
        script: playing(committedThen(sse, delta("Hi"), { data: error }, { waitMs: 10 }, ...rest)),
      });
      const { reply } = await ask({ body: chatBody });
      assert.ok(reply.ended);
      assert.equal(reply.text.replace(done, ""), delta("Hi") + error);
      assert.equal(records[0]?.end, "upstream-failed");
      assert.equal(records[0]?.failure?.code, "provider_overloaded");
    });
  }

  test("when the client leaves because of it", async () => {
    const { say, clock, records } = stage({
      yaml: fourProviders,
      script: playing(committedThen(sse, delta("Hi"), { data: error }, { stall: true })),
    });
    const { reply } = say({ body: chatBody });
    await clock.advance(50);
    assert.ok(reply.text.endsWith(error));
    reply.leave();
    await clock.advance(0);
    assert.equal(records[0]?.end, "upstream-failed");
    assert.equal(records[0]?.failure?.code, "provider_overloaded");
  });
});

describe("our own error after a frame whose blank line never came is an event of its own", () => {
  for (const ending of ["", "\n", "\r", "\r\n"]) {
    test(`the frame ends with ${JSON.stringify(ending)}`, async () => {
      const last = delta("lo").trimEnd() + ending;
      const { ask, records } = stage({
        yaml: fourProviders,
        script: playing(committedThen(sse, delta("Hel"), { data: last }, { end: true })),
      });
      const { reply } = await ask({ body: chatBody });
      assert.ok(reply.text.startsWith(delta("Hel") + last));
      const told = reply.text.slice((delta("Hel") + last).length);
      assert.match(told, ending === "" ? /^\n\ndata: \{"error"/ : /^\n{1,2}data: \{"error"/);
      assert.equal(records[0]?.end, "truncated");
    });
  }
});
