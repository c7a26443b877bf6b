import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configJsonSchema, configKeys } from "../../src/config/json-schema.ts";
import { isObject, parseJson } from "../../src/lib/json.ts";
import { catalog } from "../../src/providers/catalog.ts";
import type { ProviderKind } from "../../src/providers/provider.ts";
import { configOf } from "./support.ts";

const docs = join(import.meta.dirname, "../../../docs");
const manual = readFileSync(join(docs, "configuration.md"), "utf8");

/** The rows of the manual's key tables: `| `key` | `default` | unit | meaning |`. */
const documented = [...manual.matchAll(/^\| `([a-z][^`]*)` \| (?:`([^`]*)`)? *\| (ms|bytes)? *\| (.+) \|$/gm)].map(
  ([, path = "", fallback, unit, meaning = ""]) => ({ path, fallback, unit, meaning }),
);

test("docs/dragoman.schema.json is what the schema generates (UPDATE=1 rewrites it)", () => {
  const file = join(docs, "dragoman.schema.json");
  const generated = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if (process.env["UPDATE"] === "1") writeFileSync(file, generated);
  // Not as text: the formatter lays the file out.
  assert.deepEqual(parseJson(readFileSync(file, "utf8")), parseJson(generated));
});

test("the manual documents every key of the schema, and no other, in the same order", () => {
  assert.deepEqual(
    documented.map(({ path }) => path),
    configKeys().map(({ path }) => path),
  );
});

function unitOf(path: string): string | undefined {
  if (path.endsWith("_ms")) return "ms";
  return path.endsWith("_bytes_max") ? "bytes" : undefined;
}

for (const key of configKeys()) {
  test(`the manual knows default, unit and meaning of ${key.path}`, () => {
    const row = documented.find(({ path }) => path === key.path);
    assert.deepEqual(row?.fallback === undefined ? undefined : parseJson(row.fallback), key.default);
    assert.equal(row?.unit, unitOf(key.path));
    assert.equal(row?.meaning, key.description);
    assert.match(key.description, /\S.*\.$/);
  });
}

test("every kind of the catalogue is in the manual with its address, formats and variables", () => {
  for (const [id, row] of Object.entries(catalog) as [string, ProviderKind][]) {
    const variables = row.credentialEnv.map((name) => `\`${name}\``).join(", ");
    const line = `| \`${id}\` | ${row.baseUrl ?? "(required)"} | ${row.dialects.join(", ")} | ${variables} |`;
    assert.ok(manual.includes(line), line);
  }
});

test("the first example of the manual is a valid configuration", () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(manual)?.[1] ?? "";
  const environment = { OPENAI_API_KEY: "sk-1", ANTHROPIC_API_KEY: "sk-ant-1" };
  assert.equal(configOf(example, { environment }).providers.length, 3);
});

test("the JSON Schema refuses unknown keys in every map", () => {
  const open: string[] = [];
  const visit = (value: unknown, path: string) => {
    if (Array.isArray(value)) value.forEach((item, index) => visit(item, `${path}[${index}]`));
    if (!isObject(value)) return;
    if (value["type"] === "object" && value["additionalProperties"] === undefined) open.push(path);
    for (const [key, member] of Object.entries(value)) visit(member, `${path}.${key}`);
  };
  visit(configJsonSchema(), "$");
  assert.deepEqual(open, []);
});
