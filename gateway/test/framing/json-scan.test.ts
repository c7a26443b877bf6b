import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { JSON_DEPTH_MAX, scanObject, type ScanProblem } from "../../src/framing/json-scan.ts";
import { parseJson } from "../../src/lib/json.ts";

function scan(text: string) {
  return scanObject(Buffer.from(text));
}

function valuesOf(text: string): Record<string, string> {
  const raw = Buffer.from(text);
  const scanned = scanObject(raw);
  assert.ok(scanned.ok);
  return Object.fromEntries(
    [...scanned.value.members].map(([key, { start, end }]) => [key, raw.toString("utf8", start, end)]),
  );
}

const problems: readonly [text: string, kind: ScanProblem["kind"], offset: number][] = [
  ["", "empty", 0],
  [" \r\n\t", "empty", 0],
  ["[1]", "not-object", 0],
  [' "a"', "not-object", 1],
  ["-1.5e3", "not-object", 0],
  ["null", "not-object", 0],
  ["{", "not-json", 1],
  ['{"a"', "not-json", 4],
  ['{"a":', "not-json", 5],
  ['{"a":1', "not-json", 6],
  ['{"a":1,', "not-json", 7],
  ['{"a":1,}', "not-json", 7],
  ['{"a":[1,]}', "not-json", 8],
  ["{,}", "not-json", 1],
  ['{"a" 1}', "not-json", 5],
  ['{"a"::1}', "not-json", 5],
  ['{"a":1 "b":2}', "not-json", 7],
  ["{a:1}", "not-json", 1],
  ["{'a':1}", "not-json", 1],
  ["{1:1}", "not-json", 1],
  ['{"a":[1}}', "not-json", 7],
  ['{"a":{"b":1]}', "not-json", 11],
  ['{"a":1}}', "not-json", 7],
  ['{"a":1} x', "not-json", 8],
  ['{"a":1}{"a":2}', "not-json", 7],
  ['{"a":"x', "not-json", 5],
  ['{"a":"x\\"}', "not-json", 5],
  ['{"a":tru}', "not-json", 5],
  ['{"a":True}', "not-json", 5],
  ['{"a":nul', "not-json", 5],
  ['{"a":truex}', "not-json", 9],
  ['{"a":NaN}', "not-json", 5],
  ['{"a":01}', "not-json", 5],
  ['{"a":-}', "not-json", 5],
  ['{"a":1.}', "not-json", 5],
  ['{"a":.5}', "not-json", 5],
  ['{"a":+5}', "not-json", 5],
  ['{"a":1e}', "not-json", 5],
  ['{"a":1e+}', "not-json", 5],
  ['{"a":0x1}', "not-json", 6],
  ['{"a":1\u00a0}', "not-json", 6],
  ['\uFEFF{"a":1}', "not-json", 0],
  ["{/* */}", "not-json", 1],
  ['{"a\nb":1}', "not-json", 1],
  [String.raw`{"\x":1}`, "not-json", 1],
];

