import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { bedrockConverse } from "../../src/dialects/bedrock-converse/index.ts";
import { parseJson, type Json } from "../../src/lib/json.ts";
import { fixture } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { frameAll } from "../support/slicing.ts";
import { decodeFrames, decoderOptions } from "../support/streams.ts";

/* What recordings of Bedrock say, and what streams and errors that nobody has recorded would say. */

const dialect = { upstream: bedrockConverse };

function plain(name: string): CanonicalResponse {
  const body = parseJson(fixture("bedrock-converse", name).response.body.toString()) ?? null;
  const read = bedrockConverse.readResponse(body, { ...decoderOptions, model: "m" });
  assert.ok(read.ok, read.ok ? "" : read.error.message);
  return read.value;
}

function streamed(name: string): CanonicalResponse {
  const { frames, rest } = frameAll("aws-eventstream", [fixture("bedrock-converse", name).response.body]);
  assert.equal(rest.length, 0);
  const { events, outcome } = decodeFrames(dialect, frames);
  assert.equal(outcome, "complete");
  return fold(events);
}

/** The blocks of an answer in short, its finish, and what it cost. */
function said(response: CanonicalResponse) {
  const [candidate] = response.candidates;
  const blocks = (candidate?.blocks ?? []).map((block) => {
    switch (block.type) {
      case "text":
        return `text ${block.text.length}${(block.citations ?? []).map(({ type }) => ` ${type}`).join("")}`;
      case "reasoning":
        return `reasoning ${block.summary.join("").length} ${block.opaque?.kind ?? "unsigned"}`;
      case "tool-call":
        return `call ${block.name} ${block.argumentsText}`;
      case "server-tool":
        return `${block.phase} of ${block.tool} ${JSON.stringify(block.input ?? block.output)}`;
      default:
        return block.type;
    }
  });
  const { inputTotal = 0, outputTotal = 0, cacheRead = 0, cacheWrite = 0 } = response.usage ?? {};
  return { blocks, finish: candidate?.finish.reason, usage: [inputTotal, outputTotal, cacheRead, cacheWrite] };
}

const streams: readonly (readonly [name: string, ...Parameters<typeof told>])[] = [
  ["stream-text", ["text 12"], "stop", [8, 10, 0, 0]],
  ["stream-cache-write", ["text 1134"], "stop", [1039, 236, 0, 1028]],
  ["stream-thinking", ["reasoning 193 anthropic.signature", "text 55"], "stop", [36, 73, 0, 0]],
  [
    "stream-text-then-call",
    ["text 96", 'call fetch_concept {"concept": "distributed tracing"}'],
    "tool-calls",
    [259, 64, 0, 0],
  ],
  [
    "stream-server-tool-then-call",
    [
      'call of nova_code_interpreter {"snippet":"1234 * 5678"}',
      'result of nova_code_interpreter [{"json":{"stdOut":"7006652","stdErr":"","exitCode":0,"isError":false}}]',
      'call final_result {"result":7006652.0}',
    ],
    "tool-calls",
    [1002, 59, 0, 0],
  ],
  ["stream-max-tokens", ["text 457"], "length", [21, 100, 0, 0]],
  ["stream-citation-first", ["text 47 document"], "stop", [670, 28, 0, 0]],
  ["stream-guardrail", ["text 51"], "content-filter", [54, 18, 0, 0]],
  ["stream-call-without-arguments", ["call best_language_to_learn {}"], "tool-calls", [1138, 18, 0, 0]],
];

function told(blocks: readonly string[], finish: string, usage: readonly number[]) {
  return { blocks, finish, usage };
}

describe("recorded streams", () => {
  for (const [name, ...expected] of streams) {
    test(name, () => assert.deepEqual(said(streamed(name)), told(...expected)));
  }
});

const answers: readonly (readonly [name: string, ...Parameters<typeof told>])[] = [
  [
    "plain-parallel-calls",
    [
      "text 221",
      'call get_current_weather {"location":"Seattle"}',
      'call get_current_weather {"location":"San Francisco"}',
    ],
    "tool-calls",
    [415, 162, 0, 0],
  ],
  ["plain-thinking-signed", ["reasoning 896 anthropic.signature", "text 1359"], "stop", [316, 573, 0, 0]],
  ["plain-thinking-unsigned", ["reasoning 56 unsigned", "text 2"], "stop", [74, 26, 0, 0]],
  ["plain-call-cached", ["call catalog_lookup {}"], "tool-calls", [3185, 16, 2752, 0]],
  ["plain-search-result-citation", ["text 47 search-result"], "stop", [1266, 36, 0, 0]],
  ["plain-page-citation", ["text 30", "text 16 document", "text 1"], "stop", [5582, 38, 0, 0]],
  ["plain-guardrail", ["text 51"], "content-filter", [54, 18, 0, 0]],
];

