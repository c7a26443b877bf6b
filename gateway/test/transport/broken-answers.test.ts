import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/edge.ts";
import { call, callScene } from "../support/transport-call.ts";
import { startRawUpstream } from "../support/upstream.ts";

/* Answers that break off, that are none, or that bring more than was asked for. */

const { open, rawUpstream, closeAfter } = callScene();

const cut: Record<string, string> = {
  "with a length": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npartial",
  "with a length and Connection: close": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\npartial",
  chunked: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\npartial\r\n",
  "chunked with Connection: close":
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n7\r\npartial\r\n",
  "inside a chunk": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\npartial",
};

for (const [name, bytes] of Object.entries(cut)) {
  for (const how of ["end", "reset"] as const) {
    test(`an answer ${name} that breaks off by ${how} is a reset, never an end`, async () => {
      const provider = await rawUpstream(bytes, how);
      const answer = await call(open(), provider.origin, { body: ["x"] });
      assert.deepEqual(answer.events, ["headers", "data", "error"]);
      assert.deepEqual([answer.error?.kind, answer.error?.sent, answer.text], ["reset", true, "partial"]);
    });
  }
}

test("an answer without framing ends with its connection", async () => {
  const provider = await rawUpstream("HTTP/1.1 200 OK\r\n\r\nall of it", "end");
  const answer = await call(open(), provider.origin, { body: ["x"] });
  assert.deepEqual([answer.events, answer.text], [["headers", "data", "end"], "all of it"]);
});

const broken: Record<string, string> = {
  "no HTTP": "SSH-2.0-OpenSSH_9\r\n\r\n",
  "two lengths": "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc",
  "a length and chunks":
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
  "a length that is no number": "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nabc",
  "a chunk that is none": "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
  "headers without end": `HTTP/1.1 200 OK\r\n${Array.from({ length: 700 }, (_, index) => `x-${index}: ${"y".repeat(100)}\r\n`).join("")}`,
  "one endless header": `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}`,
  "an upgrade that nobody asked for":
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
};

for (const [name, bytes] of Object.entries(broken)) {
  test(`an answer with ${name} is protocol, and its connection is not used again`, async () => {
    const provider = await rawUpstream(bytes);
    const answer = await call(open(), provider.origin, { body: ["x"] });
    assert.deepEqual([answer.error?.kind, answer.error?.sent], ["protocol", true]);
    assert.equal(answer.events.filter((event) => event === "error" || event === "end").length, 1);
    await eventually("the connection is closed", () => provider.connections().open === 0);
  });
}

test("headers just within the limit are read", async () => {
  const provider = await rawUpstream(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(60_000)}\r\ncontent-length: 0\r\n\r\n`);
  assert.equal((await call(open(), provider.origin)).headers["x"]?.length, 60_000);
});

for (const together of [true, false]) {
  test(`a second answer to one request is never delivered (${together ? "in the same read" : "later"})`, async () => {
    const one = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
    let asked = 0;
    const provider = await startRawUpstream((socket) => {
      socket.on("data", () => {
        asked += 1;
        if (asked > 1) return void socket.write(`${one}new`);
        socket.write(together ? `${one}one${one}two` : `${one}one`);
        if (!together) setTimeout(() => socket.write(`${one}two`), 15);
      });
    });
    closeAfter(() => provider.close());
    const transport = open();
    assert.equal((await call(transport, provider.origin, { body: ["a"] })).text, "one");
    if (!together) await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal((await call(transport, provider.origin, { body: ["b"] })).text, "new");
    assert.equal(provider.connections().accepted, 2);
  });
}

test("surplus bytes behind an answer never reach the next call", async () => {
  const provider = await startRawUpstream((socket) => {
    socket.on("data", (data: Buffer) => {
      const first = data.includes("first");
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n${first ? "onesurplus" : "two"}`);
    });
  });
  closeAfter(() => provider.close());
  const transport = open();
  assert.equal((await call(transport, provider.origin, { body: ["first"] })).text, "one");
  assert.equal((await call(transport, provider.origin, { body: ["second"] })).text, "two");
});