describe("scanObject", () => {
  for (const [text, kind, offset] of problems) {
    test(`${JSON.stringify(text)} is ${kind} at byte ${offset}`, () => {
      const scanned = scan(text);
      assert.ok(!scanned.ok);
      assert.deepEqual({ kind: scanned.error.kind, offset: scanned.error.offset }, { kind, offset });
      if (kind !== "empty") assert.match(scanned.error.message, new RegExp(`byte ${offset}\\b`));
      assert.equal(kind === "not-object", parseJson(text) !== undefined);
    });
  }

  test("a problem says what was expected and what came", () => {
    const scanned = scan('{"a" 1}');
    assert.ok(!scanned.ok);
    assert.equal(scanned.error.message, 'The body is not valid JSON at byte 5: ":" is expected, not "1".');
  });

  test("members, depth and braces", () => {
    const text = ' { "a" : [1, {"b": 2}] ,\n"c":"x" } ';
    const scanned = scan(text);
    assert.ok(scanned.ok);
    const { members, duplicates, depth, open, close } = scanned.value;
    assert.deepEqual(valuesOf(text), { a: '[1, {"b": 2}]', c: '"x"' });
    const { keyStart, end } = members.get("a") ?? {};
    assert.equal(text.slice(keyStart, end), '"a" : [1, {"b": 2}]');
    assert.deepEqual({ duplicates, depth, open, close }, { duplicates: [], depth: 3, open: 1, close: text.length - 2 });
  });

  test("an empty object", () => {
    const scanned = scan("{ }");
    assert.ok(scanned.ok);
    assert.equal(scanned.value.members.size, 0);
    assert.equal(scanned.value.depth, 1);
  });

  test("every kind of value", () => {
    const text = '{"a":-0.5E+10,"b":true,"c":false,"d":null,"e":"","f":{},"g":[],"h":0,"i":-0}';
    assert.deepEqual(Object.keys(valuesOf(text)), "abcdefghi".split(""));
  });

  test("keys with escapes are decoded and can repeat a plain one", () => {
    const scanned = scan(String.raw`{"model":1,"m\u006fdel":2,"a\"b":3,"é":4}`);
    assert.ok(scanned.ok);
    assert.deepEqual([...scanned.value.members.keys()], ["model", 'a"b', "é"]);
    assert.deepEqual(scanned.value.duplicates, ["model"]);
  });

  test("a repeated key is reported once and has the span of its first value", () => {
    const text = '{"a":1,"b":{"b":0,"b":1},"a":2,"a":3}';
    const scanned = scan(text);
    assert.ok(scanned.ok);
    assert.deepEqual(scanned.value.duplicates, ["a"]);
    assert.equal(valuesOf(text)["a"], "1");
  });

  test("__proto__ and its like are keys as any other", () => {
    const scanned = scan('{"__proto__":{"x":1},"constructor":1,"toString":2,"__proto__":3}');
    assert.ok(scanned.ok);
    assert.deepEqual([...scanned.value.members.keys()], ["__proto__", "constructor", "toString"]);
    assert.deepEqual(scanned.value.duplicates, ["__proto__"]);
  });

  test("text that looks like structure within strings is text", () => {
    const value = '"},{\\"model\\":\\"x\\"\\\\';
    assert.deepEqual(valuesOf(`{"a":"${value.slice(1)}","b":1}`), { a: value + '"', b: "1" });
  });

  test("quotes far apart and close together, across the search window", () => {
    const long = "x".repeat(100_000);
    const object = { a: `${long}"${long}\\`, b: `"${"\\".repeat(50)}"`.repeat(2000), c: long };
    const text = JSON.stringify(object);
    const values = valuesOf(text);
    assert.deepEqual(JSON.parse(values["a"] ?? ""), object.a);
    assert.deepEqual(JSON.parse(values["b"] ?? ""), object.b);
    assert.deepEqual(JSON.parse(values["c"] ?? ""), object.c);
  });

  test("what is inside strings below the top-level keys is left to the parser", () => {
    for (const text of ['{"a":"line\nbreak"}', String.raw`{"a":"\x"}`, '{"a":{"b\n":1}}']) {
      assert.ok(scan(text).ok, text);
      assert.equal(parseJson(text), undefined);
    }
  });
});

describe("scanObject limits", () => {
  const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

  test("the deepest allowed nesting passes, one level more is too deep", () => {
    const scanned = scan(nested(JSON_DEPTH_MAX));
    assert.ok(scanned.ok);
    assert.equal(scanned.value.depth, JSON_DEPTH_MAX);
    const deeper = scan(nested(JSON_DEPTH_MAX + 1));
    assert.ok(!deeper.ok);
    assert.equal(deeper.error.kind, "too-deep");
    assert.match(deeper.error.message, /128 levels at byte 132/);
  });

  test("the limit is the caller's", () => {
    assert.ok(scanObject(Buffer.from(nested(3)), { depthMax: 3 }).ok);
    assert.ok(!scanObject(Buffer.from(nested(4)), { depthMax: 3 }).ok);
  });

  test("50,000 open brackets are too deep, of either kind, at once", () => {
    for (const text of ["[".repeat(50_000), '{"a":'.repeat(50_000)]) {
      const scanned = scan(text);
      assert.ok(!scanned.ok);
      assert.equal(scanned.error.kind, "too-deep");
      assert.ok(scanned.error.offset < 1000, "stops at the limit, does not read on");
    }
  });

  test("a number of a million digits and a string of a million backslashes are read in one go", () => {
    assert.ok(scan(`{"a":${"7".repeat(1_000_000)}}`).ok);
    assert.ok(scan(`{"a":"${"\\".repeat(1_000_000)}"}`).ok);
    assert.ok(!scan(`{"a":"${"\\".repeat(1_000_001)}"}`).ok);
  });
});

