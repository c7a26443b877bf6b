import assert from "node:assert/strict";
import { test } from "node:test";
import { hasLongNumber, parseExact, stringifyExact } from "../../src/lib/json-exact.ts";

const rows = [
  ['{"id":12345678901234567890}', '{"id":12345678901234567890}'],
  ['{"list":[-9007199254740993, 1.10, 1e400, 7]}', '{"list":[-9007199254740993,1.10,1e400,7]}'],
  ['{"text":"12345678901234567890","ok":true,"none":null}', '{"text":"12345678901234567890","ok":true,"none":null}'],
] as const;

for (const [text, expected] of rows) {
  test(`numbers keep their spelling: ${text}`, () => {
    const value = parseExact(text);
    assert.ok(value !== undefined);
    assert.equal(stringifyExact(value), expected);
  });
}

test("text that is not JSON parses to nothing", () => {
  assert.equal(parseExact("{"), undefined);
});

test("a run of 16 digits is long, one of 15 is not, wherever it stands", () => {
  for (let offset = 0; offset < 40; offset += 1) {
    const bytes = (digits: number) => new TextEncoder().encode(`${" ".repeat(offset)}${"7".repeat(digits)}x`);
    assert.equal(hasLongNumber(bytes(16)), true, `16 digits after ${offset}`);
    assert.equal(hasLongNumber(bytes(15)), false, `15 digits after ${offset}`);
  }
  assert.equal(hasLongNumber(new TextEncoder().encode("9".repeat(16))), true);
  assert.equal(hasLongNumber(new Uint8Array()), false);
});
