import assert from "node:assert/strict";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { call, callScene, dispatch, Recorder } from "../support/transport-call.ts";
import { startRawUpstream, startUpstream } from "../support/upstream.ts";

const { open, upstream, rawUpstream, closeAfter } = callScene();

test("a call sends its method, path, headers and body, and nothing of its own but framing", async () => {
  const provider = await upstream((_request, response) => void response.end("ok"));
  const answer = await call(open(), provider.origin, {
    headers: { "x-api-key": "k", accept: "a/b" },
    body: ["he", "llo"],
  });
  assert.deepEqual(answer.events, ["headers", "data", "end"]);
  const [request] = provider.requests;
  assert.deepEqual([request?.method, request?.target, request?.text], ["POST", "/v1/x?y=1", "hello"]);
  assert.deepEqual(request?.headers, {
    host: `127.0.0.1:${provider.port}`,
    connection: "keep-alive",
    "x-api-key": "k",
    accept: "a/b",
    "content-length": "5",
  });
});

for (const size of [0, 1, 8_192, 8_193, 1_000_000]) {
  test(`a body of ${size} bytes in three pieces arrives whole, with its length`, async () => {
    const provider = await upstream((_request, response) => void response.end());
    const body = Buffer.alloc(size, "abcdefg");
    const third = Math.floor(size / 3);
    await call(open(), provider.origin, {
      headers: { "content-length": "12345" },
      body: [body.subarray(0, third), body.subarray(third, 2 * third), body.subarray(2 * third)],
    });
    assert.ok(provider.requests[0]?.body.equals(body));
    assert.equal(provider.requests[0]?.headers["content-length"], String(size));
    assert.equal(provider.requests[0]?.headers["transfer-encoding"], undefined);
  });
}

test("a GET has no body and no length", async () => {
  const provider = await upstream((_request, response) => void response.end("ok"));
  await call(open(), provider.origin, { method: "GET" });
  assert.equal(provider.requests[0]?.headers["content-length"], undefined);
});

test("a POST without a body says so", async () => {
  const provider = await upstream((_request, response) => void response.end("ok"));
  await call(open(), provider.origin, { method: "POST" });
  assert.equal(provider.requests[0]?.headers["content-length"], "0");
});

for (const moment of ["onHeaders", "onData", "onEnd"] as const) {
  test(`a handler that throws in ${moment} hears of its end, and nobody else does`, async () => {
    const provider = await upstream((_request, response) => void response.end("ok"));
    const transport = open();
    const recorder = new Recorder();
    recorder[moment] = () => {
      throw new RangeError("a bug");
    };
    transport.dispatch(
      { method: "POST", origin: provider.origin, path: "/", headers: {}, body: undefined, connectTimeoutMs: 1_000 },
      recorder,
    );
    await recorder.done;
    assert.deepEqual(recorder.error, { kind: "other", sent: true, detail: "RangeError" });
    assert.equal((await call(transport, provider.origin)).text, "ok");
  });
}

test("answer headers are lower-case strings, repeated ones joined", async () => {
  const provider = await rawUpstream(
    "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Twice: 1\r\nx-twice: 2\r\n__proto__: 3\r\nconstructor: 4\r\ncontent-length: 0\r\n\r\n",
  );
  const { headers } = await call(open(), provider.origin);
  assert.equal(headers["content-type"], "a/b");
  assert.equal(headers["x-twice"], "1, 2");
  assert.equal(headers["constructor"], "4");
  assert.equal(Object.keys({}).length, 0);
});

test("connections are reused one after another and never shared", async () => {
  const provider = await upstream((request, response) => void setTimeout(() => response.end(request.text), 20));
  const transport = open();
  for (const round of ["a", "b"]) {
    const answers = await Promise.all(
      [1, 2, 3].map((index) => call(transport, provider.origin, { body: [`${round}${index}`] })),
    );
    assert.deepEqual(
      answers.map((answer) => answer.text),
      [1, 2, 3].map((index) => `${round}${index}`),
    );
  }
  assert.equal(provider.connections().accepted, 3);
});

