import { isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { readTomlOutline, type TomlStatement } from "./toml-outline.ts";
import type { SettingsFormat } from "./settings.ts";

/*
 * Settings of a TOML file, replaced as text: a top-level `name = value`, or a table with everything in it. Comments, order
 * and layout of the rest stay. Where the same setting is written in one of TOML's other ways, the edit is refused.
 */

export const tomlSettings: SettingsFormat = {
  write: (value) => (isObject(value) ? tableBody(value) : scalar(value)),
  get(text, path) {
    const found = find(text, path);
    if (!found.ok) return found;
    return ok(found.value === undefined ? undefined : writtenAt(text, found.value));
  },
  set(text, path, written) {
    const found = find(text, path);
    if (!found.ok) return found;
    const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
    const replacement = written === undefined ? [] : statementLines(path, written);
    if (found.value !== undefined) {
      const { start, end } = found.value;
      lines.splice(start, end - start, ...replacement);
      if (written === undefined && lines[start - 1] === "" && (lines[start] ?? "") === "") lines.splice(start - 1, 1);
    } else if (path.length > 1) {
      lines.push(...(lines.length === 0 || lines.at(-1) === "" ? [] : [""]), ...replacement);
    } else if (replacement.length > 0) {
      insertAtTop(lines, readTomlOutline(text), replacement);
    }
    return ok(lines.length === 0 ? "" : `${lines.join("\n")}\n`);
  },
  isEmpty: (text) => text.trim() === "",
};

/** The one statement that writes this setting; undefined: there is none. Fails when it is written in another way. */
function find(text: string, path: readonly string[]): Result<TomlStatement | undefined, string> {
  const outline = readTomlOutline(text);
  const isTable = path.length > 1;
  const kind = isTable ? "table" : "key";
  const exact = outline.filter((each) => each.kind === kind && each.isTopLevel && samePath(each.path, path));
  if (exact.length > 1) return fail(`"${path.join(".")}" stands there ${exact.length} times`);
  const [found] = exact;
  // A table may also be written as `a.b.c = 1` or `a = { b = … }`, and be taken apart into sub-tables.
  const others = outline.filter((each) => {
    if (each === found || (found !== undefined && each.start > found.start && each.end <= found.end)) return false;
    return isTable ? overlaps(each, path) : each.kind === "table" && each.path[0] === path[0];
  });
  if (others.length === 0) return ok(found);
  return fail(
    `"${path.join(".")}" is written in a way that cannot be replaced safely (line ${(others[0]?.start ?? 0) + 1})`,
  );
}

/** Whether a statement writes the table, a part of it, or a value that the table would have to stand in. */
function overlaps(statement: TomlStatement, path: readonly string[]): boolean {
  const { path: written, kind } = statement;
  const shared = written.slice(0, path.length).every((name, index) => name === path[index]);
  if (!shared) return false;
  // `[model_providers]` above `[model_providers.dragoman]` is the normal way to write tables.
  return kind === "key" || written.length >= path.length;
}

/** The text of a value, or of a table's lines below its header. */
function writtenAt(text: string, statement: TomlStatement): string {
  const lines = text.split("\n").slice(statement.start, statement.end);
  if (statement.kind === "table") return lines.slice(1).join("\n").trimEnd();
  return lines.join("\n").slice(statement.valueAt).trim();
}

function statementLines(path: readonly string[], written: string): string[] {
  if (path.length === 1) return `${key(path)} = ${written}`.split("\n");
  return [`[${key(path)}]`, ...(written === "" ? [] : written.split("\n"))];
}

/** Before the first table: everything after a header belongs to it. */
function insertAtTop(lines: string[], outline: readonly TomlStatement[], replacement: readonly string[]): void {
  const firstTable = outline.find((each) => each.kind === "table");
  if (firstTable === undefined) {
    lines.push(...replacement);
    return;
  }
  const lastKey = outline.findLast((each) => each.kind === "key" && each.end <= firstTable.start);
  if (lastKey === undefined) lines.splice(0, 0, ...replacement, "");
  else lines.splice(lastKey.end, 0, ...replacement);
}

function tableBody(table: JsonObject): string {
  const members = Object.entries(table).filter(([, value]) => value !== undefined);
  return members.map(([name, value]) => `${key([name])} = ${scalar(value ?? null)}`).join("\n");
}

/** Strings, numbers and booleans; TOML's basic strings take the escapes of JSON's. */
function scalar(value: Json): string {
  return JSON.stringify(value);
}

function key(path: readonly string[]): string {
  return path.map((name) => (/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name))).join(".");
}

function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, index) => name === right[index]);
}
