const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Below this many bytes a loop is quicker than a call into native search. Most keys and enumerations are shorter. */
const NEAR_BYTES = 32;

/**
 * The offset of the quote that closes the string whose content begins at `from`, or -1 when it is not in `bytes`. Escapes are
 * stepped over, not checked.
 */
export function closingQuote(bytes: Buffer, from: number): number {
  const length = bytes.length;
  let position = from;
  while (position < length) {
    const near = Math.min(position + NEAR_BYTES, length);
    while (position < near) {
      const byte = bytes[position];
      if (byte === QUOTE) return position;
      position += byte === BACKSLASH ? 2 : 1;
    }
    const quote = position < length ? bytes.indexOf(QUOTE, position) : -1;
    if (quote < 0) return -1;
    if (!isEscapedAt(bytes, quote, position)) return quote;
    // Text full of escaped quotes (JSON within JSON) goes on in the loop, which is where it is quicker.
    position = quote + 1;
  }
  return -1;
}

/** Whether the byte at `at` is escaped: an odd number of backslashes stands before it. `from` is where an escape can begin. */
export function isEscapedAt(bytes: Buffer, at: number, from: number): boolean {
  let first = at;
  while (first > from && bytes[first - 1] === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
