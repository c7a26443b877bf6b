import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { scanObject } from "../../src/framing/json-scan.ts";
import { spliceObject, type Edit } from "../../src/framing/json-splice.ts";

function splice(text: string, edits: readonly Edit[]): string {
  const raw = Buffer.from(text);
  const scanned = scanObject(raw);
  assert.ok(scanned.ok);
  return Buffer.concat(spliceObject(raw, scanned.value, edits)).toString();
}

const remove = (key: string): Edit => ({ kind: "remove", key });
const replace = (key: string, value: string): Edit => ({ kind: "replace", key, value });
const insert = (key: string, value: string): Edit => ({ kind: "insert", key, value });
const rename = (key: string, to: string): Edit => ({ kind: "rename", key, to });

const cases: readonly [name: string, text: string, edits: readonly Edit[], expected: string][] = [
  ["no edits", '{"a" : 1.0}', [], '{"a" : 1.0}'],
  ["replace", '{"a": 1.0, "model" : "x" ,"b":2}', [replace("model", '"y"')], '{"a": 1.0, "model" : "y" ,"b":2}'],
  ["replace with something longer", '{"a":1}', [replace("a", '{"b":[1,2]}')], '{"a":{"b":[1,2]}}'],
  ["rename", '{"max_tokens" : 5,"b":1}', [rename("max_tokens", "max")], '{"max" : 5,"b":1}'],
  ["rename to a name that needs escaping", '{"a":1}', [rename("a", '"\n')], String.raw`{"\"\n":1}`],
  ["rename a key with a colon and a value with one", '{"a:b":":"}', [rename("a:b", "c")], '{"c":":"}'],
  ["rename over a member that is there", '{"a":1,"b":2,"c":3}', [rename("c", "a")], '{"b":2,"a":3}'],
  ["rename to itself", '{"a":1}', [rename("a", "a")], '{"a":1}'],
  ["rename and replace the same member", '{"a":1,"b":2}', [rename("a", "c"), replace("a", "9")], '{"c":9,"b":2}'],
  ["remove the first", '{"a":1, "b":2}', [remove("a")], '{"b":2}'],
  ["remove the middle", '{"a":1, "b":2 , "c":3}', [remove("b")], '{"a":1, "c":3}'],
  ["remove the last", '{"a":1 , "b":2\n}', [remove("b")], '{"a":1 \n}'],
  ["remove the only one", '{ "a":1 }', [remove("a")], "{  }"],
  ["remove the last two", '{"a":1,"b":2,"c":3}', [remove("c"), remove("b")], '{"a":1}'],
  ["remove the first and the last", '{"a":1,"b":2,"c":3}', [remove("a"), remove("c")], '{"b":2}'],
  ["remove all", '{"a":1,"b":2,"c":3}', [remove("a"), remove("b"), remove("c")], "{}"],
  ["remove the same twice", '{"a":1,"b":2}', [remove("a"), remove("a")], '{"b":2}'],
  ["remove and replace: removed", '{"a":1,"b":2}', [replace("a", "3"), remove("a")], '{"b":2}'],
  ["insert into an empty object", "{ }", [insert("a", "1")], '{"a":1 }'],
  ["insert after the last member", '{\n  "a": 1\n}', [insert("b", "2")], '{\n  "a": 1,"b":2\n}'],
  ["insert two", '{"a":1}', [insert("b", "2"), insert("c", "3")], '{"a":1,"b":2,"c":3}'],
  ["insert what is there: replaced", '{"a":1}', [insert("a", "2")], '{"a":2}'],
  ["insert where the last goes", '{"a":1,"b":2}', [remove("b"), insert("c", "3")], '{"a":1,"c":3}'],
  ["insert where all go", '{"a":1}', [remove("a"), insert("b", "2")], '{"b":2}'],
  ["edit what is not there", '{"a":1}', [remove("x"), replace("x", "1"), rename("x", "y")], '{"a":1}'],
  [
    "a key that is written with escapes",
    String.raw`{"m\u006fdel":1}`,
    [replace("model", "2")],
    String.raw`{"m\u006fdel":2}`,
  ],
  ["__proto__", '{"__proto__":1,"a":2}', [remove("__proto__"), insert("b", "3")], '{"a":2,"b":3}'],
  ["values that only look like members", '{"a":"\\"b\\":1,","b":1}', [remove("b")], '{"a":"\\"b\\":1,"}'],
  ["characters of several bytes", '{"é":"日本","b":"👋"}', [replace("b", '"ü"')], '{"é":"日本","b":"ü"}'],
  ["insert where a repeated one stays", '{"a":1,"a":2}', [remove("a"), insert("b", "3")], '{"a":2,"b":3}'],
  ["a member beside a repeated one", '{"a":1,"x":0,"a":2,"b":3}', [remove("x"), remove("b")], '{"a":1,"a":2}'],
];

