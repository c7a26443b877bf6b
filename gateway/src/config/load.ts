import { availableParallelism } from "node:os";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { compact, isObject } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { systemClock } from "../lib/clock.ts";
import { stableDigest } from "../lib/hash.ts";
import { Secret } from "../lib/secret.ts";
import { buildConfig, type Overrides } from "./build.ts";
import type { Config } from "./config.ts";
import type { FileFailure, ReadFile } from "./credentials.ts";
import { CONFIG_FILE_BYTES_MAX, readDocument } from "./document.ts";
import { readTextFile } from "./files.ts";
import { variable, type Environment } from "./interpolate.ts";
import { maskKeys } from "./mask.ts";
import type { ConfigProblem, Place } from "./problems.ts";
import type { LocalServers } from "./providers.ts";
import { openReport } from "./report.ts";

/** Everything a configuration is made of. The same inputs give the same configuration. */
export type LoadInputs = {
  readonly environment: Environment;
  readonly readFile: ReadFile;
  /** Absolute path; undefined: run without a file. */
  readonly file?: string;
  /** How messages call the file: relative to where the person stands. Default: its base name. */
  readonly fileName?: string;
  readonly options?: CommandLineOptions;
  /** What runs on this machine; used where the file names no providers. */
  readonly localServers?: LocalServers;
  /** For `workers: auto`; default 1. */
  readonly cores?: number;
  /** Unix milliseconds, to warn of expired keys; default 0: none has expired. */
  readonly wallMs?: number;
};

/** What the command line says; it wins over the environment (`DRAGOMAN_HOST`…), which wins over the file. */
export type CommandLineOptions = { readonly host?: string; readonly port?: number; readonly allowAnonymous?: boolean };

export const BUILT_IN_VERSION = "built-in";

/** Parses and checks a configuration. All problems come at once; the snapshot is frozen. Throws nothing. */
export function loadConfig(inputs: LoadInputs): Result<Config, readonly ConfigProblem[]> {
  const { environment, file } = inputs;
  const fileName = inputs.fileName ?? (file === undefined ? "" : basename(file));
  const folder = file === undefined ? "." : dirname(file);
  // Whatever is read goes into the version, so that a rotated credential file makes a new one as well.
  const texts: string[] = [];
  const readFile: ReadFile = (path, bytesMax) => {
    const read = inputs.readFile(path, bytesMax);
    texts.push(read.ok ? read.value : read.error.kind);
    return read;
  };
  const text = file === undefined ? ok(undefined) : readText(file, fileName, readFile);
  if (!text.ok) return refuse([text.error]);
  const reading = text.value === undefined ? undefined : readDocument(text.value, fileName, environment);
  if (reading !== undefined && reading.document === undefined) return refuse(reading.problems);
  const report = openReport(reading?.document, reading?.problems ?? []);
  const overrides = readOverrides(inputs, (place, message) => report.add({ place, path: "", message }));
  const build = {
    document: reading?.document,
    sources: { environment, readFile, folder },
    overrides,
    localServers: inputs.localServers ?? {},
    file,
    cores: inputs.cores ?? 1,
    absolute: (path: string) => (isAbsolute(path) ? path : join(folder, path)),
    wallMs: inputs.wallMs ?? 0,
  };
  const config = buildConfig(build, report);
  if (config === undefined) return refuse(inFileOrder(report.problems));
  const version = file === undefined ? BUILT_IN_VERSION : stableDigest(texts.join("\0"));
  return ok(deepFreeze({ ...config, version }));
}

/** Whatever a message quotes of the file, no key gets out with it. */
function refuse(problems: readonly ConfigProblem[]): Result<never, readonly ConfigProblem[]> {
  const masked = problems.map(({ message, suggestion, ...rest }) =>
    compact({
      ...rest,
      message: maskKeys(message),
      suggestion: suggestion === undefined ? undefined : maskKeys(suggestion),
    }),
  );
  return fail(masked);
}

function readText(file: string, fileName: string, readFile: ReadFile): Result<string, ConfigProblem> {
  const read = readFile(file, CONFIG_FILE_BYTES_MAX);
  const place: Place = { kind: "file", file: fileName, line: 0, column: 0, length: 1, excerpt: [] };
  if (!read.ok) return fail({ path: "", place, ...describeFileFailure(read.error) });
  // An empty file is what a reader sees while somebody is writing it; running without providers is said differently.
  if (read.value.trim() === "") {
    return fail({
      message: "the file is empty",
      path: "",
      place,
      suggestion: "write providers: {…}, or start without a file",
    });
  }
  return read;
}

