import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { field, list, number } from "./fields.ts";

/** Deeper than any schema that Google accepts. */
export const PATH_DEPTH_MAX = 64;

type Step = string | number;

/**
 * Vertex AI's streamed arguments: pieces `{jsonPath, stringValue | numberValue | boolValue | nullValue, willContinue}` that are put
 * together in `target`. A string for a path that has one continues it. False when a piece could not be placed: its path is not
 * understood, or leaves a gap in a list.
 */
export function applyPartialArguments(target: JsonObject, pieces: Json | undefined): boolean {
  let isWhole = true;
  for (const piece of list(pieces)) {
    const path = isObject(piece) ? readPath(asString(field(piece, "jsonPath")) ?? "") : undefined;
    const value = isObject(piece) ? pieceValue(piece) : undefined;
    if (path === undefined || value === undefined || !place(target, path, value)) isWhole = false;
  }
  return isWhole;
}

/** An object for arguments under construction: without a prototype, `__proto__` is a key like any other. */
export function emptyArguments(): JsonObject {
  return Object.create(null);
}

function pieceValue(piece: JsonObject): Json | undefined {
  const text = asString(field(piece, "stringValue"));
  if (text !== undefined) return text;
  const boolean = field(piece, "boolValue");
  if (typeof boolean === "boolean") return boolean;
  // `nullValue` is the name NULL_VALUE, or null itself: what matters is that it is there.
  if ("nullValue" in piece || "null_value" in piece) return null;
  return number(field(piece, "numberValue"));
}

/** `$.recipe.steps[2]`, with `['any key']` or `["any key"]` for keys that are not names. */
function readPath(text: string): Step[] | undefined {
  if (!text.startsWith("$")) return undefined;
  const step = /\.([^.[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
  step.lastIndex = 1;
  const path: Step[] = [];
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (match === null || path.length === PATH_DEPTH_MAX) return undefined;
    const [, name, index, single, double] = match;
    const quoted = single ?? double;
    if (index !== undefined) path.push(Number(index));
    else path.push(name ?? quoted?.replace(/\\(.)/g, "$1") ?? "");
  }
  return path.length === 0 ? undefined : path;
}

function place(target: JsonObject, path: readonly Step[], value: Json): boolean {
  let holder: JsonObject | Json[] = target;
  for (const [depth, step] of path.entries()) {
    const isLast = depth === path.length - 1;
    const here = at(holder, step);
    if (isLast) {
      const text = asString(here);
      return put(holder, step, text !== undefined && typeof value === "string" ? text + value : value);
    }
    const isList = typeof path[depth + 1] === "number";
    const next: JsonObject | Json[] = (isList ? asArray(here) : asObject(here)) ?? (isList ? [] : emptyArguments());
    if (next !== here && !put(holder, step, next)) return false;
    holder = next;
  }
  return false;
}

function at(holder: JsonObject | Json[], step: Step): Json | undefined {
  if (Array.isArray(holder)) return typeof step === "number" ? holder[step] : undefined;
  return holder[step];
}

/** Lists only grow at their end: a piece with a huge index must not make a huge list. */
function put(holder: JsonObject | Json[], step: Step, value: Json): boolean {
  if (!Array.isArray(holder)) {
    holder[step] = value;
    return true;
  }
  if (typeof step !== "number" || step > holder.length) return false;
  holder[step] = value;
  return true;
}