describe("recorded answers", () => {
  for (const [name, ...expected] of answers) {
    test(name, () => assert.deepEqual(said(plain(name)), told(...expected)));
  }

  test("what is no part of a message is kept for its own format", () => {
    assert.deepEqual(Object.keys(plain("plain-guardrail").extras["bedrock-converse"] ?? {}), ["metrics", "trace"]);
  });

  test("Nova's findings on the web are links", () => {
    const blocks = plain("plain-web-citations").candidates[0]?.blocks ?? [];
    const links = blocks.flatMap((block) => (block.type === "text" ? (block.citations ?? []) : []));
    assert.deepEqual(links[0], {
      type: "url",
      url: "https://www.ruby-lang.org/en/downloads/releases/",
      title: "ruby-lang.org",
    });
  });

  test("blocks of nothing are kept as they are", () => {
    const blocks = plain("plain-odd-blocks").candidates[0]?.blocks ?? [];
    assert.deepEqual(
      blocks.map(({ type }) => type),
      ["server-tool", "opaque"],
    );
  });

  test("an answer has the exchange's id and the model's name", () => {
    const { id, model } = plain("plain-parallel-calls");
    assert.deepEqual([id, model], ["req_TEST", "m"]);
  });

  for (const body of [null, [], {}, { output: {} }, { output: { message: { content: "text" } } }, "text"] as Json[]) {
    test(`no answer: ${JSON.stringify(body)}`, () => {
      const read = bedrockConverse.readResponse(body, decoderOptions);
      assert.equal(read.ok ? "" : read.error.code, "provider_bad_response");
    });
  }
});

/** What a new decoder makes of these events, and of the end. */
function decode(...frames: readonly (readonly [event: string, data: unknown])[]) {
  const decoder = bedrockConverse.decoder({ ...decoderOptions, model: "m" });
  const events: CanonicalEvent[] = [];
  const terminals: boolean[] = [];
  for (const [event, data] of frames) {
    const data_ = typeof data === "string" ? data : JSON.stringify(data);
    events.push(...(decoder.step({ event, data: data_ }) ?? []));
    terminals.push(decoder.isTerminal());
  }
  const end = decoder.end();
  events.push(...end.events);
  assert.equal(checkEvents(events), undefined);
  return { events, terminals, outcome: end.outcome, last: events.at(-1), response: fold(events) };
}

const start = ["messageStart", { role: "assistant" }] as const;
const text = ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "hi" } }] as const;
const stop = (stopReason: string, more = {}) => ["messageStop", { stopReason, ...more }] as const;
const usage = { inputTokens: 3, outputTokens: 2, totalTokens: 5 };
const metadata = ["metadata", { usage, metrics: { latencyMs: 1 } }] as const;

describe("a stream", () => {
  test("is whole with messageStop, and its usage comes before the finish that is told", () => {
    const { events, terminals, outcome } = decode(start, text, stop("end_turn"), metadata);
    assert.deepEqual(terminals, [false, false, true, true]);
    assert.equal(outcome, "complete");
    assert.deepEqual(
      events.map(({ type }) => type),
      ["start", "block-start", "text-delta", "block-stop", "usage", "finish", "end"],
    );
  });

  test("without metadata is whole all the same", () => {
    const { outcome, response } = decode(start, text, stop("end_turn"));
    assert.deepEqual([outcome, response.usage], ["complete", undefined]);
  });

  test("without messageStop is not, whatever it has said", () => {
    const { outcome, last } = decode(start, text, metadata);
    assert.equal(outcome, "truncated");
    assert.ok(last?.type === "error" && last.failure.code === "provider_interrupted");
  });

  test("of nothing is an empty one", () => {
    const { last } = decode();
    assert.ok(last?.type === "error" && last.failure.code === "provider_empty_stream");
  });

  test("reads on after what it does not know", () => {
    const { response } = decode(start, ["novelty", { x: 1 }], ["", ""], text, stop("end_turn"), metadata);
    assert.deepEqual(response.candidates[0]?.blocks, [{ type: "text", text: "hi" }]);
  });

  test("with a frame that nobody can read says so", () => {
    const decoder = bedrockConverse.decoder(decoderOptions);
    assert.equal(decoder.step({ event: "", data: "(broken)" }), undefined);
    assert.equal(decoder.step({ event: "contentBlockDelta", data: "{" }), undefined);
  });

  test("of redacted thoughts keeps them closed", () => {
    const delta = { contentBlockIndex: 0, delta: { reasoningContent: { redactedContent: "ZGF0YQ==" } } };
    const { response } = decode(start, ["contentBlockDelta", delta], stop("end_turn"));
    assert.deepEqual(response.candidates[0]?.blocks, [
      {
        type: "reasoning",
        summary: [],
        redacted: true,
        opaque: { issuer: { provider: "recorded" }, kind: "anthropic.redacted", value: "ZGF0YQ==" },
      },
    ]);
  });

  test("with a signature in pieces puts it together", () => {
    const thought = (reasoningContent: object) =>
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent } }] as const;
    const { response } = decode(
      start,
      thought({ text: "a" }),
      thought({ signature: "x" }),
      thought({ signature: "y" }),
      stop("end_turn"),
    );
    const [block] = response.candidates[0]?.blocks ?? [];
    assert.ok(block?.type === "reasoning");
    assert.deepEqual([block.summary, block.opaque?.value], [["a"], "xy"]);
  });

  test("with tool input that nobody has called for is repaired", () => {
    const delta = { contentBlockIndex: 3, delta: { toolUse: { input: "{}" } } };
    const { events } = decode(start, ["contentBlockDelta", delta], text, stop("end_turn"));
    assert.ok(events.some((event) => event.type === "loss" && event.loss.reason === "repaired"));
  });

  const finishes: readonly (readonly [string, string])[] = [
    ["end_turn", "stop"],
    ["tool_use", "tool-calls"],
    ["max_tokens", "length"],
    ["stop_sequence", "stop-sequence"],
    ["guardrail_intervened", "content-filter"],
    ["content_filtered", "content-filter"],
    ["malformed_tool_use", "malformed-tool-call"],
    ["malformed_model_output", "error"],
    ["model_context_window_exceeded", "context-length"],
    ["novelty", "other"],
  ];
  for (const [native, reason] of finishes) {
    test(`that stops with ${native} finished for ${reason}`, () => {
      const { finish } = decode(start, text, stop(native)).response.candidates[0] ?? {};
      assert.deepEqual([finish?.reason, finish?.native], [reason, native]);
    });
  }

  test("says at which sequence it stopped, where the model tells", () => {
    const more = { additionalModelResponseFields: { stop_sequence: "X" } };
    const { finish } = decode(start, text, stop("stop_sequence", more)).response.candidates[0] ?? {};
    assert.equal(finish?.stopSequence, "X");
  });

  const exceptions: readonly (readonly [string, string, string])[] = [
    ["exception:throttlingException", "rate-limit", "provider_rate_limited"],
    ["exception:internalServerException", "server", "provider_error"],
    ["exception:modelStreamErrorException", "server", "provider_error"],
    ["exception:serviceUnavailableException", "overloaded", "provider_overloaded"],
    ["exception:validationException", "invalid-request", "provider_rejected_request"],
    ["error:InternalFailure", "server", "provider_error"],
    ["exception:novelException", "server", "provider_error"],
  ];
  for (const [event, kind, code] of exceptions) {
    test(`with ${event} has failed`, () => {
      const { outcome, last } = decode(start, text, [event, { message: "words" }]);
      assert.equal(outcome, "upstream-failed");
      assert.ok(last?.type === "error");
      assert.deepEqual([last.failure.class, last.failure.code, last.failure.message], [kind, code, "words"]);
    });
  }

  test("with an exception after its end has failed, though all of it has been told", () => {
    const { outcome, last } = decode(start, text, stop("end_turn"), metadata, ["exception:throttlingException", {}]);
    assert.deepEqual([outcome, last?.type], ["upstream-failed", "end"]);
  });
});

