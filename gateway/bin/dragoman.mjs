#!/usr/bin/env node
import { restartIfCompiled } from "./runtime.mjs";

const { main } = await import("../src/main.ts");
// Of the same program in other processes: compiled along with the rest, so that they need no type stripper either.
await import("../src/process/run-worker.ts");
restartIfCompiled();
await main();
