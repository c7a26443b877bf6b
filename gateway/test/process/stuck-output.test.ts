import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const entry = join(import.meta.dirname, "../../bin/dragoman.mjs");
/** More than what the system buffers between two processes. */
const REQUESTS = 1_000;
const AT_ONCE = 20;

test("output that nobody reads slows no request, and does not keep the gateway from stopping", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-stuck-"));
  const file = join(folder, "dragoman.yaml");
  writeFileSync(file, "server: { port: 0 }\nlog: { format: json }\ndemo: true\n");
  const env = { PATH: process.env["PATH"], HOME: folder };
  const child = spawn(process.execPath, [entry, "start", "--config", file], { stdio: ["ignore", "pipe", "pipe"], env });
  context.after(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  let said = "";
  child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  child.stdout.pause();
  const url = /"url":"([^"]+)"/.exec(first.toString())?.[1] ?? "";
  const body = JSON.stringify({ model: "demo::echo", messages: [{ role: "user", content: "hi" }] });
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    const answers = Array.from({ length: AT_ONCE }, () =>
      fetch(`${url}/v1/chat/completions`, { method: "POST", body }),
    );
    for (const answer of await Promise.all(answers)) {
      const { object } = (await answer.json()) as { object?: string };
      assert.equal(object, "chat.completion");
    }
  }
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  assert.deepEqual(await exit, [0, null]);
  assert.match(said, /Some records were not written/);
});
