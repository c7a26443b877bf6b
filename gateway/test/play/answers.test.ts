import assert from "node:assert/strict";
import { test } from "node:test";
import { createKey } from "../../src/limits/keys.ts";
import { fourProviders, providerKeys } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { jsonAnswer, type Script } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/*
 * Plain answers, refusals and what crosses the gateway, in all four formats.
 */

const chatAnswer = `{\n  "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024", "choices": [{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"finish_reason":"stop"}], "usage": {"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}, "big": 12345678901234567890, "one": 1.0\n}\n`;
const responsesAnswer = `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-4o","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":1,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":4},"error":null,"incomplete_details":null}`;
const messagesAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`;
const geminiAnswer = `{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"totalTokenCount":4},"modelVersion":"gemini-2.5-flash"}`;

type Surface = {
  readonly name: string;
  readonly request: MemoryRequest & { readonly target: string; readonly body: string };
  readonly answer: string;
  readonly upstream: string;
  readonly auth: Readonly<Record<string, string>>;
};

const surfaces: readonly Surface[] = [
  {
    name: "openai-chat",
    request: {
      target: "/v1/chat/completions",
      body: '{"model":"gpt-4o", "messages":[{"role":"user","content":"hi"}],"seed":12345678901234567890}',
    },
    answer: chatAnswer,
    upstream: "https://api.openai.com /v1/chat/completions",
    auth: { authorization: "Bearer sk-proj-managed" },
  },
  {
    name: "openai-responses",
    request: { target: "/v1/responses", body: '{"model":"gpt-4o","input":"hi"}' },
    answer: responsesAnswer,
    upstream: "https://api.openai.com /v1/responses",
    auth: { authorization: "Bearer sk-proj-managed" },
  },
  {
    name: "anthropic-messages",
    request: {
      target: "/v1/messages?beta=true",
      body: '{"model":"claude-sonnet-4-6","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
    },
    answer: messagesAnswer,
    upstream: "https://api.anthropic.com /v1/messages?beta=true",
    auth: { "x-api-key": "sk-ant-managed" },
  },
  {
    name: "gemini",
    request: {
      target: "/v1beta/models/gemini-2.5-flash:generateContent",
      body: '{"contents":[{"parts":[{"text":"hi"}]}]}',
    },
    answer: geminiAnswer,
    upstream: "https://generativelanguage.googleapis.com /v1beta/models/gemini-2.5-flash:generateContent",
    auth: { "x-goog-api-key": "AIzaManaged" },
  },
];

for (const surface of surfaces) {
  test(`${surface.name}: request and answer pass byte for byte, with the managed credential`, async () => {
    const script: Script = () => [
      { headers: { "content-type": "application/json; x=y" } },
      { data: surface.answer },
      { end: true },
    ];
    const { ask, upstream, records } = stage({ yaml: fourProviders, script });
    const { reply } = await ask(surface.request);
    assert.equal(reply.text, surface.answer);
    assert.equal(reply.headers["content-type"], "application/json; x=y");
    const [call] = upstream.calls;
    assert.equal(call?.text, surface.request.body);
    assert.equal(`${call?.origin} ${call?.path}`, surface.upstream);
    for (const [name, value] of Object.entries(surface.auth)) assert.equal(call?.headers[name], value);
    const [record] = records;
    assert.equal(record?.usage?.inputTotal, 3);
    assert.equal(record?.usage?.outputTotal, 1);
    assert.deepEqual(record?.finish, ["stop"]);
    assert.deepEqual(record?.attempts[0]?.edits, []);
    assert.equal(record?.dialect, surface.name);
  });

  test(`${surface.name}: the provider's refusal of our own credential is our 502, without its words`, async () => {
    const script: Script = () =>
      jsonAnswer({ error: { message: "Incorrect API key sk-proj-managed", type: "x" } }, 401);
    const { ask, records } = stage({ yaml: fourProviders, script });
    const { reply } = await ask(surface.request);
    assert.equal(reply.status, 502);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_rejected_managed_credential");
    assert.equal(reply.headers["x-should-retry"], "false");
    assert.ok(!reply.text.includes("sk-proj-managed"));
    assert.equal(records[0]?.attempts.length, 1);
  });

  test(`${surface.name}: a model that nobody has is a 404 in the caller's format`, async () => {
    const { ask, records } = stage({ yaml: fourProviders });
    const { reply } = await ask({
      ...surface.request,
      target: surface.request.target.replace("gemini-2.5-flash", "nope"),
      body: surface.request.body.replace(/"model":"[^"]+"/, '"model":"nope"'),
    });
    assert.equal(reply.status, 404);
    assert.equal(reply.headers["x-dragoman-error-code"], "model_not_found");
    assert.match(reply.text, /nope/);
    assert.equal(records[0]?.end, "refused");
  });
}

