import type { Usage } from "../../canonical/usage.ts";
import { asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { field, list, number } from "./fields.ts";

/*
 * Gemini counts in disjoint parts: `promptTokenCount` includes cached tokens and leaves out what tools added to the prompt,
 * `candidatesTokenCount` leaves out thoughts, `totalTokenCount` is the sum of the four.
 */

/**
 * The counters that `metadata` has; those that it lacks are absent here too, so that merging does not reset them. Undefined
 * when it has none at all: early chunks of Vertex AI carry only a `trafficType`.
 */
export function readUsage(metadata: JsonObject): Partial<Usage> | undefined {
  const prompt = number(field(metadata, "promptTokenCount"));
  const toolUse = number(field(metadata, "toolUsePromptTokenCount"));
  const candidates = number(field(metadata, "candidatesTokenCount"));
  const thoughts = number(field(metadata, "thoughtsTokenCount"));
  const input = sum(prompt, toolUse);
  const output = sum(candidates, thoughts);
  if (input === undefined && output === undefined) return undefined;
  const promptDetails = field(metadata, "promptTokensDetails");
  const candidateDetails = field(metadata, "candidatesTokensDetails");
  return compact({
    inputTotal: input,
    cacheRead: number(field(metadata, "cachedContentTokenCount")),
    toolUsePrompt: toolUse,
    outputTotal: output,
    reasoning: thoughts,
    inputAudio: ofModality(promptDetails, "AUDIO"),
    inputImage: ofModality(promptDetails, "IMAGE"),
    outputAudio: ofModality(candidateDetails, "AUDIO"),
    outputImage: ofModality(candidateDetails, "IMAGE"),
    raw: { dialect: "gemini" as const, value: metadata },
  });
}

/** `usageMetadata`: Gemini's own object where there is one, else its counters derived from the totals. */
export function writeUsage(usage: Usage): JsonObject {
  const own = usage.raw?.dialect === "gemini" ? asObject(usage.raw.value) : undefined;
  if (own !== undefined) return own;
  const toolUse = usage.toolUsePrompt ?? 0;
  const thoughts = usage.reasoning ?? 0;
  return compact({
    promptTokenCount: Math.max(0, usage.inputTotal - toolUse),
    cachedContentTokenCount: positive(usage.cacheRead),
    candidatesTokenCount: Math.max(0, usage.outputTotal - thoughts),
    toolUsePromptTokenCount: positive(toolUse),
    thoughtsTokenCount: positive(thoughts),
    totalTokenCount: usage.inputTotal + usage.outputTotal,
  });
}

function sum(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined && right === undefined ? undefined : (left ?? 0) + (right ?? 0);
}

function positive(count: number): number | undefined {
  return count > 0 ? count : undefined;
}

function ofModality(details: Json | undefined, modality: string): number | undefined {
  const entry = list(details)
    .map(asObject)
    .find((each) => each !== undefined && asString(field(each, "modality")) === modality);
  return entry === undefined ? undefined : number(field(entry, "tokenCount"));
}
