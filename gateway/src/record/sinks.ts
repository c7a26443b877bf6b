import type { ExchangeRecord, RecordSink } from "./record.ts";

/** Records that wait for a sink; beyond it the oldest are dropped and counted. */
export const RING_RECORDS_MAX = 10_000;

/** Writes a batch somewhere. Asked again only after the promise has settled; a rejection drops the batch. */
export type BatchWriter = (records: readonly ExchangeRecord[], dropped: number) => Promise<void>;

type State = {
  waiting: ExchangeRecord[];
  dropped: number;
  writing: Promise<void> | undefined;
};

/**
 * A bounded queue before a slow or broken sink: an exchange hands its record over and goes on. Batches grow while the sink
 * is busy, so a slow one is asked less often instead of holding anything up.
 */
export function queuedSink(write: BatchWriter, schedule: (run: () => void) => void): RecordSink {
  const state: State = { waiting: [], dropped: 0, writing: undefined };
  return {
    write(record) {
      if (state.waiting.length >= RING_RECORDS_MAX) {
        state.waiting.shift();
        state.dropped += 1;
      }
      state.waiting.push(record);
      if (state.waiting.length === 1 && state.writing === undefined) schedule(() => drain(state, write));
    },
    async flush() {
      while (state.writing !== undefined || state.waiting.length > 0) {
        if (state.writing === undefined) drain(state, write);
        await state.writing;
      }
    },
  };
}

function drain(state: State, write: BatchWriter): void {
  if (state.writing !== undefined || state.waiting.length === 0) return;
  const batch = state.waiting;
  const { dropped } = state;
  state.waiting = [];
  state.dropped = 0;
  state.writing = write(batch, dropped)
    // A sink that fails loses its batch and nothing else; that it lost it is said with the next one.
    .catch(() => {
      state.dropped += batch.length + dropped;
    })
    .then(() => {
      state.writing = undefined;
      if (state.waiting.length > 0) drain(state, write);
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
