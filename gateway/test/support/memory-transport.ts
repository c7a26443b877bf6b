import type { Clock, Timer } from "../../src/lib/clock.ts";
import type {
  ByteSupply,
  Headers,
  Transport,
  TransportError,
  UpstreamCall,
  UpstreamConnection,
  UpstreamHandler,
} from "../../src/relay/ports.ts";

/** One thing that a scripted provider does. A script without `end` or `error` stalls after its last step. */
export type Step =
  | { readonly headers: Headers; readonly status?: number }
  | { readonly data: Uint8Array | string }
  /** Waits on the clock. */
  | { readonly waitMs: number }
  /** Waits until the test says so. */
  | { readonly until: Promise<unknown> }
  | { readonly end: true }
  | { readonly error: Partial<TransportError> }
  /** Nothing more, ever. */
  | { readonly stall: true };

/** A call as the provider saw it, and what the gateway did with it. */
export type RecordedCall = UpstreamCall & {
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; `undefined` when it is none. */
  readonly json: unknown;
  /** Live: these change while the call runs. */
  readonly state: { aborted: boolean; paused: boolean; finished: boolean; pauses: number };
};

export type MemoryTransport = Transport & { readonly calls: RecordedCall[] };

export type Script = (call: RecordedCall, index: number) => readonly Step[];

/**
 * A Transport without sockets. Nothing happens inside `dispatch`; then steps run one after another without a pause except
 * `waitMs`, `until` and the handler's own `pause()`, as when one read of a socket holds everything.
 */
export function memoryTransport(clock: Clock, script: Script): MemoryTransport {
  const calls: RecordedCall[] = [];
  const play = (call: UpstreamCall, body: readonly Uint8Array[], handler: UpstreamHandler): Player => {
    const recorded = record(call, body);
    return new Player(clock, script(recorded, calls.push(recorded) - 1), handler, recorded.state);
  };
  return {
    calls,
    dispatch(call, handler) {
      if (call.body !== undefined && "read" in call.body) return supplied(call, call.body, handler, play);
      const player = play(call, call.body ?? [], handler);
      queueMicrotask(() => player.run());
      return player;
    },
    close: () => Promise.resolve(),
  };
}

/** `status: 200` and a JSON body, as most plain answers are. */
export function jsonAnswer(body: unknown, status = 200): Step[] {
  return [{ headers: { "content-type": "application/json" }, status }, { data: JSON.stringify(body) }, { end: true }];
}

/** How every event stream begins. */
export const sseHead: Step = { headers: { "content-type": "text/event-stream" } };

/** An event stream that has begun with the given pieces. */
export function sseStart(...pieces: string[]): Step[] {
  return [sseHead, ...pieces.map((data) => ({ data }))];
}

/** An event stream in the given pieces, cleanly ended. */
export function sseAnswer(pieces: readonly string[]): Step[] {
  return [...sseStart(...pieces), { end: true }];
}

/** Whoever calls gets an event stream of these steps. */
export function sseScript(...steps: Step[]): Script {
  return () => [sseHead, ...steps];
}

/** The same, with a text that the client has been sent before anything else comes. */
export function committedScript(text: string, ...rest: Step[]): Script {
  return sseScript({ data: text }, { waitMs: 10 }, ...rest);
}

/** An event that is named by its type, as in the streams of the Responses and of the Messages API. */
export function typedEvent(type: string, more: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;
}

/**
 * A call whose body is still coming: the script begins when it has come whole. One that breaks off is no call, as the
 * provider never gets its end.
 */
function supplied(
  call: UpstreamCall,
  supply: ByteSupply,
  handler: UpstreamHandler,
  play: (call: UpstreamCall, body: readonly Uint8Array[], handler: UpstreamHandler) => Player,
): UpstreamConnection {
  const running: { player: Player | undefined; aborted: boolean } = { player: undefined, aborted: false };
  const send = async (): Promise<void> => {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const piece = await supply.read();
      if (running.aborted) return;
      if (!piece.ok) return handler.onError({ kind: "other", sent: true, detail: "the body broke off" });
      if (piece.value === undefined) break;
      pieces.push(piece.value);
    }
    running.player = play(call, pieces, handler);
    running.player.run();
  };
  void send();
  return {
    pause: () => running.player?.pause(),
    resume: () => running.player?.resume(),
    abort() {
      running.aborted = true;
      supply.drop();
      running.player?.abort();
    },
  };
}

function record(call: UpstreamCall, body: readonly Uint8Array[]): RecordedCall {
  const bytes = Buffer.concat(body);
  const text = bytes.toString("utf8");
  return {
    ...call,
    bytes,
    text,
    json: parsed(text),
    state: { aborted: false, paused: false, finished: false, pauses: 0 },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : Buffer.from(data);
}

class Player {
  readonly #clock: Clock;
  readonly #steps: readonly Step[];
  readonly #handler: UpstreamHandler;
  readonly #state: RecordedCall["state"];
  #next = 0;
  #waiting = false;
  #running = false;
  #timer: Timer | undefined;

  constructor(clock: Clock, steps: readonly Step[], handler: UpstreamHandler, state: RecordedCall["state"]) {
    this.#clock = clock;
    this.#steps = steps;
    this.#handler = handler;
    this.#state = state;
  }

  run(): void {
    // A handler that resumes from inside a callback must not start a second loop.
    if (this.#running) return;
    this.#running = true;
    while (!this.#held()) {
      const step = this.#steps[this.#next];
      if (step === undefined) break;
      this.#next += 1;
      this.#play(step);
    }
    this.#running = false;
  }

  pause(): void {
    if (!this.#state.paused) this.#state.pauses += 1;
    this.#state.paused = true;
  }

  resume(): void {
    if (!this.#state.paused) return;
    this.#state.paused = false;
    queueMicrotask(() => this.run());
  }

  abort(): void {
    if (this.#state.finished) return;
    this.#state.aborted = true;
    this.#timer?.clear();
  }

  #held(): boolean {
    return this.#waiting || this.#state.paused || this.#state.aborted || this.#state.finished;
  }

  #play(step: Step): void {
    if ("headers" in step) return this.#handler.onHeaders(step.status ?? 200, step.headers);
    if ("data" in step) return this.#handler.onData(bytesOf(step.data));
    if ("waitMs" in step) return this.#wait(step.waitMs);
    if ("until" in step) return this.#hold(step.until);
    if ("stall" in step) {
      this.#waiting = true;
      return;
    }
    this.#state.finished = true;
    if ("end" in step) this.#handler.onEnd();
    else this.#handler.onError({ kind: "other", sent: true, detail: "scripted", ...step.error });
  }

  #wait(delayMs: number): void {
    this.#waiting = true;
    this.#timer = this.#clock.setTimer(() => this.#continue(), delayMs);
  }

  #hold(until: Promise<unknown>): void {
    this.#waiting = true;
    until.then(
      () => this.#continue(),
      () => this.#continue(),
    );
  }

  #continue(): void {
    this.#waiting = false;
    this.run();
  }
}
