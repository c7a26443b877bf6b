import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type Node,
  type Scalar,
} from "yaml";
import { interpolate, loneReference, type Environment, type InterpolationError } from "./interpolate.ts";
import { maskKeys } from "./mask.ts";
import type { ConfigProblem, Place } from "./problems.ts";
import { likelyVariable } from "./variables.ts";

/** A larger file is refused unread: the parser needs about a second for it. */
export const CONFIG_FILE_BYTES_MAX = 1_048_576;
/** Values in the file after aliases are expanded; what stops an alias bomb. */
const NODES_MAX = 100_000;
const DEPTH_MAX = 32;
/** The parser's time grows with the square of the open brackets: a second for 50,000. Nobody means a thousand. */
const OPEN_BRACKETS_MAX = 1_000;
/** A broken file breaks again at every following line; the first few say it all. */
const SYNTAX_PROBLEMS_MAX = 3;
const EXCERPT_LINES = 3;

export type Path = readonly (string | number)[];

/** A configuration file as plain values, variables filled in, with the place of everything in it. */
export type ConfigDocument = {
  readonly value: unknown;
  /** Where the value at `path` stands; where it is missing, the nearest thing around it. */
  valuePlace(path: Path): Place;
  /** Where the key at `path` stands. */
  keyPlace(path: Path): Place;
};

export type DocumentReading = {
  /** Undefined when the text is too broken to look into. */
  readonly document: ConfigDocument | undefined;
  readonly problems: readonly ConfigProblem[];
};

type Span = { readonly start: number; readonly end: number };
const NOWHERE: Span = { start: 0, end: 0 };

type Walk = {
  readonly environment: Environment;
  /** Anchored nodes so far. The parser's own lookup searches the whole document for every alias. */
  readonly anchors: Map<string, Exclude<Node, Alias>>;
  readonly keys: Map<string, Span>;
  readonly values: Map<string, Span>;
  /** Credentials written out in full, to be masked wherever the text is shown. */
  readonly secrets: Span[];
  readonly problems: {
    readonly message: string;
    readonly path: Path;
    readonly span: Span;
    readonly suggestion?: string;
  }[];
  nodes: number;
  isTooLarge: boolean;
};

/** Reads YAML (and so JSON). `file` is only named in the places. */
export function readDocument(text: string, file: string, environment: Environment): DocumentReading {
  if (isNestedBeyondReason(text)) {
    const place: Place = { kind: "file", file, line: 1, column: 1, length: 1, excerpt: [] };
    const message = `more than ${OPEN_BRACKETS_MAX} brackets are open at once`;
    return { document: undefined, problems: [{ message, path: "", place }] };
  }
  const lines = new LineCounter();
  const source = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const walk: Walk = {
    environment,
    anchors: new Map(),
    keys: new Map(),
    values: new Map(),
    secrets: [],
    problems: [],
    nodes: 0,
    isTooLarge: false,
  };
  const value = source.contents === null ? null : walkNode(walk, source.contents, [], 0);
  const placeAt = placer(text, file, lines, walk.secrets);
  const syntax = syntaxProblems(source, text, placeAt);
  const problems = [
    ...syntax.problems,
    ...walk.problems.map(({ span, path, ...rest }) => ({ ...rest, path: pathText(path), place: placeAt(span) })),
  ];
  if (syntax.isBroken) return { document: undefined, problems: syntax.problems };
  const document: ConfigDocument = {
    value,
    valuePlace: (path) => placeAt(nearest(walk, path, walk.values)),
    keyPlace: (path) => placeAt(nearest(walk, path, walk.keys)),
  };
  return { document, problems };
}

/** `providers.openai.models[0]`; names that hold a dot or a space are quoted. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!/^[A-Za-z0-9_$-]+$/.test(step)) return `[${JSON.stringify(step)}]`;
      return index === 0 ? step : `.${step}`;
    })
    .join("");
}

/** Brackets inside quotes count too: a rough look, but one that no file in use comes near. */
function isNestedBeyondReason(text: string): boolean {
  let open = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    open = bracket === "[" || bracket === "{" ? open + 1 : Math.max(0, open - 1);
    if (open > OPEN_BRACKETS_MAX) return true;
  }
  return false;
}

