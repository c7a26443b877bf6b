import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/*
 * Processes of the benchmark. What is measured runs alone on core 0; upstream and load generator share core 1, so that
 * neither takes time from it. Without taskset or a second core everything floats and the figures say less.
 */
export const SUBJECT_CORE = 0;
export const HELPER_CORE = 1;
export const isPinned = availableParallelism() >= 2 && spawnSync("taskset", ["-V"], { stdio: "ignore" }).status === 0;

const STOP_GRACE_MS = 5000;

export type Command = {
  readonly command: readonly string[];
  readonly core: number;
  readonly env?: Readonly<Record<string, string>>;
  /** `ipc`: the child speaks with us; a file descriptor: its output goes there. */
  readonly output: "ipc" | number;
  /** Without its standard error. */
  readonly quiet?: boolean;
};

export function startProcess({ command, core, env, output, quiet = false }: Command): ChildProcess {
  const [file = "", ...args] = isPinned ? ["taskset", "-c", String(core), ...command] : command;
  return spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: output === "ipc" ? ["ignore", "inherit", quiet ? "ignore" : "inherit", "ipc"] : ["ignore", output, output],
  });
}

/** SIGTERM, and SIGKILL to what does not end by itself. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
  await ended;
  clearTimeout(timer);
}

/** A process of this folder that answers messages one at a time. Its first message is what it says when it is ready. */
export type Helper<Job, Answer> = {
  readonly pid: number;
  readonly port: number;
  run(job: Job): Promise<Answer>;
  stop(): Promise<void>;
};

export async function startHelper<Job extends object, Answer>(
  file: string,
  options: {
    readonly core: number;
    readonly args?: readonly string[];
    readonly flags?: readonly string[];
    readonly quiet?: boolean;
  },
): Promise<Helper<Job, Answer>> {
  const command = [
    process.execPath,
    ...(options.flags ?? []),
    join(import.meta.dirname, file),
    ...(options.args ?? []),
  ];
  const child = startProcess({ command, core: options.core, output: "ipc", quiet: options.quiet ?? false });
  const ready = (await nextMessage(child, file)) as { port: number };
  return {
    pid: child.pid ?? 0,
    port: ready.port,
    async run(job) {
      const answer = nextMessage(child, file);
      child.send(job);
      return (await answer) as Answer;
    },
    stop: () => stopProcess(child),
  };
}

function nextMessage(child: ChildProcess, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`${file} ended with code ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.removeListener("exit", onExit);
      resolve(message);
    });
  });
}
