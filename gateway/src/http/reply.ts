import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { asBuffer } from "../lib/as-buffer.ts";
import type { Headers, Reply } from "../relay/ports.ts";
import { announcedBytes, hasBody } from "./body.ts";
import { closeLingering, type Edge } from "./edge.ts";

/** An unread rest of a request up to this size is read and dropped; for more the connection is closed instead. */
const DROPPED_BODY_BYTES_MAX = 65_536;

/** Up to this size it is cheaper to copy bytes together with what frames them than to gather them in the system. */
const COPIED_BYTES_MAX = 16_384;

/** When a client that has sent FIN is asked again whether it still listens, counted from each question to the next. */
const PROBE_DELAYS_MS = [50, 200, 1_000, 5_000] as const;

/** Framing is decided here alone, whatever a handler says. */
const FRAMING_HEADERS = new Set(["content-length", "transfer-encoding", "connection", "keep-alive"]);

/** RFC 9110 §5.5, and node refuses everything else by throwing. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
const NOT_IN_HEADERS = /[^\t\x20-\x7e\x80-\xff]/;
const ALL_NOT_IN_HEADERS = new RegExp(NOT_IN_HEADERS, "g");

/** A reply over a node response. Calls after the end, or after the client has gone, do nothing. */
export class NodeReply implements Reply {
  started = false;
  readonly #response: ServerResponse;
  readonly #edge: Edge;
  readonly #requestHeaders: Headers;
  readonly #moreHeaders: readonly string[] | undefined;
  /** Set while a stream runs: frames go to the socket directly, without node's four buffers and a tick for each. */
  #socket: Socket | undefined;
  #chunked = false;
  #ended = false;
  #closing = false;
  #awaitsDrain = false;
  #closeListeners: (() => void)[] | undefined;
  #drainListeners: (() => void)[] | undefined;

  /** `moreHeaders`: names and values alternating, added to whatever is answered. */
  constructor(
    response: ServerResponse,
    edge: Edge,
    requestHeaders: Headers,
    moreHeaders: readonly string[] | undefined,
  ) {
    this.#response = response;
    this.#edge = edge;
    this.#requestHeaders = requestHeaders;
    this.#moreHeaders = moreHeaders;
  }

  /** The answer has left, to the last byte. */
  get finished(): boolean {
    return this.#response.writableFinished;
  }

  /** The answer has ended for the handler, and its last bytes have not left. */
  get leaving(): boolean {
    return this.#ended && !this.finished && !this.#response.destroyed;
  }

  /** No further request is to be served on this connection. */
  get closing(): boolean {
    return this.#closing;
  }