test("the caller's own mistake keeps the provider's status and bytes", async () => {
  const error = `{"error": {"message": "too long", "type": "invalid_request_error", "param": null, "code": "context_length_exceeded"}}\n`;
  const script: Script = () => [
    { headers: { "content-type": "application/json", "x-request-id": "up-1" }, status: 400 },
    { data: error },
    { end: true },
  ];
  const { ask } = stage({ yaml: fourProviders, script });
  const { reply } = await ask(surfaces[0]?.request ?? {});
  assert.equal(reply.status, 400);
  assert.equal(reply.text, error);
  assert.equal(reply.headers["x-dragoman-error-code"], "context_length_exceeded");
  assert.equal(reply.headers["x-upstream-request-id"], "up-1");
  assert.equal(reply.headers["x-dragoman-upstream-provider"], "openai");
});

test("a 401 for the caller's own credential is passed on as it is", async () => {
  const error = `{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`;
  const script: Script = () => [
    { headers: { "content-type": "application/json" }, status: 401 },
    { data: error },
    { end: true },
  ];
  const { ask, upstream } = stage({ yaml: fourProviders, script });
  const { reply } = await ask({ ...surfaces[0]?.request, headers: { authorization: "Bearer sk-proj-own" } });
  assert.equal(reply.status, 401);
  assert.equal(reply.text, error);
  assert.equal(upstream.calls[0]?.headers["authorization"], "Bearer sk-proj-own");
});

test("a rate limit that asks for more patience than a request has is told at once", async () => {
  const script: Script = () => [
    { headers: { "content-type": "application/json", "retry-after": "30" }, status: 429 },
    { data: '{"error":{"message":"slow down"}}' },
    { end: true },
  ];
  const { ask, records } = stage({ yaml: fourProviders, script });
  const { reply } = await ask(surfaces[0]?.request ?? {});
  assert.equal(reply.status, 429);
  assert.equal(reply.headers["retry-after"], "30");
  assert.equal(reply.headers["x-should-retry"], "true");
  assert.equal(records[0]?.attempts.length, 1);
});

test("a redirect is never followed", async () => {
  const script: Script = () => [{ headers: { location: "http://evil.test/" }, status: 307 }, { end: true }];
  const { ask, upstream } = stage({ yaml: fourProviders, script });
  const { reply } = await ask(surfaces[0]?.request ?? {});
  assert.equal(reply.status, 502);
  assert.equal(reply.headers["x-dragoman-error-code"], "provider_redirect");
  assert.equal(upstream.calls.length, 1);
});

