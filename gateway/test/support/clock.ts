import type { Clock } from "../../src/lib/clock.ts";

/** A clock that stands still until it is told to move. */
export type FakeClock = Clock & {
  /**
   * Moves time on by `ms`. Timers that come due run in the order in which they are due, each at its own time; promises
   * settle before the first, between them and after the last, so that what a timer starts can set the next one.
   */
  advance(ms: number): Promise<void>;
};

type FakeTimer = { readonly callback: () => void; readonly delayMs: number; dueAt: number; order: number };

/** `wall` begins at `wallMs` (2026-01-01 unless told) and `now` at 0; both move together. */
export function fakeClock(wallMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<FakeTimer>();
  const time = { now: 0, order: 0 };
  const arm = (timer: FakeTimer) => {
    timer.dueAt = time.now + timer.delayMs;
    timer.order = time.order += 1;
    timers.add(timer);
  };
  return {
    now: () => time.now,
    wall: () => wallMs + time.now,
    setTimer(callback, delayMs) {
      const timer: FakeTimer = { callback, delayMs: Math.max(0, delayMs), dueAt: 0, order: 0 };
      arm(timer);
      return { clear: () => timers.delete(timer), refresh: () => arm(timer) };
    },
    async advance(ms) {
      const until = time.now + ms;
      await settled();
      for (let due = nextDue(timers, until); due !== undefined; due = nextDue(timers, until)) {
        timers.delete(due);
        time.now = due.dueAt;
        due.callback();
        await settled();
      }
      time.now = until;
      await settled();
    },
  };
}

function nextDue(timers: ReadonlySet<FakeTimer>, until: number): FakeTimer | undefined {
  let first: FakeTimer | undefined;
  for (const timer of timers) {
    if (timer.dueAt > until) continue;
    const isEarlier = first === undefined || timer.dueAt < first.dueAt;
    if (isEarlier || (timer.dueAt === first?.dueAt && timer.order < first.order)) first = timer;
  }
  return first;
}

/** A turn of the event loop runs every microtask there is, however long the chains of promises are. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
