import { compact } from "../lib/json.ts";
import { pathText, type ConfigDocument, type Path } from "./document.ts";
import { placeText, type ConfigProblem, type Place } from "./problems.ts";

/** Collects what is found while a configuration is built, so that everything can be told at once. */
export interface Report {
  /** At the value of `path`. */
  problem(path: Path, message: string, suggestion?: string): void;
  /** At the key of `path`. */
  keyProblem(path: Path, message: string, suggestion?: string): void;
  /** Anywhere, also outside the file. */
  add(problem: ConfigProblem): void;
  /** Does not stop the gateway. */
  warn(path: Path, message: string): void;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly string[];
}

/** A report on a file, or, without one, on the environment. */
export function openReport(document: ConfigDocument | undefined, found: readonly ConfigProblem[]): Report {
  const problems: ConfigProblem[] = [...found];
  const warnings: string[] = [];
  const environment: Place = { kind: "environment", name: "environment" };
  const subjects = new Set(found.map(subjectOf));
  const add = (problem: ConfigProblem) => {
    // What is wrong with a value is wrong once: a variable that is not set must not be called too short as well.
    const subject = subjectOf(problem);
    if (problem.path !== "" && subjects.has(subject)) return;
    subjects.add(subject);
    problems.push(problem);
  };
  const addAt = (place: Place | undefined, path: Path, message: string, suggestion: string | undefined) =>
    add(compact({ message, path: pathText(path), place: place ?? environment, suggestion }));
  return {
    problems,
    warnings,
    add,
    problem: (path, message, suggestion) => addAt(document?.valuePlace(path), path, message, suggestion),
    keyProblem: (path, message, suggestion) => addAt(document?.keyPlace(path), path, message, suggestion),
    warn(path, message) {
      const where = document === undefined ? "" : `${placeText(document.keyPlace(path))}  `;
      warnings.push(`${where}${path.length === 0 ? "" : `${pathText(path)}: `}${message}`);
    },
  };
}

function subjectOf({ path, place }: ConfigProblem): string {
  return `${placeText(place)} ${path}`;
}
