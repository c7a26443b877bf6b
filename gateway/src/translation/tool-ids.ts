import type { Block } from "../canonical/block.ts";
import type { Turn } from "../canonical/request.ts";
import { stableDigest } from "../lib/hash.ts";

/** What a target takes as the id of a tool call. */
export type ToolIdRule = {
  /** Matches the whole of an acceptable id; without `g`. */
  readonly valid: RegExp;
  readonly lengthMax: number;
  /** Begins the ids that we make: `toolu_`, `call_`. */
  readonly prefix: string;
};

/**
 * The turns with ids of tool calls that the target takes, the same for a call and its results. Good ids stay; others become
 * prefix and digest. Some models say `call_0` every time, where APIs want ids that are unique in the conversation: repeated
 * ones get `_2`, `_3`… and the results of one turn's calls of the same id belong to them in order.
 *
 * Ids depend on what comes before them only, so a longer conversation keeps them.
 */
export function mapToolCallIds(turns: readonly Turn[], rule: ToolIdRule): readonly Turn[] {
  const state: IdState = { rule, taken: new Set(), pending: new Map() };
  return turns.map((turn) => mapTurn(state, turn));
}

/** The calls of the latest turn that has calls of an id, by that id: their new ids, and how many results they have had. */
type PendingCalls = { readonly turn: Turn; readonly ids: string[]; answered: number };

type IdState = { readonly rule: ToolIdRule; readonly taken: Set<string>; readonly pending: Map<string, PendingCalls> };

function mapTurn(state: IdState, turn: Turn): Turn {
  const blocks = turn.blocks.map((block) => mapBlock(state, turn, block));
  return blocks.every((block, index) => block === turn.blocks[index]) ? turn : { ...turn, blocks };
}

function mapBlock(state: IdState, turn: Turn, block: Block): Block {
  switch (block.type) {
    case "tool-call": {
      const id = callId(state, turn, block.id);
      return id === block.id ? block : { ...block, id };
    }
    case "tool-result": {
      const id = resultId(state, block.callId);
      return id === block.callId ? block : { ...block, callId: id };
    }
    default:
      return block;
  }
}

function callId(state: IdState, turn: Turn, original: string): string {
  const id = freeId(state, original);
  state.taken.add(id);
  const pending = state.pending.get(original);
  if (pending?.turn === turn) pending.ids.push(id);
  else state.pending.set(original, { turn, ids: [id], answered: 0 });
  return id;
}

function resultId(state: IdState, original: string): string {
  const pending = state.pending.get(original);
  if (pending === undefined) return acceptable(state.rule, original);
  const id = pending.ids[pending.answered] ?? pending.ids.at(-1);
  pending.answered += 1;
  return id ?? acceptable(state.rule, original);
}

function freeId(state: IdState, original: string): string {
  const base = acceptable(state.rule, original);
  let id = base;
  for (let count = 2; state.taken.has(id); count += 1) id = acceptable(state.rule, `${base}_${count}`);
  return id;
}

function acceptable({ valid, lengthMax, prefix }: ToolIdRule, id: string): string {
  return id.length <= lengthMax && valid.test(id) ? id : `${prefix}${stableDigest(id)}`;
}
