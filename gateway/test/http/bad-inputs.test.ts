import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { isObject } from "../../src/lib/json.ts";
import { openClient } from "../support/edge.ts";
import { BOUNDARY, formBody, type FormPart } from "../support/form.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";

/*
 * What no client should send, over a real socket. Each gets its status and an error in the format of the API that it asked;
 * no provider sees any of it, and the gateway answers the next request as if nothing had been.
 */

const BODY_BYTES_MAX = 200_000;

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

type Format = "openai" | "anthropic" | "gemini";

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

type BadInput = {
  readonly name: string;
  readonly status: number;
  readonly code: string;
  /** Told by the path unless said otherwise: what does not get as far as a path is answered in OpenAI's. */
  readonly format?: Format;
} & ({ readonly raw: string | Buffer; readonly ends?: true } | Post);

type Post = {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

const CHAT = "/v1/chat/completions";
const MESSAGES = "/v1/messages";
const RESPONSES = "/v1/responses";
const GEMINI = "/v1beta/models/m:generateContent";
const UPLOAD = "/v1/audio/transcriptions";

const chat = (more: string): string => `{"model":"m","messages":[{"role":"user","content":"hi"}]${more}}`;
const form = (parts: readonly FormPart[]): Pick<Post, "target" | "headers" | "body"> => ({
  target: UPLOAD,
  headers: { "content-type": `multipart/form-data; boundary=${BOUNDARY}` },
  body: formBody(parts),
});
const model: FormPart = { name: "model", value: "m" };
const file: FormPart = { name: "file", filename: "a.wav", value: "sound" };
const nested = (open: string, close: string): string => open.repeat(50_000) + close.repeat(50_000);
const key = "dgm_abcd_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";

const badInputs: readonly BadInput[] = [
  // Not JSON.
  { name: "no body", target: CHAT, body: "", status: 400, code: "invalid_json" },
  { name: "white space only", target: MESSAGES, body: " \n\t ", status: 400, code: "invalid_json" },
  { name: "half an object", target: CHAT, body: '{"model":"m"', status: 400, code: "invalid_json" },
  { name: "half a string", target: RESPONSES, body: '{"model":"m', status: 400, code: "invalid_json" },
  { name: "half a form of JSON", target: GEMINI, body: '{"contents":[{"par', status: 400, code: "invalid_json" },
  { name: "an array", target: CHAT, body: "[]", status: 400, code: "invalid_json" },
  { name: "a text", target: MESSAGES, body: '"hello"', status: 400, code: "invalid_json" },
  { name: "null", target: GEMINI, body: "null", status: 400, code: "invalid_json" },
  { name: "a comma too many", target: CHAT, body: chat(","), status: 400, code: "invalid_json" },
  { name: "single quotes", target: CHAT, body: "{'model':'m'}", status: 400, code: "invalid_json" },
  { name: "NaN", target: CHAT, body: chat(',"temperature":NaN'), status: 400, code: "invalid_json" },
  {
    name: "a number that is none",
    target: RESPONSES,
    body: '{"model":"m","input":01}',
    status: 400,
    code: "invalid_json",
  },
  { name: "a second object", target: MESSAGES, body: `${chat("")}{}`, status: 400, code: "invalid_json" },
  { name: "a comment", target: CHAT, body: `/* hi */${chat("")}`, status: 400, code: "invalid_json" },
  { name: "a form as text", target: CHAT, body: "model=m&messages=hi", status: 400, code: "invalid_json" },
  { name: "a byte order mark and nothing", target: CHAT, body: "\ufeff", status: 400, code: "invalid_json" },
  {
    name: "bytes that are not UTF-8",
    target: CHAT,
    body: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
    status: 400,
    code: "invalid_utf8",
  },
  {
    name: "half a surrogate in UTF-8",
    target: MESSAGES,
    body: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    status: 400,
    code: "invalid_utf8",
  },
  {
    name: "UTF-16",
    target: GEMINI,
    body: Buffer.from(`\ufeff${chat("")}`, "utf16le"),
    status: 400,
    code: "invalid_utf8",
  },
  {
    name: "50,000 brackets",
    target: CHAT,
    body: `{"messages":${nested("[", "]")}}`,
    status: 400,
    code: "json_too_deep",
  },
  {
    name: "50,000 brackets that never close",
    target: MESSAGES,
    body: `{"messages":${"[".repeat(50_000)}`,
    status: 400,
    code: "json_too_deep",
  },
  {
    name: "25,000 objects in each other",
    target: GEMINI,
    body: `{"a":${nested('{"a":', "}").slice(0, 125_000)}1${"}".repeat(25_000)}}`,
    status: 400,
    code: "json_too_deep",
  },

  // JSON, and not a request.
  { name: "an empty object", target: CHAT, body: "{}", status: 400, code: "missing_parameter" },
  { name: "no model", target: CHAT, body: '{"messages":[]}', status: 400, code: "missing_parameter" },
  {
    name: "an empty model",
    target: RESPONSES,
    body: '{"model":"","input":"x"}',
    status: 400,
    code: "missing_parameter",
  },
  {
    name: "a model that is a number",
    target: CHAT,
    body: '{"model":7,"messages":[]}',
    status: 400,
    code: "invalid_parameter",
  },
  {
    name: "a model that is a list",
    target: "/v1/embeddings",
    body: '{"model":["m"],"input":"x"}',
    status: 400,
    code: "invalid_parameter",
  },
  {
    name: "a stream flag that is a text",
    target: CHAT,
    body: chat(',"stream":"yes"'),
    status: 400,
    code: "invalid_parameter",
  },
  {
    name: "an unknown model",
    target: CHAT,
    body: '{"model":"nobody","messages":[]}',
    status: 404,
    code: "model_not_found",
  },
  {
    name: "an unknown provider",
    target: MESSAGES,
    body: '{"model":"x::m","max_tokens":1,"messages":[]}',
    status: 404,
    code: "model_not_found",
  },
  {
    name: "an unknown route",
    target: CHAT,
    body: '{"model":"route::x","messages":[]}',
    status: 404,
    code: "not_configured",
  },
  {
    name: "an unlisted model outside chat",
    target: "/v1/embeddings",
    body: '{"model":"local::x","input":"x"}',
    status: 404,
    code: "model_not_found",
  },
  {
    name: "a prefix against a header",
    target: CHAT,
    headers: { "x-genai-provider": "other" },
    body: chat("").replace('"m"', '"local::m"'),
    status: 400,
    code: "model_conflict",
  },
  {
    name: "a model with a line break in it",
    target: CHAT,
    body: '{"model":"m\\r\\nx-evil: 1","messages":[]}',
    status: 404,
    code: "model_not_found",
  },
  {
    name: "__proto__ for a model",
    target: CHAT,
    body: '{"__proto__":{"model":"m"},"messages":[]}',
    status: 400,
    code: "missing_parameter",
  },
  {
    name: "constructor for a model's provider",
    target: CHAT,
    body: '{"model":"constructor::m","messages":[]}',
    status: 404,
    code: "model_not_found",
  },
  {
    name: "__proto__ for a header",
    target: CHAT,
    headers: { "x-genai-provider": "__proto__" },
    body: chat(""),
    status: 404,
    code: "model_not_found",
  },
  { name: "two models", target: CHAT, body: chat(',"model":"o"'), status: 400, code: "duplicate_key" },
  {
    name: "two models, one in escapes",
    target: CHAT,
    body: chat(',"\\u006dodel":"o"'),
    status: 400,
    code: "duplicate_key",
  },
  { name: "two lists of messages", target: MESSAGES, body: chat(',"messages":[]'), status: 400, code: "duplicate_key" },
  {
    name: "two inputs",
    target: RESPONSES,
    body: '{"model":"m","input":"a","input":"b"}',
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "two limits",
    target: CHAT,
    body: chat(',"max_tokens":1,"max_tokens":100000'),
    status: 400,
    code: "duplicate_key",
  },
  {
    name: "two configurations",
    target: GEMINI,
    body: '{"contents":[],"generationConfig":{},"generationConfig":{}}',
    status: 400,
    code: "duplicate_key",
  },

  // Too much, or packed.
  {
    name: "more than the limit, announced",
    target: CHAT,
    body: "x".repeat(BODY_BYTES_MAX + 1),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "more than the limit, in chunks",
    raw: `POST ${MESSAGES} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${(BODY_BYTES_MAX + 1).toString(16)}\r\n${"x".repeat(BODY_BYTES_MAX + 1)}\r\n0\r\n\r\n`,
    status: 413,
    code: "body_too_large",
    format: "anthropic",
  },
  {
    name: "a bomb",
    target: CHAT,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(150_000)),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a bomb beyond the limit",
    target: GEMINI,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(50_000_000)),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "two layers of compression",
    target: CHAT,
    headers: { "content-encoding": "gzip, gzip" },
    body: gzipSync(gzipSync(chat(""))),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "an unknown compression",
    target: MESSAGES,
    headers: { "content-encoding": "lzma" },
    body: "x",
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a compression that is none",
    target: CHAT,
    headers: { "content-encoding": "gzip" },
    body: chat(""),
    status: 400,
    code: "invalid_encoding",
  },
  {
    name: "half a compressed body",
    target: RESPONSES,
    headers: { "content-encoding": "gzip" },
    body: gzipSync(chat("")).subarray(0, 30),
    status: 400,
    code: "invalid_encoding",
  },

  // Forms.
  {
    name: "half a form",
    ...form([model, file]),
    body: formBody([model, file]).subarray(0, 150),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form without its end",
    ...form([]),
    body: formBody([model, file]).subarray(0, -6),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form without a boundary",
    ...form([]),
    headers: { "content-type": "multipart/form-data" },
    body: formBody([model]),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form of another boundary",
    ...form([]),
    body: formBody([model], "other"),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form with two models",
    ...form([model, file, { name: "model", value: "o" }]),
    status: 400,
    code: "duplicate_key",
  },
  { name: "a form without a model", ...form([file]), status: 400, code: "missing_parameter" },
  {
    name: "a form of 1,001 parts",
    ...form(Array.from({ length: 1_001 }, () => ({ name: "a", value: "" }))),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a part with 17 KiB of headers",
    ...form([{ name: "a", value: "", type: "x".repeat(17_000) }]),
    status: 400,
    code: "invalid_form",
  },
  {
    name: "a form above the limit",
    ...form([{ ...file, value: "x".repeat(300_001) }, model]),
    status: 413,
    code: "body_too_large",
  },
  {
    name: "a compressed form",
    ...form([]),
    headers: { ...form([]).headers, "content-encoding": "gzip" },
    body: gzipSync(formBody([model])),
    status: 415,
    code: "unsupported_encoding",
  },
  {
    name: "a text where a form is taken",
    target: UPLOAD,
    headers: { "content-type": "text/plain" },
    body: "hello",
    status: 400,
    code: "invalid_form",
  },

  // Who asks for what.
  {
    name: "an unknown gateway key",
    target: CHAT,
    headers: { authorization: `Bearer ${key}` },
    body: chat(""),
    status: 401,
    code: "invalid_gateway_key",
  },
  {
    name: "an unknown gateway key in the query",
    target: `${GEMINI}?key=${key}`,
    body: "{}",
    status: 401,
    code: "invalid_gateway_key",
  },
  {
    name: "two gateway keys",
    target: MESSAGES,
    headers: { authorization: `Bearer ${key}`, "x-api-key": key.replace("abcd", "abce") },
    body: chat(""),
    status: 400,
    code: "ambiguous_credentials",
  },
  {
    name: "a project of 65 characters",
    target: CHAT,
    headers: { "x-dragoman-project-id": "p".repeat(65) },
    body: chat(""),
    status: 400,
    code: "invalid_parameter",
  },
  { name: "an unknown path", target: "/v1/nothing", body: "{}", status: 404, code: "path_not_found" },
  { name: "an unknown path of Gemini's", target: "/v1beta/nothing", body: "{}", status: 404, code: "path_not_found" },
  {
    name: "a path that climbs",
    target: "/v1/files/..%2f..%2fadmin",
    method: "GET",
    status: 404,
    code: "path_not_found",
  },
  {
    name: "a path that is no percent-encoding",
    target: "/v1/files/%zz%",
    method: "PUT",
    status: 405,
    code: "method_not_allowed",
  },
  { name: "a wrong method", target: MESSAGES, method: "PATCH", body: "{}", status: 405, code: "method_not_allowed" },
  {
    name: "an image without a provider for it",
    target: "/v1/files/x",
    method: "GET",
    headers: { "x-genai-provider": "nobody" },
    status: 404,
    code: "model_not_found",
  },

  // Not HTTP.
  {
    name: "both framings",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "two lengths",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a negative length",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a chunk that is none",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a body cut short",
    raw: `POST ${MESSAGES} HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n{"model"`,
    ends: true,
    status: 400,
    code: "body_incomplete",
    format: "anthropic",
  },
  {
    name: "an upload cut short",
    raw: `POST ${UPLOAD} HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=${BOUNDARY}\r\ncontent-length: 5000\r\n\r\n${formBody([model]).toString().slice(0, -10)}`,
    ends: true,
    status: 400,
    code: "body_incomplete",
  },
  { name: "no host", raw: `POST ${CHAT} HTTP/1.1\r\ncontent-length: 0\r\n\r\n`, status: 400, code: "invalid_http" },
  {
    name: "a host that is a path",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a/b\r\ncontent-length: 0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a folded header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n x-evil: 2\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a bare carriage return in a header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-evil: 2\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a null byte in a header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: \0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  { name: "a method that is none", raw: `P@ST ${CHAT} HTTP/1.1\r\nhost: a\r\n\r\n`, status: 400, code: "invalid_http" },
  {
    name: "101 headers",
    raw: `GET /health HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(100)}\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "17 KiB of headers",
    raw: `GET /health HTTP/1.1\r\nhost: a\r\nx-a: ${"a".repeat(17_000)}\r\n\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "a path of 17 KiB",
    raw: `GET /${"a".repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "an expectation that nobody meets",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\ncontent-length: 0\r\n\r\n`,
    status: 417,
    code: "invalid_http",
  },
  { name: "TRACE", raw: "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", status: 405, code: "method_not_allowed" },
  {
    name: "a WebSocket where there is none",
    raw: `GET ${MESSAGES} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    status: 400,
    code: "invalid_http",
    format: "openai",
  },
];

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
