import type { IncomingMessage } from "node:http";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { Headers } from "../relay/ports.ts";
import { decompress, readContentCoding, tooLarge, type ContentCoding } from "./decompress.ts";
import type { Receiver, StallWatch } from "./stall-watch.ts";

export type BodyResult = Result<Uint8Array, Failure>;

const EMPTY: BodyResult = ok(new Uint8Array(0));

/** Whether the framing announces a body (RFC 9112 §6.3); with neither header a request has none. */
export function hasBody(headers: Headers): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** Bytes that the client announces; `undefined` for a chunked body. The parser lets nothing but digits through. */
export function announcedBytes(headers: Headers): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

/** A body on its way in. */
export interface IncomingBody {
  readonly result: Promise<BodyResult>;
  /** Ends the reading with this failure, unless it has ended already. */
  fail(failure: Failure): void;
}

/** What the headers alone condemn, before a byte is read. */
export function refuseBody(headers: Headers, bytesMax: number): Failure | undefined {
  const coding = readContentCoding(headers["content-encoding"]);
  if (!coding.ok) return coding.error;
  return (announcedBytes(headers) ?? 0) > bytesMax ? tooLarge(bytesMax) : undefined;
}

/**
 * Reads a request's body whole and undoes its content coding. Fails with `body_too_large`, `invalid_encoding`,
 * `unsupported_encoding` (a bomb), `body_timeout` or `client_closed`; what still comes after a failure is read and dropped.
 */
export function readBody(
  request: IncomingMessage,
  headers: Headers,
  bytesMax: number,
  stalls: StallWatch,
): IncomingBody {
  const coding = readContentCoding(headers["content-encoding"]);
  if (!coding.ok) return settled(fail(coding.error));
  if (!hasBody(headers)) return settled(EMPTY);
  if (request.destroyed) return settled(fail(clientClosed()));
  return new Collector(request, bytesMax, coding.value, stalls);
}

function settled(result: BodyResult): IncomingBody {
  return { result: Promise.resolve(result), fail: () => {} };
}

class Collector implements IncomingBody, Receiver {
  readonly result: Promise<BodyResult>;
  received = 0;
  readonly #bytesMax: number;
  readonly #coding: ContentCoding | undefined;
  readonly #stalls: StallWatch;
  #resolve: (result: BodyResult | Promise<BodyResult>) => void;
  #chunks: Buffer[] = [];
  #done = false;

  constructor(request: IncomingMessage, bytesMax: number, coding: ContentCoding | undefined, stalls: StallWatch) {
    this.#bytesMax = bytesMax;
    this.#coding = coding;
    this.#stalls = stalls;
    const { promise, resolve } = Promise.withResolvers<BodyResult>();
    this.result = promise;
    this.#resolve = resolve;
    stalls.add(this);
    request.on("data", (chunk: Buffer) => this.#take(chunk));
    request.on("end", () => this.#finish(() => this.#whole()));
    // The only sign of a client that leaves half way; after an end it finds everything done.
    request.on("close", () => this.fail(clientClosed()));
  }

  fail(reason: Failure): void {
    this.#finish(() => fail(reason));
    this.#chunks = [];
  }

  stalled(): void {
    this.fail(failure("body_timeout", "The request body came too slowly. Send it without pauses, or send less."));
  }

  #take(chunk: Buffer): void {
    if (this.#done) return;
    this.received += chunk.length;
    if (this.received > this.#bytesMax) this.fail(tooLarge(this.#bytesMax));
    else this.#chunks.push(chunk);
  }

  #finish(result: () => BodyResult | Promise<BodyResult>): void {
    if (this.#done) return;
    this.#done = true;
    this.#stalls.delete(this);
    this.#resolve(result());
  }

  #whole(): BodyResult | Promise<BodyResult> {
    const [first] = this.#chunks;
    // Most bodies come in one read, and that chunk is already a copy of their own.
    const bytes = this.#chunks.length === 1 && first !== undefined ? first : Buffer.concat(this.#chunks, this.received);
    this.#chunks = [];
    return this.#coding === undefined ? ok(bytes) : decompress(this.#coding, bytes, this.#bytesMax);
  }
}

function clientClosed(): Failure {
  return failure("client_closed", "The client closed the connection before its request was complete.");
}
