import { enableCompileCache, flushCompileCache, getCompileCacheDir } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

/*
 * What has to be settled before any source is loaded, hence in JavaScript: the sources are stripped of their types and compiled
 * once per version, not at every start. That halves the time to listen, and the type stripper, some 20 MB, is never loaded.
 * Where the folder cannot be written nothing is cached.
 */
enableCompileCache(join(homedir(), ".cache", "dragoman", "compiled"));

// What survives a collection of young objects is a few hundred kilobytes here. Waking other threads to share them out takes longer
// than collecting them, and up to a twentieth of the CPU of a busy gateway.
setFlagsFromString("--no-parallel-scavenge");

const RESTARTED = "DRAGOMAN_RESTARTED";
const isRestarted = process.env[RESTARTED] !== undefined;
delete process.env[RESTARTED];

/**
 * Writes what was compiled. Where that was anything, a fresh process takes the place of this one, with its id and its streams,
 * because a type stripper cannot be unloaded: once at most, and before anything has been done. Windows knows no such thing.
 */
export function restartIfCompiled() {
  const isCompiled = process.moduleLoadList.some((name) => name.endsWith("internal/deps/amaro/dist/index"));
  if (!isCompiled || getCompileCacheDir() === undefined) return;
  flushCompileCache();
  if (isRestarted || process.execve === undefined || process.platform === "win32") return;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    [RESTARTED]: "1",
  });
}