function walkNode(walk: Walk, node: Node, path: Path, depth: number): unknown {
  const span = spanOf(node);
  if (span !== undefined) walk.values.set(pathKey(path), span);
  walk.nodes += 1;
  if (walk.nodes > NODES_MAX || depth > DEPTH_MAX) {
    refuseSize(walk, path, span);
    return null;
  }
  if (isAlias(node)) {
    const target = walk.anchors.get(node.source);
    if (target !== undefined) return walkNode(walk, target, path, depth + 1);
    walk.problems.push({ message: `nothing is anchored as &${node.source}`, path, span: span ?? NOWHERE });
    return null;
  }
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  if (isMap(node)) return walkMap(walk, node.items, path, depth);
  if (isSeq(node)) {
    return node.items.map((item, index) => (isNode(item) ? walkNode(walk, item, [...path, index], depth + 1) : null));
  }
  return isScalar(node) ? walkScalar(walk, node, path) : null;
}

function walkMap(
  walk: Walk,
  items: readonly { readonly key: unknown; readonly value: unknown }[],
  path: Path,
  depth: number,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { key, value } of items) {
    const name = isScalar(key) ? keyName(key.value) : undefined;
    const keySpan = isNode(key) ? spanOf(key) : undefined;
    if (name === undefined || name === "__proto__") {
      const message = "a key must be a plain name";
      walk.problems.push({ message, path, span: keySpan ?? nearest(walk, path, walk.values) });
      continue;
    }
    const below = [...path, name];
    if (keySpan !== undefined) walk.keys.set(pathKey(below), keySpan);
    result[name] = isNode(value) ? walkNode(walk, value, below, depth + 1) : null;
  }
  return result;
}

