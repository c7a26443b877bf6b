import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixture, fixtures } from "../support/corpus.ts";
import {
  chunk,
  decodeChunks,
  encodedChunks,
  encodeEvents,
  framePayloads,
  geminiClient,
  payloadsOf,
  readPlain,
  readRequest,
} from "../support/gemini.ts";

const { client } = gemini;
const recorded = fixtures("gemini");
const start: CanonicalEvent = { type: "start", id: "r1", model: "m1", createdAt: 1 };
const finish: CanonicalEvent = { type: "finish", candidate: 0, finish: { reason: "stop", native: "end_turn" } };
const end: CanonicalEvent = { type: "end" };
const at = (block: number) => ({ candidate: 0, block });

function textBlock(block: number, ...deltas: string[]): CanonicalEvent[] {
  return [
    { type: "block-start", ...at(block), kind: "text", initial: { type: "text", text: "" } },
    ...deltas.map((text): CanonicalEvent => ({ type: "text-delta", ...at(block), text })),
    { type: "block-stop", ...at(block) },
  ];
}

function callBlock(block: number, argumentsText: string, id = "call_1"): CanonicalEvent[] {
  const initial: Block = { type: "tool-call", kind: "function", id, name: "f", argumentsText: "" };
  return [
    { type: "block-start", ...at(block), kind: "tool-call", initial },
    ...argumentsText.split("").map((text): CanonicalEvent => ({ type: "arguments-delta", ...at(block), text })),
    { type: "block-stop", ...at(block) },
  ];
}

function thoughtBlock(block: number, text: string, value?: Opaque): CanonicalEvent[] {
  return [
    { type: "block-start", ...at(block), kind: "reasoning", initial: { type: "reasoning", summary: [] } },
    { type: "reasoning-delta", ...at(block), channel: "summary", part: 0, text },
    ...(value === undefined ? [] : [{ type: "opaque", ...at(block), value } satisfies CanonicalEvent]),
    { type: "block-stop", ...at(block) },
  ];
}

function candidateOf(value: Json | undefined): JsonObject {
  const candidates = asObject(value)?.["candidates"];
  return asObject(Array.isArray(candidates) ? candidates[0] : undefined) ?? {};
}

function partsOf(chunks: readonly Json[]): Json[] {
  return chunks.flatMap((each) => {
    const parts = asObject(candidateOf(each)["content"])?.["parts"];
    return Array.isArray(parts) ? parts : [];
  });
}

