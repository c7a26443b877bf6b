import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asObject } from "../../src/lib/json.ts";
import type { ExchangeEnd } from "../../src/record/record.ts";
import { fourProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";
import { frameAll } from "../support/slicing.ts";

/*
 * Where streams end and how: each row is a place in the provider's stream and what happens there.
 */

const sse: Step = { headers: { "content-type": "text/event-stream" } };
const once =
  (...steps: Step[]): Script =>
  () => [sse, ...steps];

/** What the client has been sent before anything else comes. */
const committed = (text: string, ...rest: Step[]): Script => once({ data: text }, { waitMs: 10 }, ...rest);

const yaml = `${fourProviders}retry: { max_retries: 0 }\n`;

const named = (type: string, more: object) => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

const responsesRequest: MemoryRequest = {
  target: "/v1/responses",
  body: { model: "gpt-4o", stream: true, input: "hi" },
};
const responseObject = (status: string, more: object = {}) => ({
  id: "resp_7",
  object: "response",
  created_at: 5,
  model: "gpt-4o",
  status,
  output: [],
  ...more,
});
const created = named("response.created", { sequence_number: 0, response: responseObject("in_progress") });
const item = named("response.output_item.added", {
  sequence_number: 1,
  output_index: 0,
  item: { type: "message", id: "msg_1", role: "assistant", status: "in_progress", content: [] },
});
const words = named("response.output_text.delta", {
  sequence_number: 2,
  item_id: "msg_1",
  output_index: 0,
  content_index: 0,
  delta: "Hello",
});
const usage = { input_tokens: 7, output_tokens: 2, total_tokens: 9 };
const completed = named("response.completed", { sequence_number: 3, response: responseObject("completed", { usage }) });
const errorEvent = named("error", { sequence_number: 4, code: "server_error", message: "It broke.", param: null });
const failedEvent = named("response.failed", {
  sequence_number: 4,
  response: responseObject("failed", { error: { code: "server_error", message: "It broke." } }),
});

type Row = {
  readonly name: string;
  readonly script: Script;
  readonly status: number;
  readonly end: ExchangeEnd;
  /** What of the provider's own reaches the client. */
  readonly passed?: string;
  /** The type of the one event that the gateway adds; absent for none. */
  readonly told?: string;
};

describe("a Responses stream fails", () => {
  const rows: readonly Row[] = [
    { name: "before response.created, by ending", script: once({ end: true }), status: 502, end: "upstream-failed" },
    {
      name: "before response.created, by a reset",
      script: once({ error: { kind: "reset" } }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "before response.created, by an error event",
      script: once({ data: errorEvent }, { end: true }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "after response.created, by ending before anything was sent",
      script: once({ data: created }, { end: true }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "after response.created, by ending once that was sent",
      script: once({ data: created }, { waitMs: 6_000 }, { end: true }),
      status: 200,
      end: "truncated",
      passed: created,
      told: "response.failed",
    },
    {
      name: "after response.created, by an error event",
      script: once({ data: created }, { waitMs: 6_000 }, { data: errorEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + errorEvent,
    },
    {
      name: "after response.created, by response.failed",
      script: once({ data: created }, { waitMs: 6_000 }, { data: failedEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + failedEvent,
    },
    {
      name: "after text, by ending",
      script: committed(created + item + words, { end: true }),
      status: 200,
      end: "truncated",
      passed: created + item + words,
      told: "response.failed",
    },
    {
      name: "after text, by a reset",
      script: committed(created + item + words, { error: { kind: "reset" } }),
      status: 200,
      end: "truncated",
      passed: created + item + words,
      told: "response.failed",
    },
    {
      name: "after text, by [DONE]",
      script: committed(created + item + words, { data: "data: [DONE]\n\n" }, { end: true }),
      status: 200,
      end: "truncated",
      passed: `${created}${item}${words}data: [DONE]\n\n`,
      told: "response.failed",
    },
    {
      name: "after text, by an error event and a reset",
      script: committed(created + item + words, { data: errorEvent }, { waitMs: 10 }, { error: { kind: "reset" } }),
      status: 200,
      end: "upstream-failed",
      passed: created + item + words + errorEvent,
    },
    {
      name: "after response.completed, by an error event",
      script: committed(created + item + words + completed, { data: errorEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + item + words + completed + errorEvent,
    },
  ];
  for (const row of rows) {
    test(row.name, async () => {
      const { ask, records } = stage({ yaml, script: row.script });
      const { reply } = await ask(responsesRequest);
      assert.equal(reply.status, row.status);
      assert.ok(reply.ended);
      assert.equal(records[0]?.end, row.end);
      assert.notEqual(records[0]?.failure, undefined);
      if (row.status !== 200) return;
      assert.notEqual(records[0]?.failure?.code, "provider_empty_stream", "something had been said");
      assert.ok(reply.text.startsWith(row.passed ?? ""), reply.text);
      const own = frameAll("sse", [reply.body.subarray(row.passed?.length)]).frames;
      assert.deepEqual(
        own.map(({ payload }) => payload?.event),
        row.told === undefined ? [] : [row.told],
      );
      if (row.told !== undefined) checkNumbering(reply.body);
    });
  }

  test("not any more, when the connection breaks after response.completed", async () => {
    const { ask, records } = stage({
      yaml,
      script: committed(created + item + words, { data: completed }, { waitMs: 10 }, { error: { kind: "reset" } }),
    });
    const { reply } = await ask(responsesRequest);
    assert.equal(reply.text, created + item + words + completed);
    assert.ok(reply.ended);
    assert.equal(records[0]?.end, "complete");
    assert.equal(records[0]?.failure, undefined);
    assert.equal(records[0]?.usage?.inputTotal, 7);
  });
});

/** The event that we add goes on where the provider stopped counting, in the name of the provider's own response. */
function checkNumbering(body: Buffer): void {
  const events = frameAll("sse", [body]).frames.flatMap(({ payload }) =>
    payload === undefined || payload.data === "[DONE]" ? [] : [asObject(JSON.parse(payload.data))],
  );
  const numbers = events.map((event) => Number(event?.["sequence_number"]));
  assert.ok(
    numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? Infinity)),
    numbers.join(),
  );
  const response = asObject(events.at(-1)?.["response"]);
  assert.equal(response?.["id"], "resp_7");
  assert.equal(response?.["status"], "failed");
}

const messagesRequest: MemoryRequest = {
  target: "/v1/messages",
  body: { model: "claude-sonnet-4-6", max_tokens: 9, stream: true, messages: [{ role: "user", content: "hi" }] },
};
const messageStart = named("message_start", {
  message: {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-6",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 7, output_tokens: 1 },
  },
});
const blockStart = named("content_block_start", { index: 0, content_block: { type: "text", text: "" } });
const blockDelta = named("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hello" } });
const blockStop = named("content_block_stop", { index: 0 });
const messageDelta = named("message_delta", {
  delta: { stop_reason: "end_turn", stop_sequence: null },
  usage: { output_tokens: 2 },
});
const messageStop = named("message_stop", {});
const message = messageStart + blockStart + blockDelta + blockStop;

describe("a Messages stream", () => {
  test("that is cut after its stop reason but before message_stop is broken, and says so", async () => {
    const { ask, records } = stage({ yaml, script: committed(message, { data: messageDelta }, { end: true }) });
    const { reply } = await ask(messagesRequest);
    const said = message + messageDelta;
    assert.ok(reply.text.startsWith(said));
    assert.match(reply.text.slice(said.length), /^event: error\ndata: \{"type":"error",.*\n\n$/);
    assert.equal(records[0]?.end, "truncated");
    assert.equal(records[0]?.usage?.outputTotal, 2, "what was used is charged");
  });

  test("with two message_stops passes as it is, and is one answer", async () => {
    const all = message + messageDelta + messageStop + messageDelta + messageStop;
    const { ask, records } = stage({ yaml, script: once({ data: all }, { end: true }) });
    const { reply } = await ask(messagesRequest);
    assert.equal(reply.text, all);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.end, "complete");
    assert.deepEqual(records[0]?.finish, ["stop"]);
  });

  test("with an error after message_stop has failed, and nothing is added to the provider's own words", async () => {
    const error = named("error", { error: { type: "api_error", message: "It broke." } });
    const { ask, records } = stage({
      yaml,
      script: committed(message + messageDelta + messageStop, { data: error }, { end: true }),
    });
    const { reply } = await ask(messagesRequest);
    assert.equal(reply.text, message + messageDelta + messageStop + error);
    assert.equal(records[0]?.end, "upstream-failed");
    assert.equal(records[0]?.failure?.code, "provider_error");
  });

  test("is charged for what the client saw of it, when the client leaves in the middle", async () => {
    const { say, clock, records } = stage({ yaml, script: committed(message, { stall: true }) });
    const { reply } = say(messagesRequest);
    await clock.advance(50);
    reply.leave();
    await clock.advance(0);
    assert.equal(records[0]?.end, "cancelled");
    assert.equal(records[0]?.usage?.inputTotal, 7);
  });
});

const chunk = (choices: readonly object[], more: object = {}) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices, ...more })}\n\n`;
const delta = (text: string, index = 0) => chunk([{ index, delta: { content: text }, finish_reason: null }]);
const finish = (index = 0) => chunk([{ index, delta: {}, finish_reason: "stop" }]);
const usageChunk = chunk([], { usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } });
const done = "data: [DONE]\n\n";
const chatError = `data: {"error":{"message":"It broke.","type":"server_error"}}\n\n`;
const chatBody = {
  model: "gpt-4o",
  stream: true,
  stream_options: { include_usage: true },
  messages: [{ role: "user", content: "hi" }],
};

describe("a Chat stream", () => {
  type ChatRow = {
    readonly name: string;
    readonly frames: readonly string[];
    readonly end: ExchangeEnd;
    readonly n?: number;
    readonly told?: boolean;
  };
  const rows: readonly ChatRow[] = [
    {
      name: "with two terminals is one answer",
      frames: [delta("Hi"), finish(), usageChunk, done, finish(), usageChunk, done],
      end: "complete",
    },
    {
      name: "with [DONE] but no finish is complete, for there is content",
      frames: [delta("Hi"), done],
      end: "complete",
    },
    { name: "with a finish but no [DONE] is complete", frames: [delta("Hi"), finish()], end: "complete" },
    {
      name: "with usage after the finish is read on to it",
      frames: [delta("Hi"), finish(), usageChunk],
      end: "complete",
    },
    {
      name: "with an error after the finish has failed",
      frames: [delta("Hi"), finish(), chatError],
      end: "upstream-failed",
    },
    {
      name: "with an error after the finish, and [DONE] after that, has failed",
      frames: [delta("Hi"), finish(), chatError, done],
      end: "upstream-failed",
    },
    {
      name: "of two choices is broken when one has finished",
      frames: [delta("Hi"), delta("Ho", 1), finish()],
      end: "truncated",
      n: 2,
      told: true,
    },
    {
      name: "of two choices is broken when only one ever came",
      frames: [delta("Hi"), finish()],
      end: "truncated",
      n: 2,
      told: true,
    },
    {
      name: "of two choices is complete when both have finished",
      frames: [delta("Hi"), delta("Ho", 1), finish(1), finish(0)],
      end: "complete",
      n: 2,
    },
    {
      name: "with neither finish nor [DONE] is broken",
      frames: [delta("Hi"), usageChunk],
      end: "truncated",
      told: true,
    },
  ];
  for (const { name, frames, end, n, told = false } of rows) {
    test(name, async () => {
      const script = committed(frames[0] ?? "", ...frames.slice(1).map((data): Step => ({ data })), { end: true });
      const { ask, records } = stage({ yaml, script });
      const { reply } = await ask({ body: { ...chatBody, ...(n === undefined ? {} : { n }) } });
      const own = frames.join("");
      assert.ok(reply.ended);
      assert.equal(reply.text.slice(0, own.length), own);
      assert.match(reply.text.slice(own.length), told ? /^data: \{"error":\{.*\n\n$/ : /^$/);
      assert.equal(records.length, 1);
      assert.equal(records[0]?.end, end);
      assert.equal(records[0]?.usage?.inputTotal, frames.includes(usageChunk) ? 7 : undefined);
    });
  }

  test("that is tried again is recorded as the second attempt gave it, without what the first had said", async () => {
    const call = { index: 0, id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
    const calls = chunk([{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }]);
    const calledFinish = chunk([{ index: 0, delta: {}, finish_reason: "tool_calls" }]);
    const script: Script = (_call, index) => [
      sse,
      {
        data:
          index === 0 ? calls + usageChunk.replace('"prompt_tokens":7', '"prompt_tokens":70') : calls + calledFinish,
      },
      { end: true },
    ];
    const { ask, records } = stage({ yaml: fourProviders, script });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, calls + calledFinish);
    assert.equal(records[0]?.attempts.length, 2);
    assert.deepEqual(records[0]?.toolCalls, ["look"]);
    assert.equal(records[0]?.usage, undefined);
  });

  test("with [DONE] and nothing else is an error with a status of its own", async () => {
    const { ask } = stage({ yaml, script: once({ data: done }, { end: true }) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.status, 502);
  });

  test("whose connection breaks after the finish is complete: an error now would take the answer away", async () => {
    for (const how of [{ kind: "reset" }, { kind: "other" }] as const) {
      const { ask, records } = stage({
        yaml,
        script: committed(delta("Hi") + finish(), { data: usageChunk + done.slice(0, 5) }, { error: how }),
      });
      const { reply } = await ask({ body: chatBody });
      assert.equal(reply.text, delta("Hi") + finish() + usageChunk, "half a frame at the break is not passed on");
      assert.ok(reply.ended);
      assert.equal(records[0]?.end, "complete");
      assert.equal(records[0]?.failure, undefined);
    }
  });

  test("ends as it came: bytes that belong to no frame pass at a clean end", async () => {
    const all = `${delta("Hi")}${finish()}${done}: bye`;
    const { ask, records } = stage({ yaml, script: once({ data: all }, { end: true }) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, all);
    assert.equal(records[0]?.end, "complete");
  });

  test("of a thousand frames in one read is one write", async () => {
    const frames = [...Array.from({ length: 1_000 }, (_, index) => delta(`${index} `)), finish(), done].join("");
    const { ask } = stage({ yaml, script: committed(delta("Hi"), { data: frames }, { end: true }) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, delta("Hi") + frames);
    assert.equal(reply.writes.length, 2);
  });

  test("of a thousand frames in one read is one write also without the frame that is withheld", async () => {
    const frames = Array.from({ length: 1_000 }, (_, index) => delta(`${index} `)).join("");
    const { ask } = stage({
      yaml,
      script: committed(delta("Hi"), { data: frames + finish() + usageChunk + done }, { end: true }),
    });
    const { reply } = await ask({ body: { ...chatBody, stream_options: { include_usage: false } } });
    assert.equal(reply.text, delta("Hi") + frames + finish() + done);
    assert.equal(reply.writes.length, 2);
  });
});

describe("a client that leaves on the usage chunk is still charged", () => {
  for (const withheld of [false, true]) {
    test(withheld ? "when the chunk is not for it" : "when the chunk is for it", async () => {
      const { say, clock, records, upstream } = stage({
        yaml,
        script: committed(delta("Hi") + finish(), { data: usageChunk }, { waitMs: 10 }, { data: done }, { end: true }),
      });
      const { reply } = say({ body: { ...chatBody, stream_options: { include_usage: !withheld } } });
      const write = reply.write.bind(reply);
      reply.write = (bytes) => {
        const answer = write(bytes);
        if (reply.text.includes("prompt_tokens")) reply.leave();
        return answer;
      };
      await clock.advance(15);
      if (withheld) reply.leave();
      await clock.advance(50);
      assert.ok(reply.left);
      assert.equal(records.length, 1);
      assert.equal(records[0]?.usage?.inputTotal, 7);
      assert.equal(records[0]?.end, "complete", "the terminal had been seen");
      assert.ok(upstream.calls[0]?.state.aborted);
    });
  }

  test("in the same read as everything else", async () => {
    const { say, clock, records } = stage({
      yaml,
      script: once({ data: delta("Hi") + finish() + usageChunk + done }, { end: true }),
    });
    const { reply } = say({ body: chatBody });
    const write = reply.write.bind(reply);
    reply.write = (bytes) => {
      const answer = write(bytes);
      reply.leave();
      return answer;
    };
    await clock.advance(50);
    assert.equal(records.length, 1);
    assert.equal(records[0]?.usage?.outputTotal, 2);
    assert.equal(records[0]?.end, "complete");
  });
});
