import type { Timer } from "../lib/clock.ts";
import type { Call } from "./call.ts";
import { Connection, type ConnectionOptions, type ConnectionOwner, type Destination } from "./connection.ts";
import { closedError, waitError } from "./transport-error.ts";

export type OriginOptions = ConnectionOptions & { readonly connectionsMax: number; readonly keepAliveMs: number };

/** A provider closes first where both wait for as long. */
const HINT_MARGIN_MS = 1_000;
/** How often idle connections are looked at: no timer of its own is started for each. */
const SWEEP_MS = 500;
const KEEP_ALIVE_MS_MAX = 600_000;
const DEFAULT_PORTS = { "http:": 80, "https:": 443 } as const;

/** The connections to one provider, and the calls that wait for one. */
export class Origin implements ConnectionOwner {
  /** As the `Host` header has it. */
  readonly host: string;
  readonly #options: OriginOptions;
  readonly #destination: Destination;
  readonly #open = new Set<Connection>();
  /** The one that was used last is taken first: the others may then grow old and go. */
  readonly #idle: Connection[] = [];
  readonly #waiting: Call[] = [];
  #sweep: Timer | undefined;
  #isSweeping = false;

  constructor(url: URL, options: OriginOptions) {
    const secure = url.protocol === "https:";
    this.host = url.host;
    this.#options = options;
    this.#destination = {
      secure,
      // An IPv6 address stands in brackets in a URL only.
      hostname: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? DEFAULT_PORTS[secure ? "https:" : "http:"] : Number(url.port),
      session: undefined,
    };
  }

  /** Sends a call over a connection that is free, opens one for it, or lets it wait for one. */
  start(call: Call): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) connection.send(call);
    else if (this.#open.size < this.#options.connectionsMax) this.#connect(call);
    else this.#wait(call);
  }

  onFree(connection: Connection): void {
    const next = this.#nextWaiting();
    if (next !== undefined) {
      connection.send(next);
      return;
    }
    const keptMs = keptFor(connection.keepAliveHintMs, this.#options.keepAliveMs);
    if (keptMs <= 0) {
      connection.destroy();
      return;
    }
    connection.idleUntil = this.#options.clock.now() + keptMs;
    this.#idle.push(connection);
    this.#sweepLater();
  }

  onGone(connection: Connection): void {
    this.#open.delete(connection);
    const place = this.#idle.indexOf(connection);
    if (place >= 0) this.#idle.splice(place, 1);
    const next = this.#nextWaiting();
    if (next !== undefined) this.#connect(next);
  }

  /** Ends what runs and what waits. */
  close(): void {
    this.#sweep?.clear();
    for (const call of this.#waiting.splice(0)) call.fail({ ...closedError, sent: false });
    for (const connection of this.#open) connection.destroy(closedError);
  }

  #connect(call: Call): void {
    this.#open.add(new Connection(this.#destination, this, call, this.#options));
  }

  #wait(call: Call): void {
    this.#waiting.push(call);
    call.waitTimer = this.#options.clock.setTimer(() => {
      const place = this.#waiting.indexOf(call);
      if (place >= 0) this.#waiting.splice(place, 1);
      call.fail(waitError("POOL_EXHAUSTED"));
    }, call.connectTimeoutMs);
  }

  /** Those that were aborted while they waited are passed over. */
  #nextWaiting(): Call | undefined {
    let call = this.#waiting.shift();
    while (call?.isOver === true) call = this.#waiting.shift();
    return call;
  }

  #sweepLater(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#sweep ??= this.#options.clock.setTimer(() => this.#closeOld(), SWEEP_MS);
    this.#sweep.refresh();
  }

  #closeOld(): void {
    this.#isSweeping = false;
    const now = this.#options.clock.now();
    for (const connection of this.#idle.filter(({ idleUntil }) => idleUntil <= now)) connection.destroy();
    if (this.#idle.length > 0) this.#sweepLater();
  }
}

function keptFor(hintMs: number | undefined, usualMs: number): number {
  return hintMs === undefined ? usualMs : Math.min(hintMs - HINT_MARGIN_MS, KEEP_ALIVE_MS_MAX);
}
