import { isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { SettingsFormat } from "./settings.ts";

/** Settings as one JSON object. The order of members stays; the layout becomes JSON.stringify's with the file's indentation. */
export const jsonSettings: SettingsFormat = {
  write: (value) => JSON.stringify(value),
  get(text, path) {
    const document = readDocument(text);
    if (!document.ok) return document;
    const value = valueAt(document.value, path);
    return ok(value === undefined ? undefined : JSON.stringify(value));
  },
  set(text, path, written) {
    const document = readDocument(text);
    if (!document.ok) return document;
    const value = written === undefined ? undefined : parseJson(written);
    const next = replaced(document.value, path, value);
    return next.ok ? ok(`${JSON.stringify(next.value, null, indentationOf(text))}\n`) : next;
  },
  isEmpty(text) {
    const document = readDocument(text);
    return document.ok && Object.keys(document.value).length === 0;
  },
};

/** `over` laid over `base`: objects are merged member by member, everything else is replaced. */
export function mergeJson(base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isObject(below) && isObject(value) ? mergeJson(below, value) : value;
  }
  return merged;
}

function readDocument(text: string): Result<JsonObject, string> {
  if (text.trim() === "") return ok({});
  const document = parseJson(text.replace(/^\uFEFF/, ""));
  return isObject(document) ? ok(document) : fail("it is not plain JSON (comments and trailing commas cannot be kept)");
}

function valueAt(document: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/** A copy with `value` at `path`; without a value the member goes, and so do objects that this empties. */
function replaced(document: JsonObject, path: readonly string[], value: Json | undefined): Result<JsonObject, string> {
  const [name = "", ...rest] = path;
  if (rest.length === 0) return ok(withMember(document, name, value));
  const below = document[name] ?? {};
  if (!isObject(below)) return value === undefined ? ok(document) : fail(`"${name}" is not an object there`);
  const inner = replaced(below, rest, value);
  if (!inner.ok) return inner;
  const isEmptied = value === undefined && Object.keys(inner.value).length === 0;
  return ok(withMember(document, name, isEmptied ? undefined : inner.value));
}

function withMember(document: JsonObject, name: string, value: Json | undefined): JsonObject {
  if (value !== undefined) return { ...document, [name]: value };
  return Object.fromEntries(Object.entries(document).filter(([key]) => key !== name));
}

function indentationOf(text: string): string {
  return /^\s*\{\r?\n([ \t]+)"/.exec(text)?.[1] ?? "  ";
}
