import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import {
  at,
  chatCallDelta,
  chatChunk,
  chatUsage,
  DONE,
  frameOf,
  geminiChunk,
  joined,
  messagesStream,
  playPair,
  textBlock,
  toolBlock,
  types,
  type Played,
} from "../support/pairs.ts";

/* Edge cases 11 to 29 of the translation's specification: streams from Chat to Messages and back, through the whole gateway. */

const toMessages = (...stream: (JsonObject | string)[]): Promise<Played> =>
  playPair({ from: "anthropic-messages", to: "openai-chat", stream });
const toChat = (stream: JsonObject[], request: JsonObject = {}): Promise<Played> =>
  playPair({ from: "openai-chat", to: "anthropic-messages", stream, request });

/** Of a Messages stream: which block each event is about, in order, as `start 0`, `delta 0`, `stop 0`. */
const course = ({ frames }: Played): string[] =>
  frames.flatMap(({ type, index }) => {
    const [, step] = /^content_block_(\w+)$/.exec(joined([type])) ?? [];
    return step === undefined ? [] : [`${step} ${JSON.stringify(index)}`];
  });
const blocks = ({ folded }: Played) => folded.candidates[0]?.blocks ?? [];
const callsOf = (played: Played) =>
  blocks(played).flatMap((block) => (block.type === "tool-call" ? [[block.name, block.argumentsText]] : []));
const stopReason = ({ frames }: Played) =>
  frames.flatMap(({ type, delta }) => (type === "message_delta" ? [at(delta, "stop_reason")] : []));
const choices = ({ frames }: Played) => frames.map((frame) => at(frame, "choices", 0));

test("edge 11: a stream that begins with a tool call has no empty text block and no empty delta", async () => {
  const played = await toMessages(
    chatChunk({ role: "assistant", content: "", ...chatCallDelta(0, { id: "call_1", name: "f", arguments: "" }) }),
    chatChunk(chatCallDelta(0, { arguments: '{"a":1}' })),
    chatChunk({}, "tool_calls"),
    DONE,
  );
  assert.deepEqual(course(played), ["start 0", "delta 0", "stop 0"]);
  assert.deepEqual(callsOf(played), [["f", '{"a":1}']]);
  assert.doesNotMatch(played.reply.text, /"partial_json":""/);
});

test("edge 12: interleaved pieces of two calls become two blocks one after the other", async () => {
  const played = await toMessages(
    chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: '{"a"' })),
    chatChunk(chatCallDelta(1, { id: "call_2", name: "g", arguments: '{"b"' })),
    chatChunk(chatCallDelta(0, { arguments: ":1}" })),
    chatChunk(chatCallDelta(1, { arguments: ":2}" })),
    chatChunk({}, "tool_calls"),
    DONE,
  );
  assert.deepEqual(callsOf(played), [
    ["f", '{"a":1}'],
    ["g", '{"b":2}'],
  ]);
  const steps = course(played);
  assert.deepEqual([...new Set(steps)], ["start 0", "delta 0", "stop 0", "start 1", "delta 1", "stop 1"]);
  assert.equal(steps.lastIndexOf("delta 0") < steps.indexOf("stop 0"), true);
});

test("edge 13: a whole call in one chunk after text keeps its arguments", async () => {
  const played = await toMessages(
    chatChunk({ content: "Let me see." }),
    chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: '{"a":1}' })),
    chatChunk({}, "tool_calls"),
    DONE,
  );
  assert.deepEqual(course(played), ["start 0", "delta 0", "stop 0", "start 1", "delta 1", "stop 1"]);
  assert.deepEqual(callsOf(played), [["f", '{"a":1}']]);
});

test("edge 14: two calls in the chunk that finishes are both told", async () => {
  const calls = [0, 1].flatMap(
    (index) =>
      chatCallDelta(index, { id: `call_${index}`, name: `f${index}`, arguments: "{}" })["tool_calls"] as JsonObject[],
  );
  const played = await toMessages(chatChunk({ tool_calls: calls }, "tool_calls"), DONE);
  assert.deepEqual(callsOf(played), [
    ["f0", "{}"],
    ["f1", "{}"],
  ]);
  assert.deepEqual(stopReason(played), ["tool_use"]);
});

test("edge 15: a finish `stop` after a tool call is a tool call's", async () => {
  const call = chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: "{}" }));
  const played = await toMessages(chatChunk({ content: "a" }), call, chatChunk({}, "stop"), DONE);
  assert.deepEqual(stopReason(played), ["tool_use"]);
});

