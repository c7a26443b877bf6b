/** Finds stop sequences in a text that comes in pieces. How it is cut never shows. */
export type StopMatcher = {
  readonly patterns: readonly Pattern[];
  /** What has been received and may still be the beginning of a stop sequence, or of a surrogate pair. */
  held: string;
};

/** Knuth, Morris and Pratt's automaton: `matched` characters of `text` are the end of what has been read. */
type Pattern = { readonly text: string; readonly fallbacks: readonly number[]; matched: number };

/** What a piece of text sets free. */
export type Released = {
  /** Text that nothing to come can turn into a part of a match. */
  readonly text: string;
  /** The stop sequence that has been found; `text` ends before it, and the matcher is done. */
  readonly stop?: string;
};

/** Empty sequences are none. */
export function openStopMatcher(sequences: readonly string[]): StopMatcher {
  const patterns = [...new Set(sequences)].filter((text) => text !== "").map((text) => toPattern(text));
  return { patterns, held: "" };
}

/**
 * Reads the next piece. A sequence counts as soon as it is complete, as it does for providers that take them; of several that
 * end at the same character the longest counts.
 */
export function releaseUntilStop(matcher: StopMatcher, piece: string): Released {
  const text = matcher.held + piece;
  for (let at = matcher.held.length; at < text.length; at += 1) {
    const found = advance(matcher.patterns, text.charCodeAt(at));
    if (found === undefined) continue;
    matcher.held = "";
    return { text: withoutHalfPair(text.slice(0, at + 1 - found.text.length)), stop: found.text };
  }
  const possible = Math.max(0, ...matcher.patterns.map(({ matched }) => matched));
  const free = withoutHalfPair(text.slice(0, text.length - possible));
  matcher.held = text.slice(free.length);
  return { text: free };
}

/** The text is over: what was held back is text after all. */
export function releaseRest(matcher: StopMatcher): string {
  const rest = matcher.held;
  matcher.held = "";
  return rest;
}

/** The longest sequence that this character completes. */
function advance(patterns: readonly Pattern[], code: number): Pattern | undefined {
  let found: Pattern | undefined;
  for (const pattern of patterns) {
    pattern.matched = next(pattern, code);
    const isComplete = pattern.matched === pattern.text.length;
    if (isComplete && (found === undefined || found.text.length < pattern.text.length)) found = pattern;
  }
  return found;
}

function next({ text, fallbacks, matched }: Pattern, code: number): number {
  let length = matched;
  while (length > 0 && text.charCodeAt(length) !== code) length = fallbacks[length - 1] ?? 0;
  return text.charCodeAt(length) === code ? length + 1 : 0;
}

function toPattern(text: string): Pattern {
  const fallbacks = [0];
  for (let at = 1; at < text.length; at += 1) {
    fallbacks.push(next({ text, fallbacks, matched: fallbacks[at - 1] ?? 0 }, text.charCodeAt(at)));
  }
  return { text, fallbacks, matched: 0 };
}

/** A high surrogate at the end waits for its other half. */
function withoutHalfPair(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text;
}
