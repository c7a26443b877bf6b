import { asBuffer } from "../lib/as-buffer.ts";
import { parseJson } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { closingQuote, quoteFinder, type QuoteFinder } from "./json-string.ts";

/** Where a value stands in the scanned bytes: `raw.subarray(start, end)` is its JSON text without surrounding white space. */
export type Span = { readonly start: number; readonly end: number };

/** A member of an object: the span of its value, and where its key's opening quote stands. */
export type Member = Span & { readonly keyStart: number };

/** What one pass over a JSON object's bytes finds. */
export type JsonScan = {
  /** Top-level members by key (escapes decoded), in order of appearance. A repeated key has the span of its first value. */
  readonly members: ReadonlyMap<string, Member>;
  /** Top-level keys that occur more than once. */
  readonly duplicates: readonly string[];
  /** Deepest nesting; the object itself is 1. */
  readonly depth: number;
  /** Offsets of the object's `{` and `}`. */
  readonly open: number;
  readonly close: number;
};

/** Why bytes are not an object that we take. `offset` is the byte at which it shows; `message` is for the sender. */
export type ScanProblem = {
  readonly kind: "empty" | "not-json" | "not-object" | "too-deep";
  readonly offset: number;
  readonly message: string;
};

/** Far deeper than any request or schema seen, far shallower than what makes recursive readers overflow the stack. */
export const JSON_DEPTH_MAX = 128;

/**
 * Finds the top-level members of a JSON object in one pass, without building it. Structure is checked strictly: brackets,
 * colons, commas, literals, the shape of numbers, white space, and that nothing follows the object. Two things are left to
 * whoever parses the text: raw control characters and broken escapes inside strings (top-level keys excepted), because
 * strings are skipped by searching for their closing quote; and invalid UTF-8, which is cheaper to ask for the whole body.
 */
export function scanObject(
  raw: Uint8Array,
  limits: { readonly depthMax: number } = { depthMax: JSON_DEPTH_MAX },
): Result<JsonScan, ScanProblem> {
  const bytes = asBuffer(raw);
  const scanner: Scanner = {
    bytes,
    quotes: quoteFinder(bytes),
    depthMax: limits.depthMax,
    containers: [],
    expects: VALUE,
    deepest: 0,
    open: -1,
    close: -1,
    key: undefined,
    keyAt: -1,
    valueAt: -1,
    rootAt: -1,
    members: new Map(),
    duplicates: undefined,
    problem: undefined,
  };
  scanTokens(scanner);
  const problem = scanner.problem ?? problemAtEnd(scanner);
  if (problem !== undefined) return fail(problem);
  const { members, duplicates, deepest: depth, open, close } = scanner;
  return ok({ members, duplicates: duplicates === undefined ? none : [...duplicates], depth, open, close });
}

const none: readonly string[] = [];

type Scanner = {
  readonly bytes: Buffer;
  readonly quotes: QuoteFinder;
  readonly depthMax: number;
  /** The open containers, outermost first: OPEN_BRACE or OPEN_BRACKET. */
  readonly containers: number[];
  /** What may come next: a set of token bits. */
  expects: number;
  deepest: number;
  open: number;
  close: number;
  /** The top-level member being read. */
  key: string | undefined;
  keyAt: number;
  valueAt: number;
  /** Where the outermost value begins. */
  rootAt: number;
  readonly members: Map<string, Member>;
  duplicates: Set<string> | undefined;
  problem: ScanProblem | undefined;
};

// Tokens are told by their first byte. They are bits, so that what may come next is a set of them.
const SPACE = 1;
const STRING = 2;
const NUMBER = 4;
const LITERAL = 8;
const OPEN_BRACE = 16;
const OPEN_BRACKET = 32;
const CLOSE_BRACE = 64;
const CLOSE_BRACKET = 128;
const COLON = 256;
const COMMA = 512;
/** With STRING: the string is a key. */
const KEY = 1024;

const VALUE = STRING | NUMBER | LITERAL | OPEN_BRACE | OPEN_BRACKET;
const NOTHING = 0;

const tokenOfByte = tokenTable({
  " \n\r\t": SPACE,
  '"': STRING,
  "-0123456789": NUMBER,
  tfn: LITERAL,
  "{": OPEN_BRACE,
  "[": OPEN_BRACKET,
  "}": CLOSE_BRACE,
  "]": CLOSE_BRACKET,
  ":": COLON,
  ",": COMMA,
});

