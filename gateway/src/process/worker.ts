import { systemClock } from "../lib/clock.ts";
import type { Config } from "../config/config.ts";
import type { ExchangeRecord } from "../record/record.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";
import { serve, type Serving } from "./run.ts";
import { decodeSnapshot } from "./snapshot.ts";

/*
 * A process that serves traffic and nothing else: configuration comes from the primary, records and bugs go there. It is
 * started by `primary.ts` and never by hand.
 */

/** Records may wait this long for company: a message for many costs a fraction of many messages. */
const GATHER_MS = 20;
/** When the primary takes nothing; beyond it the oldest are dropped and counted. */
const RECORDS_MAX = 10_000;

type WorkerState = {
  config: Config | undefined;
  serving: Promise<Serving> | undefined;
  records: ExchangeRecord[];
  dropped: number;
  isSending: boolean;
};

const state: WorkerState = { config: undefined, serving: undefined, records: [], dropped: 0, isSending: false };

// Ctrl-C reaches the whole process group, but when to stop is the primary's decision.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});
process.on("disconnect", () => process.exit(1));
process.on("message", (message: ToWorker) => void receive(message));

async function receive(message: ToWorker): Promise<void> {
  switch (message.type) {
    case "snapshot":
      state.config = decodeSnapshot(message.snapshot);
      state.serving ??= start(state.config, message.version);
      return;
    case "stop":
      await (await state.serving)?.close(message.graceMs);
      sendRecords(() => process.exit(0));
      return;
    default:
      message satisfies never;
  }
}

async function start(initial: Config, version: string): Promise<Serving> {
  const primary = {
    config: { current: () => state.config ?? initial },
    sink: { write: keepRecord, flush: () => Promise.resolve() },
    reportBug: (bug: unknown, requestId: string) => {
      const text = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
      send({ type: "bug", text, requestId });
    },
  };
  try {
    const serving = await serve(primary, version);
    send({ type: "listening", address: serving.address });
    return serving;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    send({ type: "failed", code, message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

function keepRecord(record: ExchangeRecord): void {
  if (state.records.length >= RECORDS_MAX) {
    state.records.shift();
    state.dropped += 1;
  }
  if (state.records.push(record) === 1 && !state.isSending) sendSoon();
}

function sendSoon(): void {
  systemClock.setTimer(() => sendRecords(), GATHER_MS);
}

/**
 * One message under way at a time; what comes in meanwhile is gathered for the next. With `then`, calls it when everything has
 * been sent: also without records a last message goes out, behind whatever is still under way.
 */
function sendRecords(then?: () => void): void {
  const { records, dropped } = state;
  if (records.length === 0 && then === undefined) return;
  state.records = [];
  state.dropped = 0;
  state.isSending = true;
  send({ type: "records", records, dropped }, () => {
    state.isSending = false;
    if (state.records.length === 0) then?.();
    else if (then === undefined) sendSoon();
    else sendRecords(then);
  });
}

function send(message: ToPrimary, sent: () => void = () => {}): void {
  if (process.send === undefined) sent();
  else process.send(message, undefined, undefined, sent);
}
