import type { Reasoning } from "../../canonical/request.ts";
import { asArray, asString, compact, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import {
  anthropicEffort,
  askedEffort,
  budgetOfEffort,
  visibility,
  type AnthropicEffort,
} from "../../translation/reasoning.ts";
import type { ThinkingType } from "./models.ts";
import { lose, takesSystemTurns, type Writing } from "./writing.ts";

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
  readonly messages: readonly JsonObject[];
};

/** The least budget that the API takes. */
const BUDGET_MIN = 1024;

/** `thinking` and the effort, as the model takes them. */
export function writeThinking(writing: Writing, context: ThinkingContext): WrittenThinking {
  const written = writing.isNative
    ? nativeThinking(writing.request.reasoning)
    : adaptedThinking(writing, lastReasoning(writing), context);
  const isManual = written.thinking?.["type"] === "enabled";
  if (!isManual || !lacksThinking(writing, context.messages)) return written;
  const { thinking, ...rest } = written;
  lose(writing, clamped("reasoning", "the thoughts before the last tool call are not there to think on from"));
  // Adaptive thinking does not ask for the thoughts that led to a call.
  if (!writing.facts.thinking.includes("adaptive")) return rest;
  return { ...rest, thinking: compact({ type: "adaptive", display: thinking?.["display"] }) };
}

/** Whether `thinking` has the model think. */
export function isThinking({ thinking }: WrittenThinking): boolean {
  const type = thinking?.["type"];
  return type === "enabled" || type === "adaptive";
}

const nativeTypes = {
  default: undefined,
  off: "disabled",
  auto: "adaptive",
  budget: "enabled",
  "between-tools": "between_tools",
} as const satisfies Record<Reasoning["mode"], ThinkingType | undefined>;

const bindings = { error: "error", "drop-block": "drop_block" } as const;

function nativeThinking({ mode, effort, budgetTokens, visible, binding }: Reasoning): WrittenThinking {
  const behavior = binding === undefined ? undefined : bindings[binding];
  const thinking = compact({
    type: nativeTypes[mode],
    budget_tokens: budgetTokens,
    display: visible === undefined ? undefined : visibility[visible].anthropicDisplay,
    block_binding: behavior === undefined ? undefined : { prefix_mismatch_behavior: behavior },
  });
  return compact({ thinking: Object.keys(thinking).length === 0 ? undefined : thinking, effort });
}

function adaptedThinking(writing: Writing, reasoning: Reasoning, context: ThinkingContext): WrittenThinking {
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
  lose(writing, dropped("reasoning", "the model does not think"));
  return {};
}

/** Models whose thinking cannot be switched off think as little as they can. */
function withoutThinking(writing: Writing): WrittenThinking {
  const { thinking, efforts } = writing.facts;
  if (thinking.includes("disabled")) return { thinking: { type: "disabled" } };
  if (thinking.includes("between_tools")) return { thinking: { type: "between_tools" } };
  if (thinking.length === 0) return {};
  lose(writing, clamped("reasoning.mode", "the model always thinks; it is asked for little"));
  return compact({ effort: anthropicEffort("none", efforts) });
}

function adaptively(writing: Writing, reasoning: Reasoning): WrittenThinking {
  const asked = askedEffort(reasoning);
  const effort = asked === undefined ? undefined : anthropicEffort(asked, writing.facts.efforts);
  if (reasoning.budgetTokens !== undefined && reasoning.effort === undefined) {
    lose(writing, emulated("reasoning.budgetTokens", `an effort of ${effort ?? "the model's own"}`));
  } else if (asked !== effort) {
    lose(writing, clamped("reasoning.effort", `${asked ?? "default"} became ${effort ?? "the model's own"}`));
  }
  return compact({ thinking: { type: "adaptive", ...display(writing) }, effort });
}

function byBudget(writing: Writing, reasoning: Reasoning, context: ThinkingContext): WrittenThinking {
  if (context.forcesTool) {
    lose(writing, dropped("reasoning", "a forced tool call excludes thinking by a budget"));
    return {};
  }
  const asked = reasoning.budgetTokens ?? budgetOfEffort(reasoning.effort ?? "medium", "anthropic", Infinity);
  const floor = Math.max(asked, BUDGET_MIN);
  const budget = floor < context.maxTokens ? floor : context.maxTokens - BUDGET_MIN;
  if (budget < BUDGET_MIN) {
    lose(writing, dropped("reasoning", `an output limit of ${context.maxTokens} tokens leaves no room to think`));
    return {};
  }
  if (reasoning.budgetTokens === undefined) lose(writing, emulated("reasoning.effort", `a budget of ${budget} tokens`));
  else if (budget !== asked) lose(writing, clamped("reasoning.budgetTokens", `${asked} became ${budget}`));
  return { thinking: { type: "enabled", budget_tokens: budget, ...display(writing) } };
}

/** Said explicitly: what the API shows when not told depends on the model. Chat clients cannot say, and show what there is. */
function display({ request, facts }: Writing): { readonly display?: string } {
  if (!facts.display) return {};
  const visible = request.reasoning.visible ?? (request.source === "openai-chat" ? "auto" : "none");
  return { display: visibility[visible].anthropicDisplay };
}

/**
 * With thinking by budget the assistant message that called the tools being answered must begin with its thoughts ("Expected
 * thinking or redacted_thinking, but found …"), and so must the beginning of an answer.
 */
function lacksThinking(writing: Writing, messages: readonly JsonObject[]): boolean {
  // A client of this format that kept its own thoughts in order is left alone.
  if (writing.isNative && !writing.losses.some(({ reason }) => reason === "opaque-not-portable")) return false;
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const content = asArray(messages[last]?.["content"]) ?? [];
  if (content.length === 0) return false;
  const isOpen = last === messages.length - 1 || content.some((block) => typeOf(block) === "tool_use");
  return isOpen && !["thinking", "redacted_thinking"].includes(typeOf(content[0]) ?? "");
}

function typeOf(block: unknown): string | undefined {
  return typeof block === "object" && block !== null && "type" in block ? asString(block.type) : undefined;
}

/** An effort in the words of a turn, as the model takes it; undefined for a word that is none. */
export function effortWord(word: string | undefined, supported: readonly AnthropicEffort[]): string | undefined {
  const effort = efforts.find((each) => each === word);
  return effort === undefined ? undefined : anthropicEffort(effort, supported);
}

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** Where messages cannot change the effort on the way, the last change holds from the beginning. */
function lastReasoning(writing: Writing): Reasoning {
  const { reasoning, turns } = writing.request;
  if (takesSystemTurns(writing)) return reasoning;
  const index = turns.findLastIndex(({ effortFromHere }) => effortFromHere !== undefined);
  const effort = efforts.find((each) => each === turns[index]?.effortFromHere);
  if (effort === undefined) return reasoning;
  lose(writing, emulated(`turns[${index}].effortFromHere`, "holds from the beginning"));
  return { ...reasoning, mode: effort === "none" ? "off" : "default", effort };
}
