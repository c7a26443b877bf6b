import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, test } from "node:test";
import type { Socket } from "node:net";
import type { InboundBody } from "../../src/relay/ports.ts";
import { failureStatus } from "../../src/canonical/failure.ts";
import { eventually, openClient, startEdge, statusOf, type Edge } from "../support/edge.ts";
import { BOUNDARY, formBody, formHeaders } from "../support/form.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { startRawUpstream, startUpstream } from "../support/upstream.ts";

/* Bodies that are passed on while they arrive, over real sockets. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** An edge that hands over each body as it comes. */
async function startTaker(
  take: (body: InboundBody) => Promise<string>,
  bytesMax = 1_000_000,
  timeouts = {},
): Promise<Edge> {
  const edge = await startEdge(
    (request, reply) => {
      void take(request.openBody(bytesMax)).then((answer) => reply.send(Number(answer.slice(0, 3)), {}, answer));
    },
    { timeouts },
  );
  closers.push(() => edge.close());
  return edge;
}

/** Reads to the end; the status of what happened, then how many bytes came in how many pieces. */
async function drainBody(body: InboundBody): Promise<string> {
  let bytes = 0;
  for (let pieces = 0; ; pieces += 1) {
    const piece = await body.read();
    if (!piece.ok) return `${failureStatus(piece.error)} ${piece.error.code}`;
    if (piece.value === undefined) return `200 ${bytes} bytes in ${pieces}`;
    bytes += piece.value.length;
  }
}

const send = async (edge: Edge, body: string | Buffer, headers: Record<string, string> = {}) =>
  (await fetch(`${edge.origin}/`, { method: "POST", body, headers })).text();

test("a streamed body of exactly the limit is read, one byte more is 413, announced or not", async () => {
  const edge = await startTaker(drainBody, 10_000);
  assert.match(await send(edge, "x".repeat(10_000)), /^200 10000 bytes/);
  assert.equal(await send(edge, "x".repeat(10_001)), "413 body_too_large");
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  for (let round = 0; round < 11; round += 1) client.send(`3e8\r\n${"y".repeat(1_000)}\r\n`);
  assert.match(await client.until(/body_too_large/), /^HTTP\/1\.1 413/);
  assert.match(await client.closed, /connection: close/i);
});

test("small pieces travel together, and an empty body is the end at once", async () => {
  const edge = await startTaker(drainBody);
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000\r\n\r\n");
  for (let round = 0; round < 90; round += 1) {
    client.send("z".repeat(100));
    await new Promise((resolve) => setImmediate(resolve));
  }
  const answer = await client.until(/bytes in \d+/);
  assert.ok(Number(/in (\d+)/.exec(answer)?.[1]) <= 3, answer);
  assert.equal(await send(edge, ""), "200 0 bytes in 0");
});

test("a coded body is 415", async () => {
  const edge = await startTaker(drainBody);
  assert.equal(await send(edge, "x", { "content-encoding": "gzip" }), "415 unsupported_encoding");
});

