import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { readTextFile } from "../../src/config/files.ts";
import { loadConfig } from "../../src/config/load.ts";
import { watchConfig, type Reload, type WatchedConfig } from "../../src/config/watch.ts";
import { systemClock } from "../../src/lib/clock.ts";

const WAIT_MS_MAX = 5_000;
const SETTLE_MS = 400;

const HASH = `sha256:00112233445566778899aabbccddeeff:${"0".repeat(64)}`;

type World = {
  readonly folder: string;
  readonly file: string;
  readonly reloads: Reload[];
  readonly watched: WatchedConfig;
  /** Waits until that many reloads have been reported. */
  reported(count: number): Promise<void>;
};

function openFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-watch-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function watchFile(context: TestContext, folder: string, file: string): World {
  const load = () => loadConfig({ environment: {}, readFile: readTextFile, file });
  const initial = load();
  assert.ok(initial.ok);
  const reloads: Reload[] = [];
  const watched = watchConfig({
    initial: initial.value,
    load,
    clock: systemClock,
    onReload: (reload) => void reloads.push(reload),
  });
  context.after(() => watched.close());
  const reported = async (count: number) => {
    const deadline = Date.now() + WAIT_MS_MAX;
    while (reloads.length < count && Date.now() < deadline) await wait(10);
    assert.ok(reloads.length >= count, `${reloads.length} of ${count} reloads were reported`);
  };
  return { folder, file, reloads, watched, reported };
}

