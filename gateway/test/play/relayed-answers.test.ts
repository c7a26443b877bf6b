import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { jsonAnswer, sseStart } from "../support/memory-transport.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { relayedStage } from "../support/play.ts";

/* Answers that are not held whole. */

const speech: MemoryRequest = { target: "/v1/audio/speech", body: { model: "m", input: "größer 👋", voice: "alloy" } };

describe("sound", () => {
  const headers = { "content-type": "audio/mpeg", "content-disposition": 'attachment; filename="speech.mp3"' };
  const bytes = Buffer.from([0xff, 0xfb, 0x00, 0x0d, 0x0a, 0x80]);

  test("passes as it comes, with its content type, and is charged by the character", async () => {
    const { ask, records } = relayedStage([
      { headers },
      { data: bytes },
      { waitMs: 50 },
      { data: bytes },
      { end: true },
    ]);
    const { reply } = await ask(speech);
    assert.equal(reply.status, 200);
    assert.equal(reply.headers["content-type"], "audio/mpeg");
    assert.equal(reply.headers["content-disposition"], headers["content-disposition"]);
    assert.ok(reply.body.equals(Buffer.concat([bytes, bytes])));
    assert.equal(reply.writes.length, 2, "the first bytes did not wait for the last");
    assert.ok(reply.ended);
    assert.equal(records[0]?.usage?.inputCharacters, 8);
    assert.equal(records[0]?.responseBytes, 12);
  });

  test("that breaks off cuts the connection: half of it must not look whole", async () => {
    const { ask, records } = relayedStage([{ headers }, { data: bytes }, { waitMs: 10 }, { error: { kind: "reset" } }]);
    const { reply } = await ask(speech);
    assert.equal(reply.status, 200);
    assert.ok(reply.destroyed && !reply.ended);
    assert.equal(records[0]?.end, "truncated");
  });

  test("of which nothing came is an ordinary error", async () => {
    const { ask } = relayedStage([{ headers }, { error: { kind: "reset" } }]);
    const { reply } = await ask(speech);
    assert.equal(reply.status, 502);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_interrupted");
  });

  test("waits while the client does not read", async () => {
    const { say, clock, upstream } = relayedStage([
      { headers },
      { data: bytes },
      { data: bytes },
      { data: bytes },
      { end: true },
    ]);
    const { reply } = say({ ...speech, unreadBytesMax: 5 });
    await clock.advance(10);
    assert.equal(reply.writes.length, 1);
    assert.ok(upstream.calls[0]?.state.paused);
    reply.read();
    await clock.advance(10);
    reply.read();
    await clock.advance(10);
    reply.read();
    await clock.advance(10);
    assert.ok(reply.ended);
    assert.equal(reply.body.length, 18);
  });

  test("that a client leaves ends at the provider", async () => {
    const { say, clock, upstream, records } = relayedStage([{ headers }, { data: bytes }, { stall: true }]);
    const { reply } = say(speech);
    await clock.advance(10);
    reply.leave();
    await clock.advance(10);
    assert.ok(upstream.calls[0]?.state.aborted);
    assert.equal(records[0]?.end, "cancelled");
  });

  test("has no keep-alives in it", async () => {
    const { say, clock } = relayedStage([
      { headers },
      { data: bytes },
      { waitMs: 60_000 },
      { data: bytes },
      { end: true },
    ]);
    const { reply } = say(speech);
    await clock.advance(61_000);
    assert.ok(reply.body.equals(Buffer.concat([bytes, bytes])));
  });

  test("as events tells its usage at the end", async () => {
    const delta = `event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"${"A".repeat(100_000)}"}\n\n`;
    const done =
      'data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}\n\n';
    const { ask, records } = relayedStage([...sseStart(delta, done), { end: true }]);
    const { reply } = await ask({ ...speech, body: { model: "m", input: "x", stream_format: "sse" } });
    assert.ok(reply.text === delta + done);
    assert.equal(reply.headers["content-type"], "text/event-stream");
    assert.equal(records[0]?.usage?.outputTotal, 9);
    assert.equal(records[0]?.stream, true);
    assert.equal(records[0]?.end, "complete");
  });
});

