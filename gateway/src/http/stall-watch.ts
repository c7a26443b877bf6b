import type { Clock, Timer } from "../lib/clock.ts";

/** Something that receives bytes and can be given up. */
export interface Receiver {
  /** Bytes so far. */
  readonly received: number;
  stalled(): void;
}

/** A sender has to bring this much within the time allowed, so that one byte now and then is not progress. */
export const PROGRESS_BYTES_MIN = 4_096;

const SWEEP_MS_MAX = 1_000;

/** Progress of one receiver, as of the last sweep that saw any. */
type Mark = { bytes: number; at: number };

/**
 * Gives up receivers that make no progress for `timeoutMs`. One timer for all of them, and none while there are none: a
 * timer of its own would cost every request as much as reading its body.
 */
export class StallWatch {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** Undefined until the first sweep has seen the receiver. */
  readonly #marks = new Map<Receiver, Mark | undefined>();
  #timer: Timer | undefined;
  #armed = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  add(receiver: Receiver): void {
    this.#marks.set(receiver, undefined);
    if (!this.#armed) this.#arm();
  }

  delete(receiver: Receiver): void {
    this.#marks.delete(receiver);
  }

  #arm(): void {
    this.#armed = true;
    if (this.#timer !== undefined) this.#timer.refresh();
    else this.#timer = this.#clock.setTimer(() => this.#sweep(), Math.min(SWEEP_MS_MAX, this.#timeoutMs / 4));
  }

  #sweep(): void {
    this.#armed = false;
    const now = this.#clock.now();
    for (const [receiver, mark] of this.#marks) {
      if (mark === undefined) this.#marks.set(receiver, { bytes: receiver.received, at: now });
      else if (receiver.received - mark.bytes >= PROGRESS_BYTES_MIN) {
        mark.bytes = receiver.received;
        mark.at = now;
      } else if (now - mark.at >= this.#timeoutMs) {
        this.#marks.delete(receiver);
        receiver.stalled();
      }
    }
    if (this.#marks.size > 0) this.#arm();
  }
}
