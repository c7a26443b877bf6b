import type { AuthScheme, ModelEntry, Provider, ProviderKind } from "../providers/provider.ts";
import { catalog, placeholderCredentials, providerKind } from "../providers/catalog.ts";
import { fillSettings } from "../providers/settings.ts";
import { compact } from "../lib/json.ts";
import type { Secret } from "../lib/secret.ts";
import { readProviderCredential } from "./cloud-credentials.ts";
import type { CredentialSources } from "./credentials.ts";
import type { Path } from "./document.ts";
import { variable, type Environment } from "./interpolate.ts";
import { describeValue } from "./issues.ts";
import { hasSettings, readSettings, usualSettings } from "./provider-settings.ts";
import type { Report } from "./report.ts";
import { PROVIDER_ID_PATTERN, reservedProviderIds, type FileProvider } from "./schema.ts";
import { closest } from "./suggest.ts";

const timeouts = {
  connectMs: 5_000,
  firstByteStreamMs: 120_000,
  firstBytePlainMs: 600_000,
  idleMs: 300_000,
  totalMs: 1_800_000,
} as const satisfies Provider["timeouts"];

/** Models of servers that were found running on this machine, by their kind. */
export type LocalServers = { readonly [kind: string]: readonly string[] | undefined };

/** Providers that were found running: they stand behind those with a key, so that a name that both have goes to the latter. */
export function providersFound(
  servers: LocalServers,
  sources: CredentialSources,
  report: Report,
  defaults: FileProvider = {},
): readonly Provider[] {
  return Object.entries(servers).flatMap(([id, models = []]) => {
    return readProvider(id, { ...defaults, models: [...models] }, sources, report) ?? [];
  });
}

/**
 * Providers whose key is in the environment, in catalogue order: what the gateway has without any configuration. `defaults`
 * are a profile's.
 */
export function providersFromEnvironment(
  sources: CredentialSources,
  report: Report,
  defaults: FileProvider = {},
): readonly Provider[] {
  return Object.entries(catalog).flatMap(([id, row]: [string, ProviderKind]) => {
    const name = row.baseUrl === undefined ? undefined : credentialVariable(row, sources.environment);
    if (name === undefined || row.sharedEnv?.includes(name) === true) return [];
    if (!hasSettings(row, usualSettings(row, sources.environment, []))) {
      const missing = Object.values(row.settings ?? {}).flatMap(({ env }) => env[0] ?? []);
      report.warn(["providers"], `${name} is set, but ${row.name} also needs ${missing.join(" and ")}: it stays off`);
      return [];
    }
    const provider = readProvider(id, { ...defaults, credential: `env::${name}` }, sources, report);
    return provider === undefined ? [] : [provider];
  });
}

/** The first of a kind's variables that holds something like a key. */
export function credentialVariable(row: ProviderKind, environment: Environment): string | undefined {
  return row.credentialEnv.find((name) => {
    const value = variable(environment, name)?.trim() ?? "";
    // A key of ours in there is meant for an SDK that talks to us; sent to the vendor it would be given away.
    return !placeholderCredentials.has(value.toLowerCase()) && !value.startsWith("dgm_");
  });
}

/** One `providers.<id>` of the file, completed from the catalogue. Undefined when the report has a problem with it. */
export function readProvider(
  id: string,
  written: FileProvider,
  sources: CredentialSources,
  report: Report,
): Provider | undefined {
  const path: Path = ["providers", id];
  const kind = written.kind ?? id;
  const general = providerKind(kind);
  checkId(id, report);
  if (general === undefined) {
    reportUnknownKind(id, written, report);
    return undefined;
  }
  const secrets = readCredentials(written, general, path, sources, report);
  const usual = usualSettings(general, sources.environment, secrets.credentials);
  const settings = readSettings(written, general, path, usual, report);
  const { baseUrl: ownUrl, ...filled } = fillSettings(general, settings ?? anySettings);
  const row: ProviderKind = { ...general, ...filled, ...compact({ baseUrl: ownUrl }) };
  const baseUrl = readBaseUrl(written.base_url, row, path, report);
  const auth = readAuth(written, row, secrets, path, report);
  const models = readModels(written, row, path, report);
  if (baseUrl === undefined || settings === undefined) return undefined;
  const firstByteMs = written.timeout_ms;
  const provider = {
    id,
    kind,
    baseUrl,
    dialects: written.dialects ?? row.dialects,
    // Whoever says what a provider speaks says it of all its models.
    modelDialects: written.dialects === undefined ? row.modelDialects : undefined,
    auth,
    credentials: secrets.credentials,
    models,
    operations: row.operations,
    traits: compact({ ...row.traits, structuredOutput: written.structured_output ?? row.traits.structuredOutput }),
    paths: row.paths,
    basePath: row.basePath,
    // How a credential is sent is one rule where the configuration states one.
    operationAuth: written.auth_type === undefined ? row.operationAuth : undefined,
    headers: row.headers ?? {},
    timeouts: {
      ...timeouts,
      ...(firstByteMs === undefined ? {} : { firstByteStreamMs: firstByteMs, firstBytePlainMs: firstByteMs }),
    },
  };
  return compact(provider);
}

