import type { OperationId, Provider } from "./provider.ts";

/**
 * Where an operation of a provider is, as origin and path. `{model}` stands for the percent-encoded upstream model. A
 * provider's own `paths` win over the format's usual ones.
 */
const usualPaths: { readonly [O in OperationId]?: string } = {
  "chat-completions": "/chat/completions",
  responses: "/responses",
  embeddings: "/embeddings",
  messages: "/v1/messages",
  "count-tokens-anthropic": "/v1/messages/count_tokens",
  "generate-content": "/v1beta/models/{model}:{method}",
  "count-tokens-gemini": "/v1beta/models/{model}:countTokens",
  "embed-content": "/v1beta/models/{model}:embedContent",
  "batch-embed-contents": "/v1beta/models/{model}:batchEmbedContents",
};

export type UpstreamUrl = { readonly origin: string; readonly path: string };

/** `query` is what of the client's own query goes on (`alt=sse`, `beta=true`), without `?`. */
export function upstreamUrl(
  provider: Provider,
  operation: OperationId,
  fill: { readonly model: string; readonly stream: boolean; readonly query: string },
): UpstreamUrl {
  const template = templateOf(provider, operation);
  const path = template.path.includes("{")
    ? template.path
        .replace("{model}", () => encodeModel(fill.model))
        .replace("{method}", fill.stream ? "streamGenerateContent" : "generateContent")
    : template.path;
  if (fill.query === "") return { origin: template.origin, path };
  return { origin: template.origin, path: `${path}${path.includes("?") ? "&" : "?"}${fill.query}` };
}

/** By provider and operation: parsing the base URL costs more than the rest, and neither ever changes. */
const templates = new WeakMap<Provider, Map<OperationId, UpstreamUrl>>();

function templateOf(provider: Provider, operation: OperationId): UpstreamUrl {
  const known = templates.get(provider)?.get(operation);
  if (known !== undefined) return known;
  const url = new URL(provider.baseUrl);
  const origin = url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin;
  const path = joinPaths(
    url.pathname.replace(/\/+$/, ""),
    provider.paths?.[operation] ?? usualPaths[operation] ?? "",
  );
  const ofProvider = templates.get(provider) ?? new Map<OperationId, UpstreamUrl>();
  templates.set(provider, ofProvider.set(operation, { origin, path }));
  return { origin, path };
}

/** A version that the base URL already ends with is not said twice: `…/v1` + `/v1/messages` is `…/v1/messages`. */
function joinPaths(prefix: string, template: string): string {
  const version = /^\/(v1|v1beta|v1alpha)(?=\/)/.exec(template)?.[0];
  if (version !== undefined && /\/(v1|v1beta|v1alpha)$/.test(prefix)) return prefix + template.slice(version.length);
  return prefix + template;
}

/** Model ids may hold slashes and colons (`publishers/x/models/y`, `tunedModels/z`); a slash separates path segments upstream too. */
function encodeModel(model: string): string {
  return model.split("/").map(encodeURIComponent).join("/");
}
