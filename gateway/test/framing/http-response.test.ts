import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ResponseReader } from "../../src/framing/http-response.ts";
import { randomAnswer } from "../support/random-answers.ts";
import { seededRandom } from "../support/random.ts";
import { cut } from "../support/slicing.ts";
import { readAnswer, readHoweverCut, type ReadAnswer, type ReadOptions } from "./answers.ts";

/* Answers that are right, one after the other, and what they may take. Those that are wrong: http-response-problems.test.ts. */

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

type ValidAnswer = ReadOptions & {
  readonly name: string;
  readonly input: string;
  /** Of what is not told: a status of 200, the headers of no interest, no body, ended by itself, reusable. */
  readonly status?: number;
  readonly headers?: ReadAnswer["headers"];
  readonly body?: string;
  readonly ended?: ReadAnswer["ended"];
  readonly isReusable?: boolean;
};

const delimited: readonly ValidAnswer[] = [
  { name: "a length", input: `${OK}content-length: 3\r\n\r\nabc`, headers: { "content-length": "3" }, body: "abc" },
  { name: "a length of nothing", input: `${OK}content-length: 0\r\n\r\n` },
  { name: "a length with zeros in front", input: `${OK}content-length: 003\r\n\r\nabc`, body: "abc" },
  { name: "a body that looks like an answer", input: `${OK}content-length: 19\r\n\r\n${OK}\r\n`, body: `${OK}\r\n` },
  {
    name: "several chunks",
    input: `${CHUNKED}3\r\nabc\r\n1\r\nd\r\n2\r\n\r\n\r\n0\r\n\r\n`,
    headers: { "transfer-encoding": "chunked" },
    body: "abcd\r\n",
  },
  { name: "no chunk but the last", input: `${CHUNKED}0\r\n\r\n` },
  { name: "a last chunk of several zeros", input: `${CHUNKED}1\r\na\r\n000\r\n\r\n`, body: "a" },
  {
    name: "sizes in lower-case letters",
    input: `${CHUNKED}1a\r\n${"x".repeat(26)}\r\n0\r\n\r\n`,
    body: "x".repeat(26),
  },
  {
    name: "sizes in upper-case letters",
    input: `${CHUNKED}1F\r\n${"x".repeat(31)}\r\n0\r\n\r\n`,
    body: "x".repeat(31),
  },
  {
    name: "chunk extensions",
    input: `${CHUNKED}3;a\r\nabc\r\n1;a=b;c="d;e"\r\nd\r\n1; a = b\r\ne\r\n0;last\r\n\r\n`,
    body: "abcde",
  },
  {
    name: "trailers, which are read over",
    input: `${CHUNKED}3\r\nabc\r\n0\r\nx-sum: 1\r\nX-Empty:\r\ncontent-length: 9\r\n\r\n`,
    headers: { "transfer-encoding": "chunked" },
    body: "abc",
  },
  { name: "a coding in upper case", input: `${OK}Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n`, body: "a" },
  {
    name: "neither length nor chunks",
    input: `${OK}\r\nabc\r\n\r\n0\r\n\r\n`,
    body: "abc\r\n\r\n0\r\n\r\n",
    ended: "with the connection",
    isReusable: false,
  },
  { name: "neither, and no body", input: `${OK}\r\n`, ended: "with the connection", isReusable: false },
];

const bodyless: readonly ValidAnswer[] = [
  { name: "204", input: "HTTP/1.1 204 No Content\r\n\r\n", status: 204 },
  { name: "204 with a length of nothing", input: "HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n", status: 204 },
  // RFC 9110 §8.6, RFC 9112 §6.1: no server may send these. One that does may well send the body too, as the next answer.
  {
    name: "204 with a length is the last of its connection",
    input: "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n",
    status: 204,
    isReusable: false,
  },
  {
    name: "204 with chunks is the last of its connection",
    input: "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
    status: 204,
    isReusable: false,
  },
  { name: "304", input: "HTTP/1.1 304 Not Modified\r\n\r\n", status: 304 },
  {
    name: "304 with the length of what was not modified",
    input: "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n",
    status: 304,
    headers: { "content-length": "5" },
  },
  {
    name: "304 with chunks",
    input: "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n",
    status: 304,
  },
  { name: "HEAD", input: `${OK}content-length: 5\r\n\r\n`, method: "HEAD", headers: { "content-length": "5" } },
  { name: "HEAD with chunks", input: CHUNKED, method: "HEAD" },
  { name: "HEAD with neither", input: `${OK}\r\n`, method: "HEAD" },
];

