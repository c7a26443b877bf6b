import type { ExchangeRecord, RecordSink } from "./record.ts";

/** Records that wait for a sink; beyond it the oldest are dropped and counted. */
export const RING_RECORDS_MAX = 10_000;

export type LineSink = {
  /** A record as the sink wants it. Asked at once: a line is let go of more cheaply than the record it says. */
  readonly toLine: (record: ExchangeRecord) => string;
  /** Said in the same place when lines were dropped. */
  readonly droppedLine: (dropped: number) => string;
  /** Writes lines somewhere. Asked again only after the promise has settled; a rejection drops them. */
  readonly write: (text: string) => Promise<void>;
  /** Calls back soon: what comes in until then goes into one write. */
  readonly schedule: (run: () => void) => void;
};

type State = {
  waiting: string[];
  dropped: number;
  writing: Promise<void> | undefined;
};

/**
 * A bounded queue before a slow or broken sink: an exchange hands its record over and goes on. Lines are gathered before each
 * write and while the sink is busy, so a slow one is asked less often instead of holding anything up.
 */
export function queuedSink(sink: LineSink): RecordSink {
  const state: State = { waiting: [], dropped: 0, writing: undefined };
  return {
    write(record) {
      if (state.waiting.length >= RING_RECORDS_MAX) {
        state.waiting.shift();
        state.dropped += 1;
      }
      state.waiting.push(sink.toLine(record));
      if (state.waiting.length === 1 && state.writing === undefined) sink.schedule(() => drain(state, sink));
    },
    async flush() {
      while (state.writing !== undefined || state.waiting.length > 0) {
        if (state.writing === undefined) drain(state, sink);
        await state.writing;
      }
    },
  };
}

function drain(state: State, sink: LineSink): void {
  if (state.writing !== undefined || state.waiting.length === 0) return;
  const { waiting, dropped } = state;
  state.waiting = [];
  state.dropped = 0;
  const text = waiting.join("") + (dropped > 0 ? sink.droppedLine(dropped) : "");
  state.writing = sink
    .write(text)
    // A sink that fails loses these lines and nothing else; that it lost them is said with the next ones.
    .catch(() => {
      state.dropped += waiting.length + dropped;
    })
    .then(() => {
      state.writing = undefined;
      if (state.waiting.length > 0) sink.schedule(() => drain(state, sink));
    });
}

/** Several sinks as one. */
export function allSinks(sinks: readonly RecordSink[]): RecordSink {
  return {
    write(record) {
      for (const sink of sinks) sink.write(record);
    },
    async flush() {
      await Promise.all(sinks.map((sink) => sink.flush()));
    },
  };
}
