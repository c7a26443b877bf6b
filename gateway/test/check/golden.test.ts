import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fixtures } from "../support/corpus.ts";
import { goldenText } from "../support/golden.ts";
import { clientDialectIds } from "../support/streams.ts";

/*
 * The golden matrix: every recorded exchange in every other format, as it was when somebody last looked. A change shows as a
 * difference of these files; UPDATE=1 writes them again, and the reviewer judges what changed.
 */

const root = join(import.meta.dirname, "../golden");
const isUpdate = process.env["UPDATE"] === "1";
const expected = new Set<string>();

for (const from of clientDialectIds) {
  describe(`recordings of ${from} in the other formats`, () => {
    for (const fixture of fixtures(from)) {
      const files = clientDialectIds
        .filter((to) => to !== from)
        .map((to) => ({ to, file: `${from}/${fixture.name}/${to}.txt` }));
      for (const { file } of files) expected.add(file);
      test(fixture.name, () => {
        for (const { to, file } of files) check(file, goldenText(fixture, from, to));
      });
    }
  });
}

test("nothing is stored for recordings that are gone", () => {
  const stored = existsSync(root) ? readdirSync(root, { recursive: true, withFileTypes: true }) : [];
  const files = stored.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const stale = files
    .map((file) => file.slice(root.length + 1).replaceAll("\\", "/"))
    .filter((file) => !expected.has(file));
  if (isUpdate) for (const file of stale) rmSync(join(root, file));
  else assert.deepEqual(stale, []);
});

function check(file: string, written: string): void {
  const path = join(root, file);
  if (isUpdate) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, written);
    return;
  }
  assert.ok(existsSync(path), `${file} is not stored: run with UPDATE=1 and look at it`);
  assert.equal(written, readFileSync(path, "utf8"), `${file} (UPDATE=1 writes it again)`);
}
