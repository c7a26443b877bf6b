import type { CanonicalRequest } from "../../canonical/request.ts";
import { dropped, notPortable } from "../../translation/limits.ts";
import { lose, refuse, type Writing } from "./writing.ts";

/** Refuses what the answer would be wrong without, and reports what it is merely poorer without. Native requests have none. */
export function reportUnsupported(writing: Writing): void {
  if (writing.isNative) return;
  refuseMissingContext(writing);
  const { request } = writing;
  if (request.output.modalities?.includes("audio") === true) {
    const message = "Claude models answer in text only. Leave `audio` out of `modalities`, or choose another model.";
    refuse(writing, "unsupported_parameter", message, "modalities");
  }
  for (const [path, isLost] of Object.entries(settings)) {
    if (isLost(request)) lose(writing, dropped(path));
  }
  if (request.state?.continuation !== undefined) lose(writing, notPortable("state.continuation"));
  for (const key of Object.keys(request.extras[request.source] ?? {})) lose(writing, dropped(`extras.${key}`));
}

/** A part of the conversation that only another provider has. */
function refuseMissingContext(writing: Writing): void {
  const { state, cache } = writing.request;
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
}

/** Settings without a counterpart, by path. Values that ask for what happens anyway are no loss. */
const settings: { readonly [path: string]: (request: CanonicalRequest) => boolean } = {
  "sampling.seed": ({ sampling }) => sampling.seed !== undefined,
  "sampling.presencePenalty": ({ sampling }) => (sampling.presencePenalty ?? 0) !== 0,
  "sampling.frequencyPenalty": ({ sampling }) => (sampling.frequencyPenalty ?? 0) !== 0,
  "sampling.logitBias": ({ sampling }) => Object.keys(sampling.logitBias ?? {}).length > 0,
  "sampling.candidates": ({ sampling }) => (sampling.candidates ?? 1) > 1,
  "sampling.logprobs": ({ sampling }) => sampling.logprobs !== undefined,
  "reasoning.openai": ({ reasoning }) => reasoning.openai !== undefined,
  "output.verbosity": ({ output }) => output.verbosity !== undefined && output.verbosity !== "medium",
  "output.modalities": ({ output }) => output.modalities?.some((each) => each !== "text" && each !== "audio") === true,
  "output.image": ({ output }) => output.image !== undefined,
  "cache.key": ({ cache }) => cache.key !== undefined,
  "cache.ttl": ({ cache }) => cache.ttl !== undefined,
  "cache.retention": ({ cache }) => cache.retention !== undefined,
  "safety.moderation": ({ safety }) => safety?.moderation !== undefined,
  "state.store": ({ state }) => state?.store === true,
  "state.background": ({ state }) => state?.background === true,
  contextManagement: ({ contextManagement }) => contextManagement !== undefined,
  maxToolCalls: ({ maxToolCalls }) => maxToolCalls !== undefined,
  prediction: ({ prediction }) => prediction !== undefined,
};
