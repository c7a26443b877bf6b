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
  const template = provider.paths?.[operation] ?? usualPaths[operation] ?? "";
  const { origin, prefix } = splitBase(provider.baseUrl);
  const method = fill.stream ? "streamGenerateContent" : "generateContent";
  const path = joinPaths(prefix, template)
    .replace("{model}", () => encodeModel(fill.model))
    .replace("{method}", method);
  return { origin, path: fill.query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${fill.query}` };
}

const bases = new Map<string, { readonly origin: string; readonly prefix: string }>();
const BASES_MAX = 1_000;

/** Parsing a URL costs more than the rest of the function; providers are few. */
function splitBase(baseUrl: string): { readonly origin: string; readonly prefix: string } {
  const known = bases.get(baseUrl);
  if (known !== undefined) return known;
  const url = new URL(baseUrl);
  const origin = url.origin === "null" ? `${url.protocol}//${url.host}` : url.origin;
  const split = { origin, prefix: url.pathname.replace(/\/+$/, "") };
  if (bases.size >= BASES_MAX) bases.clear();
  bases.set(baseUrl, split);
  return split;
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