function tokenTable(tokens: { readonly [characters: string]: number }): Uint16Array {
  const table = new Uint16Array(256);
  for (const [characters, token] of Object.entries(tokens)) {
    for (const character of characters) table[character.charCodeAt(0)] = token;
  }
  return table;
}

/** Reads tokens to the end of the bytes, or to the first problem. */
function scanTokens(scanner: Scanner): void {
  const { bytes } = scanner;
  let position = 0;
  while (position < bytes.length) {
    const token = tokenOfByte[bytes[position]!]!;
    if (token === SPACE) {
      position += 1;
      continue;
    }
    if ((token & scanner.expects) === 0) return reportUnexpected(scanner, position);
    switch (token) {
      case STRING:
        position = scanString(scanner, position);
        break;
      case COLON:
        scanner.expects = VALUE;
        position += 1;
        break;
      case COMMA:
        scanner.expects = isInObject(scanner) ? STRING | KEY : VALUE;
        position += 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (!openContainer(scanner, token, position)) return;
        position += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        position += 1;
        closeContainer(scanner, position);
        break;
      default:
        position = scanScalar(scanner, token, position);
    }
    if (position < 0) return;
  }
}

/** Answers where the string ends, or -1 with a problem. */
function scanString(scanner: Scanner, start: number): number {
  const quote = closingQuote(scanner.quotes, start + 1);
  if (quote < 0) return reject(scanner, start, "the string that begins here does not end");
  const end = quote + 1;
  if ((scanner.expects & KEY) === 0) {
    beginValue(scanner, start);
    endValue(scanner, end);
    return end;
  }
  scanner.expects = COLON;
  if (scanner.containers.length > 1) return end;
  const key = decodeKey(scanner.quotes, start, end);
  if (key === undefined) return reject(scanner, start, "this key has a raw control character or a broken escape");
  scanner.key = key;
  scanner.keyAt = start;
  return end;
}

/** Only top-level keys are decoded, so they are the only strings whose inside is checked. */
function decodeKey({ bytes, text, textAt }: QuoteFinder, start: number, end: number): string | undefined {
  for (let position = start + 1; position < end - 1; position += 1) {
    const byte = bytes[position]!;
    if (byte >= 0x20 && byte < 0x80 && byte !== 0x5c) continue;
    const key = parseJson(bytes.toString("utf8", start, end));
    return typeof key === "string" ? key : undefined;
  }
  // As Latin-1 it has been read already.
  const isRead = start >= textAt && end <= textAt + text.length && end - start <= COPIED_CHARACTERS_MAX;
  return isRead ? text.slice(start + 1 - textAt, end - 1 - textAt) : bytes.toString("latin1", start + 1, end - 1);
}

/** With its quotes. Shorter pieces of a string are copies, longer ones would hold all of it. */
const COPIED_CHARACTERS_MAX = 14;

function openContainer(scanner: Scanner, token: number, position: number): boolean {
  const { containers } = scanner;
  if (containers.length === scanner.depthMax) {
    scanner.problem = {
      kind: "too-deep",
      offset: position,
      message: `The JSON is nested deeper than ${scanner.depthMax} levels at byte ${position}.`,
    };
    return false;
  }
  beginValue(scanner, position);
  if (containers.length === 0) scanner.open = position;
  containers.push(token);
  if (containers.length > scanner.deepest) scanner.deepest = containers.length;
  scanner.expects = token === OPEN_BRACE ? STRING | KEY | CLOSE_BRACE : VALUE | CLOSE_BRACKET;
  return true;
}

/** `end` is the offset after the closing bracket, which is known to be the right one. */
function closeContainer(scanner: Scanner, end: number): void {
  scanner.containers.pop();
  if (scanner.containers.length === 0) scanner.close = end - 1;
  endValue(scanner, end);
}

/** Answers where the number or literal ends, or -1 with a problem. */
function scanScalar(scanner: Scanner, token: number, start: number): number {
  const end = token === NUMBER ? numberEnd(scanner.bytes, start) : literalEnd(scanner.bytes, start);
  if (end < 0)
    return reject(scanner, start, token === NUMBER ? "this is not a JSON number" : "this is not a JSON literal");
  beginValue(scanner, start);
  endValue(scanner, end);
  return end;
}

