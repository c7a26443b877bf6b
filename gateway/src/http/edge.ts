import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import type { StallWatch } from "./stall-watch.ts";

/** What the requests of one server share. */
export type Edge = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly stalls: StallWatch;
  readonly lingerMs: number;
  /** Every answer from now on closes its connection. */
  draining: boolean;
};

/**
 * Closes our half and goes on reading for a moment: a client that is still sending would otherwise be reset, and lose the
 * answer that tells it why.
 */
export function closeLingering(socket: Socket, edge: Edge): void {
  socket.end();
  edge.clock.setTimer(() => socket.destroy(), edge.lingerMs);
}
