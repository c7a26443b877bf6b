/** Where a value stands in the scanned bytes: `raw.subarray(start, end)` is its JSON text without surrounding white space. */
export type Span = { readonly start: number; readonly end: number };

/** What one pass over a JSON object's bytes finds. */
export type JsonScan = {
  /** Top-level members by key (escapes decoded), in order of appearance. A repeated key has the span of its first value. */
  readonly members: ReadonlyMap<string, Span>;
  /** Spans from the opening quote of each key to the end of its value, for removing a member. */
  readonly entries: ReadonlyMap<string, Span>;
  /** Top-level keys that occur more than once. */
  readonly duplicates: readonly string[];
  /** Deepest nesting; the object itself is 1. */
  readonly depth: number;
  /** Offsets of the object's `{` and `}`. */
  readonly open: number;
  readonly close: number;
};
