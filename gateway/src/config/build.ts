import type { z } from "zod";
import type { Provider } from "../providers/provider.ts";
import { compact, isObject } from "../lib/json.ts";
import type { Config, DemoConfig, GatewayKey, ServerConfig } from "./config.ts";
import type { CredentialSources } from "./credentials.ts";
import type { ConfigDocument, Path } from "./document.ts";
import { readExpiry } from "./expiry.ts";
import { describeIssues } from "./issues.ts";
import { parseKeyHash } from "./key-hash.ts";
import type { Place } from "./problems.ts";
import { profileOf, withProfile } from "./profiles.ts";
import { providersFound, providersFromEnvironment, readProvider, type LocalServers } from "./providers.ts";
import type { Report } from "./report.ts";
import { fileSchema, keySchema, providerSchema, serverSchema, type FileProvider, type FileServer } from "./schema.ts";

const BACKOFF_MS_MAX = 8_000;

/** A setting from the command line or the environment, which wins over the file; `place` is what a problem points at. */
export type Override<T> = { readonly value: T; readonly place: Place };

export type Overrides = {
  readonly host?: Override<string>;
  readonly port?: Override<number>;
  readonly allowAnonymous?: Override<boolean>;
};

export type BuildInputs = {
  /** Undefined without a file. */
  readonly document: ConfigDocument | undefined;
  readonly sources: CredentialSources;
  readonly overrides: Overrides;
  readonly localServers: LocalServers;
  /** Absolute path of the file. */
  readonly file: string | undefined;
  /** Cores of the machine, for `workers: auto`. */
  readonly cores: number;
  /** Turns a path of the file into an absolute one. */
  readonly absolute: (path: string) => string;
  /** Unix milliseconds, to warn of keys that have expired. */
  readonly wallMs: number;
};

/** A configuration without its version, which depends on the text and not on what it says. */
export type BuiltConfig = Omit<Config, "version">;

/** Checks the whole document and builds the snapshot; undefined when the report has problems. */
export function buildConfig(inputs: BuildInputs, report: Report): BuiltConfig | undefined {
  const { document } = inputs;
  // A file of nothing but comments is a file without settings.
  const written = withProfile(document?.value ?? {});
  const parsed = fileSchema.safeParse(written);
  if (!parsed.success && document !== undefined) {
    for (const problem of describeIssues(parsed.error.issues, document)) report.add(problem);
  }
  // The rest is looked at even when another part of the file is broken, so that everything is told at once.
  const providers = readProviders(written, inputs, report);
  const keys = readKeys(written, inputs.wallMs, report);
  if (parsed.success) warnOfSharedModels(providers, report);
  const server = readServer(written, inputs);
  const hasKeys =
    keys.length > 0 || (isObject(written) && Array.isArray(written["keys"]) && written["keys"].length > 0);
  checkExposure(server, hasKeys, inputs, report);
  if (!parsed.success) return undefined;
  const file = parsed.data;
  if (file.require_keys && !hasKeys) report.warn(["require_keys"], "no keys are defined, so every call is refused");
  if (report.problems.length > 0) return undefined;
  const demoEnabled = typeof file.demo === "boolean" ? file.demo : file.demo.enabled;
  return {
    file: inputs.file,
    server,
    providers,
    demo: readDemo(demoEnabled, providers, server),
    keys,
    requireKeys: file.require_keys,
    compatibility: file.compatibility,
    errors: file.errors,
    translation: file.translation,
    retry: {
      maxRetries: file.retry.max_retries,
      backoffBaseMs: file.retry.backoff_base_ms,
      backoffMaxMs: BACKOFF_MS_MAX,
    },
    log: {
      format: file.log.format,
      file: file.log.file === undefined ? undefined : inputs.absolute(file.log.file),
    },
    warnings: report.warnings,
  };
}

/** The demo answers every name only where there is nothing else and nobody else. */
export function readDemo(enabled: boolean, providers: readonly Provider[], server: ServerConfig): DemoConfig {
  return { enabled, catchAll: enabled && providers.length === 0 && isLoopback(server.host) };
}

/** Whether only this machine can reach the address. A name other than `localhost` may resolve to anything. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function readProviders(written: unknown, inputs: BuildInputs, report: Report): readonly Provider[] {
  const { sources, localServers } = inputs;
  const section = isObject(written) ? written["providers"] : undefined;
  if (section === undefined) {
    const defaults = profileOf(written).providerDefaults;
    return [
      ...providersFromEnvironment(sources, report, defaults),
      ...providersFound(localServers, sources, report, defaults),
    ];
  }
  if (!isObject(section)) return [];
  return Object.entries(section).flatMap(([id, value]) => {
    const written = readableProvider(value);
    const provider = written === undefined ? undefined : readProvider(id, written, sources, report);
    return provider === undefined ? [] : [provider];
  });
}

/** Members that may be left out without causing complaints about others. */
const separable: ReadonlySet<unknown> = new Set(["models", "dialects", "timeout_ms"]);

