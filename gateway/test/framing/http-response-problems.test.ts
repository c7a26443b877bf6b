import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ResponseReader, type ResponseProblem } from "../../src/framing/http-response.ts";
import { readAnswer, readHoweverCut } from "./answers.ts";

/* Answers that are none, and what an answer may take at most. */

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

type InvalidAnswer = {
  readonly name: string;
  readonly input: string;
  readonly method?: string;
};

const withHeader = (header: string): string => `${OK}${header}\r\ncontent-length: 0\r\n\r\n`;
const withLength = (header: string): string => `${OK}${header}\r\n\r\nabc`;
const withCoding = (coding: string): string => `${OK}transfer-encoding: ${coding}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`;
const withSize = (size: string): string => `${CHUNKED}${size}\r\nabc\r\n0\r\n\r\n`;
const withTrailer = (trailer: string): string => `${CHUNKED}3\r\nabc\r\n0\r\n${trailer}\r\n\r\n`;
const statusLine = (line: string): InvalidAnswer => ({
  name: JSON.stringify(line),
  input: `${line}\r\ncontent-length: 0\r\n\r\n`,
});

const invalid: Readonly<Record<ResponseProblem, readonly InvalidAnswer[]>> = {
  "status-line": [
    ...[
      "HTTP/2.0 200 OK",
      "HTTP/2 200 OK",
      "HTTP/1.2 200 OK",
      "HTTP/0.9 200 OK",
      "HTTP/11.1 200 OK",
      "HTTP/1.1.1 200 OK",
      "http/1.1 200 OK",
      "Http/1.1 200 OK",
      "HTTP/1.1 20 OK",
      "HTTP/1.1 2000 OK",
      "HTTP/1.1 020 OK",
      "HTTP/1.1 000 OK",
      "HTTP/1.1 -20 OK",
      "HTTP/1.1 2x0 OK",
      "HTTP/1.1 200OK",
      "HTTP/1.1 OK",
      "HTTP/1.1 ",
      "HTTP/1.1",
      "HTTP/1.1  200 OK",
      "HTTP/1.1\t200 OK",
      "HTTP/1.1 200\tOK",
      " HTTP/1.1 200 OK",
      "\0HTTP/1.1 200 OK",
      "HTTP/1.1 200 O\0K",
      "HTTP/1.1 200 O\x7fK",
      "HTTP/1.1 200 O\rK",
      "HTTP/1.1 200 O\nK",
      "SSH-2.0-OpenSSH_9",
      "GET / HTTP/1.1",
      "content-type: a/b",
    ].map(statusLine),
    { name: "a blank line in front", input: `\r\n${OK}content-length: 0\r\n\r\n` },
    { name: "nothing but blank lines", input: "\r\n\r\n" },
    { name: "a bare line feed behind it", input: "HTTP/1.1 200 OK\nx: 1\r\ncontent-length: 0\r\n\r\n" },
    { name: "a bare carriage return behind it", input: "HTTP/1.1 200 OK\rcontent-length: 0\r\n\r\n" },
    { name: "nothing of the kind behind an interim answer", input: "HTTP/1.1 100 Continue\r\n\r\nabc\r\n\r\n" },
  ],
  header: [
    { name: "a bare line feed between two", input: withHeader("a: 1\nb: 2") },
    { name: "a bare line feed at the end", input: `${OK}content-length: 0\n\r\n\r\n` },
    { name: "a bare carriage return between two", input: withHeader("a: 1\rb: 2") },
    { name: "a bare carriage return at the end", input: withHeader("a: 1\r") },
    { name: "a bare carriage return at the beginning", input: withHeader("\ra: 1") },
    { name: "a folded line", input: withHeader("a: 1\r\n b") },
    { name: "a folded line with a tab", input: withHeader("a: 1\r\n\tb") },
    { name: "a folded line that looks like a header", input: withHeader("a: 1\r\n content-length: 5") },
    { name: "a blank in front of the first", input: withHeader(" a: 1") },
    { name: "a blank before the colon", input: withHeader("a : 1") },
    { name: "a tab before the colon", input: withHeader("content-length\t: 0") },
    { name: "a blank in a name", input: withHeader("a b: 1") },
    { name: "no name", input: withHeader(": 1") },
    { name: "no colon", input: withHeader("a") },
    { name: "no colon, and one in the next line", input: withHeader("a\r\nb: 1") },
    ...["(", ")", "<", ">", "@", ",", ";", "\\", '"', "/", "[", "]", "?", "=", "{", "}", "\xe9", "\0", "\x7f"].map(
      (sign) => ({ name: `${JSON.stringify(sign)} in a name`, input: withHeader(`a${sign}: 1`) }),
    ),
    ...["\0", "\x01", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f"].map((sign) => ({
      name: `${JSON.stringify(sign)} in a value`,
      input: withHeader(`a: b${sign}c`),
    })),
    { name: "one of an interim answer", input: `HTTP/1.1 103 Early Hints\r\na : 1\r\n\r\n${withHeader("b: 1")}` },
  ],
  length: [
    ...["+3", "-3", "3 3", "3, 3", "3,", "0x3", "3.0", "3e0", "3;", "a", "\xb3", "", " ", "Infinity"].map((length) => ({
      name: JSON.stringify(length),
      input: withLength(`content-length: ${length}`),
    })),
    { name: "two that differ", input: withLength("content-length: 3\r\ncontent-length: 2") },
    { name: "two that say the same", input: withLength("content-length: 3\r\nContent-Length: 3") },
    { name: "two, of which one is empty", input: withLength("content-length: 3\r\ncontent-length:") },
    { name: "a length, then chunks", input: withLength("content-length: 3\r\ntransfer-encoding: chunked") },
    { name: "chunks, then a length", input: withLength("transfer-encoding: chunked\r\ncontent-length: 3") },
    { name: "a length and another coding", input: withLength("content-length: 3\r\ntransfer-encoding: gzip") },
    { name: "a length that is none, in answer to HEAD", input: `${OK}content-length: x\r\n\r\n`, method: "HEAD" },
    { name: "a length that is none, with 204", input: "HTTP/1.1 204 No Content\r\ncontent-length: x\r\n\r\n" },
    { name: "more digits than are exact", input: withLength(`content-length: ${"0".repeat(15)}3`) },
  ],
  coding: [
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "chunked,",
    ", chunked",
    "chunked;q=1",
    "identity",
    "xchunked",
    "chunkedx",
    "chun ked",
    '"chunked"',
    "chunked\xa0",
    "",
  ].map((coding) => ({ name: JSON.stringify(coding), input: withCoding(coding) })),
  chunk: [
    ...["", " 3", "3 ", "\t3", "3\t", "0x3", "+3", "-3", "3,", "3g", "g", "3 ;a=b", "3\0", "\xb3", ":3"].map(
      (size) => ({
        name: `the size ${JSON.stringify(size)}`,
        input: withSize(size),
      }),
    ),
    // RFC 9112 §7.1.1. A quotation mark without its partner is where some readers go on into the next line.
    ...["3;", "3;;a", "3;a b", "3;a=b=c", '3;a="b', '3;a="b"c', "3;a=\xe9", "3;a=b "].map((size) => ({
      name: `the extension of ${JSON.stringify(size)}`,
      input: withSize(size),
    })),
    ...["3;a=\0", "3;a=\x01", "3;a=\x7f", "3;a\r;b"].map((size) => ({
      name: `the extension of ${JSON.stringify(size)}`,
      input: withSize(size),
    })),
    { name: "a size of fourteen digits", input: withSize(`${"0".repeat(13)}3`) },
    { name: "a size beyond all memory", input: withSize("ffffffffffffffff") },
    { name: "a bare line feed behind a size", input: `${CHUNKED}3\nabc\r\n0\r\n\r\n` },
    { name: "a bare line feed behind an extension", input: `${CHUNKED}3;a=b\nabc\r\n0\r\n\r\n` },
    { name: "a bare carriage return behind a size", input: `${CHUNKED}3\rabc\r\n0\r\n\r\n` },
    { name: "a blank line in front of the first size", input: `${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n` },
    { name: "longer than it says", input: `${CHUNKED}3\r\nabcd\r\n0\r\n\r\n` },
    { name: "shorter than it says", input: `${CHUNKED}4\r\nabc\r\n0\r\n\r\n` },
    { name: "no line end behind it", input: `${CHUNKED}3\r\nabc0\r\n\r\n` },
    { name: "a bare line feed behind it", input: `${CHUNKED}3\r\nabc\n0\r\n\r\n` },
    { name: "a bare carriage return behind it", input: `${CHUNKED}3\r\nabc\r0\r\n\r\n` },
    { name: "a blank behind it", input: `${CHUNKED}3\r\nabc \r\n0\r\n\r\n` },
    ...["a", ": 1", "a : 1", " a: 1", "a: 1\r\n b", "a(: 1", "a: \0", "a: \x7f", "a: 1\rb: 2", "a: 1\nb: 2"].map(
      (trailer) => ({ name: `the trailer ${JSON.stringify(trailer)}`, input: withTrailer(trailer) }),
    ),
    { name: "a bare line feed at the very end", input: `${CHUNKED}3\r\nabc\r\n0\r\n\n` },
  ],
  upgrade: [
    { name: "101", input: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n" },
    { name: "101 without a word", input: `HTTP/1.1 101\r\n\r\n${OK}content-length: 0\r\n\r\n` },
    { name: "101 after another interim answer", input: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101\r\n\r\n" },
  ],
  cut: [
    { name: "nothing at all", input: "" },
    { name: "in the status line", input: "HTTP/1.1 20" },
    { name: "in the head", input: `${OK}content-length: 0\r\n\r` },
    { name: "behind an interim answer", input: "HTTP/1.1 100 Continue\r\n\r\n" },
    { name: "before a body", input: `${OK}content-length: 3\r\n\r\n` },
    { name: "in a body", input: `${OK}content-length: 3\r\n\r\nab` },
    { name: "before the first chunk", input: CHUNKED },
    { name: "in a size", input: `${CHUNKED}3` },
    { name: "in a chunk", input: `${CHUNKED}3\r\nab` },
    { name: "behind a chunk", input: `${CHUNKED}3\r\nabc\r\n` },
    { name: "behind the last size", input: `${CHUNKED}3\r\nabc\r\n0\r\n` },
    { name: "in the trailers", input: `${CHUNKED}3\r\nabc\r\n0\r\na: 1\r\n` },
    { name: "in the last line end", input: `${CHUNKED}3\r\nabc\r\n0\r\n\r` },
    { name: "a head of bare line feeds, which never ends", input: "HTTP/1.1 200 OK\ncontent-length: 0\n\n" },
    { name: "a head of bare carriage returns, likewise", input: "HTTP/1.1 200 OK\rcontent-length: 0\r\r" },
  ],
  // Below, with what still is one.
  "head-too-large": [],
  interim: [],
};

for (const problem of Object.keys(invalid) as ResponseProblem[]) {
  describe(problem, () => {
    for (const { name, input, method } of invalid[problem]) {
      test(name, () => {
        const read = readHoweverCut(input, { method });
        assert.deepEqual([read.problem, read.ended, read.isReusable], [problem, "never", false]);
        const isOfHead = ["status-line", "header", "length", "coding", "upgrade"].includes(problem);
        if (isOfHead) assert.deepEqual([read.status, read.body], [undefined, ""]);
      });
    }
  });
}

test("what came before a problem is told beside it", () => {
  const reader = new ResponseReader(1_000);
  reader.expect("POST");
  const { head, body, problem } = reader.push(Buffer.from(`${CHUNKED}3\r\nabc\r\n2\r\nde\r\nx\r\n`));
  assert.deepEqual([head?.status, Buffer.from(body ?? []).toString(), problem], [200, "abcde", "chunk"]);
});

/** What is read without a problem at `most`, and how one more is refused. */
type Limit = {
  readonly name: string;
  readonly most: number;
  readonly input: (count: number) => string;
  readonly problem: ResponseProblem;
  readonly headBytesMax?: number;
};

/** A head of so many bytes. */
const headOf = (bytes: number): string => `${OK}content-length: 0\r\nx: ${"y".repeat(bytes - 43)}\r\n\r\n`;
const interimOf = (bytes: number): string => `HTTP/1.1 103 ${"y".repeat(bytes - 17)}\r\n\r\n`;

const limits: readonly Limit[] = [
  { name: "bytes of a head", most: 300, headBytesMax: 300, input: headOf, problem: "head-too-large" },
  {
    name: "bytes of a head, with a body behind it",
    most: 300,
    headBytesMax: 300,
    input: (bytes) => headOf(bytes).replace("length: 0", "length: 9").concat("123456789"),
    problem: "head-too-large",
  },
  {
    name: "bytes of each of several heads",
    most: 200,
    headBytesMax: 200,
    input: (bytes) => interimOf(bytes) + interimOf(bytes) + headOf(200),
    problem: "head-too-large",
  },
  {
    name: "interim answers",
    most: 1_000,
    input: (count) => "HTTP/1.1 102\r\n\r\n".repeat(count) + headOf(100),
    problem: "interim",
  },
  {
    name: "digits of a length",
    most: 15,
    input: (count) => withLength(`content-length: ${"3".padStart(count, "0")}`),
    problem: "length",
  },
  {
    name: "digits of a chunk's size",
    most: 13,
    input: (count) => withSize("3".padStart(count, "0")),
    problem: "chunk",
  },
  // A line's carriage return is one of its bytes.
  {
    name: "bytes of a size's line",
    most: 4_095,
    input: (count) => withSize("3;a=".padEnd(count, "b")),
    problem: "chunk",
  },
  {
    name: "bytes of a trailer",
    most: 4_095,
    input: (count) => withTrailer("a: ".padEnd(count, "b")),
    problem: "chunk",
  },
  {
    name: "trailers",
    most: 100,
    input: (count) => withTrailer(Array(count).fill("a: 1").join("\r\n")),
    problem: "chunk",
  },
];

describe("limits", () => {
  for (const { name, most, input, problem, headBytesMax } of limits) {
    test(`${most} ${name}, and one more`, () => {
      const within = readHoweverCut(input(most), { headBytesMax });
      assert.deepEqual([within.problem, within.ended, within.isReusable], [undefined, "itself", true]);
      const beyond = readHoweverCut(input(most + 1), { headBytesMax });
      assert.deepEqual([beyond.problem, beyond.ended, beyond.isReusable], [problem, "never", false]);
    });
  }

  test("each answer of a connection may take as much", () => {
    for (const { most, input, headBytesMax } of limits) {
      const reader = new ResponseReader(headBytesMax ?? 65_536);
      for (let count = 0; count < 2; count += 1) {
        reader.expect("POST");
        const { ended, problem } = reader.push(Buffer.from(input(most)));
        assert.deepEqual([ended, problem], [true, undefined]);
      }
    }
  });

  test("a head without end is refused with its first byte too many", () => {
    const reader = new ResponseReader(300);
    reader.expect("POST");
    assert.equal(reader.push(Buffer.from(`${OK}x: `.padEnd(300, "y"))).problem, undefined);
    assert.equal(reader.push(Buffer.from("y")).problem, "head-too-large");
  });

  test("a line without end is refused with its first byte too many", () => {
    // What comes before, and how much of it belongs to the line.
    const lines = [
      ["3;a=", 4],
      ["3\r\nabc\r\n3;a=", 4],
      ["3\r\nabc", 0],
      ["0\r\na: ", 3],
    ] as const;
    for (const [before, bytes] of lines) {
      const reader = new ResponseReader(300);
      reader.expect("POST");
      assert.equal(reader.push(Buffer.from(CHUNKED + before)).problem, undefined);
      assert.equal(reader.push(Buffer.from("b".repeat(4_096 - bytes))).problem, undefined);
      assert.equal(reader.push(Buffer.from("b")).problem, "chunk");
    }
  });

  test("the largest sizes are read as what they are", () => {
    for (const [before, size] of [
      [`${OK}content-length: 999999999999999\r\n\r\n`, 999_999_999_999_999],
      [`${CHUNKED}fffffffffffff\r\n`, 0xf_ffff_ffff_ffff],
    ] as const) {
      assert.ok(Number.isSafeInteger(size));
      const read = readAnswer([Buffer.from(`${before}abc`)]);
      assert.deepEqual([read.problem, read.body, read.ended], ["cut", "abc", "never"]);
    }
  });
});
