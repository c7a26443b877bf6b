import { asBuffer } from "../lib/as-buffer.ts";
import { Bag } from "../lib/bag.ts";
import { headerName } from "./header-name.ts";

/*
 * Answers of HTTP/1.1 (RFC 9112), sans-IO: bytes of a connection in, heads and bodies out. Whatever could be read in two ways is
 * refused, because what one side takes for the end of an answer the other might take for the beginning of the next.
 */

/** Names in lower case; repeated headers joined by a comma. */
export type ResponseHeaders = { readonly [lowerCaseName: string]: string | undefined };

export type ResponseHead = { readonly status: number; readonly headers: ResponseHeaders };

/** Why an answer is none. `cut`: it was, as far as it came. */
export type ResponseProblem =
  | "status-line"
  | "header"
  | "head-too-large"
  | "length"
  | "coding"
  | "chunk"
  | "upgrade"
  | "interim"
  | "cut";

/** What some bytes of a connection brought. */
export type ResponseRead = {
  /** The head of the final answer, where it became complete; interim answers are passed over. */
  readonly head: ResponseHead | undefined;
  /** What they held of the body, chunk framing taken out: a copy, in one piece. */
  readonly body: Uint8Array | undefined;
  /** The answer is complete. */
  readonly ended: boolean;
  /** Whatever came before it in these bytes is told beside it; nothing comes after it. */
  readonly problem: ResponseProblem | undefined;
};

/** Longest line in front of a chunk or behind the last one. */
const LINE_BYTES_MAX = 4_096;
/** Lines behind the last chunk, which are read over. */
const TRAILERS_MAX = 100;
/** 102 and 103, one after the other. */
const INTERIM_MAX = 1_000;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const HEAD_END = Buffer.from("\r\n\r\n");

type State = "head" | "length" | "until-close" | "size" | "data" | "data-end" | "trailers" | "ended";

type Draft = { -readonly [K in keyof ResponseRead]: ResponseRead[K] };

/** Reads the answers of one connection, one after the other. Dead after a problem. */
export class ResponseReader {
  readonly #headBytesMax: number;
  #state: State = "ended";
  /** The beginning of a head or a line, until the rest has come. */
  #held: Buffer | undefined;
  /** Bytes of the body, or of the current chunk, that are still to come. */
  #left = 0;
  #trailers = 0;
  #interim = 0;
  #isBodyless = false;
  #isReusable = false;

  /** `headBytesMax`: of each head, status line and blank line included. */
  constructor(headBytesMax: number) {
    this.#headBytesMax = headBytesMax;
  }

  /** Expects the answer to a request. One to `HEAD` has no body, whatever its headers say. */
  expect(method: string): void {
    this.#state = "head";
    this.#held = undefined;
    this.#trailers = 0;
    this.#interim = 0;
    this.#isBodyless = method === "HEAD";
    this.#isReusable = true;
  }

  /** After the end of an answer: whether its connection may carry another one. */
  get isReusable(): boolean {
    return this.#isReusable && this.#state === "ended";
  }

