import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Reply } from "../../src/relay/ports.ts";
import type { Handler } from "../../src/http/server.ts";
import { type Edge, eventually, get, post, startEdge, statusOf } from "../support/edge.ts";

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

async function serve(handler: Handler): Promise<Edge> {
  edge = await startEdge(handler);
  return edge;
}

/** Lets a test answer by hand, once the body has been read. */
async function serveByHand(): Promise<{ edge: Edge; replies: Reply[] }> {
  const replies: Reply[] = [];
  const edge = await serve((request, reply) => {
    void request.readBody(1_000_000).then(() => replies.push(reply));
  });
  return { edge, replies };
}

async function firstReply(replies: readonly Reply[], count = 1): Promise<Reply> {
  await eventually("the request arrives", () => replies.length >= count);
  return replies[count - 1]!;
}

const tick = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("send answers text and bytes with their length, and keeps the connection", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const large = new Uint8Array(100_000).fill(7);
  const bodies: Record<string, string | Uint8Array> = {
    "/text": "Grüße 🙂",
    "/bytes": bytes,
    "/large": large,
    "/empty": "",
  };
  const edge = await serve((request, reply) => reply.send(200, { "content-type": "x/y" }, bodies[request.target]!));
  for (const [target, body] of Object.entries(bodies)) {
    const answer = await fetch(edge.origin + target);
    const expected = Buffer.from(body as Uint8Array);
    assert.equal(answer.headers.get("content-length"), String(expected.length));
    assert.equal(answer.headers.get("content-type"), "x/y");
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(expected), target);
  }
});

test("a view into a larger buffer is sent as that view", async () => {
  const whole = Buffer.from("0123456789");
  const edge = await serve((_request, reply) =>
    reply.send(200, {}, new Uint8Array(whole.buffer, whole.byteOffset + 2, 3)),
  );
  assert.equal(await (await fetch(edge.origin)).text(), "234");
});

test("HEAD has the headers of the answer and no body, streamed or not", async () => {
  const edge = await serve((request, reply) => {
    if (request.target === "/send") return reply.send(200, {}, "hello");
    reply.start(200, {});
    reply.write("hello");
    reply.end();
  });
  const client = await edge.connect();
  client.send("HEAD /send HTTP/1.1\r\nhost: a\r\n\r\n");
  assert.match(await client.until(/\r\n\r\n/), /content-length: 5/);
  client.send("HEAD /stream HTTP/1.1\r\nhost: a\r\n\r\n");
  await client.until(/200 OK[^]*200 OK[^]*\r\n\r\n/);
  await tick(20);
  assert.doesNotMatch(client.received(), /hello/);
});

test("start sends the headers at once, and each write is a chunk of its own", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  reply.start(200, { "content-type": "text/event-stream" });
  await client.until(/content-type: text\/event-stream[^]*\r\n\r\n$/);
  reply.write("data: ä\n\n");
  await client.until(/a\r\ndata: \xc3\xa4\n\n\r\n$/);
  reply.write(Buffer.from("data: 2\n\n"));
  await client.until(/9\r\ndata: 2\n\n\r\n$/);
  reply.write("");
  reply.write(new Uint8Array(0));
  reply.end();
  await client.until(/0\r\n\r\n$/);
  client.send(post("/", "{}"));
  (await firstReply(replies, 2)).send(200, {}, "next on the same connection");
  await client.until(/next on/);
});

test("frames of every size arrive as they were written", async () => {
  const sizes = [1, 2, 15, 16, 4_095, 16_384, 16_385, 100_000];
  const edge = await serve((_request, reply) => {
    reply.start(200, {});
    for (const [index, size] of sizes.entries()) reply.write(Buffer.alloc(size, 97 + index));
    for (const [index, size] of sizes.entries()) reply.write(String.fromCharCode(65 + index).repeat(size));
    reply.end();
  });
  const expected = [
    ...sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size)),
    ...sizes.map((size, index) => String.fromCharCode(65 + index).repeat(size)),
  ];
  assert.equal(await (await fetch(edge.origin)).text(), expected.join(""));
});

test("an HTTP/1.0 client gets a stream without chunks, ended by the close", async () => {
  const edge = await serve((_request, reply) => {
    reply.start(200, {});
    reply.write("one ");
    reply.write(Buffer.from("two"));
    reply.end();
  });
  const client = await edge.connect();
  client.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await client.closed, /\r\n\r\none two$/);
});

test("destroy leaves a stream without its end", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  reply.start(200, {});
  reply.write("partial");
  await client.until(/partial/);
  let closes = 0;
  reply.onClose(() => (closes += 1));
  reply.destroy();
  assert.doesNotMatch(await client.closed, /0\r\n\r\n$/);
  await tick(20);
  assert.equal(closes, 0, "our own doing is not the client leaving");
});

test("what was written before destroy reaches the client, also in the same turn", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/v1/x", "{}"));
  const reply = await firstReply(replies);
  reply.start(200, {});
  reply.write("one ");
  reply.write("two");
  reply.destroy();
  const received = await client.closed;
  assert.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n4\r\none \r\n3\r\ntwo\r\n$/);
});

test("destroy resets a client for which the close would look like the end", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  const errors: string[] = [];
  client.socket.on("error", (error: NodeJS.ErrnoException) => errors.push(error.code ?? ""));
  client.send("GET / HTTP/1.0\r\n\r\n");
  const reply = await firstReply(replies);
  reply.start(200, {});
  reply.write("partial");
  await client.until(/partial/);
  reply.destroy();
  await eventually("the client is reset", () => errors.includes("ECONNRESET"));
});

