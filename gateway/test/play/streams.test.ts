import assert from "node:assert/strict";
import { test } from "node:test";
import { fourProviders } from "../support/config.ts";
import { jsonAnswer, sseAnswer, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/*
 * The life of a stream, told as plays: the client says, the provider answers, stalls or breaks, the clock moves on.
 */

const chunk = (delta: object, more: object = {}) =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
const finish = `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`;
const usage = `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices: [], usage: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 } })}\n\n`;
const done = "data: [DONE]\n\n";
const role = chunk({ role: "assistant", content: "" });
const hello = chunk({ content: "Hello" });

const sse: Step = { headers: { "content-type": "text/event-stream" } };
const body = { model: "gpt-4o", stream: true, messages: [{ role: "user", content: "hi" }] };
const asksUsage = { ...body, stream_options: { include_usage: true } };

/** An event stream whose last piece comes only after the first ones have been committed. */
const committedThen = (first: readonly string[], ...rest: Step[]): Step[] => [
  sse,
  { data: first.join("") },
  { waitMs: 10 },
  ...rest,
];

const playing =
  (...scripts: (readonly Step[])[]): Script =>
  (_call, index) =>
    scripts[Math.min(index, scripts.length - 1)] ?? [];

test("a stream passes byte for byte, and its usage is recorded", async () => {
  const frames = [role, hello, finish, usage, done];
  const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer(frames)) });
  const { reply } = await ask({ body: asksUsage });
  assert.equal(reply.status, 200);
  assert.equal(reply.text, frames.join(""));
  assert.ok(reply.ended);
  const [record] = records;
  assert.equal(record?.end, "complete");
  assert.deepEqual(record?.finish, ["stop"]);
  assert.equal(record?.usage?.inputTotal, 7);
  assert.deepEqual(record?.attempts[0]?.edits, []);
});

test("usage that only the gateway asked for is withheld from the client, and named in the record", async () => {
  const { ask, records, upstream } = stage({
    yaml: fourProviders,
    script: playing(sseAnswer([role, hello, finish, usage, done])),
  });
  const { reply } = await ask({ body });
  assert.equal(reply.text, [role, hello, finish, done].join(""));
  assert.deepEqual(upstream.calls[0]?.json, asksUsage);
  assert.deepEqual(records[0]?.attempts[0]?.edits, ["stream_options.include_usage: true"]);
  assert.equal(records[0]?.usage?.outputTotal, 2);
});

test("nothing is committed before the first content, so that an early error keeps its status", async () => {
  const overloaded = `data: {"error":{"message":"The server is overloaded","type":"server_error","code":"server_overloaded"}}\n\n`;
  const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer([role, overloaded])) });
  const { reply } = await ask({ body });
  assert.equal(reply.status, 503);
  assert.equal(records.length, 1);
  assert.equal(records[0]?.attempts.length, 3);
  assert.equal(records[0]?.end, "upstream-failed");
});

test("a stream that breaks before anything of it was sent is retried as well", async () => {
  const good = [role, hello, finish, done];
  const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer([role, hello]), sseAnswer(good)) });
  const { reply } = await ask({ body });
  assert.equal(reply.text, good.join(""));
  assert.deepEqual(
    records[0]?.attempts.map((attempt) => attempt.failure?.code),
    ["provider_interrupted", undefined],
  );
});

test("an error before the commit is retried, and the client sees only the good answer", async () => {
  const good = [role, hello, finish, done];
  const { ask, records } = stage({
    yaml: fourProviders,
    script: playing(jsonAnswer({ error: { message: "oops", type: "server_error" } }, 500), sseAnswer(good)),
  });
  const { reply } = await ask({ body });
  assert.equal(reply.status, 200);
  assert.equal(reply.text, good.join(""));
  assert.equal(records[0]?.attempts.length, 2);
});

test("an empty stream is an error, never an empty success", async () => {
  const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer([])) });
  const { reply } = await ask({ body });
  assert.equal(reply.status, 502);
  assert.equal(reply.headers["x-dragoman-error-code"], "provider_empty_stream");
  assert.equal(records[0]?.end, "upstream-failed");
});

