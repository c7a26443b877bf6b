import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import type { TurnQueue } from "../lib/turn-queue.ts";
import type { InboundRequest, Reply } from "../relay/ports.ts";
import type { CorsOptions } from "./cors.ts";
import type { StallWatch } from "./stall-watch.ts";
import type { WriteGathering } from "./write-gathering.ts";

/** Answers one request. Called once for each, and never while the one before on the same connection is being answered. */
export type Handler = (request: InboundRequest, reply: Reply) => void;

/** What the connections of one server share. */
export type Edge = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly cors: CorsOptions;
  readonly handler: Handler;
  readonly allowedMethods: (target: string) => readonly string[];
  readonly onBug: (error: unknown) => void;
  readonly stalls: StallWatch;
  /** Where complete requests wait for the others that this turn of the event loop brings. */
  readonly turn: TurnQueue;
  /** Holds what is written to streams until the current turn of work is done. */
  readonly writes: WriteGathering;
  /** How long a refused client may go on sending before it is cut. */
  readonly lingerMs: number;
  /** Every answer from now on closes its connection. */
  draining: boolean;
};

export const HEADER_BYTES_MAX = 16_384;
export const HEADERS_MAX = 100;

/**
 * Closes our half and goes on reading for a moment: a client that is still sending would otherwise be reset, and lose the
 * answer that tells it why.
 */
export function closeLingering(socket: Socket, edge: Edge): void {
  socket.end();
  edge.clock.setTimer(() => socket.destroy(), edge.lingerMs);
}
