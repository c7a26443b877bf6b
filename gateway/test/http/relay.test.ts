import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Handler } from "../../src/http/server.ts";
import type { Transport } from "../../src/relay/ports.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { eventually, post, startEdge } from "../support/edge.ts";
import { startUpstream, type Answer } from "../support/upstream.ts";

/* Both edges together, with nothing between them but the callbacks: what the exchange builds on. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function startRelay(answer: Answer) {
  const provider = await startUpstream(answer);
  const transport = httpTransport(systemClock);
  const edge = await startEdge(relay(transport, provider.origin));
  closers.push(
    () => edge.close(),
    () => transport.close(),
    () => provider.close(),
  );
  return { edge, provider };
}

function relay(transport: Transport, origin: string): Handler {
  return (request, reply) => {
    void request.readBody(1 << 20).then((body) => {
      if (!body.ok) return reply.destroy();
      const connection = transport.dispatch(
        { method: "POST", origin, path: request.target, headers: {}, body: [body.value], connectTimeoutMs: 1_000 },
        {
          onHeaders: (status) => reply.start(status, { "content-type": "text/event-stream" }),
          onData(bytes) {
            if (!reply.write(bytes)) connection.pause();
          },
          onEnd: () => reply.end(),
          onError: () => reply.destroy(),
        },
      );
      reply.onDrain(() => connection.resume());
      reply.onClose(() => connection.abort());
    });
  };
}

test("a stream passes through byte for byte", async () => {
  const { edge } = await startRelay((request, response) => {
    response.writeHead(200);
    for (let index = 0; index < 500; index += 1) response.write(`data: ${index} ${request.text}\n\n`);
    response.end();
  });
  const answer = await fetch(edge.origin, { method: "POST", body: "ü" });
  assert.equal(await answer.text(), Array.from({ length: 500 }, (_, index) => `data: ${index} ü\n\n`).join(""));
});

test("a client that leaves ends the provider's call within 100 ms, before and during the answer", async () => {
  const { edge, provider } = await startRelay((request, response) => {
    if (request.target === "/waits") return;
    response.writeHead(200);
    const frames = setInterval(() => response.write("data: x\n\n"), 5);
    response.on("close", () => clearInterval(frames));
  });
  for (const [index, target] of ["/waits", "/streams"].entries()) {
    const client = await edge.connect();
    client.send(post(target, "{}"));
    await provider.received(index + 1);
    if (target === "/streams") await client.until(/data: x/);
    const leftAt = performance.now();
    client.socket.destroy();
    assert.equal(await provider.requests[index]?.closed, false);
    assert.ok(performance.now() - leftAt < 100, `${target}: ended after ${Math.round(performance.now() - leftAt)} ms`);
  }
});

test("a client that does not read stops the provider, in bounded memory, and gets everything in the end", async () => {
  const total = 100 << 20;
  let written = 0;
  const { edge } = await startRelay((_request, response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(65_536, 97);
    const more = () => {
      while (written < total) {
        written += piece.length;
        if (response.write(piece)) continue;
        response.once("drain", more);
        return;
      }
      response.end();
    };
    more();
  });
  const client = await edge.connect();
  const before = process.memoryUsage();
  client.send(post("/", "{}"));
  await client.until(/\r\n\r\n/);
  client.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stoppedAt = written;
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(written, stoppedAt, "the provider goes on writing");
  // Five buffers of the system and one of ours lie between the provider and the client.
  assert.ok(stoppedAt < 32 << 20, `${stoppedAt} bytes were taken from the provider`);
  const now = process.memoryUsage();
  assert.ok(now.arrayBuffers - before.arrayBuffers < 8 << 20, "bytes are kept in the process");
  let received = 0;
  client.socket.removeAllListeners("data");
  client.socket.on("data", (chunk: Buffer) => (received += chunk.length));
  client.socket.resume();
  await eventually("everything arrives", () => received > total - (32 << 20) && written >= total, 20_000);
});
