import { fail, ok, type Result } from "../lib/result.ts";

/** The environment as it was read once: names to values. */
export type Environment = { readonly [name: string]: string | undefined };

export type InterpolationError =
  | { readonly kind: "unset"; readonly name: string }
  | { readonly kind: "malformed"; readonly written: string };

/** `$${` is a literal `${`; `${NAME}` and `${NAME:-default}` are variables; any other `${…}` is a mistake. */
const REFERENCE =
  /\$\$\{|\$\{(?:(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?\}|(?<malformed>[^}]{0,40}\}?))/g;
const LONE_REFERENCE = /^\$\{(?<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?\}$/;

/**
 * Replaces the variables of a text. Values are put in as they are and not looked at again, so a value cannot smuggle in
 * another reference. A default stands in for a variable that is unset or empty, as in a shell.
 */
export function interpolate(text: string, environment: Environment): Result<string, InterpolationError> {
  let error: InterpolationError | undefined;
  const replaced = text.replace(REFERENCE, (written: string, ...rest: unknown[]) => {
    if (written === "$${") return "${";
    const { name, fallback } = groupsOf(rest);
    if (name === undefined) {
      error ??= { kind: "malformed", written };
      return "";
    }
    const value = variable(environment, name);
    if (value !== undefined && (value !== "" || fallback === undefined)) return value;
    if (fallback === undefined) error ??= { kind: "unset", name };
    return fallback ?? "";
  });
  return error === undefined ? ok(replaced) : fail(error);
}

/**
 * A credential that is a single reference, `${NAME}`, is read as `env::NAME`, so that the value of a secret never becomes
 * part of the configuration's text. Undefined for every other text.
 */
export function loneReference(text: string, environment: Environment): string | undefined {
  const { name, fallback } = LONE_REFERENCE.exec(text)?.groups ?? {};
  if (name === undefined) return undefined;
  const isSet = (variable(environment, name) ?? "") !== "";
  return fallback === undefined || isSet ? `env::${name}` : fallback;
}

/** An environment is foreign data: `toString` and the like are not in it. */
export function variable(environment: Environment, name: string): string | undefined {
  return Object.hasOwn(environment, name) ? environment[name] : undefined;
}

function groupsOf(replacerArguments: readonly unknown[]): { name?: string; fallback?: string } {
  const groups = replacerArguments.at(-1);
  return typeof groups === "object" && groups !== null ? groups : {};
}
