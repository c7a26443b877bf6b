import type { IncomingMessage } from "node:http";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
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

export type BodyOptions = {
  readonly bytesMax: number;
  readonly coding: ContentCoding | undefined;
  readonly stalls: StallWatch;
  /** After a failure nobody knows where the request ends, so nothing that follows can be trusted to be another. */
  readonly connection: { closeAfter(): void };
};

/**
 * Reads a request's body whole and undoes its content coding. Fails with `body_too_large`, `invalid_encoding`,
 * `unsupported_encoding` (a bomb), `body_timeout` or `client_closed`; what still comes after a failure is read and dropped.
 */
export class BodyReader implements Receiver {
  readonly result: Promise<BodyResult>;
  received = 0;
  readonly #options: BodyOptions;
  readonly #resolve: (result: BodyResult) => void;
  #chunks: Buffer[] = [];
  #done = false;

  constructor(request: IncomingMessage, options: BodyOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<BodyResult>();
    this.result = promise;
    this.#resolve = resolve;
    if (request.destroyed) {
      this.#leave();
      return;
    }
    options.stalls.add(this);
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => this.#end());
    // The only sign of a client that leaves half way; after an end it finds everything done.
    request.on("close", () => this.#leave());
  }

  /** Ends the reading with this failure, unless it has ended already. */
  fail(reason: Failure): void {
    if (!this.#finish()) return;
    this.#chunks = [];
    this.#refuse(fail(reason));
  }

  stalled(): void {
    this.fail(failure("body_timeout", "The request body came too slowly. Send it without pauses, or send less."));
  }

  #take(chunk: Buffer): void {
    if (this.#done) return;
    this.received += chunk.length;
    if (this.received > this.#options.bytesMax) this.fail(tooLarge(this.#options.bytesMax));
    else this.#chunks.push(chunk);
  }

  #end(): void {
    if (!this.#finish()) return;
    const [first] = this.#chunks;
    // Most bodies come in one read, and that chunk is already a copy of their own.
    const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.received);
    this.#chunks = [];
    const { coding, bytesMax } = this.#options;
    if (coding === undefined) this.#resolve(ok(bytes));
    else
      void decompress(coding, bytes, bytesMax).then((result) =>
        result.ok ? this.#resolve(result) : this.#refuse(result),
      );
  }

  #leave(): void {
    if (this.#done) return;
    this.fail(failure("client_closed", "The client closed the connection before its request was complete."));
  }

  #refuse(result: BodyResult): void {
    this.#options.connection.closeAfter();
    this.#resolve(result);
  }

  /** False when it had been finished before. */
  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#options.stalls.delete(this);
    return true;
  }
}
