import { afterEach } from "node:test";
import { systemClock } from "../../src/lib/clock.ts";
import type {
  Headers,
  Transport,
  TransportError,
  UpstreamCall,
  UpstreamConnection,
  UpstreamHandler,
} from "../../src/relay/ports.ts";
import { httpTransport, type HttpTransportOptions } from "../../src/transport/http-transport.ts";
import { startRawUpstream, startUpstream, type Answer, type RawUpstream, type Upstream } from "./upstream.ts";

/** Everything that a call brought, in order. */
export class Recorder implements UpstreamHandler {
  readonly events: string[] = [];
  readonly chunks: Buffer[] = [];
  status = 0;
  headers: Headers = {};
  error: TransportError | undefined;
  readonly done: Promise<void>;
  #finish: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    this.#finish = resolve;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  onHeaders(status: number, headers: Headers): void {
    this.events.push("headers");
    this.status = status;
    this.headers = headers;
  }

  onData(bytes: Uint8Array): void {
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.chunks.push(Buffer.from(bytes));
  }

  onEnd(): void {
    this.events.push("end");
    this.#finish();
  }

  onError(error: TransportError): void {
    this.events.push("error");
    this.error = error;
    this.#finish();
  }
}

export type CallOptions = Partial<Omit<UpstreamCall, "body">> & { readonly body?: readonly (string | Uint8Array)[] };

/** Begins a call. */
export function dispatch(
  transport: Transport,
  origin: string,
  options: CallOptions = {},
): { recorder: Recorder; connection: UpstreamConnection } {
  const recorder = new Recorder();
  const connection = transport.dispatch(
    {
      method: "POST",
      path: "/v1/x?y=1",
      headers: { "content-type": "application/json" },
      connectTimeoutMs: 2_000,
      ...options,
      origin,
      body: options.body?.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)),
    },
    recorder,
  );
  return { recorder, connection };
}

/** Makes a call and waits for its end. */
export async function call(transport: Transport, origin: string, options: CallOptions = {}): Promise<Recorder> {
  const { recorder } = dispatch(transport, origin, options);
  await recorder.done;
  return recorder;
}

/** Transports and providers for the tests of one file, closed after each test. */
export function callScene(): {
  readonly open: (options?: HttpTransportOptions) => Transport;
  readonly upstream: (answer: Answer) => Promise<Upstream>;
  /** A provider that answers every request with exactly these bytes; `then` does what follows. */
  readonly rawUpstream: (answer: string, then?: "end" | "reset") => Promise<RawUpstream>;
  readonly closeAfter: (close: () => Promise<void>) => void;
} {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  return {
    open(options = {}) {
      const transport = httpTransport(systemClock, options);
      closers.push(() => transport.close());
      return transport;
    },
    async upstream(answer) {
      const started = await startUpstream(answer);
      closers.push(() => started.close());
      return started;
    },
    async rawUpstream(answer, then) {
      const started = await startRawUpstream((socket) => {
        socket.on("data", () => {
          socket.write(answer, "latin1", () => {
            if (then === "end") socket.end();
            if (then === "reset") setTimeout(() => socket.resetAndDestroy(), 20);
          });
        });
      });
      closers.push(() => started.close());
      return started;
    },
    closeAfter: (close) => void closers.push(close),
  };
}
