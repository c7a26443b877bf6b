import type { DialectId } from "../canonical/dialect-id.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { OperationId, Provider } from "../providers/provider.ts";
import type { ChosenCredential } from "./credentials.ts";
import type { Operation } from "../operations/table.ts";
import type { Resolution } from "./resolve.ts";

/** One place where a request may be sent, ready to be tried. */
export type Target = {
  readonly provider: Provider;
  readonly upstreamModel: string;
  /** The provider's name of the operation, which follows from the dialect it is asked in. */
  readonly operation: OperationId;
  readonly dialect: DialectId;
  readonly credential: ChosenCredential;
  readonly timeoutMs: number | undefined;
};

/** The operation that carries a conversation in each dialect. */
const chatOperations: { readonly [D in DialectId]?: OperationId } = {
  "openai-chat": "chat-completions",
  "openai-responses": "responses",
  "anthropic-messages": "messages",
  gemini: "generate-content",
  canonical: "chat-completions",
};

/**
 * Where an operation goes. `count-here` is the answer for counting tokens of a model whose provider cannot: the gateway
 * estimates them itself.
 */
export function plan(
  resolution: Resolution,
  operation: Operation,
  /** What the client speaks; a header may have set it apart from what the path usually speaks. */
  client: DialectId,
  credential: ChosenCredential,
  canTranslateTo: (dialect: DialectId) => boolean,
): Result<Target | "count-here", Failure> {
  switch (operation.kind) {
    case "chat":
      return planChat(resolution, client, credential, canTranslateTo);
    case "count-tokens":
      return resolution.provider.dialects.includes(operation.surface)
        ? ok(target(resolution, operation.id, operation.surface, credential))
        : ok("count-here");
    case "relayed":
      return planRelayed(resolution, operation.id, operation.surface, credential);
    case "pending":
    case "local":
      throw new Error(`${operation.id} has no target`);
    default:
      return operation satisfies never;
  }
}

/**
 * The target of a conversation: in the client's own dialect where the provider speaks it, else in the first of the
 * provider's that can be translated to. 400 when there is none.
 */
function planChat(
  resolution: Resolution,
  client: DialectId,
  credential: ChosenCredential,
  canTranslateTo: (dialect: DialectId) => boolean,
): Result<Target, Failure> {
  const { provider } = resolution;
  const dialect = provider.dialects.includes(client) ? client : provider.dialects.find(canTranslateTo);
  const operation = dialect === undefined ? undefined : chatOperations[dialect];
  if (dialect === undefined || operation === undefined) {
    const message = `"${resolution.address}" speaks ${provider.dialects.join(", ")}; this request is ${client}, and the gateway cannot translate between them yet. Use a model of a provider that speaks ${client}.`;
    return fail(failure("translation_unavailable", message, { param: "model" }));
  }
  return ok(target(resolution, operation, dialect, credential));
}

/** The target of an operation that is relayed in the format it came in. */
function planRelayed(
  resolution: Resolution,
  operation: OperationId,
  dialect: DialectId,
  credential: ChosenCredential,
): Result<Target, Failure> {
  const { provider } = resolution;
  if (!provider.operations.includes(operation)) {
    const message = `"${provider.id}" has no ${operation}. Name a model of a provider that does.`;
    return fail(failure("operation_unsupported", message, { param: "model" }));
  }
  return ok(target(resolution, operation, dialect, credential));
}

function target(
  resolution: Resolution,
  operation: OperationId,
  dialect: DialectId,
  credential: ChosenCredential,
): Target {
  const { provider, upstreamModel, timeoutMs } = resolution;
  return { provider, upstreamModel, operation, dialect, credential, timeoutMs };
}
