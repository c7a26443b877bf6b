import type { Clock, Timer } from "../lib/clock.ts";
import { Registry } from "../lib/registry.ts";

/** The waits of an exchange, each with its own limit, and where it stands among them. */
const deadlines = { "first-byte": 0, commit: 1, idle: 2, "keep-alive": 3, stall: 4, trailing: 5, total: 6 } as const;
export type DeadlineName = keyof typeof deadlines;
const deadlineNames = Object.keys(deadlines) as readonly DeadlineName[];

/**
 * The time limits of one exchange. Pushing a deadline back, which every chunk does, is an assignment: nothing is scheduled
 * per exchange, a single tick looks at all of them.
 */
export interface Watchdog {
  /** Starts or restarts a limit. It expires within `TICK_MS` after its time. */
  set(name: DeadlineName, delayMs: number): void;
  clear(name: DeadlineName): void;
  /** Who is told of an expired deadline from now on. The deadline is cleared first. */
  listen(onExpire: (name: DeadlineName) => void): void;
  /** Ends all limits for good. */
  stop(): void;
}

/** No limit here is finer than a second; ten looks a second are cheap even for ten thousand streams. */
export const TICK_MS = 100;

export interface Watchdogs {
  open(): Watchdog;
}

/** One for all exchanges of a gateway. The tick runs only while something is watched. */
export function createWatchdogs(clock: Clock): Watchdogs {
  const kennel: Kennel = { clock, watched: new Registry(), timer: undefined, ticking: false };
  return { open: () => new Deadlines(kennel) };
}

const never: readonly number[] = deadlineNames.map(() => Infinity);

type Kennel = {
  readonly clock: Clock;
  readonly watched: Registry<Deadlines>;
  timer: Timer | undefined;
  ticking: boolean;
};

function startTicking(kennel: Kennel): void {
  if (kennel.ticking) return;
  kennel.ticking = true;
  if (kennel.timer === undefined) kennel.timer = kennel.clock.setTimer(() => tick(kennel), TICK_MS);
  else kennel.timer.refresh();
}

function tick(kennel: Kennel): void {
  kennel.ticking = false;
  const now = kennel.clock.now();
  for (const deadlines of kennel.watched.all()) deadlines.look(now);
  if (kennel.watched.size > 0) startTicking(kennel);
}

class Deadlines implements Watchdog {
  slot = -1;
  readonly #kennel: Kennel;
  readonly #at: number[] = [...never];
  /** Not later than any deadline. */
  #earliest = Infinity;
  #onExpire: (name: DeadlineName) => void = ignore;
  #isStopped = false;

  constructor(kennel: Kennel) {
    this.#kennel = kennel;
  }

  set(name: DeadlineName, delayMs: number): void {
    if (this.#isStopped) return;
    const at = this.#kennel.clock.now() + delayMs;
    this.#at[deadlines[name]] = at;
    if (this.#earliest === Infinity) {
      this.#kennel.watched.add(this);
      startTicking(this.#kennel);
    }
    if (at < this.#earliest) this.#earliest = at;
  }

  clear(name: DeadlineName): void {
    this.#at[deadlines[name]] = Infinity;
  }

  listen(onExpire: (name: DeadlineName) => void): void {
    this.#onExpire = onExpire;
  }

  stop(): void {
    this.#isStopped = true;
    this.#earliest = Infinity;
    this.#kennel.watched.delete(this);
  }

  look(now: number): void {
    if (this.#earliest > now) return;
    this.#earliest = Math.min(...this.#at.filter((at) => at > now));
    if (this.#earliest === Infinity) this.#kennel.watched.delete(this);
    deadlineNames.forEach((name, index) => {
      // An earlier expiry may have stopped everything, or moved this one.
      if (this.#isStopped || (this.#at[index] ?? Infinity) > now) return;
      this.#at[index] = Infinity;
      this.#onExpire(name);
    });
  }
}

function ignore(): void {}
