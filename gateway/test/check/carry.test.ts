import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { failure } from "../../src/canonical/failure.ts";
import type { CanonicalResponse, FinishReason } from "../../src/canonical/response.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { sseFramer } from "../../src/framing/sse.ts";
import type { ExchangeEnd } from "../../src/record/record.ts";
import { plainFailure } from "../../src/relay/carry.ts";
import { seams } from "../../src/relay/seam.ts";
import { anyClient, driveStream } from "../support/answer-stream.ts";
import { MemoryReply } from "../support/memory-reply.ts";
import { frameAll } from "../support/slicing.ts";
import { clientDialectIds, decodeFrames } from "../support/streams.ts";

/* The carry and the answer stream by themselves, for what no play of the whole gateway can bring about. */

const event = (value: object) => Buffer.from(`data: ${JSON.stringify(value)}\n\n`);
const chatDelta = (content: string) =>
  event({ id: "c", created: 1, model: "m", choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const chatFinish = (reason: string) =>
  event({ id: "c", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: reason }] });
const geminiPart = (text: string) => event({ candidates: [{ content: { parts: [{ text }], role: "model" } }] });
const geminiFinish = (reason: string) =>
  event({ candidates: [{ finishReason: reason, finishMessage: "Malformed function call: x(" }] });

type Failing = {
  readonly name: string;
  readonly upstream: ClientDialectId;
  readonly says: Buffer;
  readonly ends: Buffer;
  readonly code: string;
  /** What the record says of it in its own format. */
  readonly own: ExchangeEnd;
};
const failing: readonly Failing[] = [
  {
    name: "a finish `error` of Chat",
    upstream: "openai-chat",
    says: chatDelta("Hel"),
    ends: chatFinish("error"),
    code: "provider_error",
    own: "upstream-failed",
  },
  {
    name: "a malformed call of Gemini",
    upstream: "gemini",
    says: geminiPart("Hel"),
    ends: geminiFinish("MALFORMED_FUNCTION_CALL"),
    code: "provider_bad_response",
    own: "complete",
  },
];

for (const { name, upstream, says, ends, code, own } of failing) {
  describe(`${name} is no answer in another format`, () => {
    for (const dialect of clientDialectIds.filter((each) => each !== upstream)) {
      test(`${dialect}: before the commit it is a failure of the attempt`, async () => {
        const { peeked, source } = driveStream({ kind: "translate", client: anyClient(dialect), upstream });
        source.data(ends);
        source.end();
        const stream = await peeked;
        assert.ok(!stream.ok);
        assert.equal(stream.error.code, code);
      });

      test(`${dialect}: after it the client is told once, in the stream, and nothing else ends it`, async () => {
        const { reply, result } = await committed(anyClient(dialect), upstream, [says], [ends]);
        assert.ok(reply.ended);
        assert.equal(result.end, "upstream-failed");
        assert.equal(result.failure?.code, code);
        const { events, outcome } = decodeFrames(dialects[dialect], frameAll("sse", [reply.body]).frames);
        assert.equal(outcome, "upstream-failed");
        assert.equal(events.at(-1)?.type, "error");
        assert.equal(events.filter(({ type }) => type === "finish").length, 0);
        assert.ok(!reply.text.includes("[DONE]"));
        assert.equal(reply.text.match(/Try again|Malformed function call/g)?.length, 1);
      });
    }

    test(`${upstream}: in its own format it passes as it is`, async () => {
      const { reply, result } = await committed(anyClient(upstream), upstream, [says], [ends], "verbatim");
      assert.equal(result.end, own);
      assert.equal(reply.text, Buffer.concat([says, ends]).toString());
    });
  });
}

test("a finish that failed cuts Gemini CLI off, which would take it for an answer", async () => {
  const { reply, result } = await committed(
    anyClient("gemini", { agent: "gemini-cli" }),
    "openai-chat",
    [chatDelta("Hel")],
    [chatFinish("error")],
  );
  assert.ok(reply.destroyed);
  assert.ok(reply.text.includes("Hel"));
  assert.ok(!reply.text.includes("finishReason"));
  assert.equal(result.end, "upstream-failed");
});

describe("a plain answer that failed by its finish", () => {
  const answer = (...reasons: FinishReason[]): CanonicalResponse => ({
    id: "1",
    model: "m",
    createdAt: 0,
    candidates: reasons.map((reason, index) => ({ index, blocks: [], finish: { reason, native: "" } })),
    losses: [],
    extras: {},
  });
  test("is none in another format, whichever candidate it is", () => {
    assert.equal(plainFailure("translate", answer("error"))?.class, "server");
    assert.equal(plainFailure("translate", answer("stop", "malformed-tool-call"))?.class, "unreadable");
    for (const reason of ["stop", "content-filter", "cancelled", "other"] as const) {
      assert.equal(plainFailure("translate", answer(reason)), undefined);
    }
  });
  test("passes in its own", () => assert.equal(plainFailure("verbatim", answer("error")), undefined));
});