/** A provider as far as it can be read: what the schema has already complained of is left out where the rest makes sense. */
function readableProvider(value: unknown): FileProvider | undefined {
  const parsed = providerSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (!isObject(value)) return undefined;
  const refused = new Set(parsed.error.issues.flatMap((issue) => refusedMembers(issue)));
  const rest = Object.fromEntries(Object.entries(value).filter(([key]) => !refused.has(key)));
  return providerSchema.safeParse(rest).data;
}

function refusedMembers(issue: z.core.$ZodIssue): readonly string[] {
  const [member] = issue.path;
  if (member === undefined) return issue.code === "unrecognized_keys" ? issue.keys : [];
  return separable.has(member) ? [String(member)] : [];
}

function readKeys(written: unknown, wallMs: number, report: Report): readonly GatewayKey[] {
  const section = isObject(written) ? written["keys"] : undefined;
  const keys: GatewayKey[] = [];
  const ids = new Set<string>();
  const names = new Set<string>();
  (Array.isArray(section) ? section : []).forEach((value: unknown, index) => {
    const parsed = keySchema.safeParse(value);
    if (!parsed.success) return;
    const path: Path = ["keys", index];
    const { name, id, hash, project, models, revoked, strict, expires } = parsed.data;
    if (ids.has(id))
      report.problem([...path, "id"], `another key has the id "${id}"`, "dragoman keys create makes a new one");
    if (names.has(name)) report.problem([...path, "name"], `another key is named "${name}"`);
    ids.add(id);
    names.add(name);
    const expiresAt = expires === undefined ? undefined : readExpiry(expires);
    if (expires !== undefined && expiresAt === undefined) {
      report.problem(
        [...path, "expires"],
        `expected a date or a moment with time zone, got "${expires}"`,
        "2027-01-31 or 2027-01-31T12:00:00Z",
      );
    }
    if (expiresAt !== undefined && expiresAt <= wallMs)
      report.warn([...path, "expires"], `the key "${name}" has expired`);
    const stored = parseKeyHash(hash);
    if (stored !== undefined) keys.push(compact({ name, id, ...stored, project, models, expiresAt, revoked, strict }));
  });
  return keys;
}

function readServer(written: unknown, inputs: BuildInputs): ServerConfig {
  const parsed = serverSchema.safeParse(isObject(written) ? written["server"] : undefined);
  const server: FileServer = parsed.success ? parsed.data : serverSchema.parse({});
  const { host, port, allowAnonymous } = inputs.overrides;
  return {
    host: host?.value ?? server.host,
    port: port?.value ?? server.port,
    workers: server.workers === "auto" ? inputs.cores : server.workers,
    bodyBytesMax: server.body_bytes_max,
    uploadBytesMax: server.upload_bytes_max,
    corsOrigins: server.cors_origins,
    drainMs: server.drain_ms,
    allowAnonymous: allowAnonymous?.value ?? server.allow_anonymous,
  };
}

/** Whether an address that others can reach would be open without keys and without anybody having said so. */
export function isExposed(server: ServerConfig, hasKeys: boolean): boolean {
  return !isLoopback(server.host) && !hasKeys && !server.allowAnonymous;
}

function checkExposure(server: ServerConfig, hasKeys: boolean, inputs: BuildInputs, report: Report): void {
  if (!isExposed(server, hasKeys)) return;
  const message = `other machines can reach ${server.host}, and no gateway keys are defined`;
  const suggestion =
    "make a key: dragoman keys create NAME; or listen on 127.0.0.1; or start with --allow-anonymous for callers who bring their own provider key";
  const path: Path = ["server", "host"];
  const { host } = inputs.overrides;
  if (host === undefined) report.problem(path, message, suggestion);
  else report.add({ place: host.place, path: "", message, suggestion });
}

const SHARED_MODELS_NAMED = 3;

/** A model that two providers list goes to the first that speaks the client's format: worth knowing before a bill comes. */
function warnOfSharedModels(providers: readonly Provider[], report: Report): void {
  const owners = new Map<string, string[]>();
  for (const provider of providers) {
    for (const { id } of provider.models) owners.set(id, [...(owners.get(id) ?? []), provider.id]);
  }
  const shared = Map.groupBy(
    [...owners].filter(([, ids]) => ids.length > 1),
    ([, ids]) => ids.join(" and "),
  );
  for (const [ids, models] of shared) {
    const named = models.slice(0, SHARED_MODELS_NAMED).map(([model]) => `"${model}"`);
    const rest = models.length > named.length ? ` and ${models.length - named.length} more` : "";
    report.warn(
      ["providers"],
      `${ids} both list ${named.join(", ")}${rest}: the first that speaks the client's format serves it; a prefix (provider::model) names one`,
    );
  }
}
