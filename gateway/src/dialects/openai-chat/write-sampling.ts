import type { CanonicalRequest, Effort, Reasoning } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { clamped, clampNumber, dropped, emulated } from "../../translation/limits.ts";
import { askedEffort } from "../../translation/reasoning.ts";
import { effortControl, isEffort, nearestEffort, type EffortControl } from "./efforts.ts";
import { lose, refuse, takes, type Target, type Writing } from "./writing.ts";

export type WrittenEffort = {
  readonly members: JsonObject;
  /** Whether the model will not reason, as far as it is told. */
  readonly isOff: boolean;
};

const nothingSaid: WrittenEffort = { members: {}, isOff: false };

/** How much to reason, in the provider's words. A Chat client's other words for it (`thinking`) are among its extras. */
export function writeEffort(writing: Writing, request: CanonicalRequest): WrittenEffort {
  const reasoning = currentReasoning(request);
  if (reasoning.openai !== undefined) lose(writing, dropped("reasoning.openai"));
  const asked = askedEffort(reasoning);
  const { developerRole: isOpenAi } = writing.target.vendor;
  if (writing.isNative && !isOpenAi) {
    return { members: compact({ reasoning_effort: asked }), isOff: asked === "none" };
  }
  const control = controlOf(writing.target);
  if (control?.by === "reasoning") return writeOpenRouter(writing, reasoning, asked, control);
  if (asked === undefined) return nothingSaid;
  const effort = control === undefined ? undefined : nearestEffort(asked, control.efforts);
  if (control !== undefined && effort !== undefined) {
    loseDifference(writing, reasoning, asked, effort);
    return { members: writeControl(control, effort), isOff: effort === "none" };
  }
  if (control?.by === "thinking") {
    lose(writing, clamped("reasoning.effort", `${asked} is on or off only`));
    return { members: { thinking: { type: "enabled" } }, isOff: false };
  }
  // A model of OpenAI's that cannot reason does what "none" asks for.
  if (asked !== "none" || !isOpenAi) lose(writing, dropped("reasoning", `effort ${asked}`));
  return nothingSaid;
}

/** Effort may change in the middle of a conversation; how much to reason now is what was said last. */
function currentReasoning({ reasoning, turns }: CanonicalRequest): Reasoning {
  const said = turns.findLast(({ effortFromHere }) => effortFromHere !== undefined)?.effortFromHere;
  if (said === undefined || !isEffort(said)) return reasoning;
  const mode = said === "none" ? ("off" as const) : reasoning.mode === "budget" ? ("default" as const) : reasoning.mode;
  return { ...reasoning, effort: said, mode };
}

function controlOf({ vendor, facts, options, model }: Target): EffortControl | undefined {
  const own = facts.efforts.length === 0 ? undefined : { by: "reasoning_effort" as const, efforts: facts.efforts };
  return vendor.developerRole ? own : (effortControl(options.kind, model) ?? own);
}

function writeControl({ by }: EffortControl, effort: Effort): JsonObject {
  if (by === "reasoning_effort") return { reasoning_effort: effort };
  return effort === "none"
    ? { thinking: { type: "disabled" } }
    : { thinking: { type: "enabled" }, reasoning_effort: effort };
}

function loseDifference(writing: Writing, reasoning: Reasoning, asked: Effort, effort: Effort): void {
  const isSaid = reasoning.effort !== undefined || reasoning.mode === "off";
  if (!isSaid && reasoning.mode === "between-tools") lose(writing, emulated("reasoning.mode", `effort ${effort}`));
  else if (!isSaid) lose(writing, emulated("reasoning.budgetTokens", `effort ${effort}`));
  else if (effort !== asked) lose(writing, clamped("reasoning.effort", `${asked} became ${effort}`));
}

/** OpenRouter takes a budget as well, and leaves the reasoning out of its answer on demand. */
function writeOpenRouter(
  writing: Writing,
  reasoning: Reasoning,
  asked: Effort | undefined,
  { efforts }: EffortControl,
): WrittenEffort {
  const { budgetTokens, mode, visible } = reasoning;
  const isBudget = mode === "budget" && budgetTokens !== undefined && reasoning.effort === undefined;
  const effort = asked === undefined || isBudget ? undefined : nearestEffort(asked, efforts);
  if (asked !== undefined && effort !== undefined) loseDifference(writing, reasoning, asked, effort);
  const members = compact({
    max_tokens: isBudget ? budgetTokens : undefined,
    effort,
    exclude: visible === "none" ? true : undefined,
  });
  return {
    members: Object.keys(members).length === 0 ? {} : { reasoning: members },
    isOff: effort === "none",
  };
}

/** The other settings of sampling, and the stop sequences that the answer has to be cut at here. */
export type WrittenSampling = { readonly members: JsonObject; readonly restoredStop: readonly string[] };