  send(status: number, headers: Headers, body: Uint8Array | string): void {
    if (this.started || this.#isOver()) return;
    this.started = true;
    this.#finish();
    const fields = this.#fields(headers);
    const bytes = Buffer.byteLength(body);
    if (status !== 204 && status !== 304) fields.push("content-length", String(bytes));
    this.#response.writeHead(status, fields);
    endWith(this.#response, body, bytes);
  }

  start(status: number, headers: Headers): void {
    if (this.started || this.#isOver()) return;
    this.started = true;
    this.#response.writeHead(status, this.#fields(headers));
    const { socket } = this.#response;
    if (socket !== null) this.#edge.writes.gather(socket);
    this.#response.flushHeaders();
    this.#chunked = this.#response.chunkedEncoding;
    const bodyless = this.#response.req.method === "HEAD" || status === 204 || status === 304;
    if (!bodyless) this.#socket = this.#response.socket ?? undefined;
  }

  write(bytes: Uint8Array | string): boolean {
    const socket = this.#socket;
    // An empty chunk would end the answer (RFC 9112 §7.1).
    if (socket === undefined || this.#isOver() || bytes.length === 0) return true;
    this.#edge.writes.gather(socket);
    const flowing = this.#chunked ? writeChunk(socket, bytes) : socket.write(bytes);
    if (!flowing) this.#awaitDrain(socket);
    return flowing;
  }

  end(): void {
    if (!this.started || this.#isOver()) return;
    this.#finish();
    this.#response.end();
  }

  destroy(): void {
    if (this.#isOver()) return;
    this.#finish();
    const { socket } = this.#response;
    // What was written before this is to reach the client.
    if (socket !== null) this.#edge.writes.release(socket);
    // Without chunk framing, closing is how an answer ends; only a reset tells the client that this one did not.
    if (this.started && !this.#chunked && socket !== null) socket.resetAndDestroy();
    else this.#response.destroy();
  }

  onClose(listener: () => void): void {
    if (this.#ended) return;
    if (this.#response.req.socket.destroyed) {
      listener();
      return;
    }
    this.#closeListeners ??= [];
    this.#closeListeners.push(listener);
  }

  /** The connection is gone: told once, by whoever watches it. A listener of its own for every answer would cost more. */
  connectionClosed(): void {
    const listeners = this.#closeListeners;
    this.#closeListeners = undefined;
    for (const listener of listeners ?? []) listener();
  }

  onDrain(listener: () => void): void {
    this.#drainListeners ??= [];
    this.#drainListeners.push(listener);
  }

  /** Answers `Expect: 100-continue`: the body is wanted. */
  sendContinue(): void {
    if (!this.started && !this.#isOver()) this.#response.writeContinue();
  }

  /** Makes this the last answer on its connection, also when it has begun. */
  closeAfter(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.started) this.#response.on("finish", () => this.#response.req.socket.destroySoon());
  }

  /**
   * The client has closed its sending half. It may still listen (RFC 9112 §9.6 allows that), or be gone altogether, and
   * only writing tells: an interim answer is read over by a client that listens and refused by the system of one that does
   * not. Once a stream runs, its frames tell as much.
   */
  halfClosed(attempt = 0): void {
    const delayMs = PROBE_DELAYS_MS[attempt];
    const { complete, httpVersion } = this.#response.req;
    if (this.started || this.#isOver() || !complete || httpVersion !== "1.1") return;
    this.sendContinue();
    if (delayMs !== undefined) this.#edge.clock.setTimer(() => this.halfClosed(attempt + 1), delayMs);
  }

  #isOver(): boolean {
    return this.#ended || this.#response.destroyed || this.#response.req.socket.destroyed;
  }

  #fields(headers: Headers): string[] {
    if (this.#mustClose()) {
      this.#closing = true;
      this.#response.shouldKeepAlive = false;
      const { socket, complete } = this.#response.req;
      if (!complete && hasBody(this.#requestHeaders)) socket.destroySoon = () => closeLingering(socket, this.#edge);
    }
    const fields = this.#moreHeaders === undefined ? [] : [...this.#moreHeaders];
    for (const name in headers) {
      const value = headers[name];
      if (value === undefined || FRAMING_HEADERS.has(name)) continue;
      fields.push(name, NOT_IN_HEADERS.test(value) ? value.replaceAll(ALL_NOT_IN_HEADERS, "?") : value);
    }
    return fields;
  }

  #mustClose(): boolean {
    if (this.#closing || this.#edge.draining) return true;
    if (this.#response.req.complete || !hasBody(this.#requestHeaders)) return false;
    return (announcedBytes(this.#requestHeaders) ?? Infinity) > DROPPED_BODY_BYTES_MAX;
  }

  #awaitDrain(socket: Socket): void {
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    socket.once("drain", () => {
      this.#awaitsDrain = false;
      if (this.#isOver() || this.#drainListeners === undefined) return;
      for (const listener of this.#drainListeners) listener();
    });
  }

  /** The connection remembers this object until its next request, which must not keep the exchange for as long. */
  #finish(): void {
    this.#ended = true;
    this.#closeListeners = undefined;
    this.#drainListeners = undefined;
  }
}

/**
 * Ends with a whole body. A Latin-1 string leaves in one piece with the headers and is the same bytes; bytes would be
 * gathered from two places, and a UTF-8 string would make node encode the headers so too.
 */
function endWith(response: ServerResponse, body: Uint8Array | string, bytes: number): void {
  if (typeof body === "string") {
    if (bytes === body.length) response.end(body, "latin1");
    else endWith(response, Buffer.from(body), bytes);
  } else if (bytes > COPIED_BYTES_MAX) response.end(body);
  else response.end(asBuffer(body).toString("latin1"), "latin1");
}

const CRLF = "\r\n";

/** One chunk (RFC 9112 §7.1) in one write to the system. */
function writeChunk(socket: Socket, bytes: Uint8Array | string): boolean {
  if (typeof bytes === "string") {
    return socket.write(`${Buffer.byteLength(bytes).toString(16)}\r\n${bytes}\r\n`, "utf8");
  }
  const size = bytes.length.toString(16) + CRLF;
  if (bytes.length <= COPIED_BYTES_MAX) {
    const chunk = Buffer.allocUnsafe(size.length + bytes.length + CRLF.length);
    chunk.write(size, 0, "latin1");
    chunk.set(bytes, size.length);
    chunk.write(CRLF, size.length + bytes.length, "latin1");
    return socket.write(chunk);
  }
  socket.cork();
  socket.write(size, "latin1");
  socket.write(bytes);
  const flowing = socket.write(CRLF, "latin1");
  socket.uncork();
  return flowing;
}