describe("spliceObject", () => {
  for (const [name, text, edits, expected] of cases) {
    test(name, () => assert.equal(splice(text, edits), expected));
  }

  test("what stays is a view of the original", () => {
    const raw = Buffer.from(`{"model":"x","text":"${"y".repeat(1000)}"}`);
    const scanned = scanObject(raw);
    assert.ok(scanned.ok);
    const pieces = spliceObject(raw, scanned.value, [replace("model", '"z"')]);
    assert.equal(pieces.length, 3);
    assert.equal(pieces[0]?.buffer, raw.buffer);
    assert.equal(pieces[2]?.buffer, raw.buffer);
    assert.deepEqual(spliceObject(raw, scanned.value, []), [raw]);
  });

  test("any edits of any object give the edited object and leave every other member's bytes alone", () => {
    fc.assert(fc.property(objects, edits, fc.constantFrom(0, 2), checkSplice), { numRuns: 3000 });
  });
});

const keys = ["a", "b", "c", "d", "é", '"', "__proto__"] as const;
const values = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value));
const objects = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), values), { selector: ([key]) => key, maxLength: 6 });
const edits = fc.uniqueArray(
  fc.oneof(
    fc.record({ kind: fc.constant("replace" as const), key: fc.constantFrom(...keys), value: values }),
    fc.record({ kind: fc.constant("insert" as const), key: fc.constantFrom(...keys, "new"), value: values }),
    fc.record({ kind: fc.constant("remove" as const), key: fc.constantFrom(...keys) }),
    fc
      .tuple(fc.constantFrom(...keys), fc.constantFrom("to-1", "to-2", "to-3"))
      .map(([key, to]) => ({ kind: "rename" as const, key, to })),
  ),
  { selector: (edit) => edit.key, maxLength: 5 },
);

/** The same edits on a list of members, each with its JSON text. */
function editMembers(members: readonly (readonly [string, string])[], all: readonly Edit[]): [string, string][] {
  const present = new Set(members.map(([key]) => key));
  const edited = members.flatMap(([key, value]): [string, string][] => {
    const edit = all.find((each) => each.key === key);
    if (edit === undefined) return [[key, value]];
    if (edit.kind === "remove") return [];
    return [edit.kind === "rename" ? [edit.to, value] : [key, edit.value]];
  });
  const added = all.flatMap((edit): [string, string][] =>
    edit.kind === "insert" && !present.has(edit.key) ? [[edit.key, edit.value]] : [],
  );
  return [...edited, ...added];
}

function checkSplice(members: readonly (readonly [string, string])[], all: readonly Edit[], indent: number): void {
  // Two renames to one name would speak of the same key twice.
  const names = all.map((edit) => (edit.kind === "rename" ? edit.to : edit.key));
  if (new Set(names).size < names.length) return;
  const gap = indent === 0 ? "" : "\n  ";
  const text = `{${gap}${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(`,${gap}`)}${gap}}`;
  const raw = Buffer.from(text);
  const scanned = scanObject(raw);
  assert.ok(scanned.ok);
  const result = Buffer.concat(spliceObject(raw, scanned.value, all));
  const again = scanObject(result);
  assert.ok(again.ok, result.toString());
  assert.deepEqual(again.value.duplicates, []);
  const found = [...again.value.members].map(([key, { start, end }]) => [key, result.toString("utf8", start, end)]);
  assert.deepEqual(found, editMembers(members, all));
  assert.doesNotThrow(() => JSON.parse(result.toString()));
}