test("a redirect is an answer like any other", async () => {
  const provider = await upstream(
    (_request, response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end("moved"),
  );
  const answer = await call(open(), provider.origin, { body: ["x"] });
  assert.deepEqual([answer.status, answer.headers["location"], answer.text], [302, "http://127.0.0.1:1/", "moved"]);
  assert.equal(provider.requests.length, 1);
});

test("interim answers are passed over", async () => {
  const provider = await rawUpstream(
    "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
  );
  const answer = await call(open(), provider.origin, { body: ["x"] });
  assert.deepEqual([answer.events, answer.status, answer.text], [["headers", "data", "end"], 200, "ok"]);
});

test("an answer coded with gzip is not decoded", async () => {
  const provider = await rawUpstream("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc");
  assert.equal((await call(open(), provider.origin)).text, "abc");
});

test("a refused port is refused, with nothing sent", async () => {
  const provider = await startUpstream(() => {});
  await provider.close();
  const { error, events } = await call(open(), provider.origin, { body: ["x"] });
  assert.deepEqual(error, { kind: "refused", sent: false, detail: "ECONNREFUSED" });
  assert.deepEqual(events, ["error"]);
});

test("a name that does not exist is dns", async () => {
  const { error } = await call(open(), "http://nonexistent.invalid");
  assert.deepEqual([error?.kind, error?.sent], ["dns", false]);
});

test("TLS to a port that speaks HTTP is tls, with nothing sent", async () => {
  const provider = await upstream((_request, response) => void response.end());
  const { error } = await call(open(), provider.origin.replace("http:", "https:"), { body: ["secret"] });
  assert.deepEqual([error?.kind, error?.sent], ["tls", false]);
  assert.equal(provider.requests.length, 0);
});

test("a TLS handshake that the other side breaks off is a reset, with nothing sent", async () => {
  const server = createTlsServer({}, () => {});
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closeAfter(async () => void server.close());
  const { port } = server.address() as AddressInfo;
  const { error } = await call(open(), `https://127.0.0.1:${port}`, { body: ["secret"] });
  assert.equal(error?.sent, false);
  assert.ok(error?.kind === "tls" || error?.kind === "reset", error?.detail);
});

test("a connection that does not come about in time is connect-timeout, with nothing sent", async () => {
  // Accepts and never greets: a TLS handshake without an answer.
  const provider = await startRawUpstream(() => {});
  closeAfter(() => provider.close());
  const startedAt = performance.now();
  const { error } = await call(open(), provider.origin.replace("http:", "https:"), { connectTimeoutMs: 100 });
  assert.deepEqual(error, { kind: "connect-timeout", sent: false, detail: "CONNECT_TIMEOUT" });
  assert.ok(performance.now() - startedAt < 1_500);
});

test("a call that finds every connection busy waits, and gives up in its connect timeout", async () => {
  const provider = await upstream((request, response) => {
    if (request.text === "quick") response.end("done");
  });
  const transport = open({ connectionsMax: 1 });
  const busy = dispatch(transport, provider.origin, { body: ["stalls"] });
  await provider.received(1);
  const waited = await call(transport, provider.origin, { body: ["quick"], connectTimeoutMs: 100 });
  assert.deepEqual(waited.error, { kind: "connect-timeout", sent: false, detail: "POOL_EXHAUSTED" });
  const patient = call(transport, provider.origin, { body: ["quick"] });
  busy.connection.abort();
  assert.equal((await patient).text, "done");
  assert.deepEqual(
    provider.requests.map((request) => request.text),
    ["stalls", "quick"],
  );
});

test("a reset before the answer is a reset, with the request sent", async () => {
  const provider = await upstream((request) => void request.socket.resetAndDestroy());
  const { error } = await call(open(), provider.origin, { body: ["x"] });
  assert.deepEqual([error?.kind, error?.sent], ["reset", true]);
});

test("a reset on a reused connection is a reset, with the request sent", async () => {
  const provider = await upstream((request, response) => {
    if (request.text === "first") response.end("ok");
    else request.socket.resetAndDestroy();
  });
  const transport = open();
  await call(transport, provider.origin, { body: ["first"] });
  const { error } = await call(transport, provider.origin, { body: ["second"] });
  assert.deepEqual([error?.kind, error?.sent], ["reset", true]);
  assert.equal(provider.connections().accepted, 1);
});

test("an idle connection that the provider has closed is not used again", async () => {
  const provider = await upstream((request, response) => {
    response.end("ok", () => setTimeout(() => request.socket.destroy(), 10));
  });
  const transport = open();
  await call(transport, provider.origin, { body: ["a"] });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await call(transport, provider.origin, { body: ["b"] })).text, "ok");
});

test("a header that would break the request is refused, after dispatch has returned, with nothing sent", async () => {
  const provider = await upstream((_request, response) => void response.end());
  const { recorder } = dispatch(open(), provider.origin, { headers: { "x-a": "a\r\nx-evil: 1" }, body: ["x"] });
  assert.deepEqual(recorder.events, []);
  await recorder.done;
  assert.deepEqual([recorder.error?.kind, recorder.error?.sent], ["other", false]);
  assert.doesNotMatch(recorder.error?.detail ?? "", /evil/);
  assert.equal(provider.requests.length, 0);
});

test("closing the transport ends what runs", async () => {
  const provider = await upstream(() => {});
  const transport = httpTransport(systemClock);
  const { recorder } = dispatch(transport, provider.origin, { body: ["x"] });
  await provider.received(1);
  await transport.close();
  await recorder.done;
  assert.deepEqual(recorder.events, ["error"]);
});
