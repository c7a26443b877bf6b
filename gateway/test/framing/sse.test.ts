import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FrameTooLargeError } from "../../src/framing/framer.ts";
import { sseFramer } from "../../src/framing/sse.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { checkConservation, checkFraming, type FramingCase } from "./check.ts";

const emoji = "👋🏽 naïve 日本語";

const cases: readonly FramingCase[] = [
  { name: "nothing", input: "", payloads: [] },
  { name: "one event", input: 'data: {"a":1}\n\n', payloads: ['{"a":1}'] },
  { name: "a space after the colon is not needed", input: 'data:{"a":1}\n\n', payloads: ['{"a":1}'] },
  { name: "only one leading space goes", input: "data:  x\n\n", payloads: [" x"] },
  { name: "a tab is not a leading space", input: "data:\tx\n\n", payloads: ["\tx"] },
  { name: "named events", input: "event: ping\ndata: {}\n\n", payloads: [{ event: "ping", data: "{}" }] },
  { name: "the last name wins", input: "event: a\nevent: b\ndata: 1\n\n", payloads: [{ event: "b", data: "1" }] },
  { name: "a name after the data counts", input: "data: 1\nevent: b\n\n", payloads: [{ event: "b", data: "1" }] },
  { name: "a name without data", input: "event: done\n\n", payloads: [{ event: "done", data: "" }] },
  { name: "names do not last", input: "event: a\ndata: 1\n\ndata: 2\n\n", payloads: [{ event: "a", data: "1" }, "2"] },
  { name: "data lines are joined with line feeds", input: 'data: {\ndata: "a":1}\n\n', payloads: ['{\n"a":1}'] },
  { name: "an empty data line in between counts", input: "data: a\ndata\ndata: b\n\n", payloads: ["a\n\nb"] },
  { name: "data without a value says nothing", input: "data\n\ndata:\n\ndata: \n\n", payloads: [null, null, null] },
  { name: "two empty data lines are a line feed", input: "data\ndata\n\n", payloads: ["\n"] },
  { name: "a block of comments says nothing", input: ": keep-alive\n\ndata: 1\n\n", payloads: [null, "1"] },
  { name: "comments within a block are skipped", input: ": ping\ndata: 1\n: x\n\n", payloads: ["1"] },
  { name: "id, retry and unknown fields are ignored", input: "id: 7\nretry: 10\nfoo: x\ndata: 1\n\n", payloads: ["1"] },
  { name: "field names are exact", input: "datax: 1\n data: 2\nData: 3\neventually: 4\n\n", payloads: [null] },
  { name: "a colon in the value stays", input: "data: a: b\n\n", payloads: ["a: b"] },
  { name: "blank lines alone are frames", input: "\n\ndata: 1\n\n\n", payloads: [null, null, "1", null] },
  { name: "CRLF", input: "event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", payloads: [{ event: "a", data: "1" }, "2"] },
  { name: "lone CR", input: "event: a\rdata: 1\r\rdata: 2\r\r", payloads: [{ event: "a", data: "1" }, "2"] },
  {
    name: "mixed line ends",
    input: "data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\ndata: 4\n\r",
    payloads: ["1", "2", "3", "4"],
  },
  { name: "LF CR CR is a blank line more than LF CR", input: "data: 1\n\r\rdata: 2\n\n", payloads: ["1", null, "2"] },
  { name: "a byte order mark at the start", input: "\uFEFFdata: 1\n\ndata: 2\n\n", payloads: ["1", "2"] },
  { name: "a byte order mark and a comment", input: '\uFEFF: hi\ndata:{"a":\ndata:1}\n\n', payloads: ['{"a":\n1}'] },
  { name: "a byte order mark on a line of its own", input: "\uFEFF\ndata: 1\n\n", payloads: ["1"] },
  { name: "a byte order mark later is part of a name", input: "data: 1\n\n\uFEFFdata: 2\n\n", payloads: ["1", null] },
  { name: "characters of several bytes", input: `data: "${emoji}"\n\ndata: 1\n\n`, payloads: [`"${emoji}"`, "1"] },
  { name: "U+2028 and U+0085 do not end lines", input: "data: a\u2028b\u0085c\n\n", payloads: ["a\u2028b\u0085c"] },
  { name: "NUL is data", input: "data: a\0b\n\n", payloads: ["a\0b"] },
  {
    name: "invalid UTF-8 becomes U+FFFD in the payload only",
    input: Buffer.concat([Buffer.from("data: a"), Buffer.from([0xff]), Buffer.from("\n\ndata: b\n\n")]),
    payloads: ["a\uFFFD", "b"],
  },
  { name: "a last event without its blank line", input: 'data: 1\n\ndata: {"a":1}\n', payloads: ["1", '{"a":1}'] },
  { name: "a last event without any line end", input: 'data: {"a":1}', payloads: ['{"a":1}'] },
  { name: "a last [DONE] without its blank line", input: "data: [DONE]", payloads: ["[DONE]"] },
  { name: "a last event that is cut", input: 'data: 1\n\ndata: {"a":', payloads: ["1"], rest: 'data: {"a":' },
  { name: "a last event cut in its field name", input: "data: 1\n\nda", payloads: ["1"], rest: "da" },
  { name: "a last name without data is no event", input: "event: done\n", payloads: [], rest: "event: done\n" },
  { name: "a last comment", input: "data: 1\n\n: bye\n", payloads: ["1"], rest: ": bye\n" },
  { name: "a blank line that ends with a CR at the end", input: "data: x\r\n\r", payloads: ["x"] },
  { name: "not an event stream", input: "<html>\n<body>", payloads: [], rest: "<html>\n<body>" },
  { name: "a JSON body instead of a stream", input: '{"error":{}}', payloads: [], rest: '{"error":{}}' },
];

