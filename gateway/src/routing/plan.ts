import type { DialectId } from "../canonical/dialect-id.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { ChatOperationId, RelayedOperation } from "../providers/operations.ts";
import { dialectsOf, offers, type Provider } from "../providers/provider.ts";
import type { Endpoint } from "../providers/urls.ts";
import type { ChosenCredential } from "./credentials.ts";
import type { Resolution } from "./resolve.ts";

/** One place where a request may be sent, ready to be tried. */
export type Target = {
  readonly provider: Provider;
  readonly upstreamModel: string;
  /** Which of the provider's endpoints is called; of a conversation, that of the dialect it is held in. */
  readonly operation: Endpoint;
  readonly dialect: DialectId;
  readonly credential: ChosenCredential;
  readonly timeoutMs: number | undefined;
};

/** The operation that carries a conversation in each dialect. */
const chatOperations: { readonly [D in DialectId]?: ChatOperationId } = {
  "openai-chat": "chat-completions",
  "openai-responses": "responses",
  "anthropic-messages": "messages",
  gemini: "generate-content",
  "bedrock-converse": "converse",
  canonical: "chat-completions",
};

/**
 * The target of a conversation: in the client's own dialect where the provider speaks it, else in the first of the
 * provider's that can be translated to. 400 when there is none.
 */
export function planChat(
  resolution: Resolution,
  /** What the client speaks; a header may have set it apart from what the path usually speaks. */
  client: DialectId,
  credential: ChosenCredential,
  canTranslateTo: (dialect: DialectId) => boolean,
): Result<Target, Failure> {
  const dialects = dialectsOf(resolution.provider, resolution.upstreamModel);
  const dialect = dialects.includes(client) ? client : dialects.find(canTranslateTo);
  const operation = dialect === undefined ? undefined : chatOperations[dialect];
  if (dialect === undefined || operation === undefined) {
    const message = `"${resolution.address}" speaks ${dialects.join(", ")}; this request is ${client}, and the gateway cannot translate between them yet. Use a model of a provider that speaks ${client}.`;
    return fail(failure("translation_unavailable", message, { param: "model" }));
  }
  return ok(target(resolution, operation, dialect, credential));
}

/**
 * The target of an operation that is relayed in the format it came in. `count-here` is the answer for counting tokens of a
 * model whose provider cannot: the gateway estimates them itself.
 */
export function planRelayed(
  resolution: Resolution,
  operation: RelayedOperation,
  credential: ChosenCredential,
): Result<Target | "count-here", Failure> {
  const { provider, upstreamModel } = resolution;
  const hasModel =
    provider.modelDialects === undefined || dialectsOf(provider, upstreamModel).includes(operation.surface);
  if (hasModel && offers(provider, operation)) return ok(target(resolution, operation, operation.surface, credential));
  if (operation.countsTokens === true) return ok("count-here");
  const message = `"${provider.id}" has no ${operation.id}. Name a model of a provider that does.`;
  return fail(failure("operation_unsupported", message, { param: "model" }));
}

function target(resolution: Resolution, operation: Endpoint, dialect: DialectId, credential: ChosenCredential): Target {
  const { provider, upstreamModel, timeoutMs } = resolution;
  return { provider, upstreamModel, operation, dialect, credential, timeoutMs };
}
