import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import { openOpaque, sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import type { Finish } from "../../src/canonical/response.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { asObject, asString, type JsonObject } from "../../src/lib/json.ts";
import { checkWire, encodeEvents, messagesClient, type WireEvent } from "../support/anthropic-messages.ts";

describe("encoder", () => {
  const begin: CanonicalEvent = { type: "start", id: "resp_7", model: "gpt", createdAt: 1 };
  const finish = (reason: Finish["reason"], more: Partial<Finish> = {}): CanonicalEvent => ({
    type: "finish",
    candidate: 0,
    finish: { reason, native: reason, ...more },
  });
  const end: CanonicalEvent = { type: "end" };
  const startOf = (block: number, initial: Block, candidate = 0): CanonicalEvent => {
    assert.ok(initial.type !== "tool-result" && initial.type !== "search-result");
    return { type: "block-start", candidate, block, kind: initial.type, initial };
  };
  const say = (block: number, text: string, candidate = 0): CanonicalEvent => ({
    type: "text-delta",
    candidate,
    block,
    text,
  });
  const stop = (block: number, candidate = 0): CanonicalEvent => ({ type: "block-stop", candidate, block });
  const text: Block = { type: "text", text: "" };
  const call = (id: string, more: Partial<Extract<Block, { type: "tool-call" }>> = {}): Block => ({
    type: "tool-call",
    id,
    name: "f",
    kind: "function",
    argumentsText: "",
    ...more,
  });
  const signature: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "sig" };

  test("the container of code runs reaches the client with the stop reason", () => {
    const container = { id: "container_1", expires_at: "2026-01-01T00:00:00Z" };
    const wire = checkWire(
      encodeEvents([
        { type: "start", id: "msg_1", model: "claude", createdAt: 0 },
        { type: "candidate-meta", candidate: 0, meta: { container } },
        { type: "finish", candidate: 0, finish: { reason: "stop", native: "end_turn" } },
        { type: "end" },
      ]),
    );
    const delta = wire.find(({ type }) => type === "message_delta")?.["delta"];
    assert.deepEqual(asObject(delta)?.["container"], container);
  });

  test("message_start first with what is known of usage, one message_delta with the last word on it, message_stop last", () => {
    const usage = (inputTotal: number, outputTotal: number): CanonicalEvent => ({
      type: "usage",
      usage: { inputTotal, cacheRead: 0, cacheWrite: 0, outputTotal },
    });
    const frames = checkWire(
      encodeEvents([begin, usage(9, 0), startOf(0, text), say(0, "a"), stop(0), finish("stop"), usage(9, 4), end]),
    );
    assert.deepEqual(
      frames.map(({ type }) => type),
      [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
      ],
    );
    const message = frames[0]?.["message"] as JsonObject;
    assert.deepEqual([message["id"], (message["usage"] as JsonObject)["input_tokens"]], ["msg_7", 9]);
    assert.deepEqual(frames[4], {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null, stop_details: null, container: null },
      usage: {
        input_tokens: 9,
        output_tokens: 4,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 0,
        output_tokens_details: null,
        server_tool_use: null,
      },
    });
  });

  test("no usage and no finish at all still end properly", () => {
    const frames = checkWire(encodeEvents([begin, startOf(0, text), say(0, "a"), stop(0), end]));
    assert.equal(asObject(frames.at(-2)?.["delta"])?.["stop_reason"], "end_turn");
  });

  test("a first tool call has index 0, no empty text before it and no empty delta in it", () => {
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, text),
        stop(0),
        startOf(1, call("c")),
        { type: "arguments-delta", candidate: 0, block: 1, text: "" },
        stop(1),
        finish("stop"),
        end,
      ]),
    );
    assert.deepEqual(frames.slice(1, 3), [
      { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "c", name: "f", input: {} } },
      { type: "content_block_stop", index: 0 },
    ]);
    assert.equal(asObject(frames[3]?.["delta"])?.["stop_reason"], "tool_use");
  });

  test("parts of reasoning are one text, and a foreign value goes into the signature in its envelope", () => {
    const opaque: Opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning", value: '{"id":"rs"}' };
    const think = (part: number, value: string): CanonicalEvent => ({
      type: "reasoning-delta",
      candidate: 0,
      block: 0,
      channel: "summary",
      part,
      text: value,
    });
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, { type: "reasoning", summary: [] }),
        think(0, "a"),
        think(1, "b"),
        think(1, "c"),
        { type: "opaque", candidate: 0, block: 0, value: opaque },
        stop(0),
        finish("stop"),
        end,
      ]),
    );
    assert.equal(thinkingOf(frames), "a\n\nbc");
    assert.deepEqual(openOpaque(signaturesOf(frames)[0] ?? ""), opaque);
  });

  test("reasoning without anything to carry has no signature delta; without text either, no block", () => {
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, { type: "reasoning", summary: [] }),
        { type: "reasoning-delta", candidate: 0, block: 0, channel: "raw", part: 0, text: "a" },
        stop(0),
        startOf(1, { type: "reasoning", summary: [] }),
        stop(1),
        finish("stop"),
        end,
      ]),
    );
    assert.equal(thinkingOf(frames), "a");
    assert.deepEqual(signaturesOf(frames), []);
    assert.equal(frames.filter(({ type }) => type === "content_block_start").length, 1);
  });

  for (const [name, events] of [
    [
      "with the start",
      [startOf(0, call("c", { signature })), { type: "arguments-delta", candidate: 0, block: 0, text: "{}" }],
    ],
    [
      "before the arguments",
      [
        startOf(0, call("c")),
        { type: "opaque", candidate: 0, block: 0, value: signature },
        { type: "arguments-delta", candidate: 0, block: 0, text: "{}" },
      ],
    ],
    [
      "twice",
      [
        startOf(0, call("c", { signature })),
        { type: "arguments-delta", candidate: 0, block: 0, text: "{}" },
        { type: "opaque", candidate: 0, block: 0, value: signature },
      ],
    ],
  ] as const satisfies readonly (readonly [string, readonly CanonicalEvent[]])[]) {
    test(`a Gemini signature on a tool call travels in an empty thinking block before it: ${name}`, () => {
      const frames = checkWire(encodeEvents([begin, ...events, stop(0), finish("tool-calls"), end]));
      const kinds = frames
        .filter(({ type }) => type === "content_block_start")
        .map(({ content_block }) => (content_block as JsonObject)["type"]);
      assert.deepEqual(kinds, ["thinking", "tool_use"]);
      assert.deepEqual(signaturesOf(frames), [sealOpaque(signature)]);
    });
  }

  test("a refusal is text with its own stop reason", () => {
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, { type: "refusal", text: "" }),
        { type: "refusal-delta", candidate: 0, block: 0, text: "No." },
        stop(0),
        finish("refusal", { refusal: { category: null, explanation: "No." } }),
        end,
      ]),
    );
    assert.deepEqual(frames.at(-2)?.["delta"], {
      stop_reason: "refusal",
      stop_sequence: null,
      stop_details: { type: "refusal", category: null, explanation: "No." },
      container: null,
    });
  });

  test("further candidates are left out", () => {
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, text),
        startOf(0, text, 1),
        say(0, "a"),
        say(0, "b", 1),
        stop(0),
        stop(0, 1),
        finish("stop"),
        end,
      ]),
    );
    assert.equal(textOf(frames), "a");
  });

  test("an astral character whose halves come in two deltas arrives whole; a half alone becomes U+FFFD", () => {
    const frames = checkWire(
      encodeEvents([begin, startOf(0, text), say(0, "x\ud83d"), say(0, "\ude00y\ud83d"), stop(0), finish("stop"), end]),
    );
    assert.equal(textOf(frames), "x😀y\ufffd");
    assert.ok(frames.every((frame) => JSON.stringify(frame).isWellFormed()));
  });

  test("ids that Messages does not accept are replaced, distinctly; repeated ones are told apart", () => {
    const calls = ["functions.Bash:0", "functions:Bash.0", "call_0", "call_0"].flatMap((id, block) => [
      startOf(block, call(id)),
      stop(block),
    ]);
    const frames = checkWire(encodeEvents([begin, ...calls, finish("tool-calls"), end]));
    const ids = frames
      .filter(({ type }) => type === "content_block_start")
      .map(({ content_block }) => asString((content_block as JsonObject)["id"]) ?? "");
    assert.equal(new Set(ids).size, 4);
    assert.deepEqual(ids.slice(2), ["call_0", "call_0_2"]);
    assert.ok(ids.every((id) => /^[a-zA-Z0-9_-]{1,64}$/.test(id)));
  });

  test("server tools of other vendors and code runs are left out, transcripts are told", () => {
    const foreign: Block = {
      type: "server-tool",
      phase: "call",
      tool: "web_search",
      id: "ws",
      native: { dialect: "openai-responses", value: {} },
    };
    const audio: Block = { type: "media", kind: "audio", source: { by: "base64", data: "" } };
    const frames = checkWire(
      encodeEvents([
        begin,
        startOf(0, foreign),
        stop(0),
        startOf(1, { type: "code", phase: "code", code: "1" }),
        stop(1),
        startOf(2, audio),
        { type: "media-delta", candidate: 0, block: 2, transcript: "la" },
        stop(2),
        finish("stop"),
        end,
      ]),
    );
    assert.equal(textOf(frames), "la");
  });

  test("line ends that only some readers know are escaped", () => {
    const wire = encodeEvents([
      begin,
      startOf(0, text),
      say(0, "a\u2028b\u2029c\u0085d"),
      stop(0),
      finish("stop"),
      end,
    ]);
    assert.doesNotMatch(wire, /[\u0085\u2028\u2029]/);
    assert.equal(textOf(checkWire(wire)), "a\u2028b\u2029c\u0085d");
  });

  for (const [name, last] of [
    ["a failure", { type: "error", failure: failure("provider_overloaded", "busy") }],
    ["a tool call that could not be read", finish("malformed-tool-call", { message: "bad call" })],
  ] as const) {
    test(`${name} is an error event, after which nothing is written`, () => {
      const encoder = anthropicMessages.client.encoder(messagesClient());
      encoder.write(begin);
      encoder.write(startOf(0, text));
      encoder.write(say(0, "a"));
      assert.match(
        encoder.write(last),
        /event: error\ndata: \{"type":"error","error":\{"type":"\w+","message":"(busy|bad call)"/,
      );
      assert.equal(encoder.write(end), "");
      assert.equal(encoder.failure(failure("internal", "x")), "");
    });
  }

  test("pings keep the connection once the message has started, comments before", () => {
    const encoder = anthropicMessages.client.encoder(messagesClient());
    assert.equal(encoder.keepAlive(), ": keep-alive\n\n");
    encoder.write(begin);
    assert.equal(encoder.keepAlive(), ": keep-alive\n\n", "message_start is still held");
    encoder.write(startOf(0, text));
    encoder.write(say(0, "a"));
    assert.equal(encoder.keepAlive(), 'event: ping\ndata: {"type": "ping"}\n\n');
  });
});

