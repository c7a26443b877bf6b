import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExchangeRecord } from "../../src/record/record.ts";
import { allSinks, queuedSink, RING_RECORDS_MAX, type LineSink } from "../../src/record/sinks.ts";
import { toTerminalLine } from "../../src/record/terminal.ts";

const record = (requestId: string): ExchangeRecord => ({
  requestId,
  startedAt: "2026-01-01T14:02:11.000Z",
  operation: "chat-completions",
  dialect: "openai-chat",
  agent: "other",
  keyId: undefined,
  project: undefined,
  session: undefined,
  model: "gpt-4o",
  provider: "openai",
  upstreamModel: "gpt-4o",
  stream: false,
  status: 200,
  end: "complete",
  firstByteMs: 1,
  firstTokenMs: 2,
  totalMs: 3.14,
  attempts: [],
  usage: { inputTotal: 1204, cacheRead: 1000, cacheWrite: 0, outputTotal: 31 },
  finish: ["stop"],
  toolCalls: [],
  losses: [],
  requestBytes: 1,
  responseBytes: 1,
  unreadableFrames: 0,
  failure: undefined,
});

/** A place to write that answers when the test says so. */
function slowPlace(): {
  readonly sink: LineSink;
  readonly written: string[];
  settle: (error?: Error) => Promise<void>;
} {
  const written: string[] = [];
  let pending: PromiseWithResolvers<void> | undefined;
  return {
    written,
    sink: {
      toLine: ({ requestId }) => `${requestId} `,
      droppedLine: (dropped) => `[${dropped} dropped] `,
      write(text) {
        written.push(text);
        pending = Promise.withResolvers();
        return pending.promise;
      },
      schedule: (run) => run(),
    },
    async settle(error) {
      if (error === undefined) pending?.resolve();
      else pending?.reject(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("while a sink is busy records wait, and go out together", async () => {
  const { sink, written, settle } = slowPlace();
  const queued = queuedSink(sink);
  for (const id of ["a", "b", "c"]) queued.write(record(id));
  assert.deepEqual(written, ["a "]);
  await settle();
  assert.deepEqual(written, ["a ", "b c "]);
});

test("a sink that never answers costs the oldest records, and that is said", async () => {
  const { sink, written, settle } = slowPlace();
  const queued = queuedSink(sink);
  for (let index = 0; index < RING_RECORDS_MAX + 3; index += 1) queued.write(record(String(index)));
  await settle();
  assert.equal(written[1]?.slice(0, 4), "3 4 ");
  assert.ok(written[1]?.endsWith("[2 dropped] "));
});

test("a sink that fails loses what it had, says so with the next, and goes on", async () => {
  const { sink, written, settle } = slowPlace();
  const queued = queuedSink(sink);
  queued.write(record("a"));
  queued.write(record("b"));
  await settle(new Error("disk full"));
  assert.deepEqual(written, ["a ", "b [1 dropped] "]);
});

test("flush waits for everything", async () => {
  const { sink, settle } = slowPlace();
  const queued = queuedSink(sink);
  queued.write(record("a"));
  queued.write(record("b"));
  let isFlushed = false;
  const flushed = allSinks([queued])
    .flush()
    .then(() => {
      isFlushed = true;
    });
  await settle();
  assert.equal(isFlushed, false);
  await settle();
  await flushed;
  assert.equal(isFlushed, true);
});

test("a line for people", () => {
  const plain = toTerminalLine(record("r"), (_colour, text) => text);
  assert.equal(plain, "14:02:11  ✓ 200  gpt-4o → openai  1,204 (1,000 cached) → 31 tok  total 3.1 ms\n");
  const failed = toTerminalLine(
    {
      ...record("req_9"),
      end: "truncated",
      usage: undefined,
      stream: true,
      failure: { class: "truncated", code: "provider_interrupted", message: "It broke." },
    },
    (_colour, text) => text,
  );
  assert.equal(
    failed,
    "14:02:11  ✕ 200  gpt-4o → openai  first 2.0 ms  total 3.1 ms  provider_interrupted: It broke.  req_9\n",
  );
});
