import type { ClientDialectId } from "../canonical/dialect-id.ts";

/** The operations that carry a conversation; a provider has those of its dialects. */
export type ChatOperationId = "chat-completions" | "responses" | "messages" | "generate-content" | "converse";

/**
 * An endpoint whose requests go to a provider that has it, in the format they came in. Adding one is one row here: path,
 * reading, choosing a provider, attempts, answer and record follow from it.
 */
export type RelayedRow = {
  /** What a provider's `operations` lists; endpoints that only make sense together share it. */
  readonly id: string;
  /** Whose API it is: decides the format of errors, and between two APIs that share a path (headers tell). */
  readonly surface: ClientDialectId;
  readonly method: "GET" | "POST" | "DELETE";
  /** Behind the version. `{id}` is any segment, `{model}` a model with or without slashes. */
  readonly path: string;
  /** Where the model stands: a top-level key, a form's field, or the path. `none`: `x-genai-provider` says where it goes. */
  readonly model: "body" | "form" | "path" | "none";
  /** The provider has a model of its own choice for requests that name none. */
  readonly modelOptional?: true;
  /** A form is passed on as it arrives and never held whole; its endpoints take a JSON object too. */
  readonly body: "json" | "form" | "none";
  /**
   * `document`: one JSON document, held until it is whole, or events. `media`: the same, or sound or text, passed on as it
   * comes. `file`: passed on as it comes, whatever its content type says.
   */
  readonly answer: "document" | "media" | "file";
  /** Where it is behind a provider's base URL, `{id}` and `{model}` filled in. A provider's `paths` may say otherwise. */
  readonly upstream: string;
  /** Asking twice does no harm and costs no more than asking once, so a provider's failure may be tried again. */
  readonly repeatable: boolean;
  /** Where the provider does not have it, the gateway answers an estimate. */
  readonly countsTokens?: true;
};

const openai = { surface: "openai-chat", answer: "document" } as const;
const responses = { surface: "openai-responses", answer: "document" } as const;
const anthropic = { surface: "anthropic-messages", answer: "document" } as const;
const gemini = { surface: "gemini", method: "POST", model: "path", body: "json", answer: "document" } as const;

/** Reading what is there. */
const get = { method: "GET", model: "none", body: "none", repeatable: true } as const;
/** Changing what is there: repeated, it would be told that there is nothing to change any more. */
const remove = { method: "DELETE", model: "none", body: "none", repeatable: false } as const;
const act = { method: "POST", model: "none", body: "none", repeatable: false } as const;
/** A question that leaves nothing behind. */
const question = { method: "POST", model: "body", body: "json", repeatable: true } as const;
/** Costs too much, or makes too much, to be done twice by accident. */
const order = { method: "POST", model: "body", body: "json", repeatable: false } as const;
const upload = { method: "POST", model: "form", body: "form", repeatable: false } as const;

