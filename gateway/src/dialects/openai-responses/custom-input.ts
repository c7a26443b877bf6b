import { asObject, asString, parseJson } from "../../lib/json.ts";

/*
 * A custom (free-form) tool stands as a function `{"input": string}` with providers that have none. This unwraps the arguments
 * while they stream: the text of `input` as far as its escapes are complete. Anything that does not look like the wrapper is
 * kept until the end and decided there.
 */

export type CustomInput = {
  /** The arguments as received. */
  text: string;
  /** Where in `text` the unread part of the string value begins; undefined until the value has begun. */
  at: number | undefined;
  /** What has been given out. */
  given: string;
  isClosed: boolean;
};

export function openCustomInput(): CustomInput {
  return { text: "", at: undefined, given: "", isClosed: false };
}

const HEAD = /^\s*\{\s*"input"\s*:\s*"/;

/** The input text that `delta` completes; "" while undecided. */
export function unwrapInput(state: CustomInput, delta: string): string {
  state.text += delta;
  if (state.isClosed) return "";
  if (state.at === undefined) {
    const head = HEAD.exec(state.text);
    if (head === null) return "";
    state.at = head[0].length;
  }
  const end = readableEnd(state, state.at);
  const piece = parseJson(`"${state.text.slice(state.at, end)}"`);
  // A raw control character or a broken escape: not JSON after all. What was given stays; the end decides about the rest.
  const text = asString(piece) ?? "";
  state.at = end;
  state.given += text;
  return text;
}

/** The rest at the end of the arguments. Without the wrapper's shape the arguments are the input as they are. */
export function finishInput(state: CustomInput): string {
  const whole = asString(asObject(parseJson(state.text))?.["input"]) ?? bareInput(state);
  const rest = whole.startsWith(state.given) ? whole.slice(state.given.length) : "";
  state.given += rest;
  return rest;
}

/** A model that ignores the wrapper sends a JSON string, or the text itself. */
function bareInput(state: CustomInput): string {
  if (state.at !== undefined) return state.given;
  return asString(parseJson(state.text)) ?? state.text;
}

/** The end of what can be unescaped: before the closing quote, an unfinished escape, or a high surrogate without its partner. */
function readableEnd(state: CustomInput, from: number): number {
  const { text } = state;
  let at = from;
  while (at < text.length) {
    if (text[at] === '"') {
      state.isClosed = true;
      return at;
    }
    if (text[at] !== "\\") at += 1;
    else {
      const length = text[at + 1] === "u" ? 6 : 2;
      if (at + length > text.length) return at;
      at += length;
    }
  }
  return at;
}
