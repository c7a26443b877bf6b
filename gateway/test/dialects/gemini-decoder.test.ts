import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Opaque } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { fixture, fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { chunk, decodeChunks, decodePayloads, decoderOptions, encodeEvents, payloadsOf } from "../support/gemini.ts";

const { upstream } = gemini;
const recorded = fixtures("gemini");
const streams = recorded.filter(({ response, stream }) => response.status === 200 && stream);

function errorOf(events: readonly CanonicalEvent[]): Failure {
  const last = events.at(-1);
  assert.ok(last?.type === "error");
  return last.failure;
}

describe("the decoder", () => {
  for (const each of streams) {
    test(`${each.name} obeys the grammar of events, whole and cut after every frame`, () => {
      const payloads = payloadsOf(each);
      assert.equal(checkEvents(decodePayloads(payloads).events), undefined);
      for (let count = 0; count < payloads.length; count += 1) {
        const { events, outcome } = decodePayloads(payloads.slice(0, count));
        assert.equal(checkEvents(events), undefined, `after ${count} frames`);
        assert.equal(outcome === "truncated", events.at(-1)?.type === "error");
      }
    });
  }

  test("a stream without a finish reason is truncated, whatever it brought", () => {
    const { events, outcome } = decodePayloads(payloadsOf(fixture("gemini", "stream-without-finish")));
    assert.equal(outcome, "truncated");
    assert.equal(errorOf(events).code, "provider_interrupted");
    assert.equal(decodeChunks([]).outcome, "truncated");
    assert.equal(decodeChunks([chunk([{ functionCall: { name: "f" } }])]).outcome, "truncated");
  });

  test("the last finish reason wins", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "vertex-stream-finish-changes")));
    const [candidate] = fold(events).candidates;
    assert.deepEqual(candidate?.finish, { reason: "content-filter", native: "RECITATION" });
  });

  test("a refused prompt is a complete answer without a block", () => {
    const { events, outcome } = decodePayloads(payloadsOf(fixture("gemini", "stream-prompt-blocked")));
    assert.equal(outcome, "complete");
    assert.deepEqual(fold(events).candidates, [
      { index: 0, blocks: [], finish: { reason: "content-filter", native: "SAFETY" } },
    ]);
  });

  test("an error chunk fails the stream, also after a finish", () => {
    const error = { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } };
    const { events, outcome } = decodeChunks([
      chunk([{ text: "a" }], { finishReason: "STOP" }),
      error,
      chunk([{ text: "b" }]),
    ]);
    assert.equal(outcome, "upstream-failed");
    assert.equal(checkEvents(events), undefined);
    assert.equal(errorOf(events).code, "provider_overloaded");
    assert.equal(errorOf(events).upstream?.status, 503);
  });

  test("is terminal when every candidate asked for has finished", () => {
    const decoder = upstream.decoder({ ...decoderOptions, candidates: 2 });
    const step = (value: JsonObject) => decoder.step({ event: "", data: JSON.stringify(value) });
    step(chunk([{ text: "a" }], { finishReason: "STOP" }, 0));
    assert.equal(decoder.isTerminal(), false);
    step(chunk([{ text: "b" }], {}, 1));
    assert.equal(decoder.isTerminal(), false);
    step(chunk([], { finishReason: "MAX_TOKENS" }, 1));
    assert.equal(decoder.isTerminal(), true);
    const end = decoder.end();
    assert.equal(end.outcome, "complete");
    assert.deepEqual(
      end.events.flatMap((event) => (event.type === "finish" ? [event.candidate, event.finish.reason] : [])),
      [0, "stop", 1, "length"],
    );
  });

  test("fewer candidates than asked for are complete at the end", () => {
    const { outcome } = decodeChunks([chunk([{ text: "a" }], { finishReason: "STOP" })], { candidates: 2 });
    assert.equal(outcome, "complete");
  });

  test("candidates interleave without mixing", () => {
    const { events } = decodeChunks([
      chunk([{ text: "a" }], {}, 0),
      chunk([{ text: "x" }], {}, 1),
      chunk([{ text: "b" }], { finishReason: "STOP" }, 0),
      chunk([{ text: "y" }], { finishReason: "STOP" }, 1),
    ]);
    assert.equal(checkEvents(events), undefined);
    assert.deepEqual(
      fold(events).candidates.map(({ blocks }) => blocks),
      [[{ type: "text", text: "ab" }], [{ type: "text", text: "xy" }]],
    );
  });

  test("a call without arguments has an empty object, and ids are the same every time", () => {
    const decode = () =>
      fold(
        decodeChunks([
          chunk([{ functionCall: { name: "f" } }, { functionCall: { name: "f" } }], { finishReason: "STOP" }),
        ]).events,
      );
    const [candidate] = decode().candidates;
    const calls = candidate?.blocks.map((block) => (block.type === "tool-call" ? block : undefined));
    assert.equal(calls?.[0]?.argumentsText, "{}");
    assert.match(calls?.[0]?.id ?? "", /^gc_[0-9a-z]{13}$/);
    assert.notEqual(calls?.[0]?.id, calls?.[1]?.id);
    assert.deepEqual(decode().candidates[0], candidate);
    assert.equal(candidate?.finish.reason, "tool-calls");
  });

  test("a signature closes its text, and one on empty text is a block of its own", () => {
    const { events } = decodeChunks([
      chunk([{ text: "a" }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }]),
      chunk([{ text: "b" }]),
      chunk([{ functionCall: { name: "f" } }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }], { finishReason: "STOP" }),
    ]);
    const signature: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" };
    const [candidate] = fold(events).candidates;
    assert.deepEqual(
      candidate?.blocks.filter(({ type }) => type === "text"),
      [
        { type: "text", text: "a", signature },
        { type: "text", text: "b" },
        { type: "text", text: "", signature },
      ],
    );
  });

  test("empty text without a signature is no block", () => {
    const { events } = decodeChunks([chunk([{ text: "" }], { finishReason: "STOP" })]);
    assert.deepEqual(fold(events).candidates[0]?.blocks, []);
  });

  test("thoughts, then text, then an empty finish chunk", () => {
    const { events } = decodeChunks([
      chunk([{ text: "hm", thought: true }]),
      chunk([{ text: " ah", thought: true }]),
      chunk([{ text: "yes" }]),
      { candidates: [{ finishReason: "STOP" }], usageMetadata: { promptTokenCount: 3 } },
    ]);
    assert.deepEqual(fold(events).candidates[0]?.blocks, [
      { type: "reasoning", summary: ["hm ah"] },
      { type: "text", text: "yes" },
    ]);
  });

  test("counters that a later chunk leaves out are kept", () => {
    const { events } = decodeChunks([
      { usageMetadata: { trafficType: "ON_DEMAND" }, candidates: [] },
      { usageMetadata: { promptTokenCount: 10, toolUsePromptTokenCount: 5, cachedContentTokenCount: 4 } },
      chunk([{ text: "a" }], { finishReason: "STOP" }),
      { usageMetadata: { candidatesTokenCount: 7, thoughtsTokenCount: 20, totalTokenCount: 42 } },
    ]);
    const { raw, ...usage } = fold(events).usage ?? {};
    assert.deepEqual(usage, {
      inputTotal: 15,
      cacheRead: 4,
      cacheWrite: 0,
      toolUsePrompt: 5,
      outputTotal: 27,
      reasoning: 20,
    });
    assert.ok(raw !== undefined);
  });

  test("no counters, no usage", () => {
    const { events } = decodeChunks([
      { ...chunk([{ text: "a" }], { finishReason: "STOP" }), usageMetadata: { trafficType: "ON_DEMAND" } },
    ]);
    assert.equal(fold(events).usage, undefined);
  });

  test("[DONE] and empty data are read and mean nothing; text that is no JSON is unreadable", () => {
    const decoder = upstream.decoder(decoderOptions);
    assert.deepEqual(decoder.step({ event: "", data: "[DONE]" }), []);
    assert.deepEqual(decoder.step({ event: "", data: "" }), []);
    assert.deepEqual(decoder.step({ event: "", data: "[1]" }), []);
    assert.equal(decoder.step({ event: "", data: '{"candidates":' }), undefined);
  });

  test("grounding comes at the end, as citations with byte offsets", () => {
    const { events } = decodeChunks([
      chunk([{ text: "Zürich liegt am See." }]),
      chunk([{ text: "", thoughtSignature: "c2ln" }], {
        finishReason: "STOP",
        groundingMetadata: {
          groundingChunks: [{ web: { uri: "https://a.example", title: "a" } }],
          groundingSupports: [
            { segment: { endIndex: 7, text: "Zürich" }, groundingChunkIndices: [0, 9], confidenceScores: [0.5] },
          ],
        },
      }),
    ]);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.deepEqual(block.citations, [
      {
        type: "grounding",
        chunk: { web: { uri: "https://a.example", title: "a" } },
        segment: { start: 0, end: 7, text: "Zürich" },
        confidence: 0.5,
      },
    ]);
  });

  test("recitations of all chunks are joined, each once", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "stream-recitation")));
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.equal(block.citations?.length, 10);
  });

  test("log probabilities go with the text of their chunk", () => {
    const logprobsResult = {
      chosenCandidates: [{ token: "é", tokenId: 1, logProbability: -0.1 }],
      topCandidates: [
        {
          candidates: [
            { token: "é", logProbability: -0.1 },
            { token: "e", logProbability: -2 },
          ],
        },
      ],
    };
    const { events } = decodeChunks([chunk([{ text: "é" }], { finishReason: "STOP", logprobsResult })]);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "text");
    assert.deepEqual(block.logprobs?.[0]?.bytes, [0xc3, 0xa9]);
    assert.equal(block.logprobs[0].top?.[1]?.token, "e");
  });

  test("nothing that a provider may send breaks it", () => {
    const scalar = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null));
    const part = fc.dictionary(
      fc.constantFrom(
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "inlineData",
        "executableCode",
        "toolCall",
        "x",
      ),
      fc.oneof(
        scalar,
        fc.dictionary(fc.constantFrom("name", "args", "willContinue", "partialArgs", "data"), fc.jsonValue()),
      ),
    );
    const candidate = fc.record(
      {
        index: fc.oneof(fc.integer(), scalar),
        content: fc.oneof(fc.record({ parts: fc.array(fc.oneof(part, scalar)) }), scalar),
        finishReason: fc.oneof(fc.constant("STOP"), scalar),
        groundingMetadata: fc.jsonValue(),
        citationMetadata: fc.jsonValue(),
        logprobsResult: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const anyChunk = fc.oneof(
      fc.record(
        {
          candidates: fc.oneof(fc.array(candidate), fc.jsonValue()),
          usageMetadata: fc.jsonValue(),
          promptFeedback: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(anyChunk), (chunks) => {
        const payloads = chunks.map((each) => ({ event: "", data: JSON.stringify(each) }));
        const { events } = decodePayloads(payloads);
        assert.equal(checkEvents(events), undefined);
        encodeEvents(events);
        fold(events);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe("streamed arguments", () => {
  const pieces = (...partialArgs: JsonObject[]) => chunk([{ functionCall: { partialArgs, willContinue: true } }]);
  const open = chunk([{ functionCall: { name: "f", willContinue: true }, thoughtSignature: "c2ln" }]);
  const close = chunk([{ functionCall: {} }], { finishReason: "STOP" });
  const argumentsOf = (...between: JsonObject[]) => {
    const { events } = decodeChunks([open, ...between, close]);
    assert.equal(checkEvents(events), undefined);
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "tool-call");
    assert.equal(block.signature?.value, "c2ln");
    return { value: parseJson(block.argumentsText), losses: fold(events).losses };
  };

  test("are put together by path", () => {
    const { value, losses } = argumentsOf(
      pieces({ jsonPath: "$.a.b[0].c", stringValue: "one", willContinue: true }),
      pieces({ jsonPath: "$.a.b[0].c", stringValue: " two" }),
      pieces({ jsonPath: "$.a.b[1].c", numberValue: 3 }, { jsonPath: "$['odd.key']", boolValue: false }),
      pieces({ jsonPath: '$["n"]', nullValue: "NULL_VALUE" }),
      pieces(),
    );
    assert.deepEqual(value, { a: { b: [{ c: "one two" }, { c: 3 }] }, "odd.key": false, n: null });
    assert.deepEqual(losses, []);
  });

  test("with a piece that has no place are told as repaired", () => {
    const { value, losses } = argumentsOf(
      pieces({ jsonPath: "$.a[1000000]", stringValue: "x" }, { jsonPath: "$..b", stringValue: "x" }),
      pieces({ jsonPath: "$.__proto__.c", stringValue: "y" }),
    );
    assert.deepEqual(JSON.stringify(value), '{"a":[],"__proto__":{"c":"y"}}');
    assert.equal(losses[0]?.reason, "repaired");
    assert.equal(Object.hasOwn(Object.prototype, "c"), false);
  });

  test("cut off in the middle are no call", () => {
    const { events } = decodeChunks([
      open,
      pieces({ jsonPath: "$.a", stringValue: "x" }),
      chunk([], { finishReason: "MAX_TOKENS" }),
    ]);
    const response = fold(events);
    assert.deepEqual(response.candidates[0]?.blocks, []);
    assert.equal(response.candidates[0].finish.reason, "length");
    assert.equal(response.losses.length, 1);
  });

  test("of Vertex AI's recorded recipe are whole", () => {
    const { events } = decodePayloads(payloadsOf(fixture("gemini", "vertex-stream-partial-arguments")));
    const [block] = fold(events).candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "tool-call");
    const recipe = asObject(asObject(parseJson(block.argumentsText))?.["recipe"]);
    assert.deepEqual(Object.keys(recipe ?? {}), ["ingredients", "name", "steps"]);
    assert.ok(Array.isArray(recipe?.["steps"]) && recipe["steps"].length === 10);
  });
});
