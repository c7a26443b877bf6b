import { asString, type Json, type JsonObject } from "../lib/json.ts";
import type { SchemaRules } from "./schema-rules.ts";

type Change = { readonly loss: "dropped" | "emulated"; readonly detail: string; readonly path: string; places: number };

/** One adaptation of a whole schema. */
export type SchemaState = {
  readonly rules: SchemaRules;
  readonly root: JsonObject;
  readonly recursive: ReadonlySet<string>;
  /** References that are being unfolded, to notice a recursion. */
  readonly unfolding: string[];
  unfolded: number;
  /** Schemas and properties looked at so far. */
  steps: number;
  depth: number;
  /** Definitions that are referred to, by the reference, and the names that they have taken. */
  readonly wanted: Map<string, { readonly name: string; readonly schema: JsonObject }>;
  readonly names: Set<string>;
  /** What was changed, by keyword. */
  readonly changes: Map<string, Change>;
  /** False once values are accepted or refused that the source did not. */
  isFaithful: boolean;
};

/** `recursive`: the references of `root` that lead back to themselves. */
export function openSchemaState(rules: SchemaRules, root: JsonObject, recursive: ReadonlySet<string>): SchemaState {
  return {
    rules,
    root,
    recursive,
    unfolding: [],
    unfolded: 0,
    steps: 0,
    depth: 0,
    wanted: new Map(),
    names: new Set(),
    changes: new Map(),
    isFaithful: true,
  };
}

/** What the description has to say, by keyword. */
export type Notes = Map<string, string>;

/** Moves a keyword to the description of its schema. */
export function note(state: SchemaState, notes: Notes, keyword: string, value: Json, path: string): void {
  notes.set(keyword, saidValue(value));
  change(state, keyword, `${path}.${keyword}`, "emulated", `\`${keyword}\` is said in the description`);
}

/** A value that moves to the description is said in full up to this length. */
const SAID_LENGTH_MAX = 2000;

/** A keyword's value as a description says it: its JSON, cut off where it gets long. */
export function saidValue(value: Json): string {
  const writing: Writing = { text: "" };
  writeJson(writing, value);
  return writing.text.length > SAID_LENGTH_MAX ? `${writing.text.slice(0, SAID_LENGTH_MAX)}…` : writing.text;
}

type Writing = { text: string };

/** Stops when there is enough: merged schemas share their parts, and could be much longer as text. */
function writeJson(writing: Writing, value: Json): void {
  if (writing.text.length > SAID_LENGTH_MAX) return;
  if (typeof value !== "object" || value === null) {
    writing.text += JSON.stringify(value);
    return;
  }
  const isList = Array.isArray(value);
  writing.text += isList ? "[" : "{";
  let separator = "";
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined || writing.text.length > SAID_LENGTH_MAX) continue;
    writing.text += isList ? separator : `${separator}${JSON.stringify(key)}:`;
    separator = ",";
    writeJson(writing, member);
  }
  writing.text += isList ? "]" : "}";
}

/** Counts a change to a keyword; the first place stands for all. */
export function change(state: SchemaState, key: string, path: string, loss: Change["loss"], detail: string): void {
  const known = state.changes.get(key);
  if (known === undefined) state.changes.set(key, { loss, detail, path, places: 1 });
  else known.places += 1;
}

/** Puts what was moved at the end of the description. */
export function writeNotes(result: JsonObject, notes: Notes): void {
  if (notes.size === 0) return;
  const said = `(${[...notes].map(([keyword, text]) => `${keyword}: ${text}`).join("; ")})`;
  const description = asString(result["description"]);
  result["description"] = description === undefined || description === "" ? said : `${description}\n\n${said}`;
}