describe("the encoder", () => {
  test("writes one data line per chunk and nothing else", () => {
    const text = encodeEvents([start, ...textBlock(0, "a\nb\u2028"), finish, end]);
    assert.equal(
      text,
      'data: {"candidates":[{"content":{"parts":[{"text":"a\\nb\\u2028"}],"role":"model"},"index":0}],"modelVersion":"m1","responseId":"r1"}\r\n\r\n' +
        'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"m1","responseId":"r1"}\r\n\r\n',
    );
  });

  test("holds the finish back until the end, with the usage that came after it", () => {
    const usage: CanonicalEvent = { type: "usage", usage: { inputTotal: 5, outputTotal: 3, reasoning: 1 } };
    const chunks = encodedChunks([start, ...textBlock(0, "a"), finish, usage, end]);
    const finishes = chunks.filter((each) => candidateOf(each)["finishReason"] !== undefined);
    assert.equal(finishes.length, 1);
    assert.equal(finishes[0], chunks.at(-1));
    assert.deepEqual(asObject(chunks.at(-1))?.["usageMetadata"], {
      promptTokenCount: 5,
      candidatesTokenCount: 2,
      thoughtsTokenCount: 1,
      totalTokenCount: 8,
    });
  });

  test("each candidate has one finish chunk", () => {
    const events = decodeChunks([
      chunk([{ text: "a" }], { finishReason: "STOP" }, 0),
      chunk([{ text: "b" }], { finishReason: "MAX_TOKENS" }, 1),
    ]).events;
    const reasons = encodedChunks(events).map((each) => [
      candidateOf(each)["index"],
      candidateOf(each)["finishReason"],
    ]);
    assert.deepEqual(reasons, [
      [0, undefined],
      [1, undefined],
      [0, "STOP"],
      [1, "MAX_TOKENS"],
    ]);
  });

  test("a function call goes out whole when it stops", () => {
    const chunks = encodedChunks([start, ...callBlock(0, '{"a":1}'), ...callBlock(1, "", "gc_x"), finish, end]);
    assert.deepEqual(partsOf(chunks), [
      { functionCall: { id: "call_1", name: "f", args: { a: 1 } } },
      { functionCall: { name: "f", args: {} } },
      { text: "" },
    ]);
  });

  test("arguments that are no object finish as MALFORMED_FUNCTION_CALL, with the text", () => {
    for (const text of ['{"a":', "[1]", "nonsense"]) {
      const chunks = encodedChunks([start, ...callBlock(0, text), finish, end]);
      const last = candidateOf(chunks.at(-1));
      assert.deepEqual([last["finishReason"], last["finishMessage"]], ["MALFORMED_FUNCTION_CALL", text]);
      assert.deepEqual(partsOf(chunks), [{ text: "" }]);
    }
  });

  test("a call that the token limit cut stays MAX_TOKENS", () => {
    const length: CanonicalEvent = { type: "finish", candidate: 0, finish: { reason: "length", native: "max_tokens" } };
    const chunks = encodedChunks([start, ...callBlock(0, '{"a":'), length, end]);
    assert.equal(candidateOf(chunks.at(-1))["finishReason"], "MAX_TOKENS");
  });

  const foreign: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "sïg==" };

  test("thoughts are shown to who asked; the signature goes on the next part in any case", () => {
    const events = [start, ...thoughtBlock(0, "hm", foreign), ...textBlock(1, "a", "b"), finish, end];
    const shown = partsOf(encodedChunks(events));
    const hidden = partsOf(encodedChunks(events, geminiClient({ echo: { includeThoughts: false } })));
    assert.deepEqual(shown[0], { text: "hm", thought: true });
    assert.deepEqual(shown.slice(1), hidden);
    assert.equal(hidden.length, 3);
    assert.ok(typeof asObject(hidden[0])?.["thoughtSignature"] === "string");
    assert.equal(asObject(hidden[1])?.["thoughtSignature"], undefined);
  });

  test("another vendor's signature comes back to its reasoning when the client sends the turn again", () => {
    const redacted: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.redacted", value: "secret" };
    const events = [
      start,
      ...thoughtBlock(0, "", redacted),
      ...thoughtBlock(1, "hm", foreign),
      ...callBlock(2, "{}"),
      finish,
      end,
    ];
    const call: Block = { type: "tool-call", kind: "function", id: "call_1", name: "f", argumentsText: "{}" };
    const reread = (chunks: Json[]) =>
      readRequest({ contents: [{ role: "model", parts: partsOf(chunks) }] }).turns[0]?.blocks;
    assert.deepEqual(reread(encodedChunks(events)), [
      { type: "reasoning", summary: [], opaque: redacted, redacted: true },
      { type: "reasoning", summary: ["hm"], opaque: foreign },
      call,
      { type: "text", text: "" },
    ]);
    assert.deepEqual(reread(encodedChunks(events, geminiClient({ echo: {} }))), [
      { type: "reasoning", summary: [], opaque: redacted, redacted: true },
      { type: "reasoning", summary: [], opaque: foreign },
      call,
      { type: "text", text: "" },
    ]);
  });

  test("an opaque value that a block brings from its start is not lost", () => {
    const initial: Block = { type: "reasoning", summary: [], opaque: foreign, redacted: true };
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "reasoning", initial },
      { type: "block-stop", ...at(0) },
      ...callBlock(1, "{}"),
      finish,
      end,
    ];
    const [call] = partsOf(encodedChunks(events)).map(asObject);
    assert.ok(call?.["functionCall"] !== undefined && typeof call["thoughtSignature"] === "string");
  });

  test("a signature with no part after it goes out on an empty text with the finish", () => {
    const native: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" };
    const chunks = encodedChunks([start, ...thoughtBlock(0, "hm", native), finish, end], geminiClient({ echo: {} }));
    assert.equal(chunks.length, 1);
    assert.deepEqual(partsOf(chunks), [{ text: "", thoughtSignature: "c2ln" }]);
    assert.equal(candidateOf(chunks[0])["finishReason"], "STOP");
  });

  test("a character that was cut in two is put together, and half of one is replaced", () => {
    assert.deepEqual(partsOf(encodedChunks([start, ...textBlock(0, "a\ud83d", "\ude00b"), finish, end])), [
      { text: "a" },
      { text: "😀b" },
      { text: "" },
    ]);
    assert.deepEqual(partsOf(encodedChunks([start, ...textBlock(0, "a\ud83d"), finish, end])), [
      { text: "a" },
      { text: "\ufffd" },
      { text: "" },
    ]);
  });

  test("web citations become grounding with offsets in UTF-8 bytes of the whole text", () => {
    const cited: Block = {
      type: "text",
      text: "Zürich.",
      citations: [{ type: "url", url: "https://a.example", title: "a", start: 0, end: 6 }],
    };
    const response: CanonicalResponse = {
      id: "r1",
      model: "m1",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [{ type: "text", text: "é " }, cited], finish: { reason: "stop", native: "" } }],
      losses: [],
      extras: {},
    };
    const grounding = {
      groundingChunks: [{ web: { uri: "https://a.example", title: "a" } }],
      groundingSupports: [{ segment: { startIndex: 3, endIndex: 10, text: "Zürich" }, groundingChunkIndices: [0] }],
    };
    const streamed = candidateOf(encodedChunks(unfold(response)).at(-1));
    assert.deepEqual(streamed["groundingMetadata"], grounding);
    assert.deepEqual(candidateOf(client.writeResponse(response, geminiClient()))["groundingMetadata"], grounding);
  });

  test("a refusal is text and SAFETY, with its explanation", () => {
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "refusal", initial: { type: "refusal", text: "" } },
      { type: "refusal-delta", ...at(0), text: "No." },
      { type: "block-stop", ...at(0) },
      {
        type: "finish",
        candidate: 0,
        finish: { reason: "refusal", native: "refusal", refusal: { explanation: "why" } },
      },
      end,
    ];
    const chunks = encodedChunks(events);
    assert.deepEqual(partsOf(chunks)[0], { text: "No." });
    const last = candidateOf(chunks.at(-1));
    assert.deepEqual([last["finishReason"], last["finishMessage"]], ["SAFETY", "why"]);
  });

  test("blocks that only another vendor's client can read are left out", () => {
    const initial: Block = {
      type: "server-tool",
      phase: "call",
      tool: "web_search",
      id: "s",
      native: { dialect: "anthropic-messages", value: { type: "server_tool_use" } },
    };
    const events: CanonicalEvent[] = [
      start,
      { type: "block-start", ...at(0), kind: "server-tool", initial },
      { type: "block-stop", ...at(0) },
      finish,
      end,
    ];
    assert.deepEqual(partsOf(encodedChunks(events)), [{ text: "" }]);
  });
});

