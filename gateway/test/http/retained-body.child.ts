import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { UpstreamHandler } from "../../src/relay/ports.ts";
import { undiciTransport } from "../../src/relay/undici-transport.ts";

/*
 * Run by retained-body.test.ts with --expose-gc: opens streams that never end, each with a request body, and prints what
 * they keep as JSON. The provider is in this process too: its share is the same whatever the size of the bodies.
 */

export type Retained = {
  /** Of the pieces given to the transport, how many could not be collected while their streams were open. */
  readonly piecesAlive: number;
  /** Heap and buffers per open stream. */
  readonly bytesPerStream: number;
};

const streams = Number(process.argv[2]);
const bodyBytes = Number(process.argv[3]);

const provider = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: open\n\n");
  });
});
provider.listen(0, "127.0.0.1", 1_024);
await once(provider, "listening");
const origin = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;

const transport = undiciTransport({ connectionsMax: streams });
const pieces: WeakRef<Uint8Array>[] = [];

async function openStreams(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Apart from the body, because closures of one scope share what any of them keeps.
    openStream({
      onHeaders() {},
      onData: () => resolve(),
      onEnd() {},
      onError: (error) => reject(new Error(error.detail)),
    });
    await promise;
  }
}

function openStream(handler: UpstreamHandler): void {
  const piece = new Uint8Array(bodyBytes).fill(97);
  pieces.push(new WeakRef(piece));
  const headers = { "content-type": "application/json" };
  transport.dispatch({ method: "POST", origin, path: "/", headers, body: [piece], connectTimeoutMs: 20_000 }, handler);
}

async function memory(): Promise<number> {
  for (let round = 0; round < 5; round += 1) {
    await turn();
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

// What is loaded and compiled on first use is no stream's.
await openStreams(20);
const before = await memory();
await openStreams(streams - 20);
const after = await memory();
const result: Retained = {
  piecesAlive: pieces.filter((piece) => piece.deref() !== undefined).length,
  bytesPerStream: Math.round((after - before) / (streams - 20)),
};
process.stdout.write(JSON.stringify(result));
process.exit(0);
