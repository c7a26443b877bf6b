import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { InboundRequest } from "../../src/relay/ports.ts";
import type { Handler } from "../../src/http/server.ts";
import { type Edge, type EdgeOptions, eventually, get, post, startEdge, statusOf } from "../support/edge.ts";

let edge: Edge | undefined;
afterEach(async () => {
  await edge?.close();
  edge = undefined;
});

async function startServer(
  options: EdgeOptions = {},
  answer?: Handler,
): Promise<{ edge: Edge; requests: InboundRequest[] }> {
  const requests: InboundRequest[] = [];
  edge = await startEdge((request, reply) => {
    requests.push(request);
    if (answer === undefined) reply.send(200, { "content-type": "text/plain" }, request.target);
    else answer(request, reply);
  }, options);
  return { edge, requests };
}

/** What an SDK reads of an error. */
function errorOf(received: string): { code: string; message: string; type: string } {
  const { error } = JSON.parse(received.slice(received.indexOf("\r\n\r\n") + 4)) as { error: never };
  return error;
}

test("the handler sees method, target as sent, lower-case headers and the client's address", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(
    post("/v1beta/models/a%2Fb:generateContent?alt=sse&key=x%20y", "{}", [
      "X-Custom: Value",
      "AUTHORIZATION: Bearer k",
    ]),
  );
  await client.until(/HTTP\/1\.1 200/);
  const [request] = requests;
  assert.equal(request?.method, "POST");
  assert.equal(request?.target, "/v1beta/models/a%2Fb:generateContent?alt=sse&key=x%20y");
  assert.equal(request?.headers["x-custom"], "Value");
  assert.equal(request?.headers["authorization"], "Bearer k");
  assert.equal(request?.remoteAddress, "127.0.0.1");
});

test("repeated headers are joined, also those of which node would keep one", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(
    get("/", [
      "authorization: Bearer a",
      "authorization: Bearer b",
      "x-a: 1",
      "x-a: 2",
      "set-cookie: a=1",
      "set-cookie: b=2",
    ]),
  );
  await client.until(/HTTP\/1\.1 200/);
  assert.equal(requests[0]?.headers["authorization"], "Bearer a, Bearer b");
  assert.equal(requests[0]?.headers["x-a"], "1, 2");
  assert.equal(requests[0]?.headers["set-cookie"], "a=1, b=2");
});

test("headers named like parts of an object are headers and nothing else", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(get("/", ["__proto__: 1", "constructor: 2", "toString: 3"]));
  await client.until(/HTTP\/1\.1 200/);
  const headers = requests[0]!.headers;
  assert.deepEqual([headers["__proto__"], headers["constructor"], headers["tostring"]], ["1", "2", "3"]);
  assert.equal(headers["valueOf"], undefined);
  assert.equal(headers["hasOwnProperty"], undefined);
  assert.equal(Object.keys({}).length, 0);
  client.send(get("/"));
  await client.until(/200 OK[^]*200 OK/);
  assert.equal(requests[1]?.headers["constructor"], undefined);
});

test("an absolute target is served as its path", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(get("http://gateway.test/v1/models?x=1"));
  await client.until(/HTTP\/1\.1 200/);
  client.send(get("http://gateway.test"));
  await client.until(/200 OK[^]*200 OK/);
  assert.deepEqual(
    requests.map((request) => request.target),
    ["/v1/models?x=1", "/"],
  );
});

test("100 headers are served, 101 are 431 and the connection closes", async () => {
  const { edge, requests } = await startServer();
  const many = (count: number) => Array.from({ length: count - 1 }, (_, index) => `x-${index}: 1`);
  const fits = await edge.connect();
  fits.send(get("/", many(100)));
  assert.equal(statusOf(await fits.until(/\r\n\r\n/)), 200);
  const over = await edge.connect();
  over.send(get("/", many(101)));
  const answer = await over.closed;
  assert.equal(statusOf(answer), 431);
  assert.equal(errorOf(answer).code, "headers_too_large");
  assert.equal(requests.length, 1);
});

test("2,100 headers with the length last are refused, and what follows is never a request", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  const flood = Array.from({ length: 2_100 }, (_, index) => `a${index}:`);
  client.send(
    `POST / HTTP/1.1\r\nhost: a\r\n${flood.join("\r\n")}\r\ncontent-length: 30\r\n\r\nGET /evil HTTP/1.1\r\nhost: a\r\n\r\n`,
  );
  assert.equal(statusOf(await client.closed), 431);
  assert.equal(requests.length, 0);
});

