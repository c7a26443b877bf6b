import { realpathSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock, Timer } from "../lib/clock.ts";
import { ok, type Result } from "../lib/result.ts";
import { isExposed, readDemo } from "./build.ts";
import type { Config, ConfigSource } from "./config.ts";
import type { ConfigProblem } from "./problems.ts";

/** Editors and deployments write in several steps; this long without one counts as done. */
const QUIET_MS = 100;
/** A file that is written all the time is read this often all the same. */
const WAIT_MS_MAX = 1_000;

/** What became of a reload. */
export type Reload =
  | { readonly kind: "unchanged" }
  /** The new snapshot is in use, except for `restart`: settings that only a restart can change. */
  | { readonly kind: "applied"; readonly config: Config; readonly restart: readonly string[] }
  /** The file is broken: everything goes on as it was. */
  | { readonly kind: "refused"; readonly problems: readonly ConfigProblem[] }
  /** The folder can no longer be watched; SIGHUP still works. */
  | { readonly kind: "unwatched"; readonly detail: string };

export type WatchOptions = {
  readonly initial: Config;
  readonly load: () => Result<Config, readonly ConfigProblem[]>;
  readonly clock: Clock;
  /** Called after every reload that was asked for, by the file system or by SIGHUP. */
  readonly onReload: (reload: Reload) => void;
};

/** The current snapshot, swapped as a whole; requests keep the one they started with. */
export interface WatchedConfig extends ConfigSource {
  reload(): Reload;
  close(): void;
}

type WatchState = {
  config: Config;
  watchers: FSWatcher[];
  timer: Timer | undefined;
  /** Clock time of the first event that has not been answered yet. */
  firstEventAt: number | undefined;
  isClosed: boolean;
};

/**
 * Watches the file's folder and SIGHUP. The folder, because a watch on the file itself goes deaf with the first atomic rename
 * and sees nothing of the `..data` link that Kubernetes swaps.
 */
export function watchConfig(options: WatchOptions): WatchedConfig {
  const { clock, onReload } = options;
  const state: WatchState = {
    config: options.initial,
    watchers: [],
    timer: undefined,
    firstEventAt: undefined,
    isClosed: false,
  };
  const reload = (): Reload => {
    const loaded = options.load();
    const outcome = loaded.ok
      ? adopt(state.config, loaded.value)
      : { kind: "refused" as const, problems: loaded.error };
    if (outcome.kind === "applied") state.config = outcome.config;
    return outcome;
  };
  const answer = () => {
    state.firstEventAt = undefined;
    if (!state.isClosed) onReload(reload());
  };
  const onEvent = () => {
    state.firstEventAt ??= clock.now();
    state.timer ??= clock.setTimer(answer, QUIET_MS);
    if (clock.now() - state.firstEventAt < WAIT_MS_MAX) state.timer.refresh();
  };
  const onError = (error: Error) => onReload({ kind: "unwatched", detail: error.message });
  state.watchers = openWatchers(options.initial.file, onEvent, onError);
  process.on("SIGHUP", answer);
  return {
    current: () => state.config,
    reload,
    close() {
      state.isClosed = true;
      state.timer?.clear();
      for (const watcher of state.watchers) watcher.close();
      process.off("SIGHUP", answer);
    },
  };
}

/** Decides what of a new configuration can be used by the running process. */
function adopt(current: Config, next: Config): Reload {
  if (next.version === current.version) return { kind: "unchanged" };
  const { host, port, workers, corsOrigins } = current.server;
  const server = { ...next.server, host, port, workers, corsOrigins };
  // The file may be right for the address that it names while this process still listens on another one.
  if (isExposed(server, next.keys.length > 0)) {
    const message = `the last gateway key is gone, but this process listens on ${host} until it is restarted`;
    const place = { kind: "environment", name: next.file ?? "environment" } as const;
    const suggestion = "restart, keep a key, or set server.allow_anonymous";
    return { kind: "refused", problems: [{ message, path: "keys", place, suggestion }] };
  }
  const restart = restartNotes(current, next);
  const demo = readDemo(next.demo.enabled, next.providers, server);
  const warnings = [...next.warnings, ...restart];
  const config = Object.freeze({
    ...next,
    server: Object.freeze(server),
    log: current.log,
    demo: Object.freeze(demo),
    warnings,
  });
  return { kind: "applied", config, restart };
}

/** Settings that are read once, when the process begins to listen, as the file writes them. */
const startSettings: readonly { readonly name: string; readonly of: (config: Config) => string | number }[] = [
  { name: "server.host", of: ({ server }) => server.host },
  { name: "server.port", of: ({ server }) => server.port },
  { name: "server.workers", of: ({ server }) => server.workers },
  { name: "server.cors_origins", of: ({ server }) => JSON.stringify(server.corsOrigins) },
  { name: "log.format", of: ({ log }) => log.format },
  { name: "log.file", of: ({ log }) => log.file ?? "none" },
];

function restartNotes(current: Config, next: Config): readonly string[] {
  const changed = startSettings.filter(({ of }) => of(next) !== of(current));
  return changed.map(({ name, of }) => `${name} changes from ${of(current)} to ${of(next)} with the next restart`);
}

/** The folder of the file, and the folder it really lies in when it is a link. */
function openWatchers(file: string | undefined, onEvent: () => void, onError: (error: Error) => void): FSWatcher[] {
  if (file === undefined) return [];
  const target = realPath(file);
  const files = target.ok && target.value !== file ? [file, target.value] : [file];
  const byFolder = Map.groupBy(files, (path) => dirname(path));
  return [...byFolder].flatMap(([folder, paths]) => {
    const names = new Set([...paths.map((path) => basename(path)), "..data"]);
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        // Other files of the folder do not count: the gateway's own log may be one of them.
        if (name === null || names.has(name)) onEvent();
      });
      watcher.on("error", onError);
      return [watcher];
    } catch (error) {
      // Too many watches on the machine, for example. Not worth a refusal to start: SIGHUP does the same.
      onError(error instanceof Error ? error : new Error(String(error)));
      return [];
    }
  });
}

function realPath(file: string): Result<string, undefined> {
  try {
    return ok(realpathSync(file));
  } catch {
    return { ok: false, error: undefined };
  }
}