test("a stream that ends without its terminal is told as broken, and never completed with [DONE]", async () => {
  const { ask, records } = stage({ yaml: fourProviders, script: playing(committedThen([role, hello], { end: true })) });
  const { reply } = await ask({ body });
  assert.ok(reply.text.startsWith(role + hello));
  assert.match(reply.text, /"error":\{"message"/);
  assert.ok(!reply.text.includes("[DONE]"));
  assert.equal(records[0]?.end, "truncated");
  assert.equal(records[0]?.failure?.code, "provider_interrupted");
});

test("half a frame at the break is not passed on", async () => {
  const { ask } = stage({
    yaml: fourProviders,
    script: playing(committedThen([role, hello, hello.slice(0, 20)], { error: { kind: "reset" } })),
  });
  const { reply } = await ask({ body });
  assert.ok(reply.text.startsWith(`${role}${hello}data: {"error"`), reply.text);
});

test("Gemini CLI is cut off instead of being told, because it takes error chunks for success", async () => {
  const part = `data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}]}\r\n\r\n`;
  const { ask, records } = stage({ yaml: fourProviders, script: playing(committedThen([part], { end: true })) });
  const { reply } = await ask({
    target: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
    headers: { "user-agent": "GeminiCLI-tui/0.61.0/gemini-2.5-flash (linux; x64)" },
    body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
  });
  assert.ok(reply.destroyed);
  assert.equal(reply.text, part);
  assert.equal(records[0]?.end, "truncated");
});

test("a finish without [DONE] is complete at the end of the connection", async () => {
  const { ask, records } = stage({ yaml: fourProviders, script: playing(sseAnswer([role, hello, finish])) });
  const { reply } = await ask({ body });
  assert.equal(reply.text, [role, hello, finish].join(""));
  assert.ok(reply.ended);
  assert.equal(records[0]?.end, "complete");
});

test("a provider that does not close after its terminal is closed after ten seconds, and the answer is complete", async () => {
  const { ask, records, upstream } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: [role, hello, finish, done].join("") }, { stall: true }]),
  });
  const { reply } = await ask({ body }, 11_000);
  assert.ok(reply.ended);
  assert.equal(records[0]?.end, "complete");
  assert.ok(upstream.calls[0]?.state.aborted);
});

test("a client that leaves in the middle ends the provider's call at once", async () => {
  const { say, clock, records, upstream } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: role + hello }, { stall: true }]),
  });
  const { reply } = say({ body });
  await clock.advance(10);
  assert.equal(reply.text, role + hello);
  reply.leave();
  assert.ok(upstream.calls[0]?.state.aborted);
  await clock.advance(0);
  assert.equal(records[0]?.end, "cancelled");
});

test("a client that leaves before the answer ends the provider's call at once", async () => {
  const { say, clock, records, upstream } = stage({ yaml: fourProviders, script: playing([{ stall: true }]) });
  const { reply } = say({ body });
  await clock.advance(10);
  reply.leave();
  assert.ok(upstream.calls[0]?.state.aborted);
  await clock.advance(0);
  assert.equal(records[0]?.end, "cancelled");
  assert.equal(records[0]?.status, 499);
});

test("a client that leaves after the terminal has its answer", async () => {
  const { say, clock, records } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: [role, hello, finish, usage, done].join("") }, { stall: true }]),
  });
  const { reply } = say({ body });
  await clock.advance(10);
  reply.leave();
  await clock.advance(0);
  assert.equal(records[0]?.end, "complete");
  assert.equal(records[0]?.usage?.inputTotal, 7);
});

test("a client that leaves during a back-off is not asked about again", async () => {
  const { say, clock, records, upstream } = stage({
    yaml: fourProviders,
    script: playing(jsonAnswer({ error: { message: "oops" } }, 500)),
  });
  const { reply } = say({ body });
  await clock.advance(10);
  reply.leave();
  await clock.advance(30_000);
  assert.equal(upstream.calls.length, 1);
  assert.equal(records.length, 1);
  assert.equal(records[0]?.end, "cancelled");
});

test("a silent provider is given up after the idle time, in-band", async () => {
  const { ask, records, upstream } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: role + hello }, { stall: true }]),
  });
  const { reply } = await ask({ body }, 301_000);
  assert.match(reply.text, /provider_stalled/);
  assert.equal(records[0]?.failure?.code, "provider_stalled");
  assert.ok(upstream.calls[0]?.state.aborted);
});

test("while a committed stream is silent the connection is kept alive at frame boundaries only", async () => {
  const { say, clock } = stage({
    yaml: fourProviders,
    script: playing([
      sse,
      { data: role + hello + hello.slice(0, 9) },
      { waitMs: 31_000 },
      { data: hello.slice(9) + finish + done },
      { end: true },
    ]),
  });
  const { reply } = say({ body });
  await clock.advance(16_000);
  assert.equal(reply.text, `${role}${hello}: keep-alive\n\n`);
  await clock.advance(16_000);
  await clock.advance(0);
  assert.equal(reply.text, [role, hello, ": keep-alive\n\n", ": keep-alive\n\n", hello, finish, done].join(""));
});

