import type { Random } from "./random.ts";

/*
 * Answers to an HTTP request, as bytes a character: right in most of their parts, and nearly right in some. What a parser makes
 * of a part that is nearly right is where two parsers part ways.
 */

export type RandomAnswer = {
  readonly method: "GET" | "HEAD" | "POST";
  /** One byte a character. */
  readonly text: string;
};

type Choices = readonly [string, ...string[]];

/** One in so many parts is nearly right only. */
const ODD = 14;

const STATUS_LINES: Choices = ["200 OK", "200 OK", "201 Created", "404 Not Found", "500 ", "529 Site is overloaded"];
const ODD_STATUS_LINES: Choices = [
  "HTTP/1.0 200 OK",
  "HTTP/2.0 200 OK",
  "HTTP/1.2 200 OK",
  "HTTP/0.9 200 OK",
  "http/1.1 200 OK",
  "HTTP/1.1 200",
  "HTTP/1.1  200 OK",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 OK",
  "HTTP/1.1 700 OK",
  "HTTP/1.1 200OK",
  "HTTP/1.1 200 \xd6K\t\xff",
  "HTTP/1.1 200 O\0K",
  "HTTP/1.1 204 No Content",
  "HTTP/1.1 304 Not Modified",
  "HTTP/1.1 100 Continue",
  "HTTP/1.1 101 Switching Protocols",
  "HTTP/1.1 103 Early Hints",
  " HTTP/1.1 200 OK",
  "\r\nHTTP/1.1 200 OK",
  "ICY 200 OK",
  "RTSP/1.0 200 OK",
  "",
];

const HEADERS: Choices = [
  "content-type: application/json",
  "X-Request-Id: abc",
  "x-twice: 1",
  "X-Twice: 2",
  "connection: keep-alive",
  "Connection: close",
  "keep-alive: timeout=5, max=100",
  "date:Thu, 01 Jan 1970 00:00:00 GMT",
  "x-empty:",
  "x-blank: \t ",
  "x-around: \t a b \t",
  "x-obs: \xe9\xff",
  "__proto__: 1",
  "constructor: 2",
  "trailer: x-sum",
];
const ODD_HEADERS: Choices = [
  "x-space : 1",
  " x-folded: 1",
  "\tfolded",
  "x-none",
  ": nameless",
  "x(y): 1",
  "x\xe9: 1",
  "x y: 1",
  "x-control: a\x01b",
  "x-nul: a\0b",
  "x-delete: a\x7fb",
  "x-vertical: a\vb",
  "x-return: a\rb",
  "x-feed: a\nb",
  "upgrade: websocket",
  "connection: upgrade",
  "connection: close, keep-alive",
  "content-length : 3",
  "transfer-encoding : chunked",
  "content-length:\r\n 3",
];

const ODD_LENGTHS: Choices = [
  "+3",
  "-3",
  "3 3",
  "3,3",
  "3, 3",
  "3;",
  "0x3",
  "3.0",
  "1e1",
  "0000000000000003",
  "",
  " ",
  "\t3 ",
  "003",
  "99999999999999999999",
  "18446744073709551619",
  "\xb3",
  "three",
];
const ODD_CODINGS: Choices = [
  "CHUNKED",
  "Chunked",
  " chunked \t",
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
  "",
  '"chunked"',
];
const ODD_SIZES: Choices = [
  "",
  " 3",
  "3 ",
  "3\t",
  "03",
  "0000000000003",
  "00000000000000000003",
  "0x3",
  "+3",
  "-3",
  "3,",
  "3g",
  "4",
  "2",
  "ffffffffffffffff",
  "10000000000000003",
  "3;",
  "3;a",
  "3;a=b",
  '3;a="b;c"',
  '3;a="b',
  "3;a=\x01",
  "3;a=\xe9",
  "3 ;a=b",
  "3; a = b",
  "3;;",
  "3;a=b=c",
  "3;a b",
  '3;a="b"c',
  '3;a="b\\"c"',
  "3;a=b ",
  "3;a=b;c",
  "3;\tb",
  "3\0",
];
const TRAILERS: Choices = ["", "", "", "x-sum: 1\r\n", "x-sum: 1\r\nx-more: 2\r\n"];
const ODD_TRAILERS: Choices = [
  "x-sum : 1\r\n",
  " folded\r\n",
  "x-none\r\n",
  ": nameless\r\n",
  "x: a\x01\r\n",
  "x: 1\n",
  "x: 1\r",
  "content-length: 3\r\n",
  "transfer-encoding: chunked\r\n",
  "x: \xe9\r\n",
];
const LINE_ENDS: Choices = ["\n", "\r", "\r\r\n", "\n\r\n", " \r\n", "\r\n ", "\r\n\r\n", ""];
const SURPLUS: Choices = ["x", "\r\n", "\n", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "0\r\n\r\n", "\0"];
/** What a single wrong byte is most likely to matter with. */
const BYTES: Choices = ["\r", "\n", "\0", " ", "\t", ":", ";", ",", "0", "a", "\xff", "\x7f"];
const CHUNKED = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const BODIES: Choices = ["", "abc", "abc", "0123456789", "\r\n\r\n", "\0\xff\r\n0\r\n\r\n"];