describe("pictures as events", () => {
  const picture = "A".repeat(3_000_000);
  const partial = `event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"${picture}","partial_image_index":0}\n\n`;
  const completed = `event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"${picture}","usage":{"input_tokens":50,"input_tokens_details":{"image_tokens":40,"text_tokens":10},"output_tokens":60,"output_tokens_details":{"image_tokens":55,"text_tokens":5},"total_tokens":110}}\n\n`;
  const request: MemoryRequest = { target: "/v1/images/generations", body: { model: "m", prompt: "x", stream: true } };

  test("of megabytes pass untouched, and the last one's usage is recorded", async () => {
    const { ask, records } = relayedStage([...sseStart(partial, completed), { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === partial + completed);
    const usage = { inputTotal: 50, outputTotal: 60, inputImage: 40, outputImage: 55, cacheRead: 0, cacheWrite: 0 };
    assert.deepEqual(records[0]?.usage, usage);
  });

  test("may have partial ones behind the completed one", async () => {
    const { ask, records } = relayedStage([...sseStart(completed, partial), { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === completed + partial);
    assert.equal(records[0]?.end, "complete");
    assert.equal(records[0]?.usage?.outputTotal, 60);
  });

  test("without a completed one are cut short, and say so in the stream", async () => {
    const { ask, records } = relayedStage([...sseStart(partial), { waitMs: 10 }, { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text.startsWith(partial));
    assert.match(reply.text.slice(partial.length), /^data: \{"error":\{"message":"The provider's stream ended/);
    assert.equal(records[0]?.end, "truncated");
  });

  test("that begin with an error are that error, with a status", async () => {
    const { ask } = relayedStage([
      ...sseStart(
        'event: error\ndata: {"type":"error","error":{"type":"image_generation_user_error","code":"moderation_blocked","message":"Your request was rejected"}}\n\n',
      ),
      { end: true },
    ]);
    const { reply } = await ask(request);
    assert.ok(reply.status >= 400);
    assert.match(reply.text, /Your request was rejected/);
  });

  test("that end with an error pass it on once", async () => {
    const error = 'data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n';
    const { ask, records } = relayedStage([...sseStart(partial), { waitMs: 10 }, { data: error }, { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === partial + error);
    assert.equal(records[0]?.end, "upstream-failed");
  });

  test("of more than 64 MiB in one are refused", async () => {
    const chunk = { data: "A".repeat(16 * 1024 * 1024) };
    const { ask } = relayedStage([...sseStart("data: "), chunk, chunk, chunk, chunk, { data: "A" }, { end: true }]);
    const { reply } = await ask(request);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_frame_too_large");
  });
});

describe("legacy completions as events", () => {
  const chunk = (text: string, finish: string | null) =>
    `data: ${JSON.stringify({ object: "text_completion", choices: [{ index: 0, text, finish_reason: finish }] })}\n\n`;
  const request: MemoryRequest = { target: "/v1/completions", body: { model: "m", prompt: "x", stream: true } };

  for (const [name, pieces] of [
    ["[DONE]", [chunk("a", null), "data: [DONE]\n\n"]],
    ["a finish reason", [chunk("a", null), chunk("", "stop")]],
  ] as const) {
    test(`are complete with ${name}`, async () => {
      const { ask, records } = relayedStage([...sseStart(...pieces), { end: true }]);
      const { reply } = await ask(request);
      assert.equal(reply.text, pieces.join(""));
      assert.equal(records[0]?.end, "complete");
    });
  }

  test("that stop in the middle are truncated, whatever the text says", async () => {
    const { ask, records } = relayedStage([
      ...sseStart(chunk('"finish_reason": "stop"', null)),
      { waitMs: 10 },
      { end: true },
    ]);
    await ask(request);
    assert.equal(records[0]?.end, "truncated");
  });

  test("have keep-alives while the provider is silent", async () => {
    const { say, clock } = relayedStage([
      ...sseStart(chunk("a", null)),
      { waitMs: 20_000 },
      { data: chunk("", "stop") },
      { end: true },
    ]);
    const { reply } = say(request);
    await clock.advance(25_000);
    assert.match(reply.text, /\n\n: keep-alive\n\ndata: /);
  });
});

describe("a transcript", () => {
  const request = (format: string): MemoryRequest => ({
    target: "/v1/audio/transcriptions",
    headers: { "content-type": "application/json" },
    body: { model: "m", response_format: format },
  });

  test("as text is text", async () => {
    const { ask, records } = relayedStage([
      { headers: { "content-type": "text/plain; charset=utf-8" } },
      { data: '{"not": json\n' },
      { end: true },
    ]);
    const { reply } = await ask(request("srt"));
    assert.equal(reply.text, '{"not": json\n');
    assert.equal(reply.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(records[0]?.usage, undefined);
  });

  test("by the token is charged by the token, one by the second by the second", async () => {
    const tokens = {
      type: "tokens",
      input_tokens: 14,
      input_token_details: { audio_tokens: 14, text_tokens: 0 },
      output_tokens: 45,
      total_tokens: 59,
    };
    const seconds = { type: "duration", seconds: 9 };
    const { ask, records } = relayedStage((call) =>
      jsonAnswer({ text: "hi", usage: call.text.includes("verbose") ? seconds : tokens }),
    );
    await ask(request("json"));
    await ask(request("verbose_json"));
    assert.equal(records[0]?.usage?.inputAudio, 14);
    assert.equal(records[0]?.usage?.outputTotal, 45);
    assert.equal(records[1]?.usage?.audioSeconds, 9);
  });
});
