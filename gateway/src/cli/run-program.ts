import { spawn, type ChildProcess } from "node:child_process";
import { fail, ok, type Result } from "../lib/result.ts";
import type { ProgramEnd } from "./terminal.ts";

const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"] as const satisfies readonly NodeJS.Signals[];

export type ProgramOptions = {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether a person sits at the terminal: Ctrl-C reaches the program from there. */
  readonly inIsTerminal: boolean;
};

/**
 * Runs a program on this process's own standard input and output until it ends; signals go on to it. Fails with the
 * system's code when it cannot be started: "ENOENT" is a program that is not in PATH.
 */
export function runProgramToEnd(program: string, options: ProgramOptions): Promise<Result<ProgramEnd, string>> {
  return new Promise((resolve) => {
    const child = spawn(program, options.args, { stdio: "inherit", env: options.environment });
    const stopForwarding = forwardSignals(child, options.inIsTerminal);
    child.once("error", (error: NodeJS.ErrnoException) => {
      stopForwarding();
      resolve(fail(error.code ?? error.message));
    });
    child.once("exit", (code, signal) => {
      stopForwarding();
      resolve(ok(signal === null ? { kind: "exited", code: code ?? 1 } : { kind: "killed", signal }));
    });
  });
}

/** Listening also keeps this process alive at Ctrl-C: the program decides what that means. */
function forwardSignals(child: ChildProcess, inIsTerminal: boolean): () => void {
  const forward = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !inIsTerminal) child.kill(signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  return () => {
    for (const signal of forwarded) process.off(signal, forward);
  };
}