test("while nobody reads, the client is held back; afterwards everything arrives", async () => {
  let go = (): void => {};
  const released = new Promise<void>((resolve) => (go = resolve));
  const edge = await startTaker(async (body) => {
    await released;
    return drainBody(body);
  }, 1 << 30);
  const client = await edge.connect();
  const total = 64 << 20;
  client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${total}\r\n\r\n`);
  const sent = pour(client.socket, total);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stoppedAt = client.socket.bytesWritten;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(client.socket.bytesWritten, stoppedAt, "the client goes on sending");
  assert.ok(stoppedAt < 16 << 20, `${stoppedAt} bytes were taken`);
  go();
  await sent;
  assert.match(await client.until(/bytes in/), new RegExp(`200 ${total} bytes`));
});

test("a body that stalls is 408, one byte now and then is no progress, and a slow reader is nobody's fault", async () => {
  const slowly = async (body: InboundBody) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    return drainBody(body);
  };
  const timeouts = { bodyStallMs: 200 };
  const patient = await startTaker(slowly, 1_000_000, timeouts);
  assert.match(await send(patient, "x".repeat(500_000)), /^200 500000/);
  const edge = await startTaker(drainBody, 1_000_000, timeouts);
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n");
  const drip = setInterval(() => client.send("."), 20);
  const answer = await client.until(/body_timeout/);
  clearInterval(drip);
  assert.equal(statusOf(answer), 408);
});

test("a client that leaves half way is client_closed, for whoever reads", async () => {
  const answers: string[] = [];
  const edge = await startTaker(async (body) => {
    const answer = await drainBody(body);
    answers.push(answer);
    return answer;
  });
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc");
  await new Promise((resolve) => setTimeout(resolve, 20));
  client.socket.resetAndDestroy();
  await eventually("the reader is told", () => answers.length === 1);
  assert.equal(answers[0], "499 client_closed");
});

test("a body that is dropped is read and forgotten, so that the client can read why", async () => {
  const edge = await startTaker(async (body) => {
    await body.read();
    body.drop();
    return "400 enough";
  }, 1 << 30);
  const client = await edge.connect();
  client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${1 << 24}\r\n\r\n`);
  const sent = pour(client.socket, 1 << 24);
  assert.match(await client.until(/400 enough/), /^HTTP\/1\.1 400/);
  await Promise.race([sent, client.closed]);
});

test("Expect: 100-continue is answered before the body is read", async () => {
  const edge = await startTaker(drainBody);
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
  await client.until(/^HTTP\/1\.1 100 Continue/);
  client.send("abc");
  await client.until(/200 3 bytes/);
});

/** Writes `total` bytes as fast as they are taken; when the connection ends before, it never resolves. */
async function pour(socket: Socket, total: number): Promise<void> {
  const piece = Buffer.alloc(65_536, "p");
  for (let left = total; left > 0 && !socket.destroyed; left -= piece.length) {
    if (!socket.write(left < piece.length ? piece.subarray(0, left) : piece)) {
      await once(socket, "drain");
    }
  }
}

/* Through the whole gateway. */

async function startGateway(port: number): Promise<Served> {
  const served = await serveGateway(
    `providers: { local: { kind: openai-compatible, base_url: "http://127.0.0.1:${port}/v1", credential: none, models: [m] } }`,
  );
  closers.push(served.close);
  return served;
}

const formHead = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`;

function transcription(length: number): string {
  return `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: a\r\ncontent-type: ${formHeaders["content-type"]}\r\ncontent-length: ${length}\r\n\r\n`;
}

test("a provider that does not read holds the client back", async () => {
  let socket: Socket | undefined;
  const provider = await startRawUpstream((opened) => {
    socket = opened;
    opened.pause();
  });
  closers.push(() => provider.close());
  const served = await startGateway(provider.port);
  const client = await openClient(Number(new URL(served.url).port));
  const total = 64 << 20;
  const tail = `\r\n--${BOUNDARY}--\r\n`;
  client.send(transcription(formHead.length + total + tail.length) + formHead);
  const sent = pour(client.socket, total).then(() => client.send(tail));
  await eventually("the provider is called", () => socket !== undefined);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stoppedAt = client.socket.bytesWritten;
  assert.ok(stoppedAt < 32 << 20, `${stoppedAt} bytes were taken from the client`);
  let received = 0;
  socket?.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (chunk.includes(`--${BOUNDARY}--`)) {
      socket?.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    }
  });
  socket?.resume();
  await sent;
  await client.until(/^HTTP\/1\.1 200[\s\S]*\{\}$/);
  assert.ok(received > total);
  client.socket.destroy();
});

for (const [how, end] of [
  ["closes", "refused"],
  ["resets", "cancelled"],
] as const) {
  test(`a client that ${how} the connection in the middle of an upload ends the provider's call within 100 ms`, async () => {
    let received = "";
    let closedAt = 0;
    const provider = await startRawUpstream((socket) => {
      socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
      socket.on("close", () => (closedAt = performance.now()));
    });
    closers.push(() => provider.close());
    const served = await startGateway(provider.port);
    const client = await openClient(Number(new URL(served.url).port));
    client.send(transcription(1_000_000) + formHead + "x".repeat(100_000));
    await eventually("the upload is on its way", () => received.length > 50_000);
    const leftAt = performance.now();
    if (how === "closes") client.socket.destroy();
    else client.socket.resetAndDestroy();
    await eventually("the provider's connection is closed", () => closedAt > 0);
    assert.ok(closedAt - leftAt < 100, `after ${Math.round(closedAt - leftAt)} ms`);
    assert.match(received, /content-length: 1000000/);
    await eventually("the record is written", () => served.records.length === 1);
    assert.equal(served.records[0]?.end, end);
  });
}

