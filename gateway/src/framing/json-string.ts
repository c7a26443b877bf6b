const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Most keys and enumerations end within this; a loop finds their end sooner than a call does. */
const NEAR_BYTES = 16;
/** Small enough to die young, large enough that making it is nothing beside searching it. */
const WINDOW_BYTES = 32 * 1024;

/**
 * Finds quotes in bytes. A string's `indexOf` costs a few nanoseconds per call, a buffer's ten times as much, so where quotes
 * are frequent the bytes are looked at as Latin-1 text, in which offsets are byte offsets. A stretch without quotes (an
 * image, say) is searched in the bytes and never turned into text.
 */
export type QuoteFinder = {
  readonly bytes: Buffer;
  /** The bytes from `textAt` on, one character each. */
  text: string;
  textAt: number;
};

export function quoteFinder(bytes: Buffer): QuoteFinder {
  return { bytes, text: bytes.length <= WINDOW_BYTES ? bytes.toString("latin1") : "", textAt: 0 };
}

/**
 * The offset of the quote that closes the string whose content begins at `from`, or -1 when it is not in the bytes. Escapes
 * are stepped over, not checked.
 */
export function closingQuote(finder: QuoteFinder, from: number): number {
  const { bytes } = finder;
  const near = Math.min(from + NEAR_BYTES, bytes.length);
  let quote = from;
  while (quote < near && bytes[quote] !== QUOTE) quote += 1;
  if (quote >= near) quote = nextQuote(finder, near);
  while (quote >= 0 && bytes[quote - 1] === BACKSLASH && isEscapedAt(bytes, quote, from)) {
    quote = nextQuote(finder, quote + 1);
  }
  return quote;
}

/** Whether the byte at `at` is escaped: an odd number of backslashes stands before it. `from` is where an escape can begin. */
export function isEscapedAt(bytes: Buffer, at: number, from: number): boolean {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

function nextQuote(finder: QuoteFinder, from: number): number {
  const { bytes, text, textAt } = finder;
  const textEnd = textAt + text.length;
  if (from < textEnd) {
    const found = text.indexOf('"', from - textAt);
    if (found >= 0) return textAt + found;
  }
  const searchFrom = Math.max(from, textEnd);
  const quote = searchFrom < bytes.length ? bytes.indexOf(QUOTE, searchFrom) : -1;
  if (quote >= 0) {
    finder.textAt = quote;
    finder.text = bytes.toString("latin1", quote, quote + WINDOW_BYTES);
  }
  return quote;
}
