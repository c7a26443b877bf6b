import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { openLoader } from "../../src/config/load.ts";
import { connect } from "../../src/cli/connect.ts";
import { findClient } from "../../src/cli/clients/index.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createKey } from "../../src/limits/keys.ts";
import { serveGateway, type Served } from "../support/serve.ts";
import { openMachine, type Machine } from "./command.ts";

/* `dragoman connect` as a process, with a home of its own and a real gateway. */

let served: Served;
let machine: Machine;
before(async () => {
  served = await serveGateway();
});
after(async () => {
  await served.close();
  assert.deepEqual(served.bugs, []);
});
beforeEach(() => {
  machine = openMachine();
});
afterEach(() => machine.remove());

const here = () => ({ DRAGOMAN_URL: served.url });
const read = (...names: string[]) => readFileSync(join(machine.home, ...names), "utf8");

test("Claude Code: shows what changes, saves privately, proves it with a call, and undoes it", async () => {
  const original = '{"env":{"ANTHROPIC_BASE_URL":"http://old","ANTHROPIC_AUTH_TOKEN":"old-token"},"theme":"dark"}';
  mkdirSync(join(machine.home, ".claude"));
  writeFileSync(join(machine.home, ".claude/settings.json"), original);
  const env = { ...here(), DRAGOMAN_KEY: "new-token" };
  const calls = served.records.length;
  const { code, out, err } = await machine.run(["connect", "claude", "--yes"], { env });
  assert.deepEqual([code, out], [0, ""]);
  assert.match(err, /~ env\.ANTHROPIC_BASE_URL = "http:\/\/old" → "http:/);
  assert.match(err, /~ env\.ANTHROPIC_AUTH_TOKEN = \*\*\* → \*\*\*/);
  assert.ok(!err.includes("old-token") && !err.includes("new-token"));
  assert.match(err, /✓ a test call to demo::\S+ was answered in \d\.\d s/);
  const made = served.records.slice(calls).filter(({ operation }) => operation === "messages");
  assert.deepEqual(
    made.map(({ status, dialect }) => [status, dialect]),
    [[200, "anthropic-messages"]],
  );
  const file = join(machine.home, ".claude/settings.json");
  assert.match(read(".claude/settings.json"), /"ANTHROPIC_AUTH_TOKEN": "new-token"/);
  assert.match(read(".claude/settings.json"), /"theme": "dark"/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(read(".claude/settings.json.dragoman-backup"), original);
  const undone = await machine.run(["connect", "claude", "--undo", "--yes"]);
  assert.equal(undone.code, 0, "undo needs no gateway");
  assert.equal(read(".claude/settings.json"), original);
  assert.deepEqual(readdirSync(join(machine.home, ".claude")), ["settings.json"]);
});

for (const client of ["codex", "gemini", "opencode"]) {
  test(`${client}: from nothing and back to nothing, with a call in its own format`, async () => {
    const calls = served.records.length;
    const connected = await machine.run(["connect", client, "--yes", "--model", "gemini-2.5-flash"], { env: here() });
    assert.equal(connected.code, 0, connected.err);
    const [call] = served.records.slice(calls).filter(({ provider }) => provider === "demo");
    assert.deepEqual([call?.status, call?.model], [200, "gemini-2.5-flash"]);
    const files = readdirSync(machine.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.ok(files.length > 0);
    for (const { parentPath, name } of files) assert.equal(statSync(join(parentPath, name)).mode & 0o777, 0o600, name);
    const undone = await machine.run(["connect", client, "--undo", "--yes"]);
    assert.equal(undone.code, 0, undone.err);
    const left = readdirSync(machine.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(
      left.map(({ name }) => name),
      [],
    );
  });
}

test("a second time changes nothing, and undo undoes once", async () => {
  const args = ["connect", "codex", "--yes"];
  assert.equal((await machine.run(args, { env: here() })).code, 0);
  const written = read(".codex/config.toml");
  const again = await machine.run(args, { env: here() });
  assert.match(again.err, /Codex is connected to http:\S+ already/);
  assert.equal(read(".codex/config.toml"), written);
  assert.match((await machine.run(["connect", "codex", "--undo", "--yes"])).err, /✓ removed /);
  assert.match((await machine.run(["connect", "codex", "--undo", "--yes"])).err, /there is nothing to undo/);
});

test("without a terminal and without --yes nothing is written", async () => {
  const { code, err } = await machine.run(["connect", "claude"], { env: here(), stdin: "y\n" });
  assert.equal(code, 2);
  assert.match(err, /Nothing was written.*--yes/);
  assert.deepEqual(readdirSync(machine.home), []);
});

test("without a gateway nothing is written", async () => {
  const { code, err } = await machine.run(["connect", "claude", "--yes", "--gateway", "http://127.0.0.1:9"]);
  assert.equal(code, 1);
  assert.match(err, /No gateway answers/);
  assert.deepEqual(readdirSync(machine.home), []);
});

test("--print prints the settings without the key, and writes nothing, also without a gateway", async () => {
  const env = { DRAGOMAN_KEY: "secret-token" };
  const { code, out } = await machine.run(["connect", "claude", "--print", "--gateway", "http://127.0.0.1:9"], { env });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    env: {
      ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
      ANTHROPIC_AUTH_TOKEN: "YOUR_KEY",
      CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
    },
  });
  assert.deepEqual(readdirSync(machine.home), []);
});

test("a test call that fails says why, and that the settings are saved", async () => {
  const { code, err } = await machine.run(["connect", "codex", "--yes", "--model", "x::m"], { env: here() });
  assert.equal(code, 1);
  assert.match(
    err,
    /✕ a test call to x::m failed: 404: No provider "x" is configured.*\n {2}The settings are saved all the same\.\n {2}undo with: dragoman connect codex --undo/,
  );
  assert.ok(existsSync(join(machine.home, ".codex/config.toml")));
});

test("a settings file that cannot be edited safely is left alone, with all others of the client", async () => {
  mkdirSync(join(machine.home, ".gemini"));
  const commented = '{ // mine\n  "theme": "dark" }';
  writeFileSync(join(machine.home, ".gemini/settings.json"), commented);
  const { code, err } = await machine.run(["connect", "gemini", "--yes"], { env: here() });
  assert.equal(code, 1);
  assert.match(err, /settings\.json cannot be edited: .*comments.*\n {2}fix {3}dragoman connect gemini --print/);
  assert.deepEqual(
    [read(".gemini/settings.json"), readdirSync(join(machine.home, ".gemini"))],
    [commented, ["settings.json"]],
  );
});

test("a gateway with keys: opencode's file names the variable, and the call is made with the key", async () => {
  const { hash, id, text } = createKey();
  const keyed = await serveGateway(
    `require_keys: true\nkeys: [{ name: k, id: "${id}", hash: "${hash}" }]\ndemo: true\n`,
  );
  try {
    const env = { DRAGOMAN_URL: keyed.url, TEAM_KEY: text };
    const { code, err } = await machine.run(
      ["connect", "opencode", "--yes", "--key-env", "TEAM_KEY", "--model", "demo::echo"],
      { env },
    );
    assert.equal(code, 0, err);
    assert.ok(!err.includes(text));
    assert.match(read(".config/opencode/opencode.json"), /"apiKey": "\{env:TEAM_KEY\}"/);
    assert.ok(keyed.records.every(({ keyId, operation }) => operation === "health" || keyId === id));
  } finally {
    await keyed.close();
  }
});

/** At a terminal: what a person types decides. */
async function answered(typed: string): Promise<{ outcome: unknown; err: string; written: boolean }> {
  const client = findClient("claude");
  assert.ok(client !== undefined);
  let err = "";
  const terminal = {
    out: () => undefined,
    err: (text: string) => void (err += text),
    outIsTerminal: true,
    errHasColor: false,
  };
  const stream = new PassThrough();
  stream.end(typed);
  const deps = { terminal, input: { stream, isTerminal: true }, fetch, clock: systemClock, platform: "linux" };
  const loader = { ...openLoader({ file: "/nonexistent.yaml" }), environment: { HOME: machine.home } };
  const outcome = await connect(client, { gateway: served.url }, loader, deps);
  return { outcome, err, written: existsSync(join(machine.home, ".claude/settings.json")) };
}

for (const [typed, written] of [
  ["\n", true],
  ["y\n", true],
  ["n\n", false],
  ["what?\n", false],
  ["", false],
] as const) {
  test(`asked whether to write, ${JSON.stringify(typed)} means ${written ? "yes" : "no"}`, async () => {
    const result = await answered(typed);
    assert.match(result.err, /Write these\? \[Y\/n\] /);
    assert.deepEqual([result.outcome, result.written], [written ? "ok" : "failed", written]);
  });
}