test("edge 16: reasoning without a signature is thinking without one, before the text", async () => {
  const played = await toMessages(
    chatChunk({ reasoning_content: "Hm" }),
    chatChunk({ reasoning_content: "m." }),
    chatChunk({ content: "Yes." }),
    chatChunk({}, "stop"),
    DONE,
  );
  assert.deepEqual(
    types(
      played.frames.flatMap((frame) =>
        frame["type"] === "content_block_start" ? [frame["content_block"] as JsonObject] : [],
      ),
    ),
    ["thinking", "text"],
  );
  assert.doesNotMatch(played.reply.text, /signature_delta/);
});

test("edge 17: usage behind the finish is in the one message_delta", async () => {
  const usage = chatUsage({ prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 });
  const played = await toMessages(chatChunk({ content: "a" }), chatChunk({}, "stop"), usage, DONE);
  const deltas = played.frames.filter(({ type }) => type === "message_delta");
  assert.deepEqual(
    deltas.map(({ usage: counted }) => [at(counted, "input_tokens"), at(counted, "output_tokens")]),
    [[100, 20]],
  );
  assert.deepEqual(stopReason(played), ["end_turn"]);
});

test("edge 18: without usage from the provider the client still gets numbers", async () => {
  const played = await toMessages(chatChunk({ content: "Hello there" }), chatChunk({}, "stop"), DONE);
  const usage = played.frames.find(({ type }) => type === "message_delta")?.["usage"];
  const start = at(played.frames[0], "message", "usage");
  assert.equal(typeof at(usage, "output_tokens"), "number");
  assert.ok(Number(at(start, "input_tokens")) > 0);
  assert.deepEqual(stopReason(played), ["end_turn"]);
});

test("edge 19: a stream that ends early is truncated, in text as in a call, and never a success", async () => {
  const ends = [chatChunk({ content: "Hel" }), chatChunk(chatCallDelta(0, { id: "c", name: "f", arguments: '{"pa' }))];
  for (const last of ends) {
    for (const from of ["anthropic-messages", "openai-responses", "gemini"] as const) {
      const { record, reply, events } = await playPair({
        from,
        to: "openai-chat",
        steps: [
          { headers: { "content-type": "text/event-stream" } },
          { data: frameOf("openai-chat", last) },
          { waitMs: 20 },
          { end: true },
        ],
      });
      assert.equal(record.end, "truncated", from);
      assert.equal(events.at(-1)?.type, "error", from);
      assert.doesNotMatch(reply.text, /message_stop|response\.completed|"finishReason":"STOP"/, from);
    }
  }
});

test("edge 20: an index that is used again with a new id is another call", async () => {
  const played = await toMessages(
    chatChunk(chatCallDelta(0, { id: "call_1", name: "f", arguments: '{"a":1}' })),
    chatChunk(chatCallDelta(0, { id: "call_2", name: "g", arguments: '{"b":2}' })),
    chatChunk({}, "tool_calls"),
    DONE,
  );
  assert.deepEqual(callsOf(played), [
    ["f", '{"a":1}'],
    ["g", '{"b":2}'],
  ]);
});

const thinking: [JsonObject, ...JsonObject[]] = [
  { type: "thinking", thinking: "", signature: "" },
  { type: "thinking_delta", thinking: "Hm." },
  { type: "signature_delta", signature: "c2ln" },
];
const mixed = messagesStream(
  [thinking, textBlock("Let me see."), toolBlock("toolu_1", "f", '{"a"', ":1}"), toolBlock("toolu_2", "g")],
  "tool_use",
);
const callDeltas = (played: Played): JsonObject[] =>
  choices(played).flatMap((choice) => (at(choice, "delta", "tool_calls") as JsonObject[] | undefined) ?? []);

test("edge 21: Chat counts tool calls by themselves, not by Anthropic's blocks", async () => {
  const played = await toChat(mixed);
  assert.deepEqual([...new Set(callDeltas(played).map(({ index }) => index))], [0, 1]);
});

test("edge 22: calls after thinking and text are there, and the finish says so", async () => {
  const played = await toChat(mixed);
  assert.equal(callsOf(played)[0]?.[1], '{"a":1}');
  assert.ok(played.frames.some((frame) => at(frame, "choices", 0, "finish_reason") === "tool_calls"));
});

test("edge 23: input counted at the start only is in the last usage, with what came from the cache", async () => {
  const played = await toChat(messagesStream([textBlock("a")]), { stream_options: { include_usage: true } });
  const usage = played.frames.at(-1)?.["usage"];
  assert.equal(at(usage, "prompt_tokens"), 14);
  assert.equal(at(usage, "prompt_tokens_details", "cached_tokens"), 4);
  assert.equal(at(usage, "completion_tokens"), 5);
});

