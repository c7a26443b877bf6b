import type { ClientDialectId } from "../canonical/dialect-id.ts";
import type { OperationId } from "../providers/provider.ts";

/**
 * What the gateway can be asked, one row each. Chat operations speak a dialect and can be translated; relayed ones go to a
 * provider that has them, in the format they came in; local ones are answered here without a provider.
 */
export type Operation =
  | { readonly kind: "chat"; readonly id: OperationId; readonly surface: ClientDialectId }
  | { readonly kind: "count-tokens"; readonly id: OperationId; readonly surface: ClientDialectId }
  | { readonly kind: "relayed"; readonly id: OperationId; readonly surface: ClientDialectId }
  /** Known to the product, not there yet: 501. */
  | { readonly kind: "pending"; readonly id: OperationId; readonly surface: ClientDialectId }
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

export type MatchFailure =
  | { readonly kind: "path-not-found"; readonly surface: ClientDialectId }
  | { readonly kind: "method-not-allowed"; readonly surface: ClientDialectId; readonly allow: readonly string[] };

type Row = { readonly methods: Readonly<Record<string, Operation>> };

const chat = (id: OperationId, surface: ClientDialectId): Row => ({ methods: { POST: { kind: "chat", id, surface } } });
const relayed = (id: OperationId, surface: ClientDialectId): Row => ({
  methods: { POST: { kind: "relayed", id, surface } },
});
const pending = (id: OperationId, surface: ClientDialectId, ...methods: string[]): Row => ({
  methods: Object.fromEntries(methods.map((method) => [method, { kind: "pending" as const, id, surface }])),
});
const local = (id: LocalOperationId): Row => ({ methods: { GET: { kind: "local", id, surface: "openai-chat" } } });

/** Paths without a variable part, after the version. */
const exactRows: ReadonlyMap<string, Row> = new Map([
  ["chat/completions", chat("chat-completions", "openai-chat")],
  ["responses", chat("responses", "openai-responses")],
  ["messages", chat("messages", "anthropic-messages")],
  [
    "messages/count_tokens",
    {
      methods: { POST: { kind: "count-tokens", id: "count-tokens-anthropic", surface: "anthropic-messages" } },
    },
  ],
  ["embeddings", relayed("embeddings", "openai-chat")],
  ["images/generations", pending("image-generations", "openai-chat", "POST")],
  ["images/edits", pending("image-edits", "openai-chat", "POST")],
  ["audio/speech", pending("speech", "openai-chat", "POST")],
  ["audio/transcriptions", pending("transcriptions", "openai-chat", "POST")],
  ["audio/translations", pending("translations", "openai-chat", "POST")],
  ["moderations", pending("moderations", "openai-chat", "POST")],
  ["rerank", pending("rerank", "openai-chat", "POST")],
  ["completions", pending("completions", "openai-chat", "POST")],
  ["files", pending("files", "openai-chat", "POST", "GET")],
  ["batches", pending("batches", "openai-chat", "POST", "GET")],
  ["models", local("models")],
]);

/** The endpoints that stand at the root only, never under a version. */
const rootRows: ReadonlyMap<string, Row> = new Map([
  ["", local("welcome")],
  ["health", local("health")],
  ["healthz", local("health")],
  ["readyz", local("ready")],
  ["metrics", local("metrics")],
]);

/** Paths with an id in them. */
const patternRows: readonly { readonly pattern: RegExp; readonly row: Row }[] = [
  { pattern: /^models\/(?<subject>.+)$/, row: local("model") },
  { pattern: /^responses\/(?<subject>[^/]+)$/, row: pending("stored-responses", "openai-responses", "GET", "DELETE") },
  { pattern: /^responses\/(?<subject>[^/]+)\/cancel$/, row: pending("stored-responses", "openai-responses", "POST") },
  {
    pattern: /^responses\/(?<subject>[^/]+)\/input_items$/,
    row: pending("stored-responses", "openai-responses", "GET"),
  },
  { pattern: /^files\/(?<subject>[^/]+)$/, row: pending("files", "openai-chat", "GET", "DELETE") },
  { pattern: /^files\/(?<subject>[^/]+)\/content$/, row: pending("files", "openai-chat", "GET") },
  { pattern: /^batches\/(?<subject>[^/]+)$/, row: pending("batches", "openai-chat", "GET") },
  { pattern: /^batches\/(?<subject>[^/]+)\/cancel$/, row: pending("batches", "openai-chat", "POST") },
];

/** `models/{model}:{method}` of the Gemini API. */
const geminiMethods: Readonly<Record<string, Row>> = {
  generateContent: chat("generate-content", "gemini"),
  streamGenerateContent: chat("generate-content", "gemini"),
  countTokens: { methods: { POST: { kind: "count-tokens", id: "count-tokens-gemini", surface: "gemini" } } },
  embedContent: relayed("embed-content", "gemini"),
  batchEmbedContents: relayed("batch-embed-contents", "gemini"),
};

/**
 * Finds the operation of a request. SDKs disagree about base URLs, so the version may be missing, repeated or behind `/api`:
 * `/chat/completions`, `/v1/v1/messages` and `/api/v1/v1beta/models/x:generateContent` all arrive.
 */
export function matchOperation(method: string, pathname: string): Match | MatchFailure {
  const { path, version } = normalisePath(pathname);
  const isGeminiVersion = version === "v1beta" || version === "v1alpha";
  const found = findRow(path, version);
  const surface = isGeminiVersion ? "gemini" : surfaceOfPath(path);
  if (found === undefined) return { kind: "path-not-found", surface };
  const operation = found.row.methods[method];
  if (operation === undefined) {
    return { kind: "method-not-allowed", surface, allow: [...Object.keys(found.row.methods), "HEAD", "OPTIONS"] };
  }
  return { kind: "match", operation, path, subject: found.subject, version };
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
    const subject = pattern.exec(path)?.groups?.["subject"];
    if (subject !== undefined) return { row, subject: decodePath(subject) };
  }
  return undefined;
}

/** The model may contain slashes and colons and may be percent-encoded; the method stands behind the last colon. */
function findGeminiMethod(path: string): { readonly row: Row; readonly subject: string } | undefined {
  const colon = path.lastIndexOf(":");
  if (colon < 0) return undefined;
  const row = geminiMethods[path.slice(colon + 1)];
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
