import type { ChatOperationId, OperationId, RelayedOperation } from "./operations.ts";
import type { Provider } from "./provider.ts";

/** Where providers have the conversation of each format, behind their base URL. */
const chatPaths: Readonly<Record<ChatOperationId, string>> = {
  "chat-completions": "/chat/completions",
  responses: "/responses",
  messages: "/v1/messages",
  "generate-content": "/v1beta/models/{model}:{method}",
  // An ARN has slashes, which are not those of the path.
  converse: "/model/{modelSegment}/{method}",
};

/** What `{method}` stands for, of the endpoints that are named by what they do. */
const methods: { readonly [O in OperationId]?: { readonly plain: string; readonly stream: string } } = {
  "generate-content": { plain: "generateContent", stream: "streamGenerateContent" },
  messages: { plain: "rawPredict", stream: "streamRawPredict" },
  converse: { plain: "converse", stream: "converse-stream" },
};

export type UpstreamUrl = { readonly origin: string; readonly path: string };

/** An endpoint to be called: an operation that carries a conversation, or a row of the relayed ones. */
export type Endpoint = ChatOperationId | RelayedOperation;

/** The name by which providers list it. */
export function operationId(endpoint: Endpoint): OperationId {
  return typeof endpoint === "string" ? endpoint : endpoint.id;
}

export type UrlFill = {
  readonly model: string;
  /** What `{id}` stands for; "" where the endpoint names none. */
  readonly id?: string;
  readonly stream: boolean;
  /** What of the client's own query goes on (`alt=sse`, `beta=true`), without `?`. */
  readonly query: string;
};

/**
 * Where an endpoint of a provider is, as origin and path. `{model}` and `{id}` stand for what the request names,
 * percent-encoded. A provider's own `paths` win over the usual ones; of an operation with several endpoints (`/files`,
 * `/files/{id}`) they say where the first is, and the rest hangs below it.
 */
export function upstreamUrl(provider: Provider, endpoint: Endpoint, fill: UrlFill): UpstreamUrl {
  const usual = typeof endpoint === "string" ? chatPaths[endpoint] : endpoint.upstream;
  const template = templateOf(provider, operationId(endpoint), usual);
  const path = template.path.includes("{")
    ? template.path
        .replace("{model}", () => encodeModel(fill.model))
        .replace("{id}", () => encodeURIComponent(fill.id ?? ""))
        .replace("{modelSegment}", () => encodeURIComponent(fill.model))
        .replace("{method}", methods[operationId(endpoint)]?.[fill.stream ? "stream" : "plain"] ?? "")
    : template.path;
  if (fill.query === "") return { origin: template.origin, path };
  return { origin: template.origin, path: `${path}${path.includes("?") ? "&" : "?"}${fill.query}` };
}

/** By provider and usual path: parsing the base URL costs more than the rest, and neither ever changes. */
const templates = new WeakMap<Provider, Map<string, UpstreamUrl>>();

function templateOf(provider: Provider, operation: OperationId, usualPath: string): UpstreamUrl {
  const known = templates.get(provider)?.get(usualPath);
  if (known !== undefined) return known;
  const url = new URL(provider.baseUrl);
  const origin = url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin;
  const given = url.pathname.replace(/\/+$/, "");
  const path = joinPaths(
    given === "" ? (provider.basePath ?? "") : given,
    ownPath(provider.paths?.[operation], usualPath),
  );
  const ofProvider = templates.get(provider) ?? new Map<string, UpstreamUrl>();
  templates.set(provider, ofProvider.set(usualPath, { origin, path }));
  return { origin, path };
}

/** A provider's own path that fills in nothing is where the operation begins: what is below hangs below it there too. */
function ownPath(own: string | undefined, usualPath: string): string {
  if (own === undefined) return usualPath;
  const below = usualPath.indexOf("/{");
  return own.includes("{") || below < 0 ? own : own + usualPath.slice(below);
}

/** A version that the base URL already ends with is not said twice: `…/v1` + `/v1/messages` is `…/v1/messages`. */
function joinPaths(prefix: string, template: string): string {
  const version = /^\/(v1|v1beta|v1alpha)(?=\/)/.exec(template)?.[0];
  if (version !== undefined && /\/(v1|v1beta|v1alpha)$/.test(prefix)) return prefix + template.slice(version.length);
  return prefix + template;
}

/**
 * Model ids may hold slashes and colons (`publishers/x/models/y`, `tunedModels/z`); a slash separates path segments upstream
 * too, save in what would climb out of its place.
 */
function encodeModel(model: string): string {
  const segments = model.split("/");
  if (segments.some((segment) => segment === "." || segment === "..")) return encodeURIComponent(model);
  return segments.map(encodeURIComponent).join("/");
}
