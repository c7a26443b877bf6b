import { asObject, asString, parseJson } from "../lib/json.ts";

/*
 * Unwraps `{"input":"…"}` while it streams. The text is given out as far as its escapes and surrogate pairs are complete;
 * arguments that begin otherwise are kept until the end and decided there. How the arguments are cut into deltas never shows.
 */

/** What is known of a call's arguments so far. */
export type CustomInput = {
  phase: "head" | "value" | "closed" | "foreign";
  /** What has been received and not read. Arguments of another shape are kept here until the end. */
  pending: string[];
};

/** One per call. */
export function openCustomInput(): CustomInput {
  return { phase: "head", pending: [] };
}

/** The text that `delta` completes; "" while undecided. */
export function readInput(state: CustomInput, delta: string): string {
  if (delta === "" || state.phase === "closed") return "";
  state.pending.push(delta);
  if (state.phase === "foreign" || (state.phase === "head" && !skipHead(state))) return "";
  return readValue(state);
}

/** The rest, when the arguments are over. A wrapper that was cut off has given all of its text that is whole. */
export function finishInput(state: CustomInput): string {
  if (state.phase === "value" || state.phase === "closed") return "";
  const whole = state.pending.join("");
  const parsed = parseJson(whole);
  return asString(asObject(parsed)?.["input"]) ?? asString(parsed) ?? whole;
}

/** Whether the arguments have ended in the middle of the input. */
export function isCut(state: CustomInput): boolean {
  return state.phase === "value";
}

const HEAD = /^\s*\{\s*"input"\s*:\s*"/;

/** With this much and no head there is none: models do not indent that far. */
const HEAD_LENGTH_MAX = 64;

function skipHead(state: CustomInput): boolean {
  const text = state.pending.join("");
  // The head is looked for in the same stretch of text however much of it has come at once.
  const head = HEAD.exec(text.slice(0, HEAD_LENGTH_MAX));
  if (head === null) {
    if (text.length >= HEAD_LENGTH_MAX) state.phase = "foreign";
    return false;
  }
  state.phase = "value";
  state.pending = [text.slice(head[0].length)];
  return true;
}

function readValue(state: CustomInput): string {
  const text = state.pending.join("");
  const end = readableEnd(text);
  const isClosed = text[end] === '"';
  const rest = text.slice(end);
  state.pending = isClosed || rest === "" ? [] : [rest];
  if (isClosed) state.phase = "closed";
  return unescape(text.slice(0, end));
}

/** The closing quote, or the end of what is complete: not within an escape, not between the halves of a surrogate pair. */
function readableEnd(text: string): number {
  let at = 0;
  while (text[at] !== '"') {
    const end = unitEnd(text, at);
    // The other half of a pair may still come; what comes instead is read on its own.
    if (end === undefined || (isHighSurrogate(text, at, end) && unitEnd(text, end) === undefined)) break;
    at = end;
  }
  return at;
}

/** The end of the character or escape at `at`; undefined where more text is needed to tell. */
function unitEnd(text: string, at: number): number | undefined {
  if (at >= text.length) return undefined;
  if (text[at] !== "\\") return at + 1;
  const escape = text.slice(at, at + ESCAPE_LENGTH_MAX);
  const whole = ESCAPE.exec(escape);
  if (whole !== null) return at + whole[0].length;
  return ESCAPE_BEGINNING.test(escape) ? undefined : at + 1;
}

const ESCAPE_LENGTH_MAX = "\\u0000".length;
const ESCAPE = /^\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/;
const ESCAPE_BEGINNING = /^\\(?:u[0-9a-fA-F]{0,3})?$/;
const HIGH_ESCAPE = /^\\u[dD][89abAB]/;

function isHighSurrogate(text: string, at: number, end: number): boolean {
  const code = text.charCodeAt(at);
  return (code >= 0xd800 && code <= 0xdbff) || HIGH_ESCAPE.test(text.slice(at, end));
}

/** Models forget to escape line ends and invent escapes; both are meant as they stand. */
function unescape(inside: string): string {
  return asString(parseJson(`"${inside}"`)) ?? inside.replace(ESCAPES, readEscape);
}

const ESCAPES = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/g;

function readEscape(escape: string): string {
  return asString(parseJson(`"${escape}"`)) ?? escape;
}
