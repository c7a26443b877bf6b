import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asObject } from "../../src/lib/json.ts";
import type { ExchangeEnd } from "../../src/record/record.ts";
import { unretriedProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { committedScript, sseScript, typedEvent, type Script } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";
import { frameAll } from "../support/slicing.ts";

/*
 * Where streams of the Responses API end and how: each row is a place in the provider's stream and what happens there.
 */

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
const created = typedEvent("response.created", { sequence_number: 0, response: responseObject("in_progress") });
const item = typedEvent("response.output_item.added", {
  sequence_number: 1,
  output_index: 0,
  item: { type: "message", id: "msg_1", role: "assistant", status: "in_progress", content: [] },
});
const words = typedEvent("response.output_text.delta", {
  sequence_number: 2,
  item_id: "msg_1",
  output_index: 0,
  content_index: 0,
  delta: "Hello",
});
const usage = { input_tokens: 7, output_tokens: 2, total_tokens: 9 };
const completed = typedEvent("response.completed", {
  sequence_number: 3,
  response: responseObject("completed", { usage }),
});
const errorEvent = typedEvent("error", { sequence_number: 4, code: "server_error", message: "It broke.", param: null });
const failedEvent = typedEvent("response.failed", {
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
    {
      name: "before response.created, by ending",
      script: sseScript({ end: true }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "before response.created, by a reset",
      script: sseScript({ error: { kind: "reset" } }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "before response.created, by an error event",
      script: sseScript({ data: errorEvent }, { end: true }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "after response.created, by ending before anything was sent",
      script: sseScript({ data: created }, { end: true }),
      status: 502,
      end: "upstream-failed",
    },
    {
      name: "after response.created, by ending once that was sent",
      script: sseScript({ data: created }, { waitMs: 6_000 }, { end: true }),
      status: 200,
      end: "truncated",
      passed: created,
      told: "response.failed",
    },
    {
      name: "after response.created, by an error event",
      script: sseScript({ data: created }, { waitMs: 6_000 }, { data: errorEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + errorEvent,
    },
    {
      name: "after response.created, by response.failed",
      script: sseScript({ data: created }, { waitMs: 6_000 }, { data: failedEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + failedEvent,
    },
    {
      name: "after text, by ending",
      script: committedScript(created + item + words, { end: true }),
      status: 200,
      end: "truncated",
      passed: created + item + words,
      told: "response.failed",
    },
    {
      name: "after text, by a reset",
      script: committedScript(created + item + words, { error: { kind: "reset" } }),
      status: 200,
      end: "truncated",
      passed: created + item + words,
      told: "response.failed",
    },
    {
      name: "after text, by [DONE]",
      script: committedScript(created + item + words, { data: "data: [DONE]\n\n" }, { end: true }),
      status: 200,
      end: "truncated",
      passed: `${created}${item}${words}data: [DONE]\n\n`,
      told: "response.failed",
    },
    {
      name: "after text, by an error event and a reset",
      script: committedScript(
        created + item + words,
        { data: errorEvent },
        { waitMs: 10 },
        { error: { kind: "reset" } },
      ),
      status: 200,
      end: "upstream-failed",
      passed: created + item + words + errorEvent,
    },
    {
      name: "after response.completed, by an error event",
      script: committedScript(created + item + words + completed, { data: errorEvent }, { end: true }),
      status: 200,
      end: "upstream-failed",
      passed: created + item + words + completed + errorEvent,
    },
  ];
  for (const row of rows) {
    test(row.name, async () => {
      const { ask, records } = stage({ yaml: unretriedProviders, script: row.script });
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
      yaml: unretriedProviders,
      script: committedScript(
        created + item + words,
        { data: completed },
        { waitMs: 10 },
        { error: { kind: "reset" } },
      ),
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
