import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import type { StreamOutcome } from "../../src/dialects/dialect.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { parseJson } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import {
  chunk,
  decodeStream,
  decoderOptions,
  encodeEvents,
  optionsFor,
  sse,
  toolCall,
  wireUsage,
} from "../support/openai-chat.ts";

const recorded = fixtures("openai-chat").filter(({ response }) => response.status === 200);
const streams = recorded.filter(({ response }) => response.extension === "sse");

describe("every recorded answer obeys the event grammar", () => {
  const outcomes: { readonly [name: string]: StreamOutcome } = {
    "openrouter-stream-done-without-answer": "truncated",
    "openrouter-stream-error-beside-choices": "upstream-failed",
    "openrouter-stream-error-no-done": "upstream-failed",
    "openrouter-stream-error-only": "upstream-failed",
  };
  for (const each of recorded) {
    test(each.name, () => {
      if (each.response.extension === "sse") {
        const { events, outcome, terminal, unreadable } = decodeStream(each.response.body, optionsFor(each));
        assert.equal(checkEvents(events), undefined);
        assert.equal(outcome, outcomes[each.name] ?? "complete");
        assert.equal(terminal, outcome === "complete");
        assert.equal(unreadable, 0);
        return;
      }
      const response = readPlain(each.response.body.toString("utf8"));
      if (response.ok) assert.equal(checkEvents(unfold(response.value)), undefined);
      else assert.match(each.name, /error/);
    });
  }
});

