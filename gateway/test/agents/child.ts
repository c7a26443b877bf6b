import { spawn, type ChildProcess } from "node:child_process";

/** How a process ended and what it printed. `exitCode` is null when it was ended because its time was over. */
export type Ended = {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
  readonly durationMs: number;
};

export type Child = {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Resolves with the first whole line of standard output; rejects when the process ends before. */
  firstLine(): Promise<string>;
  /** Ends it, and everything that it has started. */
  kill(): void;
};

export type ChildOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** The whole environment: nothing of ours is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly lifeMaxMs: number;
};

/** Starts a process in a process group of its own, so that it can be ended by its id together with its children. */
export function startChild(options: ChildOptions): Child {
  const child = spawn(options.command, options.args, {
    cwd: options.folder,
    env: { ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const printed = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (printed.err += text));
  const startedAt = performance.now();
  const timer = setTimeout(() => killGroup(child), options.lifeMaxMs);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      clearTimeout(timer);
      // What it has left behind would otherwise go on talking to the next run.
      killGroup(child);
      resolve({ exitCode, ...printed, durationMs: Math.round(performance.now() - startedAt) });
    });
  });
  return {
    pid: child.pid ?? 0,
    ended,
    firstLine: () => firstLine(child, printed, ended),
    kill: () => killGroup(child),
  };
}

function firstLine(child: ChildProcess, printed: { readonly out: string }, ended: Promise<Ended>): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const end = printed.out.indexOf("\n");
      if (end >= 0) resolve(printed.out.slice(0, end));
    };
    child.stdout?.on("data", look);
    look();
    ended.then(({ err }) => reject(new Error(`ended before it was ready: ${err}`)), reject);
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    // Nobody is left in the group: that is what was wanted.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
