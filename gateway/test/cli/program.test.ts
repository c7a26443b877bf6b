import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import type { Command } from "commander";
import { buildProgram, runProgram } from "../../src/cli/program.ts";
import type { Outcome } from "../../src/cli/terminal.ts";
import { asString, isObject } from "../../src/lib/json.ts";
import { configKeyStore, verifyKey } from "../../src/limits/keys.ts";
import { configOf } from "../config/support.ts";
import { programDeps, type Recorded } from "./support.ts";

const main = join(import.meta.dirname, "../../bin/dragoman.mjs");
const folder = mkdtempSync(join(tmpdir(), "dragoman-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the real command in an empty world: no configuration anywhere, no variable but the given ones. */
function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { HOME: folder, PATH: "/usr/bin:/bin", ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("a mistake in the file: every problem on standard error, nothing on standard output, exit code 78", () => {
  writeFileSync(
    join(folder, "dragoman.yaml"),
    "server:\n  prot: 4000\nproviders:\n  openai: { credential: env::OPENAI_KEY }\n",
  );
  const { status, stdout, stderr } = run(["check"], { OPENAI_API_KEY: "sk-1" });
  assert.equal(status, 78);
  assert.equal(stdout, "");
  assert.equal(
    stderr,
    [
      '✕ dragoman.yaml:2:3  unknown key "prot" in server',
      "  1 │ server:",
      "  2 │   prot: 4000",
      "    │   ^^^^",
      '  fix  did you mean "port"?',
      "",
      "✕ dragoman.yaml:4:25  providers.openai.credential: environment variable OPENAI_KEY is not set",
      "  2 │   prot: 4000",
      "  3 │ providers:",
      "  4 │   openai: { credential: env::OPENAI_KEY }",
      "    │                         ^^^^^^^^^^^^^^^",
      "  fix  OPENAI_API_KEY is set: write env::OPENAI_API_KEY if that is the one",
      "",
      "2 problems in the configuration.",
      "",
    ].join("\n"),
  );
  assert.equal(run(["start"]).status, 78);
  rmSync(join(folder, "dragoman.yaml"));
});

test("a valid file: a summary, warnings on standard error, exit code 0", () => {
  const file = join(folder, "other.yaml");
  writeFileSync(file, "providers: { openai: {} }\n");
  assert.deepEqual(run(["check", "other.yaml"]), {
    status: 0,
    stdout: `${file} is valid\n  providers  openai\n  keys       0\n  address    127.0.0.1:4000\n`,
    stderr:
      "! other.yaml:1:14  providers.openai: no credential: callers must bring their own (set OPENAI_API_KEY, or credential: none if it needs no key)\n",
  });
});

test("a real gateway starts without anything, answers, and ends well when it is told to", async (context) => {
  const env = { HOME: folder, PATH: "/usr/bin:/bin" };
  const gateway = spawn(process.execPath, [main, "--port", "0"], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  context.after(() => gateway.kill("SIGKILL"));
  const [first] = await once(createInterface({ input: gateway.stdout }), "line");
  const started: unknown = JSON.parse(String(first));
  const url = (isObject(started) ? asString(started["url"]) : undefined) ?? "";
  const answer = await fetch(`${url}/health`);
  assert.equal(answer.status, 200);
  await answer.text();
  gateway.kill("SIGTERM");
  const [code] = await once(gateway, "exit");
  assert.equal(code, 0);
});

const noProc = existsSync("/proc/self/environ") ? false : "needs /proc";

test(
  "the start that compiles the sources goes on as a process that has not compiled any",
  { skip: noProc },
  async (context) => {
    const home = mkdtempSync(join(folder, "home-"));
    const isRestarted = [];
    for (let start = 0; start < 2; start += 1) {
      const gateway = spawn(process.execPath, [main, "--port", "0"], {
        cwd: home,
        env: { HOME: home, PATH: "/usr/bin:/bin" },
        stdio: ["ignore", "pipe", "inherit"],
      });
      context.after(() => gateway.kill("SIGKILL"));
      await once(createInterface({ input: gateway.stdout }), "line");
      // Written by now, not only at an end that a process which is killed does not live to see.
      assert.ok(readdirSync(join(home, ".cache/dragoman/compiled"), { recursive: true }).length > 100);
      isRestarted.push(readFileSync(`/proc/${gateway.pid}/environ`, "latin1").includes("DRAGOMAN_RESTARTED=1"));
      gateway.kill("SIGTERM");
      assert.deepEqual(await once(gateway, "exit"), [0, null]);
    }
    assert.deepEqual(isRestarted, [true, false]);
  },
);

test("an option that does not exist: a suggestion and exit code 2", () => {
  const { status, stdout, stderr } = run(["--prot", "4000"]);
  assert.deepEqual([status, stdout], [2, ""]);
  assert.match(stderr, /Did you mean --port\?/);
});

test("explain says where a model goes, for each format", () => {
  const { status, stdout } = run(["explain", "claude-opus-5-5"], { ANTHROPIC_API_KEY: "sk-ant-1" });
  assert.equal(status, 0);
  assert.equal(
    stdout,
    [
      "claude-opus-5-5",
      "  openai-chat         anthropic::claude-opus-5-5, translated to anthropic-messages",
      "  openai-responses    anthropic::claude-opus-5-5, translated to anthropic-messages",
      "  anthropic-messages  anthropic::claude-opus-5-5, passed on as it is",
      "  gemini              anthropic::claude-opus-5-5, translated to anthropic-messages",
      "",
    ].join("\n"),
  );
});

/** Runs a command in this process. */
async function runHere(args: readonly string[]): Promise<Recorded & { outcome: Outcome }> {
  const recorded: Recorded = { out: "", err: "" };
  const outcome = await runProgram(args, programDeps(recorded));
  return { ...recorded, outcome };
}

test("a key that was created is accepted with the entry that was printed, with everything that was asked of it", async () => {
  const args = ["--project", "core", "--models", "gpt-*, claude-*", "--expires", "2027-01-31"];
  const { outcome, out, err } = await runHere(["keys", "create", 'lap"top: #1', ...args]);
  assert.equal(outcome, "ok");
  const [text = "", ...entry] = out.trimEnd().split("\n");
  const config = configOf(`keys:\n${entry.join("\n")}\n`);
  const verified = verifyKey(text, configKeyStore(config), Date.UTC(2027, 0, 31, 23));
  assert.ok(verified.ok);
  const { name, project, models, expiresAt } = verified.value;
  assert.deepEqual([name, project, models], ['lap"top: #1', "core", ["gpt-*", "claude-*"]]);
  assert.deepEqual(verifyKey(text, configKeyStore(config), expiresAt ?? 0), { ok: false, error: "expired" });
  assert.ok(!err.includes(text), "the key goes to standard output only");
});

test("an expiry that is no date is refused before there is a key", async () => {
  const { outcome, out } = await runHere(["keys", "create", "laptop", "--expires", "soon"]);
  assert.deepEqual([outcome, out], ["usage", ""]);
});

const usage: readonly { readonly args: readonly string[]; readonly says: RegExp }[] = [
  { args: ["chekc"], says: /unknown command "chekc". Did you mean "check"\?/ },
  {
    args: ["frobnicate"],
    says: /unknown command "frobnicate". Commands: start, check, explain, schema, keys, run, connect, chat\./,
  },
  { args: ["--port", "65536"], says: /A port is a number from 0 to 65535/ },
  { args: ["--port", "4e3"], says: /A port is a number/ },
  { args: ["start", "extra"], says: /too many arguments/ },
  { args: ["keys", "create"], says: /missing required argument 'name'/ },
  { args: ["keys", "create", "a", "--models", ","], says: /--models names no model/ },
  { args: ["explain"], says: /missing required argument 'model'/ },
  { args: ["run"], says: /missing required argument 'client'/ },
  { args: ["run", "claud"], says: /unknown client "claud"\. Did you mean "claude"\?/ },
  { args: ["connect", "cursor"], says: /unknown client "cursor"\. Clients: claude, codex, gemini, opencode\./ },
  { args: ["run", "claude", "-p", "hi"], says: /unknown option '-p'\n\(options of the client itself go behind --\)/ },
  { args: ["run", "claude", "--key-env", "NO_SUCH_KEY"], says: /the environment variable NO_SUCH_KEY is not set/ },
  { args: ["connect", "claude", "--gateway", "4000"], says: /--gateway is not the address of a gateway/ },
  { args: ["chat", "--gateway", "http://x?key=1"], says: /--gateway is not the address of a gateway/ },
];
for (const { args, says } of usage) {
  test(`"${args.join(" ")}" is a mistake of usage`, async () => {
    const { outcome, err, out } = await runHere(args);
    assert.deepEqual([outcome, out], ["usage", ""]);
    assert.match(err, says);
  });
}

test("--help begins with examples, --version is the version", async () => {
  const help = await runHere(["--help"]);
  assert.equal(help.outcome, "ok");
  assert.deepEqual(
    help.out
      .split("\n")
      .slice(0, 5)
      .map((line) => line.slice(0, 10)),
    ["Examples:", "  dragoman", "  dragoman", "  dragoman", "  dragoman"],
  );
  assert.equal((await runHere(["--version"])).out, "1.2.3\n");
});

test("every command and option is in docs/cli.md, and nothing else is", () => {
  const manual = readFileSync(join(import.meta.dirname, "../../../docs/cli.md"), "utf8");
  const recorded: Recorded = { out: "", err: "" };
  const program = buildProgram(programDeps(recorded), () => undefined);
  const known = new Set(["--help", "--version"]);
  const visit = (command: Command, name: string) => {
    if (command.commands.length === 0) assert.ok(manual.includes(`\`${name}`), name);
    for (const option of command.options) if (option.long !== undefined) known.add(option.long);
    for (const below of command.commands) visit(below, `${name} ${below.name()}`);
  };
  visit(program, "dragoman");
  const written = new Set([...manual.matchAll(/^\| `(--[a-z-]+)/gm)].map(([, option = ""]) => option));
  assert.deepEqual([...written].sort(), [...known].sort());
});
