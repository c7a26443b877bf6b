import { join } from "node:path";
import { isatty } from "node:tty";
import { runProgram } from "./cli/program.ts";
import type { StartGateway, StopSignal } from "./cli/start.ts";
import type { Input, Outcome, OutcomeName, Terminal } from "./cli/terminal.ts";
import { readTextFile } from "./config/files.ts";
import { systemClock } from "./lib/clock.ts";
import { asObject, asString, parseJson } from "./lib/json.ts";
import { serveWithWorkers } from "./process/primary.ts";
import { serve } from "./process/run.ts";
import { openSinks } from "./process/sinks.ts";

/** The exit codes of every command, and nowhere else. 78 is EX_CONFIG of sysexits.h, 130 what a shell reports for Ctrl-C. */
const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  "config-invalid": 78,
  interrupted: 130,
} as const satisfies Record<OutcomeName, number>;

const MANIFEST_BYTES_MAX = 65_536;

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY,
  errHasColor: process.stderr.isTTY && process.stderr.hasColors(),
};

const input: Input = {
  // Opened only by commands that read: a program that is run for the user has it to itself.
  get stream() {
    return process.stdin;
  },
  isTerminal: isatty(0),
};

const version = readVersion();

/** Runs the command that the command line names, to its exit code. Once per process. */
export async function main(): Promise<void> {
  // A reader that has seen enough (`dragoman schema | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  const outcome = await runProgram(process.argv.slice(2), {
    startGateway,
    clock: systemClock,
    // The system clock counts from the start of the process.
    processStartedAt: 0,
    terminal,
    input,
    fetch,
    onStopSignal,
    version,
    nodeVersion: process.version,
    platform: process.platform,
  });
  end(outcome);
}

const stopSignals: readonly StopSignal[] = ["SIGINT", "SIGTERM"];

function onStopSignal(listener: (signal: StopSignal) => void): () => void {
  for (const signal of stopSignals) process.on(signal, listener);
  return () => {
    for (const signal of stopSignals) process.off(signal, listener);
  };
}

/** One process for everything, or this one for configuration and records and others for traffic. */
const startGateway: StartGateway = async (config) => {
  const { log, server } = config.current();
  const outHasColor = process.stdout.isTTY && process.stdout.hasColors();
  const facts = { outIsTerminal: terminal.outIsTerminal, outHasColor };
  const sink = openSinks(log, facts, (text) => terminal.err(`! ${text}\n`));
  const primary = { config, sink, reportBug };
  const serving =
    server.workers > 1
      ? await serveWithWorkers(primary, version, server.workers, systemClock)
      : { ...(await serve(primary, version)), refresh: () => {} };
  return {
    address: serving.address,
    refresh: serving.refresh,
    close: () => serving.close(config.current().server.drainMs),
  };
};

function reportBug(bug: unknown, requestId: string): void {
  const what = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
  terminal.err(`✕ A bug of the gateway${requestId === "" ? "" : `, in ${requestId}`}: ${what}\n`);
}

function readVersion(): string {
  const manifest = readTextFile(join(import.meta.dirname, "../package.json"), MANIFEST_BYTES_MAX);
  return (manifest.ok ? asString(asObject(parseJson(manifest.value))?.["version"]) : undefined) ?? "unknown";
}

/** A program that was run for the user ends this process as it ended itself. */
function end(of: Outcome): void {
  if (typeof of === "string") {
    process.exitCode = exitCodes[of];
    // Whoever presses Ctrl-C twice does not wait for open connections.
    if (of === "interrupted") process.exit();
  } else if (of.kind === "exited") {
    process.exitCode = of.code;
  } else {
    process.kill(process.pid, of.signal);
  }
}
