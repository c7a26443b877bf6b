import type { ResponseRead } from "../framing/http-response.ts";
import type { Timer } from "../lib/clock.ts";
import type { TransportError, UpstreamCall, UpstreamConnection, UpstreamHandler } from "../relay/ports.ts";

/** The connection that a call is sent over, as far as the call needs it. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** Cuts it at once. */
  destroy(): void;
}

/** One request to a provider, from its `dispatch` to the end of its answer. After that its handler hears nothing more. */
export class Call implements UpstreamConnection {
  readonly method: string;
  readonly head: string;
  readonly connectTimeoutMs: number;
  /** Runs while it waits for a connection to become free. */
  waitTimer: Timer | undefined;
  isPaused = false;
  /** Ended, failed or aborted. */
  isOver = false;
  readonly #handler: UpstreamHandler;
  #body: UpstreamCall["body"];
  #connection: Carrier | undefined;

  constructor(call: UpstreamCall, head: string, handler: UpstreamHandler) {
    this.method = call.method;
    this.head = head;
    this.connectTimeoutMs = call.connectTimeoutMs;
    this.#body = call.body;
    this.#handler = handler;
  }

  pause(): void {
    this.isPaused = true;
    this.#connection?.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#connection?.resume();
  }

  abort(): void {
    if (this.isOver) return;
    const connection = this.#connection;
    this.#finish();
    connection?.destroy();
  }

  /** It is being sent. Gives the body away: an answer may stream for an hour, and nothing here is to keep it for as long. */
  begin(connection: Carrier): UpstreamCall["body"] {
    const body = this.#body;
    this.#connection = connection;
    this.#body = undefined;
    this.waitTimer?.clear();
    return body;
  }

  /** What came of its answer; the end is told by `end` or `fail`. */
  take({ head, body }: ResponseRead): void {
    if (head !== undefined && !this.isOver) this.#handler.onHeaders(head.status, head.headers);
    if (body !== undefined && !this.isOver) this.#handler.onData(body);
  }

  end(): void {
    if (this.isOver) return;
    this.#finish();
    this.#handler.onEnd();
  }

  /** Its handler has thrown, which is a bug: it must end this call only, and not leave it without an end. */
  crash(bug: unknown): void {
    this.#finish();
    this.#handler.onError({ kind: "other", sent: true, detail: bug instanceof Error ? bug.name : "UNKNOWN" });
  }

  fail(error: TransportError): void {
    if (this.isOver) return;
    this.#finish();
    this.#handler.onError(error);
  }

  #finish(): void {
    this.isOver = true;
    this.waitTimer?.clear();
    this.#connection = undefined;
    if (this.#body !== undefined && "read" in this.#body) this.#body.drop();
    this.#body = undefined;
  }
}
