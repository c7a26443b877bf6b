import { isAbsolute, join } from "node:path";
import { fail, ok, type Result } from "../lib/result.ts";
import { Secret } from "../lib/secret.ts";
import { variable, type Environment } from "./interpolate.ts";
import { likelyVariable } from "./variables.ts";

/** Reads a text file of at most `bytesMax` bytes. */
export type ReadFile = (path: string, bytesMax: number) => Result<string, FileFailure>;

export type FileFailure = { readonly kind: "absent" | "too-large" | "unreadable"; readonly detail: string };

/** Where credentials come from besides the file itself. */
export type CredentialSources = {
  readonly environment: Environment;
  readonly readFile: ReadFile;
  /** What `file::` paths are relative to: the folder of the configuration file. */
  readonly folder: string;
};

export type CredentialFailure = { readonly message: string; readonly suggestion?: string };

/** A mounted secret is a line; anything larger is the wrong file. */
export const CREDENTIAL_FILE_BYTES_MAX = 65_536;

/**
 * The secret that a reference names: `env::NAME` or `file::PATH`; undefined for `none`. `alternatives` are the other names
 * that the vendor's key is known under. A failure names the reference, never a value.
 */
export function readCredential(
  reference: string,
  sources: CredentialSources,
  alternatives: readonly string[],
): Result<Secret | undefined, CredentialFailure> {
  if (reference === "none") return ok(undefined);
  if (reference.startsWith("env::")) return readVariable(reference.slice(5), sources.environment, alternatives);
  if (reference.startsWith("file::")) return readSecretFile(reference.slice(6), sources);
  const [name = "PROVIDER_API_KEY"] = alternatives;
  return fail({
    message: "a credential is not written in the file: it would be read by everyone who reads the file",
    suggestion: `env::${name}, file::PATH or none`,
  });
}

function readVariable(
  name: string,
  environment: Environment,
  alternatives: readonly string[],
): Result<Secret, CredentialFailure> {
  const value = variable(environment, name)?.trim();
  if (value !== undefined && value !== "") return printable(value, `environment variable ${name}`);
  const likely = likelyVariable(name, environment, alternatives);
  const suggestion =
    likely === undefined
      ? `set it, or write "none" if the provider needs no key`
      : `${likely} is set: write env::${likely} if that is the one`;
  return fail({ message: `environment variable ${name} is ${value === undefined ? "not set" : "empty"}`, suggestion });
}

function readSecretFile(path: string, sources: CredentialSources): Result<Secret, CredentialFailure> {
  const text = readSecretText(path, sources);
  return text.ok ? printable(text.value, `the file ${absolutePath(path, sources)}`) : text;
}

/** What a file with a secret holds, without the white space around it. */
export function readSecretText(path: string, sources: CredentialSources): Result<string, CredentialFailure> {
  const absolute = absolutePath(path, sources);
  const read = sources.readFile(absolute, CREDENTIAL_FILE_BYTES_MAX);
  if (!read.ok) {
    const messages = {
      absent: `there is no file ${absolute}`,
      "too-large": `the file ${absolute} is larger than ${CREDENTIAL_FILE_BYTES_MAX} bytes: that is no credential`,
      unreadable: `the file ${absolute} cannot be read (${read.error.detail})`,
    };
    return fail({ message: messages[read.error.kind] });
  }
  const value = read.value.trim();
  return value === "" ? fail({ message: `the file ${absolute} is empty` }) : ok(value);
}

function absolutePath(path: string, { folder }: CredentialSources): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** What cannot stand in a header would fail with every single request instead of now. */
function printable(value: string, source: string): Result<Secret, CredentialFailure> {
  if (/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(value)) return ok(new Secret(value));
  return fail({
    message: `${source} holds characters that no credential has (line breaks, control or non-ASCII characters)`,
  });
}
