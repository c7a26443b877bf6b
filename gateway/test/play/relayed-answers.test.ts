import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gatewayKey } from "../support/keys.ts";
import { jsonAnswer, type RecordedCall, type Step } from "../support/memory-transport.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { stage, type Stage } from "../support/play.ts";

/* Answers that are not held whole, and requests that name no model. */

const yaml = `
providers:
  chatty: { kind: openai-compatible, base_url: "http://127.0.0.1:1/v1", credential: none, models: [m] }
  openai: { credential: "env::OPENAI_API_KEY" }
  anthropic: { credential: "env::ANTHROPIC_API_KEY" }
`;
const environment = { OPENAI_API_KEY: "sk-proj-managed", ANTHROPIC_API_KEY: "sk-ant-managed" };

function open(steps: readonly Step[] | ((call: RecordedCall) => readonly Step[]), more = ""): Stage {
  return stage({ yaml: yaml + more, environment, script: typeof steps === "function" ? steps : () => steps });
}

const speech: MemoryRequest = { target: "/v1/audio/speech", body: { model: "m", input: "größer 👋", voice: "alloy" } };
const events = (...pieces: string[]): Step[] => [
  { headers: { "content-type": "text/event-stream" } },
  ...pieces.map((data) => ({ data })),
];

describe("sound", () => {
  const headers = { "content-type": "audio/mpeg", "content-disposition": 'attachment; filename="speech.mp3"' };
  const bytes = Buffer.from([0xff, 0xfb, 0x00, 0x0d, 0x0a, 0x80]);

  test("passes as it comes, with its content type, and is charged by the character", async () => {
    const { ask, records } = open([{ headers }, { data: bytes }, { waitMs: 50 }, { data: bytes }, { end: true }]);
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
    const { ask, records } = open([{ headers }, { data: bytes }, { waitMs: 10 }, { error: { kind: "reset" } }]);
    const { reply } = await ask(speech);
    assert.equal(reply.status, 200);
    assert.ok(reply.destroyed && !reply.ended);
    assert.equal(records[0]?.end, "truncated");
  });

  test("of which nothing came is an ordinary error", async () => {
    const { ask } = open([{ headers }, { error: { kind: "reset" } }]);
    const { reply } = await ask(speech);
    assert.equal(reply.status, 502);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_interrupted");
  });

  test("waits while the client does not read", async () => {
    const { say, clock, upstream } = open([
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
    const { say, clock, upstream, records } = open([{ headers }, { data: bytes }, { stall: true }]);
    const { reply } = say(speech);
    await clock.advance(10);
    reply.leave();
    await clock.advance(10);
    assert.ok(upstream.calls[0]?.state.aborted);
    assert.equal(records[0]?.end, "cancelled");
  });

  test("has no keep-alives in it", async () => {
    const { say, clock } = open([{ headers }, { data: bytes }, { waitMs: 60_000 }, { data: bytes }, { end: true }]);
    const { reply } = say(speech);
    await clock.advance(61_000);
    assert.ok(reply.body.equals(Buffer.concat([bytes, bytes])));
  });

  test("as events tells its usage at the end", async () => {
    const delta = `event: speech.audio.delta\ndata: {"type":"speech.audio.delta","audio":"${"A".repeat(100_000)}"}\n\n`;
    const done =
      'data: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}\n\n';
    const { ask, records } = open([...events(delta, done), { end: true }]);
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
    const { ask, records } = open([...events(partial, completed), { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === partial + completed);
    const usage = { inputTotal: 50, outputTotal: 60, inputImage: 40, outputImage: 55, cacheRead: 0, cacheWrite: 0 };
    assert.deepEqual(records[0]?.usage, usage);
  });

  test("may have partial ones behind the completed one", async () => {
    const { ask, records } = open([...events(completed, partial), { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === completed + partial);
    assert.equal(records[0]?.end, "complete");
    assert.equal(records[0]?.usage?.outputTotal, 60);
  });

  test("without a completed one are cut short, and say so in the stream", async () => {
    const { ask, records } = open([...events(partial), { waitMs: 10 }, { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text.startsWith(partial));
    assert.match(reply.text.slice(partial.length), /^data: \{"error":\{"message":"The provider's stream ended/);
    assert.equal(records[0]?.end, "truncated");
  });

  test("that begin with an error are that error, with a status", async () => {
    const { ask } = open([
      ...events(
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
    const { ask, records } = open([...events(partial), { waitMs: 10 }, { data: error }, { end: true }]);
    const { reply } = await ask(request);
    assert.ok(reply.text === partial + error);
    assert.equal(records[0]?.end, "upstream-failed");
  });

  test("of more than 64 MiB in one are refused", async () => {
    const chunk = { data: "A".repeat(16 * 1024 * 1024) };
    const { ask } = open([...events("data: "), chunk, chunk, chunk, chunk, { data: "A" }, { end: true }]);
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
      const { ask, records } = open([...events(...pieces), { end: true }]);
      const { reply } = await ask(request);
      assert.equal(reply.text, pieces.join(""));
      assert.equal(records[0]?.end, "complete");
    });
  }

  test("that stop in the middle are truncated, whatever the text says", async () => {
    const { ask, records } = open([...events(chunk('"finish_reason": "stop"', null)), { waitMs: 10 }, { end: true }]);
    await ask(request);
    assert.equal(records[0]?.end, "truncated");
  });

  test("have keep-alives while the provider is silent", async () => {
    const { say, clock } = open([
      ...events(chunk("a", null)),
      { waitMs: 20_000 },
      { data: chunk("", "stop") },
      { end: true },
    ]);
    const { reply } = say(request);
    await clock.advance(25_000);
    assert.match(reply.text, /\n\n: keep-alive\n\ndata: /);
  });
});

describe("a stored response that is streamed again", () => {
  const created = `event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1,"model":"gpt-4o","status":"in_progress","output":[]}}\n\n`;
  const completed = `event: response.completed\ndata: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","object":"response","created_at":1,"model":"gpt-4o","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}}\n\n`;
  const request: MemoryRequest = { method: "GET", target: "/v1/responses/resp_1?stream=true&starting_after=3" };

  test("passes untouched and is not spent again", async () => {
    const { ask, upstream, records } = open([...events(created, completed), { end: true }]);
    const { reply } = await ask(request);
    assert.equal(reply.text, created + completed);
    assert.equal(upstream.calls[0]?.path, "/v1/responses/resp_1?stream=true&starting_after=3");
    assert.equal(records[0]?.usage, undefined);
    assert.equal(records[0]?.end, "complete");
  });

  test("that breaks off fails in its own format, numbered on", async () => {
    const { ask, records } = open([...events(created), { waitMs: 10 }, { error: { kind: "reset" } }]);
    const { reply } = await ask(request);
    const added = reply.text.slice(created.length);
    assert.match(
      added,
      /event: response\.failed\ndata: \{"type":"response\.failed","sequence_number":\d+,"response":\{"id":"resp_1"/,
    );
    assert.equal(records[0]?.end, "truncated");
  });
});

describe("a transcript", () => {
  const request = (format: string): MemoryRequest => ({
    target: "/v1/audio/transcriptions",
    headers: { "content-type": "application/json" },
    body: { model: "m", response_format: format },
  });

  test("as text is text", async () => {
    const { ask, records } = open([
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
    const { ask, records } = open((call) =>
      jsonAnswer({ text: "hi", usage: call.text.includes("verbose") ? seconds : tokens }),
    );
    await ask(request("json"));
    await ask(request("verbose_json"));
    assert.equal(records[0]?.usage?.inputAudio, 14);
    assert.equal(records[0]?.usage?.outputTotal, 45);
    assert.equal(records[1]?.usage?.audioSeconds, 9);
  });
});

describe("a file's content", () => {
  const content = (type: string): MemoryRequest & { readonly answer: Step[] } => ({
    method: "GET",
    target: "/v1/files/file-1/content",
    headers: { "x-genai-provider": "openai" },
    answer: [
      { headers: { "content-type": type } },
      { data: 'data: {"error":{"message":"a line of a file"}}\n\n' },
      { data: "rest" },
      { end: true },
    ],
  });

  for (const type of ["application/json", "text/event-stream", "application/octet-stream", "text/html"]) {
    test(`is never looked at, though it is called ${type}`, async () => {
      const { answer, ...request } = content(type);
      const { ask, records } = open(answer);
      const { reply } = await ask(request);
      assert.equal(reply.text, 'data: {"error":{"message":"a line of a file"}}\n\nrest');
      assert.equal(reply.headers["content-type"], type);
      assert.equal(records[0]?.end, "complete");
    });
  }

  test("that is empty is empty", async () => {
    const { ask } = open([{ headers: { "content-type": "text/plain" } }, { end: true }]);
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file-1/content",
      headers: { "x-genai-provider": "openai" },
    });
    assert.equal(reply.status, 200);
    assert.equal(reply.text, "");
  });

  test("at another address is not fetched: the key would go there", async () => {
    const { ask, upstream } = open([{ status: 302, headers: { location: "http://169.254.169.254/" } }, { end: true }]);
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file-1/content",
      headers: { "x-genai-provider": "openai" },
    });
    assert.equal(reply.status, 502);
    assert.equal(upstream.calls.length, 1);
  });
});

describe("ids without a model", () => {
  const fine = () => jsonAnswer({ id: "x" });

  test("go to the first provider that has the operation", async () => {
    const { ask, upstream } = open(fine);
    await ask({ method: "GET", target: "/v1/files" });
    await ask({ method: "GET", target: "/v1/responses/resp_1" });
    assert.deepEqual(
      upstream.calls.map(({ origin }) => origin),
      ["http://127.0.0.1:1", "https://api.openai.com"],
    );
  });

  test("go where the header says, by id or by kind", async () => {
    const { ask, upstream } = open(fine);
    for (const provider of ["openai", "openai-compatible"]) {
      await ask({ method: "GET", target: "/v1/batches/b", headers: { "x-genai-provider": provider } });
    }
    assert.deepEqual(
      upstream.calls.map(({ origin }) => origin),
      ["https://api.openai.com", "http://127.0.0.1:1"],
    );
  });

  test("of a provider that does not have them are a 400 that says so", async () => {
    const { ask } = open(fine);
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers: { "x-genai-provider": "anthropic" } });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
  });

  test("of a provider that is not configured are a 404", async () => {
    const { ask } = open(fine);
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers: { "x-genai-provider": "groq" } });
    assert.equal(reply.status, 404);
  });

  test("asked for as Anthropic's go to Anthropic, and its errors are in its shape", async () => {
    const { ask, upstream } = open(() =>
      jsonAnswer({ type: "error", error: { type: "not_found_error", message: "no file" } }, 404),
    );
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file_1",
      headers: { "anthropic-version": "2023-06-01" },
    });
    assert.equal(upstream.calls[0]?.origin, "https://api.anthropic.com");
    assert.equal(upstream.calls[0]?.path, "/v1/files/file_1");
    assert.equal(reply.status, 404);
    assert.deepEqual(reply.json(), { type: "error", error: { type: "not_found_error", message: "no file" } });
  });

  test("where nobody has them are a 400", async () => {
    const only = stage({ yaml: "providers: { deepseek: { credential: none } }", environment: {} });
    const { reply } = await only.ask({ method: "GET", target: "/v1/files" });
    assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
  });

  const key = gatewayKey();
  for (const [method, target] of [
    ["GET", "/v1/files"],
    ["GET", "/v1/responses/resp_1"],
    ["POST", "/v1/batches/b/cancel"],
    ["DELETE", "/v1/files/file-1"],
  ] as const) {
    test(`with gateway keys, ${method} ${target} is no business of the gateway's account`, async () => {
      const { ask, upstream } = open(fine, key.yaml);
      for (const provider of ["openai", "chatty"]) {
        const headers = { authorization: key.authorization, "x-genai-provider": provider };
        const { reply } = await ask({ method, target, headers });
        assert.notEqual(reply.status, 200, reply.text);
        if (provider === "openai") assert.equal(reply.headers["x-dragoman-error-code"], "shared_account");
      }
      assert.equal(upstream.calls.length, 0);
    });
  }

  test("with gateway keys, the caller's own account is the caller's", async () => {
    const { ask, upstream } = open(fine, key.yaml);
    const headers = {
      "x-dragoman-authorization": key.authorization,
      authorization: "Bearer sk-proj-own",
      "x-genai-provider": "openai",
    };
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(upstream.calls[0]?.headers["authorization"], "Bearer sk-proj-own");
  });

  test("embeddings with a gateway key are nobody's secret", async () => {
    const { ask } = open(fine, key.yaml);
    const { reply } = await ask({
      target: "/v1/embeddings",
      headers: { authorization: key.authorization },
      body: { model: "m", input: "x" },
    });
    assert.equal(reply.status, 200);
  });
});

describe("keys that decide what is asked and what it costs", () => {
  for (const key of [
    "model",
    "stream",
    "input",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "messages",
  ]) {
    test(`"${key}" twice is a 400`, async () => {
      const { ask, upstream } = open(() => jsonAnswer({}));
      for (const target of ["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"]) {
        const { reply } = await ask({ target, body: `{"model":"m","${key}":1,"x":{},"${key}":2}` });
        assert.equal(reply.status, 400);
        assert.equal(reply.headers["x-dragoman-error-code"], "duplicate_key");
      }
      assert.equal(upstream.calls.length, 0);
    });
  }

  test('"generationConfig" twice is a 400', async () => {
    const { ask } = open(() => jsonAnswer({}));
    const body = '{"contents":[],"generationConfig":{"maxOutputTokens":1},"generationConfig":{"maxOutputTokens":9}}';
    const { reply } = await ask({ target: "/v1beta/models/gemini-2.5-flash:generateContent", body });
    assert.equal(reply.headers["x-dragoman-error-code"], "duplicate_key");
  });
});
