import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { inputOf, readTargets, type Finding } from "../../gateway/test/fuzz/fuzz.ts";
import { BEGUN, STOP, type Job, type Message } from "./job.ts";

export type ProofOptions = {
  readonly inputs: number;
  readonly seed: number;
  readonly threads: number;
  /** On the clock of `performance.now()`. */
  readonly endsAt: number;
  readonly progress: (text: string) => void;
};

export type ProofResult = {
  readonly seed: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
};

/** Enough to see what is wrong; the rest is more of the same. */
const FINDINGS_MAX = 20;
const PROGRESS_MS = 10_000;
const WATCH_MS = 1_000;
/** No input takes this long, not even one that is being shortened: whoever stands still has met one that never ends. */
const HANG_MS = 60_000;
const HEAP_MIB_MAX = 1_024;

type Thread = {
  readonly worker: Worker;
  readonly job: Job;
  readonly shared: Int32Array;
  seenBegun: number;
  seenAt: number;
  isOver: boolean;
};

/** Runs a number of inputs in threads, and watches that none of them stands still. */
export async function runProof(options: ProofOptions): Promise<ProofResult> {
  const counts = new Map<string, number>();
  const findings: Finding[] = [];
  const started = performance.now();
  const threads = Array.from({ length: options.threads }, (_, first) => openThread(options, first));
  const stop = (): void => threads.forEach(({ shared }) => Atomics.store(shared, STOP, 1));
  const begun = (): number => threads.reduce((sum, { shared }) => sum + Atomics.load(shared, BEGUN), 0);
  const watch = setInterval(() => {
    if (performance.now() >= options.endsAt) stop();
    for (const thread of threads) endIfHung(thread);
  }, WATCH_MS);
  const progress = setInterval(() => {
    const perSecond = Math.round((begun() * 1000) / (performance.now() - started));
    options.progress(`${begun().toLocaleString("en")} inputs, ${perSecond} a second, ${findings.length} findings`);
  }, PROGRESS_MS);
  await Promise.all(
    threads.map((thread) =>
      overOf(thread, (message) => {
        if (message.kind === "done") {
          for (const [name, count] of message.counts) counts.set(name, (counts.get(name) ?? 0) + count);
        } else if (findings.push(message.finding) >= FINDINGS_MAX) stop();
      }),
    ),
  );
  clearInterval(watch);
  clearInterval(progress);
  return { seed: options.seed, counts, findings };
}

function openThread({ seed, inputs, threads }: ProofOptions, first: number): Thread {
  const job: Job = { seed, first, step: threads, inputs, cells: new SharedArrayBuffer(8) };
  const worker = new Worker(join(import.meta.dirname, "worker.ts"), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
  return { worker, job, shared: new Int32Array(job.cells), seenBegun: 0, seenAt: performance.now(), isOver: false };
}

function endIfHung(thread: Thread): void {
  const now = performance.now();
  const begun = Atomics.load(thread.shared, BEGUN);
  if (begun !== thread.seenBegun) {
    thread.seenBegun = begun;
    thread.seenAt = now;
  } else if (!thread.isOver && now - thread.seenAt > HANG_MS) void thread.worker.terminate();
}

/** Resolves when the thread is over. One that ended without saying so has died of the input that it was at. */
function overOf(thread: Thread, receive: (message: Message) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let problem = `it did not end within ${HANG_MS / 1000} s`;
  thread.worker.on("message", (message: Message) => {
    thread.isOver ||= message.kind === "done";
    receive(message);
  });
  thread.worker.on(
    "error",
    (error) => (problem = error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  thread.worker.on("exit", () => {
    if (!thread.isOver) receive({ kind: "finding", finding: lastInput(thread, problem) });
    thread.isOver = true;
    resolve();
  });
  return promise;
}

function lastInput({ job, shared }: Thread, problem: string): Finding {
  const index = job.first + Math.max(0, Atomics.load(shared, BEGUN) - 1) * job.step;
  const { target, input } = inputOf(readTargets(), job.seed, index);
  return { seed: job.seed, index, target: target.name, problem, input };
}