describe("errors", () => {
  const recorded: readonly (readonly [string, string, string])[] = [
    ["error-403-signature", "authentication", "provider_rejected_credential"],
    ["error-403-expired-token", "authentication", "provider_rejected_credential"],
    ["error-400-model", "model-not-found", "provider_model_not_found"],
    ["error-400-model-streamed", "model-not-found", "provider_model_not_found"],
    ["error-400-video", "unsupported-parameter", "unsupported_parameter"],
  ];
  for (const [name, kind, code] of recorded) {
    test(name, () => {
      const { status, headers, body } = fixture("bedrock-converse", name).response;
      const lowered = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), value]));
      const read = bedrockConverse.readError({ status, headers: lowered, body });
      assert.deepEqual([read.class, read.code, read.upstream?.status], [kind, code, status]);
      assert.ok(read.message.length > 10);
    });
  }

  const made: readonly (readonly [number, string | undefined, string, string])[] = [
    [429, "ThrottlingException", '{"message":"Too many tokens, please wait."}', "provider_rate_limited"],
    [429, undefined, '{"message":"Too many requests"}', "provider_rate_limited"],
    [429, "ModelNotReadyException", "{}", "provider_overloaded"],
    [403, "AccessDeniedException", '{"Message":"no access to the model"}', "provider_permission_denied"],
    [404, "ResourceNotFoundException", "{}", "provider_model_not_found"],
    [408, "ModelTimeoutException", "{}", "provider_timeout"],
    [424, "ModelErrorException", '{"originalStatusCode":500}', "provider_error"],
    [400, "ServiceQuotaExceededException", "{}", "provider_quota_exhausted"],
    [400, "ValidationException", '{"message":"Input is too long for requested model."}', "context_length_exceeded"],
    [400, "com.amazon.coral.service#ValidationException", '{"message":"bad"}', "provider_rejected_request"],
    [500, "InternalServerException", "{}", "provider_error"],
    [503, "ServiceUnavailableException", "{}", "provider_overloaded"],
    [502, undefined, "<html>Bad gateway</html>", "provider_error"],
  ];
  for (const [status, type, body, code] of made) {
    test(`${status} ${type ?? "without a class"}: ${body}`, () => {
      const headers = { "x-amzn-errortype": type === undefined ? undefined : `${type}:http://internal.amazon.com/` };
      assert.equal(bedrockConverse.readError({ status, headers, body: Buffer.from(body) }).code, code);
    });
  }
});
