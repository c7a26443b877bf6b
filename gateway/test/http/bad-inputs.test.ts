import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { isObject } from "../../src/lib/json.ts";
import { openClient } from "../support/edge.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { BODY_BYTES_MAX, CHAT, MESSAGES, type BadInput, type Format } from "./bad-input.ts";
import { badCallers } from "./bad-caller-rows.ts";
import { badHttp } from "./bad-http-rows.ts";
import { badJson } from "./bad-json-rows.ts";
import { badPacking } from "./bad-packing-rows.ts";

/*
 * What no client should send, over a real socket. Each gets its status and an error in the format of the API that it asked;
 * no provider sees any of it, and the gateway answers the next request as if nothing had been.
 */

const badInputs: readonly BadInput[] = [...badJson, ...badPacking, ...badCallers, ...badHttp];

let upstream: Upstream;
let served: Served;
before(async () => {
  upstream = await startUpstream((_request, response) => void response.end("{}"));
  served = await serveGateway(`
server: { body_bytes_max: ${BODY_BYTES_MAX}, upload_bytes_max: 300000 }
providers:
  local: { kind: openai-compatible, base_url: "${upstream.origin}/v1", credential: none, dialects: [openai-chat, openai-responses, anthropic-messages, gemini], models: [m] }
  other: { kind: openai-compatible, base_url: "${upstream.origin}/v1", credential: none, models: [o] }
`);
});
after(async () => {
  await served.close();
  await upstream.close();
});

/** Whether a body is an error that this format's SDK understands. */
const isError: Readonly<Record<Format, (body: unknown) => boolean>> = {
  openai: (body) => {
    const error = isObject(body) ? body["error"] : undefined;
    return isObject(error) && isText(error["message"]) && isText(error["type"]) && "code" in error;
  },
  anthropic: (body) => {
    const error = isObject(body) && body["type"] === "error" ? body["error"] : undefined;
    return isObject(error) && isText(error["type"]) && isText(error["message"]);
  },
  gemini: (body) => {
    const error = isObject(body) ? body["error"] : undefined;
    return isObject(error) && typeof error["code"] === "number" && isText(error["message"]) && isText(error["status"]);
  },
};

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function bytesOf(input: BadInput): Buffer {
  if ("raw" in input) return Buffer.from(input.raw);
  const body = Buffer.from(input.body ?? "");
  const headers = {
    host: "a",
    "content-type": "application/json",
    "content-length": String(body.length),
    ...input.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${input.method ?? "POST"} ${input.target ?? CHAT} HTTP/1.1\r\n${lines.join("")}\r\n`),
    body,
  ]);
}

function formatOf(input: BadInput): Format {
  if (input.format !== undefined || "raw" in input) return input.format ?? "openai";
  const target = input.target ?? CHAT;
  if (target.startsWith("/v1beta")) return "gemini";
  return target.startsWith(MESSAGES) ? "anthropic" : "openai";
}

/** One answer: status, headers in lower case, and the body that its length announces. */
function parseAnswer(received: string): { status: number; headers: Map<string, string>; body: string } | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = received.slice(0, end).split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = received.slice(end + 4);
  if (body.length < Number(headers.get("content-length") ?? 0)) return undefined;
  return { status: Number(first.split(" ")[1]), headers, body };
}

afterEach(async () => {
  const alive = await fetch(`${served.url}/health`);
  assert.equal(alive.status, 200, "the gateway is gone");
  assert.deepEqual(served.bugs, []);
  assert.equal(upstream.requests.length, 0, "a provider was sent something");
});

assert.ok(badInputs.length >= 60);
assert.equal(new Set(badInputs.map(({ name }) => name)).size, badInputs.length);

for (const input of badInputs) {
  test(`${input.name}: ${input.status} ${input.code}`, async () => {
    const client = await openClient(Number(new URL(served.url).port));
    client.send(bytesOf(input));
    if ("ends" in input) client.socket.end();
    const received = await Promise.race([client.until(/\r\n\r\n[\s\S]*\}\s*$/), client.closed]);
    client.socket.destroy();
    const answer =
      parseAnswer(Buffer.from(received, "latin1").toString("latin1")) ??
      assert.fail(`no answer: ${received.slice(0, 200)}`);
    const text = Buffer.from(answer.body, "latin1").toString("utf8");
    assert.equal(answer.status, input.status, text);
    assert.equal(answer.headers.get("x-dragoman-error-code"), input.code, text);
    assert.match(answer.headers.get("x-request-id") ?? "", /^req_/);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
    assert.ok(["true", "false"].includes(answer.headers.get("x-should-retry") ?? ""));
    assert.equal(answer.headers.get("x-evil"), undefined);
    assert.ok(isError[formatOf(input)](JSON.parse(text)), text);
  });
}
