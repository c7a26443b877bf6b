import { systemClock } from "../lib/clock.ts";
import type { Config } from "../config/config.ts";
import { droppedLine, toJsonLine } from "../record/json-lines.ts";
import { LineQueue } from "../record/line-queue.ts";
import type { ExchangeRecord } from "../record/record.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";
import { serve, type Serving } from "./run.ts";
import { decodeSnapshot } from "./snapshot.ts";

/** Records may wait this long for company: a message for many costs a fraction of many messages. */
const GATHER_MS = 20;

type State = {
  config: Config | undefined;
  serving: Promise<Serving> | undefined;
  /** They go to the primary as the lines they will most likely be written as. */
  readonly records: LineQueue<ExchangeRecord>;
};

/**
 * Makes this a process that serves traffic and nothing else: configuration comes from the primary, records and bugs go there.
 * `primary.ts` starts such processes.
 */
export function runWorker(): void {
  const write = (lines: Uint8Array): Promise<void> => send({ type: "records", lines });
  const schedule = (run: () => void): void => void systemClock.setTimer(run, GATHER_MS);
  const records = new LineQueue({ write, droppedLine, schedule }, toJsonLine);
  const state: State = { config: undefined, serving: undefined, records };
  // Ctrl-C reaches the whole process group, but when to stop is the primary's decision.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  process.on("disconnect", () => process.exit(1));
  process.on("message", (message: ToWorker) => void receive(state, message));
}

async function receive(state: State, message: ToWorker): Promise<void> {
  switch (message.type) {
    case "snapshot":
      state.config = decodeSnapshot(message.snapshot);
      state.serving ??= start(state, state.config, message.version);
      return;
    case "stop":
      await (await state.serving)?.close(message.graceMs);
      process.exit(0);
    default:
      message satisfies never;
  }
}

async function start(state: State, initial: Config, version: string): Promise<Serving> {
  const primary = {
    config: { current: () => state.config ?? initial },
    sink: { write: (record: ExchangeRecord) => state.records.push(record), flush: () => state.records.flush() },
    reportBug: (bug: unknown, requestId: string) => {
      const text = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
      void send({ type: "bug", text, requestId });
    },
  };
  try {
    const serving = await serve(primary, version);
    void send({ type: "listening", address: serving.address });
    return serving;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    void send({ type: "failed", code, message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** Resolves when the message is on its way. One that cannot be sent is lost with its receiver. */
function send(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
