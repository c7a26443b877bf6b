import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { Headers, Transport, TransportError, UpstreamCall, UpstreamConnection, UpstreamHandler } from "./ports.ts";
import type { Watchdog } from "./watchdog.ts";

/** The body of a provider's answer, still arriving. What came before `read` is kept and given first. */
export interface ByteSource {
  /** The whole body, where it had arrived and ended before anybody read, as short answers do. Asked instead of `read`. */
  whole(bytesMax: number): Uint8Array | undefined;
  read(consumer: ByteConsumer): void;
  pause(): void;
  resume(): void;
  /** Ends the connection at once; the consumer hears nothing more. */
  abort(): void;
}

export type ByteConsumer = {
  data(bytes: Uint8Array): void;
  end(): void;
  /** The connection broke, or was given up because a deadline passed. */
  broken(failure: Failure): void;
};

export type UpstreamAnswer = { readonly status: number; readonly headers: Headers; readonly source: ByteSource };

/** How whoever is waiting can be made to stop: the client has gone (class `cancelled`), or the process has to. */
export type CallHandle = { abort: (reason: Failure) => void };

/** Sends a request and waits for the status line. Fails when the provider cannot be reached or does not answer in time. */
export function callUpstream(
  transport: Transport,
  watchdog: Watchdog,
  call: UpstreamCall,
  firstByteMs: number,
  handle: CallHandle,
): Promise<Result<UpstreamAnswer, Failure>> {
  const { promise, resolve } = Promise.withResolvers<Result<UpstreamAnswer, Failure>>();
  watchdog.set("first-byte", firstByteMs);
  const running = openCall(watchdog, handle, resolve);
  running.connection = transport.dispatch(call, running);
  return promise;
}

/**
 * Everything that lives as long as the answer is made here, out of the request's sight: a callback that shares a scope with
 * the request keeps its body in memory until the stream has ended.
 */
function openCall(
  watchdog: Watchdog,
  handle: CallHandle,
  resolve: (answer: Result<UpstreamAnswer, Failure>) => void,
): RunningCall {
  const running = new RunningCall(watchdog, resolve);
  watchdog.listen((name) => running.giveUp(deadlineFailure(name)));
  handle.abort = (reason) => running.giveUp(reason);
  return running;
}

/** A call from its dispatch to the end of its answer. */
class RunningCall implements UpstreamHandler, ByteSource {
  connection: UpstreamConnection | undefined;
  readonly #watchdog: Watchdog;
  readonly #resolve: (answer: Result<UpstreamAnswer, Failure>) => void;
  #consumer: ByteConsumer | undefined;
  /** Bytes, and below an end, that came before anybody read. */
  #waiting: Uint8Array[] = [];
  #ended = false;
  #brokenBy: Failure | undefined;

  constructor(watchdog: Watchdog, resolve: (answer: Result<UpstreamAnswer, Failure>) => void) {
    this.#watchdog = watchdog;
    this.#resolve = resolve;
  }

  giveUp(reason: Failure): void {
    this.abort();
    this.#resolve(fail(reason));
  }

  onHeaders(status: number, headers: Headers): void {
    this.#watchdog.clear("first-byte");
    this.#resolve(ok({ status, headers, source: this }));
  }

  onData(bytes: Uint8Array): void {
    if (this.#consumer === undefined) this.#waiting.push(bytes);
    else this.#consumer.data(bytes);
  }

  onEnd(): void {
    this.#ended = true;
    this.#consumer?.end();
  }

  onError(error: TransportError): void {
    const reason = transportFailure(error);
    this.#brokenBy = reason;
    if (this.#consumer === undefined) this.#resolve(fail(reason));
    else this.#consumer.broken(reason);
  }

  whole(bytesMax: number): Uint8Array | undefined {
    const [only] = this.#waiting;
    const isWhole = this.#ended && this.#brokenBy === undefined && this.#waiting.length === 1;
    return isWhole && only !== undefined && only.length <= bytesMax ? only : undefined;
  }

  read(consumer: ByteConsumer): void {
    this.#consumer = consumer;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) consumer.data(bytes);
    if (this.#brokenBy !== undefined) consumer.broken(this.#brokenBy);
    else if (this.#ended) consumer.end();
  }

  pause(): void {
    this.connection?.pause();
  }

  resume(): void {
    this.connection?.resume();
  }

  abort(): void {
    this.#waiting = [];
    this.#consumer = silent;
    this.connection?.abort();
  }
}

const silent: ByteConsumer = { data() {}, end() {}, broken() {} };

/** Reads a body to its end, in one piece. `idleMs` limits the silence between two reads. */
export function readWhole(
  source: ByteSource,
  watchdog: Watchdog,
  limits: { readonly bytesMax: number; readonly idleMs: number },
  handle: CallHandle,
): Promise<Result<Uint8Array, Failure>> {
  return new Promise((resolve) => {
    const pieces: Uint8Array[] = [];
    let length = 0;
    const giveUp = (reason: Failure) => {
      source.abort();
      resolve(fail(reason));
    };
    watchdog.set("idle", limits.idleMs);
    watchdog.listen((name) => giveUp(deadlineFailure(name)));
    handle.abort = giveUp;
    source.read({
      data(bytes) {
        length += bytes.length;
        if (length > limits.bytesMax) {
          giveUp(failure("provider_bad_response", `The provider's answer is larger than ${limits.bytesMax} bytes.`));
          return;
        }
        pieces.push(bytes);
        watchdog.set("idle", limits.idleMs);
      },
      end() {
        watchdog.clear("idle");
        const [only] = pieces;
        resolve(ok(pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, length)));
      },
      broken: (reason) => resolve(fail(reason)),
    });
  });
}

/** A deadline that passed while nothing of an answer had been passed on. */
export function deadlineFailure(name: string): Failure {
  switch (name) {
    case "first-byte":
      return failure("provider_timeout", "The provider did not begin to answer in time.");
    case "idle":
      return failure("provider_stalled", "The provider stopped sending in the middle of its answer.");
    default:
      return failure("deadline_exceeded", "The time allowed for this request is over.");
  }
}

const transportMessages: Record<TransportError["kind"], string> = {
  refused: "The provider refuses connections",
  dns: "The provider's address cannot be found",
  tls: "No secure connection to the provider can be made",
  "connect-timeout": "The provider cannot be reached in time",
  reset: "The provider broke the connection",
  protocol: "The provider's answer is not valid HTTP",
  other: "The connection to the provider failed",
};

function transportFailure(error: TransportError): Failure {
  const message = `${transportMessages[error.kind]} (${error.detail}).`;
  // "Unreachable" promises that the provider has seen nothing: what must not be done twice is tried again after it.
  if (error.sent && (error.kind === "refused" || error.kind === "other"))
    return failure("provider_interrupted", message);
  switch (error.kind) {
    case "dns":
      return failure("provider_dns_error", message);
    case "tls":
      return failure("provider_tls_error", message);
    case "reset":
      return failure("provider_interrupted", message);
    case "protocol":
      return failure("provider_bad_response", message);
    case "refused":
    case "connect-timeout":
    case "other":
      return failure("provider_unreachable", message);
    default:
      return error.kind satisfies never;
  }
}
