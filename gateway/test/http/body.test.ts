import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { Failure } from "../../src/canonical/failure.ts";
import { failureStatus } from "../../src/canonical/failure.ts";
import type { Handler } from "../../src/http/server.ts";
import type { Result } from "../../src/lib/result.ts";
import { type Edge, eventually, post, startEdge, statusOf } from "../support/edge.ts";

const BYTES_MAX = 100_000;

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

/** An edge that answers with the body, or with the failure's code. */
async function startEcho(
  bytesMax = BYTES_MAX,
  timeouts = {},
): Promise<{ edge: Edge; results: Result<Uint8Array, Failure>[] }> {
  const results: Result<Uint8Array, Failure>[] = [];
  const handler: Handler = (request, reply) => {
    void request.readBody(bytesMax).then((result) => {
      results.push(result);
      if (result.ok) reply.send(200, {}, result.value);
      else reply.send(failureStatus(result.error), { "x-code": result.error.code }, result.error.message);
    });
  };
  edge = await startEdge(handler, { timeouts });
  return { edge, results };
}

const chunked = (pieces: readonly string[]) =>
  `POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${pieces
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join("")}0\r\n\r\n`;

async function send(
  bytes: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; code: string | null; body: Buffer }> {
  const response = await fetch(`${edge!.origin}/v1/x`, { method: "POST", body: bytes, headers });
  return {
    status: response.status,
    code: response.headers.get("x-code"),
    body: Buffer.from(await response.arrayBuffer()),
  };
}

test("a body of exactly the limit is read, one byte more is 413", async () => {
  await startEcho(1_000);
  assert.equal((await send("x".repeat(1_000))).status, 200);
  const over = await send("x".repeat(1_001));
  assert.deepEqual([over.status, over.code], [413, "body_too_large"]);
});

test("a chunked body of exactly the limit is read, one byte more is 413", async () => {
  const { edge } = await startEcho(1_000);
  const fits = await edge.connect();
  fits.send(chunked(["x".repeat(600), "y".repeat(400)]));
  assert.equal(statusOf(await fits.until(/y{400}/)), 200);
  const over = await edge.connect();
  over.send(chunked(["x".repeat(600), "y".repeat(401)]));
  const answer = await over.closed;
  assert.equal(statusOf(answer), 413);
  assert.match(answer, /x-code: body_too_large/);
});

test("an announced length over the limit is refused before the body comes, and the client can read why", async () => {
  const { edge, results } = await startEcho(1_000);
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5000000\r\n\r\n");
  const answer = await client.closed;
  assert.equal(statusOf(answer), 413);
  assert.match(answer, /connection: close/i);
  assert.equal(results.length, 1);
});

test("a client that goes on sending a refused body still gets the answer, and is cut soon after", async () => {
  const { edge } = await startEcho(1_000, { lingerMs: 150 });
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 500000000\r\n\r\n");
  const flood = setInterval(() => client.send(Buffer.alloc(65_536)), 2);
  try {
    assert.equal(statusOf(await client.closed), 413);
    await eventually("the connection is cut", () => edge.server.connections() === 0, 2_000);
  } finally {
    clearInterval(flood);
    client.socket.destroy();
  }
});

test("an empty body, and a request without one, are zero bytes", async () => {
  const { results } = await startEcho();
  assert.equal((await send("")).status, 200);
  await fetch(`${edge!.origin}/v1/x`);
  assert.deepEqual(
    results.map((result) => result.ok && result.value.length),
    [0, 0],
  );
});

test("a body that comes in many reads is put together in order", async () => {
  await startEcho(5_000_000);
  const body = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `${index},`).join(""));
  const answer = await send(body);
  assert.ok(answer.body.equals(body));
});

const codings: Record<string, (bytes: Buffer) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  "x-gzip": (bytes) => gzipSync(bytes),
  GZIP: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
  identity: (bytes) => bytes,
};

for (const [coding, compress] of Object.entries(codings)) {
  test(`a body in ${coding} is decompressed`, async () => {
    await startEcho();
    const body = Buffer.from(JSON.stringify({ model: "m", text: "Grüße ".repeat(20) }));
    const answer = await send(compress(body), { "content-encoding": coding });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(body));
  });
}

test("deflate without its zlib wrapper is read too", async () => {
  await startEcho();
  const answer = await send(deflateRawSync("plain text"), { "content-encoding": "deflate" });
  assert.equal(answer.body.toString(), "plain text");
});

for (const coding of ["gzip, br", "gzip, gzip", "compress", "aes128gcm", "__proto__", "constructor"]) {
  test(`content-encoding ${coding} is refused before the body is read`, async () => {
    await startEcho();
    const answer = await send(gzipSync("x"), { "content-encoding": coding });
    assert.deepEqual([answer.status, answer.code], [415, "unsupported_encoding"]);
  });
}