const connections: readonly ValidAnswer[] = [
  { name: "connection: close", input: `${OK}content-length: 0\r\nconnection: close\r\n\r\n`, isReusable: false },
  { name: "Connection: Close", input: `${OK}content-length: 0\r\nConnection: Close\r\n\r\n`, isReusable: false },
  {
    name: "close among others",
    input: `${OK}content-length: 0\r\nconnection: x ,\tclose\t, y\r\n\r\n`,
    isReusable: false,
  },
  {
    name: "close in the second of two headers",
    input: `${OK}content-length: 0\r\nconnection: keep-alive\r\nconnection: close\r\n\r\n`,
    headers: { "content-length": "0", connection: "keep-alive, close" },
    isReusable: false,
  },
  { name: "connection: keep-alive", input: `${OK}content-length: 0\r\nconnection: keep-alive\r\n\r\n` },
  { name: "words that begin or end alike", input: `${OK}content-length: 0\r\nconnection: closed, x-close\r\n\r\n` },
  { name: "HTTP/1.0", input: "HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc", body: "abc", isReusable: false },
  {
    name: "HTTP/1.0 that would stay",
    input: "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n",
    isReusable: false,
  },
  {
    name: "HTTP/1.0 without a length",
    input: "HTTP/1.0 200 OK\r\n\r\nabc",
    body: "abc",
    ended: "with the connection",
    isReusable: false,
  },
  { name: "bytes behind a length", input: `${OK}content-length: 3\r\n\r\nabc\n`, body: "abc", isReusable: false },
  { name: "bytes behind no body", input: `${OK}content-length: 0\r\n\r\n\r\n`, isReusable: false },
  {
    name: "an answer behind an answer",
    input: `${OK}content-length: 1\r\n\r\na${OK}content-length: 1\r\n\r\nb`,
    body: "a",
    isReusable: false,
  },
  { name: "bytes behind the last chunk", input: `${CHUNKED}1\r\na\r\n0\r\n\r\n0`, body: "a", isReusable: false },
  { name: "a body behind 204", input: "HTTP/1.1 204 No Content\r\n\r\nabc", status: 204, isReusable: false },
  { name: "a body behind 304", input: "HTTP/1.1 304 Not Modified\r\n\r\nabc", status: 304, isReusable: false },
  {
    name: "a body behind HEAD",
    input: `${OK}content-length: 3\r\n\r\nabc`,
    method: "HEAD",
    isReusable: false,
  },
];