test("headers over 16 KiB are 431", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(get("/", [`x-large: ${"x".repeat(20_000)}`]));
  const answer = await client.closed;
  assert.equal(statusOf(answer), 431);
  assert.equal(errorOf(answer).code, "headers_too_large");
  assert.equal(requests.length, 0);
});

test("what is not HTTP is a 400 that says so, in the common error shape", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send("hello?\r\n\r\n");
  const answer = await client.closed;
  assert.equal(statusOf(answer), 400);
  assert.equal(errorOf(answer).code, "invalid_http");
  assert.equal(errorOf(answer).type, "invalid_request_error");
  for (const header of [/x-request-id: req_\w{26}/, /x-dragoman-error-code: invalid_http/, /x-should-retry: false/]) {
    assert.match(answer, header);
  }
  assert.equal(requests.length, 0);
});

test("an HTTP/2 preface closes the connection", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await client.closed;
  assert.equal(requests.length, 0);
});

test("headers that do not come are 408", async () => {
  const { edge, requests } = await startServer({ timeouts: { headersMs: 100, checkMs: 50, lingerMs: 20 } });
  const client = await edge.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\nx-slow:");
  const answer = await client.closed;
  assert.equal(statusOf(answer), 408);
  assert.equal(errorOf(answer).code, "body_timeout");
  assert.equal(requests.length, 0);
});

for (const host of ["a", "a.example:8080", "[::1]:4000", "127.0.0.1", "xn--bcher-kva.example", "my_service"]) {
  test(`Host ${host} is accepted`, async () => {
    const { edge } = await startServer();
    const client = await edge.connect();
    client.send(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    assert.equal(statusOf(await client.until(/\r\n\r\n/)), 200);
  });
}

for (const lines of [
  "",
  "host: a\r\nhost: b\r\n",
  "host: a/b\r\n",
  "host: user@a\r\n",
  "host: a b\r\n",
  "host: a:port\r\n",
]) {
  test(`Host lines ${JSON.stringify(lines)} are 400`, async () => {
    const { edge, requests } = await startServer();
    const client = await edge.connect();
    client.send(`GET / HTTP/1.1\r\n${lines}\r\n`);
    const answer = await client.closed;
    assert.equal(statusOf(answer), 400);
    assert.equal(errorOf(answer).code, "invalid_http");
    assert.equal(requests.length, 0);
  });
}

const upgrade = [
  "connection: Upgrade",
  "upgrade: websocket",
  "sec-websocket-version: 13",
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
];

for (const path of ["/v1/responses", "/responses", "/api/v1/responses", "/v1/v1/responses?x=1"]) {
  test(`a WebSocket on ${path} is 426 at once`, async () => {
    const { edge, requests } = await startServer();
    const client = await edge.connect();
    client.send(get(path, upgrade));
    const answer = await client.closed;
    assert.equal(statusOf(answer), 426);
    assert.equal(errorOf(answer).code, "websocket_unsupported");
    assert.equal(requests.length, 0);
  });
}

test("a WebSocket elsewhere is 400, and a request behind it is never read", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(get("/v1/messages", upgrade) + get("/evil"));
  assert.equal(statusOf(await client.closed), 400);
  assert.equal(requests.length, 0);
});

test("an upgrade with a body is refused too", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(post("/v1/messages", "{}", upgrade) + get("/evil"));
  assert.equal(statusOf(await client.closed), 400);
  assert.equal(requests.length, 0);
});

test("an offer of h2c, as Java's client makes with every first request, is ignored", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(
    get("/v1/models", ["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB"]),
  );
  assert.equal(statusOf(await client.until(/\/v1\/models/)), 200);
  assert.equal(requests.length, 1);
});

test("CONNECT and TRACE are 405 and never reach the handler", async () => {
  const { edge, requests } = await startServer();
  for (const line of ["CONNECT example.org:443", "TRACE /"]) {
    const client = await edge.connect();
    client.send(`${line} HTTP/1.1\r\nhost: a\r\n\r\n`);
    const answer = await client.closed;
    assert.equal(statusOf(answer), 405);
    assert.match(answer, /allow: GET/);
  }
  assert.equal(requests.length, 0);
});

test("an expectation that nobody can meet is 417", async () => {
  const { edge, requests } = await startServer();
  const client = await edge.connect();
  client.send(get("/", ["expect: miracles"]));
  assert.equal(statusOf(await client.closed), 417);
  assert.equal(requests.length, 0);
});