function open(context: TestContext, text: string): World {
  const folder = openFolder(context);
  const file = join(folder, "dragoman.yaml");
  writeFileSync(file, text);
  return watchFile(context, folder, file);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const retries = (count: number) => `retry: { max_retries: ${count} }\n`;

test("a file that is written again is reloaded, and who has the old snapshot keeps it", async (context) => {
  const world = open(context, retries(1));
  const before = world.watched.current();
  writeFileSync(world.file, retries(3));
  await world.reported(1);
  assert.equal(world.reloads[0]?.kind, "applied");
  assert.equal(world.watched.current().retry.maxRetries, 3);
  assert.equal(before.retry.maxRetries, 1);
});

test("a file that is replaced by renaming is reloaded, every time", async (context) => {
  const world = open(context, retries(1));
  for (const count of [2, 3, 4]) {
    const draft = join(world.folder, ".dragoman.yaml.swp");
    writeFileSync(draft, retries(count));
    renameSync(draft, world.file);
    await world.reported(count - 1);
    assert.equal(world.watched.current().retry.maxRetries, count);
  }
});

test("the link that Kubernetes swaps is noticed, every time", async (context) => {
  const folder = openFolder(context);
  const publish = (version: number) => {
    mkdirSync(join(folder, `..v${version}`));
    writeFileSync(join(folder, `..v${version}`, "dragoman.yaml"), retries(version));
    symlinkSync(`..v${version}`, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  };
  publish(1);
  symlinkSync(join("..data", "dragoman.yaml"), join(folder, "dragoman.yaml"));
  const world = watchFile(context, folder, join(folder, "dragoman.yaml"));
  for (const version of [2, 3]) {
    publish(version);
    await world.reported(version - 1);
    assert.equal(world.watched.current().retry.maxRetries, version);
  }
});

const broken: readonly { readonly name: string; readonly text: string }[] = [
  { name: "syntax", text: "retry: [1\n" },
  { name: "an unknown key", text: "rertry: {}\n" },
  { name: "an empty file", text: "" },
  { name: "half a file", text: "retry:\n  max_ret" },
  { name: "a value that is null", text: "retry:\n" },
  { name: "a duplicate key", text: `${retries(1)}${retries(2)}` },
  { name: "two mebibytes", text: `#${"x".repeat(2_097_152)}\n${retries(2)}` },
  { name: "bytes that are not text", text: "\u0000" },
];
for (const { name, text } of broken) {
  test(`${name} in the file changes nothing and is reported`, async (context) => {
    const world = open(context, retries(1));
    const before = world.watched.current();
    writeFileSync(world.file, text);
    await world.reported(1);
    const [reload] = world.reloads;
    assert.equal(reload?.kind, "refused");
    assert.ok(reload.problems.length > 0);
    assert.equal(world.watched.current(), before);
    writeFileSync(world.file, retries(4));
    await world.reported(2);
    assert.equal(world.watched.current().retry.maxRetries, 4);
  });
}

test("a file that is deleted changes nothing and is reported", async (context) => {
  const world = open(context, retries(1));
  rmSync(world.file);
  await world.reported(1);
  assert.equal(world.reloads[0]?.kind, "refused");
  assert.equal(world.watched.current().retry.maxRetries, 1);
});

test("many writes in a row are one reload", async (context) => {
  const world = open(context, retries(1));
  for (let count = 0; count <= 9; count += 1) writeFileSync(world.file, retries(count));
  await world.reported(1);
  await wait(SETTLE_MS);
  assert.equal(world.reloads.length, 1);
  assert.equal(world.watched.current().retry.maxRetries, 9);
});

test("another file of the folder is nobody's business", async (context) => {
  const world = open(context, retries(1));
  writeFileSync(join(world.folder, "dragoman.log"), "line\n");
  await wait(SETTLE_MS);
  assert.deepEqual(world.reloads, []);
});

test("a touched file without a change swaps nothing", async (context) => {
  const world = open(context, retries(1));
  const before = world.watched.current();
  writeFileSync(world.file, retries(1));
  await world.reported(1);
  assert.deepEqual(world.reloads, [{ kind: "unchanged" }]);
  assert.equal(world.watched.current(), before);
});

test("SIGHUP reloads, also what is not watched", async (context) => {
  const folder = openFolder(context);
  const secrets = openFolder(context);
  writeFileSync(join(secrets, "key"), "one");
  const file = join(folder, "dragoman.yaml");
  writeFileSync(file, `providers: { openai: { credential: "file::${join(secrets, "key")}" } }\n`);
  const world = watchFile(context, folder, file);
  writeFileSync(join(secrets, "key"), "two");
  process.kill(process.pid, "SIGHUP");
  await world.reported(1);
  assert.equal(world.watched.current().providers[0]?.credentials[0]?.reveal(), "two");
});

test("address and workers wait for a restart, the rest of the file does not", async (context) => {
  const world = open(context, "server: { port: 4000 }\n");
  writeFileSync(world.file, `server: { port: 4001, workers: 2, drain_ms: 7 }\n${retries(5)}`);
  await world.reported(1);
  const [reload] = world.reloads;
  assert.equal(reload?.kind, "applied");
  assert.deepEqual(reload.restart, [
    "server.port changes from 4000 to 4001 with the next restart",
    "server.workers changes from 1 to 2 with the next restart",
  ]);
  const { server, retry, warnings } = world.watched.current();
  assert.deepEqual([server.port, server.workers, server.drainMs, retry.maxRetries], [4000, 1, 7, 5]);
  assert.deepEqual(warnings, reload.restart);
});

test("what is read once at the start waits for a restart: CORS and the log", async (context) => {
  const world = open(context, "server: { port: 4000 }\n");
  const changed =
    'server: { port: 4000, cors_origins: ["https://app.example"] }\nlog: { format: none, file: other.log }\n';
  writeFileSync(world.file, changed);
  await world.reported(1);
  const [reload] = world.reloads;
  assert.equal(reload?.kind, "applied");
  const other = join(dirname(world.file), "other.log");
  assert.deepEqual(reload.restart, [
    'server.cors_origins changes from [] to ["https://app.example"] with the next restart',
    "log.format changes from auto to none with the next restart",
    `log.file changes from none to ${other} with the next restart`,
  ]);
  const { server, log } = world.watched.current();
  assert.deepEqual([server.corsOrigins, log], [[], { format: "auto", file: undefined }], "what runs is what is shown");
});

test("the last key cannot be taken away from a gateway that others can reach, whatever the file says of its address", async (context) => {
  const keys = `keys: [{ name: a, id: abcd, hash: "${HASH}" }]\n`;
  const world = open(context, `server: { host: 0.0.0.0 }\n${keys}`);
  writeFileSync(world.file, "server: { host: 127.0.0.1 }\n");
  await world.reported(1);
  const [reload] = world.reloads;
  assert.equal(reload?.kind, "refused");
  assert.match(reload.problems[0]?.message ?? "", /still|until it is restarted/);
  assert.equal(world.watched.current().keys.length, 1);
});

test("a demo that answered everything stops when a provider comes, and not before", async (context) => {
  const world = open(context, "server: {}\n");
  assert.equal(world.watched.current().demo.catchAll, true);
  writeFileSync(world.file, "providers: { vllm: {} }\n");
  await world.reported(1);
  assert.equal(world.watched.current().demo.catchAll, false);
});

test("after close nothing is reloaded", async (context) => {
  const world = open(context, retries(1));
  world.watched.close();
  writeFileSync(world.file, retries(2));
  await wait(SETTLE_MS);
  assert.deepEqual(world.reloads, []);
  assert.equal(world.watched.current().retry.maxRetries, 1);
});
