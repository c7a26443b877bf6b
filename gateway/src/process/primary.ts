import cluster, { type Worker } from "node:cluster";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { notePassingBytes } from "../lib/passing-bytes.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";
import type { Primary, Serving } from "./run.ts";
import type { Sinks } from "./sinks.ts";
import { encodeSnapshot } from "./snapshot.ts";

/** How long a dead worker's place stays empty: at once would burn the machine when every worker dies at its start. */
const RESPAWN_MS = 1_000;
/** After the grace: what a worker may need to end by itself. */
const FAREWELL_MS = 5_000;

/** What a message takes in all: it is read with room to spare, joined and decoded, and nobody keeps any of that. */
const CHANNEL_COPIES = 4;

export type Workforce = Serving & {
  /** Sends the current snapshot to every worker. Running requests finish on the one they started with. */
  refresh(): void;
};

/** The process that owns configuration and records. Those of its workers come as lines. */
export type Owner = Primary & { readonly sink: Sinks };

type State = {
  readonly primary: Owner;
  readonly version: string;
  readonly clock: Clock;
  readonly workers: Set<Worker>;
  isStopping: boolean;
  address: Serving["address"] | undefined;
};

/**
 * Serves with several processes that share the listening socket. This one owns configuration and records and carries no
 * traffic; a worker that dies is replaced. Rejects with the system's error when the address cannot be listened on.
 */
export function serveWithWorkers(primary: Owner, version: string, count: number, clock: Clock): Promise<Workforce> {
  const state: State = { primary, version, clock, workers: new Set(), isStopping: false, address: undefined };
  // Bytes go through the channel as they are, instead of as JSON text.
  cluster.setupPrimary({ exec: join(import.meta.dirname, "../../bin/worker.mjs"), serialization: "advanced" });
  return new Promise((resolve, reject) => {
    let listening = 0;
    const onMessage = (message: ToPrimary): void => {
      if (message.type === "failed") {
        state.isStopping = true;
        for (const worker of state.workers) worker.kill("SIGKILL");
        reject(Object.assign(new Error(message.message), { code: message.code }));
      } else if (message.type === "listening") {
        state.address = message.address;
        listening += 1;
        if (listening === count) resolve(workforce(state, message.address));
      } else receive(state, message);
    };
    for (let index = 0; index < count; index += 1) spawn(state, onMessage);
  });
}

function workforce(state: State, address: Serving["address"]): Workforce {
  return {
    address,
    refresh: () => tellAll(state, snapshotMessage(state)),
    async close(graceMs) {
      state.isStopping = true;
      const exits = [...state.workers].map((worker) => exited(state, worker, graceMs + FAREWELL_MS));
      tellAll(state, { type: "stop", graceMs });
      await Promise.all(exits);
      await state.primary.sink.flush();
    },
  };
}

function spawn(state: State, onMessage: (message: ToPrimary) => void): void {
  const worker = cluster.fork();
  state.workers.add(worker);
  worker.on("message", onMessage);
  worker.send(snapshotMessage(state));
  worker.on("exit", (code, signal) => {
    state.workers.delete(worker);
    if (state.isStopping) return;
    state.primary.reportBug(`a worker ended with ${signal ?? `code ${code}`}; another one takes its place`, "");
    state.clock.setTimer(() => {
      if (!state.isStopping) spawn(state, onMessage);
    }, RESPAWN_MS);
  });
}

function receive(state: State, message: Extract<ToPrimary, { readonly type: "records" | "bug" }>): void {
  if (message.type === "bug") {
    state.primary.reportBug(message.text, message.requestId);
    return;
  }
  state.primary.sink.writeLines(message.lines);
  notePassingBytes(CHANNEL_COPIES * message.lines.length);
}

function snapshotMessage(state: State): ToWorker {
  return { type: "snapshot", snapshot: encodeSnapshot(state.primary.config.current()), version: state.version };
}

function tellAll(state: State, message: ToWorker): void {
  for (const worker of state.workers) {
    if (worker.isConnected()) worker.send(message);
  }
}

/** Resolves when the worker has ended; one that does not in time is ended. */
function exited(state: State, worker: Worker, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) {
      resolve();
      return;
    }
    const timer = state.clock.setTimer(() => worker.process.kill("SIGKILL"), withinMs);
    worker.once("exit", () => {
      timer.clear();
      resolve();
    });
  });
}
