import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { catalog } from "../../src/providers/catalog.ts";
import { allRelayedOperations, relayedRows } from "../../src/providers/operations.ts";
import type { ProviderKind } from "../../src/providers/provider.ts";

const manual = readFileSync(join(import.meta.dirname, "../../../docs/providers.md"), "utf8");
const rows: readonly (readonly [string, ProviderKind])[] = Object.entries(catalog);

/** The beginning of a kind's line; what is worth knowing of it follows. */
function lineOf(id: string, row: ProviderKind): string {
  const operations = row.operations.length === allRelayedOperations.length ? "all" : row.operations.join(", ") || "–";
  return `| \`${id}\` | ${row.name} | ${row.dialects.join(", ")} | ${operations} |`;
}

for (const [id, row] of rows) {
  test(`docs/providers.md knows ${id}, its formats and its operations`, () => {
    assert.ok(manual.includes(lineOf(id, row)), lineOf(id, row));
  });
}

test("docs/providers.md has no kind that the catalogue does not have", () => {
  const [table = ""] = manual.split("## What an operation is");
  const documented = [...table.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(
    documented,
    rows.map(([id]) => id),
  );
});

test("docs/providers.md names every endpoint of every operation, and no other", () => {
  const [, section = ""] = manual.split("## What an operation is");
  const documented = [...section.matchAll(/^\| `([a-z-]+)` \| (.+) \|$/gm)].map(
    ([, id, endpoints]) => `${id}: ${endpoints}`,
  );
  const expected = allRelayedOperations.map((id) => {
    const endpoints = relayedRows.filter((row) => row.id === id);
    return `${id}: ${endpoints.map((row) => `\`${row.method} /${row.surface === "gemini" ? "v1beta" : "v1"}/${row.path}\``).join(", ")}`;
  });
  assert.deepEqual(documented, expected);
});