test("a body that decompresses to the limit is read, one byte more is 413", async () => {
  await startEcho(20_000);
  const text = Buffer.from(Array.from({ length: 20_001 }, (_, index) => 33 + ((index * 7919) % 90)));
  const fits = await send(gzipSync(text.subarray(0, 20_000)), { "content-encoding": "gzip" });
  assert.equal(fits.body.length, 20_000);
  const over = await send(gzipSync(text), { "content-encoding": "gzip" });
  assert.deepEqual([over.status, over.code], [413, "body_too_large"]);
});

for (const coding of ["gzip", "deflate", "br", "zstd"]) {
  test(`a bomb in ${coding} is refused without being unpacked`, async () => {
    await startEcho(64 << 20);
    const bomb = codings[coding]!(Buffer.alloc(12 << 20));
    const before = process.memoryUsage().rss;
    const answer = await send(bomb, { "content-encoding": coding });
    assert.deepEqual([answer.status, answer.code], [415, "unsupported_encoding"]);
    assert.ok(process.memoryUsage().rss - before < 10 << 20, "memory stays bounded");
  });
}

test("a compressed body that is broken or cut is invalid_encoding", async () => {
  await startEcho();
  const whole = gzipSync(Buffer.from(Array.from({ length: 5_000 }, (_, index) => (index * 31) % 251)));
  for (const body of [Buffer.from("not gzip"), whole.subarray(0, whole.length - 20)]) {
    const answer = await send(body, { "content-encoding": "gzip" });
    assert.deepEqual([answer.status, answer.code], [400, "invalid_encoding"]);
  }
});

test("a body that stalls is 408 and the connection closes", async () => {
  const { edge } = await startEcho(BYTES_MAX, { bodyStallMs: 100, lingerMs: 50 });
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc");
  const answer = await client.closed;
  assert.equal(statusOf(answer), 408);
  assert.match(answer, /x-code: body_timeout/);
});

test("a byte now and then is no progress", async () => {
  const { edge } = await startEcho(BYTES_MAX, { bodyStallMs: 200, lingerMs: 50 });
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
  const drip = setInterval(() => client.send("x"), 20);
  try {
    assert.equal(statusOf(await client.closed), 408);
  } finally {
    clearInterval(drip);
  }
});

test("a slow body that makes progress is read to its end", async () => {
  const { edge } = await startEcho(BYTES_MAX, { bodyStallMs: 200 });
  const client = await edge.connect();
  client.send(`POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: ${8 * 5_000}\r\n\r\n`);
  for (let part = 0; part < 8; part += 1) {
    client.send("x".repeat(5_000));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.equal(statusOf(await client.until(/\r\n\r\nx/)), 200);
});

test("a client that leaves half way is client_closed", async () => {
  const { edge, results } = await startEcho();
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc");
  await eventually("the request arrives", () => edge.server.connections() === 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  client.socket.resetAndDestroy();
  await eventually("the reading ends", () => results.length === 1);
  assert.equal(!results[0]!.ok && results[0]!.error.code, "client_closed");
});

test("a body shorter than announced, then the end of the connection, is 400", async () => {
  const { edge, results } = await startEcho();
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nabc");
  client.socket.end();
  const answer = await client.closed;
  assert.equal(statusOf(answer), 400);
  assert.equal(!results[0]!.ok && results[0]!.error.code, "body_incomplete");
});

test("a chunk that is none is 400 and closes the connection", async () => {
  const { edge, results } = await startEcho();
  const client = await edge.connect();
  client.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n");
  const answer = await client.closed;
  assert.equal(statusOf(answer), 400);
  assert.equal(!results[0]!.ok && results[0]!.error.code, "invalid_http");
});

test("Expect: 100-continue is answered when the body is wanted, and refused at once when it is too large", async () => {
  const { edge } = await startEcho(1_000);
  const wanted = await edge.connect();
  wanted.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
  await wanted.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
  wanted.send("hello");
  await wanted.until(/HTTP\/1\.1 200 OK[^]*hello/);
  const unwanted = await edge.connect();
  unwanted.send("POST /v1/x HTTP/1.1\r\nhost: a\r\ncontent-length: 5000\r\nexpect: 100-continue\r\n\r\n");
  assert.equal(statusOf(await unwanted.closed), 413);
});

test("after a body that was read whole the connection serves the next request", async () => {
  const { edge } = await startEcho();
  const client = await edge.connect();
  client.send(post("/v1/x", "first"));
  await client.until(/first/);
  client.send(post("/v1/x", "second"));
  await client.until(/second/);
});