test("a client that leaves before the answer is noticed within 100 ms, by reset and by close", async () => {
  const { edge, replies } = await serveByHand();
  for (const [index, leave] of (["destroy", "resetAndDestroy"] as const).entries()) {
    const client = await edge.connect();
    client.send(post("/", "{}"));
    const reply = await firstReply(replies, index + 1);
    let closedAt = 0;
    reply.onClose(() => (closedAt = performance.now()));
    const leftAt = performance.now();
    client.socket[leave]();
    await eventually(`the ${leave} is noticed`, () => closedAt > 0);
    assert.ok(closedAt - leftAt < 100, `${leave}: noticed after ${Math.round(closedAt - leftAt)} ms`);
    reply.send(200, {}, "nobody reads this");
    assert.equal(reply.started, false);
  }
});

test("a client that leaves in a stream is noticed within 100 ms of frames flowing", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  reply.start(200, {});
  let closedAt = 0;
  reply.onClose(() => (closedAt = performance.now()));
  const frames = setInterval(() => reply.write("data: x\n\n"), 10);
  try {
    await client.until(/data: x/);
    const leftAt = performance.now();
    client.socket.destroy();
    await eventually("the client's leaving is noticed", () => closedAt > 0);
    assert.ok(closedAt - leftAt < 100, `noticed after ${Math.round(closedAt - leftAt)} ms`);
  } finally {
    clearInterval(frames);
  }
});

test("onClose is called at once when the client has already gone, and each listener once", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  let early = 0;
  reply.onClose(() => (early += 1));
  reply.onClose(() => (early += 10));
  client.socket.resetAndDestroy();
  await eventually("the close is told", () => early > 0);
  let late = 0;
  reply.onClose(() => (late += 1));
  assert.deepEqual([early, late], [11, 1]);
});

test("onClose is not called after a normal end", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  let closes = 0;
  reply.onClose(() => (closes += 1));
  reply.send(200, {}, "done");
  await client.until(/done/);
  client.socket.destroy();
  await tick(50);
  reply.onClose(() => (closes += 1));
  assert.equal(closes, 0);
});

test("a client that has closed its sending half is alive and gets its stream", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  client.socket.end();
  const reply = await firstReply(replies);
  let closes = 0;
  reply.onClose(() => (closes += 1));
  await tick(300);
  reply.start(200, {});
  reply.write("late ");
  await tick(30);
  reply.write("answer");
  reply.end();
  const received = await client.closed;
  assert.match(received, /200 OK[^]*late [^]*answer[^]*0\r\n\r\n$/);
  assert.equal(closes, 0);
  // The questions whether it still listens are interim answers, which every client reads over.
  assert.ok((received.match(/HTTP\/1\.1 100 Continue\r\n\r\n/g)?.length ?? 0) <= 5);
});

test("a slow reader makes write answer false, and drains later", async () => {
  const { edge, replies } = await serveByHand();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  const reply = await firstReply(replies);
  reply.start(200, {});
  await client.until(/\r\n\r\n/);
  client.socket.pause();
  let drains = 0;
  reply.onDrain(() => (drains += 1));
  const frame = Buffer.alloc(65_536, 120);
  let written = 0;
  while (reply.write(frame)) {
    written += 1;
    assert.ok(written < 1_000, "the system buffers without end");
    await tick(0);
  }
  assert.equal(drains, 0);
  client.socket.resume();
  await eventually("the reply drains", () => drains === 1);
  reply.end();
});

test("framing headers of a handler are dropped, and no value can break out of its line", async () => {
  const edge = await serve((_request, reply) =>
    reply.send(
      200,
      {
        "content-length": "9999",
        "transfer-encoding": "chunked",
        connection: "x",
        "x-a": "a\r\nx-evil: 1",
        "x-b": "ü€",
        "x-c": undefined,
      },
      "hi",
    ),
  );
  const client = await edge.connect();
  client.send(get("/"));
  const answer = await client.until(/hi$/);
  assert.match(answer, /x-a: a\?\?x-evil: 1\r\n/);
  assert.match(answer, /x-b: .\?\r\n/);
  assert.match(answer, /content-length: 2\r\n/);
  assert.doesNotMatch(answer, /transfer-encoding|9999|x-c/);
});

test("a request body that nobody read does not become the next request", async () => {
  const edge = await serve((_request, reply) => reply.send(404, {}, "no"));
  const small = await edge.connect();
  small.send(post("/first", get("/evil")));
  await small.until(/404/);
  small.send(get("/second"));
  await small.until(/404[^]*404/);
  const large = await edge.connect();
  large.send("POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 10000000\r\n\r\n");
  assert.match(await large.closed, /404[^]*connection: close/i);
});

test("calls after the end do nothing", async () => {
  const edge = await serve((_request, reply) => {
    reply.send(200, {}, "one");
    reply.send(500, {}, "two");
    reply.start(500, {});
    assert.equal(reply.write("three"), true);
    reply.end();
    reply.destroy();
  });
  const client = await edge.connect();
  client.send(get("/"));
  assert.equal(statusOf(await client.until(/one$/)), 200);
  assert.deepEqual(edge.bugs, []);
});