  /** `bytes` may be used again afterwards. */
  push(bytes: Uint8Array): ResponseRead {
    const read: Draft = { head: undefined, body: undefined, ended: false, problem: undefined };
    const held = this.#held;
    this.#held = undefined;
    const all = held === undefined ? asBuffer(bytes) : Buffer.concat([held, bytes]);
    let at = 0;
    while (this.#state === "head" && at < all.length && read.problem === undefined) at = this.#readHead(all, at, read);
    if (read.problem === undefined) this.#readBody(all, at, read);
    if (read.problem !== undefined) this.#isReusable = false;
    return read;
  }

  /** The connection has ended. That completes an answer that nothing else delimits; any other is cut. */
  end(): "complete" | "cut" {
    const isComplete = this.#state === "until-close";
    this.#state = "ended";
    this.#isReusable = false;
    return isComplete ? "complete" : "cut";
  }

  /** One head, interim or final. Returns where what follows it begins. */
  #readHead(bytes: Buffer, at: number, read: Draft): number {
    // Whoever speaks something else might never send what ends a head.
    if (!mayBeHead(bytes, at)) {
      read.problem = "status-line";
      return bytes.length;
    }
    const end = bytes.indexOf(HEAD_END, at);
    if ((end < 0 ? bytes.length : end + HEAD_END.length) - at > this.#headBytesMax) {
      read.problem = "head-too-large";
      return bytes.length;
    }
    if (end < 0) return this.#hold(bytes, at);
    const head = parseHead(bytes.toString("latin1", at, end + 2));
    if (typeof head === "string") read.problem = head;
    else if (head.status === 101) read.problem = "upgrade";
    else if (head.status >= 200) read.problem = this.#open(head, read);
    else if (++this.#interim > INTERIM_MAX) read.problem = "interim";
    return end + HEAD_END.length;
  }

  /** Decides where the body ends (RFC 9112 §6.3). */
  #open(head: ParsedHead, read: Draft): ResponseProblem | undefined {
    const { status, headers } = head;
    const { "content-length": length, "transfer-encoding": coding, connection } = headers;
    if (head.minor === 0 || (connection !== undefined && CLOSE.test(connection))) this.#isReusable = false;
    if (coding !== undefined && length !== undefined) return "length";
    if (coding !== undefined && coding.toLowerCase() !== "chunked") return "coding";
    // Repeated lengths have been joined by a comma, and are no number then.
    if (length !== undefined && !LENGTH.test(length)) return "length";
    read.head = head;
    this.#left = Number(length ?? 0);
    // One that announces a body all the same might send it, and it would be taken for the next answer.
    if (status === 204 && (coding !== undefined || this.#left > 0)) this.#isReusable = false;
    if (this.#isBodyless || status === 204 || status === 304) this.#left = 0;
    else if (coding !== undefined) {
      this.#state = "size";
      return undefined;
    } else if (length === undefined) {
      this.#state = "until-close";
      return undefined;
    }
    this.#state = "length";
    return undefined;
  }

  #readBody(bytes: Buffer, at: number, read: Draft): void {
    switch (this.#state) {
      case "head":
        return;
      case "length":
        this.#readLength(bytes, at, read);
        return;
      case "until-close":
        if (at < bytes.length) read.body = Buffer.from(bytes.subarray(at));
        return;
      case "size":
      case "data":
      case "data-end":
      case "trailers":
        this.#readChunks(bytes, at, read);
        return;
      case "ended":
        // Nobody has asked for it.
        if (at < bytes.length) this.#isReusable = false;
        return;
      default:
        this.#state satisfies never;
    }
  }

  #readLength(bytes: Buffer, at: number, read: Draft): void {
    const length = Math.min(this.#left, bytes.length - at);
    if (length > 0) read.body = Buffer.from(bytes.subarray(at, at + length));
    this.#left -= length;
    if (this.#left > 0) return;
    this.#end(read);
    if (at + length < bytes.length) this.#isReusable = false;
  }

  /** The chunks of a read become one piece: a provider's small ones are then passed on in one write. */
  #readChunks(bytes: Buffer, from: number, read: Draft): void {
    let at = from;
    let body: Buffer | undefined;
    let filled = 0;
    while (at < bytes.length && read.problem === undefined && this.#state !== "ended") {
      if (this.#state !== "data") {
        at = this.#readLine(bytes, at, read);
        continue;
      }
      const length = Math.min(this.#left, bytes.length - at);
      body ??= Buffer.allocUnsafe(bytes.length - at);
      body.set(bytes.subarray(at, at + length), filled);
      filled += length;
      at += length;
      this.#left -= length;
      if (this.#left === 0) this.#state = "data-end";
    }
    if (body !== undefined) read.body = body.subarray(0, filled);
    if (at < bytes.length) this.#isReusable = false;
  }

  /** One of the lines between chunks. Returns where what follows it begins. */
  #readLine(bytes: Buffer, at: number, read: Draft): number {
    const feed = bytes.indexOf(LF, at);
    if ((feed < 0 ? bytes.length : feed) - at > LINE_BYTES_MAX) read.problem = "chunk";
    if (read.problem !== undefined) return bytes.length;
    if (feed < 0) return this.#hold(bytes, at);
    if (feed === at || bytes[feed - 1] !== CR || !this.#takeLine(bytes, at, feed - 1, read)) read.problem = "chunk";
    return feed + 1;
  }

  /** False for a line that cannot stand there. */
  #takeLine(bytes: Buffer, at: number, end: number, read: Draft): boolean {
    if (this.#state === "data-end") {
      this.#state = "size";
      return at === end;
    }
    if (this.#state === "trailers") {
      if (at === end) this.#end(read);
      return at === end || (++this.#trailers <= TRAILERS_MAX && TRAILER.test(bytes.toString("latin1", at, end)));
    }
    const size = chunkSize(bytes, at, end);
    if (size === undefined) return false;
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
    return true;
  }

  #hold(bytes: Buffer, at: number): number {
    this.#held = Buffer.from(bytes.subarray(at));
    return bytes.length;
  }

  #end(read: Draft): void {
    this.#state = "ended";
    read.ended = true;
  }
}

/** Fifteen digits are still exact. */
const LENGTH = /^[0-9]{1,15}$/;
const CLOSE = /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i;
/** RFC 9112 §7.1.1: names, each with a value or none. An open quote could hide where the line ends. */
const EXTENSION =
  /^(?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[\t\x20!#-[\]-~\x80-\xff]|\\[\t\x20-~\x80-\xff])*"))?)+$/;
const TRAILER = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$/;
const HEX_DIGITS_MAX = 13;

/** `1a` or `1a;name=value`; undefined for anything else. */
function chunkSize(bytes: Buffer, from: number, end: number): number | undefined {
  let at = from;
  let size = 0;
  while (at < end) {
    const digit = hexDigit(bytes[at]!);
    if (digit < 0) break;
    size = size * 16 + digit;
    at += 1;
  }
  if (at === from || at - from > HEX_DIGITS_MAX) return undefined;
  if (at === end) return size;
  return bytes[at] === SEMICOLON && EXTENSION.test(bytes.toString("latin1", at, end)) ? size : undefined;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

const HEAD_START = Buffer.from("HTTP/1.");

function mayBeHead(bytes: Buffer, at: number): boolean {
  const end = Math.min(bytes.length, at + HEAD_START.length);
  return bytes.compare(HEAD_START, 0, end - at, at, end) === 0;
}

type ParsedHead = ResponseHead & { readonly minor: number };

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** Besides the line ends, which are looked at one by one. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/;

/** `text`: whole lines, each with its end, without the blank one. */
function parseHead(text: string): ParsedHead | "status-line" | "header" {
  const firstEnd = text.indexOf("\r\n");
  const status = STATUS_LINE.exec(text.slice(0, firstEnd));
  if (status === null) return "status-line";
  if (CONTROL.test(text)) return "header";
  const headers = new Bag();
  for (let at = firstEnd + 2; at < text.length;) {
    const feed = text.indexOf("\n", at);
    const end = feed - 1;
    const colon = text.indexOf(":", at);
    // A carriage return or a line feed by itself, a folded line, a line without a name.
    if (text.indexOf("\r", at) !== end || colon < 0 || colon > end) return "header";
    const name = headerName(text.slice(at, colon));
    if (name === undefined) return "header";
    const value = trimmed(text, colon + 1, end);
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
    at = feed + 1;
  }
  return { status: Number(status[2]), minor: Number(status[1]), headers };
}

/** Without the white space around it (RFC 9110 §5.5). */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
