import { parseJson } from "../lib/json.ts";
import { asBuffer, checkFrameSize, fragments, keepFragment, takeFragments, type Fragments } from "./fragments.ts";
import { FRAME_BYTES_MAX, type Frame, type Framer, type FramePayload } from "./framer.ts";

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const NOTHING = Buffer.alloc(0);

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
  let position = 0;
  if (state.held.length > 0) {
    position = findFrameEnd(state, bytes);
    if (position < 0) {
      keepFragment(state.held, bytes);
      return frames;
    }
    frames.push(takeHeldFrame(state, bytes.subarray(0, position)));
  }
  const lines = readLines(bytes);
  while (position < bytes.length) {
    const block = readBlock(lines, position, state.atStreamStart, false);
    if (block === undefined) {
      const rest = bytes.subarray(position);
      findFrameEnd(state, rest);
      keepFragment(state.held, rest);
      break;
    }
    checkFrameSize(block.end - position, state.held.bytesMax);
    const whole = position === 0 && block.end === bytes.length;
    frames.push({ bytes: whole ? bytes : bytes.subarray(position, block.end), payload: block.payload });
    state.atStreamStart = false;
    position = block.end;
  }
  return frames;
}

function endStream(state: SseState): { frames: Frame[]; rest: Uint8Array } {
  if (state.held.length === 0) return { frames: [], rest: NOTHING };
  const frameEnded = state.carriageReturn === "ends-frame";
  const frame = takeHeldFrame(state, NOTHING);
  return frameEnded || isComplete(frame.payload)
    ? { frames: [frame], rest: NOTHING }
    : { frames: [], rest: frame.bytes };
}

/** What the last event of a cut connection must be to count: a partial document never parses, save for a bare number. */
function isComplete(payload: FramePayload | undefined): boolean {
  return payload !== undefined && (payload.data === "[DONE]" || parseJson(payload.data) !== undefined);
}

function takeHeldFrame(state: SseState, last: Buffer): Frame {
  const bytes = takeFragments(state.held, last);
  const block = readBlock(readLines(bytes), 0, state.atStreamStart, true);
  state.lineIsEmpty = true;
  state.carriageReturn = "none";
  state.atStreamStart = false;
  return { bytes, payload: block?.payload };
}

/**
 * Continues the held frame through `bytes`. Answers the offset after its end, which is 0 when a CR that came earlier was its
 * last byte after all, or -1 when it goes on; the state then stands at the end of `bytes`.
 */
function findFrameEnd(state: SseState, bytes: Buffer): number {
  let position = 0;
  if (state.carriageReturn !== "none") {
    position = bytes[0] === LF ? 1 : 0;
    if (state.carriageReturn === "ends-frame") return position;
    state.carriageReturn = "none";
    state.lineIsEmpty = true;
  }
  const lines = readLines(bytes);
  while (position < bytes.length) {
    const end = lineEnd(lines, position);
    const isBlank = state.lineIsEmpty && end === position;
    if (end === bytes.length) {
      state.lineIsEmpty = false;
      return -1;
    }
    const next = lineAfter(bytes, end);
    if (next === bytes.length && bytes[end] === CR && next === end + 1) {
      state.carriageReturn = isBlank ? "ends-frame" : "ends-line";
      return -1;
    }
    if (isBlank) return next;
    state.lineIsEmpty = true;
    position = next;
  }
  return -1;
}

type Block = { readonly end: number; readonly payload: FramePayload | undefined };

/**
 * Reads the lines of one frame up to and with its blank line; undefined when `bytes` end before. With `isLast` nothing
 * follows, so the end of `bytes` ends the frame and a trailing CR is a line end.
 */
function readBlock(lines: Lines, start: number, atStreamStart: boolean, isLast: boolean): Block | undefined {
  const { bytes } = lines;
  let event = "";
  let data: string | undefined;
  let position = start;
  let field = atStreamStart ? afterByteOrderMark(bytes, start) : start;
  for (;;) {
    const end = lineEnd(lines, position);
    const next = lineAfter(bytes, end);
    if (end === bytes.length || (next === bytes.length && bytes[end] === CR && next === end + 1)) {
      if (!isLast) return undefined;
    }
    if (end === position) return { end: Math.min(next, bytes.length), payload: payloadOf(event, data) };
    if (isDataField(bytes, field, end)) {
      const value = fieldValue(bytes, field + 4, end);
      data = data === undefined ? value : `${data}\n${value}`;
    } else if (isEventField(bytes, field, end)) {
      event = fieldValue(bytes, field + 5, end);
    }
    position = next;
    field = next;
  }
}

/** The standard dispatches nothing without data; a name alone is kept because some providers say things that way. */
function payloadOf(event: string, data: string | undefined): FramePayload | undefined {
  if (event === "" && (data === undefined || data === "")) return undefined;
  return { event, data: data ?? "" };
}

function isDataField(bytes: Buffer, at: number, end: number): boolean {
  return (
    bytes[at] === 0x64 &&
    bytes[at + 1] === 0x61 &&
    bytes[at + 2] === 0x74 &&
    bytes[at + 3] === 0x61 &&
    nameEnds(bytes, at + 4, end)
  );
}

function isEventField(bytes: Buffer, at: number, end: number): boolean {
  return (
    bytes[at] === 0x65 &&
    bytes[at + 1] === 0x76 &&
    bytes[at + 2] === 0x65 &&
    bytes[at + 3] === 0x6e &&
    bytes[at + 4] === 0x74 &&
    nameEnds(bytes, at + 5, end)
  );
}

/** A line without a colon is a field with an empty value. */
function nameEnds(bytes: Buffer, at: number, end: number): boolean {
  return at === end || (at < end && bytes[at] === COLON);
}

/** What follows the colon, less one leading space. */
function fieldValue(bytes: Buffer, colon: number, end: number): string {
  const from = bytes[colon + 1] === SPACE ? colon + 2 : colon + 1;
  return from < end ? bytes.toString("utf8", from, end) : "";
}

function afterByteOrderMark(bytes: Buffer, at: number): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf ? at + 3 : at;
}

/** The next line ends at or after the reading position, remembered so that a chunk is searched once for each kind. */
type Lines = { readonly bytes: Buffer; lineFeed: number; carriageReturn: number };

function readLines(bytes: Buffer): Lines {
  return { bytes, lineFeed: -1, carriageReturn: -1 };
}

/** The offset of the LF or CR that ends the line around `from`, or the length of the bytes. */
function lineEnd(lines: Lines, from: number): number {
  if (lines.lineFeed < from) lines.lineFeed = offsetOf(lines.bytes, LF, from);
  if (lines.carriageReturn < from) lines.carriageReturn = offsetOf(lines.bytes, CR, from);
  return lines.lineFeed < lines.carriageReturn ? lines.lineFeed : lines.carriageReturn;
}

function offsetOf(bytes: Buffer, byte: number, from: number): number {
  const found = from < bytes.length ? bytes.indexOf(byte, from) : -1;
  return found < 0 ? bytes.length : found;
}

/** Where the line after the line end at `end` begins: CRLF is one line end. */
function lineAfter(bytes: Buffer, end: number): number {
  return bytes[end] === CR && bytes[end + 1] === LF ? end + 2 : end + 1;
}
