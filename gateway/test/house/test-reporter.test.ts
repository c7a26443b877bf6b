import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

const reporter = join(import.meta.dirname, "../../../tools/test-reporter.mjs");

/** Runs one test file with the reporter: what it printed, its last line, its exit code. */
function run(
  context: TestContext,
  source: string,
): { output: string; lastLine: string | undefined; code: number | null } {
  const folder = mkdtempSync(join(tmpdir(), "dragoman-reporter-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "example.test.ts");
  writeFileSync(
    file,
    `import test, { describe } from "node:test";\nimport assert from "node:assert/strict";\n${source}`,
  );
  // The runner tells its children about itself; a runner inside of a test must not take itself for one.
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env;
  const options = ["--test", `--test-reporter=${reporter}`, file];
  const { stdout, status } = spawnSync(process.execPath, options, { encoding: "utf8", env });
  return { output: stdout, lastLine: stdout.trimEnd().split("\n").at(-1), code: status };
}

test("the last line counts tests, not suites or parents of failed subtests", (context) => {
  const { lastLine, code } = run(
    context,
    `describe("suite", () => { test("a", () => {}); test.skip("b", () => {}); });
     test("parent", async (t) => { await t.test("child", () => assert.equal(1, 2)); });`,
  );
  assert.equal(lastLine, "1 passed, 1 failed, 1 skipped");
  assert.equal(code, 1);
});

test("a failure shows its name, its file and the difference, and what the file printed", (context) => {
  const source =
    'process.stderr.write("a hint\\n"); test("sums add up", () => assert.deepEqual({ sum: 3 }, { sum: 4 }));';
  const { output } = run(context, source);
  for (const part of ["✗ sums add up", "example.test.ts:3", "+   sum: 3", "-   sum: 4", "a hint"]) {
    assert.ok(output.includes(part), `${part} is missing in:\n${output}`);
  }
});

test("what passes is silent", (context) => {
  const { output, lastLine, code } = run(context, 'process.stdout.write("chatter\\n"); test("fine", () => {});');
  assert.ok(!output.includes("chatter") && !output.includes("fine"));
  assert.equal(lastLine, "1 passed, 0 failed");
  assert.equal(code, 0);
});

test("a run without a test fails", (context) => {
  const { output, lastLine, code } = run(context, "");
  assert.ok(output.includes("No test ran."));
  assert.equal(lastLine, "0 passed, 0 failed");
  assert.equal(code, 1);
});

test("a file that breaks before its tests is one failure", (context) => {
  const { lastLine, code } = run(context, 'await import("./missing.ts");');
  assert.equal(lastLine, "0 passed, 1 failed");
  assert.equal(code, 1);
});
