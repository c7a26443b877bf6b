import { isMainThread, Worker, workerData, parentPort } from "node:worker_threads";

type Schedule = { readonly intervalMs: number; readonly total: number };

/*
 * Timers of an event loop are whole milliseconds, which is longer than what an open loop measures. A thread that sleeps in
 * `Atomics.wait`, which takes fractions, wakes the main thread instead.
 */
if (!isMainThread) tick(workerData as Schedule);

/** Calls `due` once per arrival with the instant it was due (`performance` clock), however late the call itself is. */
export function startTicker(schedule: Schedule, due: (dueAt: number) => void): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: schedule });
  let startedAt = 0;
  let called = 0;
  worker.on("message", (count: number) => {
    if (startedAt === 0) startedAt = performance.now();
    for (; called < count; called += 1) due(startedAt + called * schedule.intervalMs);
  });
}

function tick({ intervalMs, total }: Schedule): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const startedAt = performance.now();
  for (let sent = 0; sent < total;) {
    const now = performance.now() - startedAt;
    const count = Math.min(total, Math.floor(now / intervalMs) + 1);
    if (count > sent) parentPort?.postMessage(count);
    sent = Math.max(sent, count);
    Atomics.wait(sleeper, 0, 0, Math.max(0.01, sent * intervalMs - (performance.now() - startedAt)));
  }
}
