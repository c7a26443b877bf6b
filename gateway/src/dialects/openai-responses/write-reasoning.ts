import type { Opaque, ReasoningBlock } from "../../canonical/block.ts";
import { asObject, compact, parseJson, type JsonObject } from "../../lib/json.ts";
import { notPortable } from "../../translation/limits.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import type { ItemState } from "./item-state.ts";
import { requestIssuer } from "./read-content.ts";
import { lose, loseMark, type Writing } from "./writing.ts";

/**
 * Reasoning goes back to its issuer as the item that it was. The text of other models' reasoning is never sent: this API would
 * take it for an answer.
 */
export function replayReasoning(state: ItemState, block: ReasoningBlock, path: string): void {
  loseMark(state.writing, block.cache);
  const item = reasoningItem(state.writing, block);
  state.message = undefined;
  if (item === undefined) {
    state.reasoning = "lost";
    lose(state.writing, notPortable(path));
    return;
  }
  if (state.reasoning === "none") state.reasoning = "replayed";
  state.waiting.push({ item, path });
}

function reasoningItem(writing: Writing, block: ReasoningBlock): JsonObject | undefined {
  const { opaque, summary, raw, itemId, status } = block;
  if (opaque !== undefined) return openItem(writing, opaque, "openai.reasoning");
  // The provider has kept it, or shows it as it is.
  const isThere = raw !== undefined || (itemId !== undefined && writing.request.state?.store !== false);
  if (!writing.isNative || !isThere) return undefined;
  return compact({
    type: "reasoning",
    id: itemId,
    summary: summary.map((text) => ({ type: "summary_text", text })),
    content: raw?.map((text) => ({ type: "reasoning_text", text })),
    status,
  });
}

/** The item in an opaque value, if the target can read it. What a client of this format sent without an envelope is its provider's. */
export function openItem(writing: Writing, opaque: Opaque, kind: Opaque["kind"]): JsonObject | undefined {
  const { options, isNative } = writing;
  const isUnsaid = isNative && opaque.issuer.provider === requestIssuer.provider;
  if (opaque.kind !== kind || !(isUnsaid || isReadableBy(opaque, options.issuer, options.kind))) return undefined;
  const item = asObject(parseJson(opaque.value));
  if (item?.["id"] !== null) return item;
  // Read from a format that has no ids for it.
  const { id: _id, ...rest } = item;
  return rest;
}
