import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import { fail, ok, type Result } from "../../src/lib/result.ts";
import type { ByteSupply, TransportError, UpstreamConnection } from "../../src/relay/ports.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { eventually } from "../support/edge.ts";
import { startRawUpstream, startUpstream } from "../support/upstream.ts";

/* Request bodies that are given piece by piece. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** `wait`: a piece that never comes. */
type Piece = Uint8Array | string | Failure | { readonly wait: true };

/** Gives these pieces, then the end. */
class Supply implements ByteSupply {
  readonly bytes: number | undefined;
  reads = 0;
  drops = 0;
  readonly #pieces: Piece[];

  constructor(pieces: readonly Piece[], bytes?: number) {
    this.#pieces = [...pieces];
    this.bytes = bytes;
  }

  read(): Promise<Result<Uint8Array | undefined, Failure>> {
    this.reads += 1;
    const piece = this.#pieces.shift();
    if (piece === undefined) return Promise.resolve(ok(undefined));
    if (typeof piece === "string") return Promise.resolve(ok(Buffer.from(piece)));
    if ("wait" in piece) return new Promise(() => {});
    return Promise.resolve(piece instanceof Uint8Array ? ok(piece) : fail(piece));
  }

  drop(): void {
    this.drops += 1;
  }
}

type Outcome = {
  readonly connection: UpstreamConnection;
  readonly done: Promise<string>;
  readonly error: () => TransportError | undefined;
};

function call(origin: string, body: ByteSupply): Outcome {
  const transport = httpTransport(systemClock);
  closers.push(() => transport.close());
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  let failed: TransportError | undefined;
  const connection = transport.dispatch(
    { method: "POST", origin, path: "/", headers: {}, body, connectTimeoutMs: 1_000 },
    {
      onHeaders() {},
      onData: (bytes) => (text += Buffer.from(bytes).toString()),
      onEnd: () => resolve(text),
      onError(error) {
        failed = error;
        resolve(`error: ${error.kind}`);
      },
    },
  );
  return { connection, done: promise, error: () => failed };
}

async function echo() {
  const provider = await startUpstream((request, response) => {
    const { "content-length": length, "transfer-encoding": coding } = request.headers;
    response.end(JSON.stringify([request.text, length ?? null, coding ?? null]));
  });
  closers.push(() => provider.close());
  return provider;
}

test("a known length is announced, an unknown one sent in chunks, and what is left is let go", async () => {
  const provider = await echo();
  const known = new Supply(["ab", "c"], 3);
  assert.equal(await call(provider.origin, known).done, '["abc","3",null]');
  const unknown = new Supply(["ab", "c"]);
  assert.equal(await call(provider.origin, unknown).done, '["abc",null,"chunked"]');
  const empty = new Supply([], 0);
  assert.equal(await call(provider.origin, empty).done, '["","0",null]');
  assert.ok(known.drops > 0 && unknown.drops > 0 && empty.drops > 0);
});

test("nothing is asked for where nobody listens", async () => {
  const supply = new Supply(["abc"], 3);
  const { done, error } = call("http://127.0.0.1:1", supply);
  assert.equal(await done, "error: refused");
  assert.equal(error()?.sent, false);
  assert.equal(supply.reads, 0);
});

for (const bytes of [undefined, 1_000_000]) {
  test(`a body that fails never ends for the provider (${bytes === undefined ? "chunked" : "with a length"})`, async () => {
    let received = "";
    const provider = await startRawUpstream((socket) => {
      socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
    });
    closers.push(() => provider.close());
    const supply = new Supply(["a".repeat(70_000), failure("body_incomplete", "cut")], bytes);
    assert.match(await call(provider.origin, supply).done, /^error: /);
    await eventually("the connection is closed", () => provider.connections().open === 0);
    assert.match(received, /aaa(?:\r\n)?$/);
  });
}

test("a body that is longer or shorter than it said is no request", async () => {
  const provider = await echo();
  for (const pieces of [["abcd"], ["ab"]]) {
    assert.match(await call(provider.origin, new Supply(pieces, 3)).done, /^error: /);
  }
  assert.equal(provider.requests.length, 0);
});

test("aborting a call lets its body go, also while a piece is awaited", async () => {
  const provider = await echo();
  const supply = new Supply(["abc", { wait: true }]);
  const { connection } = call(provider.origin, supply);
  await eventually("the second piece is awaited", () => supply.reads === 2);
  connection.abort();
  assert.ok(supply.drops > 0);
  await eventually("the connection is closed", () => provider.connections().open === 0);
  assert.equal(provider.requests.length, 0);
});
