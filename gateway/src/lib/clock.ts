/** Time, passed in so that tests own it. `now` is monotonic milliseconds (durations), `wall` is Unix milliseconds (dates). */
export interface Clock {
  now(): number;
  wall(): number;
  /** Calls `callback` once after `delayMs`, unless cleared. Never keeps the process alive by itself. */
  setTimer(callback: () => void, delayMs: number): Timer;
}

export interface Timer {
  clear(): void;
  /** Starts the same delay again, also after it has fired. Cheaper than clear and set. */
  refresh(): void;
}

/** `setTimeout` fires at once for delays above 2^31-1; a wait that long is a bug or a hostile `Retry-After`. */
export const TIMER_DELAY_MS_MAX = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), TIMER_DELAY_MS_MAX));
    handle.unref();
    return {
      clear: () => clearTimeout(handle),
      refresh: () => {
        handle.refresh();
      },
    };
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      timer.clear();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimer(done, delayMs);
    signal.addEventListener("abort", done);
  });
}
