import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import type { Reply } from "../../src/relay/ports.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { httpTransport } from "../../src/transport/http-transport.ts";
import { post, startEdge } from "../support/edge.ts";

/*
 * Run by retained-body.test.ts with --expose-gc: relays streams that never end, each with a request body, through both
 * edges, and prints as JSON what they keep. Client and provider are in this process too, with a share that is the same
 * whatever the size of the bodies.
 */

export type Retained = {
  /** Of the bodies read and sent on, how many could not be collected while their streams were open. */
  readonly bodiesAlive: number;
  /** Heap and buffers per open stream. */
  readonly bytesPerStream: number;
};

const streams = Number(process.argv[2]);
const bodyBytes = Number(process.argv[3]);
const keeps = process.argv[4] === "true";
const kept: Uint8Array[] = [];

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

const transport = httpTransport(systemClock, { connectionsMax: streams });
const bodies: WeakRef<Uint8Array>[] = [];

const edge = await startEdge((request, reply) => {
  void request.readBody(1 << 20).then((body) => {
    if (body.ok) sendOn(body.value, reply);
  });
});

function sendOn(body: Uint8Array, reply: Reply): void {
  bodies.push(new WeakRef(body));
  if (keeps) kept.push(body);
  const headers = { "content-type": "application/json" };
  transport.dispatch(
    { method: "POST", origin, path: "/", headers, body: [body], connectTimeoutMs: 20_000 },
    answerTo(reply),
  );
}

/** Apart from the body, because closures of one scope share what any of them keeps. */
function answerTo(reply: Reply) {
  return {
    onHeaders: (status: number) => reply.start(status, {}),
    onData: (bytes: Uint8Array) => void reply.write(bytes),
    onEnd: () => reply.end(),
    onError: () => reply.destroy(),
  };
}

async function openStreams(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const client = connect(edge.port, "127.0.0.1");
    client.write(post("/", "a".repeat(bodyBytes)));
    let received = "";
    while (!received.includes("data: open")) received += String((await once(client, "data"))[0]);
  }
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
  bodiesAlive: bodies.filter((body) => body.deref() !== undefined).length,
  bytesPerStream: Math.round((after - before) / (streams - 20)),
};
process.stdout.write(JSON.stringify(result));
// Until here.
kept.length = 0;
process.exit(0);