/** In the place of settings that are missing, so that the rest can be looked at. */
const anySettings = { region: "region", project: "project", location: "location" } as const;

function checkId(id: string, report: Report): void {
  const path: Path = ["providers", id];
  if (!PROVIDER_ID_PATTERN.test(id)) {
    report.keyProblem(
      path,
      "an id has letters, digits, dots, hyphens and underscores, at most 64, and begins with a letter or digit",
    );
  } else if (reservedProviderIds.has(id)) {
    report.keyProblem(
      path,
      `"${id}" is a prefix that the gateway itself uses`,
      "choose another id and name the kind: kind: …",
    );
  }
}

function reportUnknownKind(id: string, written: FileProvider, report: Report): void {
  const near = closest(written.kind ?? id, Object.keys(catalog));
  if (written.kind !== undefined) {
    const suggestion =
      near === undefined ? `known kinds: ${Object.keys(catalog).join(", ")}` : `did you mean "${near}"?`;
    report.problem(["providers", id, "kind"], `unknown kind ${describeValue(written.kind)}`, suggestion);
    return;
  }
  const suggestion =
    near === undefined
      ? "say what it speaks: kind: openai-compatible, with its base_url"
      : `did you mean "${near}"? Else add kind: openai-compatible and its base_url`;
  report.keyProblem(
    ["providers", id],
    `"${id}" is not a provider that the catalogue knows, and it has no kind`,
    suggestion,
  );
}

/** Paths of operations that people copy along with the base URL. */
const OPERATION_PATH = /\/(?:chat\/completions|completions|responses|messages|embeddings|models)\/?$/;

function readBaseUrl(
  written: string | undefined,
  row: ProviderKind,
  provider: Path,
  report: Report,
): string | undefined {
  const path = [...provider, "base_url"];
  if (written === undefined) {
    if (row.baseUrl !== undefined) return row.baseUrl;
    report.keyProblem(
      provider,
      `"base_url" is missing: a provider of the kind "${row.name}" has no address of its own`,
      "add base_url: https://…/v1",
    );
    return undefined;
  }
  const url = URL.parse(written);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    report.problem(
      path,
      `expected an http or https URL, got ${describeValue(written)}`,
      "for example https://api.example.com/v1",
    );
    return undefined;
  }
  if (url.username !== "" || url.password !== "") {
    report.problem(path, "a URL must not hold a credential", "write credential: env::NAME instead");
    return undefined;
  }
  if (url.search !== "" || url.hash !== "") {
    report.problem(path, "a base URL has no query and no fragment", `${url.origin}${url.pathname}`);
    return undefined;
  }
  const trimmed = written.replace(/\/+$/, "");
  const operation = OPERATION_PATH.exec(trimmed);
  if (operation !== null) {
    report.problem(path, "a base URL ends before the path of an operation", trimmed.slice(0, operation.index));
    return undefined;
  }
  const hasPath = url.pathname !== "/";
  if (!hasPath && (row.baseUrl === undefined || new URL(row.baseUrl).pathname !== "/")) {
    report.warn(path, `${trimmed} has no path; an OpenAI-compatible API usually has one that ends in /v1`);
  }
  return trimmed;
}

type Secrets = { readonly credentials: readonly Secret[]; readonly isNone: boolean };