const heads: readonly ValidAnswer[] = [
  { name: "no reason phrase", input: "HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n", status: 404 },
  { name: "an empty reason phrase", input: "HTTP/1.1 500 \r\ncontent-length: 0\r\n\r\n", status: 500 },
  { name: "any reason phrase", input: "HTTP/1.1 529 \t: 2 \xe9\xff\r\ncontent-length: 0\r\n\r\n", status: 529 },
  { name: "a status beyond 599", input: "HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n", status: 999 },
  {
    name: "100 before the answer",
    input: `HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 1\r\n\r\na`,
    headers: { "content-length": "1" },
    body: "a",
  },
  {
    name: "102 and 103 before the answer, of which nothing is told",
    input: `HTTP/1.1 102\r\n\r\nHTTP/1.1 103 Hints\r\nlink: <x>\r\nconnection: close\r\n\r\n${OK}content-length: 1\r\n\r\na`,
    headers: { "content-length": "1" },
    body: "a",
  },
  {
    name: "repeated headers, joined",
    input: `${OK}X-A: 1\r\nx-b: 2\r\nx-a:\r\nx-A: 3\r\ncontent-length: 0\r\n\r\n`,
    headers: { "x-a": "1, , 3", "x-b": "2", "content-length": "0" },
  },
  {
    name: "blanks around values and in them",
    input: `${OK}a:1\r\nb: \t 2 \t 3\t \r\nc:\r\nd: \t\r\ncontent-length:\t0 \r\n\r\n`,
    headers: { a: "1", b: "2 \t 3", c: "", d: "", "content-length": "0" },
  },
  {
    name: "values with colons, and names of every sign",
    input: `${OK}a: b: c:\r\n!#$%&'*+-.^_\`|~9Az: 1\r\ncontent-length: 0\r\n\r\n`,
    headers: { a: "b: c:", "!#$%&'*+-.^_`|~9az": "1", "content-length": "0" },
  },
  {
    name: "bytes above 127, each a character",
    input: `${OK}x-obs: \xe9\x80\xff\xa0\r\ncontent-length: 0\r\n\r\n`,
    headers: { "x-obs": "\xe9\x80\xff\xa0", "content-length": "0" },
  },
  {
    name: "names that objects have by nature",
    input: `${OK}__proto__: 1\r\nconstructor: 2\r\nhasOwnProperty: 3\r\n__PROTO__: 4\r\n0: 5\r\ncontent-length: 0\r\n\r\n`,
    headers: { ["__proto__"]: "1, 4", constructor: "2", hasownproperty: "3", "content-length": "0", "0": "5" },
  },
];

function checkValid(row: ValidAnswer): void {
  const { headers, ...read } = readHoweverCut(row.input, row);
  if (row.headers !== undefined) assert.deepEqual(Object.entries(headers), Object.entries(row.headers));
  assert.deepEqual(read, {
    status: row.status ?? 200,
    body: row.body ?? "",
    ended: row.ended ?? "itself",
    isReusable: row.isReusable ?? true,
    problem: undefined,
  });
}

describe("where an answer ends", () => {
  for (const row of delimited) test(row.name, () => checkValid(row));
});

describe("answers without a body", () => {
  for (const row of bodyless) test(row.name, () => checkValid(row));
});

describe("whether another answer may follow", () => {
  for (const row of connections) test(row.name, () => checkValid(row));
});

describe("heads", () => {
  for (const row of heads) test(row.name, () => checkValid(row));
});

test("headers inherit nothing", () => {
  const reader = new ResponseReader(1_000);
  reader.expect("GET");
  const { head } = reader.push(Buffer.from(`${OK}__proto__: 1\r\ncontent-length: 0\r\n\r\n`));
  assert.equal(Object.getPrototypeOf(Object.getPrototypeOf(head?.headers)), null);
  assert.equal(head?.headers["toString"], undefined);
  assert.equal(head?.headers["constructor"], undefined);
});

test("more names than are remembered are still told apart", () => {
  for (let count = 0; count < 2_500; count += 1) {
    const answer = (name: string) => Buffer.from(`${OK}${name}: 1\r\ncontent-length: 0\r\n\r\n`);
    assert.equal(readAnswer([answer(`X-${count}`)]).headers[`x-${count}`], "1");
    assert.equal(readAnswer([answer(`X-${count} `)]).problem, "header");
  }
});

test("an answer is told as far as it has come, its head before its body", () => {
  const reader = new ResponseReader(1_000);
  reader.expect("POST");
  const told = ["HTTP/1.1 200", ` OK\r\ncontent-length: 5\r\n\r`, "\n", "ab", "cde"].map((text) => {
    const { head, body, ended } = reader.push(Buffer.from(text));
    return [head?.status, body === undefined ? undefined : Buffer.from(body).toString(), ended];
  });
  assert.deepEqual(told, [
    [undefined, undefined, false],
    [undefined, undefined, false],
    [200, undefined, false],
    [undefined, "ab", false],
    [undefined, "cde", true],
  ]);
});

test("the chunks of one read are one piece", () => {
  const reader = new ResponseReader(1_000);
  reader.expect("POST");
  const { body } = reader.push(Buffer.from(`${CHUNKED}1\r\na\r\n2\r\nbc\r\n3\r\nde`));
  assert.equal(Buffer.from(body ?? []).toString(), "abcde");
});

