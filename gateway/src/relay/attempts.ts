import { failure, type Failure } from "../canonical/failure.ts";
import { sleep } from "../lib/clock.ts";
import { fail, type Result } from "../lib/result.ts";
import { backoffMs } from "../routing/backoff.ts";
import { concludeFailure, dispositionOf } from "../routing/disposition.ts";
import type { Target } from "../routing/plan.ts";
import type { Exchange } from "./exchange-state.ts";

/** The most provider calls one request may cause, however many targets are planned: at least this, else one per target. */
export const ATTEMPTS_MAX = 3;

/**
 * The bounded loop over targets: each in turn, the same one again after a back-off where that can help, until one answers
 * or nothing is left to try. `attempt` makes one call and fails only before anything of its answer reached the client.
 * `mayRepeat` says of a failed one whether the request may be made once more at all.
 */
export async function runAttempts<Answer>(
  exchange: Exchange,
  targets: readonly Target[],
  attempt: (target: Target) => Promise<Result<Answer, Failure>>,
  mayRepeat: (failed: Failure) => boolean = () => true,
): Promise<Result<Answer, Failure>> {
  const { retry } = exchange.config;
  const attemptsMax = Math.max(ATTEMPTS_MAX, targets.length);
  let last: Failure = failure("internal", "No target was planned.");
  let made = 0;
  for (const target of targets) {
    for (let repetition = 0; repetition <= retry.maxRetries && made < attemptsMax; repetition += 1) {
      made += 1;
      const answer = await attempt(target);
      if (answer.ok) return answer;
      last = concludeFailure(answer.error, target.credential.kind);
      const { retrySame, tryNext } = dispositionOf(last);
      if (exchange.abortedBy !== undefined) return fail(exchange.abortedBy);
      if (!tryNext || !mayRepeat(last)) return fail(last);
      if (!retrySame || repetition === retry.maxRetries || made === attemptsMax) break;
      const delayMs = backoffMs(retry, repetition, last.retryAfterMs, exchange.deps.random);
      if (delayMs === undefined) break;
      await pause(exchange, delayMs);
      if (exchange.abortedBy !== undefined) return fail(exchange.abortedBy);
    }
  }
  return fail(last);
}

/** A wait that a client leaving cuts short. */
async function pause(exchange: Exchange, delayMs: number): Promise<void> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  exchange.handle.abort = abort;
  await sleep(exchange.deps.clock, delayMs, controller.signal);
}
