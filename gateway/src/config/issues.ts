import type { z } from "zod";
import type { ConfigDocument, Path } from "./document.ts";
import { pathText } from "./document.ts";
import { configKeys, knownKeysAt } from "./json-schema.ts";
import { maskKeys } from "./mask.ts";
import type { ConfigProblem } from "./problems.ts";
import { unavailableSections } from "./schema.ts";
import { closest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

const QUOTED_LENGTH_MAX = 60;

/** Names that other gateways use for what is called differently here. */
const otherNames: Readonly<Record<string, string>> = {
  api_key: "credential",
  apikey: "credential",
  api_keys: "credential",
  credentials: "credential",
  key: "credential",
  type: "kind",
  url: "base_url",
  endpoint: "base_url",
  api_base: "base_url",
  model: "models",
  timeout: "timeout_ms",
  name: "id",
};

/** Says in our words what the schema found, with the place of each. */
export function describeIssues(issues: readonly Issue[], document: ConfigDocument): readonly ConfigProblem[] {
  return issues.flatMap((issue) => describeIssue(issue, [], document));
}

function describeIssue(issue: Issue, base: Path, document: ConfigDocument): readonly ConfigProblem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(key, path, document));
  const value = valueAt(document.value, path);
  if (value === undefined) return [missingKey(path, document)];
  if (issue.code === "invalid_union") {
    // The branch that got furthest is the one that was meant: its complaint is not about the value's type as a whole.
    const meant = issue.errors.find((branch) => !branch.some((inner) => isAboutType(inner)));
    if (meant !== undefined) return meant.flatMap((inner) => describeIssue(inner, path, document));
    const expected = issue.errors.flatMap((branch) => branch.map(expectation));
    return [problem(path, `expected ${joinOr(expected)}, got ${describeValue(value)}`, document)];
  }
  if (issue.code === "invalid_value" && typeof value === "string") return [unknownValue(issue, value, path, document)];
  if (issue.code === "invalid_format") {
    const isKeyItself = typeof value === "string" && value.startsWith("dgm_");
    const suggestion = isKeyItself ? "that is the key itself: dragoman keys create prints its hash as well" : undefined;
    return [problem(path, `${issue.message}, got ${describeValue(value)}`, document, suggestion)];
  }
  const suggestion = typeFix(issue, value, path);
  return [problem(path, `expected ${expectation(issue)}, got ${describeValue(value)}`, document, suggestion)];
}

function unknownKey(key: string, path: Path, document: ConfigDocument): ConfigProblem {
  const below = [...path, key];
  const place = document.keyPlace(below);
  if (path.length === 0 && unavailableSections.has(key)) {
    const message = "not available in this version";
    return { message, path: key, place, suggestion: `remove "${key}"; clients name models as provider::model` };
  }
  const where = path.length === 0 ? "at the top level" : `in ${pathText(path)}`;
  const known = knownKeysAt(path);
  const other = otherNames[key.toLowerCase()];
  const near = other !== undefined && known.includes(other) ? other : closest(key, known);
  const message = `unknown key "${key}" ${where}`;
  return {
    message,
    path: "",
    place,
    suggestion: near === undefined ? keyElsewhere(key, known) : `did you mean "${near}"?`,
  };
}

/** A key that exists, only not here; else what there is here. */
function keyElsewhere(key: string, known: readonly string[]): string {
  const elsewhere = configKeys().find(({ path }) => path.split(".").at(-1) === key);
  if (elsewhere !== undefined) return `it belongs elsewhere: ${elsewhere.path}`;
  return `known here: ${known.join(", ")}`;
}

function missingKey(path: Path, document: ConfigDocument): ConfigProblem {
  const key = String(path.at(-1));
  const parent = path.slice(0, -1);
  return {
    message: `"${key}" is missing`,
    path: pathText(parent),
    place: document.valuePlace(parent),
    suggestion: `add ${key}: …`,
  };
}

function unknownValue(
  issue: Extract<Issue, { code: "invalid_value" }>,
  value: string,
  path: Path,
  document: ConfigDocument,
): ConfigProblem {
  const options = issue.values.map(String);
  const near = closest(value, options);
  const message = `expected ${joinOr(options.map((option) => `"${option}"`))}, got ${describeValue(value)}`;
  return problem(path, message, document, near === undefined ? undefined : `did you mean "${near}"?`);
}

function problem(path: Path, message: string, document: ConfigDocument, suggestion?: string): ConfigProblem {
  const base = { message, path: pathText(path), place: document.valuePlace(path) };
  return suggestion === undefined ? base : { ...base, suggestion };
}

function isAboutType(issue: Issue): boolean {
  return issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? issue.expected;
    case "invalid_value":
      return joinOr(issue.values.map((value) => `"${String(value)}"`));
    case "too_small":
      return sizeExpectation(issue.origin, "at least", Number(issue.minimum));
    case "too_big":
      return sizeExpectation(issue.origin, "at most", Number(issue.maximum));
    default:
      return issue.message;
  }
}

function sizeExpectation(origin: string, bound: string, size: number): string {
  if (origin === "string") return size === 1 ? "text that is not empty" : `${bound} ${size} characters`;
  if (origin === "array") return size === 1 ? "a list that is not empty" : `a list of ${bound} ${size}`;
  return `a number of ${bound} ${size}`;
}

/** Words that older YAML took for booleans. */
const booleanWords: Readonly<Record<string, boolean>> = { yes: true, on: true, no: false, off: false };

/** The usual reason behind a wrong type, where there is one. */
function typeFix(issue: Issue, value: unknown, path: Path): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  const key = String(path.at(-1));
  if (issue.expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    return `write it in quotes: ${key}: "${String(value)}"`;
  }
  if (issue.expected === "boolean" && typeof value === "string" && Object.hasOwn(booleanWords, value.toLowerCase())) {
    return `write ${key}: ${booleanWords[value.toLowerCase()]}`;
  }
  if (value === null && issue.expected === "object") return `write ${key}: {} or remove the line`;
  if (value === null) return `give it a value or remove the line`;
  if (typeof value === "string" && issue.expected === "array") return `write a list: ${key}: [${value}]`;
  if (typeof value === "string" && /^\d+\s*(?:ms|s|m|h|[KMG]i?B)$/i.test(value)) {
    return `the unit is in the name: write a plain number of ${key.includes("bytes") ? "bytes" : "milliseconds"}`;
  }
  return undefined;
}

/** What was written, short enough for a sentence, with keys masked. */
export function describeValue(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value !== "string") return JSON.stringify(value) ?? "nothing";
  const shown = maskKeys(value);
  return shown.length > QUOTED_LENGTH_MAX ? `"${shown.slice(0, QUOTED_LENGTH_MAX - 1)}…"` : `"${shown}"`;
}

function valueAt(value: unknown, path: Path): unknown {
  let current: unknown = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.hasOwn(current, step) ? Reflect.get(current, step) : undefined;
  }
  return current;
}

function joinOr(options: readonly string[]): string {
  if (options.length < 2) return options.join("");
  return `${options.slice(0, -1).join(", ")} or ${options.at(-1)}`;
}
