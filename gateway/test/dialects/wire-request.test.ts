import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { member, wireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";

const NASTY = [
  "gpt-4o",
  "",
  "a\\b",
  'a"b',
  "\\",
  "\\\\",
  '\\"',
  "é",
  "🙂",
  "\u0000",
  "\u007f",
  "tab\t",
  "\\u0041",
  "/",
];

function modelIn(body: string): unknown {
  const raw = Buffer.from(body);
  const scan = scanObject(raw);
  assert.ok(scan.ok, body);
  return member(
    wireRequest({ path: "", pathModel: "", query: new URLSearchParams(), headers: {}, raw, scan: scan.value }),
    "model",
  );
}

test("a member that is asked for is what parsing the whole body would give", () => {
  const values = fc.oneof(
    fc.constantFrom<unknown>(...NASTY, true, false, null, 0, -1.5e3, [], {}, ["x"], { a: "\\" }),
    fc.string({ unit: "binary" }),
    fc.json().map((text): unknown => JSON.parse(text)),
  );
  fc.assert(
    fc.property(values, fc.constantFrom("", " ", "\n\t "), fc.boolean(), (value, space, escapes) => {
      let text = JSON.stringify(value);
      if (escapes)
        text = text.replaceAll("/", "\\/").replaceAll("a", (letter) => (text.startsWith('"') ? "\\u0061" : letter));
      const body = `{"before":"x",${space}"model"${space}:${space}${text}${space},"after":1}`;
      assert.deepEqual(modelIn(body), JSON.parse(body).model);
    }),
    { numRuns: 2000 },
  );
  assert.equal(modelIn('{"a":1}'), undefined);
});
