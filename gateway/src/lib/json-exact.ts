import { parseJson, type Json } from "./json.ts";

/*
 * JavaScript numbers hold 15 to 17 significant digits; identifiers in tool arguments often have 19. These helpers carry such
 * numbers through as the text they were written in. They cost a second look at every value, so ask `hasLongNumber` first.
 */

/** Any number of fewer digits than this survives `JSON.parse` and `JSON.stringify` with its value. */
const DIGITS_MIN = 16;
const ZERO = 0x30;
const NINE = 0x39;

/** Whether UTF-8 JSON text has a run of digits (anywhere, strings included) so long that a number may lose some of them. */
export function hasLongNumber(bytes: Uint8Array): boolean {
  // A run of 16 digits covers every 16th byte, so the others need not be looked at.
  for (let index = DIGITS_MIN - 1; index < bytes.length; index += DIGITS_MIN) {
    if (!isDigit(bytes[index])) continue;
    let start = index;
    while (isDigit(bytes[start - 1])) start -= 1;
    let end = index + 1;
    while (isDigit(bytes[end])) end += 1;
    if (end - start >= DIGITS_MIN) return true;
  }
  return false;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/**
 * `parseJson`, except that a number which JavaScript would spell differently (`12345678901234567890`, `1.0`) becomes a raw JSON
 * value: `stringifyExact` writes it as it came. Such a value is an object to all other code, so only pass it on unread.
 */
export function parseExact(text: string): Json | undefined {
  try {
    return JSON.parse(text, keepSpelling) as Json;
  } catch {
    return undefined;
  }
}

/**
 * `parseJson`, except that an integer which JavaScript cannot hold stays as it was written, as with `parseExact`. For documents
 * whose other numbers are read.
 */
export function parseKeepingIntegers(text: string): Json | undefined {
  if (!LONG_DIGITS.test(text)) return parseJson(text);
  try {
    return JSON.parse(text, keepLongInteger) as Json;
  } catch {
    return undefined;
  }
}

/** The text of a value from `parseExact`. */
export function stringifyExact(value: Json): string {
  return JSON.stringify(value);
}

// ECMAScript's JSON.parse source text access (Node 22 and later), which TypeScript's library does not describe yet.
type SourceAccess = { readonly rawJSON: (text: string) => Json };

function keepSpelling(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined || String(value) === context.source) return value;
  return (JSON as unknown as SourceAccess).rawJSON(context.source);
}

const LONG_DIGITS = /\d{16}/;
const LONG_INTEGER = /^-?\d{16,}$/;

function keepLongInteger(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || !LONG_INTEGER.test(context?.source ?? "")) return value;
  return keepSpelling(key, value, context);
}
