import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/lib/json.ts";
import {
  at,
  chatCallDelta,
  chatChunk,
  DONE,
  frameOf,
  geminiChunk,
  messagesStream,
  modelOf,
  pairsYaml,
  playPair,
  textBlock,
  toolBlock,
  type Pair,
  type Played,
} from "../support/pairs.ts";
import { stage } from "../support/play.ts";
import { clientDialectIds } from "../support/streams.ts";

/* Bugs that other gateways had, as rows that this one must pass: streams, tool calls, and how they end. */

const sse = { headers: { "content-type": "text/event-stream" } } as const;
const callsOf = ({ folded }: Played) =>
  (folded.candidates[0]?.blocks ?? []).flatMap((block) =>
    block.type === "tool-call" ? [[block.name, block.argumentsText]] : [],
  );
const textOf = ({ folded }: Played): string =>
  (folded.candidates[0]?.blocks ?? []).map((block) => (block.type === "text" ? block.text : "")).join("");
const chatText = (values: readonly (JsonObject | string)[]): string =>
  values.map((value) => (typeof value === "string" ? value : frameOf("openai-chat", value))).join("");
/** A provider that says something, and later something else. */
const later = (first: string, ...rest: NonNullable<Pair["steps"]>): NonNullable<Pair["steps"]> => [
  sse,
  { data: first },
  { waitMs: 20 },
  ...rest,
];

test("lesson 1: the chunk that begins a call is not lost with what it carries", async () => {
  for (const from of ["anthropic-messages", "openai-responses"] as const) {
    const functionCall = { name: "f", args: { a: 1 } };
    const gemini = await playPair({
      from,
      to: "gemini",
      stream: [geminiChunk([{ text: "Let me see." }]), geminiChunk([{ functionCall }], { finishReason: "STOP" })],
    });
    assert.deepEqual(callsOf(gemini), [["f", '{"a":1}']], from);
    assert.equal(textOf(gemini), "Let me see.", from);
  }
});

test("lesson 2: an empty list of tool calls is none, and so is every empty value of an optional field", async () => {
  for (const empty of [null, "", [], {}]) {
    for (const field of [
      "tool_calls",
      "reasoning_content",
      "refusal",
      "role",
      "function_call",
      "annotations",
      "audio",
    ]) {
      const stream = [chatChunk({ content: "Hello", [field]: empty }), chatChunk({ [field]: empty }, "stop"), DONE];
      const played = await playPair({ from: "anthropic-messages", to: "openai-chat", stream });
      const starts = played.frames.filter(({ type }) => type === "content_block_start");
      assert.deepEqual(
        starts.map((start) => at(start, "content_block", "type")),
        ["text"],
        `${field}: ${JSON.stringify(empty)}`,
      );
      assert.equal(textOf(played), "Hello");
    }
  }
});

test("lesson 3: pieces of arguments belong to their index, with an id or without, empty or not", async () => {
  const later = (text: string) => ({
    tool_calls: [{ index: 0, id: null, type: null, function: { name: null, arguments: text } }],
  });
  const stream = [
    chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: "" })),
    ...["", '{"a"', "", ":1}"].map((text) => chatChunk(later(text))),
    chatChunk({}, "tool_calls"),
    DONE,
  ];
  for (const from of ["openai-responses", "anthropic-messages", "gemini"] as const) {
    assert.deepEqual(callsOf(await playPair({ from, to: "openai-chat", stream })), [["f", '{"a":1}']], from);
  }
});

const interleaved = [
  chatChunk({ content: "Both." }),
  chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: '{"a"' })),
  chatChunk(chatCallDelta(1, { id: "call_2", name: "g", arguments: '{"b"' })),
  chatChunk(chatCallDelta(0, { arguments: ":1}" })),
  chatChunk(chatCallDelta(1, { arguments: ":2}" })),
  chatChunk({}, "tool_calls"),
  DONE,
];

test("lesson 4: interleaved calls come out unmixed in every format", async () => {
  for (const from of ["openai-responses", "anthropic-messages", "gemini"] as const) {
    const played = await playPair({ from, to: "openai-chat", stream: interleaved });
    assert.deepEqual(
      callsOf(played),
      [
        ["f", '{"a":1}'],
        ["g", '{"b":2}'],
      ],
      from,
    );
  }
});

