import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failureClasses, failureCodes } from "../../src/canonical/failure.ts";

type Row = { readonly code: string; readonly status: number };

/** The rows of all tables of the page: `| code | status | meaning | what to do |`, neither text empty. */
function readRows(markdown: string): Row[] {
  const rows = markdown.matchAll(/^\| `(\w+)` \| (\d{3}) \| [^|]*\w[^|]* \| [^|]*\w[^|]* \|$/gm);
  return [...rows].map(([, code = "", status]) => ({ code, status: Number(status) }));
}

/** What the code says, in the order of the code, which is the order of the page too. */
function expectedRows(): Row[] {
  return Object.entries(failureCodes).map(([code, name]) => ({ code, status: failureClasses[name].status }));
}

const page = readFileSync(join(import.meta.dirname, "../../../docs/errors.md"), "utf8");

test("docs/errors.md has a row for every error code, with its status, and for no other", () => {
  assert.deepEqual(readRows(page), expectedRows());
});

test("a row that is missing, made up, without advice or with a wrong status is noticed", () => {
  const spoiled = [
    page.replace(/^\| `invalid_json`.*\n/m, ""),
    page.replace("`invalid_json`", "`invalid_yaml`"),
    page.replace(/^(\| `invalid_json` \|.*)\| [^|]+ \|$/m, "$1|  |"),
    page.replace("| `invalid_json` | 400 |", "| `invalid_json` | 422 |"),
  ];
  for (const text of spoiled) {
    assert.notEqual(text, page);
    assert.notDeepEqual(readRows(text), expectedRows());
  }
});
