import type { Failure } from "../canonical/failure.ts";
import type { Result } from "../lib/result.ts";

/*
 * The seams between the exchange and the world: a client's request and the reply to it, and the call to a provider.
 * `http/` implements them over sockets, the tests in memory.
 */

export type Headers = { readonly [lowerCaseName: string]: string | undefined };

/** A client's request, headers read and body not yet. */
export type InboundRequest = {
  readonly method: string;
  /** The request target as sent: path and query, still percent-encoded. */
  readonly target: string;
  readonly headers: Headers;
  readonly remoteAddress: string;
  /** The whole body, decompressed. Fails with 413, 408, 400 or 415 failures; may be called once. */
  readBody(bytesMax: number): Promise<Result<Uint8Array, Failure>>;
  /** The body as it arrives, instead of `readBody`. What `readBody` fails with, `read` fails with. A coded body is refused (415). */
  openBody(bytesMax: number): InboundBody;
};

/** A body that is taken piece by piece, by whoever sends it on. */
export interface ByteSupply {
  /** Bytes in all, where they are known beforehand. */
  readonly bytes: number | undefined;
  /** The next bytes, undefined at the end, or why there are no more. Not called again before it has answered, or after the end. */
  read(): Promise<Result<Uint8Array | undefined, Failure>>;
  /** No more is wanted. A `read` that is waiting need not answer. Idempotent, also after the end. */
  drop(): void;
}

/** A client's body. While nobody reads, the client is held back; what comes after `drop` is read and forgotten. */
export type InboundBody = ByteSupply;

/** The answer to a client. Either `send` once, or `start`, any number of `write`, then `end` or `destroy`. */
export interface Reply {
  /** A whole answer. */
  send(status: number, headers: Headers, body: Uint8Array | string): void;
  /** Sends the status line and headers of a stream at once. */
  start(status: number, headers: Headers): void;
  /** One write to the socket. False: the client reads too slowly; wait for `onDrain`. */
  write(bytes: Uint8Array | string): boolean;
  /** Ends a stream cleanly. */
  end(): void;
  /** Cuts the connection, so that no client can mistake what it has for a whole answer. */
  destroy(): void;
  readonly started: boolean;
  /** Called once when the client goes away before the answer has ended. Called at once if it already has. */
  onClose(listener: () => void): void;
  onDrain(listener: () => void): void;
}

/** A request to a provider, complete: nothing of the client's gets in unless it was put here. */
export type UpstreamCall = {
  readonly method: string;
  /** `https://api.openai.com` */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  /**
   * The body's pieces in order, or undefined for none. The transport must drop its references once they are sent. A supply is
   * not asked for anything before there is a connection; when it fails, so does the call, and the provider never sees an end.
   */
  readonly body: readonly Uint8Array[] | ByteSupply | undefined;
  readonly connectTimeoutMs: number;
};

/** Exactly one of `onEnd` and `onError` is called, last; neither after `abort()`. */
export interface UpstreamHandler {
  onHeaders(status: number, headers: Headers): void;
  /** The bytes belong to the handler. */
  onData(bytes: Uint8Array): void;
  onEnd(): void;
  onError(error: TransportError): void;
}

export type TransportError = {
  readonly kind: "refused" | "dns" | "tls" | "connect-timeout" | "reset" | "protocol" | "other";
  /** Whether any byte of the request may have reached the provider. */
  readonly sent: boolean;
  /** The system's code (`ECONNREFUSED`); never a URL or a secret. */
  readonly detail: string;
};

export interface UpstreamConnection {
  pause(): void;
  resume(): void;
  /** Destroys the connection at once. Idempotent; a no-op after the end. */
  abort(): void;
}

export interface Transport {
  dispatch(call: UpstreamCall, handler: UpstreamHandler): UpstreamConnection;
  close(): Promise<void>;
}
