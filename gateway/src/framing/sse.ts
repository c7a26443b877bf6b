import { asBuffer } from "../lib/as-buffer.ts";
import { parseJson } from "../lib/json.ts";
import { NO_BYTES } from "./bytes.ts";
import { checkFrameSize, fragments, keepFragment, takeFragments, type Fragments } from "./fragments.ts";
import { FRAME_BYTES_MAX, type Frame, type Framer, type FramePayload } from "./framer.ts";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

/** Reads of a socket are not larger; for what is, decoding twice would cost more than it saves. */
const DECODE_WHOLE_BYTES_MAX = 64 * 1024;

/**
 * Server-sent events on bytes, as the HTML standard defines them
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream): lines end with LF, CRLF or a lone
 * CR; comments, `id`, `retry` and unknown fields say nothing; a frame runs through the blank line that ends it. A block with
 * neither data nor an event name is a frame without payload; one with an event name only has `data: ""`.
 */
export function sseFramer(options: { readonly frameBytesMax?: number } = {}): Framer {
  const state: SseState = {
    held: fragments(options.frameBytesMax ?? FRAME_BYTES_MAX),
    lineIsEmpty: true,
    carriageReturn: "none",
    atStreamStart: true,
  };
  return {
    push: (bytes) => pushBytes(state, asBuffer(bytes)),
    end: () => endStream(state),
  };
}

type SseState = {
  /** The frame that has begun and not ended. */
  readonly held: Fragments;
  /** Whether the last line of `held` has no byte yet, so that a line end now would end the frame. */
  lineIsEmpty: boolean;
  /** Whether `held` ends with a CR that a LF may complete, and what that line end means. */
  carriageReturn: "none" | "ends-line" | "ends-frame";
  atStreamStart: boolean;
};

function pushBytes(state: SseState, bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  if (bytes.length === 0) return frames;
  const lines = readLines(bytes);
  let position = 0;
  if (state.held.length > 0) {
    position = findFrameEnd(state, lines, 0);
    if (position < 0) {
      keepFragment(state.held, bytes);
      return frames;
    }
    frames.push(takeHeldFrame(state, bytes.subarray(0, position)));
  }
  while (position < bytes.length) {
    const block = readBlock(lines, position, state.atStreamStart, false);
    if (block === undefined) {
      findFrameEnd(state, lines, position);
      keepFragment(state.held, bytes.subarray(position));
      break;
    }
    checkFrameSize(block.end - position, state.held.bytesMax);
    const isWhole = position === 0 && block.end === bytes.length;
    frames.push({ bytes: isWhole ? bytes : bytes.subarray(position, block.end), payload: block.payload });
    state.atStreamStart = false;
    position = block.end;
  }
  return frames;
}

function endStream(state: SseState): { frames: Frame[]; rest: Uint8Array } {
  if (state.held.length === 0) return { frames: [], rest: NO_BYTES };
  const frameEnded = state.carriageReturn === "ends-frame";
  const frame = takeHeldFrame(state, NO_BYTES);
  return frameEnded || isComplete(frame.payload)
    ? { frames: [frame], rest: NO_BYTES }
    : { frames: [], rest: frame.bytes };
}

/** What the last event of a cut connection must be to count: a partial document never parses, save for a bare number. */
function isComplete(payload: FramePayload | undefined): boolean {
  return payload !== undefined && (payload.data === "[DONE]" || parseJson(payload.data) !== undefined);
}

function takeHeldFrame(state: SseState, last: Buffer): Frame {
  const bytes = takeFragments(state.held, last);
  const block = readBlock(readLines(bytes), 0, state.atStreamStart, true);
  // The line after a blank line is empty too, so `lineIsEmpty` stands as it is.
  state.carriageReturn = "none";
  state.atStreamStart = false;
  return { bytes, payload: block?.payload };
}

/**
 * Follows the held frame through the lines from `from` on. Answers the offset after its end, which is `from` when a CR that
 * came earlier was its last byte after all, or -1 when it goes on; the state then stands at the end of the bytes.
 */
function findFrameEnd(state: SseState, lines: Lines, from: number): number {
  let position = from;
  if (state.carriageReturn !== "none") {
    if (lines.text.charCodeAt(position) === LF) position += 1;
    if (state.carriageReturn === "ends-frame") return position;
    state.carriageReturn = "none";
    state.lineIsEmpty = true;
  }
  rewind(lines);
  while (position < lines.text.length) {
    const end = lineEnd(lines, position);
    if (end === lines.text.length) {
      state.lineIsEmpty = false;
      return -1;
    }
    const isBlank = state.lineIsEmpty && end === position;
    if (endsWithLoneReturn(lines, end)) {
      state.carriageReturn = isBlank ? "ends-frame" : "ends-line";
      return -1;
    }
    position = lineAfter(lines, end);
    if (isBlank) return position;
    state.lineIsEmpty = true;
  }
  return -1;
}

