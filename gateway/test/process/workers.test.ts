import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { decodeSnapshot, encodeSnapshot } from "../../src/process/snapshot.ts";
import { configOf, fourProviders, providerKeys } from "../support/config.ts";

/* Several worker processes behind one port, as `server.workers` starts them. */

const entry = join(import.meta.dirname, "../../bin/dragoman.mjs");

test("a snapshot arrives at a worker as it was, secrets included", () => {
  const config = configOf(fourProviders, providerKeys);
  const arrived = decodeSnapshot(JSON.parse(JSON.stringify(encodeSnapshot(config))));
  assert.deepEqual(JSON.parse(JSON.stringify(arrived)), JSON.parse(JSON.stringify(config)));
  assert.equal(arrived.providers[0]?.credentials[0]?.reveal(), "sk-proj-managed");
  assert.ok(Object.isFrozen(arrived.providers));
});

test("two workers serve, report to one place, take a new configuration, and are replaced when they die", async (context) => {
  const gateway = await startWorkers(context, "2", "demo: true\n");
  const pids = workersOf(gateway.child);
  assert.equal(pids.length, 2);
  for (let count = 0; count < 20; count += 1) assert.equal((await ask(gateway.url, "demo::echo")).status, 200);
  await eventually(() => lines(gateway.log).filter((line) => line.includes('"chat-completions"')).length === 20);
  await eventually(() => gateway.said().split("✓ 200  demo::echo").length - 1 === 20);

  gateway.write(
    `providers: { local: { kind: openai-compatible, base_url: "http://127.0.0.1:9/v1", credential: none, models: [here] } }\n`,
  );
  await eventually(async () => (await listed(gateway.url)).includes("here"));

  process.kill(pids[0] ?? 0, "SIGKILL");
  await eventually(() => workersOf(gateway.child).length === 2 && !workersOf(gateway.child).includes(pids[0] ?? 0));
  assert.equal((await ask(gateway.url, "demo::echo")).status, 200);

  const running = ask(gateway.url, "demo::echo", true);
  await new Promise((resolve) => setTimeout(resolve, 60));
  gateway.child.kill("SIGTERM");
  const [answer, [code]] = await Promise.all([running, once(gateway.child, "exit")]);
  assert.ok((await answer.text()).endsWith("data: [DONE]\n\n"));
  assert.equal(code, 0);
});

test("a port that is taken is said as with one process", async (context) => {
  const first = await startWorkers(context, "1", "");
  const second = start(context, first.url.split(":").at(-1) ?? "", "2", "");
  const [code] = await once(second.child, "exit");
  assert.equal(code, 1);
  assert.match(readFileSync(second.errors, "utf8"), /listening on 127\.0\.0\.1/);
});

type Started = {
  readonly child: ChildProcess;
  readonly log: string;
  readonly errors: string;
  readonly write: (yaml: string) => void;
};

function start(context: TestContext, port: string, workers: string, yaml: string): Started {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-workers-"));
  const file = join(folder, "dragoman.yaml");
  const log = join(folder, "records.jsonl");
  const errors = join(folder, "errors.txt");
  const write = (rest: string): void => {
    const server = `server: { port: ${port}, workers: ${workers} }\n`;
    writeFileSync(file, `${server}log: { format: text, file: ${log} }\n${rest}`);
  };
  write(yaml);
  const child = spawn(process.execPath, [entry, "start", "--config", file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: folder },
  });
  let told = "";
  child.stderr?.on("data", (bytes: Buffer) => writeFileSync(errors, (told += bytes.toString())));
  context.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return { child, log, errors, write };
}

const ADDRESS = /http:\/\/127\.0\.0\.1:[1-9]\d*(?=\D)/;

async function startWorkers(
  context: TestContext,
  workers: string,
  yaml: string,
): Promise<Started & { readonly url: string; readonly said: () => string }> {
  const started = start(context, "0", workers, yaml);
  let out = "";
  started.child.stdout?.on("data", (bytes: Buffer) => (out += bytes.toString()));
  let url = "";
  await eventually(() => (url = ADDRESS.exec(lines(started.errors).join("\n"))?.[0] ?? "") !== "");
  return { ...started, url, said: () => out };
}

function workersOf(child: ChildProcess): number[] {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return children
    .split(" ")
    .filter((pid) => pid.trim() !== "")
    .map(Number);
}

function ask(url: string, model: string, stream = false): Promise<Response> {
  const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: "hi" }] });
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body, headers: { connection: "close" } });
}

async function listed(url: string): Promise<string> {
  return (await fetch(`${url}/v1/models`, { headers: { connection: "close" } })).text();
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) assert.fail("it did not come to pass in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
