import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { createKey } from "../../src/limits/keys.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { openMachine, type Machine } from "./command.ts";

/* `dragoman run` as a process: a real gateway, and clients that write down how they were called. */

let served: Served;
let machine: Machine;
before(async () => {
  served = await serveGateway();
  machine = openMachine();
});
after(async () => {
  await served.close();
  machine.remove();
  assert.deepEqual(served.bugs, []);
});

const here = () => ({ DRAGOMAN_URL: served.url });

test("a client gets its settings, the user's arguments behind them, and ends the command as it ended", async () => {
  machine.install(
    "claude",
    `const { readFileSync, statSync } = require("node:fs");
     const file = process.argv[3];
     console.log(JSON.parse(readFileSync(file, "utf8")).env.ANTHROPIC_BASE_URL, (statSync(file).mode & 0o777).toString(8));
     process.stdin.on("data", (text) => process.stdout.write("read " + text)).on("end", () => process.exit(7));`,
  );
  const env = { ...here(), ANTHROPIC_API_KEY: "sk-ant-mine", DRAGOMAN_KEY: "secret-key" };
  const ran = await machine.run(["run", "claude", "--model", "gpt-4o", "--", "-p", "hi there"], {
    env,
    stdin: "piped",
  });
  assert.deepEqual([ran.code, ran.out], [7, `${served.url} 600\nread piped`]);
  assert.equal(ran.err, "");
  const { args, env: seen } = machine.called("claude");
  assert.deepEqual([args[0], ...args.slice(2)], ["--settings", "-p", "hi there"]);
  assert.equal(seen["ANTHROPIC_BASE_URL"], served.url);
  assert.equal(seen["ANTHROPIC_AUTH_TOKEN"], "secret-key");
  assert.equal(seen["ANTHROPIC_DEFAULT_HAIKU_MODEL"], "gpt-4o");
  assert.equal(seen["ANTHROPIC_API_KEY"], undefined);
  assert.ok(!existsSync(args[1] ?? ""), "temporary settings are gone");
  assert.deepEqual(readdirSync(machine.path("tmp")), []);
});