test("lesson 5: index 0 is an index, and Chat's first delta has the role", async () => {
  const played = await playPair({
    from: "openai-chat",
    to: "anthropic-messages",
    stream: messagesStream([toolBlock("toolu_1", "f", '{"a":1}')], "tool_use"),
  });
  assert.equal(at(played.frames[0], "choices", 0, "delta", "role"), "assistant");
  assert.deepEqual(callsOf(played), [["f", '{"a":1}']]);
  const deltas = played.frames
    .map((frame) => at(frame, "choices", 0, "delta", "tool_calls", 0))
    .filter((each) => each !== undefined);
  assert.ok(deltas.length > 0 && deltas.every((delta) => at(delta, "index") === 0));
});

test("lesson 6: Anthropic's own SDK puts the stream of another provider together", async () => {
  const { reply } = await playPair({ from: "anthropic-messages", to: "openai-chat", stream: interleaved });
  const client = new Anthropic({
    apiKey: "x",
    fetch: () =>
      Promise.resolve(new Response(new Uint8Array(reply.body), { headers: { "content-type": "text/event-stream" } })),
  });
  const messages = [{ role: "user" as const, content: "hi" }];
  const message = await client.messages.stream({ model: "m", max_tokens: 9, messages }).finalMessage();
  assert.equal(message.stop_reason, "tool_use");
  assert.deepEqual(
    message.content.map((block) => (block.type === "tool_use" ? [block.name, block.input] : block.type)),
    ["text", ["f", { a: 1 }], ["g", { b: 2 }]],
  );
});

test("lesson 7: blocks are numbered upwards, each begins and ends once, and none begins within another", async () => {
  const stream = [
    chatChunk({ reasoning_content: "Hm." }),
    chatChunk({ content: "One." }),
    chatChunk({ reasoning_content: "And." }),
    chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: "{}" })),
    chatChunk({ content: "Two." }),
    chatChunk(chatCallDelta(1, { id: "call_2", name: "g", arguments: "{}" })),
    chatChunk({}, "tool_calls"),
    DONE,
  ];
  const { frames } = await playPair({ from: "anthropic-messages", to: "openai-chat", stream });
  let [next, open]: [number, number | undefined] = [0, undefined];
  for (const { type, index } of frames) {
    if (type === "content_block_start") {
      assert.equal(open, undefined);
      assert.equal(index, next);
      open = next;
      next += 1;
    } else if (type === "content_block_delta") assert.equal(index, open);
    else if (type === "content_block_stop") {
      assert.equal(index, open);
      open = undefined;
    }
  }
  assert.equal(open, undefined);
  assert.ok(next >= 4);
});

test("lesson 8: a client's codings are not asked of the provider, and none is claimed for the answer", async () => {
  for (const to of ["openai-chat", "anthropic-messages"] as const) {
    const played = await playPair({
      from: "anthropic-messages",
      to,
      headers: { "accept-encoding": "gzip, br" },
      stream: to === "openai-chat" ? [chatChunk({ content: "a" }, "stop"), DONE] : messagesStream([textBlock("a")]),
    });
    assert.doesNotMatch(played.sentHeaders["accept-encoding"] ?? "identity", /gzip|br/);
    assert.equal(played.reply.headers["content-encoding"], undefined);
  }
});

test("lesson 9: a stream in pieces of one byte is the same stream, usage included", async () => {
  const bytes = Buffer.from(chatText(interleaved));
  const whole = await playPair({
    from: "anthropic-messages",
    to: "openai-chat",
    steps: [sse, { data: bytes }, { end: true }],
  });
  const pieces = Array.from(bytes, (byte) => ({ data: Buffer.from([byte]) }));
  const cut = await playPair({ from: "anthropic-messages", to: "openai-chat", steps: [sse, ...pieces, { end: true }] });
  assert.equal(cut.reply.text, whole.reply.text);
  assert.deepEqual(cut.record.usage, whole.record.usage);
});

test("lesson 10: every pair of formats is answered, streamed and whole", async () => {
  const streams: Record<(typeof clientDialectIds)[number], Pair["stream"]> = {
    "openai-chat": [chatChunk({ content: "Hello" }, "stop"), DONE],
    "anthropic-messages": messagesStream([textBlock("Hello")]),
    gemini: [geminiChunk([{ text: "Hello" }], { finishReason: "STOP" })],
    "openai-responses": [
      {
        type: "response.completed",
        response: {
          id: "resp_1",
          status: "completed",
          output: [{ type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "Hello" }] }],
        },
      },
    ],
  };
  for (const from of clientDialectIds) {
    for (const to of clientDialectIds) {
      const played = await playPair({ from, to, stream: streams[to] ?? [] });
      assert.equal(played.reply.status, 200, `${from} to ${to}`);
      assert.equal(textOf(played), "Hello", `${from} to ${to}`);
    }
  }
});

