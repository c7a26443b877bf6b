import type { Config, ConfigSource } from "../config/config.ts";
import { createGateway, type Gateway } from "../gateway.ts";
import { createHttpServer, type HttpServer } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { systemIds } from "../lib/ids.ts";
import { allowedMethods } from "../operations/table.ts";
import type { RecordSink } from "../record/record.ts";
import { readTarget } from "../relay/request-target.ts";
import { httpTransport } from "../transport/http-transport.ts";

/*
 * What a process that serves takes from the one that owns configuration and records. With one worker both are the same
 * process and this is plain function calls; with several it is messages.
 */
export interface Primary {
  readonly config: ConfigSource;
  readonly sink: RecordSink;
  readonly reportBug: (bug: unknown, requestId: string) => void;
}

export type Serving = {
  readonly address: { readonly host: string; readonly port: number };
  /** Lets running requests finish for at most `graceMs`, tells the rest, and ends. */
  close(graceMs: number): Promise<void>;
};

/** Open connections to one provider: each running stream has one of its own. */
const UPSTREAM_CONNECTIONS_MAX = 4_096;

/** After the grace: how long the last answers may take to be written. */
const FAREWELL_MS = 2_000;

/** Serves traffic in this process. Rejects with the system's error when the address cannot be listened on. */
export async function serve(primary: Primary, version: string): Promise<Serving> {
  const config = primary.config.current();
  const ids = systemIds();
  const gateway = createGateway({
    clock: systemClock,
    random: Math.random,
    ids,
    transport: httpTransport(systemClock, { connectionsMax: UPSTREAM_CONNECTIONS_MAX }),
    sink: primary.sink,
    config: primary.config,
    reportBug: primary.reportBug,
    version,
  });
  const server = createHttpServer(
    {
      clock: systemClock,
      ids,
      cors: { origins: config.server.corsOrigins },
      allowedMethods: (target) => allowedMethods(readTarget(target).pathname),
      onBug: (bug) => primary.reportBug(bug, ""),
    },
    gateway.handle,
  );
  const address = await server.listen(listenOptions(config));
  return { address, close: (graceMs) => close(gateway, server, graceMs) };
}

function listenOptions(config: Config): { readonly host: string; readonly port: number } {
  return { host: config.server.host, port: config.server.port };
}

async function close(gateway: Gateway, server: HttpServer, graceMs: number): Promise<void> {
  const interrupt = setTimeout(() => gateway.interrupt(), graceMs);
  await server.drain(graceMs + FAREWELL_MS);
  clearTimeout(interrupt);
  await gateway.close();
}
