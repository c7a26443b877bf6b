import type { Failure } from "../canonical/failure.ts";
import { failure } from "../canonical/failure.ts";
import { asBuffer } from "../lib/as-buffer.ts";
import type { JsonScan, Span } from "../framing/json-scan.ts";
import { isObject, parseJson, type Json, type JsonObject } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";

/** A client's request as it came in, decompressed and scanned. Immutable; a rewrite makes a new one. */
export type WireRequest = {
  /** The matched operation's path after normalisation, percent-decoded where it names a model. */
  readonly path: string;
  /** The model that the path names (`/v1beta/models/{model}:…`), "" elsewhere. */
  readonly pathModel: string;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated headers are joined with ", ". */
  readonly headers: { readonly [name: string]: string | undefined };
  readonly raw: Uint8Array;
  readonly scan: JsonScan;
  /** The parsed body. Parsed on first use and remembered: same-format traffic never needs it. */
  tree(): Result<JsonObject, Failure>;
};

export function wireRequest(parts: Omit<WireRequest, "tree">): WireRequest {
  let tree: Result<JsonObject, Failure> | undefined;
  return {
    ...parts,
    tree: () => (tree ??= readTree(parts.raw)),
  };
}

/** The value of a top-level member, parsed from its span alone; `undefined` when absent. */
export function member(wire: WireRequest, key: string): Json | undefined {
  const span = wire.scan.members.get(key);
  if (span === undefined) return undefined;
  const simple = simpleValue(wire.raw, span);
  return simple === undefined ? parseJson(text(wire.raw, span.start, span.end)) : simple;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const literals = new Map<number | undefined, boolean | null>([
  [0x74, true],
  [0x66, false],
  [0x6e, null],
]);

/** A literal, which the scan has read, or a string of nothing but ASCII: most of what is asked for, without a parser. */
function simpleValue(raw: Uint8Array, { start, end }: Span): string | boolean | null | undefined {
  if (raw[start] !== QUOTE) return literals.get(raw[start]);
  for (let at = start + 1; at < end - 1; at += 1) {
    const byte = raw[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined;
  }
  return asBuffer(raw).toString("latin1", start + 1, end - 1);
}

function readTree(raw: Uint8Array): Result<JsonObject, Failure> {
  const value = parseJson(text(raw, 0, raw.length));
  if (isObject(value)) return ok(value);
  return fail(
    failure(
      "invalid_json",
      "The request body is not a valid JSON object: a string in it has a raw control character or a broken escape. Send JSON as a serialiser writes it.",
    ),
  );
}

function text(raw: Uint8Array, start: number, end: number): string {
  return asBuffer(raw).toString("utf8", start, end);
}
