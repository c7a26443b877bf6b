import type { JsonObject } from "../lib/json.ts";

/** A model as clients may ask for it. */
export type ListedModel = { readonly id: string; readonly owner: string };

/** Which of the four shapes of `/v1/models` is asked for. */
export type ModelsShape = "openai" | "anthropic" | "codex" | "gemini";

/**
 * Told by how it is asked: Codex names its version, the Anthropic SDK its API's; Gemini asks under its own version, but
 * @google/genai 3 also asks at /v1, where only its headers tell it from the others.
 */
export function modelsShape(
  version: string,
  query: URLSearchParams,
  headers: { readonly [name: string]: string | undefined },
): ModelsShape {
  if (version === "v1beta" || version === "v1alpha") return "gemini";
  if (query.has("client_version")) return "codex";
  if (headers["anthropic-version"] !== undefined) return "anthropic";
  return headers["x-goog-api-key"] === undefined && headers["x-goog-api-client"] === undefined ? "openai" : "gemini";
}

/** The models came from a configuration, which has no dates; SDK types want one. */
const CREATED_AT = 0;
const CREATED_AT_TEXT = "1970-01-01T00:00:00Z";

/** The list in the asker's shape: a page of it where Anthropic's API is asked for one, else all of it. */
export function writeModels(models: readonly ListedModel[], shape: ModelsShape, query: URLSearchParams): JsonObject {
  switch (shape) {
    case "openai":
      return { object: "list", data: models.map((model) => writeModel(model, shape)) };
    case "anthropic":
      return anthropicPage(models, query);
    case "codex":
    case "gemini":
      return { models: models.map((model) => writeModel(model, shape)) };
    default:
      return shape satisfies never;
  }
}

/** `limit`, `after_id` and `before_id` of https://docs.anthropic.com/en/api/models-list. Without a limit everything is one page. */
function anthropicPage(models: readonly ListedModel[], query: URLSearchParams): JsonObject {
  const indexOf = (name: string): number => models.findIndex(({ id }) => id === query.get(name));
  const asked = Number(query.get("limit"));
  const limit = Number.isInteger(asked) && asked > 0 ? asked : models.length;
  const before = indexOf("before_id");
  const start = before >= 0 ? Math.max(0, before - limit) : indexOf("after_id") + 1;
  const end = before >= 0 ? before : start + limit;
  const page = models.slice(start, end);
  return {
    data: page.map((model) => writeModel(model, "anthropic")),
    has_more: before >= 0 ? start > 0 : end < models.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

export function writeModel(model: ListedModel, shape: ModelsShape): JsonObject {
  switch (shape) {
    case "openai":
      return { id: model.id, object: "model", created: CREATED_AT, owned_by: model.owner };
    case "anthropic":
      return { type: "model", id: model.id, display_name: model.id, created_at: CREATED_AT_TEXT };
    case "codex":
      return codexModel(model);
    case "gemini":
      return {
        name: `models/${model.id}`,
        displayName: model.id,
        supportedGenerationMethods: ["generateContent", "countTokens", "embedContent"],
      };
    default:
      return shape satisfies never;
  }
}

/** The least that Codex 0.169 takes without warning that it knows nothing of the model (found by elimination). */
function codexModel(model: ListedModel): JsonObject {
  return {
    slug: model.id,
    display_name: model.id,
    description: model.owner,
    supported_reasoning_levels: [],
    shell_type: "unified_exec",
    visibility: "list",
    supported_in_api: true,
    priority: 0,
    support_verbosity: false,
    truncation_policy: { mode: "tokens", limit: 10_000 },
    experimental_supported_tools: [],
    base_instructions: "",
    input_modalities: ["text", "image"],
  };
}