test("OPTIONS names a path's methods, and an unknown path is the handler's", async () => {
  const allowedMethods = (target: string) => (target === "/v1/models" ? ["GET", "HEAD"] : []);
  const { edge, requests } = await startServer({ allowedMethods });
  const answer = await fetch(`${edge.origin}/v1/models`, { method: "OPTIONS" });
  assert.deepEqual([answer.status, answer.headers.get("allow")], [204, "GET, HEAD"]);
  assert.equal(requests.length, 0);
  await fetch(`${edge.origin}/unknown`, { method: "OPTIONS" });
  assert.equal(requests.length, 1);
});

const preflight = {
  origin: "https://app.example",
  "access-control-request-method": "POST",
  "access-control-request-headers": "authorization, x-api-key",
};

test("CORS is off unless origins are configured", async () => {
  const { edge } = await startServer({ allowedMethods: () => ["POST"] });
  const answer = await fetch(`${edge.origin}/v1/x`, { method: "OPTIONS", headers: preflight });
  assert.equal(answer.status, 204);
  assert.deepEqual(
    [...answer.headers.keys()].filter((name) => name.startsWith("access-control") || name === "vary"),
    [],
  );
});

test("a configured origin passes its preflight and may read the answer", async () => {
  const { edge } = await startServer({ allowedMethods: () => ["POST"], cors: { origins: ["https://app.example"] } });
  const asked = await fetch(`${edge.origin}/v1/x`, { method: "OPTIONS", headers: preflight });
  assert.equal(asked.status, 204);
  assert.equal(asked.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(asked.headers.get("access-control-allow-methods"), "POST");
  assert.equal(asked.headers.get("access-control-allow-headers"), "authorization, x-api-key");
  const answer = await fetch(`${edge.origin}/v1/x`, {
    method: "POST",
    body: "x",
    headers: { origin: "https://app.example" },
  });
  assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(answer.headers.get("access-control-expose-headers"), "*");
  assert.equal(answer.headers.get("vary"), "origin");
});

test("another origin is told nothing, and caches are told that it depends", async () => {
  const { edge } = await startServer({ allowedMethods: () => ["POST"], cors: { origins: ["https://app.example"] } });
  const answer = await fetch(`${edge.origin}/v1/x`, {
    method: "OPTIONS",
    headers: { ...preflight, origin: "https://evil.example" },
  });
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
  assert.equal(answer.headers.get("vary"), "origin");
});

test("requested header names that are no names are not repeated", async () => {
  const { edge } = await startServer({ allowedMethods: () => ["POST"], cors: { origins: ["*"] } });
  const answer = await fetch(`${edge.origin}/v1/x`, {
    method: "OPTIONS",
    headers: { ...preflight, "access-control-request-headers": "a; b<c>" },
  });
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.equal(answer.headers.get("access-control-allow-headers"), null);
});

test("a handler that throws is an internal error, reported, and the server goes on", async () => {
  const bug = new Error("bug");
  const { edge } = await startServer({}, (request, reply) => {
    if (request.target === "/bug") throw bug;
    reply.send(200, {}, "fine");
  });
  const answer = await fetch(`${edge.origin}/bug`);
  assert.equal(answer.status, 500);
  const body = (await answer.json()) as { error: { code: string; message: string } };
  assert.equal(body.error.code, "internal");
  assert.doesNotMatch(body.error.message, /bug/);
  assert.deepEqual(edge.bugs, [bug]);
  assert.equal((await fetch(`${edge.origin}/`)).status, 200);
});

test("a port that is taken is the system's error", async () => {
  const { edge } = await startServer();
  const { createHttpServer } = await import("../../src/http/server.ts");
  const { systemClock } = await import("../../src/lib/clock.ts");
  const { systemIds } = await import("../../src/lib/ids.ts");
  const second = createHttpServer(
    { clock: systemClock, ids: systemIds(), cors: { origins: [] }, allowedMethods: () => [], onBug: () => {} },
    () => {},
  );
  await assert.rejects(second.listen({ host: "127.0.0.1", port: edge.port }), { code: "EADDRINUSE" });
});

test("a pipelined request closes the connection after the answer that is running", async () => {
  const { edge, requests } = await startServer({}, (request, reply) => {
    void request.readBody(1_000).then(() => reply.send(200, {}, "only answer"));
  });
  const client = await edge.connect();
  client.send(post("/first", "{}") + get("/evil"));
  const answer = await client.closed;
  assert.equal(answer.match(/HTTP\/1\.1/g)?.length, 1);
  assert.match(answer, /connection: close/i);
  assert.deepEqual(
    requests.map((request) => request.target),
    ["/first"],
  );
  await eventually("the connection is gone", () => edge.server.connections() === 0);
});