describe("one answer after the other", () => {
  const exchanges: readonly (readonly [method: string, answer: string, body: string])[] = [
    ["POST", `${OK}content-length: 3\r\n\r\nabc`, "abc"],
    ["GET", `HTTP/1.1 103 Early Hints\r\n\r\n${CHUNKED}1\r\nd\r\n0\r\nx: 1\r\n\r\n`, "d"],
    ["HEAD", `${OK}content-length: 9\r\n\r\n`, ""],
    ["POST", "HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["POST", `${CHUNKED}2\r\nef\r\n0\r\n\r\n`, "ef"],
    ["POST", `${OK}\r\nrest`, "rest"],
  ];

  test("each is read like the first", () => {
    const reader = new ResponseReader(1_000);
    for (const [method, answer, expected] of exchanges) {
      reader.expect(method);
      assert.equal(reader.isReusable, false, "while an answer is expected");
      const bodies: Uint8Array[] = [];
      let ended = false;
      for (const byte of Buffer.from(answer)) {
        assert.equal(reader.isReusable, false, "while it comes");
        const read = reader.push(Uint8Array.of(byte));
        assert.equal(read.problem, undefined);
        if (read.body !== undefined) bodies.push(read.body);
        ended ||= read.ended;
      }
      assert.equal(Buffer.concat(bodies).toString(), expected);
      const isLast = expected === "rest";
      assert.deepEqual([ended, reader.isReusable], [!isLast, !isLast]);
    }
    assert.equal(reader.end(), "complete");
    assert.equal(reader.isReusable, false);
  });

  test("bytes that nobody asked for are no answer, and make it the last", () => {
    const reader = new ResponseReader(1_000);
    reader.expect("POST");
    assert.equal(reader.push(Buffer.from(`${OK}content-length: 0\r\n\r\n`)).ended, true);
    assert.equal(reader.isReusable, true);
    const nothing = { head: undefined, body: undefined, ended: false, problem: undefined };
    assert.deepEqual({ ...reader.push(Buffer.from(`${OK}content-length: 0\r\n\r\n`)) }, nothing);
    assert.equal(reader.isReusable, false);
  });

  test("before the first question nothing is an answer", () => {
    const reader = new ResponseReader(1_000);
    assert.equal(reader.push(Buffer.from(`${OK}content-length: 0\r\n\r\n`)).head, undefined);
    assert.equal(reader.isReusable, false);
    assert.equal(reader.end(), "cut");
  });
});

for (const [delimiter, answer] of Object.entries({
  "a length": `${OK}content-length: 6\r\n\r\nabcdef`,
  chunks: `${CHUNKED}6\r\nabcdef\r\n0\r\n\r\n`,
  "several chunks": `${CHUNKED}3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n`,
  "the end of the connection": `${OK}\r\nabcdef`,
})) {
  test(`what was read stays when the memory it was read from is used again (${delimiter})`, () => {
    for (let at = 1; at < answer.length; at += 1) {
      const reader = new ResponseReader(1_000);
      reader.expect("POST");
      const memory = Buffer.alloc(answer.length);
      const bodies: Uint8Array[] = [];
      for (const text of [answer.slice(0, at), answer.slice(at)]) {
        memory.write(text, "latin1");
        const { body } = reader.push(memory.subarray(0, text.length));
        if (body !== undefined) bodies.push(body);
        memory.fill("!");
        assert.ok(bodies.every((each) => each.buffer !== memory.buffer));
      }
      assert.equal(Buffer.concat(bodies).toString(), "abcdef", `cut at ${at}`);
    }
  });
}

test("right or wrong, an answer is read the same however it is cut", () => {
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const random = seededRandom(seed);
    const { method, text } = randomAnswer(random);
    const bytes = Buffer.from(text, "latin1");
    const whole = readAnswer([bytes], { method });
    for (const count of [1, 2, 3, 5, 8, 13]) {
      const cuts = Array.from({ length: count }, () => random.below(bytes.length));
      const read = readAnswer(cut(bytes, cuts), { method });
      assert.deepEqual(read, whole, `seed ${seed}, cut at ${cuts.join(" ")}: ${JSON.stringify(text)}`);
    }
  }
});