function describeFileFailure(failure: FileFailure): { readonly message: string; readonly suggestion?: string } {
  switch (failure.kind) {
    case "absent":
      return { message: "there is no such file", suggestion: "give its path with --config, or start without it" };
    case "too-large":
      return { message: `the file is larger than ${CONFIG_FILE_BYTES_MAX} bytes` };
    case "unreadable":
      return { message: `the file cannot be read (${failure.detail})` };
    default:
      return failure.kind satisfies never;
  }
}

function readOverrides(inputs: LoadInputs, problem: (place: Place, message: string) => void): Overrides {
  const { options = {}, environment } = inputs;
  const commandLine = (option: string): Place => ({ kind: "command-line", option });
  const fromEnvironment = <T>(name: string, read: (text: string) => T | undefined, expected: string) => {
    const text = variable(environment, name);
    if (text === undefined || text === "") return undefined;
    const place: Place = { kind: "environment", name };
    const value = read(text);
    if (value !== undefined) return { value, place };
    problem(place, `expected ${expected}, got ${JSON.stringify(text)}`);
    return undefined;
  };
  const host = options.host === undefined ? undefined : { value: options.host, place: commandLine("--host") };
  const port = options.port === undefined ? undefined : { value: options.port, place: commandLine("--port") };
  const anonymous = options.allowAnonymous;
  const chosen = {
    host: host ?? fromEnvironment("DRAGOMAN_HOST", (text) => text, "an address"),
    port: port ?? fromEnvironment("DRAGOMAN_PORT", readPort, "a port from 0 to 65535"),
    allowAnonymous:
      anonymous === undefined
        ? fromEnvironment("DRAGOMAN_ALLOW_ANONYMOUS", readFlag, "true or false")
        : { value: anonymous, place: commandLine("--allow-anonymous") },
  };
  return {
    ...(chosen.host === undefined ? {} : { host: chosen.host }),
    ...(chosen.port === undefined ? {} : { port: chosen.port }),
    ...(chosen.allowAnonymous === undefined ? {} : { allowAnonymous: chosen.allowAnonymous }),
  };
}

/** A TCP port as people write it, or undefined. */
export function readPort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function readFlag(text: string): boolean | undefined {
  const flags: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };
  return Object.hasOwn(flags, text) ? flags[text] : undefined;
}

/** Top to bottom, as one reads the file; what is not in the file comes first. */
function inFileOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  const position = ({ place }: ConfigProblem) => (place.kind === "file" ? place.line * 10_000 + place.column : -1);
  return [...problems].sort((left, right) => position(left) - position(right));
}

/** Freezes plain objects and lists all the way down; secrets guard themselves. */
function deepFreeze<T>(value: T): T {
  if (value instanceof Secret || !(Array.isArray(value) || isObject(value)) || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

/** Where a configuration is looked for, in this order, when `--config` and DRAGOMAN_CONFIG name none. */
export function configCandidates(environment: Environment, workingFolder: string): readonly string[] {
  const home = variable(environment, "HOME") ?? variable(environment, "USERPROFILE");
  const xdg = variable(environment, "XDG_CONFIG_HOME");
  const configHome =
    xdg !== undefined && isAbsolute(xdg) ? xdg : home === undefined ? undefined : join(home, ".config");
  return [
    join(workingFolder, "dragoman.yaml"),
    ...(configHome === undefined ? [] : [join(configHome, "dragoman", "dragoman.yaml")]),
    "/etc/dragoman/dragoman.yaml",
  ];
}

/** Loads the configuration of this process: its environment, its files, its machine. */
export type Loader = {
  /** Absolute path of the file in use; undefined without one. */
  readonly file: string | undefined;
  readonly load: (localServers?: LocalServers) => Result<Config, readonly ConfigProblem[]>;
  readonly environment: Environment;
};

/** The one place that reads the real environment. `file` is what the command line names, if anything. */
export function openLoader(options: CommandLineOptions & { readonly file?: string } = {}): Loader {
  const environment: Environment = { ...process.env };
  const workingFolder = process.cwd();
  const { file: named, ...rest } = options;
  const given = named ?? (variable(environment, "DRAGOMAN_CONFIG") || undefined);
  const file =
    given === undefined
      ? configCandidates(environment, workingFolder).find((path) => isReadable(path))
      : resolve(workingFolder, given);
  const load: Loader["load"] = (localServers = {}) =>
    loadConfig({
      localServers,
      environment,
      readFile: readTextFile,
      options: rest,
      cores: availableParallelism(),
      wallMs: systemClock.wall(),
      ...(file === undefined ? {} : { file, fileName: displayName(file, workingFolder) }),
    });
  return { file, environment, load };
}

/** A file that is there but may not be read is still the one that was meant. */
function isReadable(path: string): boolean {
  const read = readTextFile(path, 0);
  return read.ok || read.error.kind !== "absent";
}

function displayName(file: string, workingFolder: string): string {
  const near = relative(workingFolder, file);
  return near.startsWith("..") ? file : near;
}