describe("scanObject properties", () => {
  const object = fc.dictionary(fc.oneof(fc.string({ unit: "binary" }), fc.constant("__proto__")), fc.jsonValue());

  test("spans are the members, for any object however it is spaced", () => {
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1, "\t"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const raw = Buffer.from(text);
        if (raw.toString() !== text) return; // A lone surrogate has no UTF-8.
        const scanned = scanObject(raw);
        assert.ok(scanned.ok);
        const parsed = new Map(Object.entries(JSON.parse(text) as object));
        assert.deepEqual(new Set(scanned.value.members.keys()), new Set(parsed.keys()));
        for (const [key, { start, end, keyStart }] of scanned.value.members) {
          assert.deepEqual(JSON.parse(raw.toString("utf8", start, end)), parsed.get(key));
          assert.deepEqual(JSON.parse(`{${raw.toString("utf8", keyStart, end)}}`), singleton(key, parsed));
        }
        assert.equal(scanned.value.depth, depthOf(JSON.parse(text)));
      }),
      { numRuns: 1000 },
    );
  });

  test("valid and invalid as JSON.parse says, for mutated JSON, save for the inside of strings", () => {
    const mutation = fc.record({
      at: fc.nat(),
      remove: fc.nat(2),
      add: fc.stringMatching(/^[{}[\]:,"\\0-9eE.+\- tfn\n]{0,2}$/),
    });
    const mutated = fc
      .tuple(fc.jsonValue({ maxDepth: 3 }), fc.array(mutation, { maxLength: 3 }))
      .map(([value, edits]) =>
        edits.reduce((text, { at, remove, add }) => {
          const place = at % (text.length + 1);
          return text.slice(0, place) + add + text.slice(place + remove);
        }, JSON.stringify(value)),
      );
    fc.assert(fc.property(mutated, checkAgreement), { numRuns: 5000 });
  });

  test("valid and invalid as JSON.parse says, for arbitrary tokens", () => {
    const token = fc.constantFrom("{", "}", "[", "]", ":", ",", '"a"', '"b"', "1", "-", "true", "null", " ", "1.5e3");
    const text = fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join(""));
    fc.assert(fc.property(text, checkAgreement), { numRuns: 5000 });
  });

  test("arbitrary bytes are answered, never thrown at", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
        assert.equal(typeof scanObject(new Uint8Array([0x7b, ...bytes])).ok, "boolean");
        assert.equal(typeof scanObject(bytes).ok, "boolean");
      }),
      { numRuns: 1000 },
    );
  });
});

/** What JSON.parse takes is taken; what it refuses is refused, unless only the inside of a string is wrong. */
function checkAgreement(text: string): void {
  const raw = Buffer.from(text);
  if (raw.toString() !== text) return;
  const scanned = scanObject(raw);
  const accepts = scanned.ok || scanned.error.kind === "not-object";
  const parsed = parseJson(text);
  const emptied = text.replaceAll(/"(?:[^"\\]|\\[^])*"/g, '""');
  if (parsed !== undefined) assert.ok(accepts, text);
  else assert.equal(accepts, parseJson(emptied) !== undefined && !refusesKey(scanned), text);
}

/** Top-level keys are decoded, so their inside counts. */
function refusesKey(scanned: ReturnType<typeof scanObject>): boolean {
  return !scanned.ok && scanned.error.message.includes("this key");
}

function singleton(key: string, parsed: ReadonlyMap<string, unknown>): unknown {
  return Object.fromEntries([[key, parsed.get(key)]]);
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
