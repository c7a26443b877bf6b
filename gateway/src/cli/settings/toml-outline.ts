import { asString, parseJson } from "../../lib/json.ts";

/** A statement of a TOML document, by lines: `name = value` over one or more lines, or a header with all lines of its table. */
export type TomlStatement = {
  readonly kind: "key" | "table";
  /** Names from the root of the document, those of the enclosing header included. */
  readonly path: readonly string[];
  /** A key in front of the first header, or a header. */
  readonly isTopLevel: boolean;
  /** Index of the first line, and of the line after the last. Blank lines and comments in front of the next header are left out. */
  readonly start: number;
  readonly end: number;
  /** Of a key: where its value begins, in characters from the beginning of its first line. */
  readonly valueAt: number;
};

type Outline = { readonly statements: TomlStatement[]; header: TomlStatement | undefined };

const NAME = String.raw`(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')`;
const HEADER = new RegExp(String.raw`^\s*\[\[?\s*(${NAME}(?:\s*\.\s*${NAME})*)\s*\]\]?\s*(?:#.*)?$`);
const KEY = new RegExp(String.raw`^\s*(${NAME}(?:\s*\.\s*${NAME})*)\s*=\s*`);

/** The statements in order. Reads no values: it only has to know where each one ends. */
export function readTomlOutline(text: string): readonly TomlStatement[] {
  const lines = text.split("\n");
  const outline: Outline = { statements: [], header: undefined };
  let line = 0;
  while (line < lines.length) {
    const content = lines[line] ?? "";
    const header = HEADER.exec(content);
    const written = header === null ? KEY.exec(content) : null;
    if (header !== null) {
      openTable(outline, namesOf(header[1] ?? ""), line);
      line += 1;
    } else if (written !== null) {
      const end = endOfValue(lines, line, written[0].length);
      addKey(outline, namesOf(written[1] ?? ""), { start: line, end, valueAt: written[0].length });
      line = end;
    } else {
      line += 1;
    }
  }
  closeTable(outline);
  return outline.statements.toSorted((left, right) => left.start - right.start);
}

function openTable(outline: Outline, path: readonly string[], start: number): void {
  closeTable(outline);
  outline.header = { kind: "table", path, isTopLevel: true, start, end: start + 1, valueAt: 0 };
}

function closeTable(outline: Outline): void {
  if (outline.header !== undefined) outline.statements.push(outline.header);
}

function addKey(
  outline: Outline,
  names: readonly string[],
  place: Pick<TomlStatement, "start" | "end" | "valueAt">,
): void {
  const { header } = outline;
  const path = [...(header?.path ?? []), ...names];
  outline.statements.push({ kind: "key", path, isTopLevel: header === undefined, ...place });
  if (header !== undefined) outline.header = { ...header, end: place.end };
}

/** The line after a value's last: arrays and multi-line strings go over several. An unclosed one takes the rest. */
function endOfValue(lines: readonly string[], start: number, column: number): number {
  const text = lines.slice(start).join("\n");
  let depth = 0;
  let at = column;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === "\n" && depth === 0) break;
    if (character === "#") at = endOfLine(text, at) - 1;
    else if (character === '"' || character === "'") at = endOfString(text, at) - 1;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth -= 1;
    at += 1;
  }
  return start + text.slice(0, at).split("\n").length;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

/** The index behind a string that begins at `from`; only basic strings have escapes. */
function endOfString(text: string, from: number): number {
  const quote = text[from] ?? "";
  const triple = quote.repeat(3);
  const isTriple = text.startsWith(triple, from);
  const closing = isTriple ? triple : quote;
  let at = from + closing.length;
  while (at < text.length) {
    if (text.startsWith(closing, at)) return at + closing.length;
    // A string of one line that is not closed ends with the line, so that the damage does too.
    if (!isTriple && text[at] === "\n") return at;
    at += quote === '"' && text[at] === "\\" ? 2 : 1;
  }
  return text.length;
}

function namesOf(dotted: string): readonly string[] {
  const names = dotted.match(new RegExp(NAME, "g")) ?? [];
  return names.map((name) => {
    if (name.startsWith("'")) return name.slice(1, -1);
    return name.startsWith('"') ? (asString(parseJson(name)) ?? name) : name;
  });
}