/** Every part that is nearly right, in an answer that is right otherwise. */
export function* oddAnswers(): Iterable<RandomAnswer> {
  const ok = "HTTP/1.1 200 OK\r\n";
  const length = "content-length: 3\r\n\r\nabc";
  const answers = [
    ...ODD_STATUS_LINES.map((line) => `${line}\r\n${length}`),
    ...ODD_STATUS_LINES.map((line) => `${line}\r\n\r\n${ok}${length}`),
    ...ODD_HEADERS.map((header) => `${ok}${header}\r\n${length}`),
    ...ODD_HEADERS.map((header) => `${ok}${header}\r\n\r\nabc`),
    ...ODD_LENGTHS.map((odd) => `${ok}content-length: ${odd}\r\n\r\nabc`),
    ...ODD_LENGTHS.map((odd) => `${ok}content-length: ${odd}\r\n${length}`),
    ...ODD_CODINGS.map((coding) => `${ok}transfer-encoding: ${coding}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`),
    ...ODD_CODINGS.map((coding) => `${ok}transfer-encoding: ${coding}\r\n${length}`),
    ...ODD_SIZES.map((size) => `${CHUNKED}${size}\r\nabc\r\n0\r\n\r\n`),
    ...ODD_SIZES.map((size) => `${CHUNKED}3\r\nabc\r\n${size.replace("3", "0")}\r\n\r\n`),
    ...[...TRAILERS, ...ODD_TRAILERS].map((trailers) => `${CHUNKED}3\r\nabc\r\n0\r\n${trailers}\r\n`),
    ...SURPLUS.flatMap((surplus) => [`${ok}${length}${surplus}`, `${CHUNKED}0\r\n\r\n${surplus}`]),
    ...LINE_ENDS.flatMap((end) => [
      `HTTP/1.1 200 OK${end}${length}`,
      `${ok}content-length: 3${end}\r\nabc`,
      `${ok}content-length: 3\r\n${end}abc`,
      `${CHUNKED}3${end}abc\r\n0\r\n\r\n`,
      `${CHUNKED}3\r\nabc${end}0\r\n\r\n`,
      `${CHUNKED}3\r\nabc\r\n0${end}\r\n`,
      `${CHUNKED}3\r\nabc\r\n0\r\n${end}`,
    ]),
  ];
  for (const text of answers) {
    yield { method: "GET", text };
    yield { method: "HEAD", text };
  }
}

export function randomAnswer(random: Random): RandomAnswer {
  const body = random.pick(BODIES);
  const interim = isOdd(random) ? `HTTP/1.1 ${random.pick(["103 Early Hints", "102 "])}\r\nlink: <x>\r\n\r\n` : "";
  const statusLine = isOdd(random) ? random.pick(ODD_STATUS_LINES) : `HTTP/1.1 ${random.pick(STATUS_LINES)}`;
  const headers = Array.from({ length: random.below(4) }, () => header(random));
  const [framing, framed] = frame(random, body);
  for (const line of framing) headers.splice(random.below(headers.length + 1), 0, line);
  const lines = [statusLine, ...headers].map((line) => line + lineEnd(random));
  const surplus = isOdd(random) ? random.pick(SURPLUS) : "";
  const text = `${interim}${lines.join("")}${lineEnd(random)}${framed}${surplus}`;
  return {
    method: random.pick(["GET", "GET", "GET", "POST", "HEAD"]),
    text: isOdd(random) ? mutated(random, text) : text,
  };
}

function isOdd(random: Random): boolean {
  return random.below(ODD) === 0;
}

function header(random: Random): string {
  return random.pick(isOdd(random) ? ODD_HEADERS : HEADERS);
}

function lineEnd(random: Random): string {
  return random.below(5 * ODD) === 0 ? random.pick(LINE_ENDS) : "\r\n";
}

/** The lines that delimit a body, and the body as they delimit it. */
function frame(random: Random, body: string): [string[], string] {
  const length = `Content-Length: ${body.length}`;
  switch (random.below(9)) {
    case 0:
      return [[], body];
    case 1:
      return [[`content-length: ${isOdd(random) ? body.length + 1 : random.pick(ODD_LENGTHS)}`], body];
    case 2:
      return [[`transfer-encoding: ${random.pick(ODD_CODINGS)}`], chunked(random, body)];
    case 3:
      return isOdd(random)
        ? [[length, `content-length: ${random.pick([String(body.length), "1", ""])}`], body]
        : [[length], body];
    case 4:
      return isOdd(random)
        ? [[length, "transfer-encoding: chunked"], chunked(random, body)]
        : [["transfer-encoding: chunked"], chunked(random, body)];
    case 5:
    case 6:
      return [["Transfer-Encoding: chunked"], chunked(random, body)];
    default:
      return [[length], body];
  }
}

function chunked(random: Random, body: string): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + random.below(body.length));
    const size = piece.length.toString(16);
    const extension = isOdd(random) ? random.pick([";a=b", ';a="b c"', ";a"]) : "";
    const isWrong = random.below(2 * ODD) === 0;
    text += `${isWrong ? random.pick(ODD_SIZES) : size + extension}${lineEnd(random)}${piece}${lineEnd(random)}`;
    at += piece.length;
  }
  const trailers = random.pick(isOdd(random) ? ODD_TRAILERS : TRAILERS);
  return `${text}${random.pick(["0", "0", "0", "000", "0;a=b"])}${lineEnd(random)}${trailers}${lineEnd(random)}`;
}

/** A byte more, a byte less or another one; or an end that comes too early. */
function mutated(random: Random, text: string): string {
  const at = random.below(text.length);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + random.pick(BYTES) + text.slice(at + 1);
    default:
      return text.slice(0, at);
  }
}