export function writeSampling(writing: Writing, request: CanonicalRequest, isOff: boolean): WrittenSampling {
  const { sampling } = request;
  const { vendor, facts, model } = writing.target;
  // Who speaks Chat to another vendor than OpenAI knows what that vendor makes of it.
  const reasons = facts.reasoning && !isOff && (vendor.developerRole || !writing.isNative);
  const isFixed = reasons || facts.search || (!writing.isNative && vendor.fixedSampling?.test(model) === true);
  const stop = (sampling.stop ?? []).filter((sequence) => sequence !== "");
  const stopMax = reasons ? 0 : writing.isNative ? Math.max(STOP_MAX, vendor.stopMax) : vendor.stopMax;
  const restoredStop = stop.slice(stopMax);
  if (restoredStop.length > 0) {
    lose(writing, emulated("sampling.stop", `${restoredStop.length} of ${stop.length} are matched by the gateway`));
  }
  return {
    members: compact({
      ...writeLimit(writing, request),
      ...(isFixed ? writeFixed(writing, request) : writeFree(writing, request)),
      ...writeOthers(writing, request),
      stop: stopMax === 0 || stop.length === 0 ? undefined : stop.slice(0, stopMax),
    }),
    restoredStop,
  };
}

/** OpenAI's limit, which most servers have taken over. */
const STOP_MAX = 4;

/** Messages writes the cache with a limit of 0, Responses with a setting of its own; Chat always answers. */
function writeLimit(writing: Writing, { sampling, cache }: CanonicalRequest): JsonObject {
  const { vendor, facts, options } = writing.target;
  if (cache.prewarm === true || sampling.maxTokens === 0) {
    const message =
      "Writing the prompt cache without an answer is not possible in Chat Completions. Ask for at least one token.";
    refuse(writing, sampling.maxTokens === 0 ? "max_tokens" : "prompt_cache_options.prewarm", message);
  }
  const known = facts.reasoning ? "max_completion_tokens" : vendor.maxTokensField;
  return { [options.traits.maxTokensField ?? known]: sampling.maxTokens };
}

/** Sampling for models that take it. */
function writeFree(writing: Writing, { sampling }: CanonicalRequest): JsonObject {
  const { temperature, topP, presencePenalty, frequencyPenalty, logitBias, logprobs } = sampling;
  const maximum = writing.isNative ? Infinity : writing.target.vendor.temperatureMax;
  const limited = temperature === undefined ? undefined : clampNumber("sampling.temperature", temperature, 0, maximum);
  if (limited !== undefined) writing.losses.push(...limited.losses);
  const penalties = takes(writing, "penalties");
  if (!penalties) losePenalties(writing, sampling);
  const wantsLogprobs = logprobs !== undefined;
  if (wantsLogprobs && !takes(writing, "logprobs")) lose(writing, dropped("sampling.logprobs"));
  const shown = wantsLogprobs && takes(writing, "logprobs");
  return {
    temperature: limited?.value,
    top_p: topP,
    presence_penalty: penalties ? presencePenalty : undefined,
    frequency_penalty: penalties ? frequencyPenalty : undefined,
    logit_bias: logitBias === undefined ? undefined : { ...logitBias },
    logprobs: shown ? true : undefined,
    top_logprobs: shown && logprobs.top > 0 ? logprobs.top : undefined,
  };
}

/** A temperature and a nucleus of 1 are what a model that cannot be told otherwise does. */
function writeFixed(writing: Writing, { sampling }: CanonicalRequest): JsonObject {
  const { temperature, topP, logitBias, logprobs } = sampling;
  if (temperature !== undefined && temperature !== 1) lose(writing, dropped("sampling.temperature"));
  if (topP !== undefined && topP !== 1) lose(writing, dropped("sampling.topP"));
  losePenalties(writing, sampling);
  if (logitBias !== undefined) lose(writing, dropped("sampling.logitBias"));
  if (logprobs !== undefined) lose(writing, dropped("sampling.logprobs"));
  return writing.isNative ? { temperature: temperature === 1 ? 1 : undefined, top_p: topP === 1 ? 1 : undefined } : {};
}

function losePenalties(writing: Writing, { presencePenalty, frequencyPenalty }: CanonicalRequest["sampling"]): void {
  if ((presencePenalty ?? 0) !== 0) lose(writing, dropped("sampling.presencePenalty"));
  if ((frequencyPenalty ?? 0) !== 0) lose(writing, dropped("sampling.frequencyPenalty"));
}

/** What models take whether they reason or not. */
function writeOthers(writing: Writing, { sampling }: CanonicalRequest): JsonObject {
  const { seed, topK, candidates } = sampling;
  const takesSeed = takes(writing, "seed");
  const takesTopK = takes(writing, "top-k");
  const takesCandidates = takes(writing, "candidates");
  if (seed !== undefined && !takesSeed) lose(writing, dropped("sampling.seed"));
  if (topK !== undefined && !takesTopK) lose(writing, dropped("sampling.topK"));
  if (candidates !== undefined && candidates > 1 && !takesCandidates) lose(writing, dropped("sampling.candidates"));
  const seedField = writing.isNative ? "seed" : writing.target.vendor.seedField;
  return {
    [seedField]: takesSeed ? seed : undefined,
    top_k: takesTopK ? topK : undefined,
    n: takesCandidates && (writing.isNative || candidates !== 1) ? candidates : undefined,
  };
}
