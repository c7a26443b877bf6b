import type { Effort, Reasoning } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import {
  budgetOfEffort,
  effortOfBudget,
  fitBudget,
  thinkingLevel,
  visibility,
  type BudgetRange,
  type ThinkingLevel,
} from "../../translation/reasoning.ts";
import { lose, type Writing } from "./writing.ts";

/** `thinkingConfig`; undefined where nothing was asked for. */
export function writeThinking(writing: Writing): JsonObject | undefined {
  const reasoning = reasoningInForce(writing);
  const written = compact({ includeThoughts: showsThoughts(writing, reasoning), ...amount(writing, reasoning) });
  return Object.keys(written).length === 0 ? undefined : written;
}

const efforts = {
  none: true,
  minimal: true,
  low: true,
  medium: true,
  high: true,
  xhigh: true,
  max: true,
} as const satisfies Record<Effort, true>;

/** There is one setting for the whole conversation, so the last one in it counts. */
function reasoningInForce({ request }: Writing): Reasoning {
  const last = request.turns.findLast((turn) => turn.effortFromHere !== undefined)?.effortFromHere;
  if (last === undefined || !isEffort(last)) return request.reasoning;
  return { ...request.reasoning, effort: last };
}

function isEffort(text: string): text is Effort {
  return Object.hasOwn(efforts, text);
}

/** `includeThoughts`, which is refused where there are none. */
function showsThoughts(writing: Writing, reasoning: Reasoning): boolean | undefined {
  const asked = asksForThoughts(writing, reasoning);
  if (asked !== true || writing.isOwn) return asked;
  const { thinking } = writing.model;
  if (thinking.by === "none") lose(writing, dropped("reasoning.visible", "this model shows no thoughts"));
  return thinking.by === "none" || (thinking.by === "budget" && isOff(reasoning)) ? undefined : asked;
}

/** Anthropic's clients see the thinking that they ask for unless they say otherwise, so here it is asked for too. */
function asksForThoughts({ request }: Writing, { mode, visible }: Reasoning): boolean | undefined {
  if (visible !== undefined) return visibility[visible].includeThoughts;
  const isThinking = mode === "auto" || mode === "budget";
  return request.source === "anthropic-messages" && isThinking ? true : undefined;
}

function amount(writing: Writing, reasoning: Reasoning): JsonObject {
  const { thinking } = writing.model;
  switch (thinking.by) {
    case "none":
      loseAmount(writing, reasoning);
      return {};
    case "budget":
      return budget(writing, reasoning, thinking.range);
    case "level":
      return level(writing, reasoning, thinking.levels);
  }
}

/** Not to think is what such a model does anyway. */
function loseAmount(writing: Writing, reasoning: Reasoning): void {
  const { mode, effort, budgetTokens } = reasoning;
  if (isOff(reasoning) || (mode === "default" && effort === undefined)) return;
  const path = effort !== undefined ? "effort" : budgetTokens !== undefined ? "budgetTokens" : "mode";
  lose(writing, dropped(`reasoning.${path}`, "this model cannot be told how much to think"));
}

function isOff({ mode, effort }: Reasoning): boolean {
  return mode === "off" || mode === "between-tools" || effort === "none";
}

/** The model thinks as much as it likes. */
const DYNAMIC = -1;

function budget(writing: Writing, reasoning: Reasoning, range: BudgetRange): JsonObject {
  const { mode, effort, budgetTokens } = reasoning;
  if (mode === "between-tools") lose(writing, emulated("reasoning.mode", "thinking is off"));
  if (isOff(reasoning)) return { thinkingBudget: fit(writing, "reasoning.mode", 0, range) };
  if (mode === "budget" && budgetTokens !== undefined) {
    return { thinkingBudget: fit(writing, "reasoning.budgetTokens", budgetTokens, range) };
  }
  if (effort === undefined) return mode === "auto" ? { thinkingBudget: DYNAMIC } : {};
  const tokens = budgetOfEffort(effort, "gemini", range.maximum);
  return { thinkingBudget: fit(writing, "reasoning.effort", tokens, range) };
}

function fit(writing: Writing, path: string, tokens: number, range: BudgetRange): number {
  const fitting = fitBudget(tokens, range);
  if (fitting !== tokens) lose(writing, clamped(path, `${tokens} became ${fitting} tokens`));
  return fitting;
}

function level(writing: Writing, reasoning: Reasoning, levels: readonly ThinkingLevel[]): JsonObject {
  const { mode, effort, budgetTokens } = reasoning;
  // Gemini 3 still takes the older setting (recorded), and here it is the client's own choice.
  if (writing.isOwn && effort === undefined) return { thinkingBudget: ownBudget(reasoning) };
  if (mode === "between-tools") lose(writing, emulated("reasoning.mode", "as little thinking as possible"));
  if (isOff(reasoning)) {
    const least = thinkingLevel("none", levels);
    lose(writing, clamped("reasoning.mode", `thinking cannot be switched off; ${least} is the least`));
    return compact({ thinkingLevel: least });
  }
  if (mode === "budget" && budgetTokens !== undefined) {
    const nearest = thinkingLevel(effort ?? effortOfBudget(budgetTokens) ?? "high", levels);
    lose(writing, emulated("reasoning.budgetTokens", `${budgetTokens} tokens became ${nearest}`));
    return compact({ thinkingLevel: nearest });
  }
  return effort === undefined ? {} : { thinkingLevel: levelOf(writing, effort, levels) };
}

function ownBudget({ mode, budgetTokens }: Reasoning): number | undefined {
  if (mode === "off") return 0;
  return mode === "auto" ? DYNAMIC : budgetTokens;
}

function levelOf(writing: Writing, effort: Effort, levels: readonly ThinkingLevel[]): ThinkingLevel | undefined {
  const given = thinkingLevel(effort, levels);
  if (given !== effort.toUpperCase()) lose(writing, clamped("reasoning.effort", `${effort} became ${given}`));
  return given;
}