function beginValue(scanner: Scanner, start: number): void {
  const depth = scanner.containers.length;
  if (depth === 1) scanner.valueAt = start;
  else if (depth === 0) scanner.rootAt = start;
}

function endValue(scanner: Scanner, end: number): void {
  const depth = scanner.containers.length;
  if (depth === 0) {
    scanner.expects = NOTHING;
    return;
  }
  const inObject = isInObject(scanner);
  scanner.expects = COMMA | (inObject ? CLOSE_BRACE : CLOSE_BRACKET);
  if (depth === 1 && inObject) recordMember(scanner, end);
}

function recordMember(scanner: Scanner, end: number): void {
  const { key, members } = scanner;
  if (key === undefined) return;
  if (members.has(key)) {
    scanner.duplicates = (scanner.duplicates ?? new Set()).add(key);
    return;
  }
  members.set(key, { start: scanner.valueAt, end, keyStart: scanner.keyAt });
}

function isInObject(scanner: Scanner): boolean {
  return scanner.containers[scanner.containers.length - 1] === OPEN_BRACE;
}

/** `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`: the offset after it, -1 for anything else. */
function numberEnd(bytes: Buffer, start: number): number {
  let position = bytes[start] === 0x2d ? start + 1 : start;
  const whole = position;
  position = digitsEnd(bytes, whole);
  if (position === whole || (bytes[whole] === 0x30 && position > whole + 1)) return -1;
  if (bytes[position] === 0x2e) {
    const fraction = position + 1;
    position = digitsEnd(bytes, fraction);
    if (position === fraction) return -1;
  }
  if (bytes[position] === 0x65 || bytes[position] === 0x45) {
    const sign = bytes[position + 1];
    const exponent = position + (sign === 0x2b || sign === 0x2d ? 2 : 1);
    position = digitsEnd(bytes, exponent);
    if (position === exponent) return -1;
  }
  return position;
}

function digitsEnd(bytes: Buffer, from: number): number {
  let position = from;
  while (position < bytes.length && bytes[position]! >= 0x30 && bytes[position]! <= 0x39) position += 1;
  return position;
}

function literalEnd(bytes: Buffer, start: number): number {
  const first = bytes[start];
  const rest = first === 0x74 ? "rue" : first === 0x66 ? "alse" : "ull";
  for (let index = 0; index < rest.length; index += 1) {
    if (bytes[start + 1 + index] !== rest.charCodeAt(index)) return -1;
  }
  return start + 1 + rest.length;
}

function problemAtEnd(scanner: Scanner): ScanProblem | undefined {
  const { bytes, expects, rootAt } = scanner;
  if (rootAt < 0) return { kind: "empty", offset: 0, message: "The body is empty, but a JSON object is expected." };
  if (expects !== NOTHING) return notJson(bytes.length, `it ends before ${wordsFor(expects)}`);
  if (bytes[rootAt] === 0x7b) return undefined;
  return { kind: "not-object", offset: rootAt, message: `The body is JSON, but not an object, at byte ${rootAt}.` };
}

function reportUnexpected(scanner: Scanner, position: number): void {
  scanner.problem = notJson(
    position,
    `${wordsFor(scanner.expects)} is expected, not ${byteInWords(scanner.bytes[position]!)}`,
  );
}

function reject(scanner: Scanner, offset: number, what: string): -1 {
  scanner.problem = notJson(offset, what);
  return -1;
}

function notJson(offset: number, what: string): ScanProblem {
  return { kind: "not-json", offset, message: `The body is not valid JSON at byte ${offset}: ${what}.` };
}

function byteInWords(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}

function wordsFor(expects: number): string {
  if (expects === NOTHING) return "the end";
  const words: string[] = [];
  if ((expects & KEY) !== 0) words.push("a key in double quotes");
  else if ((expects & STRING) !== 0) words.push("a value");
  if ((expects & COLON) !== 0) words.push('":"');
  if ((expects & COMMA) !== 0) words.push('","');
  if ((expects & CLOSE_BRACE) !== 0) words.push('"}"');
  if ((expects & CLOSE_BRACKET) !== 0) words.push('"]"');
  return words.join(" or ");
}
