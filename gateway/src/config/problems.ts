import { styleText } from "node:util";

/** What is wrong with a configuration: what, where, and what to do about it. Never holds a secret. */
export type ConfigProblem = {
  /** One sentence without a full stop: what is wrong and why. */
  readonly message: string;
  /** `providers.openai.models[0]`; "" for the file as a whole and for what is not in it. */
  readonly path: string;
  readonly place: Place;
  /** What to write or to run instead. */
  readonly suggestion?: string;
};

export type Place =
  | {
      readonly kind: "file";
      readonly file: string;
      /** From 1. */
      readonly line: number;
      /** From 1, in characters. */
      readonly column: number;
      /** Characters that are at fault, at least 1. */
      readonly length: number;
      /** Up to three source lines, the last being the one at fault; secrets in them are masked. */
      readonly excerpt: readonly string[];
    }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "command-line"; readonly option: string };

/** `dragoman.yaml:8:16`, `DRAGOMAN_PORT`, `--host`. */
export function placeText(place: Place): string {
  switch (place.kind) {
    case "file":
      return place.line === 0 ? place.file : `${place.file}:${place.line}:${place.column}`;
    case "environment":
      return place.name;
    case "command-line":
      return place.option;
    default:
      return place satisfies never;
  }
}

const CARET_LENGTH_MAX = 60;
const EXCERPT_WIDTH_MAX = 160;

/** The problems as a person reads them: each with its place, the source lines with a caret, and the way out. */
export function formatProblems(problems: readonly ConfigProblem[], options: { readonly color: boolean }): string {
  const paint = painter(options.color);
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return [...problems.map((problem) => formatProblem(problem, paint)), `${count} in the configuration.\n`].join("\n");
}

/** One line each, for logs. */
export function formatProblemLine(problem: ConfigProblem): string {
  const fix = problem.suggestion === undefined ? "" : ` (${problem.suggestion})`;
  return `${placeText(problem.place)}: ${subject(problem)}${problem.message}${fix}`;
}

type Paint = (style: "red" | "dim" | "bold", text: string) => string;

function painter(color: boolean): Paint {
  return color ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text;
}

function formatProblem(problem: ConfigProblem, paint: Paint): string {
  const { place } = problem;
  const lines = [`${paint("red", "✕")} ${paint("bold", placeText(place))}  ${subject(problem)}${problem.message}`];
  if (place.kind === "file" && place.excerpt.length > 0) {
    const gutter = String(place.line).length + 2;
    place.excerpt.forEach((text, index) => {
      const number = String(place.line - place.excerpt.length + 1 + index).padStart(gutter);
      lines.push(`${paint("dim", `${number} │`)} ${text.slice(0, EXCERPT_WIDTH_MAX)}`);
    });
    const caret = "^".repeat(Math.min(place.length, CARET_LENGTH_MAX));
    if (place.column <= EXCERPT_WIDTH_MAX) {
      const gap = indentation(place.excerpt.at(-1) ?? "", place.column);
      lines.push(`${paint("dim", `${" ".repeat(gutter)} │`)} ${gap}${paint("red", caret)}`);
    }
  }
  if (problem.suggestion !== undefined) lines.push(`  ${paint("bold", "fix")}  ${problem.suggestion}`);
  return `${lines.join("\n")}\n`;
}

/** Tabs stay tabs, so that the caret stands below its character whatever their width. */
function indentation(line: string, column: number): string {
  return line.slice(0, column - 1).replace(/[^\t]/g, " ");
}

function subject(problem: ConfigProblem): string {
  return problem.path === "" ? "" : `${problem.path}: `;
}
