import type { Turn } from "../../canonical/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { repaired } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

/** The items of a conversation while they are written. */
export type ItemState = {
  readonly writing: Writing;
  readonly items: JsonObject[];
  /** The message that takes further parts of the same voice. */
  message: { readonly voice: string; readonly content: JsonObject[] } | undefined;
  /** Reasoning that waits for the item it led to: alone it is refused ("provided without its required following item"). */
  readonly waiting: { readonly item: JsonObject; readonly path: string }[];
  /** Whether the answer being written has its reasoning: items with ids are refused without theirs. */
  reasoning: "none" | "replayed" | "lost";
};

export function itemState(writing: Writing): ItemState {
  return { writing, items: [], message: undefined, waiting: [], reasoning: "none" };
}

/** Ends the open message. At the end of an answer (`role` is the next turn's, or none follows) its reasoning has come to nothing. */
export function closeTurn(state: ItemState, next: Turn["role"] | undefined): void {
  state.message = undefined;
  if (next === "assistant") return;
  state.reasoning = "none";
  dropWaiting(state);
}

/** Reasoning that waits in vain. */
export function dropWaiting(state: ItemState): void {
  for (const { path } of state.waiting) lose(state.writing, repaired(path, "reasoning that led to nothing"));
  state.waiting.length = 0;
}

/** Adds an item of the client's or of the instructions. */
export function pushInput(state: ItemState, item: JsonObject): void {
  state.message = undefined;
  state.items.push(item);
}

/** Adds an item of the model's, behind the reasoning that led to it. */
export function pushAnswer(state: ItemState, item: JsonObject): void {
  state.message = undefined;
  state.items.push(...state.waiting.map((each) => each.item), item);
  state.waiting.length = 0;
}

/**
 * Item ids are the provider's. A client of this format may repeat them, but they are good only where the provider has kept the
 * items and each has its reasoning beside it ("without its required 'reasoning' item"); the items themselves say it all.
 */
export function writeId(
  state: ItemState,
  id: string | undefined,
  prefix: string,
  path: string,
  isKept: boolean,
): { readonly id?: string } {
  if (id === undefined) return {};
  if (isKept && id.startsWith(prefix)) return { id };
  if (state.writing.isNative) lose(state.writing, repaired(`${path}.id`, "an item id without its reasoning"));
  return {};
}

/** Whether the provider has kept the items of the answer being written, and their reasoning is among them. */
export function keepsIds(state: ItemState): boolean {
  const { isNative, request } = state.writing;
  return isNative && request.state?.store !== false && state.reasoning === "replayed";
}
