import { failure } from "./canonical/failure.ts";
import type { Config, ConfigSource } from "./config/config.ts";
import { demoTransport, withDemo } from "./demo/transport.ts";
import { handle, type HandlerDeps } from "./exchange.ts";
import type { Clock } from "./lib/clock.ts";
import type { Ids } from "./lib/ids.ts";
import { configKeyStore, type KeyStore } from "./limits/keys.ts";
import { Registry } from "./lib/registry.ts";
import type { RecordSink } from "./record/record.ts";
import { accessTokens } from "./relay/access-tokens.ts";
import { abortExchange, type Exchange } from "./relay/exchange-state.ts";
import type { InboundRequest, Reply, Transport } from "./relay/ports.ts";
import { createWatchdogs } from "./relay/watchdog.ts";

/** Everything the gateway takes from the world. Tests pass a fake clock, a scripted transport and a sink that collects. */
export type GatewayDeps = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly ids: Ids;
  readonly transport: Transport;
  readonly sink: RecordSink;
  readonly config: ConfigSource;
  /** Who knows the gateway keys; by default the configuration does. */
  readonly keys?: (config: Config) => KeyStore;
  readonly reportBug: (bug: unknown, requestId: string) => void;
  readonly version: string;
};

export interface Gateway {
  /** Takes one request to its end. Never throws, never rejects. */
  handle(request: InboundRequest, reply: Reply): void;
  /** Requests that have not ended. */
  readonly running: number;
  /** Tells every running request in its own format that the process is going. */
  interrupt(): void;
  /** Closes connections to providers and writes out the records. */
  close(): Promise<void>;
}

export function createGateway(deps: GatewayDeps): Gateway {
  const live = new Registry<Exchange>();
  const transport = withDemo(deps.transport, demoTransport(deps.clock));
  const watchdogs = createWatchdogs(deps.clock);
  const tokens = accessTokens(transport, deps.clock);
  const handlerDeps: HandlerDeps = { ...deps, transport, live, watchdogs, tokens, keys: deps.keys ?? keysOfSnapshot() };
  return {
    handle(request, reply) {
      void handle(handlerDeps, request, reply);
    },
    get running() {
      return live.size;
    },
    interrupt() {
      const reason = failure("gateway_shutting_down", "The gateway is shutting down. Send the request again.");
      for (const exchange of live.all()) abortExchange(exchange, reason);
    },
    async close() {
      await transport.close();
      await deps.sink.flush();
    },
  };
}

/** The store of a snapshot's keys, made once per snapshot. */
function keysOfSnapshot(): (config: Config) => KeyStore {
  const stores = new WeakMap<Config, KeyStore>();
  return (config) => {
    let store = stores.get(config);
    if (store === undefined) {
      store = configKeyStore(config);
      stores.set(config, store);
    }
    return store;
  };
}