test("an alias is replaced in the bytes, and nothing else is", async () => {
  const yaml = `providers:\n  local: { kind: openai-compatible, base_url: "http://127.0.0.1:8000/v1", credential: none, models: [{ id: qwen, upstream_id: Qwen/Qwen3-32B }] }\n`;
  const { ask, upstream, records } = stage({
    yaml,
    script: () => [{ headers: { "content-type": "application/json" } }, { data: chatAnswer }, { end: true }],
  });
  await ask({ body: '{ "messages":[ {"role":"user","content":"\\u0068i"} ],  "model" : "qwen", "n":1.0 }' });
  assert.equal(
    upstream.calls[0]?.text,
    '{ "messages":[ {"role":"user","content":"\\u0068i"} ],  "model" : "Qwen/Qwen3-32B", "n":1.0 }',
  );
  assert.deepEqual(records[0]?.attempts[0]?.edits, ["model: Qwen/Qwen3-32B"]);
});

test("only named headers cross to the provider", async () => {
  const { ask, upstream } = stage({
    yaml: fourProviders,
    script: () => [{ headers: { "content-type": "application/json" } }, { data: messagesAnswer }, { end: true }],
  });
  await ask({
    ...surfaces[2]?.request,
    headers: {
      "anthropic-version": "2026-10-21",
      "anthropic-beta": "unknown-beta-2030-01-01,other",
      "x-claude-code-session-id": "s-1",
      "user-agent": "claude-cli/2.1.328",
      "x-api-key": "dragoman",
      cookie: "session=1",
      "proxy-authorization": "Basic x",
      "x-forwarded-for": "10.0.0.1",
      connection: "keep-alive, x-api-key",
      te: "trailers",
      "x-dragoman-project-id": "p",
      "openai-organization": "org",
      "accept-encoding": "br",
    },
  });
  assert.deepEqual(upstream.calls[0]?.headers, {
    "accept-encoding": "identity",
    accept: "application/json",
    "content-type": "application/json",
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "unknown-beta-2030-01-01,other",
    "x-claude-code-session-id": "s-1",
    "user-agent": "claude-cli/2.1.328",
    "x-api-key": "sk-ant-managed",
  });
});

test("nothing that could be a secret of the provider's comes back", async () => {
  const headers = {
    "content-type": "application/json",
    "set-cookie": "CANARY=1",
    authorization: "CANARY",
    "x-api-key": "CANARY",
    "openai-organization": "CANARY",
    "x-ratelimit-remaining-tokens": "CANARY",
    "content-encoding": "identity",
    "alt-svc": "CANARY",
    "openai-processing-ms": "12",
    "x-request-id": "up-1",
  };
  const { ask } = stage({ yaml: fourProviders, script: () => [{ headers }, { data: chatAnswer }, { end: true }] });
  const { reply } = await ask(surfaces[0]?.request ?? {});
  assert.deepEqual(Object.keys(reply.headers).toSorted(), [
    "content-type",
    "openai-processing-ms",
    "x-dragoman-provider",
    "x-request-id",
    "x-upstream-request-id",
  ]);
  assert.ok(!JSON.stringify(reply.headers).includes("CANARY"));
});

test("a model of another format is reached by translation, and what it could not carry is said", async () => {
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  const { ask, upstream, records } = stage({ yaml: fourProviders, script });
  const { reply } = await ask({
    body: { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 },
  });
  assert.equal(reply.status, 200);
  assert.equal((reply.json() as { object: string }).object, "chat.completion");
  assert.equal(upstream.calls[0]?.path, "/v1/messages");
  assert.equal(reply.headers["x-dragoman-translation"], "openai-chat>anthropic-messages; dropped=sampling.seed");
  assert.deepEqual(
    records[0]?.losses.map((loss) => loss.path),
    ["sampling.seed"],
  );
});

