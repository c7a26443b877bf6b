import { asBuffer } from "../lib/as-buffer.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { NO_BYTES } from "./bytes.ts";
import { readPartHead, type PartHead } from "./multipart-head.ts";

export const PART_HEAD_BYTES_MAX = 16 * 1024;
export const PARTS_MAX = 1_000;
/** White space that may stand behind a boundary (RFC 2046 §5.1.1); nobody sends any. */
const PADDING_BYTES_MAX = 128;

/**
 * What bytes of a form are. The bytes of all `framing` and `content` events, in order, are exactly those that were pushed,
 * save for what the reader still holds. Both are views of pushed bytes.
 */
export type FormEvent =
  | { readonly kind: "framing"; readonly bytes: Uint8Array }
  | { readonly kind: "part"; readonly head: PartHead }
  | { readonly kind: "content"; readonly bytes: Uint8Array }
  | { readonly kind: "part-end" };

/** Reads one form. Sans-IO; after a failure it must not be used again. `error` says to the sender what is wrong. */
export interface FormReader {
  push(bytes: Uint8Array): Result<readonly FormEvent[], string>;
  /** The bytes have ended. Fails when the form has not. */
  end(): Result<readonly FormEvent[], string>;
}

type State = {
  /** CR LF `--` boundary: what ends a part's content. The first one in a form may do without its line break. */
  readonly delimiter: Buffer;
  phase: "start" | "delimiter" | "head" | "content-start" | "content" | "end";
  /** Bytes that are not understood yet; in content never as many as the delimiter has. */
  held: Buffer;
  parts: number;
  events: FormEvent[];
};

/**
 * `multipart/form-data` (RFC 7578), strictly: nothing before the first boundary or behind the last one, CR LF everywhere, and
 * no line that begins like a boundary and is none. What another reader could take for another form is refused.
 */
export function formReader(boundary: string): FormReader {
  const state: State = {
    delimiter: Buffer.from(`\r\n--${boundary}`, "latin1"),
    phase: "start",
    held: NO_BYTES,
    parts: 0,
    events: [],
  };
  return {
    push(bytes) {
      const given = asBuffer(bytes);
      state.held = state.held.length === 0 ? given : Buffer.concat([state.held, given]);
      return proceed(state);
    },
    end() {
      if (state.phase === "end") return proceed(state);
      return fail("the form ends before its closing boundary");
    },
  };
}

const steps = {
  start: skipToFirst,
  delimiter: readDelimiter,
  head: readHead,
  "content-start": checkContentStart,
  content: readContent,
  end: readEpilogue,
} as const satisfies Record<State["phase"], (state: State) => StepResult>;

/** `more`: the rest needs bytes that have not come. Otherwise what is wrong. */
type StepResult = "on" | "more" | { readonly problem: string };

function proceed(state: State): Result<readonly FormEvent[], string> {
  for (;;) {
    const result: StepResult = steps[state.phase](state);
    if (result === "on") continue;
    if (result !== "more") return fail(result.problem);
    const { events } = state;
    state.events = [];
    return ok(events);
  }
}

function skipToFirst(state: State): StepResult {
  const { held, delimiter } = state;
  const first = held[0] === CR ? delimiter : delimiter.subarray(2);
  const seen = Math.min(held.length, first.length);
  if (!held.subarray(0, seen).equals(first.subarray(0, seen))) {
    return { problem: "the form does not begin with the boundary that its content-type names" };
  }
  if (seen < first.length) return "more";
  frame(state, seen);
  state.phase = "delimiter";
  return "on";
}

/** Behind a boundary: `--` ends the form, a line break begins a part. */
function readDelimiter(state: State): StepResult {
  const { held } = state;
  if (held.length < 2) return "more";
  if (held[0] === DASH && held[1] === DASH) {
    frame(state, 2);
    state.phase = "end";
    return "on";
  }
  let end = 0;
  while (held[end] === SPACE || held[end] === TAB) end += 1;
  if (end > PADDING_BYTES_MAX) return { problem: "a boundary is followed by too much white space" };
  if (held.length < end + 2) return "more";
  if (held[end] !== CR || held[end + 1] !== LF) return { problem: "a line begins like the boundary and goes on" };
  state.parts += 1;
  if (state.parts > PARTS_MAX) return { problem: `the form has more than ${PARTS_MAX} parts` };
  frame(state, end + 2);
  state.phase = "head";
  return "on";
}

const HEAD_END = Buffer.from("\r\n\r\n");

function readHead(state: State): StepResult {
  const { held } = state;
  const end = held.indexOf(HEAD_END);
  if (end > PART_HEAD_BYTES_MAX || (end < 0 && held.length > PART_HEAD_BYTES_MAX + HEAD_END.length)) {
    return { problem: `the headers of a part are larger than ${PART_HEAD_BYTES_MAX} bytes` };
  }
  if (end < 0) return "more";
  const head = readPartHead(held.toString("utf8", 0, end));
  if (!head.ok) return { problem: head.error };
  frame(state, end + HEAD_END.length);
  state.events.push({ kind: "part", head: head.value });
  state.phase = "content-start";
  return "on";
}

/** Go's reader takes a boundary right behind the headers for the end of an empty part; RFC 2046 wants a line break of its own. */
function checkContentStart(state: State): StepResult {
  const { held } = state;
  const boundary = state.delimiter.subarray(2);
  const seen = Math.min(held.length, boundary.length);
  if (held.subarray(0, seen).equals(boundary.subarray(0, seen))) {
    return seen < boundary.length ? "more" : { problem: "the content of a part begins with the boundary" };
  }
  state.phase = "content";
  return "on";
}

function readContent(state: State): StepResult {
  const { held, delimiter } = state;
  const found = held.indexOf(delimiter);
  if (found < 0) {
    content(state, held.length - partialAtEnd(held, delimiter));
    return "more";
  }
  content(state, found);
  state.events.push({ kind: "part-end" });
  frame(state, delimiter.length);
  state.phase = "delimiter";
  return "on";
}

/** How many of the last bytes may be the beginning of the delimiter, which begins with the only CR that it has. */
function partialAtEnd(held: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, held.length - delimiter.length + 1);
  const at = held.subarray(from).lastIndexOf(CR);
  if (at < 0) return 0;
  const tail = held.subarray(from + at);
  return tail.equals(delimiter.subarray(0, tail.length)) ? tail.length : 0;
}

function readEpilogue(state: State): StepResult {
  if (state.held.some((byte) => byte !== CR && byte !== LF))
    return { problem: "something follows the closing boundary" };
  if (state.held.length > 0) frame(state, state.held.length);
  return "more";
}

function frame(state: State, length: number): void {
  state.events.push({ kind: "framing", bytes: state.held.subarray(0, length) });
  state.held = state.held.subarray(length);
}

function content(state: State, length: number): void {
  if (length > 0) state.events.push({ kind: "content", bytes: state.held.subarray(0, length) });
  state.held = state.held.subarray(length);
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const DASH = 0x2d;
