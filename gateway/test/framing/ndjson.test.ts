import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrameTooLargeError } from "../../src/framing/framer.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { checkConservation, checkFraming, type FramingCase } from "./check.ts";

const cases: readonly FramingCase[] = [
  { name: "nothing", input: "", payloads: [] },
  { name: "one document per line", input: '{"a":1}\n{"b":2}\n', payloads: ['{"a":1}', '{"b":2}'] },
  { name: "CRLF", input: '{"a":1}\r\n{"b":2}\r\n', payloads: ['{"a":1}', '{"b":2}'] },
  { name: "blank lines say nothing", input: '\n{"a":1}\n \r\n', payloads: [null, '{"a":1}', null] },
  { name: "characters of several bytes", input: '{"a":"👋🏽é"}\n1\n', payloads: ['{"a":"👋🏽é"}', "1"] },
  { name: "a last document without its line feed", input: '1\n{"a":1}', payloads: ["1", '{"a":1}'] },
  { name: "a last document that is cut", input: '1\n{"a":', payloads: ["1"], rest: '{"a":' },
  { name: "a line that is not JSON is a frame all the same", input: "<html>\n", payloads: ["<html>"] },
];

describe("ndjsonFramer", () => {
  for (const row of cases) test(row.name, () => checkFraming("ndjson", row));

  test("a frame at the limit passes, one byte more does not, however it is cut", () => {
    for (const cuts of [[], [10], [63]]) {
      assert.equal(frameAll("ndjson", cut(Buffer.from(`${"1".repeat(63)}\n`), cuts), 64).frames.length, 1);
      const above = Buffer.from(`${"1".repeat(64)}\n`);
      assert.throws(() => frameAll("ndjson", cut(above, cuts), 64), FrameTooLargeError);
    }
  });

  test("any bytes, cut anywhere, come out whole and say the same", () => {
    const token = fc.constantFrom("{}", "\n", "\r", " ", "1", "é", '"a"', "{");
    const lines = fc.array(token, { maxLength: 30 }).map((tokens) => new Uint8Array(Buffer.from(tokens.join(""))));
    fc.assert(
      fc.property(fc.oneof(lines, fc.uint8Array({ maxLength: 60 })), fc.array(fc.nat(60)), (bytes, cuts) =>
        checkConservation("ndjson", bytes, cuts),
      ),
      { numRuns: 500 },
    );
  });
});
