import type { Reasoning } from "../../canonical/request.ts";
import { asArray, asString, compact, type JsonObject } from "../../lib/json.ts";
import { clamped } from "../../translation/limits.ts";
import { anthropicEffort, visibility, type AnthropicEffort } from "../../translation/reasoning.ts";
import type { ThinkingType } from "../claude-models.ts";
import {
  adaptedThinking,
  effortWords,
  lastReasoning,
  type ThinkingContext,
  type WrittenThinking,
} from "../claude-thinking.ts";
import { lose, takesSystemTurns, type Writing } from "./writing.ts";

/** What else in the request decides whether the model may think. */
type Context = ThinkingContext & { readonly messages: readonly JsonObject[] };

/** `thinking` and the effort, as the model takes them. */
export function writeThinking(writing: Writing, context: Context): WrittenThinking {
  const written = writing.isNative
    ? nativeThinking(writing.request.reasoning)
    : adaptedThinking(writing, takesSystemTurns(writing) ? writing.request.reasoning : lastReasoning(writing), context);
  const isManual = written.thinking?.["type"] === "enabled";
  if (!isManual || !lacksThinking(writing, context.messages)) return written;
  const { thinking, ...rest } = written;
  lose(writing, clamped("reasoning", "the thoughts before the last tool call are not there to think on from"));
  // Adaptive thinking does not ask for the thoughts that led to a call.
  if (!writing.facts.thinking.includes("adaptive")) return rest;
  return { ...rest, thinking: compact({ type: "adaptive", display: thinking?.["display"] }) };
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
  const effort = effortWords.find((each) => each === word);
  return effort === undefined ? undefined : anthropicEffort(effort, supported);
}
