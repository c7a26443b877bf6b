import { buildConnector, errors, Pool, type Dispatcher } from "undici";
import { oneShotBody, suppliedBody, type UndiciBody } from "./one-shot-body.ts";
import type { Headers, Transport, TransportError, UpstreamCall, UpstreamConnection, UpstreamHandler } from "./ports.ts";
import { transportError } from "./transport-errors.ts";

export type UndiciTransportOptions = {
  /** Open connections per origin; a call above that waits for a free one, at most its own connect timeout. */
  readonly connectionsMax?: number;
  /** How long an idle connection is kept. Short, because a provider that closes first costs a retry. */
  readonly keepAliveTimeoutMs?: number;
  /** Size of a response's header block above which the connection is cut. */
  readonly headerBytesMax?: number;
};

const CONNECTIONS_MAX = 256;
const KEEP_ALIVE_TIMEOUT_MS = 4_000;
const HEADER_BYTES_MAX = 65_536;

/** Ceiling of `UpstreamCall.connectTimeoutMs`: an attempt that nobody waits for any more ends after this. */
const CONNECT_TIMEOUT_MS_MAX = 60_000;

/** Larger bodies are handed over so that they can be collected while the answer streams: see one-shot-body.ts. */
const RETAINED_BODY_BYTES_MAX = 8_192;

/**
 * Calls providers over HTTP/1.1, one request per connection at a time. TLS is always verified (`NODE_EXTRA_CA_CERTS` adds
 * authorities), redirects and content codings are left alone, and the only timeout here is that of connecting: how long an
 * answer may take is the exchange's affair.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): Transport {
  const origins = new Map<string, Origin>();
  return {
    dispatch(call, handler) {
      let origin = origins.get(call.origin);
      if (origin === undefined) {
        origin = openOrigin(call.origin, options);
        origins.set(call.origin, origin);
      }
      const running = new Call(call.origin.startsWith("https:"), handler);
      running.start(origin, call);
      return running;
    },
    async close() {
      const closing = [...origins.values()];
      origins.clear();
      await Promise.all(closing.map((origin) => origin.pool.destroy()));
    },
  };
}

type Origin = {
  readonly pool: Pool;
  /** Of the latest call: a new connection is opened for the call that asks for it, inside its `dispatch`. */
  connectTimeoutMs: number;
};

function openOrigin(url: string, options: UndiciTransportOptions): Origin {
  const connector = buildConnector({
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS_MAX,
    // Said explicitly so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
  });
  const origin: Origin = {
    connectTimeoutMs: CONNECT_TIMEOUT_MS_MAX,
    pool: new Pool(url, {
      connections: options.connectionsMax ?? CONNECTIONS_MAX,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: options.keepAliveTimeoutMs ?? KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: options.headerBytesMax ?? HEADER_BYTES_MAX,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (target, callback) => connectWithin(origin.connectTimeoutMs, connector, target, callback),
    }),
  };
  return origin;
}

function connectWithin(
  timeoutMs: number,
  connector: buildConnector.connector,
  target: buildConnector.Options,
  callback: buildConnector.Callback,
): void {
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    callback(new errors.ConnectTimeoutError(), null);
  }, timeoutMs);
  connector(target, (...result) => {
    if (timedOut) {
      result[1]?.destroy();
      return;
    }
    clearTimeout(timer);
    callback(...result);
  });
}

// Made once: an abort is an everyday event and its stack tells nothing.
const ABORTED = new errors.RequestAbortedError();

/** One call: undici's handler on one side, `UpstreamConnection` on the other. */
class Call implements Dispatcher.DispatchHandler, UpstreamConnection {
  readonly #secure: boolean;
  readonly #handler: UpstreamHandler;
  #controller: Dispatcher.DispatchController | undefined;
  #dropBody: (() => void) | undefined;
  #waitTimer: NodeJS.Timeout | undefined;
  #paused = false;
  #answered = false;
  /** Ended, failed or aborted: the handler hears nothing more. */
  #over = false;

