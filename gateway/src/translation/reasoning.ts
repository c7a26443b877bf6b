import type { Effort, Reasoning } from "../canonical/request.ts";

/*
 * Reasoning is set as an effort, as a budget of tokens, or as a level. These tables are used only where the target has no
 * equal control; what a model supports is in the dialects' own tables of models.
 */

/** The effort that a budget of thinking tokens amounts to. Undefined for negative budgets (Gemini: the model decides). */
export function effortOfBudget(budgetTokens: number): Effort | undefined {
  if (budgetTokens < 0) return undefined;
  return effortByBudget.find(([below]) => budgetTokens < below)?.[1] ?? "xhigh";
}

const effortByBudget: readonly (readonly [below: number, effort: Effort])[] = [
  [1, "none"],
  [2048, "minimal"],
  [8192, "low"],
  [16_384, "medium"],
  [30_000, "high"],
];

/**
 * The effort that a request asks for, in whatever words it did. Undefined: the provider's default. Thinking between tool calls
 * only is the least that reasoning models do.
 */
export function askedEffort(reasoning: Reasoning): Effort | undefined {
  if (reasoning.mode === "off") return "none";
  if (reasoning.effort !== undefined) return reasoning.effort;
  if (reasoning.mode === "between-tools") return "low";
  return reasoning.budgetTokens === undefined ? undefined : effortOfBudget(reasoning.budgetTokens);
}

/** Families of models that take a budget: Claude up to 4.5, and Gemini 2.5. */
export type BudgetTarget = "anthropic" | "gemini";

/** Infinity: as much as the model takes. */
const budgets = {
  none: { anthropic: 0, gemini: 0 },
  minimal: { anthropic: 1024, gemini: 512 },
  low: { anthropic: 4096, gemini: 2048 },
  medium: { anthropic: 10_240, gemini: 8192 },
  high: { anthropic: 24_576, gemini: 24_576 },
  xhigh: { anthropic: 32_768, gemini: 32_768 },
  max: { anthropic: Infinity, gemini: Infinity },
} as const satisfies Record<Effort, Record<BudgetTarget, number>>;

/** The thinking tokens that an effort amounts to, at most `budgetMax` (the model's, or what the output limit leaves). */
export function budgetOfEffort(effort: Effort, target: BudgetTarget, budgetMax: number): number {
  return Math.min(budgets[effort][target], budgetMax);
}

/** Thinking tokens that a model takes. `canBeOff`: 0 is accepted besides. */
export type BudgetRange = { readonly minimum: number; readonly maximum: number; readonly canBeOff: boolean };

/** A budget within what the model takes. */
export function fitBudget(budgetTokens: number, range: BudgetRange): number {
  if (budgetTokens === 0 && range.canBeOff) return 0;
  return Math.min(Math.max(budgetTokens, range.minimum), range.maximum);
}

/** Values of Anthropic's `output_config.effort`. */
export type AnthropicEffort = "low" | "medium" | "high" | "xhigh" | "max";
/** Values of Gemini 3's `thinkingLevel`. */
export type ThinkingLevel = "MINIMAL" | "LOW" | "MEDIUM" | "HIGH";

/** `output_config.effort` in order of preference. Without effort thinking is disabled; models that refuse that think a little. */
const anthropicEfforts = {
  none: ["low"],
  minimal: ["low"],
  low: ["low"],
  medium: ["medium"],
  high: ["high"],
  xhigh: ["xhigh", "max", "high"],
  max: ["max", "xhigh", "high"],
} as const satisfies Record<Effort, readonly AnthropicEffort[]>;

/** `thinkingLevel` in order of preference: Pro models have no MINIMAL, some have no MEDIUM. */
const thinkingLevels = {
  none: ["MINIMAL", "LOW"],
  minimal: ["MINIMAL", "LOW"],
  low: ["LOW"],
  medium: ["MEDIUM", "HIGH"],
  high: ["HIGH"],
  xhigh: ["HIGH"],
  max: ["HIGH"],
} as const satisfies Record<Effort, readonly ThinkingLevel[]>;

/** `reasoning_effort` in order of preference; older models know only low, medium and high. */
const openaiEfforts = {
  none: ["none", "minimal", "low"],
  minimal: ["minimal", "low"],
  low: ["low"],
  medium: ["medium"],
  high: ["high"],
  xhigh: ["xhigh", "high"],
  max: ["max", "xhigh", "high"],
} as const satisfies Record<Effort, readonly Effort[]>;

const effortScale: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const levelScale: readonly ThinkingLevel[] = ["MINIMAL", "LOW", "MEDIUM", "HIGH"];

/** The best of the efforts that an adaptive Claude model supports; undefined when it supports none. */
export function anthropicEffort(effort: Effort, supported: readonly AnthropicEffort[]): AnthropicEffort | undefined {
  return preferred(anthropicEfforts[effort], supported, effortScale);
}

/** The best of the levels that a Gemini 3 model supports; undefined when it supports none. */
export function thinkingLevel(effort: Effort, supported: readonly ThinkingLevel[]): ThinkingLevel | undefined {
  return preferred(thinkingLevels[effort], supported, levelScale);
}

/** The best of the efforts that an OpenAI reasoning model supports; undefined when it supports none. */
export function openaiEffort(effort: Effort, supported: readonly Effort[]): Effort | undefined {
  return preferred(openaiEfforts[effort], supported, effortScale);
}

/** The first preference that is supported, else what is nearest to it on the scale. */
function preferred<T extends string>(
  preferences: readonly [T, ...T[]],
  supported: readonly T[],
  scale: readonly string[],
): T | undefined {
  const direct = preferences.find((each) => supported.includes(each));
  if (direct !== undefined) return direct;
  const wanted = scale.indexOf(preferences[0]);
  const distance = (each: T) => Math.abs(scale.indexOf(each) - wanted);
  return supported.toSorted((left, right) => distance(left) - distance(right))[0];
}

type Visible = NonNullable<Reasoning["visible"]>;

/** How much of its reasoning a model shows, in the words of each format. Chat shows what there is or nothing. */
export const visibility = {
  none: { anthropicDisplay: "omitted", responsesSummary: null, includeThoughts: false },
  auto: { anthropicDisplay: "summarized", responsesSummary: "auto", includeThoughts: true },
  concise: { anthropicDisplay: "summarized", responsesSummary: "concise", includeThoughts: true },
  detailed: { anthropicDisplay: "summarized", responsesSummary: "detailed", includeThoughts: true },
  // A beta of Anthropic's; other models have only summaries.
  updates: { anthropicDisplay: "updates", responsesSummary: "auto", includeThoughts: true },
} as const satisfies Record<
  Visible,
  {
    readonly anthropicDisplay: "omitted" | "summarized" | "updates";
    readonly responsesSummary: "auto" | "concise" | "detailed" | null;
    readonly includeThoughts: boolean;
  }
>;