type Block = { readonly end: number; readonly payload: FramePayload | undefined };

/**
 * Reads the lines of one frame up to and with its blank line; undefined when the bytes end before. With `isLast` nothing
 * follows, so the end of the bytes ends the frame and a trailing CR is a line end.
 */
function readBlock(lines: Lines, start: number, atStreamStart: boolean, isLast: boolean): Block | undefined {
  const { length } = lines.text;
  let event = "";
  let data: string | undefined;
  let position = start;
  let field = atStreamStart ? afterByteOrderMark(lines.bytes, start) : start;
  for (;;) {
    const end = lineEnd(lines, position);
    if (!isLast && (end === length || endsWithLoneReturn(lines, end))) return undefined;
    const next = lineAfter(lines, end);
    if (end === position) return { end: next, payload: payloadOf(event, data) };
    if (isField(lines.text, "data", field, end)) {
      const value = fieldValue(lines, field + 4, end);
      data = data === undefined ? value : `${data}\n${value}`;
    } else if (isField(lines.text, "event", field, end)) {
      event = fieldValue(lines, field + 5, end);
    }
    position = next;
    field = next;
  }
}

/** The standard dispatches nothing without data; a name alone is kept because some providers say things that way. */
function payloadOf(event: string, data = ""): FramePayload | undefined {
  return event === "" && data === "" ? undefined : { event, data };
}

/** A line without a colon is a field with an empty value. */
function isField(text: string, name: string, at: number, end: number): boolean {
  if (!text.startsWith(name, at)) return false;
  const colon = at + name.length;
  return colon === end || text.charCodeAt(colon) === COLON;
}

/** What follows the colon, less one leading space. */
function fieldValue(lines: Lines, colon: number, end: number): string {
  const from = lines.text.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1;
  if (from >= end) return "";
  return lines.isDecoded ? lines.text.slice(from, end) : lines.bytes.toString("utf8", from, end);
}

function afterByteOrderMark(bytes: Buffer, at: number): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at;
}

/**
 * Bytes with a text in which offsets are the same, because searching and cutting a string is several times as quick as a
 * buffer. That is their UTF-8 text where each byte became one character (`isDecoded`), else their Latin-1 text, which is
 * good for looking only. The next line ends are remembered, so that the text is searched once for each kind.
 */
type Lines = {
  readonly bytes: Buffer;
  readonly text: string;
  readonly isDecoded: boolean;
  lineFeed: number;
  carriageReturn: number;
};

function readLines(bytes: Buffer): Lines {
  if (bytes.length <= DECODE_WHOLE_BYTES_MAX) {
    const text = bytes.toString("utf8");
    if (text.length === bytes.length) return { bytes, text, isDecoded: true, lineFeed: -1, carriageReturn: -1 };
  }
  return { bytes, text: bytes.toString("latin1"), isDecoded: false, lineFeed: -1, carriageReturn: -1 };
}

function rewind(lines: Lines): void {
  lines.lineFeed = -1;
  lines.carriageReturn = -1;
}

/** The offset of the LF or CR that ends the line around `from`, or the length of the text. */
function lineEnd(lines: Lines, from: number): number {
  if (lines.lineFeed < from) lines.lineFeed = offsetOf(lines.text, "\n", from);
  if (lines.carriageReturn < from) lines.carriageReturn = offsetOf(lines.text, "\r", from);
  return lines.lineFeed < lines.carriageReturn ? lines.lineFeed : lines.carriageReturn;
}

function offsetOf(text: string, character: string, from: number): number {
  const found = text.indexOf(character, from);
  return found < 0 ? text.length : found;
}

/** Where the line after the line end at `end` begins, never past the end: CRLF is one line end. */
function lineAfter({ text }: Lines, end: number): number {
  if (end === text.length) return end;
  return text.charCodeAt(end) === CR && text.charCodeAt(end + 1) === LF ? end + 2 : end + 1;
}

/** Whether the line end at `end` is a CR after which nothing has arrived yet. */
function endsWithLoneReturn({ text }: Lines, end: number): boolean {
  return end === text.length - 1 && text.charCodeAt(end) === CR;
}
