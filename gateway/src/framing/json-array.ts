import { asBuffer } from "../lib/as-buffer.ts";
import { parseJson } from "../lib/json.ts";
import { isSpace, NO_BYTES } from "./bytes.ts";
import { fragments, keepFragment, takeFragments, type Fragments } from "./fragments.ts";
import { FRAME_BYTES_MAX, type Frame, type Framer } from "./framer.ts";
import { closingQuote, isEscapedAt, quoteFinder, type QuoteFinder } from "./json-string.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * A JSON array whose elements arrive one after another: Gemini's `streamGenerateContent` without `alt=sse`. A frame is an
 * element with what stands before it (`[`, `,`, white space); the closing `]` is a frame without payload. A single object
 * in place of the array is accepted, because quota errors come that way. The structure within an element is followed, not
 * checked: brackets outside strings are counted, and whoever reads the payload finds out whether it is JSON.
 */
export function jsonArrayFramer(options: { readonly frameBytesMax?: number } = {}): Framer {
  const state: ArrayState = {
    held: fragments(options.frameBytesMax ?? FRAME_BYTES_MAX),
    place: "before",
    isSingle: false,
    depth: 0,
    isEscaped: false,
    elementAt: 0,
    boundary: "none",
  };
  return {
    push: (bytes) => pushBytes(state, asBuffer(bytes)),
    end: () => endStream(state),
  };
}

type ArrayState = {
  /** The frame that has begun and not ended. */
  readonly held: Fragments;
  /**
   * Where the next byte stands: `before` the array, `between` elements, in an `element`'s structure, in a `string`, in a
   * `scalar` (number or literal), `after` the end, or in `garbage`, which belongs to no frame.
   */
  place: "before" | "between" | "element" | "string" | "scalar" | "after" | "garbage";
  /** One object instead of an array of them. */
  isSingle: boolean;
  /** Open brackets of the current element. */
  depth: number;
  /** In a string: the byte before the next one is a backslash that escapes it. */
  isEscaped: boolean;
  /** Offset in its frame at which the current element begins. */
  elementAt: number;
  /** Set by a step that stopped at the end of a frame: what the frame holds. */
  boundary: "none" | "element" | "separator";
};

function pushBytes(state: ArrayState, bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  const finder = quoteFinder(bytes);
  let start = 0;
  let position = 0;
  while (position < bytes.length) {
    position = step(state, finder, position, start);
    if (state.boundary === "none") continue;
    frames.push(takeFrame(state, bytes.subarray(start, position)));
    start = position;
  }
  if (start < bytes.length) keepFragment(state.held, bytes.subarray(start));
  return frames;
}

function endStream(state: ArrayState): { frames: Frame[]; rest: Uint8Array } {
  if (state.held.length === 0) return { frames: [], rest: NO_BYTES };
  // A number or a literal has no end of its own; every other whole element has been given out already.
  state.boundary = state.place === "scalar" ? "element" : "separator";
  const frame = takeFrame(state, NO_BYTES);
  return frame.payload !== undefined && parseJson(frame.payload.data) !== undefined
    ? { frames: [frame], rest: NO_BYTES }
    : { frames: [], rest: frame.bytes };
}

function takeFrame(state: ArrayState, last: Buffer): Frame {
  const bytes = takeFragments(state.held, last);
  const isElement = state.boundary === "element";
  state.boundary = "none";
  return { bytes, payload: isElement ? { event: "", data: bytes.toString("utf8", state.elementAt) } : undefined };
}

/** Goes on from `position` and answers where it stopped. `start` is the offset in `bytes` at which the frame began, or goes on. */
function step(state: ArrayState, finder: QuoteFinder, position: number, start: number): number {
  const { bytes } = finder;
  switch (state.place) {
    case "before":
    case "between":
      return stepBetween(state, bytes, position, start);
    case "element":
      return stepElement(state, bytes, position);
    case "string":
      return stepString(state, finder, position);
    case "scalar":
      return stepScalar(state, bytes, position);
    case "after":
      return stepAfter(state, bytes, position);
    case "garbage":
      return bytes.length;
  }
}

function stepBetween(state: ArrayState, bytes: Buffer, from: number, start: number): number {
  let position = from;
  while (position < bytes.length && isSeparator(state, bytes[position])) position += 1;
  if (position === bytes.length) return position;
  const byte = bytes[position];
  if (state.place === "before") {
    if (byte === OPEN_BRACKET) {
      state.place = "between";
      return position + 1;
    }
    if (byte !== OPEN_BRACE) {
      state.place = "garbage";
      return position;
    }
    state.isSingle = true;
  } else if (byte === CLOSE_BRACKET) {
    state.place = "after";
    state.boundary = "separator";
    return afterSpace(bytes, position + 1);
  }
  // What is held of this frame came in earlier chunks; the rest of its separator is in this one.
  state.elementAt = state.held.length + position - start;
  state.depth = byte === OPEN_BRACE || byte === OPEN_BRACKET ? 1 : 0;
  state.place = state.depth === 1 ? "element" : byte === QUOTE ? "string" : "scalar";
  return position + 1;
}

function stepElement(state: ArrayState, bytes: Buffer, from: number): number {
  for (let position = from; position < bytes.length; position += 1) {
    const byte = bytes[position];
    if (byte === QUOTE) {
      state.place = "string";
      return position + 1;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) state.depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      state.depth -= 1;
      if (state.depth === 0) return endElement(state, position + 1);
    }
  }
  return bytes.length;
}

function stepString(state: ArrayState, finder: QuoteFinder, position: number): number {
  const { bytes } = finder;
  const from = state.isEscaped ? position + 1 : position;
  const quote = closingQuote(finder, from);
  state.isEscaped = quote < 0 && isEscapedAt(bytes, bytes.length, from);
  if (quote < 0) return bytes.length;
  if (state.depth === 0) return endElement(state, quote + 1);
  state.place = "element";
  return quote + 1;
}

/** The byte that ends a number or literal belongs to the next frame. */
function stepScalar(state: ArrayState, bytes: Buffer, from: number): number {
  let position = from;
  while (position < bytes.length) {
    const byte = bytes[position];
    if (byte === COMMA || byte === CLOSE_BRACKET || isSpace(byte)) return endElement(state, position);
    position += 1;
  }
  return position;
}

function endElement(state: ArrayState, end: number): number {
  state.place = state.isSingle ? "after" : "between";
  state.boundary = "element";
  return end;
}

/** White space after the end goes on as it comes; anything else belongs to no frame. */
function stepAfter(state: ArrayState, bytes: Buffer, from: number): number {
  const position = afterSpace(bytes, from);
  if (position > from) state.boundary = "separator";
  else state.place = "garbage";
  return position;
}

function afterSpace(bytes: Buffer, from: number): number {
  let position = from;
  while (position < bytes.length && isSpace(bytes[position])) position += 1;
  return position;
}

function isSeparator(state: ArrayState, byte: number | undefined): boolean {
  return isSpace(byte) || (byte === COMMA && state.place === "between");
}