  constructor(secure: boolean, handler: UpstreamHandler) {
    this.#secure = secure;
    this.#handler = handler;
  }

  start(origin: Origin, call: UpstreamCall): void {
    origin.connectTimeoutMs = call.connectTimeoutMs;
    const headers = flatHeaders(call.headers);
    const body = this.#takeBody(call.body, headers);
    const accepted = origin.pool.dispatch({ method: call.method, path: call.path, headers, body }, this);
    // False means that the pool is full, so the call may be queued without any connection being opened for it.
    if (!accepted && this.#controller === undefined && !this.#over) {
      this.#waitTimer = setTimeout(() => this.#giveUpWaiting(), call.connectTimeoutMs);
    }
  }

  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    // undici delivers from inside `resume()`, and must not be asked to while it parses another connection.
    queueMicrotask(() => {
      if (!this.#paused && !this.#over) this.#controller?.resume();
    });
  }

  abort(): void {
    if (this.#over) return;
    this.#finish();
    this.#controller?.abort(ABORTED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    clearTimeout(this.#waitTimer);
    this.#controller = controller;
    if (this.#over) controller.abort(ABORTED);
    else if (this.#paused) controller.pause();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // Interim answers (100, 102, 103) say nothing that anyone here waits for.
    if (this.#over || status < 200) return;
    this.#answered = true;
    this.#handler.onHeaders(status, joinRepeated(headers));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#over) this.#handler.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    const sent = this.#controller !== undefined;
    const told = transportError(error, { sent, answered: this.#answered, secure: this.#secure });
    // A call that undici refuses fails inside `dispatch`, before the caller has the connection in hand.
    if (sent) this.#fail(told);
    else queueMicrotask(() => this.#fail(told));
  }

  #fail(error: TransportError): void {
    if (this.#over) return;
    this.#finish();
    this.#handler.onError(error);
  }

  #giveUpWaiting(): void {
    if (this.#controller === undefined) this.#fail({ kind: "connect-timeout", sent: false, detail: "POOL_EXHAUSTED" });
  }

  /** Whatever undici still holds of this call must not hold its body. */
  #finish(): void {
    this.#over = true;
    clearTimeout(this.#waitTimer);
    this.#dropBody?.();
  }

  #takeBody(given: UpstreamCall["body"], headers: string[]): UndiciBody | null {
    if (given === undefined) return null;
    if (!("read" in given)) return this.#takePieces(given, headers);
    const { body, drop } = suppliedBody(given);
    this.#dropBody = drop;
    // Without a length undici sends chunks.
    if (given.bytes !== undefined) headers.push("content-length", String(given.bytes));
    return body;
  }

  #takePieces(pieces: readonly Uint8Array[], headers: string[]): UndiciBody | null {
    let bytes = 0;
    for (const piece of pieces) bytes += piece.byteLength;
    const [first] = pieces;
    if (first === undefined) return null;
    if (bytes <= RETAINED_BODY_BYTES_MAX) return pieces.length === 1 ? first : Buffer.concat(pieces, bytes);
    const { body, drop } = oneShotBody(pieces);
    this.#dropBody = drop;
    headers.push("content-length", String(bytes));
    return body;
  }
}

/** Names and values alternating, as undici reads them fastest. */
function flatHeaders(headers: UpstreamCall["headers"]): string[] {
  const flat: string[] = [];
  for (const name in headers) {
    const value = headers[name];
    // The length is the transport's to say: it knows the body that it sends.
    if (value !== undefined && name !== "content-length") flat.push(name, value);
  }
  return flat;
}

/** undici's object is new for every answer and nobody else's, so it is made to fit instead of copied. */
function joinRepeated(headers: Record<string, string | string[] | undefined>): Headers {
  for (const name in headers) {
    const value = headers[name];
    if (Array.isArray(value)) headers[name] = value.join(", ");
  }
  return headers as Headers;
}
