import type { Follower } from "../dialect.ts";
import { failureFrame } from "./errors.ts";

/** A comment: SDKs and agents that speak Chat skip it, and their idle timers take it for a sign of life. */
export const KEEP_ALIVE = ": keep-alive\n\n";

/** Chat frames do not refer to each other, so there is nothing to remember of a stream that passes by. */
export function follower(): Follower {
  return {
    observe() {},
    failure: failureFrame,
    keepAlive: () => KEEP_ALIVE,
  };
}
