import assert from "node:assert/strict";
import { test } from "node:test";
import { createKey } from "../../src/limits/keys.ts";
import { fourProviders, providerKeys } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { jsonAnswer, type Script } from "../support/memory-transport.ts";
import { messagesAnswer, stage } from "../support/play.ts";

/*
 * Plain answers, refusals and what crosses the gateway, in all four formats.
 */

const chatAnswer = `{\n  "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024", "choices": [{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"logprobs":null,"finish_reason":"stop"}], "usage": {"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}, "big": 12345678901234567890, "one": 1.0\n}\n`;
const responsesAnswer = `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-4o","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]}],"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":1,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":4},"error":null,"incomplete_details":null}`;
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