describe("sseFramer", () => {
  for (const row of cases) test(row.name, () => checkFraming("sse", row));

  test("line feeds, CRLF and lone CR say the same", () => {
    const text = `event: a\ndata: "${emoji}"\n\n: c\n\ndata: {\ndata: }\n\n`;
    const [lineFeed, both, carriageReturn] = ["\n", "\r\n", "\r"].map((end) =>
      frameAll("sse", [Buffer.from(text.replaceAll("\n", end))]).frames.map(({ payload }) => payload),
    );
    assert.deepEqual(both, lineFeed);
    assert.deepEqual(carriageReturn, lineFeed);
  });

  test("a frame that ends with CR waits for the byte that may complete the line end", () => {
    const framer = sseFramer();
    assert.deepEqual(framer.push(Buffer.from("data: 1\r\r")), []);
    const [frame] = framer.push(Buffer.from("\n"));
    assert.equal(Buffer.from(frame?.bytes ?? []).toString(), "data: 1\r\r\n");
  });

  test("frames that arrive in one chunk are views of it", () => {
    const chunk = Buffer.from("data: 1\n\ndata: 2\n\ndata: 3");
    for (const frame of sseFramer().push(chunk)) assert.equal(frame.bytes.buffer, chunk.buffer);
  });

  test("leftover bytes hold on to the chunk they came in only when they are most of it", () => {
    for (const [size, isView] of [
      [10, false],
      [2000, false],
      [60_000, true],
    ] as const) {
      const chunk = new Uint8Array(Buffer.from(`data: ${"x".repeat(20_000)}\n\n${"y".repeat(size)}`));
      const framer = sseFramer();
      framer.push(chunk);
      assert.equal(framer.end().rest.buffer === chunk.buffer, isView, `${size} bytes left over`);
    }
  });

  test("a frame at the limit passes, one byte more does not, however it is cut", () => {
    const bytesMax = 64;
    const limit = { frameBytesMax: bytesMax };
    const atLimit = Buffer.from(`data: ${"x".repeat(bytesMax - 8)}\n\n`);
    const above = Buffer.from(`data: ${"x".repeat(bytesMax - 7)}\n\n`);
    for (const cuts of [[], [10], [bytesMax - 1], Array.from(above, (_, offset) => offset)]) {
      assert.equal(frameAll("sse", cut(atLimit, cuts), bytesMax).frames.length, 1);
      assert.throws(() => frameAll("sse", cut(above, cuts), bytesMax), FrameTooLargeError);
    }
    assert.deepEqual(sseFramer(limit).push(Buffer.alloc(bytesMax, "x")), []);
    assert.throws(() => sseFramer(limit).push(Buffer.alloc(bytesMax + 1, "x")), FrameTooLargeError);
  });

  test("frames under the limit pass, whatever they add up to", () => {
    const stream = Buffer.from("data: 1\n\n".repeat(100));
    assert.equal(frameAll("sse", [stream], 16).frames.length, 100);
  });

  test("a frame in many pieces costs in proportion to its size", () => {
    // Quadratic joining takes four times as long for twice the size, and at this size hundreds of times as long.
    const small = bestTimeMs(4 * 1024 * 1024);
    const large = bestTimeMs(8 * 1024 * 1024);
    assert.ok(large < 3.5 * small + 5, `4 MiB took ${small} ms, 8 MiB ${large} ms`);
  });

  test("any bytes, cut anywhere, come out whole and say the same", () => {
    const token = fc.constantFrom(
      "data",
      "event",
      ":",
      " ",
      "\n",
      "\r",
      "\r\n",
      "\n\n",
      "\uFEFF",
      "é",
      "{}",
      "[DONE]",
      "x",
    );
    const streamLike = fc.array(token, { maxLength: 40 }).map((tokens) => new Uint8Array(Buffer.from(tokens.join(""))));
    const input = fc.oneof(streamLike, fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(input, fc.array(fc.nat(120)), (bytes, cuts) => checkConservation("sse", bytes, cuts)),
      { numRuns: 1000 },
    );
  });
});

function bestTimeMs(size: number): number {
  const pieceBytes = 1448;
  const stream = Buffer.from(`data: "${"x".repeat(size)}"\n\n`);
  const pieces = cut(
    stream,
    Array.from({ length: Math.ceil(stream.length / pieceBytes) }, (_, index) => index * pieceBytes),
  );
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now();
    assert.equal(frameAll("sse", pieces).frames.length, 1);
    return performance.now() - start;
  });
  return Math.min(...times);
}
