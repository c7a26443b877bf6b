import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Reply } from "../../src/relay/ports.ts";
import { type Edge, eventually, get, openClient, post, startEdge } from "../support/edge.ts";

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

/** An edge whose replies are streams that the test feeds. */
async function startStreams(): Promise<{ edge: Edge; replies: Reply[] }> {
  const replies: Reply[] = [];
  edge = await startEdge((request, reply) => {
    if (request.target === "/idle") return reply.send(200, {}, "idle");
    if (request.target === "/pending") return void replies.push(reply);
    reply.start(200, { "content-type": "text/event-stream" });
    reply.write("data: first\n\n");
    replies.push(reply);
  });
  return { edge, replies };
}

test("fifty running streams finish, and every one of them whole", async () => {
  const { edge, replies } = await startStreams();
  const clients = await Promise.all(Array.from({ length: 50 }, () => edge.connect()));
  for (const client of clients) client.send(post("/", "{}"));
  await Promise.all(clients.map((client) => client.until(/first/)));
  let drained = false;
  const draining = edge.server.drain(10_000).then(() => (drained = true));
  for (const reply of replies) reply.write("data: after the drain began\n\n");
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.equal(drained, false);
  for (const reply of replies) reply.end();
  const received = await Promise.all(clients.map((client) => client.closed));
  for (const text of received) assert.match(text, /first[^]*after the drain began[^]*0\r\n\r\n$/);
  await draining;
  assert.equal(edge.server.connections(), 0);
});

test("new connections are refused while draining", async () => {
  const { edge, replies } = await startStreams();
  const running = await edge.connect();
  running.send(post("/", "{}"));
  await running.until(/first/);
  const draining = edge.server.drain(10_000);
  await assert.rejects(openClient(edge.port), { code: "ECONNREFUSED" });
  replies[0]?.end();
  await draining;
});

test("idle connections are closed at once, used or never used", async () => {
  const { edge } = await startStreams();
  const used = await edge.connect();
  used.send(get("/idle"));
  await used.until(/idle/);
  const fresh = await edge.connect();
  await eventually("both are accepted", () => edge.server.connections() === 2);
  await edge.server.drain(10_000);
  await Promise.all([used.closed, fresh.closed]);
});

test("an answer that begins while draining says that the connection closes", async () => {
  const { edge, replies } = await startStreams();
  const client = await edge.connect();
  client.send(get("/pending"));
  await eventually("the request arrives", () => replies.length === 1);
  const draining = edge.server.drain(10_000);
  replies[0]?.send(200, {}, "bye");
  assert.match(await client.closed, /connection: close/i);
  await draining;
});

test("what runs longer than the grace is cut", async () => {
  const { edge, replies } = await startStreams();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  await client.until(/first/);
  let closes = 0;
  replies[0]?.onClose(() => (closes += 1));
  await edge.server.drain(100);
  assert.doesNotMatch(await client.closed, /0\r\n\r\n$/);
  await eventually("the exchange hears of it", () => closes === 1);
});

test("an answer that has ended but not arrived is delivered whole to a slow reader", async () => {
  const body = Buffer.alloc(30 << 20, "0123456789");
  let answered = false;
  edge = await startEdge((_request, reply) => {
    reply.send(200, {}, body);
    answered = true;
  });
  const client = await edge.connect();
  client.socket.pause();
  client.send(get("/"));
  await eventually("the answer is given", () => answered);
  const draining = edge.server.drain(20_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  client.socket.resume();
  const received = await client.closed;
  assert.equal(received.length - received.indexOf("\r\n\r\n") - 4, body.length);
  client.socket.end();
  await draining;
});

test("a second drain does not wait", async () => {
  const { edge } = await startStreams();
  const client = await edge.connect();
  client.send(post("/", "{}"));
  await client.until(/first/);
  const first = edge.server.drain(60_000);
  await edge.server.drain(60_000);
  await first;
  await client.closed;
});