describe("a stream's tail", () => {
  const broken = failure("provider_interrupted", "The provider's stream ended early.");
  const array = geminiClient({ framing: "json-array" });
  const elements = (text: string) => framePayloads(new TextEncoder().encode(text), "json-array").length;

  test("an array is valid JSON whatever happens, keep-alives anywhere", () => {
    const events = [start, ...textBlock(0, "a", "b"), finish, end];
    const encoder = client.encoder(array);
    const text =
      encoder.keepAlive() +
      events.map((event) => encoder.write(event) + (event === end ? "" : encoder.keepAlive())).join("");
    assert.ok(Array.isArray(JSON.parse(text)));
    assert.equal(elements(text), 3);
    assert.equal(encodeEvents([start, { type: "error", failure: broken }], array).startsWith('[{"error"'), true);
    for (const count of [0, 1, 2]) {
      const failing = client.encoder(array);
      const before = [start, ...textBlock(0, "a")].slice(0, count + 1).map((event) => failing.write(event));
      const whole: unknown = JSON.parse(before.join("") + (failing.failure(broken) ?? ""));
      assert.ok(Array.isArray(whole) && whole.length > 0);
    }
  });

  test("an array without an element is an empty array", () => {
    assert.equal(encodeEvents([start, end], array), "[]");
  });

  test("a failure is an error chunk that Google's SDK takes for one", () => {
    const text = client.encoder(geminiClient()).failure(broken) ?? "";
    const error = asObject(asObject(parseJson(text.slice("data: ".length)))?.["error"]);
    assert.deepEqual([error?.["code"], error?.["status"]], [502, "INTERNAL"]);
    assert.ok(text.endsWith("\r\n\r\n"));
  });

  test("for Gemini CLI only cutting the connection is a failure", () => {
    const cli = geminiClient({ agent: "gemini-cli" });
    assert.equal(client.encoder(cli).failure(broken), undefined);
    assert.equal(client.follower(cli).failure(broken), undefined);
    assert.equal(encodeEvents([start, { type: "error", failure: broken }], cli), "");
  });

  test("a keep-alive is a chunk with an empty text, never a comment", () => {
    const encoder = client.encoder(geminiClient());
    encoder.write(start);
    const expected = {
      candidates: [{ content: { parts: [{ text: "" }], role: "model" }, index: 0 }],
      modelVersion: "m1",
      responseId: "r1",
    };
    assert.deepEqual(parseJson(encoder.keepAlive().slice("data: ".length)), expected);
    const follower = client.follower(geminiClient());
    follower.observe({ event: "", data: JSON.stringify(chunk([{ text: "a" }])) });
    assert.deepEqual(parseJson(follower.keepAlive().slice("data: ".length)), expected);
    assert.equal(encoder.write({ type: "ping" }), encoder.keepAlive());
  });

  test("the follower keeps a verbatim array valid", () => {
    for (const name of ["array-call", "vertex-array-text"]) {
      const { body } = fixture("gemini", name).response;
      const text = body.toString();
      const follower = client.follower(array);
      assert.ok(Array.isArray(JSON.parse(`${follower.keepAlive()}${follower.failure(broken)}`)));
      const other = client.follower(array);
      const [first] = payloadsOf(fixture("gemini", name));
      assert.ok(first);
      other.observe(first);
      const sent = text.slice(0, text.indexOf(first.data) + first.data.length);
      const whole: unknown = JSON.parse(sent + other.keepAlive() + (other.failure(broken) ?? ""));
      assert.ok(Array.isArray(whole) && whole.length === 2);
    }
  });
});

describe("writeResponse", () => {
  test("a plain answer read and written again is the same to its reader", () => {
    for (const each of recorded.filter(({ response, stream }) => response.status === 200 && !stream)) {
      const once = readPlain(parseJson(each.response.body.toString()) ?? null);
      const twice = readPlain(client.writeResponse(once, geminiClient()));
      // The date is not written, the tier only within usage.
      assert.deepEqual({ ...twice, createdAt: 0, tier: "" }, { ...once, createdAt: 0, tier: "" }, each.name);
    }
  });
});