test("reasoning state of another vendor in a same-format history goes through the writer, which leaves it out", async () => {
  const thinking = { type: "thinking", thinking: "hm", signature: "dg1.openai.reasoning.openai.eyJpZCI6InJzXzEifQ" };
  const body = {
    model: "claude-sonnet-4-6",
    max_tokens: 9,
    messages: [
      { role: "user", content: "hi" },
      { role: "assistant", content: [thinking, { type: "text", text: "hello" }] },
      { role: "user", content: "again" },
    ],
  };
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  const { ask, upstream, records } = stage({ yaml: fourProviders, script });
  const { reply } = await ask({ target: "/v1/messages", body });
  assert.equal(reply.text, JSON.stringify(JSON.parse(messagesAnswer)));
  assert.ok(!upstream.calls[0]?.text.includes("dg1."));
  assert.ok(upstream.calls[0]?.text.includes("hello"));
  assert.equal(records[0]?.losses[0]?.reason, "opaque-not-portable");
  assert.equal(records[0]?.attempts[0]?.carry.request, "translate");
});

test("strict translation refuses what would be lost, by name", async () => {
  const { ask } = stage({ yaml: fourProviders });
  const body = { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 };
  const { reply } = await ask({ headers: { "x-dragoman-strict": "true" }, body });
  assert.equal(reply.status, 400);
  assert.equal(reply.headers["x-dragoman-error-code"], "unsupported_parameter");
  assert.match(reply.text, /sampling\.seed/);
});

test("strict translation may be set for everybody, or for a key", async () => {
  const key = createKey((length) => new Uint8Array(length).fill(5));
  const keys = (strict: boolean) => `keys:\n  - { name: ci, id: ${key.id}, hash: "${key.hash}", strict: ${strict} }\n`;
  const body = { model: "claude-sonnet-4-6", messages: [{ role: "user", content: "hi" }], seed: 7 };
  const headers = { authorization: `Bearer ${key.text}` };
  const script: Script = () => jsonAnswer(JSON.parse(messagesAnswer));
  for (const [yaml, status] of [
    [`${fourProviders}${keys(true)}`, 400],
    [`${fourProviders}${keys(false)}`, 200],
    [`${fourProviders}${keys(false)}translation: { strict: true }\n`, 400],
  ] as const) {
    const { reply } = await stage({ yaml, environment: providerKeys, script }).ask({ headers, body });
    assert.equal(reply.status, status);
  }
});

