import type { Clock, Timer } from "../lib/clock.ts";

/** Something that receives bytes and can be given up. */
export interface Receiver {
  /** Bytes so far. */
  readonly received: number;
  stalled(): void;
  /** The watch's own note: where it finds this receiver again. A map would have to hash it, which costs more than the rest. */
  slot: number;
}

/** A sender has to bring this much within the time allowed, so that one byte now and then is not progress. */
export const PROGRESS_BYTES_MIN = 4_096;

const SWEEP_MS_MAX = 1_000;

/** A receiver and its progress, as of the last sweep that saw any. `at` is undefined until the first. */
type Watched = { receiver: Receiver; bytes: number; at: number | undefined };

/**
 * Gives up receivers that make no progress for `timeoutMs`. One timer for all of them, and none while there are none: a
 * timer of its own would cost every request as much as reading its body.
 */
export class StallWatch {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #watched: Watched[] = [];
  #timer: Timer | undefined;
  #armed = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  add(receiver: Receiver): void {
    receiver.slot = this.#watched.push({ receiver, bytes: 0, at: undefined }) - 1;
    if (!this.#armed) this.#arm();
  }

  /** The last one takes the place of the one that leaves. */
  delete(receiver: Receiver): void {
    const last = this.#watched.pop();
    if (last === undefined || last.receiver === receiver) return;
    last.receiver.slot = receiver.slot;
    this.#watched[receiver.slot] = last;
  }

  #arm(): void {
    this.#armed = true;
    if (this.#timer !== undefined) this.#timer.refresh();
    else this.#timer = this.#clock.setTimer(() => this.#sweep(), Math.min(SWEEP_MS_MAX, this.#timeoutMs / 4));
  }

  #sweep(): void {
    this.#armed = false;
    const now = this.#clock.now();
    // Receivers that give up leave the list.
    for (const watched of this.#watched.slice()) {
      const { receiver, bytes, at } = watched;
      if (at === undefined || receiver.received - bytes >= PROGRESS_BYTES_MIN) {
        watched.bytes = receiver.received;
        watched.at = now;
      } else if (now - at >= this.#timeoutMs) receiver.stalled();
    }
    if (this.#watched.length > 0) this.#arm();
  }
}