test("a chunked upload that breaks off does not get the last chunk that would make it whole", async () => {
  let received = "";
  const provider = await startRawUpstream((socket) => {
    socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  });
  closers.push(() => provider.close());
  const served = await startGateway(provider.port);
  const client = await openClient(Number(new URL(served.url).port));
  const head = transcription(0).replace("content-length: 0", "transfer-encoding: chunked");
  client.send(`${head}${formHead.length.toString(16)}\r\n${formHead}\r\n1388\r\n${"x".repeat(5_000)}\r\n0\r\n\r\n`);
  // The form ends without its closing boundary.
  const answer = await client.until(/invalid_form/);
  assert.equal(statusOf(answer), 400);
  await eventually("the provider's connection is closed", () => provider.connections().open === 0);
  assert.match(received, /transfer-encoding: chunked/);
  assert.doesNotMatch(received, /\r\n0\r\n\r\n/);
});

test("a provider that answers before it has everything is heard", async () => {
  const provider = await startRawUpstream((socket) => {
    socket.once("data", () => {
      const body = '{"error":{"message":"too large for me","type":"invalid_request_error"}}';
      socket.write(
        `HTTP/1.1 413 Nope\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
  });
  closers.push(() => provider.close());
  const served = await startGateway(provider.port);
  const client = await openClient(Number(new URL(served.url).port));
  client.send(transcription(1 << 24) + formHead);
  const sent = pour(client.socket, 1 << 23);
  const answer = await client.until(/too large for me/);
  assert.equal(statusOf(answer), 413);
  await Promise.race([sent, client.closed]);
});

test("a provider that breaks the connection in the middle is a 502, tried once", async () => {
  const provider = await startRawUpstream((socket) => {
    socket.once("data", () => socket.resetAndDestroy());
  });
  closers.push(() => provider.close());
  const served = await startGateway(provider.port);
  const body = formBody([
    { name: "model", value: "m" },
    { name: "file", filename: "a.wav", value: Buffer.alloc(3_000_000) },
  ]);
  const answer = await fetch(`${served.url}/v1/audio/transcriptions`, { method: "POST", headers: formHeaders, body });
  assert.equal(answer.status, 502);
  assert.equal(provider.connections().accepted, 1);
});

test("uploads one after another use one connection to the provider", async () => {
  const provider = await startUpstream((request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ bytes: request.body.length }));
  });
  closers.push(() => provider.close());
  const served = await startGateway(provider.port);
  for (const size of [10, 100_000, 3_000_000]) {
    const body = formBody([
      { name: "file", filename: "a.wav", value: Buffer.alloc(size, "\r\n-") },
      { name: "model", value: "m" },
    ]);
    const answer = await fetch(`${served.url}/v1/audio/transcriptions`, { method: "POST", headers: formHeaders, body });
    assert.deepEqual(await answer.json(), { bytes: body.length });
    assert.ok(provider.requests.at(-1)?.body.equals(body));
    assert.equal(provider.requests.at(-1)?.headers["content-length"], String(body.length));
  }
  assert.equal(provider.connections().accepted, 1);
});
