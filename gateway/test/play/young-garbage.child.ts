/**
 * Streams answers through the gateway in memory, one after the other, and says how many bytes of each are still there after
 * young collections alone: `node --expose-gc young-garbage.child.ts TARGET BODY STREAMS`.
 */
import { createGateway } from "../../src/gateway.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Reply, Transport } from "../../src/relay/ports.ts";
import { configOf } from "../support/config.ts";
import { request } from "../support/memory-reply.ts";

const [target = "", body = "", streams = "0"] = process.argv.slice(2);
const WARM_UP_STREAMS = 1_000;
/** More than are young at once. */
const COLLECT_EVERY_STREAMS = 50;

const chunk = (delta: object, finish: string | null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const opening = chunk({ role: "assistant", content: "Hello" }, null);
const ending = `${chunk({}, "stop")}data: [DONE]\n\n`;

/** Unlike the scripted provider it remembers nothing. */
const transport: Transport = {
  dispatch(_call, handler) {
    queueMicrotask(() => {
      handler.onHeaders(200, { "content-type": "text/event-stream" });
      handler.onData(Buffer.from(opening));
      setImmediate(() => {
        handler.onData(Buffer.from(ending));
        handler.onEnd();
      });
    });
    return { pause() {}, resume() {}, abort() {} };
  },
  close: () => Promise.resolve(),
};

const config = configOf(`
providers:
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:1/v1", credential: none, dialects: [openai-chat], models: [m] }
`);
let ids = 0;
const gateway = createGateway({
  clock: systemClock,
  random: Math.random,
  ids: { requestId: () => `req_${(ids += 1)}` },
  transport,
  sink: { write() {}, flush: () => Promise.resolve() },
  config: { current: () => config },
  reportBug: (bug) => {
    throw bug;
  },
  version: "0.0.0-test",
});

/** A client that keeps nothing of what it is sent. */
function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const reply: Reply = {
      started: false,
      send: (status) => reject(new Error(`answered ${status} instead of a stream`)),
      start() {},
      write: () => true,
      end: () => resolve(),
      destroy: () => reject(new Error("the stream was cut")),
      onClose() {},
      onDrain() {},
    };
    gateway.handle(request({ target, body }).request, reply);
  });
}

async function askMany(count: number): Promise<void> {
  for (let asked = 0; asked < count; asked += 1) {
    await ask();
    if (asked % COLLECT_EVERY_STREAMS === 0) collectYoung();
  }
}

/** Twice: what survives the first is still young. */
function collectYoung(): void {
  globalThis.gc?.({ type: "minor" });
  globalThis.gc?.({ type: "minor" });
}

await askMany(WARM_UP_STREAMS);
collectYoung();
const before = process.memoryUsage().heapUsed;
await askMany(Number(streams));
collectYoung();
process.stdout.write(JSON.stringify({ bytesPerStream: (process.memoryUsage().heapUsed - before) / Number(streams) }));
process.exit(0);
