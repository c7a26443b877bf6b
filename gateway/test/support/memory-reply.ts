import type { Failure } from "../../src/canonical/failure.ts";
import { failure } from "../../src/canonical/failure.ts";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import { fail, ok, type Result } from "../../src/lib/result.ts";
import type { Headers, InboundBody, InboundRequest, Reply } from "../../src/relay/ports.ts";

export type MemoryRequest = {
  readonly method?: string;
  readonly target?: string;
  /** Names are lower-cased. */
  readonly headers?: { readonly [name: string]: string };
  /** An object is sent as JSON, with its content-type unless `headers` has one. */
  readonly body?: Uint8Array | string | JsonObject;
  readonly remoteAddress?: string;
  /** What `readBody` answers instead of the body. */
  readonly bodyFailure?: Failure;
  /** How many bytes a read of `openBody` brings; `bodyFailure` then comes after the last. Absent: everything in one. */
  readonly pieceBytes?: number;
  /** Bytes that the client has not read before `write` answers false. Absent: it reads at once. */
  readonly unreadBytesMax?: number;
};

/** A client in memory: the request it makes, the reply it gets, and what it does with that. */
export type MemoryClient = {
  readonly request: InboundRequest;
  readonly reply: MemoryReply;
};

/** A client's request and a reply that collects what the gateway answers. Nothing is asynchronous but `readBody`. */
export function request(options: MemoryRequest = {}): MemoryClient {
  const body = bodyBytes(options.body);
  const headers: Record<string, string> = Object.create(null);
  if (isObject(options.body)) headers["content-type"] = "application/json";
  if (body.length > 0) headers["content-length"] = String(body.length);
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value;
  return {
    request: {
      method: options.method ?? "POST",
      target: options.target ?? "/v1/chat/completions",
      headers,
      remoteAddress: options.remoteAddress ?? "127.0.0.1",
      readBody: (bytesMax) => Promise.resolve(readBody(body, bytesMax, options.bodyFailure)),
      openBody: (bytesMax) => openBody(body, bytesMax, options),
    },
    reply: new MemoryReply(options.unreadBytesMax ?? Infinity),
  };
}

function bodyBytes(body: MemoryRequest["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === "string") return Buffer.from(body);
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
}

function readBody(body: Buffer, bytesMax: number, instead: Failure | undefined): Result<Uint8Array, Failure> {
  if (instead !== undefined) return fail(instead);
  if (body.length > bytesMax) return fail(failure("body_too_large", `The request body is over ${bytesMax} bytes.`));
  return ok(body);
}

function openBody(body: Buffer, bytesMax: number, options: MemoryRequest): InboundBody {
  const pieceBytes = options.pieceBytes ?? Math.max(1, body.length);
  let position = 0;
  return {
    bytes: options.headers?.["transfer-encoding"] === undefined ? body.length : undefined,
    read() {
      if (body.length > bytesMax) return Promise.resolve(readBody(body, bytesMax, undefined));
      const piece = body.subarray(position, position + pieceBytes);
      position += piece.length;
      if (piece.length > 0) return Promise.resolve(ok(piece));
      return Promise.resolve(options.bodyFailure === undefined ? ok(undefined) : fail(options.bodyFailure));
    },
    drop() {},
  };
}

/** Obeys the contract of `Reply` and throws where the gateway breaks it (two answers, a write before the start). */
export class MemoryReply implements Reply {
  status = 0;
  headers: Headers = {};
  started = false;
  /** The answer was finished by `send` or `end`. */
  ended = false;
  /** The gateway cut the connection. */
  destroyed = false;
  /** The client went away before the end. */
  left = false;
  /** Every write in order, for tests of how the bytes were cut. */
  readonly writes: Buffer[] = [];
  /** Resolves once the answer has ended, was destroyed, or the client has left. */
  readonly done: Promise<void>;

  readonly #unreadBytesMax: number;
  #unreadBytes = 0;
  #full = false;
  #markDone: () => void;
  readonly #closeListeners: (() => void)[] = [];
  readonly #drainListeners: (() => void)[] = [];

  constructor(unreadBytesMax: number) {
    this.#unreadBytesMax = unreadBytesMax;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#markDone = resolve;
  }

  get body(): Buffer {
    return Buffer.concat(this.writes);
  }

  get text(): string {
    return this.body.toString("utf8");
  }

  json(): unknown {
    return JSON.parse(this.text);
  }

  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  send(status: number, headers: Headers, body: Uint8Array | string): void {
    this.start(status, headers);
    if (this.#over()) return;
    this.writes.push(toBuffer(body));
    this.end();
  }

  start(status: number, headers: Headers): void {
    if (this.started) throw new Error("the answer was started twice");
    this.started = true;
    if (this.#over()) return;
    this.status = status;
    this.headers = headers;
  }

  write(bytes: Uint8Array | string): boolean {
    if (!this.started) throw new Error("write before start");
    if (this.#over()) return true;
    const chunk = toBuffer(bytes);
    this.writes.push(chunk);
    this.#unreadBytes += chunk.length;
    this.#full = this.#unreadBytes > this.#unreadBytesMax;
    return !this.#full;
  }

  end(): void {
    if (!this.started) throw new Error("end before start");
    if (this.#over()) return;
    this.ended = true;
    this.#markDone();
  }

  destroy(): void {
    if (this.#over()) return;
    this.destroyed = true;
    this.#markDone();
  }

  onClose(listener: () => void): void {
    if (this.left) listener();
    else this.#closeListeners.push(listener);
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener);
  }

  /** The client reads everything that it was sent. */
  read(): void {
    this.#unreadBytes = 0;
    if (!this.#full) return;
    this.#full = false;
    if (!this.#over()) for (const listener of this.#drainListeners) listener();
  }

  /** The client goes away. After the end of the answer that is nobody's concern, as on a socket. */
  leave(): void {
    if (this.#over()) return;
    this.left = true;
    for (const listener of this.#closeListeners) listener();
    this.#markDone();
  }

  #over(): boolean {
    return this.ended || this.destroyed || this.left;
  }
}

function toBuffer(bytes: Uint8Array | string): Buffer {
  return typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
}
