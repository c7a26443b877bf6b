import { asNumber, type Json, type JsonObject } from "../../lib/json.ts";

/*
 * Gemini's JSON is that of protocol buffers (https://protobuf.dev/programming-guides/json/): every field may be spelt
 * lowerCamelCase or snake_case, null is absence, numbers may be strings. Google's servers also take a single object where a list
 * is declared (`contents`, `parts`, `tools`), and its own examples use that. All of it is accepted, camelCase is written.
 */

/** A member by its camelCase name, in either spelling; null and absence are the same. */
export function field(object: JsonObject, name: string): Exclude<Json, null> | undefined {
  return object[name] ?? object[snakeCase(name)] ?? undefined;
}

/** A repeated field: a list as it is, one value as a list of one, absence as an empty list. */
export function list(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** A number, or the string that proto JSON allows in its place. */
export function number(value: Json | undefined): number | undefined {
  if (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  return asNumber(value);
}

/** Both spellings of each name, for `rest`. */
export function spellings(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => [name, snakeCase(name)]));
}

/** The members of `object` that are not among `known`, or undefined when there are none. */
export function rest(object: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const entries = Object.entries(object).filter(([key, value]) => !known.has(key) && value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** Only names written in this folder come here, so the memo has an end. */
const snakeCases = new Map<string, string>();

function snakeCase(name: string): string {
  const known = snakeCases.get(name);
  if (known !== undefined) return known;
  const snake = name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
  snakeCases.set(name, snake);
  return snake;
}