/** YAML reads `4000:` and `true:` as other things than text; as keys they are names all the same. */
function keyName(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function walkScalar(walk: Walk, node: Scalar, path: Path): unknown {
  const { value } = node;
  if (typeof value !== "string") return value;
  const span = spanOf(node) ?? NOWHERE;
  if (isCredential(path)) {
    const reference = loneReference(value, walk.environment);
    if (reference !== undefined) return reference;
    if (!isReference(value)) walk.secrets.push(span);
  }
  if (!value.includes("${")) return value;
  const replaced = interpolate(value, walk.environment);
  if (!replaced.ok) {
    walk.problems.push({ path, span, ...describeInterpolation(replaced.error, walk.environment) });
    return "";
  }
  // `port: ${PORT}` is meant as a number; quotes say that text is meant.
  return node.type === "PLAIN" ? asPlainScalar(replaced.value) : replaced.value;
}

function describeInterpolation(error: InterpolationError, environment: Environment) {
  if (error.kind === "malformed") {
    const suggestion = "write ${NAME}, or ${NAME:-default}; $${ stands for a literal ${";
    return { message: `"${error.written}" does not name an environment variable`, suggestion };
  }
  const likely = likelyVariable(error.name, environment, []);
  const suggestion =
    likely === undefined ? `set it, or write a default: \${${error.name}:-…}` : `${likely} is set: is that the one?`;
  return { message: `environment variable ${error.name} is not set`, suggestion };
}

/** Numbers and booleans of the YAML core schema; everything else stays text. */
function asPlainScalar(text: string): string | number | boolean {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return text;
}

function isCredential(path: Path): boolean {
  return path[0] === "providers" && path[2] === "credential";
}

function isReference(credential: string): boolean {
  return /^(env::|file::|none$)/.test(credential) || credential.startsWith("$");
}

function refuseSize(walk: Walk, path: Path, span: Span | undefined): void {
  if (walk.isTooLarge) return;
  walk.isTooLarge = true;
  const message = `the file holds more than ${NODES_MAX} values or is nested more than ${DEPTH_MAX} levels deep once its aliases are expanded`;
  walk.problems.push({ message, path, span: span ?? NOWHERE });
}

function syntaxProblems(
  source: Document.Parsed,
  text: string,
  placeAt: (span: Span) => Place,
): { readonly problems: readonly ConfigProblem[]; readonly isBroken: boolean } {
  const problems: ConfigProblem[] = [];
  const seenLines = new Set<number>();
  let isBroken = false;
  for (const issue of [...source.errors, ...source.warnings]) {
    const isDuplicate = issue.code === "DUPLICATE_KEY";
    if (!isDuplicate && (issue.name === "YAMLParseError" || issue.code === "TAG_RESOLVE_FAILED")) isBroken = true;
    const [start, end] = issue.pos;
    const key = isDuplicate ? (/^["']?([^\s"':]+)/.exec(text.slice(start))?.[1] ?? "") : "";
    const span = isDuplicate ? { start, end: start + key.length } : { start, end };
    const place = placeAt(span);
    if (place.kind === "file" && seenLines.has(place.line)) continue;
    if (place.kind === "file") seenLines.add(place.line);
    const message = isDuplicate
      ? `the key "${key}" stands here a second time`
      : `not valid YAML: ${plainMessage(issue.message)}`;
    const line = place.kind === "file" ? (place.excerpt.at(-1) ?? "") : "";
    const isBareVariable = !isDuplicate && /[{[].*[^"'\w]\$\{/.test(line);
    const suggestion = 'inside { } and [ ] a variable needs quotes: "${NAME}"';
    problems.push({ message, path: "", place, ...(isBareVariable ? { suggestion } : {}) });
    if (problems.length >= SYNTAX_PROBLEMS_MAX) break;
  }
  return { problems, isBroken };
}

/** The parser's words where they mean little to somebody who only edits a file. */
const clearerMessages: readonly (readonly [RegExp, string])[] = [
  [/maximum call stack/i, "it is nested too deeply"],
  [/multiple documents/, 'a line "---" begins a second document'],
  [/^Unresolved tag: (?:tag:yaml\.org,2002:)?(\S+)/, "the tag !!$1 is not supported"],
  [/must be sufficiently indented and end with a ([\]}])/, 'a closing "$1" is missing before this'],
];

function plainMessage(message: string): string {
  const [first = ""] = message.split("\n");
  for (const [pattern, clearer] of clearerMessages) {
    const match = pattern.exec(first);
    if (match !== null) return clearer.replace("$1", match[1] ?? "");
  }
  // Some messages end in the text at fault, which may be a secret.
  const words = first.replace(/:? ".*$/, "").replace(/[.:]$/, "");
  return words.charAt(0).toLowerCase() + words.slice(1);
}

/** Finds line and column of a span and cuts out the lines around it, with every secret masked. */
function placer(text: string, file: string, lineCounter: LineCounter, secrets: readonly Span[]): (span: Span) => Place {
  let masked: readonly string[] | undefined;
  return (span) => {
    const { line, col } = lineCounter.linePos(span.start);
    masked ??= mask(text, secrets).split(/\r?\n/);
    const current = masked[line - 1] ?? "";
    const length = Math.max(1, Math.min(span.end - span.start, current.length - col + 1));
    const excerpt = masked.slice(Math.max(0, line - EXCERPT_LINES), line);
    return { kind: "file", file, line, column: col, length, excerpt };
  };
}

/** Stars over credentials that are written out, and over everything else that looks like a key. */
function mask(text: string, secrets: readonly Span[]): string {
  let masked = text;
  for (const { start, end } of secrets) {
    masked = masked.slice(0, start) + masked.slice(start, end).replace(/[^\r\n]/g, "*") + masked.slice(end);
  }
  return maskKeys(masked);
}

function nearest(walk: Walk, path: Path, spans: ReadonlyMap<string, Span>): Span {
  const exact = spans.get(pathKey(path));
  if (exact !== undefined) return exact;
  for (let length = path.length; length > 0; length -= 1) {
    const key = pathKey(path.slice(0, length));
    const span = walk.keys.get(key) ?? walk.values.get(key);
    if (span !== undefined) return span;
  }
  return NOWHERE;
}

function spanOf(node: Node): Span | undefined {
  return node.range ? { start: node.range[0], end: node.range[1] } : undefined;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function pathKey(path: Path): string {
  return JSON.stringify(path);
}
