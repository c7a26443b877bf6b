import assert from "node:assert/strict";
import type { Config } from "../../src/config/config.ts";
import type { ReadFile } from "../../src/config/credentials.ts";
import type { Environment } from "../../src/config/interpolate.ts";
import { loadConfig, type CommandLineOptions } from "../../src/config/load.ts";
import { placeText, type ConfigProblem } from "../../src/config/problems.ts";
import { fail, ok, type Result } from "../../src/lib/result.ts";

export const CONFIG_FILE = "/etc/dragoman/dragoman.yaml";
export const NOW = Date.UTC(2026, 10, 20, 12);
const HASH = `00112233445566778899aabbccddeeff:${"0".repeat(64)}`;

export type Situation = {
  readonly environment?: Environment;
  readonly files?: Readonly<Record<string, string>>;
  readonly options?: CommandLineOptions;
  readonly cores?: number;
};

/** Loads `text` as the configuration file, or no file at all, in a world of exactly these files and variables. */
export function loadText(
  text: string | undefined,
  situation: Situation = {},
): Result<Config, readonly ConfigProblem[]> {
  const files: Readonly<Record<string, string>> =
    text === undefined ? { ...situation.files } : { ...situation.files, [CONFIG_FILE]: text };
  const readFile: ReadFile = (path, bytesMax) => {
    const content = files[path];
    if (content === undefined) return fail({ kind: "absent", detail: "ENOENT" });
    return content.length > bytesMax ? fail({ kind: "too-large", detail: "" }) : ok(content);
  };
  return loadConfig({
    environment: situation.environment ?? {},
    readFile,
    wallMs: NOW,
    cores: situation.cores ?? 1,
    options: situation.options ?? {},
    ...(text === undefined ? {} : { file: CONFIG_FILE }),
  });
}

/** The configuration of a text that must be valid. */
export function configOf(text: string | undefined, situation: Situation = {}): Config {
  const loaded = loadText(text, situation);
  if (loaded.ok) return loaded.value;
  throw new Error(loaded.error.map(problemText).join("\n"));
}

/** A configuration file that is refused, and what is said of it. */
export type ProblemRow = {
  readonly name: string;
  /** `<HASH>` stands for the hash of some key. */
  readonly text: string;
  readonly environment?: Environment;
  /** All of them, in the order of the file: `line:column path: message | suggestion`. */
  readonly problems: readonly string[];
};

/** Loads the text of the row, which must have exactly its problems. */
export function checkProblems({ text, environment = {}, problems }: ProblemRow): void {
  const loaded = loadText(text.replaceAll("<HASH>", HASH), { environment });
  assert.ok(!loaded.ok);
  assert.deepEqual(
    loaded.error.map((problem) => problemText(problem).replace(/^dragoman\.yaml:/, "")),
    problems,
  );
}

/** `dragoman.yaml:3:5 path: message | suggestion`, as the table tests write problems. */
export function problemText({ place, path, message, suggestion }: ConfigProblem): string {
  const subject = path === "" ? "" : `${path}: `;
  return `${placeText(place)} ${subject}${message}${suggestion === undefined ? "" : ` | ${suggestion}`}`;
}
