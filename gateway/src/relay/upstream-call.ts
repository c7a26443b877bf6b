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

type State = {
  connection: UpstreamConnection | undefined;
  consumer: ByteConsumer | undefined;
  /** Bytes and an end that came before anybody read. */
  waiting: Uint8Array[];
  ended: boolean;
  brokenBy: Failure | undefined;
  readonly handler: UpstreamHandler;
};

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
  const state = openCall(watchdog, handle, resolve);
  state.connection = transport.dispatch(call, state.handler);
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
): State {
  const giveUp = (reason: Failure) => {
    source.abort();
    resolve(fail(reason));
  };
  const state: State = {
    connection: undefined,
    consumer: undefined,
    waiting: [],
    ended: false,
    brokenBy: undefined,
    handler: {
      onHeaders(status, headers) {
        watchdog.clear("first-byte");
        resolve(ok({ status, headers, source }));
      },
      onData(bytes) {
        if (state.consumer === undefined) state.waiting.push(bytes);
        else state.consumer.data(bytes);
      },
      onEnd() {
        state.ended = true;
        state.consumer?.end();
      },
      onError(error) {
        state.brokenBy = transportFailure(error);
        if (state.consumer === undefined) resolve(fail(state.brokenBy));
        else state.consumer.broken(state.brokenBy);
      },
    },
  };
  const source = byteSource(state);
  watchdog.listen((name) => giveUp(deadlineFailure(name)));
  handle.abort = giveUp;
  return state;
}

function byteSource(state: State): ByteSource {
  return {
    whole(bytesMax) {
      const { waiting, ended, brokenBy } = state;
      const [only] = waiting;
      const isWhole = ended && brokenBy === undefined && waiting.length === 1;
      return isWhole && only !== undefined && only.length <= bytesMax ? only : undefined;
    },
    read(consumer) {
      state.consumer = consumer;
      const { waiting } = state;
      state.waiting = [];
      for (const bytes of waiting) consumer.data(bytes);
      if (state.brokenBy !== undefined) consumer.broken(state.brokenBy);
      else if (state.ended) consumer.end();
    },
    pause: () => state.connection?.pause(),
    resume: () => state.connection?.resume(),
    abort() {
      state.waiting = [];
      state.consumer = silent;
      state.connection?.abort();
    },
  };
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