test("no keep-alive is sent before the commit", async () => {
  const { say, clock } = stage({ yaml: fourProviders, script: playing([{ stall: true }]) });
  const { reply } = say({ body });
  await clock.advance(60_000);
  assert.equal(reply.started, false);
});

test("headers without content are committed after five seconds", async () => {
  const { say, clock } = stage({ yaml: fourProviders, script: playing([sse, { data: role }, { stall: true }]) });
  const { reply } = say({ body });
  await clock.advance(4_900);
  assert.equal(reply.started, false);
  await clock.advance(200);
  assert.equal(reply.text, role);
});

test("no headers within the first-byte time is a 504", async () => {
  const { ask, records } = stage({ yaml: fourProviders, script: playing([{ stall: true }]) });
  const { reply } = await ask({ body }, 125_000);
  assert.equal(reply.status, 504);
  assert.equal(records[0]?.failure?.code, "provider_timeout");
});

test("a client that says how long it waits is not kept waiting longer", async () => {
  const { ask } = stage({ yaml: fourProviders, script: playing([{ stall: true }]) });
  const { reply } = await ask({ body, headers: { "x-stainless-timeout": "7" } }, 8_000);
  assert.equal(reply.status, 504);
});

test("a slow client pauses the provider, whose silence then is not its fault", async () => {
  const { say, clock, upstream, records } = stage({
    yaml: fourProviders,
    script: playing([
      sse,
      { data: role + hello },
      { data: hello },
      { waitMs: 10 },
      { data: finish + done },
      { end: true },
    ]),
  });
  const { reply } = say({ body, unreadBytesMax: 10 });
  await clock.advance(20);
  assert.ok(upstream.calls[0]?.state.paused);
  await clock.advance(30_000);
  while (!reply.ended) {
    reply.read();
    await clock.advance(20);
  }
  assert.equal(reply.text, [role, hello, hello, finish, done].join(""));
  await clock.advance(0);
  assert.equal(records[0]?.end, "complete");
});

test("a client that takes nothing for a minute is cut off", async () => {
  const { say, clock, upstream, records } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: role + hello }, { data: hello }, { stall: true }]),
  });
  const { reply } = say({ body, unreadBytesMax: 10 });
  await clock.advance(61_000);
  assert.ok(reply.destroyed);
  assert.ok(upstream.calls[0]?.state.aborted);
  assert.equal(records[0]?.end, "cancelled");
});

test("a whole JSON answer to a streaming request becomes a stream", async () => {
  const whole = {
    id: "chatcmpl-2",
    object: "chat.completion",
    created: 1,
    model: "gpt-4o",
    choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };
  const { ask, records } = stage({ yaml: fourProviders, script: playing(jsonAnswer(whole)) });
  const { reply } = await ask({ body });
  assert.equal(reply.headers["content-type"], "text/event-stream; charset=utf-8");
  assert.match(reply.text, /"content":"Hi"/);
  assert.ok(reply.text.endsWith(done));
  assert.equal(records[0]?.attempts[0]?.carry.response, "translate");
});

test("a frame that cannot be read is passed on and counted", async () => {
  const broken = "data: {not json}\n\n";
  const { ask, records } = stage({
    yaml: fourProviders,
    script: playing(sseAnswer([role, hello, broken, finish, done])),
  });
  const { reply } = await ask({ body });
  assert.equal(reply.text, [role, hello, broken, finish, done].join(""));
  assert.equal(records[0]?.unreadableFrames, 1);
});

test("an error frame after content ends as upstream-failed, its own bytes passed on and nothing added", async () => {
  const error = `data: {"error":{"message":"overloaded","type":"server_error"}}\n\n`;
  const { ask, records } = stage({
    yaml: fourProviders,
    script: playing(committedThen([role, hello], { data: error }, { end: true })),
  });
  const { reply } = await ask({ body });
  assert.equal(reply.text, role + hello + error);
  assert.equal(records[0]?.end, "upstream-failed");
});

test("a process that has to stop tells running streams in their own format", async () => {
  const { say, clock, gateway, records } = stage({
    yaml: fourProviders,
    script: playing([sse, { data: role + hello }, { stall: true }]),
  });
  const { reply } = say({ body });
  await clock.advance(10);
  gateway.interrupt();
  await clock.advance(0);
  assert.match(reply.text, /gateway_shutting_down/);
  assert.equal(records[0]?.failure?.code, "gateway_shutting_down");
  assert.equal(gateway.running, 0);
});