describe("a frame over the limit", () => {
  const framer = () => sseFramer({ frameBytesMax: 1_000 });
  const huge = Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"${"x".repeat(2_000)}`);
  test("is an ordinary failure while nothing has been sent", async () => {
    const { peeked, source } = driveStream({ kind: "verbatim", client: anyClient("openai-chat"), framer: framer() });
    source.data(huge);
    const stream = await peeked;
    assert.ok(!stream.ok);
    assert.equal(stream.error.code, "provider_frame_too_large");
  });
  test("is told in the stream afterwards, without a byte of it, and nothing more is read", async () => {
    const { peeked, source } = driveStream({ kind: "verbatim", client: anyClient("openai-chat"), framer: framer() });
    source.data(chatDelta("Hel"));
    const stream = await peeked;
    assert.ok(stream.ok);
    const reply = new MemoryReply(Infinity);
    const over = stream.value.relay(reply, 200, {});
    for (let offset = 0; offset < huge.length; offset += 100) source.data(huge.subarray(offset, offset + 100));
    source.data(chatDelta("lo"));
    const result = await over;
    assert.equal(result.end, "unreadable");
    assert.equal(result.failure?.code, "provider_frame_too_large");
    assert.ok(reply.text.startsWith(`${chatDelta("Hel").toString()}data: {"error"`), reply.text);
    assert.ok(!reply.text.includes("xx"));
  });
  test("is not one that has exactly the limit", async () => {
    const fit = Buffer.from(
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "y" }, finish_reason: "stop" }] })}`.padEnd(
        998,
      ) + "\n\n",
    );
    assert.equal(fit.length, 1_000);
    const { peeked, source } = driveStream({ kind: "verbatim", client: anyClient("openai-chat"), framer: framer() });
    source.data(fit);
    source.end();
    assert.ok((await peeked).ok);
  });
});

describe("between the decision to commit and the first byte", () => {
  const reasons = [
    failure("provider_interrupted", "The connection broke."),
    failure("client_closed", "Gone."),
  ] as const;
  for (const reason of reasons) {
    test(`${reason.code} ends the stream all the same`, async () => {
      const { peeked, source, handle } = driveStream({ kind: "verbatim", client: anyClient("openai-chat") });
      source.data(chatDelta("Hel"));
      const stream = await peeked;
      assert.ok(stream.ok);
      if (reason.class === "cancelled") handle.abort(reason);
      else source.broken(reason);
      const reply = new MemoryReply(Infinity);
      const result = await stream.value.relay(reply, 200, {});
      assert.equal(result.failure?.code, reason.code);
      assert.equal(result.end, reason.class === "cancelled" ? "cancelled" : "truncated");
      assert.equal(reply.ended, reason.class !== "cancelled");
      if (reply.ended) assert.ok(reply.text.startsWith(`${chatDelta("Hel").toString()}data: {"error"`));
    });
  }
});

test("a line that is no JSON after the end of a translated answer changes nothing", async () => {
  const done = Buffer.from("data: [DONE]\n\n");
  const { reply, result } = await committed(
    anyClient("anthropic-messages"),
    "openai-responses",
    [],
    [...responsesAnswer(), done, Buffer.from("data: {oops\n\n")],
  );
  assert.equal(result.end, "complete");
  assert.ok(reply.text.endsWith('data: {"type":"message_stop"}\n\n'), reply.text.slice(-80));
});

function responsesAnswer(): Buffer[] {
  const response = {
    id: "resp_1",
    object: "response",
    created_at: 1,
    model: "m",
    status: "completed",
    output: [
      {
        type: "message",
        id: "msg_1",
        role: "assistant",
        status: "completed",
        content: [{ type: "output_text", text: "Hi", annotations: [] }],
      },
    ],
  };
  return [
    event({
      type: "response.created",
      sequence_number: 0,
      response: { ...response, status: "in_progress", output: [] },
    }),
    event({ type: "response.completed", sequence_number: 1, response }),
  ];
}

describe("the seam between a provider's bytes and ours", () => {
  const frame = (text: string, hasPayload = true) => ({
    bytes: Buffer.from(text),
    payload: hasPayload ? { event: "", data: "" } : undefined,
  });
  const rows: readonly (readonly [
    keyof typeof seams,
    readonly ReturnType<typeof frame>[],
    string | undefined,
    string,
  ])[] = [
    ["sse", [], "", ""],
    ["sse", [frame("data: 1\n\n")], "", ""],
    ["sse", [frame("data: 1\r\n\r\n")], "", ""],
    ["sse", [frame("data: 1\r\r")], "", ""],
    ["sse", [frame("\n", false)], "", ""],
    ["sse", [frame("data: 1\r\n")], "\n\n", ""],
    ["sse", [frame("data: 1")], "\n\n", ""],
    ["json-array", [], "", ""],
    ["json-array", [frame(" [{}")], "", "]"],
    ["json-array", [frame("[[1]"), frame(",[2]")], "", "]"],
    ["json-array", [frame("[{}"), frame("]\n", false)], undefined, ""],
    ["json-array", [frame("[]", false)], undefined, ""],
    ["json-array", [frame("{}"), frame("\n", false)], undefined, ""],
    ["ndjson", [frame("{}\n")], "", ""],
    ["ndjson", [frame("{}")], "\n", ""],
  ];
  for (const [framing, passed, lead, closing] of rows) {
    test(`${framing} after ${JSON.stringify(passed.map(({ bytes }) => bytes.toString()))}`, () => {
      const seam = seams[framing]();
      for (const each of passed) seam.passed(each);
      assert.equal(seam.lead(), lead);
      assert.equal(seam.closing(), closing);
    });
  }
});

/** Relays what comes before the commit and what comes after it, to the end of the provider's stream. */
async function committed(
  client: ClientContext,
  upstream: ClientDialectId,
  before: readonly Buffer[],
  after: readonly Buffer[],
  kind: "verbatim" | "translate" = "translate",
) {
  const { peeked, source, clock } = driveStream({ kind, client, upstream });
  for (const bytes of before) source.data(bytes);
  if (before.length === 0) await clock.advance(6_000);
  const stream = await peeked;
  assert.ok(stream.ok);
  const reply = new MemoryReply(Infinity);
  const over = stream.value.relay(reply, 200, {});
  for (const bytes of after) source.data(bytes);
  source.end();
  return { reply, result: await over };
}
