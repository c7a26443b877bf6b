import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { after, before, test } from "node:test";
import { chat, obey } from "../../src/cli/chat.ts";
import { readChatChunk, streamChat } from "../../src/cli/chat-answer.ts";
import { readChatLine } from "../../src/cli/chat-line.ts";
import type { ReachedGateway } from "../../src/cli/gateway-client.ts";
import { openLoader } from "../../src/config/load.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { openMachine } from "./command.ts";

let served: Served;
before(async () => {
  served = await serveGateway();
});
after(async () => {
  await served.close();
  assert.deepEqual(served.bugs, []);
});

const gateway = (): ReachedGateway => ({
  url: served.url,
  key: { kind: "placeholder" },
  models: ["demo::echo", "demo::slow"],
});

function recorder() {
  const said = { out: "", err: "" };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    outIsTerminal: true,
    errHasColor: false,
  };
  return { said, deps: { terminal, fetch, input: { stream: Readable.from([]), isTerminal: true } } };
}

test("a question through a pipe: the answer alone on standard output, exit code 0", async () => {
  const machine = openMachine();
  try {
    const env = { DRAGOMAN_URL: served.url };
    const answered = await machine.run(["chat", "demo::echo"], { env, stdin: "what is\na dragoman?\n" });
    assert.deepEqual([answered.code, answered.err], [0, ""]);
    assert.match(answered.out, /^This is .*You said: what is\na dragoman\?\n+$/s);
    const refused = await machine.run(["chat", "demo::fail-429"], { env, stdin: "hi" });
    assert.deepEqual([refused.code, refused.out], [1, ""]);
    assert.match(refused.err, /^✕ 429: .+\n$/);
    assert.equal((await machine.run(["chat"], { env, stdin: " \n" })).code, 2);
  } finally {
    machine.remove();
  }
});

test("an answer that breaks off is a failure, with what had come of it", async () => {
  const { said, deps } = recorder();
  const stream = new PassThrough();
  stream.end("hi");
  const loader = { ...openLoader({ file: "/nonexistent.yaml" }), environment: {} };
  const input = { stream, isTerminal: false };
  const outcome = await chat({ gateway: served.url, model: "demo::cut" }, loader, { ...deps, input });
  assert.equal(outcome, "failed");
  assert.match(said.out, /^This is.*\n$/s);
  assert.match(said.err, /^✕ .+\n$/);
});

test("a conversation: turns add up, a model is changed, failed turns are forgotten, /new begins anew", async () => {
  const { said, deps } = recorder();
  const state = { model: "demo::echo", messages: [], answering: undefined } as Parameters<typeof obey>[1];
  assert.ok(await obey("first question", state, gateway(), deps));
  assert.ok(await obey("second question", state, gateway(), deps));
  assert.deepEqual(
    state.messages.map(({ role }) => role),
    ["user", "assistant", "user", "assistant"],
  );
  assert.match(said.out, /You said: first question\n.*You said: second question\n/s);
  await obey("/model demo::fail-500", state, gateway(), deps);
  await obey("third", state, gateway(), deps);
  assert.match(said.err, /✕ 502: /);
  assert.equal(state.messages.length, 4);
  await obey("/new", state, gateway(), deps);
  assert.deepEqual([state.messages.length, state.model], [0, "demo::fail-500"]);
  await obey("/model", state, gateway(), deps);
  assert.match(said.err, /\* demo::fail-500\n {2}demo::echo\n {2}demo::slow\n/);
  assert.ok(await obey("", state, gateway(), deps));
  assert.ok(await obey("/modle x", state, gateway(), deps));
  assert.match(said.err, /There is no \/modle/);
  assert.equal(await obey("/exit", state, gateway(), deps), false);
});

test("Ctrl-C stops an answer, the conversation goes on", async () => {
  const { said, deps } = recorder();
  const state = { model: "demo::slow", messages: [], answering: undefined } as Parameters<typeof obey>[1];
  const asked = obey("count to a hundred", state, gateway(), deps);
  while (said.out === "") await new Promise((resolve) => setTimeout(resolve, 10));
  state.answering?.abort();
  assert.equal(await asked, true);
  assert.match(said.err, /\(stopped\)/);
  assert.deepEqual(state.messages, []);
});

const lines: readonly (readonly [string, ReturnType<typeof readChatLine>])[] = [
  ["  hello  ", { kind: "say", text: "hello" }],
  ["   ", { kind: "nothing" }],
  ["/exit", { kind: "exit" }],
  ["/quit", { kind: "exit" }],
  ["/model", { kind: "model", name: undefined }],
  ["/model gpt-4o now", { kind: "model", name: "gpt-4o" }],
  ["//etc/passwd is a file", { kind: "say", text: "/etc/passwd is a file" }],
  ["/etc", { kind: "unknown", command: "/etc" }],
  ["/help", { kind: "help" }],
  ["/new", { kind: "forget" }],
];
for (const [line, expected] of lines) {
  test(`the line ${JSON.stringify(line)} is ${expected.kind}`, () => assert.deepEqual(readChatLine(line), expected));
}

const chunks: readonly (readonly [string, ReturnType<typeof readChatChunk>])[] = [
  ['{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}', { kind: "text", text: "Hi" }],
  ['{"choices":[{"delta":{"role":"assistant"}}]}', { kind: "nothing" }],
  ['{"choices":[],"usage":{}}', { kind: "nothing" }],
  ["[DONE]", { kind: "nothing" }],
  ["", { kind: "nothing" }],
  ['{"choices":[{"delta":{"content":"."},"finish_reason":"stop"}]}', { kind: "finish", text: ".", why: undefined }],
  [
    '{"choices":[{"delta":{},"finish_reason":"length"}]}',
    { kind: "finish", text: "", why: "the model reached its output limit" },
  ],
  [
    '{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}',
    { kind: "finish", text: "", why: "the model ended with tool_calls" },
  ],
  ['{"error":{"message":"too busy"}}', { kind: "error", message: "too busy" }],
];
for (const [data, expected] of chunks) {
  test(`the chunk ${data || "without data"} is ${expected.kind}`, () =>
    assert.deepEqual(readChatChunk(data), expected));
}

test("an answer that nothing finished is a failure, whatever came of it", async () => {
  const body = 'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: [DONE]\n\n';
  const answer: typeof fetch = () =>
    Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
  const signal = new AbortController().signal;
  let text = "";
  const result = await streamChat(answer, gateway(), { model: "m", messages: [], signal }, (piece) => (text += piece));
  assert.deepEqual([text, result], ["Hi", { ok: false, error: "the answer broke off" }]);
});