describe("follower", () => {
  test("a ping is only sent after message_start, named or not", () => {
    for (const event of ["message_start", ""]) {
      const follower = anthropicMessages.client.follower(messagesClient());
      assert.equal(follower.keepAlive(), ": keep-alive\n\n");
      follower.observe({ event, data: JSON.stringify({ type: "message_start", message: {} }) });
      assert.equal(follower.keepAlive(), 'event: ping\ndata: {"type": "ping"}\n\n');
    }
  });

  test("a failure is an error event, unless the provider told it or the message was whole", () => {
    const follower = anthropicMessages.client.follower(messagesClient());
    assert.equal(
      follower.failure(failure("provider_interrupted", "cut")),
      'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut","details":{"error_code":"provider_interrupted"}},"request_id":"req_TEST"}\n\n',
    );
    follower.observe({ event: "error", data: "{}" });
    assert.equal(follower.failure(failure("provider_interrupted", "cut")), "");
  });
});

function deltas(frames: readonly WireEvent[], member: string): string[] {
  return frames.flatMap(({ delta }) => {
    const value = (delta as JsonObject | undefined)?.[member];
    return typeof value === "string" ? [value] : [];
  });
}

function textOf(frames: readonly WireEvent[]): string {
  return deltas(frames, "text").join("");
}

function thinkingOf(frames: readonly WireEvent[]): string {
  return deltas(frames, "thinking").join("");
}

function signaturesOf(frames: readonly WireEvent[]): string[] {
  return deltas(frames, "signature");
}
