import type { Block, MediaBlock, ToolCallBlock } from "../../src/canonical/block.ts";

/* The blocks that the features of requests and answers are made of. */

export const text = (content: string): Block => ({ type: "text", text: content });
export const call = (id: string, more: Partial<ToolCallBlock> = {}): ToolCallBlock => ({
  type: "tool-call",
  id,
  name: "weather",
  kind: "function",
  argumentsText: '{"city":"Rome"}',
  ...more,
});
export const picture = "iVBORw0KGgo=";
export const media = (
  kind: MediaBlock["kind"],
  mimeType: string,
  source: MediaBlock["source"],
  more = {},
): MediaBlock => ({
  type: "media",
  kind,
  mimeType,
  source,
  ...more,
});
