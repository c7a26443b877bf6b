import type { Usage } from "../../canonical/usage.ts";
import { asNumber, asObject, compact, type Json, type JsonObject } from "../../lib/json.ts";

/**
 * Token counts of a Chat answer, and of every other answer that has `prompt_tokens` (legacy completions, embeddings).
 * `undefined` when the value counts nothing.
 *
 * OpenAI's totals are inclusive; compatible providers differ, and `total_tokens` gives them away:
 * - cached tokens beside the prompt instead of inside it (Grok on Azure): recognised by `cached > prompt`, or by a total
 *   that only adds up with them;
 * - reasoning beside the completion (xAI, Copilot, Gemini's compatible endpoint, which does not even list it): recognised by
 *   a total that is larger than the sum. It is output and is billed as output.
 */
export function readUsage(value: Json | undefined): Usage | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const promptDetails = asObject(usage["prompt_tokens_details"]) ?? {};
  const completionDetails = asObject(usage["completion_tokens_details"]) ?? {};
  const total = count(usage["total_tokens"]);
  const prompt = count(usage["prompt_tokens"]);
  if (prompt === undefined && total === undefined && count(usage["completion_tokens"]) === undefined) return undefined;

  const cacheRead = cachedTokens(usage, promptDetails) ?? 0;
  const written = count(promptDetails["cache_write_tokens"]) ?? count(usage["cache_creation_input_tokens"]) ?? 0;
  const cached = cacheRead + written;
  const promptTokens = prompt ?? Math.max(0, (total ?? 0) - (count(usage["completion_tokens"]) ?? 0));
  const completion = count(usage["completion_tokens"]) ?? 0;
  const isBeside = cacheRead > promptTokens || (cached > 0 && total === promptTokens + cached + completion);
  const inputTotal = isBeside ? promptTokens + cached : promptTokens;
  const hidden = Math.max(0, (total ?? 0) - inputTotal - completion);
  const outputTotal = completion + hidden;
  const reasoning =
    count(completionDetails["reasoning_tokens"]) ??
    count(usage["reasoning_tokens"]) ??
    (hidden > 0 ? hidden : undefined);
  const read: { -readonly [K in keyof Usage]: Usage[K] } = {
    inputTotal,
    cacheRead,
    // OpenRouter reports the same tokens as written and as read for some Gemini answers; nothing is charged twice.
    cacheWrite: Math.min(written, inputTotal - cacheRead),
    outputTotal,
    raw: { dialect: "openai-chat", value: usage },
  };
  // OpenRouter reports more reasoning than completion for some models; a part cannot exceed its whole.
  if (reasoning !== undefined) read.reasoning = Math.min(reasoning, outputTotal);
  for (const [counter, details, name] of detailCounters) {
    const value = count((details === "prompt" ? promptDetails : completionDetails)[name]);
    // Many providers fill them with zeros; only what was used is worth remembering.
    if (value !== undefined && value > 0) read[counter] = value;
  }
  return read;
}

const detailCounters = [
  ["inputAudio", "prompt", "audio_tokens"],
  ["inputImage", "prompt", "image_tokens"],
  ["outputAudio", "completion", "audio_tokens"],
  ["outputImage", "completion", "image_tokens"],
  ["acceptedPrediction", "completion", "accepted_prediction_tokens"],
  ["rejectedPrediction", "completion", "rejected_prediction_tokens"],
] as const;

/** OpenAI, DeepSeek, Moonshot and Together, Mistral, Databricks: one fact, five names. */
function cachedTokens(usage: JsonObject, promptDetails: JsonObject): number | undefined {
  return (
    count(promptDetails["cached_tokens"]) ??
    count(usage["prompt_cache_hit_tokens"]) ??
    count(usage["cached_tokens"]) ??
    count(usage["num_cached_tokens"]) ??
    count(usage["cache_read_input_tokens"])
  );
}

function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number === undefined || number < 0 ? undefined : Math.floor(number);
}

/** `usage` as OpenAI writes it: inclusive totals, details always present. A Chat provider's own further members (`cost`) stay. */
export function writeUsage(usage: Usage): JsonObject {
  return {
    ...ownMembers(usage),
    prompt_tokens: usage.inputTotal,
    completion_tokens: usage.outputTotal,
    total_tokens: usage.inputTotal + usage.outputTotal,
    prompt_tokens_details: compact({
      cached_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite === 0 ? undefined : usage.cacheWrite,
      audio_tokens: usage.inputAudio ?? 0,
      image_tokens: usage.inputImage,
    }),
    completion_tokens_details: compact({
      reasoning_tokens: usage.reasoning ?? 0,
      audio_tokens: usage.outputAudio ?? 0,
      image_tokens: usage.outputImage,
      accepted_prediction_tokens: usage.acceptedPrediction ?? 0,
      rejected_prediction_tokens: usage.rejectedPrediction ?? 0,
    }),
  };
}

/** Other names for what `writeUsage` says itself; kept, they would contradict it. */
const saidOtherwise = new Set([
  "reasoning_tokens",
  "cached_tokens",
  "num_cached_tokens",
  "prompt_cache_hit_tokens",
  "prompt_cache_miss_tokens",
]);

function ownMembers(usage: Usage): JsonObject {
  const raw = usage.raw?.dialect === "openai-chat" ? asObject(usage.raw.value) : undefined;
  if (raw === undefined) return {};
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !saidOtherwise.has(key)));
}