test("lesson 11: a stream that dies has no clean end in any format", async () => {
  for (const from of clientDialectIds) {
    for (const last of [{ end: true }, { error: { kind: "reset" } }] as const) {
      const steps = later(chatText([chatChunk({ role: "assistant", content: "Hel" })]), last);
      const { reply, record } = await playPair({ from, to: "openai-chat", steps });
      assert.doesNotMatch(reply.text, /\[DONE\]|message_stop|response\.completed|"finishReason"/, from);
      assert.match(reply.text, /error/, from);
      assert.notEqual(record.end, "complete");
    }
  }
});

test("lesson 26: later counters replace earlier ones, also those that only the last event has", async () => {
  const stream = messagesStream([textBlock("a")], "end_turn", {
    input_tokens: 12,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 7,
    output_tokens: 9,
  });
  const { record } = await playPair({ from: "openai-chat", to: "anthropic-messages", stream });
  assert.equal(record.usage?.inputTotal, 119);
  assert.equal(record.usage?.cacheRead, 100);
  assert.equal(record.usage?.outputTotal, 9);
});

test("lesson 29: what has been said is not said again: after the first content nothing is tried a second time", async () => {
  const yaml = pairsYaml.replace("max_retries: 0", "max_retries: 3");
  const steps = later(chatText([chatChunk({ content: "Hel" })]), { error: { kind: "reset" } });
  const { ask, upstream } = stage({ yaml, script: () => steps });
  const messages = [{ role: "user", content: "hi" }];
  const body = { model: modelOf["openai-chat"], max_tokens: 9, stream: true, messages };
  const { reply } = await ask({ target: "/v1/messages", body });
  assert.equal(upstream.calls.length, 1);
  assert.equal(reply.text.match(/Hel/g)?.length, 1);
});

test("lesson 30: an error before any content is an error's status, and is tried again where that may help", async () => {
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  const [start, ...rest] = messagesStream([textBlock("Hello")]);
  const failing = [
    sse,
    { data: frameOf("anthropic-messages", start ?? {}) + frameOf("anthropic-messages", error) },
    { end: true },
  ] as const;
  const plain = await playPair({ from: "openai-chat", to: "anthropic-messages", steps: failing });
  assert.ok(plain.reply.status >= 500, String(plain.reply.status));
  const good = [
    sse,
    { data: [start ?? {}, ...rest].map((each) => frameOf("anthropic-messages", each)).join("") },
    { end: true },
  ] as const;
  const { ask, upstream } = stage({
    yaml: pairsYaml.replace("max_retries: 0", "max_retries: 3"),
    script: (_call, index) => (index === 0 ? failing : good),
  });
  const messages = [{ role: "user", content: "hi" }];
  const { reply } = await ask({ body: { model: modelOf["anthropic-messages"], stream: true, messages } });
  assert.equal(reply.status, 200);
  assert.match(reply.text, /Hello/);
  assert.equal(upstream.calls.length, 2);
});

test("lesson 32: when the client leaves the provider is told, streaming or not", async () => {
  for (const stream of [true, false]) {
    const steps = stream
      ? later(chatText([chatChunk({ content: "Hel" })]), { stall: true })
      : [{ stall: true } as const];
    const { say, clock, upstream, records } = stage({ yaml: pairsYaml, script: () => steps });
    const messages = [{ role: "user", content: "hi" }];
    const client = say({
      target: "/v1/messages",
      body: { model: modelOf["openai-chat"], max_tokens: 9, stream, messages },
    });
    await clock.advance(100);
    assert.equal(upstream.calls[0]?.state.aborted, false);
    client.reply.leave();
    await clock.advance(0);
    assert.equal(upstream.calls[0]?.state.aborted, true);
    assert.equal(records[0]?.end, "cancelled");
  }
});

test("lesson 33: a client hears something while the model thinks", async () => {
  for (const [from, sign] of [
    ["anthropic-messages", /event: ping/],
    ["openai-responses", /^:|keepalive|in_progress/m],
  ] as const) {
    const first = chatText([chatChunk({ role: "assistant", content: "Hel" })]);
    const rest = chatText([chatChunk({ content: "lo" }, "stop"), DONE]);
    const steps = [sse, { data: first }, { waitMs: 50_000 }, { data: rest }, { end: true } as const];
    const { reply } = await playPair({ from, to: "openai-chat", steps });
    const between = reply.text.slice(reply.text.indexOf("Hel"), reply.text.lastIndexOf('"lo"'));
    assert.match(between, sign, from);
  }
});