function readCredentials(
  written: FileProvider,
  row: ProviderKind,
  provider: Path,
  sources: CredentialSources,
  report: Report,
): Secrets {
  const path = [...provider, "credential"];
  if (written.credential === undefined) return usualCredential(row, provider, sources, report);
  const isList = Array.isArray(written.credential);
  const references: readonly string[] = Array.isArray(written.credential) ? written.credential : [written.credential];
  if (references.length > 1 && references.includes("none")) {
    report.problem(path, '"none" stands alone, not in a list of credentials');
  }
  const credentials: Secret[] = [];
  references.forEach((reference, index) => {
    const read = readProviderCredential(row.auth, reference, sources, row.credentialEnv);
    if (!read.ok) report.problem(isList ? [...path, index] : path, read.error.message, read.error.suggestion);
    else if (read.value !== undefined) credentials.push(read.value);
  });
  return { credentials, isNone: references.includes("none") };
}

/** Without `credential`, the kind's own variable is used where it is set; else callers have to bring their own. */
function usualCredential(row: ProviderKind, provider: Path, sources: CredentialSources, report: Report): Secrets {
  const name = credentialVariable(row, sources.environment);
  if (name === undefined) {
    if (row.auth.type !== "none") {
      const how = row.credentialEnv[0] === undefined ? "write credential: env::NAME" : `set ${row.credentialEnv[0]}`;
      report.warn(
        provider,
        `no credential: callers must bring their own (${how}, or credential: none if it needs no key)`,
      );
    }
    return { credentials: [], isNone: false };
  }
  const read = readProviderCredential(row.auth, `env::${name}`, sources, []);
  if (read.ok) return { credentials: read.value === undefined ? [] : [read.value], isNone: false };
  report.keyProblem(provider, read.error.message, read.error.suggestion);
  return { credentials: [], isNone: false };
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Headers that carry the message itself. */
const messageHeaders: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "content-type",
  "transfer-encoding",
]);

function readAuth(
  written: FileProvider,
  row: ProviderKind,
  secrets: Secrets,
  provider: Path,
  report: Report,
): AuthScheme {
  const { auth_type: type, auth_header_name: name } = written;
  if (name !== undefined) {
    const path = [...provider, "auth_header_name"];
    if (type !== "api_key_header")
      report.keyProblem(path, "only api_key_header has a header name", "add auth_type: api_key_header");
    if (!HEADER_NAME.test(name) || messageHeaders.has(name.toLowerCase())) {
      report.problem(path, `${describeValue(name)} cannot be the name of a credential header`);
    }
  }
  const isOwnWay = row.auth.type === "sigv4" || row.auth.type === "google";
  if (isOwnWay && type !== undefined) {
    // What such a provider keeps as its credential is not what is sent.
    const message = `a provider of the kind "${row.name}" is sent its credential in a way of its own`;
    report.keyProblem([...provider, "auth_type"], message, "leave auth_type out");
  }
  if (secrets.isNone) return { type: "none" };
  switch (type) {
    case undefined:
      return row.auth.type === "none" && secrets.credentials.length > 0 ? { type: "bearer" } : row.auth;
    case "bearer":
      return { type: "bearer" };
    case "api_key_header":
      return {
        type: "header",
        name: (name ?? (row.auth.type === "header" ? row.auth.name : "x-api-key")).toLowerCase(),
      };
    case "query_param":
      return { type: "query", name: row.auth.type === "query" ? row.auth.name : "key" };
    default:
      return type satisfies never;
  }
}

function readModels(written: FileProvider, row: ProviderKind, provider: Path, report: Report): readonly ModelEntry[] {
  if (written.models === undefined) {
    if (row.models.length === 0) {
      const id = String(provider[1]);
      report.warn(
        provider,
        `lists no models: they are reached as ${id}::MODEL only, and GET /v1/models does not show them`,
      );
    }
    return row.models.map((id) => ({ id }));
  }
  const seen = new Set<string>();
  return written.models.map((model, index) => {
    const entry = typeof model === "string" ? { id: model } : model;
    const path = [...provider, "models", index, ...(typeof model === "string" ? [] : ["id"])];
    if (seen.has(entry.id)) report.problem(path, `the model ${describeValue(entry.id)} stands in this list twice`);
    if (entry.id.includes("::"))
      report.problem(path, 'a model id holds no "::"', `write ${entry.id.split("::").at(-1)}`);
    seen.add(entry.id);
    const upstreamId = "upstream_id" in entry ? entry.upstream_id : undefined;
    const entryTimeoutMs = "timeout_ms" in entry ? entry.timeout_ms : undefined;
    return compact({ id: entry.id, upstreamId, timeoutMs: entryTimeoutMs });
  });
}
