import type { ClientDialectId } from "../canonical/dialect-id.ts";
import { relayedRows, type ChatOperationId, type RelayedOperation } from "../providers/operations.ts";

/**
 * What the gateway can be asked. Chat operations speak a dialect and can be translated; relayed ones go to a provider that
 * has them, in the format they came in (`providers/operations.ts` has their rows); local ones are answered here.
 */
export type Operation =
  | { readonly kind: "chat"; readonly id: ChatOperationId; readonly surface: ClientDialectId }
  | ({ readonly kind: "relayed" } & RelayedOperation)
  | { readonly kind: "local"; readonly id: LocalOperationId; readonly surface: ClientDialectId };

export type LocalOperationId = "models" | "model" | "health" | "ready" | "metrics" | "welcome";

export type Match = {
  readonly kind: "match";
  readonly operation: Operation;
  /** The path after normalisation, without version: `chat/completions`. */
  readonly path: string;
  /** The model or id that the path names, percent-decoded; "" where it names none. */
  readonly subject: string;
  /** The API version the path was asked under, "" without one: decides the shape of shared paths. */
  readonly version: string;
};

/** A match of one of the relayed rows. */
export type RelayedMatch = Match & { readonly operation: Extract<Operation, { readonly kind: "relayed" }> };

export function isRelayed(match: Match): match is RelayedMatch {
  return match.operation.kind === "relayed";
}

/** Whether the answer says nothing about anybody's models or traffic: it is given whoever asks, with any key or none. */
export function isProbe(operation: Operation): boolean {
  return operation.kind === "local" && probes.has(operation.id);
}

export type MatchFailure =
  | { readonly kind: "path-not-found"; readonly surface: ClientDialectId }
  | { readonly kind: "method-not-allowed"; readonly surface: ClientDialectId; readonly allow: readonly string[] };

type Headers = { readonly [name: string]: string | undefined };

/** The operations of one path, by method; of APIs that share the path there are several, OpenAI's first. */
type Row = { readonly methods: Readonly<Record<string, readonly [Operation, ...Operation[]]>> };

const probes: ReadonlySet<LocalOperationId> = new Set(["health", "ready", "welcome"]);

const chat = (id: ChatOperationId, surface: ClientDialectId): Row => ({
  methods: { POST: [{ kind: "chat", id, surface }] },
});
const greeting: Operation = { kind: "local", id: "welcome", surface: "openai-chat" };
const local = (id: LocalOperationId): Row => ({ methods: { GET: [{ kind: "local", id, surface: "openai-chat" }] } });

/** The relayed rows of all paths that `accept`, each path once. */
function relayedPaths(accept: (path: string) => boolean): Map<string, Row> {
  const found = new Map<string, Row>();
  for (const row of relayedRows) {
    if (!accept(row.path)) continue;
    const operation: Operation = { kind: "relayed", ...row };
    const methods = found.get(row.path)?.methods ?? {};
    const others = methods[row.method] ?? [];
    const [first = operation, ...rest] = [...others, operation];
    found.set(row.path, { methods: { ...methods, [row.method]: [first, ...rest] } });
  }
  return found;
}

/** Paths without a variable part, after the version. */
const exactRows: ReadonlyMap<string, Row> = new Map([
  ["chat/completions", chat("chat-completions", "openai-chat")],
  ["responses", chat("responses", "openai-responses")],
  ["messages", chat("messages", "anthropic-messages")],
  ["models", local("models")],
  ...relayedPaths((path) => !path.includes("{")),
]);

/** The endpoints that stand at the root only, never under a version. */
const rootRows: ReadonlyMap<string, Row> = new Map([
  ["", local("welcome")],
  ["health", local("health")],
  ["healthz", local("health")],
  ["readyz", local("ready")],
  ["metrics", local("metrics")],
]);

type PatternRow = { readonly pattern: RegExp; readonly row: Row };

/** Paths with an id in them. */
const patternRows: readonly PatternRow[] = [
  { pattern: /^models\/(?<subject>.+)$/, row: local("model") },
  ...[...relayedPaths((path) => path.includes("{id}"))].map(([path, row]): PatternRow => {
    const pattern = new RegExp(`^${path.replace("{id}", "(?<subject>[^/]+)")}$`);
    return { pattern, row };
  }),
];

const MODEL_PATH = "models/{model}:";

/** `models/{model}:{method}` of the Gemini API, by method. */
const geminiMethods: ReadonlyMap<string, Row> = new Map([
  ["generateContent", chat("generate-content", "gemini")],
  ["streamGenerateContent", chat("generate-content", "gemini")],
  ...[...relayedPaths((path) => path.startsWith(MODEL_PATH))].map(([path, row]): [string, Row] => {
    return [path.slice(MODEL_PATH.length), row];
  }),
]);

