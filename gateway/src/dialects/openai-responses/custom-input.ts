import { asObject, asString, parseJson } from "../../lib/json.ts";

/*
 * A custom (free-form) tool stands as a function `{"input": string}` with providers that have none. This unwraps the arguments
 * while they stream: the text of `input` as far as its escapes are complete. Anything that does not look like the wrapper is
 * kept until the end and decided there.
 */

export type CustomInput = {
  /** The arguments as received; looked at only at the end, so that long ones are not copied for every delta. */
  whole: string;
  /** What has been received and not yet read. */
  pending: string;
  phase: "head" | "value" | "closed" | "foreign";
  /** What has been given out. */
  given: string;
};

export function openCustomInput(): CustomInput {
  return { whole: "", pending: "", phase: "head", given: "" };
}

const HEAD = /^\s*\{\s*"input"\s*:\s*"/;

/** The wrapper's head, generously spaced; arguments that begin otherwise are no wrapper. */
const HEAD_LENGTH_MAX = 64;

/** The input text that `delta` completes; "" while undecided. */
export function unwrapInput(state: CustomInput, delta: string): string {
  state.whole += delta;
  if (state.phase === "closed" || state.phase === "foreign") return "";
  state.pending += delta;
  if (state.phase === "head" && !skipHead(state)) return "";
  const end = readableEnd(state);
  const text = unescape(state.pending.slice(0, end));
  state.pending = state.pending.slice(end);
  state.given += text;
  return text;
}

/** The rest at the end of the arguments. Without the wrapper's shape the arguments are the input as they are. */
export function finishInput(state: CustomInput): string {
  const whole = asString(asObject(parseJson(state.whole))?.["input"]) ?? bareInput(state);
  const rest = whole.startsWith(state.given) ? whole.slice(state.given.length) : "";
  state.given += rest;
  return rest;
}

/** Whether the input was cut off in its middle. */
export function isCut(state: CustomInput): boolean {
  return state.phase === "value";
}

function skipHead(state: CustomInput): boolean {
  const head = HEAD.exec(state.pending);
  if (head === null) {
    if (state.pending.length > HEAD_LENGTH_MAX) state.phase = "foreign";
    return false;
  }
  state.phase = "value";
  state.pending = state.pending.slice(head[0].length);
  return true;
}

/** A model that ignores the wrapper sends a JSON string, or the text itself. */
function bareInput(state: CustomInput): string {
  if (state.phase === "value" || state.phase === "closed") return state.given;
  return asString(parseJson(state.whole)) ?? state.whole;
}

/** The end of what can be unescaped: before the closing quote, or before an unfinished escape. */
function readableEnd(state: CustomInput): number {
  const { pending } = state;
  let at = 0;
  while (at < pending.length) {
    if (pending[at] === '"') {
      state.phase = "closed";
      return at;
    }
    if (pending[at] !== "\\") at += 1;
    else {
      const length = pending[at + 1] === "u" ? 6 : 2;
      if (at + length > pending.length) return at;
      at += length;
    }
  }
  return at;
}

/** The text of a JSON string's inside. Models forget to escape line ends; those are meant as they stand. */
function unescape(inside: string): string {
  const text = parseJson(`"${inside}"`) ?? parseJson(`"${inside.replace(/\p{Cc}/gu, escapeCharacter)}"`);
  return asString(text) ?? inside;
}

function escapeCharacter(character: string): string {
  return JSON.stringify(character).slice(1, -1);
}
