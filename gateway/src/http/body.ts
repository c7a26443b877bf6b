import type { IncomingMessage } from "node:http";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { TurnQueue, TurnTask } from "../lib/turn-queue.ts";
import type { Headers } from "../relay/ports.ts";
import { decompress, tooLarge, type ContentCoding } from "./decompress.ts";
import type { Receiver, StallWatch } from "./stall-watch.ts";

export type BodyResult = Result<Uint8Array, Failure>;

/** Whether the framing announces a body (RFC 9112 §6.3); with neither header a request has none. */
export function hasBody(headers: Headers): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** Bytes that the client announces; `undefined` for a chunked body. The parser lets nothing but digits through. */
export function announcedBytes(headers: Headers): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

export function clientClosed(): Failure {
  return failure("client_closed", "The client closed the connection before its request was complete.");
}

/**
 * Reads a request's body whole, undoes its content coding, and settles once. Fails with `body_too_large`,
 * `invalid_encoding`, `unsupported_encoding` (a bomb), `body_timeout` or `client_closed`; what still comes after a failure
 * is read and dropped. That the client has gone is told by whoever watches the connection, with `fail`. Keeps nothing of the
 * body once it has settled.
 */
export class BodyReader implements Receiver, TurnTask {
  received = 0;
  slot = -1;
  readonly #coding: ContentCoding | undefined;
  readonly #bytesMax: number;
  readonly #stalls: StallWatch;
  /** Undefined when reading is over. */
  #settle: ((result: BodyResult) => void) | undefined;
  #chunks: Buffer[] = [];

  constructor(
    request: IncomingMessage,
    coding: ContentCoding | undefined,
    bytesMax: number,
    { stalls, turn }: { readonly stalls: StallWatch; readonly turn: TurnQueue },
    settle: (result: BodyResult) => void,
  ) {
    this.#coding = coding;
    this.#bytesMax = bytesMax;
    this.#stalls = stalls;
    this.#settle = settle;
    if (request.destroyed) {
      this.fail(clientClosed());
      return;
    }
    stalls.add(this);
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => turn.add(this));
  }

  /** Ends the reading with this failure, unless it is over already. */
  fail(reason: Failure): void {
    this.#finish()?.(fail(reason));
  }

  stalled(): void {
    this.fail(failure("body_timeout", "The request body came too slowly. Send it without pauses, or send less."));
  }

  /** The body is complete. */
  runAtTurnEnd(): void {
    const chunks = this.#chunks;
    const settle = this.#finish();
    if (settle === undefined) return;
    const [first] = chunks;
    // Most bodies come in one read, and that chunk is already a copy of their own.
    const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, this.received);
    if (this.#coding === undefined) settle(ok(bytes));
    else void decompress(this.#coding, bytes, this.#bytesMax).then(settle);
  }

  #take(chunk: Buffer): void {
    if (this.#settle === undefined) return;
    this.received += chunk.length;
    if (this.received > this.#bytesMax) this.fail(tooLarge(this.#bytesMax));
    else this.#chunks.push(chunk);
  }

  #finish(): ((result: BodyResult) => void) | undefined {
    const settle = this.#settle;
    this.#settle = undefined;
    this.#chunks = [];
    if (settle !== undefined && this.slot !== -1) this.#stalls.delete(this);
    return settle;
  }
}
