import type { Effort } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import { askedEffort } from "../../translation/reasoning.ts";
import { adaptedThinking, isThinking, lastReasoning, type WrittenThinking } from "../claude-thinking.ts";
import type { Message } from "./write-messages.ts";
import { lose, type Writing } from "./writing.ts";

export type WrittenReasoning = {
  /** Members of `additionalModelRequestFields`. */
  readonly fields: JsonObject;
  readonly isThinking: boolean;
  /** What the thinking needs as a limit of output where the client set none. */
  readonly maxTokens: number | undefined;
  /** Whether the model refuses other settings with this one. */
  readonly isExclusive: boolean;
};

export type ReasoningContext = {
  readonly maxTokens: number | undefined;
  readonly forcesTool: boolean;
  readonly messages: readonly Message[];
};

const nothing: WrittenReasoning = { fields: {}, isThinking: false, maxTokens: undefined, isExclusive: false };

/** How the model is told to think: in fields of its own, which differ from vendor to vendor. */
export function writeReasoning(writing: Writing, context: ReasoningContext): WrittenReasoning {
  const { claude } = writing.facts;
  if (claude !== undefined) return writeClaude(writing, context);
  const effort = askedEffort(writing.request.reasoning);
  if (effort === undefined || effort === "none") return nothing;
  switch (writing.facts.reasoning) {
    case "nova":
      return writeNova(writing, effort);
    case "effort":
      return { ...nothing, fields: { reasoning_effort: threeSteps(writing, effort) }, isThinking: true };
    case "config":
      return { ...nothing, fields: { reasoning_config: threeSteps(writing, effort) }, isThinking: true };
    default:
      lose(writing, dropped("reasoning", "the model has no such setting"));
      return nothing;
  }
}

/** Room for the answer beside the thoughts, where only the thoughts have a limit. */
const ANSWER_TOKENS = 8192;

function writeClaude(writing: Writing, context: ReasoningContext): WrittenReasoning {
  const { facts, request, losses } = writing;
  if (facts.claude === undefined) return nothing;
  const writer = { request, facts: facts.claude, losses };
  const maxTokens = context.maxTokens ?? facts.claude.outputTokensDefault;
  const asked = adaptedThinking(writer, lastReasoning(writer), { maxTokens, forcesTool: context.forcesTool });
  const written = withThoughtsBefore(writing, asked, context.messages);
  const { thinking, effort } = written;
  const budget = thinking?.["budget_tokens"];
  const needed = typeof budget === "number" ? Math.min(budget + ANSWER_TOKENS, maxTokens) : undefined;
  return {
    fields: compact({ thinking, output_config: effort === undefined ? undefined : { effort } }),
    isThinking: isThinking(written),
    maxTokens: context.maxTokens === undefined ? needed : undefined,
    isExclusive: false,
  };
}

/** With thinking by budget a message that called the tools being answered must begin with its thoughts. */
function withThoughtsBefore(writing: Writing, written: WrittenThinking, messages: readonly Message[]): WrittenThinking {
  if (written.thinking?.["type"] !== "enabled") return written;
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const content = messages[last]?.content ?? [];
  const isOpen = last === messages.length - 1 || content.some((block) => block["toolUse"] !== undefined);
  if (content.length === 0 || !isOpen || content[0]?.["reasoningContent"] !== undefined) return written;
  lose(writing, clamped("reasoning", "the thoughts before the last tool call are not there to think on from"));
  const { thinking, ...rest } = written;
  if (writing.facts.claude?.thinking.includes("adaptive") !== true) return rest;
  return { ...rest, thinking: compact({ type: "adaptive", display: thinking["display"] }) };
}

/** At the highest effort Nova 2 refuses a limit of tokens, temperature and top_p. */
function writeNova(writing: Writing, effort: Effort): WrittenReasoning {
  const maxReasoningEffort = threeSteps(writing, effort);
  return {
    fields: { reasoningConfig: { type: "enabled", maxReasoningEffort } },
    isThinking: true,
    maxTokens: undefined,
    isExclusive: maxReasoningEffort === "high",
  };
}

const steps = {
  none: "low",
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "high",
  max: "high",
} as const satisfies Record<Effort, "low" | "medium" | "high">;

function threeSteps(writing: Writing, effort: Effort): "low" | "medium" | "high" {
  const step = steps[effort];
  const { budgetTokens, effort: named } = writing.request.reasoning;
  if (named === undefined && budgetTokens !== undefined) {
    lose(writing, emulated("reasoning.budgetTokens", `an effort of ${step}`));
  } else if (step !== effort) {
    lose(writing, clamped("reasoning.effort", `${effort} became ${step}`));
  }
  return step;
}