/**
 * Finds the operation of a request. SDKs disagree about base URLs, so the version may be missing, repeated or behind `/api`:
 * `/chat/completions`, `/v1/v1/messages` and `/api/v1/v1beta/models/x:generateContent` all arrive.
 * `HEAD` only asks whether somebody is there, and is told so on any path.
 */
export function matchOperation(method: string, pathname: string, headers: Headers = {}): Match | MatchFailure {
  const { path, version } = normalisePath(pathname);
  if (method === "HEAD") return { kind: "match", operation: greeting, path, subject: "", version };
  const isGeminiVersion = version === "v1beta" || version === "v1alpha";
  const found = findRow(path, version);
  const surface = isGeminiVersion ? "gemini" : surfaceOfPath(path);
  if (found === undefined) return { kind: "path-not-found", surface };
  const operations = found.row.methods[method];
  if (operations === undefined) {
    return { kind: "method-not-allowed", surface, allow: [...Object.keys(found.row.methods), "HEAD", "OPTIONS"] };
  }
  const [first] = operations;
  const operation = operations.length === 1 ? first : (ofSurface(operations, surfaceOfHeaders(headers)) ?? first);
  return { kind: "match", operation, path, subject: found.subject, version };
}

/** Whose API a request means on a path that several have, as far as its headers tell. */
export function surfaceOfHeaders(headers: Headers): ClientDialectId | undefined {
  if (headers["anthropic-version"] !== undefined) return "anthropic-messages";
  return headers["x-goog-api-key"] === undefined ? undefined : "gemini";
}

function ofSurface(operations: readonly Operation[], surface: ClientDialectId | undefined): Operation | undefined {
  return operations.find((operation) => operation.surface === surface);
}

/** Methods that a path has; empty when the path does not exist. */
export function allowedMethods(pathname: string): readonly string[] {
  const { path, version } = normalisePath(pathname);
  const found = findRow(path, version);
  return found === undefined ? [] : [...Object.keys(found.row.methods), "HEAD", "OPTIONS"];
}

/** Whether the path is one of the Responses API, whose clients try a WebSocket first. */
export function isResponsesPath(pathname: string): boolean {
  return normalisePath(pathname).path === "responses";
}

const VERSIONS = new Set(["v1", "v1beta", "v1alpha"]);

function normalisePath(pathname: string): { readonly path: string; readonly version: string } {
  // The common case, spared the splitting: one version in front of a known path.
  if (pathname.startsWith("/v1/") && exactRows.has(pathname.slice(4)))
    return { path: pathname.slice(4), version: "v1" };
  const segments = pathname.split("/").filter((segment) => segment !== "");
  let start = segments[0] === "api" && VERSIONS.has(segments[1] ?? "") ? 1 : 0;
  let version = "";
  while (VERSIONS.has(segments[start] ?? "")) {
    version = segments[start] ?? "";
    start += 1;
  }
  return { path: segments.slice(start).join("/"), version };
}

function findRow(path: string, version: string): { readonly row: Row; readonly subject: string } | undefined {
  const exact = exactRows.get(path) ?? (version === "" ? rootRows.get(path) : undefined);
  if (exact !== undefined) return { row: exact, subject: "" };
  const gemini = findGeminiMethod(path);
  if (gemini !== undefined) return gemini;
  for (const { pattern, row } of patternRows) {
    const written = pattern.exec(path)?.groups?.["subject"];
    if (written === undefined) continue;
    const subject = decodePath(written);
    // What would climb out of its place upstream names nothing.
    return subject.split("/").some((segment) => segment === "." || segment === "..") ? undefined : { row, subject };
  }
  return undefined;
}

/** The model may contain slashes and colons and may be percent-encoded; the method stands behind the last colon. */
function findGeminiMethod(path: string): { readonly row: Row; readonly subject: string } | undefined {
  const colon = path.lastIndexOf(":");
  if (colon < 0) return undefined;
  const row = geminiMethods.get(path.slice(colon + 1));
  if (row === undefined || !/^(models|tunedModels)\//.test(path)) return undefined;
  const named = decodePath(path.slice(0, colon))
    .replace(/^models\//, "")
    .replace(/^models\//, "");
  return { row, subject: named };
}

/** A path that is not valid percent-encoding is taken as it stands: it then names nothing that exists. */
function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function surfaceOfPath(path: string): ClientDialectId {
  if (path.startsWith("messages")) return "anthropic-messages";
  if (path.startsWith("responses")) return "openai-responses";
  return "openai-chat";
}
