import type { Frame, FramingId } from "../framing/framer.ts";

/*
 * Where a provider's own bytes end and ours begin. A stream that passes untouched may stop anywhere, and what is added to it
 * then has to be readable all the same.
 */

export interface Seam {
  /** A frame has gone to the client as it came. */
  passed(frame: Frame): void;
  /** What has to stand before text of ours; undefined where no client would read anything that follows. */
  lead(): string | undefined;
  /** What the framing itself still needs at the end. */
  closing(): string;
}

/** One per stream: each call makes a new one. */
export const seams = {
  sse: eventStreamSeam,
  "json-array": arraySeam,
  ndjson: linesSeam,
  // Only providers frame like this; no client has a stream of them to add to.
  "aws-eventstream": linesSeam,
} satisfies Record<FramingId, () => Seam>;

const LF = 0x0a;
const CR = 0x0d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** The last frame of a cut connection may lack its blank line; what follows would become a part of it. */
function eventStreamSeam(): Seam {
  const state = { isEnded: true };
  return {
    passed({ bytes }) {
      state.isEnded = endsWithBlankLine(bytes);
    },
    lead: () => (state.isEnded ? "" : "\n\n"),
    closing: () => "",
  };
}

function endsWithBlankLine(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  if (!isLineEnd(bytes[last])) return false;
  const before = bytes[last] === LF && bytes[last - 1] === CR ? last - 2 : last - 1;
  return before < 0 || isLineEnd(bytes[before]);
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}

function linesSeam(): Seam {
  const state = { isEnded: true };
  return {
    passed({ bytes }) {
      state.isEnded = isLineEnd(bytes[bytes.length - 1]);
    },
    lead: () => (state.isEnded ? "" : "\n"),
    closing: () => "",
  };
}

type ArrayState = {
  /** `single`: one object came where an array was due; nothing can be added to that. */
  place: "before" | "open" | "closed" | "single";
};

/** An array that nobody closed is no JSON, and neither is one with something behind its bracket. */
function arraySeam(): Seam {
  const state: ArrayState = { place: "before" };
  return {
    passed({ bytes, payload }) {
      if (state.place === "before") state.place = firstVisible(bytes) === OPEN_BRACKET ? "open" : "single";
      // Only a frame without an element has the bracket that closes the array.
      if (payload === undefined && state.place === "open" && bytes.includes(CLOSE_BRACKET)) state.place = "closed";
    },
    lead: () => (state.place === "before" || state.place === "open" ? "" : undefined),
    closing: () => (state.place === "open" ? "]" : ""),
  };
}

function firstVisible(bytes: Uint8Array): number | undefined {
  return bytes.find((byte) => byte > 0x20);
}
