import type { Block, MediaBlock, Opaque, ReasoningBlock, ToolCallBlock } from "../../canonical/block.ts";
import { isBare, sealOpaque } from "../../canonical/envelope.ts";
import { compact, isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { writeCitation } from "./citations.ts";
import { uniqueCallId, writeToolName } from "./identifiers.ts";

/** The blocks of an answer as Messages content. What the format cannot hold is left out; no block is ever empty. */
export function writeBlocks(blocks: readonly Block[]): JsonObject[] {
  const usedIds = new Set<string>();
  return blocks.flatMap((block) => withPartSignature(block, writeBlock(block, usedIds)));
}

function writeBlock(block: Block, usedIds: Set<string>): JsonObject[] {
  switch (block.type) {
    case "text":
      return textBlock(
        block.text,
        block.citations?.map(writeCitation).filter((citation) => citation !== undefined),
      );
    case "refusal":
      return textBlock(block.text, []);
    case "reasoning":
      return writeReasoning(block);
    case "tool-call":
      // A call of a tool that the client cannot have declared would be one that it cannot answer.
      if (block.kind === "builtin") return [];
      return [{ ...toolUse(block, uniqueCallId(block.id, usedIds)), input: toolInput(block) }];
    case "media":
      return textBlock(mediaText(block), []);
    case "server-tool":
    case "compaction": {
      const native = nativeValue(block);
      return native === undefined ? [] : [native];
    }
    case "opaque":
      return block.dialect === "anthropic-messages" && isObject(block.value) ? [block.value] : [];
    // Code runs of other vendors have no counterpart; blocks of requests do not come in answers.
    case "code":
    case "tool-result":
    case "search-result":
      return [];
  }
}

/**
 * Gemini's signature on a part that is no thought, for which Messages has no field: an empty thinking block, before a tool call
 * (which it must reach even if the client keeps only calls), after anything else.
 */
function withPartSignature(block: Block, written: JsonObject[]): JsonObject[] {
  if (block.signature === undefined) return written;
  const carrier = { type: "thinking", thinking: "", signature: writeSignature(block.signature) };
  return block.type === "tool-call" ? [carrier, ...written] : [...written, carrier];
}

function textBlock(text: string, citations: readonly Json[] | undefined): JsonObject[] {
  if (text === "") return [];
  const hasCitations = citations !== undefined && citations.length > 0;
  return [{ type: "text", text: text.toWellFormed(), citations: hasCitations ? [...citations] : null }];
}

function writeReasoning(block: ReasoningBlock): JsonObject[] {
  const { opaque } = block;
  if (opaque !== undefined && isBare(opaque, "anthropic.redacted"))
    return [{ type: "redacted_thinking", data: opaque.value }];
  const thinking = reasoningText(block);
  if (thinking === "" && opaque === undefined) return [];
  const signature = opaque === undefined ? "" : writeSignature(opaque);
  return [{ type: "thinking", thinking: thinking.toWellFormed(), signature }];
}

/** Between parts of reasoning, which a Messages client sees as one text. */
export const REASONING_SEPARATOR = "\n\n";

function reasoningText(block: ReasoningBlock): string {
  return [...block.summary, ...(block.raw ?? [])].filter((part) => part !== "").join(REASONING_SEPARATOR);
}

/** A signature as it is, or in an envelope when it was not Anthropic that issued it. */
export function writeSignature(opaque: Opaque): string {
  return isBare(opaque, "anthropic.signature") ? opaque.value : sealOpaque(opaque);
}

/** A `tool_use` block without its input. `id` is the call's id as the client gets it. */
export function toolUse(block: ToolCallBlock, id: string): JsonObject {
  return compact({
    type: "tool_use",
    id,
    name: writeToolName(block.name, block.namespace),
    input: {},
    caller: block.caller,
    toolset_name: block.toolset,
  });
}

/** Input must be an object. What the model wrote instead is kept under a name that says what it is. */
function toolInput(block: ToolCallBlock): JsonObject {
  if (block.kind === "custom") return customInput(block.argumentsText);
  if (block.argumentsText.trim() === "") return {};
  const value = parseJson(block.argumentsText);
  if (isObject(value)) return value;
  return value === undefined ? { _raw: block.argumentsText } : { value };
}

/** Free text for a custom tool, as the function that stands in for such a tool takes it. */
export function customInput(text: string): JsonObject {
  return { input: text };
}

/** The provider's own object, where the provider spoke this format. */
export function nativeValue(
  block: Extract<Block, { readonly type: "server-tool" | "compaction" }>,
): JsonObject | undefined {
  const { dialect, value } = block.native;
  return dialect === "anthropic-messages" && isObject(value) ? value : undefined;
}

/** Messages answers hold no media; what can be read of it is told as text: a transcript, or where the file is. */
export function mediaText(block: MediaBlock): string {
  return block.transcript ?? (block.source.by === "url" ? block.source.url : "");
}