test("a stop sequence that the provider never learns of cuts the answer and ends the call", async () => {
  const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;
  const delta = (text: string) =>
    event({
      type: "response.output_text.delta",
      sequence_number: 3,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      delta: text,
      logprobs: [],
    });
  const opening = [
    event({
      type: "response.created",
      sequence_number: 0,
      response: { id: "resp_1", object: "response", created_at: 1, status: "in_progress", model: "gpt-5", output: [] },
    }),
    event({
      type: "response.output_item.added",
      sequence_number: 1,
      output_index: 0,
      item: { type: "message", id: "msg_1", role: "assistant", status: "in_progress", content: [] },
    }),
    event({
      type: "response.content_part.added",
      sequence_number: 2,
      item_id: "msg_1",
      output_index: 0,
      content_index: 0,
      part: { type: "output_text", text: "", annotations: [] },
    }),
  ].join("");
  const yaml = `providers:\n  openai: { credential: "env::OPENAI_API_KEY", models: [gpt-5], dialects: [openai-responses] }\n`;
  const script: Script = () => [
    { headers: { "content-type": "text/event-stream" } },
    { data: opening + delta("one ST") },
    { waitMs: 10 },
    { data: delta("OP two") },
    { stall: true },
  ];
  const { ask, upstream, records } = stage({ yaml, environment: providerKeys, script });
  const { reply } = await ask({
    body: { model: "gpt-5", stream: true, stop: "STOP", messages: [{ role: "user", content: "hi" }] },
  });
  const text = [...reply.text.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join("");
  assert.equal(text, "one ");
  assert.ok(reply.text.endsWith("data: [DONE]\n\n"), reply.text);
  assert.ok(upstream.calls[0]?.state.aborted);
  assert.equal(records[0]?.end, "complete");
});

test("a key may use only its models, and sees only those", async () => {
  const key = createKey((length) => new Uint8Array(length).fill(5));
  const yaml = `${fourProviders}keys:\n  - { name: ci, id: ${key.id}, hash: "${key.hash}", project: default, models: ["claude-*"] }\n`;
  const { ask } = stage({ yaml, environment: providerKeys });
  const headers = { authorization: `Bearer ${key.text}` };
  const { reply } = await ask({ headers, body: { model: "gpt-4o", messages: [] } });
  assert.equal(reply.status, 403);
  const list = await ask({ method: "GET", target: "/v1/models", headers });
  assert.deepEqual(
    (list.reply.json() as { data: { id: string }[] }).data.map((model) => model.id),
    ["claude-sonnet-4-6"],
  );
});

const badBodies: readonly { readonly name: string; readonly body: string | Uint8Array; readonly code: string }[] = [
  { name: "no body", body: "", code: "invalid_json" },
  { name: "not JSON", body: "hello", code: "invalid_json" },
  { name: "an array", body: "[]", code: "invalid_json" },
  { name: "cut off", body: '{"model":"gpt-4o","messages":[', code: "invalid_json" },
  { name: "50,000 brackets", body: `{"model":"gpt-4o","messages":${"[".repeat(50_000)}`, code: "json_too_deep" },
  { name: "two models", body: '{"model":"gpt-4o","messages":[],"model":"other"}', code: "duplicate_key" },
  {
    name: "two models, one escaped",
    body: '{"model":"gpt-4o","messages":[],"mod\\u0065l":"other"}',
    code: "duplicate_key",
  },
  { name: "two streams", body: '{"model":"gpt-4o","stream":true,"messages":[],"stream":false}', code: "duplicate_key" },
  { name: "two messages", body: '{"model":"gpt-4o","messages":[],"messages":[]}', code: "duplicate_key" },
  { name: "bad UTF-8", body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), code: "invalid_utf8" },
  { name: "no model", body: '{"messages":[]}', code: "missing_parameter" },
  { name: "a number as model", body: '{"model":7,"messages":[]}', code: "invalid_parameter" },
  { name: "no messages", body: '{"model":"gpt-4o"}', code: "missing_parameter" },
  { name: "messages of the wrong type", body: '{"model":"gpt-4o","messages":"hi"}', code: "invalid_parameter" },
  {
    name: "stream of the wrong type",
    body: '{"model":"gpt-4o","messages":[],"stream":"yes"}',
    code: "invalid_parameter",
  },
];

for (const { name, body, code } of badBodies) {
  test(`a bad body is a 400 that says why: ${name}`, async () => {
    const { ask, records } = stage({ yaml: fourProviders });
    const { reply } = await ask({ body });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], code);
    assert.equal(reply.headers["x-should-retry"], "false");
    assert.equal(records[0]?.end, "refused");
  });
}

test("__proto__ as a key is a key like any other", async () => {
  const { ask, upstream } = stage({
    yaml: fourProviders,
    script: () => [{ headers: { "content-type": "application/json" } }, { data: chatAnswer }, { end: true }],
  });
  const body = '{"model":"gpt-4o","messages":[],"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}';
  await ask({ body });
  assert.equal(upstream.calls[0]?.text, body);
  assert.equal(({} as { x?: number }).x, undefined);
});

test("the names of tools are recorded as they are written, whatever their script", async () => {
  const json = { headers: { "content-type": "application/json" } };
  for (const written of ["größe", "gr\\u00f6\\u00dfe"]) {
    const call = `{"id":"c1","type":"function","function":{"name":"${written}","arguments":"{}"}}`;
    const message = `{"role":"assistant","content":null,"tool_calls":[${call}]}`;
    const answer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":${message},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`;
    const { ask, records } = stage({ yaml: fourProviders, script: () => [json, { data: answer }, { end: true }] });
    const body = '{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}';
    const client = await ask({ target: "/v1/chat/completions", body });
    assert.equal(client.reply.text, answer);
    assert.deepEqual(records[0]?.toolCalls, ["größe"]);
  }
});
