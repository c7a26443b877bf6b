import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { openSinks } from "../../src/process/sinks.ts";
import { exchangeRecord } from "../support/record.ts";

test("a log file that cannot be written is said once; once it can, the lines come, and how many are missing", async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-sinks-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "later", "records.jsonl");
  const warnings: string[] = [];
  const facts = { outIsTerminal: false, outHasColor: false };
  const sinks = openSinks({ format: "none", file }, facts, (text) => warnings.push(text));
  for (const requestId of ["req_1", "req_2"]) {
    sinks.write(exchangeRecord({ requestId }));
    await sinks.flush();
  }
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /ENOENT.*records\.jsonl/);
  mkdirSync(dirname(file));
  sinks.write(exchangeRecord({ requestId: "req_3" }));
  await sinks.flush();
  const [gap, line, ...rest] = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.deepEqual(JSON.parse(gap ?? ""), { type: "records-dropped", count: 2 });
  assert.match(line ?? "", /"requestId":"req_3"/);
  assert.deepEqual(rest, []);
  assert.equal(warnings.length, 1);
});
