import type { Transport, TransportError, UpstreamCall } from "../../src/relay/ports.ts";

/** What came of a call. */
export type CallOutcome = {
  readonly status: number;
  /** In the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Undefined where the answer ended. */
  readonly error: TransportError | undefined;
};

export type CallOptions = Partial<UpstreamCall> & {
  readonly origin: string;
  /** Pauses at every piece of the body, and resumes a little later. */
  readonly pausing?: boolean;
};

const CONNECT_TIMEOUT_MS = 5_000;

/** Calls a provider and waits for the end of its answer. */
export function answerOf(transport: Transport, options: CallOptions): Promise<CallOutcome> {
  const { pausing, ...call } = options;
  const { promise, resolve } = Promise.withResolvers<CallOutcome>();
  const pieces: Uint8Array[] = [];
  let status = 0;
  let headers: CallOutcome["headers"] = [];
  const finish = (error?: TransportError) => resolve({ status, headers, body: Buffer.concat(pieces), error });
  const connection = transport.dispatch(
    { method: "GET", path: "/", headers: {}, body: undefined, connectTimeoutMs: CONNECT_TIMEOUT_MS, ...call },
    {
      onHeaders(answered, named) {
        status = answered;
        headers = Object.entries(named).map(([name, value]) => [name, value ?? ""]);
      },
      onData(bytes) {
        pieces.push(bytes);
        if (pausing !== true) return;
        connection.pause();
        setImmediate(() => connection.resume());
      },
      onEnd: () => finish(),
      onError: finish,
    },
  );
  return promise;
}
