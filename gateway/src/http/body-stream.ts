import type { IncomingMessage } from "node:http";
import { failure, type Failure } from "../canonical/failure.ts";
import { notePassingBytes } from "../lib/passing-bytes.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { InboundBody } from "../relay/ports.ts";
import { clientClosed } from "./body.ts";
import { tooLarge } from "./decompress.ts";
import { PROGRESS_BYTES_MIN, type Receiver, type StallWatch } from "./stall-watch.ts";

type ReadResult = Result<Uint8Array | undefined, Failure>;

/** What is taken from the connection ahead of whoever reads. */
const READ_AHEAD_BYTES_MAX = 256 * 1024;

/**
 * A request's body as it arrives. Fails with `body_too_large`, `body_timeout` or `client_closed`. Pieces are at least
 * `PROGRESS_BYTES_MIN` long, save the last: so that a byte now and then neither passes for progress nor costs a write.
 */
export class BodyStream implements InboundBody, Receiver {
  received = 0;
  slot = -1;
  readonly bytes: number | undefined;
  readonly #request: IncomingMessage;
  readonly #bytesMax: number;
  readonly #stalls: StallWatch;
  readonly #onFailure: () => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #dropped = false;
  #failure: Failure | undefined;
  #reader: ((result: ReadResult) => void) | undefined;

  /** `bytes`: what the client announces. `onFailure` is told when the connection cannot be used any more. */
  constructor(
    request: IncomingMessage,
    limits: { readonly bytes: number | undefined; readonly bytesMax: number },
    stalls: StallWatch,
    onFailure: () => void,
  ) {
    this.bytes = limits.bytes;
    this.#request = request;
    this.#bytesMax = limits.bytesMax;
    this.#stalls = stalls;
    this.#onFailure = onFailure;
    if (request.destroyed) {
      this.fail(clientClosed());
      return;
    }
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => this.#end());
  }

  read(): Promise<ReadResult> {
    const ready = this.#ready();
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve) => {
      this.#reader = resolve;
      this.#stalls.add(this);
      this.#request.resume();
    });
  }

  drop(): void {
    this.#dropped = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    // Left unread, the rest would keep a client from reading the answer that tells it why.
    if (!this.#ended && this.#failure === undefined) this.#request.resume();
  }

  /** Ends the reading with this failure, unless it is over already. */
  fail(reason: Failure): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#failure = reason;
    this.drop();
    this.#request.resume();
    this.#onFailure();
    this.#answer();
  }

  stalled(): void {
    this.fail(failure("body_timeout", "The request body came too slowly. Send it without pauses, or send less."));
  }

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.received += chunk.length;
    notePassingBytes(chunk.length);
    if (this.received > this.#bytesMax) {
      this.fail(tooLarge(this.#bytesMax));
      return;
    }
    if (this.#dropped) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#answer();
    if (this.#waitingBytes >= READ_AHEAD_BYTES_MAX) this.#request.pause();
  }

  #end(): void {
    this.#ended = true;
    this.#answer();
  }

  /** Gives whoever waits what there is, if it is enough. */
  #answer(): void {
    const reader = this.#reader;
    const ready = reader === undefined ? undefined : this.#ready();
    if (reader === undefined || ready === undefined) return;
    this.#reader = undefined;
    this.#stalls.delete(this);
    reader(ready);
  }

  #ready(): ReadResult | undefined {
    if (this.#failure !== undefined) return fail(this.#failure);
    if (this.#waitingBytes < PROGRESS_BYTES_MIN && !this.#ended) return undefined;
    const [first] = this.#waiting;
    if (first === undefined) return ok(undefined);
    // Small pieces travel together, large ones are not copied.
    const piece = first.length >= PROGRESS_BYTES_MIN ? first : Buffer.concat(this.#waiting);
    this.#waiting = piece === first ? this.#waiting.slice(1) : [];
    this.#waitingBytes -= piece.length;
    if (!this.#ended && this.#waitingBytes < READ_AHEAD_BYTES_MAX) this.#request.resume();
    return ok(piece);
  }
}

/** A body of which nothing is read: there is none, or it is refused. */
export function unreadBody(answer: ReadResult): InboundBody {
  return { bytes: 0, read: () => Promise.resolve(answer), drop() {} };
}
