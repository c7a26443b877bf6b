import type { Effort, Sampling } from "../../canonical/request.ts";
import { stableDigest } from "../../lib/hash.ts";
import { compact, type Json, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import { askedEffort, visibility } from "../../translation/reasoning.ts";
import { nearestEffort } from "./models.ts";
import { writeFormat } from "./write-format.ts";
import { lose, ttlOf, type Writing } from "./writing.ts";

/** The API refuses less: "Expected a value >= 16". */
const OUTPUT_TOKENS_MIN = 16;

/** `max_output_tokens`, `temperature`, `top_p`, `top_logprobs`; the rest of a sampling's wishes has no name here. */
export function writeSampling(writing: Writing, effort: Effort | undefined): JsonObject {
  const { sampling } = writing.request;
  if (writing.isNative) {
    const { maxTokens, temperature, topP, logprobs } = sampling;
    const isImplied = logprobs?.top === 0 && (writing.request.include ?? []).includes(LOGPROBS);
    const top = isImplied ? undefined : logprobs?.top;
    return compact({ max_output_tokens: maxTokens, temperature, top_p: topP, top_logprobs: top });
  }
  for (const key of ["topK", "seed", "presencePenalty", "frequencyPenalty", "logitBias"] as const) {
    if (isSet(sampling[key])) lose(writing, dropped(`sampling.${key}`));
  }
  if ((sampling.stop ?? []).length > 0) lose(writing, emulated("sampling.stop", "the answer is cut here"));
  const samples = canSample(writing, effort);
  const { temperature, topP, logprobs }: Partial<Sampling> = samples ? sampling : {};
  if (!samples) loseSampling(writing);
  return compact({
    max_output_tokens: outputTokens(writing),
    temperature,
    top_p: topP,
    // 0 is what `include` alone asks for.
    top_logprobs: logprobs?.top === 0 ? undefined : logprobs?.top,
  });
}

/** A penalty of 0 asks for nothing. */
function isSet(value: unknown): boolean {
  return value !== undefined && value !== 0;
}

function outputTokens(writing: Writing): number | undefined {
  const { maxTokens } = writing.request.sampling;
  if (maxTokens === undefined || maxTokens >= OUTPUT_TOKENS_MIN) return maxTokens;
  // Anthropic's way to fill a cache; here a prewarmed request generates nothing anyway.
  if (maxTokens === 0 && prewarms(writing)) return undefined;
  lose(writing, clamped("sampling.maxTokens", `${maxTokens} became ${OUTPUT_TOKENS_MIN}`));
  return OUTPUT_TOKENS_MIN;
}

function canSample(writing: Writing, effort: Effort | undefined): boolean {
  const { samples, restsByDefault } = writing.facts;
  if (samples !== "without-reasoning") return samples === "always";
  return effort === undefined ? restsByDefault : effort === "none";
}

/** A reasoning model samples as it does; values that say just that are no loss. */
function loseSampling(writing: Writing): void {
  const { temperature, topP, logprobs } = writing.request.sampling;
  const detail = "reasoning models do not take it";
  if (temperature !== undefined && temperature !== 1) lose(writing, dropped("sampling.temperature", detail));
  if (topP !== undefined && topP !== 1) lose(writing, dropped("sampling.topP", detail));
  if (logprobs !== undefined) lose(writing, dropped("sampling.logprobs", detail));
}

const LOGPROBS = "message.output_text.logprobs";
const ENCRYPTED_REASONING = "reasoning.encrypted_content";

/** `include`: a client that cannot see this API's state gets its reasoning sealed, to send it back with the next request. */
export function writeInclude(writing: Writing, effort: Effort | undefined): JsonObject {
  const { request, isNative, facts } = writing;
  if (isNative) return request.include === undefined ? {} : { include: [...request.include] };
  const include: string[] = [];
  if (facts.reasons !== false) include.push(ENCRYPTED_REASONING);
  if (request.sampling.logprobs !== undefined && canSample(writing, effort)) include.push(LOGPROBS);
  return include.length === 0 ? {} : { include };
}

/** The effort that is sent, or undefined for the model's own. */
export function writtenEffort(writing: Writing): Effort | undefined {
  const { request, facts, isNative } = writing;
  if (isNative) return request.reasoning.effort;
  const asked = askedEffort(request.reasoning);
  if (asked === undefined) return undefined;
  if (facts.reasons === false) {
    if (asked !== "none") lose(writing, dropped("reasoning", "the model does not reason"));
    return undefined;
  }
  // The least that can be asked for is nothing; what a budget or mode comes down to is no more than its nearest effort.
  const wanted = request.reasoning.mode === "between-tools" && facts.efforts?.includes("none") ? "none" : asked;
  const effort = nearestEffort(facts, wanted);
  if (request.reasoning.budgetTokens !== undefined && request.reasoning.effort === undefined) {
    lose(writing, emulated("reasoning.budgetTokens", `effort ${effort}`));
  }
  if (effort !== wanted) lose(writing, clamped("reasoning.effort", `${wanted} became ${effort}`));
  if (request.reasoning.mode === "between-tools") lose(writing, clamped("reasoning.mode", `effort ${effort}`));
  return effort;
}

/** `reasoning`: the effort, and a summary for clients that show one. */
export function writeReasoning(writing: Writing, effort: Effort | undefined): JsonObject {
  const { request, isNative, facts } = writing;
  const { visible, openai, binding } = request.reasoning;
  if (binding !== undefined && !isNative) lose(writing, dropped("reasoning.binding"));
  const summary = isNative
    ? visible && visibility[visible].responsesSummary
    : facts.reasons !== false && showsReasoning(writing, effort)
      ? visibility[visible ?? "auto"].responsesSummary
      : undefined;
  const reasoning = compact({ effort, summary, mode: openai?.mode, context: openai?.context });
  return Object.keys(reasoning).length === 0 ? {} : { reasoning };
}

/** Whether the client is going to see a summary: it asked for one, or for reasoning without saying that it be hidden. */
function showsReasoning(writing: Writing, effort: Effort | undefined): boolean {
  const { source, reasoning } = writing.request;
  if (effort === "none") return false;
  if (reasoning.visible !== undefined) return reasoning.visible !== "none";
  if (source === "openai-chat") return effort !== undefined;
  return reasoning.mode === "auto" || reasoning.mode === "budget";
}

/** `text`: the answer's format and verbosity. */
export function writeText(writing: Writing): JsonObject {
  const { output } = writing.request;
  const { verbosity } = output;
  const isVerbose = verbosity !== undefined && (writing.isNative || writing.facts.verbosity);
  if (verbosity !== undefined && !isVerbose) lose(writing, dropped("output.verbosity"));
  loseModalities(writing);
  const format = writeFormat(writing);
  const text = compact({ format, verbosity: isVerbose ? verbosity : undefined });
  return Object.keys(text).length === 0 ? {} : { text };
}

function loseModalities(writing: Writing): void {
  const { modalities, audio, image, taskBudget } = writing.request.output;
  const others = (modalities ?? []).filter((modality) => modality !== "text");
  if (others.length > 0) lose(writing, dropped("output.modalities", others.join(", ")));
  if (audio !== undefined) lose(writing, dropped("output.audio"));
  if (image !== undefined) lose(writing, dropped("output.image"));
  if (taskBudget !== undefined) lose(writing, dropped("output.taskBudget"));
}

/** `prompt_cache_key`, `prompt_cache_options`, `prompt_cache_retention`. */
export function writeCache(writing: Writing): JsonObject {
  const { cache } = writing.request;
  if (cache.cachedContent !== undefined) lose(writing, dropped("cache.cachedContent"));
  const options = compact({
    mode: cache.mode,
    ttl: cache.ttl === "30m" || cache.ttl === "12h" ? cache.ttl : automaticTtl(writing),
    prewarm: prewarms(writing) ? cache.prewarm : undefined,
  });
  if (cache.prewarm === true && !prewarms(writing)) lose(writing, dropped("cache.prewarm"));
  return compact({
    prompt_cache_key: cache.key,
    prompt_cache_options: Object.keys(options).length === 0 ? undefined : options,
    prompt_cache_retention: cache.retention,
  });
}

/** OpenAI caches by itself, which is all that an automatic mark asks for, except for its lifetime. */
function automaticTtl(writing: Writing): "30m" | "12h" | undefined {
  return writing.facts.cacheBreakpoints ? ttlOf(writing.request.cache.autoMark) : undefined;
}

function prewarms(writing: Writing): boolean {
  return writing.request.cache.prewarm !== undefined && (writing.isNative || writing.facts.cacheBreakpoints);
}

const SAFETY_ID_LENGTH_MAX = 128;

/** `safety_identifier`, `user`, `metadata`. */
export function writeIdentity(writing: Writing): JsonObject {
  const { request } = writing;
  const { endUser, safetyId, metadata, labels } = request.identity;
  if (labels !== undefined && Object.keys(labels).length > 0) lose(writing, dropped("identity.labels"));
  const isOpenAi = writing.isNative || request.source === "openai-chat";
  return compact({
    safety_identifier: safetyId ?? (isOpenAi || endUser === undefined ? undefined : safetyIdentifier(endUser)),
    user: isOpenAi ? endUser : undefined,
    metadata: metadata === undefined ? undefined : { ...metadata },
  });
}

/** Identifiers that are too long are digested: the same user stays the same. */
function safetyIdentifier(endUser: string): string {
  return endUser.length <= SAFETY_ID_LENGTH_MAX ? endUser : `user_${stableDigest(endUser)}`;
}

/** `service_tier`, `moderation`, and what is kept on the server. */
export function writeService(writing: Writing): JsonObject {
  const { request, isNative } = writing;
  const { tier, speed, safety, state, contextManagement } = request;
  if (safety?.settings !== undefined) lose(writing, dropped("safety.settings"));
  const service = compact({
    service_tier: speed === "fast" ? "fast" : tier,
    moderation: safety?.moderation,
    max_tool_calls: request.maxToolCalls,
  });
  if (isNative) {
    const { previousResponseId, conversation, store, background } = state ?? {};
    const kept = { previous_response_id: previousResponseId, conversation, store, background };
    return { ...service, ...compact({ ...kept, context_management: contextManagement }) };
  }
  if (state?.store === true) lose(writing, dropped("state.store"));
  if (state?.container !== undefined) lose(writing, dropped("state.container"));
  if (state?.continuation !== undefined) {
    lose(writing, { path: "state.continuation", reason: "opaque-not-portable" });
  }
  if (contextManagement !== undefined) lose(writing, dropped("contextManagement"));
  // Clients of other formats could neither read nor delete what would be kept.
  return { ...service, store: false };
}

/** Parameters of no name in canonical terms: this format's own as they came, those of others lost. */
export function writeExtras(writing: Writing): JsonObject {
  const { extras, prediction } = writing.request;
  if (prediction !== undefined) lose(writing, dropped("prediction"));
  const own: { [key: string]: Json | undefined } = {};
  for (const [dialect, members] of Object.entries(extras)) {
    if (dialect === "openai-responses") Object.assign(own, members);
    else lose(writing, ...Object.keys(members ?? {}).map((key) => dropped(`extras.${key}`)));
  }
  return own;
}
