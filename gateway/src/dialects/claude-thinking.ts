import type { Loss } from "../canonical/loss.ts";
import type { CanonicalRequest, Reasoning } from "../canonical/request.ts";
import { compact, type JsonObject } from "../lib/json.ts";
import { clamped, dropped, emulated } from "../translation/limits.ts";
import { anthropicEffort, askedEffort, budgetOfEffort, visibility } from "../translation/reasoning.ts";
import type { ClaudeFacts } from "./claude-models.ts";

/*
 * How Claude models are told to think, for requests of other vendors' formats. The fields are the same in the Messages API and
 * among the additional fields of the Converse API.
 */

/** A request being written, as far as thinking is concerned. */
export type ThinkingWriter = {
  readonly request: CanonicalRequest;
  readonly facts: ClaudeFacts;
  readonly losses: Loss[];
};

export type WrittenThinking = {
  readonly thinking?: JsonObject;
  /** `output_config.effort` */
  readonly effort?: string;
};

/** What else in the request decides whether the model may think. */
export type ThinkingContext = {
  readonly maxTokens: number;
  /** Whether `tool_choice` forces a tool: by-budget thinking excludes that. */
  readonly forcesTool: boolean;
};

/** The least budget that the API takes. */
const BUDGET_MIN = 1024;

/** `thinking` and the effort that come nearest to what is asked. */
export function adaptedThinking(
  writing: ThinkingWriter,
  reasoning: Reasoning,
  context: ThinkingContext,
): WrittenThinking {
  const { mode, visible } = reasoning;
  if (mode === "off" || mode === "between-tools") return withoutThinking(writing);
  const isAsked = mode !== "default" || askedEffort(reasoning) !== undefined;
  // To show thoughts is to have some, but only where that needs no budget nobody named.
  const isShown = visible !== undefined && visible !== "none" && writing.facts.thinking.includes("adaptive");
  if (!isAsked && !isShown) return {};
  const adapts = writing.facts.thinking.includes("adaptive");
  const takesBudget = writing.facts.thinking.includes("enabled");
  if (takesBudget && (!adapts || (mode === "budget" && !context.forcesTool))) {
    return byBudget(writing, reasoning, context);
  }
  if (adapts) return adaptively(writing, reasoning);
  writing.losses.push(dropped("reasoning", "the model does not think"));
  return {};
}

/** Models whose thinking cannot be switched off think as little as they can. */
function withoutThinking(writing: ThinkingWriter): WrittenThinking {
  const { thinking, efforts } = writing.facts;
  if (thinking.includes("disabled")) return { thinking: { type: "disabled" } };
  if (thinking.includes("between_tools")) return { thinking: { type: "between_tools" } };
  if (thinking.length === 0) return {};
  writing.losses.push(clamped("reasoning.mode", "the model always thinks; it is asked for little"));
  return compact({ effort: anthropicEffort("none", efforts) });
}

function adaptively(writing: ThinkingWriter, reasoning: Reasoning): WrittenThinking {
  const asked = askedEffort(reasoning);
  const effort = asked === undefined ? undefined : anthropicEffort(asked, writing.facts.efforts);
  if (reasoning.budgetTokens !== undefined && reasoning.effort === undefined) {
    writing.losses.push(emulated("reasoning.budgetTokens", `an effort of ${effort ?? "the model's own"}`));
  } else if (asked !== effort) {
    writing.losses.push(clamped("reasoning.effort", `${asked ?? "default"} became ${effort ?? "the model's own"}`));
  }
  return compact({ thinking: { type: "adaptive", ...display(writing) }, effort });
}

function byBudget(writing: ThinkingWriter, reasoning: Reasoning, context: ThinkingContext): WrittenThinking {
  if (context.forcesTool) {
    writing.losses.push(dropped("reasoning", "a forced tool call excludes thinking by a budget"));
    return {};
  }
  const asked = reasoning.budgetTokens ?? budgetOfEffort(reasoning.effort ?? "medium", "anthropic", Infinity);
  const floor = Math.max(asked, BUDGET_MIN);
  const budget = floor < context.maxTokens ? floor : context.maxTokens - BUDGET_MIN;
  if (budget < BUDGET_MIN) {
    writing.losses.push(dropped("reasoning", `an output limit of ${context.maxTokens} tokens leaves no room to think`));
    return {};
  }
  if (reasoning.budgetTokens === undefined)
    writing.losses.push(emulated("reasoning.effort", `a budget of ${budget} tokens`));
  else if (budget !== asked) writing.losses.push(clamped("reasoning.budgetTokens", `${asked} became ${budget}`));
  return { thinking: { type: "enabled", budget_tokens: budget, ...display(writing) } };
}

/** Said explicitly: what the API shows when not told depends on the model. Chat clients cannot say, and show what there is. */
function display({ request, facts }: ThinkingWriter): { readonly display?: string } {
  if (!facts.display) return {};
  const visible = request.reasoning.visible ?? (request.source === "openai-chat" ? "auto" : "none");
  return { display: visibility[visible].anthropicDisplay };
}

/** Whether `thinking` has the model think. */
export function isThinking({ thinking }: WrittenThinking): boolean {
  const type = thinking?.["type"];
  return type === "enabled" || type === "adaptive";
}

/** Where messages cannot change the effort on the way, the last change holds from the beginning. */
export function lastReasoning({ request, losses }: ThinkingWriter): Reasoning {
  const { reasoning, turns } = request;
  const index = turns.findLastIndex(({ effortFromHere }) => effortFromHere !== undefined);
  const effort = effortWords.find((each) => each === turns[index]?.effortFromHere);
  if (effort === undefined) return reasoning;
  losses.push(emulated(`turns[${index}].effortFromHere`, "holds from the beginning"));
  return { ...reasoning, mode: effort === "none" ? "off" : "default", effort };
}

export const effortWords = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
