#!/usr/bin/env node
import { randomBytes } from "node:crypto";
import manifest from "../package.json" with { type: "json" };
import { runProgram } from "./cli/program.ts";
import type { StartGateway, StopSignal } from "./cli/start.ts";
import type { Outcome, Terminal } from "./cli/terminal.ts";
import { systemClock } from "./lib/clock.ts";
import { serve } from "./process/run.ts";
import { openSinks } from "./process/sinks.ts";

/** The exit codes of every command, and nowhere else. 78 is EX_CONFIG of sysexits.h, 130 what a shell reports for Ctrl-C. */
const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  "config-invalid": 78,
  interrupted: 130,
} as const satisfies Record<Outcome, number>;

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY,
  errHasColor: process.stderr.isTTY && process.stderr.hasColors(),
};

// A reader that has seen enough (`dragoman schema | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const stopSignals: readonly StopSignal[] = ["SIGINT", "SIGTERM"];

function onStopSignal(listener: (signal: StopSignal) => void): () => void {
  for (const signal of stopSignals) process.on(signal, listener);
  return () => {
    for (const signal of stopSignals) process.off(signal, listener);
  };
}

/** A bug of ours: the client was told so with the request id, and this is where the id leads. */
function reportBug(bug: unknown, requestId: string): void {
  const what = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
  terminal.err(`✕ internal error ${requestId}\n${what}\n`);
}

const startGateway: StartGateway = async (source) => {
  const outHasColor = terminal.outIsTerminal && process.stdout.hasColors();
  const sink = openSinks(source.current().log, { outIsTerminal: terminal.outIsTerminal, outHasColor });
  const serving = await serve({ config: source, sink, reportBug }, manifest.version);
  return { address: serving.address, close: () => serving.close(source.current().server.drainMs) };
};

const outcome = await runProgram(process.argv.slice(2), {
  startGateway,
  clock: systemClock,
  terminal,
  onStopSignal,
  randomBytes,
  version: manifest.version,
  nodeVersion: process.version,
  platform: process.platform,
});
process.exitCode = exitCodes[outcome];
// Whoever presses Ctrl-C twice does not wait for open connections.
if (outcome === "interrupted") process.exit();
