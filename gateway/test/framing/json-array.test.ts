import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrameTooLargeError } from "../../src/framing/framer.ts";
import { jsonArrayFramer } from "../../src/framing/json-array.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { checkConservation, checkFraming, type FramingCase } from "./check.ts";

const cases: readonly FramingCase[] = [
  { name: "nothing", input: "", payloads: [] },
  { name: "an empty array", input: "[]", payloads: [null] },
  { name: "one element", input: '[{"a":1}]', payloads: ['{"a":1}', null] },
  {
    name: "elements as Google sends them",
    input: '[{\r\n  "a": [1]\r\n}\r\n,\r\n{"b": {}}\r\n]\r\n',
    payloads: ['{\r\n  "a": [1]\r\n}', '{"b": {}}', null],
  },
  { name: "white space before the array", input: ' \n\t[{"a":1}]', payloads: ['{"a":1}', null] },
  { name: "brackets in strings", input: '[{"a":"}]{["},{"b":"["}]', payloads: ['{"a":"}]{["}', '{"b":"["}', null] },
  {
    name: "escaped quotes and backslashes",
    input: String.raw`[{"a":"\"}","b":"\\"},{"c":"\\\"]\\\\"}]`,
    payloads: [String.raw`{"a":"\"}","b":"\\"}`, String.raw`{"c":"\\\"]\\\\"}`, null],
  },
  {
    name: "long strings with quotes far apart",
    input: `[{"a":"${"x".repeat(300)}\\"${"y".repeat(50)}\\\\"},{"b":"${"z".repeat(40)}"}]`,
    payloads: [`{"a":"${"x".repeat(300)}\\"${"y".repeat(50)}\\\\"}`, `{"b":"${"z".repeat(40)}"}`, null],
  },
  {
    name: "characters of several bytes",
    input: '[{"a":"👋🏽é"},{"b":"日本"}]',
    payloads: ['{"a":"👋🏽é"}', '{"b":"日本"}', null],
  },
  {
    name: "a single object instead of an array",
    input: '{"error":{"code":429}}\n',
    payloads: ['{"error":{"code":429}}', null],
  },
  { name: "an array of an error", input: '[{"error":{"code":429}}\n]\n', payloads: ['{"error":{"code":429}}', null] },
  {
    name: "elements that are not objects",
    input: '["a",1, true ,null,[2,"]"]]',
    payloads: ['"a"', "1", "true", "null", '[2,"]"]', null],
  },
  { name: "a connection cut within an element", input: '[{"a":1},{"b":', payloads: ['{"a":1}'], rest: ',{"b":' },
  { name: "a connection cut within a string", input: '[{"a":"x\\', payloads: [], rest: '[{"a":"x\\' },
  { name: "a connection cut after a comma", input: '[{"a":1},', payloads: ['{"a":1}'], rest: "," },
  { name: "a connection cut before the closing bracket", input: '[{"a":1}', payloads: ['{"a":1}'] },
  { name: "a last number that may be whole", input: "[1,2", payloads: ["1", "2"] },
  { name: "not JSON", input: "<html>[{}]", payloads: [], rest: "<html>[{}]" },
  { name: "garbage after the end", input: '[{"a":1}]\n<x>[', payloads: ['{"a":1}', null], rest: "<x>[" },
  { name: "garbage after a single object", input: '{"a":1}{"b":2}', payloads: ['{"a":1}'], rest: '{"b":2}' },
];

describe("jsonArrayFramer", () => {
  for (const row of cases) test(row.name, () => checkFraming("json-array", row));

  test("a frame begins with its separator", () => {
    const { frames } = frameAll("json-array", [Buffer.from(' [{"a":1},\r\n{"b":2}\n] ')]);
    assert.deepEqual(
      frames.map(({ bytes }) => Buffer.from(bytes).toString()),
      [' [{"a":1}', ',\r\n{"b":2}', "\n] "],
    );
  });

  test("an element is given out with its last byte, not with the comma after it", () => {
    const framer = jsonArrayFramer();
    assert.equal(framer.push(Buffer.from('[{"a":1}')).length, 1);
    assert.equal(framer.push(Buffer.from(',{"a":2}')).length, 1);
    assert.equal(framer.push(Buffer.from("]")).length, 1);
    assert.deepEqual(framer.end().frames, []);
  });

  test("a frame at the limit passes, one byte more does not, however it is cut", () => {
    const bytesMax = 64;
    const atLimit = Buffer.from(`["${"x".repeat(bytesMax - 3)}"]`);
    const above = Buffer.from(`["${"x".repeat(bytesMax - 2)}"]`);
    for (const cuts of [[], [10], Array.from(above, (_, offset) => offset)]) {
      assert.equal(frameAll("json-array", cut(atLimit, cuts), bytesMax).frames.length, 2);
      assert.throws(() => frameAll("json-array", cut(above, cuts), bytesMax), FrameTooLargeError);
    }
  });

  test("any JSON array, pretty or not, cut anywhere, gives its elements", () => {
    const elements = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 5 });
    fc.assert(
      fc.property(elements, fc.constantFrom(0, 2), fc.array(fc.nat(200)), (array, indent, cuts) => {
        const { frames, rest } = frameAll("json-array", cut(Buffer.from(JSON.stringify(array, null, indent)), cuts));
        const said = frames.flatMap(({ payload }) => (payload === undefined ? [] : [JSON.parse(payload.data)]));
        assert.deepEqual(said, JSON.parse(JSON.stringify(array)));
        assert.equal(rest.length, 0);
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes, cut anywhere, come out whole and say the same", () => {
    const token = fc.constantFrom("[", "]", "{", "}", '"', "\\", ",", ":", " ", "1", "é", "true", '"a"', "\n", '\\"');
    const streamLike = fc.array(token, { maxLength: 40 }).map((tokens) => new Uint8Array(Buffer.from(tokens.join(""))));
    const arrayLike = streamLike.map((bytes) => new Uint8Array([0x5b, ...bytes]));
    const input = fc.oneof(arrayLike, streamLike, fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(input, fc.array(fc.nat(100)), (bytes, cuts) => checkConservation("json-array", bytes, cuts)),
      { numRuns: 1000 },
    );
  });
});
