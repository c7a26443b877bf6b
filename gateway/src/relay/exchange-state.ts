import { failure, type Failure } from "../canonical/failure.ts";
import type { Usage } from "../canonical/usage.ts";
import type { Config } from "../config/config.ts";
import type { ClientContext, ClientDialect } from "../dialects/dialect.ts";
import type { Clock } from "../lib/clock.ts";
import { isoTime } from "../lib/iso-time.ts";
import type { Registry } from "../lib/registry.ts";
import type { Ids } from "../lib/ids.ts";
import { isProbe, type Operation } from "../operations/table.ts";
import { openObservation, type Observation } from "../record/observe.ts";
import type { AttemptRecord, ExchangeEnd, ExchangeRecord, RecordSink } from "../record/record.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { Headers, InboundRequest, Reply, Transport } from "./ports.ts";
import type { CallHandle } from "./upstream-call.ts";
import type { Watchdog, Watchdogs } from "./watchdog.ts";

/** What an exchange needs of the world. */
export type ExchangeDeps = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ids: Ids;
  readonly transport: Transport;
  readonly sink: RecordSink;
  readonly watchdogs: Watchdogs;
  readonly tokens: AccessTokens;
  /** Exchanges that have not ended, for a process that wants to stop. */
  readonly live: Registry<Exchange>;
  /** Told of what should not have been possible; the client only learns that it was our fault. */
  readonly reportBug: (bug: unknown, requestId: string) => void;
  /** The product's own version. */
  readonly version: string;
};

/** One request while it lasts: what is known so far. Owned by `handle`; settled exactly once. */
export type Exchange = {
  /** Its place among the running ones. */
  slot: number;
  readonly deps: ExchangeDeps;
  /** The snapshot it started with; a reload does not touch running requests. */
  readonly config: Config;
  readonly requestId: string;
  readonly startedAt: number;
  readonly startedWall: number;
  readonly request: InboundRequest;
  readonly reply: Reply;
  readonly watchdog: Watchdog;
  /** What a client leaving ends; replaced by whoever is waiting. */
  readonly handle: CallHandle;
  readonly observation: Observation;
  readonly attempts: AttemptRecord[];
  operation: Operation | undefined;
  dialect: ClientDialect | undefined;
  client: ClientContext | undefined;
  agent: ClientContext["agent"];
  keyId: string | undefined;
  project: string | undefined;
  session: string | undefined;
  /** A loss in translation refuses the request: the configuration or the key says so. */
  strict: boolean;
  model: string;
  provider: string | undefined;
  upstreamModel: string | undefined;
  /** What of the failing provider's headers the client gets with the error. */
  failureHeaders: Headers;
  requestBytes: number;
  /** Why it has to stop, if it has to. */
  abortedBy: Failure | undefined;
  settled: boolean;
};

/** The client's side of a conversation: how to read what it sent and how to answer it. */
export type Conversation = {
  readonly dialect: ClientDialect;
  readonly client: ClientContext;
  /** A loss in translation refuses the request. */
  readonly strict: boolean;
  /** How long the client said it waits for an answer, if it did. */
  readonly patienceMs: number | undefined;
};

export function openExchange(deps: ExchangeDeps, config: Config, request: InboundRequest, reply: Reply): Exchange {
  const exchange: Exchange = {
    slot: -1,
    deps,
    config,
    requestId: deps.ids.requestId(),
    startedAt: deps.clock.now(),
    startedWall: deps.clock.wall(),
    request,
    reply,
    watchdog: deps.watchdogs.open(),
    handle: { abort: () => {} },
    observation: openObservation(),
    attempts: [],
    operation: undefined,
    dialect: undefined,
    client: undefined,
    agent: "other",
    keyId: undefined,
    project: undefined,
    session: undefined,
    strict: config.translation.strict,
    model: "",
    provider: undefined,
    upstreamModel: undefined,
    failureHeaders: {},
    requestBytes: 0,
    abortedBy: undefined,
    settled: false,
  };
  reply.onClose(() => abortExchange(exchange, failure("client_closed", "The client closed the connection.")));
  return exchange;
}

/** Ends an exchange from outside: nobody is there to read the answer, or the process cannot wait for it. */
export function abortExchange(exchange: Exchange, reason: Failure): void {
  exchange.abortedBy ??= reason;
  exchange.handle.abort(exchange.abortedBy);
}

/** Milliseconds since the exchange began. Whoever writes them down decides how many digits are worth it. */
export function elapsedMs(exchange: Exchange): number {
  return exchange.deps.clock.now() - exchange.startedAt;
}

export type Settlement = {
  readonly status: number;
  readonly end: ExchangeEnd;
  readonly failure: Failure | undefined;
  readonly bytes: number;
  readonly firstByteMs: number | undefined;
  readonly unreadableFrames: number;
};

/** Ends an exchange: exactly one record, whatever happened. Of a probe there is none: it would fill the log and tell nothing. */
export function settle(exchange: Exchange, settlement: Settlement): void {
  if (exchange.settled) throw new Error(`exchange ${exchange.requestId} is settled twice`);
  exchange.settled = true;
  exchange.watchdog.stop();
  if (exchange.operation !== undefined && isProbe(exchange.operation)) return;
  exchange.deps.sink.write(toRecord(exchange, settlement));
}

function toRecord(exchange: Exchange, settlement: Settlement): ExchangeRecord {
  const { observation, operation } = exchange;
  const told = settlement.failure;
  return {
    requestId: exchange.requestId,
    startedAt: isoTime(exchange.startedWall),
    operation: operation?.id ?? "unknown",
    dialect: exchange.dialect?.id,
    agent: exchange.agent,
    keyId: exchange.keyId,
    project: exchange.project,
    session: exchange.session,
    model: exchange.model,
    provider: exchange.provider,
    upstreamModel: exchange.upstreamModel,
    stream: exchange.client?.head.stream ?? false,
    status: settlement.status,
    end: settlement.end,
    firstByteMs: settlement.firstByteMs,
    firstTokenMs: observation.firstTokenMs,
    totalMs: elapsedMs(exchange),
    attempts: exchange.attempts,
    usage: withoutRaw(observation.usage),
    finish: observation.finish,
    toolCalls: observation.toolCalls,
    losses: observation.losses,
    requestBytes: exchange.requestBytes,
    responseBytes: settlement.bytes,
    unreadableFrames: settlement.unreadableFrames,
    failure: told === undefined ? undefined : { class: told.class, code: told.code, message: told.message },
  };
}

/** The counters; the provider's own object has served its purpose. */
function withoutRaw(usage: Usage | undefined): Usage | undefined {
  if (usage?.raw === undefined) return usage;
  const { raw: _raw, ...counters } = usage;
  return counters;
}
