import { connect, type Socket } from "node:net";

/** When a response came, in milliseconds of the `performance` clock. */
export type Timing = {
  readonly ok: boolean;
  readonly firstByteAt: number;
  readonly endedAt: number;
  readonly bytes: number;
};

const HEADERS_END = Buffer.from("\r\n\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

type Reading = {
  /** Undefined while headers are read. */
  status: number | undefined;
  /** Bytes of the body still to come; undefined: chunked, ends with the last chunk. */
  left: number | undefined;
  bytes: number;
  firstByteAt: number;
  /** Bytes that may belong to a mark which the next read completes. */
  tail: Buffer;
};

/**
 * A keep-alive HTTP/1.1 connection that knows just enough to tell when a response begins and ends: parsing more would cost
 * the load generator more than the relay it measures. The last chunk is recognised by its bytes, which no frame of the mock
 * upstream ends with.
 */
export class HttpConnection {
  readonly #port: number;
  readonly #onDone: (connection: HttpConnection, timing: Timing) => void;
  #socket: Socket | undefined;
  #reading: Reading | undefined;
  /** Called on the first byte of a body, for streams that never end. */
  onFirstByte: (() => void) | undefined;

  constructor(port: number, onDone: (connection: HttpConnection, timing: Timing) => void) {
    this.#port = port;
    this.#onDone = onDone;
  }

  /** Sends a request; one at a time. */
  send(request: Buffer): void {
    this.#reading = { status: undefined, left: undefined, bytes: 0, firstByteAt: 0, tail: Buffer.alloc(0) };
    this.#socket ??= this.#open();
    this.#socket.write(request);
  }

  close(): void {
    this.#reading = undefined;
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    // An error is followed by close, which settles the request.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#socket = undefined;
      if (this.#reading !== undefined) this.#finish(false);
    });
    return socket;
  }

  #read(bytes: Buffer): void {
    const reading = this.#reading;
    if (reading === undefined) return;
    const body = reading.status === undefined ? readHeaders(reading, bytes) : bytes;
    if (body === undefined) return;
    if (reading.firstByteAt === 0 && body.length > 0) {
      reading.firstByteAt = performance.now();
      this.onFirstByte?.();
    }
    reading.bytes += body.length;
    if (reading.left !== undefined) {
      reading.left -= body.length;
      if (reading.left <= 0) this.#finish(true);
    } else if (endsChunked(reading, body)) {
      this.#finish(true);
    }
  }

  #finish(whole: boolean): void {
    const { status, firstByteAt, bytes } = this.#reading ?? { status: 0, firstByteAt: 0, bytes: 0 };
    this.#reading = undefined;
    this.#onDone(this, { ok: whole && status === 200, firstByteAt, endedAt: performance.now(), bytes });
  }
}

/** The part of `bytes` that belongs to the body, or undefined while the headers are incomplete. */
function readHeaders(reading: Reading, bytes: Buffer): Buffer | undefined {
  const all = reading.tail.length > 0 ? Buffer.concat([reading.tail, bytes]) : bytes;
  const end = all.indexOf(HEADERS_END);
  if (end < 0) {
    reading.tail = all;
    return undefined;
  }
  const head = all.toString("latin1", 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  reading.status = Number(head.slice(9, 12));
  reading.left = length === undefined ? undefined : Number(length);
  reading.tail = Buffer.alloc(0);
  return all.subarray(end + HEADERS_END.length);
}

function endsChunked(reading: Reading, bytes: Buffer): boolean {
  const last = bytes.length >= LAST_CHUNK.length ? bytes : Buffer.concat([reading.tail, bytes]);
  const tail = last.subarray(-LAST_CHUNK.length);
  reading.tail = tail.length === LAST_CHUNK.length && last === bytes ? tail : Buffer.from(tail);
  return tail.equals(LAST_CHUNK);
}