test("a stream that is cut anywhere before its end is never complete", () => {
  for (const each of streams) {
    const text = each.response.body.toString("utf8");
    const whole = decodeStream(text, optionsFor(each));
    if (whole.outcome !== "complete") continue;
    const frames = text.split(/(?<=\n\n)/);
    const finishAt = frames.findLastIndex((frame) => /"finish_reason": ?"/.test(frame));
    const end = finishAt < 0 ? frames.findIndex((frame) => frame.includes("[DONE]")) : firstFinish(frames);
    for (let count = 0; count < end; count += 1) {
      const { events, outcome } = decodeStream(frames.slice(0, count).join(""), optionsFor(each));
      assert.equal(outcome, "truncated", `${each.name} after ${count} frames`);
      assert.equal(checkEvents(events), undefined);
    }
  }
});

function firstFinish(frames: readonly string[]): number {
  return frames.findIndex((frame) => /"finish_reason": ?"[a-z]/.test(frame));
}

describe("when a stream is complete", () => {
  const text = chunk({ role: "assistant", content: "Hi" });
  const stop = chunk({}, { finish_reason: "stop" });
  const rows: readonly {
    readonly name: string;
    readonly stream: string;
    readonly candidates?: number;
    readonly outcome: StreamOutcome;
    readonly code?: string;
  }[] = [
    { name: "finish and [DONE]", stream: sse(text, stop, "[DONE]"), outcome: "complete" },
    { name: "a finish without [DONE]", stream: sse(text, stop), outcome: "complete" },
    { name: "[DONE] after text without a finish", stream: sse(text, "[DONE]"), outcome: "complete" },
    { name: "text alone", stream: sse(text), outcome: "truncated", code: "provider_interrupted" },
    { name: "nothing at all", stream: "", outcome: "truncated", code: "provider_empty_stream" },
    { name: "[DONE] alone", stream: sse("[DONE]"), outcome: "truncated", code: "provider_empty_stream" },
    {
      name: "[DONE] after a role and usage",
      stream: sse(
        chunk({ role: "assistant", content: "" }, { usage: { prompt_tokens: 1, completion_tokens: 0 } }),
        "[DONE]",
      ),
      outcome: "truncated",
      code: "provider_interrupted",
    },
    {
      name: "[DONE] after reasoning that led nowhere",
      stream: sse(chunk({ reasoning_content: "Hmm" }), "[DONE]"),
      outcome: "truncated",
      code: "provider_interrupted",
    },
    {
      name: "[DONE] in the middle of a tool call's arguments",
      stream: sse(chunk({ tool_calls: [toolCall(0, "a", "f", '{"x":')] }), "[DONE]"),
      outcome: "truncated",
      code: "provider_interrupted",
    },
    {
      name: "[DONE] after a whole tool call",
      stream: sse(chunk({ tool_calls: [toolCall(0, "a", "f", '{"x":1}')] }), "[DONE]"),
      outcome: "complete",
    },
    {
      name: "one finish where two choices were asked for",
      stream: sse(text, stop),
      candidates: 2,
      outcome: "truncated",
    },
    {
      name: "a finish for each of two choices",
      stream: sse(text, stop, chunk({ content: "Ho" }, { index: 1 }), chunk({}, { index: 1, finish_reason: "stop" })),
      candidates: 2,
      outcome: "complete",
    },
    {
      name: "an error after the finish",
      stream: sse(text, stop, { error: { message: "Overloaded", code: 503 } }),
      outcome: "upstream-failed",
      code: "provider_overloaded",
    },
    {
      name: "an error beside choices",
      stream: sse({ ...(chunk({ content: "" }) as object), error: { message: "Lost", code: 502 } }, "[DONE]"),
      outcome: "upstream-failed",
      code: "provider_error",
    },
    {
      name: "an error on the choice",
      stream: sse({ choices: [{ index: 0, delta: {}, error: { message: "Slow down", code: 429 } }] }),
      outcome: "upstream-failed",
      code: "provider_rate_limited",
    },
    {
      name: "an SSE event named error",
      stream: `${sse(text)}event: error\ndata: {"error":{"message":"tool call validation failed","type":"invalid_request_error","code":"tool_use_failed"}}\n\n`,
      outcome: "upstream-failed",
      code: "provider_error",
    },
    {
      name: "an SSE event named error that is no JSON",
      stream: "event: error\ndata: upstream reset\n\n",
      outcome: "upstream-failed",
      code: "provider_error",
    },
    {
      name: "an SSE event named error without data",
      stream: "event: error\ndata:\n\n",
      outcome: "upstream-failed",
      code: "provider_error",
    },
    {
      name: "an error in an array",
      stream: sse([{ error: { message: "Resource exhausted", code: 429 } }]),
      outcome: "upstream-failed",
      code: "provider_rate_limited",
    },
    {
      name: "a finish reason that is an error",
      stream: sse(text, chunk({}, { finish_reason: "error" })),
      outcome: "upstream-failed",
      code: "provider_error",
    },
    { name: "an error of null", stream: sse({ ...(text as object), error: null }, stop), outcome: "complete" },
  ];
  for (const { name, stream, candidates = 1, outcome, code } of rows) {
    test(name, () => {
      const decoded = decodeStream(stream, decoderOptions({ candidates }));
      assert.equal(checkEvents(decoded.events), undefined);
      assert.equal(decoded.outcome, outcome);
      const last = decoded.events.at(-1);
      if (code !== undefined) assert.equal(last?.type === "error" ? last.failure.code : last?.type, code);
    });
  }
});

test("an unreadable frame is told apart from one that says nothing", () => {
  const decoder = openaiChat.upstream.decoder(decoderOptions());
  assert.equal(decoder.step({ event: "", data: '{"choices":[{"del' }), undefined);
  assert.deepEqual(decoder.step({ event: "", data: '{"object":"something.new"}' }), []);
  assert.deepEqual(decoder.step({ event: "ping", data: "" }), []);
});

test("blocks of a broken stream stay open, so that nobody takes half a tool call for a whole one", () => {
  const { events } = decodeStream(sse(chunk({ tool_calls: [toolCall(0, "a", "f", '{"path":"/')] })));
  assert.ok(events.some(({ type }) => type === "arguments-delta"));
  assert.ok(!events.some(({ type }) => type === "block-stop"));
});

test("the finish waits for the usage that follows it, and for calls that come after it", () => {
  const early = chunk(
    { tool_calls: [toolCall(0, "a", "f", "{}")] },
    { finish_reason: "tool_calls", usage: wireUsage(10, 1) },
  );
  const later = chunk(
    { tool_calls: [toolCall(0, "b", "g", "{}")] },
    { finish_reason: "tool_calls", usage: wireUsage(10, 2) },
  );
  const { events } = decodeStream(sse(early, later, "[DONE]"));
  assert.equal(checkEvents(events), undefined);
  assert.deepEqual(toolNames(events), ["f", "g"]);
  assert.deepEqual(
    events.slice(-2).map(({ type }) => type),
    ["finish", "end"],
  );
});

describe("plain answers that are none", () => {
  const rows: readonly (readonly [name: string, body: string, code: string])[] = [
    ["an error in a 200", '{"error":{"message":"Bad gateway","code":502}}', "provider_error"],
    ["a rate limit in a 200", '{"error":{"message":"Slow down","code":429}}', "provider_rate_limited"],
    ["an error object of vLLM", '{"object":"error","message":"No such model","code":404}', "provider_not_found"],
    ["text", '"hello"', "provider_bad_response"],
    ["an empty object", "{}", "provider_bad_response"],
    ["no choices", '{"choices":[]}', "provider_bad_response"],
    ["a choice that says nothing", '{"choices":[{"index":0}]}', "provider_bad_response"],
    [
      "a finish that is an error",
      '{"choices":[{"message":{"content":"Hi"},"finish_reason":"error"}]}',
      "provider_error",
    ],
  ];
  for (const [name, body, code] of rows) {
    test(name, () => {
      const read = readPlain(body);
      assert.equal(read.ok ? "ok" : read.error.code, code);
    });
  }
});

describe("whatever a provider sends, nothing throws and the grammar holds", () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("a", "{}", "", "stop"),
  );
  const some = (...members: readonly string[]) =>
    fc.dictionary(
      fc.constantFrom(...members),
      fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 1, arbitrary: fc.jsonValue() }),
    );
  const anyCall = fc
    .tuple(some("index", "id", "type", "custom"), some("name", "arguments"))
    .map(([outer, inner]) => ({ ...outer, function: inner }));
  const delta = fc
    .tuple(
      some("content", "reasoning", "reasoning_content", "refusal", "audio", "annotations", "images", "function_call"),
      fc.array(anyCall, { maxLength: 3 }),
    )
    .map(([members, tool_calls]) => ({ ...members, tool_calls }));
  const choice = fc.record(
    { index: fc.oneof(fc.nat(2), leaf), delta, message: delta, finish_reason: leaf, logprobs: fc.jsonValue() },
    { requiredKeys: ["delta"] },
  );
  const body = fc.oneof(
    fc.record(
      { id: leaf, model: leaf, created: leaf, choices: fc.array(choice, { maxLength: 3 }), usage: fc.jsonValue() },
      { requiredKeys: ["choices"] },
    ),
    fc.jsonValue(),
  );

  test("decoder and encoder", () => {
    fc.assert(
      fc.property(fc.array(body, { maxLength: 8 }), fc.boolean(), (chunks, isDone) => {
        const frames = chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
        const { events } = decodeStream(isDone ? `${frames}data: [DONE]\n\n` : frames);
        assert.equal(checkEvents(events), undefined);
        assert.equal(Buffer.from(encodeEvents(events)).toString("utf8"), encodeEvents(events), "well-formed UTF-8");
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  test("readResponse and readError", () => {
    fc.assert(
      fc.property(body, fc.integer({ min: 300, max: 599 }), (value, status) => {
        const text = JSON.stringify(value);
        const read = readPlain(text);
        if (read.ok) assert.equal(checkEvents(unfold(read.value)), undefined);
        const reason = openaiChat.upstream.readError({ status, headers: {}, body: Buffer.from(text) });
        assert.ok(reason.status === undefined || reason.status < 500);
      }),
      { seed: 7, numRuns: 400 },
    );
  });
});

function readPlain(text: string): ReturnType<typeof openaiChat.upstream.readResponse> {
  const body = parseJson(text);
  assert.ok(body !== undefined, "the body is JSON");
  return openaiChat.upstream.readResponse(body, decoderOptions());
}

function toolNames(events: readonly CanonicalEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === "block-start" && event.initial.type === "tool-call" ? [event.initial.name] : [],
  );
}
