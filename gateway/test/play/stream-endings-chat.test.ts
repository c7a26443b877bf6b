import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ExchangeEnd } from "../../src/record/record.ts";
import { fourProviders, unretriedProviders } from "../support/config.ts";
import { committedScript, sseHead, sseScript, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/*
 * Where streams of Chat Completions end and how: each row is what the provider sends, and whether that is a whole answer.
 */

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
      const script = committedScript(frames[0] ?? "", ...frames.slice(1).map((data): Step => ({ data })), {
        end: true,
      });
      const { ask, records } = stage({ yaml: unretriedProviders, script });
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
      sseHead,
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
    const { ask } = stage({ yaml: unretriedProviders, script: sseScript({ data: done }, { end: true }) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.status, 502);
  });

  test("whose connection breaks after the finish is complete: an error now would take the answer away", async () => {
    for (const how of [{ kind: "reset" }, { kind: "other" }] as const) {
      const { ask, records } = stage({
        yaml: unretriedProviders,
        script: committedScript(delta("Hi") + finish(), { data: usageChunk + done.slice(0, 5) }, { error: how }),
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
    const { ask, records } = stage({ yaml: unretriedProviders, script: sseScript({ data: all }, { end: true }) });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, all);
    assert.equal(records[0]?.end, "complete");
  });

  test("of a thousand frames in one read is one write", async () => {
    const frames = [...Array.from({ length: 1_000 }, (_, index) => delta(`${index} `)), finish(), done].join("");
    const { ask } = stage({
      yaml: unretriedProviders,
      script: committedScript(delta("Hi"), { data: frames }, { end: true }),
    });
    const { reply } = await ask({ body: chatBody });
    assert.equal(reply.text, delta("Hi") + frames);
    assert.equal(reply.writes.length, 2);
  });

  test("of a thousand frames in one read is one write also without the frame that is withheld", async () => {
    const frames = Array.from({ length: 1_000 }, (_, index) => delta(`${index} `)).join("");
    const { ask } = stage({
      yaml: unretriedProviders,
      script: committedScript(delta("Hi"), { data: frames + finish() + usageChunk + done }, { end: true }),
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
        yaml: unretriedProviders,
        script: committedScript(
          delta("Hi") + finish(),
          { data: usageChunk },
          { waitMs: 10 },
          { data: done },
          { end: true },
        ),
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
      yaml: unretriedProviders,
      script: sseScript({ data: delta("Hi") + finish() + usageChunk + done }, { end: true }),
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
