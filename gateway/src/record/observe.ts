import type { CanonicalEvent } from "../canonical/event.ts";
import type { Failure } from "../canonical/failure.ts";
import type { Loss } from "../canonical/loss.ts";
import type { AnswerSummary, FinishReason } from "../canonical/response.ts";
import { mergeUsage, type Usage } from "../canonical/usage.ts";

/** What an answer's events add up to, for the record. One per exchange; the last attempt's answer is the one observed. */
export type Observation = {
  firstTokenMs: number | undefined;
  usage: Usage | undefined;
  finish: FinishReason[];
  toolCalls: string[];
  losses: Loss[];
  failure: Failure | undefined;
};

export function openObservation(): Observation {
  return { firstTokenMs: undefined, usage: undefined, finish: [], toolCalls: [], losses: [], failure: undefined };
}

/** `nowMs` counts from the start of the exchange. Observing comes before anything is passed on. */
export function observe(state: Observation, event: CanonicalEvent, nowMs: number): void {
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
    case "media-delta":
      state.firstTokenMs ??= nowMs;
      return;
    case "block-start":
      if (event.initial.type === "tool-call") {
        state.firstTokenMs ??= nowMs;
        state.toolCalls.push(event.initial.name);
      }
      return;
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return;
    case "finish":
      state.finish[event.candidate] = event.finish.reason;
      return;
    case "loss":
      state.losses.push(event.loss);
      return;
    case "error":
      state.failure = event.failure;
      return;
    default:
  }
}

/** A plain answer that passes untouched, observed by its summary instead of its events. */
export function observeSummary(state: Observation, summary: AnswerSummary, nowMs: number): void {
  if (summary.hasContent) state.firstTokenMs ??= nowMs;
  state.usage = summary.usage;
  state.finish = [...summary.finish];
  state.toolCalls = [...summary.toolCalls];
}