test("the environment that a client was seen to need, for the other three", async () => {
  for (const program of ["codex", "gemini", "opencode"]) machine.install(program);
  mkdirSync(`${machine.home}/.gemini`);
  writeFileSync(`${machine.home}/.gemini/settings.json`, '{"theme":"dark"}');
  writeFileSync(`${machine.home}/.gemini/GEMINI.md`, "remember");
  machine.install(
    "gemini",
    `const { readFileSync } = require("node:fs");
     const folder = process.env.GEMINI_CLI_HOME + "/.gemini/";
     console.log(readFileSync(folder + "settings.json", "utf8"), readFileSync(folder + "GEMINI.md", "utf8"));`,
  );
  const runs = ["codex", "gemini", "opencode"].map((name) =>
    machine.run(["run", name, "--", "--flag"], { env: here() }),
  );
  const [codex, gemini, opencode] = await Promise.all(runs);
  assert.deepEqual([codex?.code, gemini?.code, opencode?.code], [0, 0, 0]);
  const called = machine.called("codex");
  assert.ok(called.args.includes(`model_providers.dragoman.base_url="${served.url}/v1"`));
  assert.equal(called.args.at(-1), "--flag");
  assert.equal(called.env["DRAGOMAN_KEY"], "dragoman", "a placeholder where there is no key");
  assert.match(gemini?.out ?? "", /"theme":"dark".*"selectedType":"gemini-api-key".* remember/);
  assert.equal(readFileSync(`${machine.home}/.gemini/settings.json`, "utf8"), '{"theme":"dark"}');
  assert.equal(
    readFileSync(`${machine.home}/.gemini/GEMINI.md`, "utf8"),
    "remember",
    "links go, what they point to stays",
  );
  assert.match(machine.called("opencode").env["OPENCODE_CONFIG_CONTENT"] ?? "", /"demo::echo":\{/);
});

test("a signal goes on to the client, and what the client makes of it decides", async () => {
  machine.install(
    "claude",
    'process.on("SIGTERM", () => process.exit(9)); setInterval(() => 0, 1000); console.log("up");',
  );
  const { child, ended } = machine.start(["run", "claude"], { env: here() });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  child.kill("SIGTERM");
  assert.equal((await ended).code, 9);
});

test("a client that a signal ends, ends the command by that signal", async () => {
  machine.install("claude", 'process.kill(process.pid, "SIGKILL");');
  const { code, signal } = await machine.run(["run", "claude"], { env: here() });
  assert.deepEqual([code, signal], [null, "SIGKILL"]);
});

test("a client that is not installed: the command that installs it", async () => {
  const { code, err } = await machine.run(["run", "codex-cli"], { env: { ...here(), PATH: machine.home } });
  assert.equal(code, 1);
  assert.equal(err, '✕ Codex is not installed: there is no "codex" in PATH.\n  fix   npm install -g @openai/codex\n');
});

test("no gateway: where it was looked for and how to start one, and the client is not started", async () => {
  machine.install("claude", 'console.log("started");');
  const { code, out, err } = await machine.run(["run", "claude", "--gateway", "http://127.0.0.1:9"]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(
    err,
    /^✕ No gateway answers at http:\/\/127\.0\.0\.1:9: .+\n {2}fix {3}start it in another terminal: dragoman start\n/,
  );
});

test("something else at the address is not taken for a gateway", async () => {
  const { code, err } = await machine.run(["run", "claude", "--gateway", `${served.url}/elsewhere`]);
  assert.equal(code, 1);
  assert.match(err, /what answers there is not a gateway \(status 404\)/);
});

test("a key that the gateway refuses: its own words, and nothing of the key", async () => {
  const { hash, id } = createKey();
  const keyed = await serveGateway(`keys: [{ name: k, id: ${id}, hash: "${hash}" }]\n`);
  try {
    const wrong = createKey().text;
    const env = { DRAGOMAN_URL: keyed.url, TEAM_KEY: wrong };
    const { code, err, out } = await machine.run(["run", "claude", "--key-env", "TEAM_KEY"], { env });
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^✕ 401: The gateway key is not valid\..*\n {2}fix {3}the key is the one in TEAM_KEY/);
    assert.ok(!err.includes(wrong));
  } finally {
    await keyed.close();
  }
});

test("a configuration here with keys, and no key for its gateway: a warning, and the run goes on", async () => {
  machine.install("claude");
  const { hash, id } = createKey();
  const { host, port } = new URL(served.url);
  assert.ok(host.startsWith("127.0.0.1"));
  const file = machine.path("dragoman.yaml");
  writeFileSync(file, `server: { port: ${port} }\nkeys: [{ name: k, id: "${id}", hash: "${hash}" }]\n`);
  const own = await machine.run(["run", "claude"], { env: { DRAGOMAN_CONFIG: file } });
  assert.equal(own.code, 0, own.err);
  assert.match(own.err, /^! The configuration has gateway keys, and DRAGOMAN_KEY holds none/);
  writeFileSync(file, `server: { port: 4999 }\nkeys: [{ name: k, id: "${id}", hash: "${hash}" }]\n`);
  const other = await machine.run(["run", "claude"], { env: { DRAGOMAN_CONFIG: file, ...here() } });
  assert.deepEqual([other.code, other.err], [0, ""], "keys of another gateway are none of its business");
});

test("SIGINT without a terminal goes on to the client too", async () => {
  machine.install(
    "claude",
    'process.on("SIGINT", () => process.exit(5)); setInterval(() => 0, 1000); console.log("up");',
  );
  const { child, ended } = machine.start(["run", "claude"], { env: here() });
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  child.kill("SIGINT");
  assert.equal((await ended).code, 5);
});
