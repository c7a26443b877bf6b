import type { RetryConfig } from "../config/config.ts";

/** A provider may ask for any wait; one beyond this is not waited for, the failure is told instead. */
export const RETRY_AFTER_MS_MAX = 10_000;

/**
 * How long to wait before asking the same target again, or undefined when it asked for more patience than a request has.
 * Exponential with full jitter: `random` in [0, 1) spreads clients that failed together.
 */
export function backoffMs(
  retry: RetryConfig,
  /** 0 for the first repetition. */
  repetition: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  if (retryAfterMs !== undefined) return retryAfterMs <= RETRY_AFTER_MS_MAX ? retryAfterMs : undefined;
  const ceiling = Math.min(retry.backoffMaxMs, retry.backoffBaseMs * 2 ** repetition);
  return Math.floor(random() * ceiling);
}