test("edge 24: a call without any arguments has an empty object", async () => {
  assert.deepEqual(callsOf(await toChat(mixed))[1], ["g", "{}"]);
  for (const from of ["openai-responses", "gemini"] as const) {
    const played = await playPair({ from, to: "anthropic-messages", stream: mixed });
    assert.deepEqual(callsOf(played)[1], ["g", "{}"], from);
  }
});

test("edge 25: usage is there exactly if it was asked for", async () => {
  const unasked = await toChat(messagesStream([textBlock("a")]));
  assert.ok(unasked.frames.every((frame) => !Object.hasOwn(frame, "usage") && at(frame, "choices", 0) !== undefined));
  const asked = await toChat(messagesStream([textBlock("a")]), { stream_options: { include_usage: true } });
  assert.deepEqual(asked.frames.at(-1)?.["choices"], []);
  assert.ok(asked.frames.slice(0, -1).every((frame) => frame["usage"] === null));
});

test("edge 26: only the first piece of a call names it", async () => {
  const [first, ...rest] = callDeltas(await toChat(mixed)).filter(({ index }) => index === 0);
  assert.equal(first?.["id"], "toolu_1");
  assert.ok(rest.length > 0);
  for (const delta of rest) {
    assert.deepEqual(Object.keys(delta).toSorted(), ["function", "index"]);
    assert.deepEqual(Object.keys(delta["function"] as JsonObject), ["arguments"]);
  }
});

test("edge 27: an overload in the middle is told in the client's own way, and nothing ends the stream as if it were whole", async () => {
  const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
  const [start, ...rest] = messagesStream([textBlock("Hello")]);
  const expected: readonly (readonly [ClientDialectId, RegExp])[] = [
    ["openai-chat", /^data: \{"error":/m],
    ["openai-responses", /^event: response\.failed$/m],
    ["gemini", /^data: \{"error":\{"code":503/m],
  ];
  for (const [from, told] of expected) {
    const head = [start, ...rest.slice(0, 2)].map((value) => frameOf("anthropic-messages", value ?? {})).join("");
    const { reply, record } = await playPair({
      from,
      to: "anthropic-messages",
      steps: [
        { headers: { "content-type": "text/event-stream" } },
        { data: head },
        { waitMs: 20 },
        { data: frameOf("anthropic-messages", error) },
        { end: true },
      ],
    });
    assert.match(reply.text, told);
    assert.doesNotMatch(reply.text, /\[DONE\]|response\.completed|"finishReason"/);
    assert.equal(record.end, "upstream-failed");
  }
});

test("edge 28: a paused turn ends as a stop for clients whose formats know no pause", async () => {
  const stream = messagesStream([textBlock("Half")], "pause_turn");
  const played = await toChat(stream);
  assert.ok(played.frames.some((frame) => at(frame, "choices", 0, "finish_reason") === "stop"));
  assert.deepEqual(played.record.finish, ["pause"]);
});

test("edge 29: unknown events and deltas are passed over in a translation and passed on untouched", async () => {
  const stream = messagesStream([
    [...textBlock("a"), { type: "new_delta", value: 1 }] as [JsonObject, ...JsonObject[]],
  ]);
  stream.splice(2, 0, { type: "foo_event", value: { deep: [1] } });
  const translated = await toChat(stream);
  assert.equal(translated.record.end, "complete");
  assert.deepEqual(
    blocks(translated).map((block) => block.type === "text" && block.text),
    ["a"],
  );
  const passed = await playPair({ from: "anthropic-messages", to: "anthropic-messages", stream });
  assert.equal(passed.reply.text, stream.map((value) => frameOf("anthropic-messages", value)).join(""));
});

test("edge 58: thoughts and tool prompts of Gemini are counted in Chat's totals", async () => {
  const usageMetadata = {
    promptTokenCount: 10,
    toolUsePromptTokenCount: 5,
    candidatesTokenCount: 7,
    thoughtsTokenCount: 20,
    totalTokenCount: 42,
  };
  const played = await playPair({
    from: "openai-chat",
    to: "gemini",
    request: { stream_options: { include_usage: true } },
    stream: [geminiChunk([{ text: "a" }], { finishReason: "STOP" }, { usageMetadata })],
  });
  const usage = played.frames.at(-1)?.["usage"];
  const counts = ["prompt_tokens", "completion_tokens", "total_tokens"].map((key) => at(usage, key));
  assert.deepEqual(counts, [15, 27, 42]);
  assert.equal(at(usage, "completion_tokens_details", "reasoning_tokens"), 20);
});
