import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { asArray, asObject, asString, parseJson } from "../../src/lib/json.ts";

const main = join(import.meta.dirname, "../../bin/dragoman.mjs");
/** Compiled sources, kept between the processes that the tests start: that halves their time. */
const compiled = join(import.meta.dirname, "../../../node_modules/.cache/compiled");

/** A person's machine: an empty home, a folder of programs that is first in PATH, and nothing else in the environment. */
export type Machine = {
  readonly home: string;
  readonly path: (...names: string[]) => string;
  /** Puts a program into PATH that writes down how it was called, and then runs `script` (JavaScript). */
  readonly install: (program: string, script?: string) => void;
  /** How that program was called last. */
  readonly called: (program: string) => Called;
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** The same, for tests that do something while it runs. */
  readonly start: (args: readonly string[], options?: RunOptions) => Running;
  readonly remove: () => void;
};

export type Called = { readonly args: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> };
export type RunOptions = { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string };
export type Ran = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
};
export type Running = { readonly child: ChildProcess; readonly ended: Promise<Ran> };

export function openMachine(): Machine {
  const root = mkdtempSync(join(tmpdir(), "dragoman-machine-"));
  const [home, programs, temporary] = [join(root, "home"), join(root, "bin"), join(root, "tmp")];
  for (const folder of [home, programs, temporary]) mkdirSync(folder);
  const path = [programs, "/usr/bin", "/bin"].join(delimiter);
  const own = { HOME: home, PATH: path, TMPDIR: temporary, NODE_COMPILE_CACHE: compiled };
  const start = (args: readonly string[], { env = {}, stdin = "" }: RunOptions = {}): Running => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: home,
      env: { ...own, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
    return { child, ended: collect(child) };
  };
  return {
    home,
    path: (...names) => join(root, ...names),
    install(program, script = "") {
      const file = join(programs, program);
      const record = JSON.stringify(join(root, `${program}.json`));
      writeFileSync(file, `#!${process.execPath}\n${recorder(record)}\n${script}\n`);
      chmodSync(file, 0o755);
    },
    called: (program) => readCalled(readFileSync(join(root, `${program}.json`), "utf8")),
    run: (args, options) => start(args, options).ended,
    start,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function recorder(file: string): string {
  return [
    'const { writeFileSync } = require("node:fs");',
    `writeFileSync(${file}, JSON.stringify({ args: process.argv.slice(2), env: process.env }));`,
  ].join("\n");
}

function readCalled(text: string): Called {
  const called = asObject(parseJson(text)) ?? {};
  const args = (asArray(called["args"]) ?? []).flatMap((each) => asString(each) ?? []);
  const env = Object.entries(asObject(called["env"]) ?? {}).map(([name, value]) => [name, asString(value)]);
  return { args, env: Object.fromEntries(env) };
}

function collect(child: ChildProcess): Promise<Ran> {
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, out, err })));
}
