import type { Clock, Timer } from "../lib/clock.ts";

/** The waits of an exchange, each with its own limit. */
export type DeadlineName = "first-byte" | "commit" | "idle" | "keep-alive" | "stall" | "trailing" | "total";

/**
 * All time limits of one exchange on one timer. Pushing a deadline back, which every chunk does, is an assignment: the timer
 * fires at the earliest deadline it knew of, looks again, and sleeps on if nothing is due.
 */
export interface Watchdog {
  /** Starts or restarts a limit. */
  set(name: DeadlineName, delayMs: number): void;
  clear(name: DeadlineName): void;
  /** Who is told of an expired deadline from now on. The deadline is cleared first. */
  listen(onExpire: (name: DeadlineName) => void): void;
  stop(): void;
}

type State = {
  readonly clock: Clock;
  readonly deadlines: Map<DeadlineName, number>;
  timer: Timer | undefined;
  /** When the timer will fire, on the clock's `now`. */
  firesAt: number;
  onExpire: (name: DeadlineName) => void;
};

export function openWatchdog(clock: Clock): Watchdog {
  const state: State = { clock, deadlines: new Map(), timer: undefined, firesAt: Infinity, onExpire: () => {} };
  return {
    set(name, delayMs) {
      const at = clock.now() + delayMs;
      state.deadlines.set(name, at);
      if (at < state.firesAt) arm(state, at);
    },
    clear(name) {
      state.deadlines.delete(name);
    },
    listen(onExpire) {
      state.onExpire = onExpire;
    },
    stop() {
      state.timer?.clear();
      state.timer = undefined;
      state.firesAt = Infinity;
      state.deadlines.clear();
    },
  };
}

function arm(state: State, at: number): void {
  state.timer?.clear();
  state.firesAt = at;
  state.timer = state.clock.setTimer(() => look(state), at - state.clock.now());
}

function look(state: State): void {
  state.timer = undefined;
  state.firesAt = Infinity;
  const now = state.clock.now();
  let earliest = Infinity;
  const due: DeadlineName[] = [];
  for (const [name, at] of state.deadlines) {
    if (at <= now) due.push(name);
    else if (at < earliest) earliest = at;
  }
  if (earliest < Infinity) arm(state, earliest);
  for (const name of due) {
    // An earlier expiry may have stopped everything.
    if (state.deadlines.delete(name)) state.onExpire(name);
  }
}
