import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/edge.ts";
import { call, callScene, dispatch, Recorder } from "../support/transport-call.ts";
import { startRawUpstream } from "../support/upstream.ts";

/* Aborting, pausing and resuming calls, at every moment of their life. */

const { open, upstream, closeAfter } = callScene();

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
  closeAfter(() => provider.close());
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
