import assert from "node:assert/strict";
import { createServer as createTlsServer } from "node:tls";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, test } from "node:test";
import type { Transport } from "../../src/relay/ports.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport, type HttpTransportOptions } from "../../src/transport/http-transport.ts";
import { eventually } from "../support/edge.ts";
import { call, dispatch, Recorder } from "../support/transport-call.ts";
import { startRawUpstream, startUpstream, type Answer } from "../support/upstream.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function open(options: HttpTransportOptions = {}): Transport {
  const transport = httpTransport(systemClock, options);
  closers.push(() => transport.close());
  return transport;
}

async function upstream(answer: Answer) {
  const started = await startUpstream(answer);
  closers.push(() => started.close());
  return started;
}

/** A provider that answers every request with exactly these bytes; `then` does what follows. */
async function rawUpstream(answer: string, then?: "end" | "reset") {
  const started = await startRawUpstream((socket) => {
    socket.on("data", () => {
      socket.write(answer, "latin1", () => {
        if (then === "end") socket.end();
        if (then === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
      });
    });
  });
  closers.push(() => started.close());
  return started;
}

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
  const provider = await upstream(() => {});
  await provider.close();
  closers.length = 0;
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
  closers.push(async () => void server.close());
  const { port } = server.address() as AddressInfo;
  const { error } = await call(open(), `https://127.0.0.1:${port}`, { body: ["secret"] });
  assert.equal(error?.sent, false);
  assert.ok(error?.kind === "tls" || error?.kind === "reset", error?.detail);
});

test("a connection that does not come about in time is connect-timeout, with nothing sent", async () => {
  // Accepts and never greets: a TLS handshake without an answer.
  const provider = await startRawUpstream(() => {});
  closers.push(() => provider.close());
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

test("abort closes the connection at once, whatever it waits for, and nothing is called after", async () => {
  const provider = await upstream((request, response) => {
    if (request.text === "stalls") return;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    const more = setInterval(() => response.write("data: more\n\n"), 2);
    response.on("close", () => clearInterval(more));
  });
  const transport = open();
  for (const [index, body] of ["stalls", "streams"].entries()) {
    const { recorder, connection } = dispatch(transport, provider.origin, { body: [body] });
    await provider.received(index + 1);
    if (body === "streams") await eventually("data comes", () => recorder.chunks.length > 0);
    const before = [...recorder.events];
    const abortedAt = performance.now();
    connection.abort();
    connection.abort();
    assert.equal(await provider.requests[index]?.closed, false);
    assert.ok(performance.now() - abortedAt < 100);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(recorder.events, before);
  }
});

test("a call aborted before it has a connection is never sent", async () => {
  const provider = await upstream((_request, response) => void response.end("ok"));
  for (const body of [["small"], ["x".repeat(20_000)]]) {
    const transport = open({ connectionsMax: 1 });
    const { recorder, connection } = dispatch(transport, provider.origin, { body });
    connection.abort();
    assert.equal((await call(transport, provider.origin, { body: ["next"] })).text, "ok");
    assert.deepEqual(recorder.events, []);
  }
  assert.deepEqual(
    provider.requests.map((request) => request.text),
    ["next", "next"],
  );
});

test("abort from inside a callback is obeyed", async () => {
  const provider = await upstream((_request, response) => void response.end("x".repeat(100_000)));
  const transport = open();
  for (const moment of ["onHeaders", "onData"] as const) {
    const recorder = new Recorder();
    const record = recorder[moment].bind(recorder) as (...values: unknown[]) => void;
    recorder[moment] = (...values: unknown[]) => {
      record(...values);
      connection.abort();
    };
    const connection = transport.dispatch(
      { method: "POST", origin: provider.origin, path: "/", headers: {}, body: undefined, connectTimeoutMs: 1_000 },
      recorder,
    );
    await eventually(`${moment} comes`, () => recorder.events.includes(moment === "onHeaders" ? "headers" : "data"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(recorder.events, moment === "onHeaders" ? ["headers"] : ["headers", "data"]);
  }
});

test("of two answers that came at once, the first may abort the other's call, which then hears nothing", async () => {
  const sockets: Socket[] = [];
  const provider = await startRawUpstream((socket) => {
    socket.on("data", () => {
      sockets.push(socket);
      if (sockets.length < 2) return;
      for (const each of sockets) each.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
  });
  closers.push(() => provider.close());
  const transport = open();
  const calls = [dispatch(transport, provider.origin), dispatch(transport, provider.origin)];
  for (const [index, { recorder }] of calls.entries()) {
    recorder.onHeaders = () => {
      recorder.events.push("headers");
      calls[1 - index]?.connection.abort();
    };
  }
  await Promise.race(calls.map(({ recorder }) => recorder.done));
  await eventually("the other connection is closed", () => provider.connections().open === 1);
  const heard = calls.map(({ recorder }) => recorder.events).sort((one, other) => one.length - other.length);
  assert.deepEqual(heard, [[], ["headers", "data", "end"]]);
});

test("abort after the end is nothing, and the connection stays usable", async () => {
  const provider = await upstream((_request, response) => void response.end("ok"));
  const transport = open();
  const { recorder, connection } = dispatch(transport, provider.origin, { body: ["x"] });
  await recorder.done;
  connection.abort();
  await call(transport, provider.origin, { body: ["y"] });
  assert.equal(provider.connections().accepted, 1);
});

test("a paused call stops the provider, and everything arrives after resume", async () => {
  const total = 64 << 20;
  let written = 0;
  const provider = await upstream((_request, response) => {
    response.writeHead(200);
    const piece = Buffer.alloc(65_536, 97);
    const more = () => {
      while (written < total) {
        written += piece.length;
        if (!response.write(piece)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const recorder = new Recorder();
  let received = 0;
  recorder.onData = (bytes) => {
    received += bytes.length;
  };
  const connection = open().dispatch(
    { method: "GET", origin: provider.origin, path: "/", headers: {}, body: undefined, connectTimeoutMs: 1_000 },
    recorder,
  );
  connection.pause();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const stoppedAt = written;
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(written, stoppedAt, "the provider goes on writing");
  assert.ok(stoppedAt < 16 << 20, `${stoppedAt} bytes were taken from the provider`);
  assert.ok(received <= 65_536);
  connection.resume();
  await recorder.done;
  assert.equal(received, total);
});

test("pausing at every read and resuming later loses nothing", async () => {
  const provider = await upstream((_request, response) => void response.end(Buffer.alloc(3_000_000, "0123456789")));
  const recorder = new Recorder();
  const record = recorder.onData.bind(recorder);
  recorder.onData = (bytes) => {
    record(bytes);
    connection.pause();
    setImmediate(() => connection.resume());
  };
  const connection = open().dispatch(
    { method: "GET", origin: provider.origin, path: "/", headers: {}, body: undefined, connectTimeoutMs: 1_000 },
    recorder,
  );
  await recorder.done;
  assert.deepEqual([recorder.events.at(-1), recorder.text.length], ["end", 3_000_000]);
  assert.equal(recorder.text.slice(-10), "0123456789");
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
