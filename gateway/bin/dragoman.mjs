#!/usr/bin/env node
import { enableCompileCache, flushCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

/** By then everything is loaded. */
const LOADED_MS = 3_000;

// In JavaScript, and before anything else is loaded: the sources are stripped of their types and compiled once per version,
// not at every start. That halves the time to listen and spares some 20 MB, because the type stripper is never loaded. Where
// the folder cannot be written nothing is cached.
enableCompileCache(join(homedir(), ".cache", "dragoman", "compiled"));
// Not only at its end, which a gateway that is killed does not live to see.
setTimeout(() => flushCompileCache(), LOADED_MS).unref();

// What survives a collection of young objects is a few hundred kilobytes here. Waking other threads to share them out takes longer
// than collecting them, and up to a twentieth of the CPU of a busy gateway.
setFlagsFromString("--no-parallel-scavenge");
await import("../src/main.ts");