/** Every relayed endpoint (OpenAI, Anthropic and Gemini API references, October 2026). */
export const relayedRows = [
  { id: "embeddings", ...openai, ...question, path: "embeddings", upstream: "/embeddings" },
  { id: "moderations", ...openai, ...question, modelOptional: true, path: "moderations", upstream: "/moderations" },
  { id: "rerank", ...openai, ...question, path: "rerank", upstream: "/rerank" },
  { id: "completions", ...openai, ...question, path: "completions", upstream: "/completions" },
  {
    id: "image-generations",
    ...openai,
    ...order,
    modelOptional: true,
    path: "images/generations",
    upstream: "/images/generations",
  },
  { id: "image-edits", ...openai, ...upload, modelOptional: true, path: "images/edits", upstream: "/images/edits" },
  { id: "speech", ...openai, ...order, answer: "media", path: "audio/speech", upstream: "/audio/speech" },
  {
    id: "transcriptions",
    ...openai,
    ...upload,
    answer: "media",
    path: "audio/transcriptions",
    upstream: "/audio/transcriptions",
  },
  {
    id: "translations",
    ...openai,
    ...upload,
    answer: "media",
    path: "audio/translations",
    upstream: "/audio/translations",
  },
  { id: "files", ...openai, ...upload, model: "none", path: "files", upstream: "/files" },
  { id: "files", ...openai, ...get, path: "files", upstream: "/files" },
  { id: "files", ...openai, ...get, path: "files/{id}", upstream: "/files/{id}" },
  { id: "files", ...openai, ...remove, path: "files/{id}", upstream: "/files/{id}" },
  { id: "files", ...openai, ...get, answer: "file", path: "files/{id}/content", upstream: "/files/{id}/content" },
  { id: "batches", ...openai, ...order, model: "none", path: "batches", upstream: "/batches" },
  { id: "batches", ...openai, ...get, path: "batches", upstream: "/batches" },
  { id: "batches", ...openai, ...get, path: "batches/{id}", upstream: "/batches/{id}" },
  { id: "batches", ...openai, ...act, path: "batches/{id}/cancel", upstream: "/batches/{id}/cancel" },
  {
    id: "count-tokens-responses",
    ...responses,
    ...question,
    countsTokens: true,
    path: "responses/input_tokens",
    upstream: "/responses/input_tokens",
  },
  { id: "compact-responses", ...responses, ...order, path: "responses/compact", upstream: "/responses/compact" },
  { id: "stored-responses", ...responses, ...get, path: "responses/{id}", upstream: "/responses/{id}" },
  { id: "stored-responses", ...responses, ...remove, path: "responses/{id}", upstream: "/responses/{id}" },
  { id: "stored-responses", ...responses, ...act, path: "responses/{id}/cancel", upstream: "/responses/{id}/cancel" },
  {
    id: "stored-responses",
    ...responses,
    ...get,
    path: "responses/{id}/input_items",
    upstream: "/responses/{id}/input_items",
  },
  {
    id: "count-tokens-anthropic",
    ...anthropic,
    ...question,
    countsTokens: true,
    path: "messages/count_tokens",
    upstream: "/v1/messages/count_tokens",
  },
  {
    id: "message-batches",
    ...anthropic,
    ...order,
    model: "none",
    path: "messages/batches",
    upstream: "/v1/messages/batches",
  },
  { id: "message-batches", ...anthropic, ...get, path: "messages/batches", upstream: "/v1/messages/batches" },
  { id: "message-batches", ...anthropic, ...get, path: "messages/batches/{id}", upstream: "/v1/messages/batches/{id}" },
  {
    id: "message-batches",
    ...anthropic,
    ...remove,
    path: "messages/batches/{id}",
    upstream: "/v1/messages/batches/{id}",
  },
  {
    id: "message-batches",
    ...anthropic,
    ...act,
    path: "messages/batches/{id}/cancel",
    upstream: "/v1/messages/batches/{id}/cancel",
  },
  {
    id: "message-batches",
    ...anthropic,
    ...get,
    answer: "file",
    path: "messages/batches/{id}/results",
    upstream: "/v1/messages/batches/{id}/results",
  },
  { id: "anthropic-files", ...anthropic, ...upload, model: "none", path: "files", upstream: "/v1/files" },
  { id: "anthropic-files", ...anthropic, ...get, path: "files", upstream: "/v1/files" },
  { id: "anthropic-files", ...anthropic, ...get, path: "files/{id}", upstream: "/v1/files/{id}" },
  { id: "anthropic-files", ...anthropic, ...remove, path: "files/{id}", upstream: "/v1/files/{id}" },
  {
    id: "anthropic-files",
    ...anthropic,
    ...get,
    answer: "file",
    path: "files/{id}/content",
    upstream: "/v1/files/{id}/content",
  },
  {
    id: "count-tokens-gemini",
    ...gemini,
    repeatable: true,
    countsTokens: true,
    path: "models/{model}:countTokens",
    upstream: "/v1beta/models/{model}:countTokens",
  },
  {
    id: "embed-content",
    ...gemini,
    repeatable: true,
    path: "models/{model}:embedContent",
    upstream: "/v1beta/models/{model}:embedContent",
  },
  {
    id: "batch-embed-contents",
    ...gemini,
    repeatable: true,
    path: "models/{model}:batchEmbedContents",
    upstream: "/v1beta/models/{model}:batchEmbedContents",
  },
] as const satisfies readonly RelayedRow[];

export type RelayedOperationId = (typeof relayedRows)[number]["id"];

export type RelayedOperation = RelayedRow & { readonly id: RelayedOperationId };

/** What a provider may be asked. */
export type OperationId = ChatOperationId | RelayedOperationId;

/** What a server may have of which nothing is known; one that lacks an endpoint answers 404 itself. */
export const allRelayedOperations: readonly RelayedOperationId[] = [...new Set(relayedRows.map(({ id }) => id))];
