import type { CanonicalRequest } from "../../canonical/request.ts";
import { dropped, notPortable } from "../../translation/limits.ts";
import { lose, refuse, type Writing } from "./writing.ts";

/** Refuses what the answer would be wrong without, and reports what it is merely poorer without. */
export function reportUnsupported(writing: Writing): void {
  refuseMissingContext(writing);
  const { request } = writing;
  if (request.output.modalities?.some((each) => each !== "text") === true) {
    const message = "The Converse API answers in text only. Leave other `modalities` out, or choose another model.";
    refuse(writing, "unsupported_parameter", message, "modalities");
  }
  if (request.cache.prewarm === true) {
    refuse(writing, "unsupported_parameter", "Bedrock cannot fill a cache ahead of a request.", prewarmParam(request));
  }
  for (const [path, isLost] of Object.entries(settings)) {
    if (isLost(request)) lose(writing, dropped(path));
  }
  if (request.state?.continuation !== undefined) lose(writing, notPortable("state.continuation"));
  for (const [dialect, members] of Object.entries(request.extras)) {
    for (const key of Object.keys(members ?? {})) lose(writing, dropped(`extras.${dialect}.${key}`));
  }
}

function prewarmParam({ source }: CanonicalRequest): string {
  return source === "openai-responses" ? "prompt_cache_options.prewarm" : "max_tokens";
}

/** A part of the conversation that only another provider has. */
function refuseMissingContext(writing: Writing): void {
  const { state, cache, turns } = writing.request;
  const params = [
    ["previous_response_id", state?.previousResponseId],
    ["conversation", state?.conversation],
    ["cachedContent", cache.cachedContent],
  ] as const;
  for (const [param, value] of params) {
    if (value === undefined) continue;
    const message = `\`${param}\` names content that this provider does not have. Send the whole conversation instead.`;
    refuse(writing, "unsupported_parameter", message, param);
  }
  const isLost = turns[0]?.blocks.some((block) => block.type === "compaction" && (block.text ?? "") === "") === true;
  if (!isLost) return;
  const message = "The conversation begins with a summary that only the provider which made it can read.";
  refuse(writing, "unsupported_parameter", message);
}

/** What a Responses client gets without asking the provider for it. */
const answered: ReadonlySet<string> = new Set(["reasoning.encrypted_content"]);

/** Settings without a counterpart, by path. Values that ask for what happens anyway are no loss. */
const settings: { readonly [path: string]: (request: CanonicalRequest) => boolean } = {
  "sampling.seed": ({ sampling }) => sampling.seed !== undefined,
  "sampling.presencePenalty": ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0,
  "sampling.frequencyPenalty": ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0,
  "sampling.logitBias": ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0,
  "sampling.candidates": ({ sampling }) => (sampling.candidates ?? 1) > 1,
  "sampling.logprobs": ({ sampling }) => sampling.logprobs !== undefined,
  "reasoning.openai": ({ reasoning }) => reasoning.openai !== undefined,
  "reasoning.binding": ({ reasoning }) => reasoning.binding !== undefined,
  "output.verbosity": ({ output }) => output.verbosity !== undefined && output.verbosity !== "medium",
  "output.audio": ({ output }) => output.audio !== undefined,
  "output.image": ({ output }) => output.image !== undefined,
  "output.taskBudget": ({ output }) => output.taskBudget !== undefined,
  "cache.key": ({ cache }) => cache.key !== undefined,
  "cache.ttl": ({ cache }) => cache.ttl !== undefined,
  "cache.retention": ({ cache }) => cache.retention !== undefined,
  "cache.autoMark": ({ cache }) => cache.autoMark !== undefined,
  "identity.labels": ({ identity }) => identity.labels !== undefined,
  "safety.settings": ({ safety }) => safety?.settings !== undefined,
  "safety.moderation": ({ safety }) => safety?.moderation !== undefined,
  "state.store": ({ state }) => state?.store === true,
  "state.background": ({ state }) => state?.background === true,
  "state.container": ({ state }) => state?.container !== undefined,
  contextManagement: ({ contextManagement }) => contextManagement !== undefined,
  maxToolCalls: ({ maxToolCalls }) => maxToolCalls !== undefined,
  prediction: ({ prediction }) => prediction !== undefined,
  include: ({ include }) => include?.some((each) => !answered.has(each)) === true,
};
