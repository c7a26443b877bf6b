import type { Config, ConfigSource } from "../config/config.ts";
import type { Loader } from "../config/load.ts";
import { formatProblemLine, formatProblems } from "../config/problems.ts";
import { watchConfig, type Reload } from "../config/watch.ts";
import type { Clock } from "../lib/clock.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { firstRunLine, firstRunScreen } from "./first-run.ts";
import type { Fetch } from "./gateway-client.ts";
import { findLocalServers } from "./local-servers.ts";
import type { Outcome, Terminal } from "./terminal.ts";

/** A gateway that listens. */
export type RunningGateway = {
  /** The address it got: the port is the real one also where 0 was asked for. */
  readonly address: { readonly host: string; readonly port: number };
  /** The configuration has changed: tells whoever serves elsewhere. */
  refresh(): void;
  /** Lets running requests finish, for `drainMs` at most. Resolves when the last connection is gone. */
  close(): Promise<void>;
};

/** Starts serving. Rejects with the system's error when the address cannot be listened on. */
export type StartGateway = (source: ConfigSource) => Promise<RunningGateway>;

export type StopSignal = "SIGINT" | "SIGTERM";

export type StartDeps = {
  readonly startGateway: StartGateway;
  readonly clock: Clock;
  /** When the process began, as `clock.now()` counts. */
  readonly processStartedAt: number;
  readonly terminal: Terminal;
  /** Asks for model servers on this machine. */
  readonly fetch: Fetch;
  /** Calls `listener` at every signal that asks the process to stop; the answer stops listening for them. */
  readonly onStopSignal: (listener: (signal: StopSignal) => void) => () => void;
  readonly version: string;
  readonly nodeVersion: string;
  readonly platform: string;
};

/** `dragoman start`: loads, listens, says so, serves until it is told to stop. */
export async function start(loader: Loader, deps: StartDeps): Promise<Outcome> {
  const { terminal, clock } = deps;
  // A file says itself which providers there are.
  const localServers = loader.file === undefined ? await findLocalServers(deps.fetch) : {};
  const load = (): ReturnType<Loader["load"]> => loader.load(localServers);
  const loaded = load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.error, { color: terminal.errHasColor }));
    return "config-invalid";
  }
  const config = loaded.value;
  const serving: { gateway?: RunningGateway } = {};
  const watched = watchConfig({
    initial: config,
    load,
    clock,
    onReload: (reload) => {
      terminal.err(reloadText(reload));
      if (reload.kind === "applied") serving.gateway?.refresh();
    },
  });
  const listening = await listen(deps.startGateway, watched);
  if (!listening.ok) {
    watched.close();
    terminal.err(listenFailureText(listening.error, config, deps.platform));
    return "failed";
  }
  const running = listening.value;
  serving.gateway = running;
  // Whoever reads that it has started may tell it to stop.
  const stopped = untilStopped(running, deps);
  greet(config, running, clock.now() - deps.processStartedAt, loader, deps);
  const outcome = await stopped;
  watched.close();
  return outcome;
}

function greet(config: Config, running: RunningGateway, startedInMs: number, loader: Loader, deps: StartDeps): void {
  const { terminal, version, nodeVersion, clock } = deps;
  const { address } = running;
  const facts = { config, address, environment: loader.environment, version, nodeVersion, startedInMs };
  const asText = config.log.format === "text" || (config.log.format !== "json" && terminal.outIsTerminal);
  if (asText) terminal.err(firstRunScreen(facts, { color: terminal.errHasColor }));
  else terminal.out(firstRunLine(facts, clock.wall()));
}

/** The first signal lets requests finish; a second one, from somebody who will not wait, does not. */
function untilStopped(running: RunningGateway, deps: StartDeps): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let isStopping = false;
    const stopListening = deps.onStopSignal((signal) => {
      if (isStopping) {
        stopListening();
        resolve("interrupted");
        return;
      }
      isStopping = true;
      const hint = signal === "SIGINT" ? " Ctrl-C again stops at once." : "";
      deps.terminal.err(`Stopping: running requests may finish.${hint}\n`);
      running.close().then(() => {
        stopListening();
        resolve("ok");
      }, reject);
    });
  });
}

/** Codes of the system for an address that cannot be listened on; everything else is a bug and goes on as one. */
const listenCodes = ["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND", "EAFNOSUPPORT"] as const;
type ListenCode = (typeof listenCodes)[number];

async function listen(startGateway: StartGateway, source: ConfigSource): Promise<Result<RunningGateway, ListenCode>> {
  try {
    return ok(await startGateway(source));
  } catch (error) {
    const code = listenCodes.find((known) => error instanceof Error && "code" in error && error.code === known);
    if (code === undefined) throw error;
    return fail(code);
  }
}

function listenFailureText(code: ListenCode, config: Config, platform: string): string {
  const { host, port } = config.server;
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  switch (code) {
    case "EADDRINUSE": {
      const find = platform === "win32" ? `netstat -ano | findstr :${port}` : `lsof -nP -i :${port} -s TCP:LISTEN`;
      const next = port < 65_535 ? port + 1 : port - 1;
      return [
        `✕ Something else is listening on ${address} already, perhaps another dragoman.`,
        `  who   ${find}`,
        `  fix   stop it, or take another port: dragoman --port ${next}`,
        "",
      ].join("\n");
    }
    case "EACCES":
      return `✕ The system does not let this user listen on ${address}.\n  fix   take a port above 1023: dragoman --port 4000\n`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAFNOSUPPORT":
      return `✕ This machine has no address ${host}.\n  fix   listen on one that it has: dragoman --host 127.0.0.1\n`;
    default:
      return code satisfies never;
  }
}

function reloadText(reload: Reload): string {
  switch (reload.kind) {
    case "unchanged":
      return "";
    case "applied": {
      const lines = [
        `Configuration reloaded (${reload.config.version}).`,
        ...reload.config.warnings.map((warning) => `! ${warning}`),
      ];
      return `${lines.join("\n")}\n`;
    }
    case "refused": {
      const lines = reload.problems.map((problem) => `✕ ${formatProblemLine(problem)}`);
      return `${lines.join("\n")}\nThe configuration was not reloaded; the running one is kept.\n`;
    }
    case "unwatched":
      return `! The configuration file can no longer be watched (${reload.detail}); send SIGHUP after a change.\n`;
    default:
      return reload satisfies never;
  }
}
