import type { Block, Opaque } from "../../canonical/block.ts";
import { isBare } from "../../canonical/envelope.ts";
import type { BlockStart } from "../../canonical/event.ts";
import { isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { writeCitation } from "./citations.ts";
import { eventFrame } from "./frames.ts";
import { uniqueCallId } from "./identifiers.ts";
import type { Content, SerialEvent } from "./serialise-blocks.ts";
import { customInput, nativeValue, REASONING_SEPARATOR, toolUse, writeSignature } from "./write-blocks.ts";

/** Writes serialised blocks as events, with dense indices. */
export type BlockWriter = {
  nextIndex: number;
  open: OpenBlock | undefined;
  readonly usedIds: Set<string>;
  hasToolCall: boolean;
};

type OpenBlock = {
  readonly index: number;
  readonly initial: Block;
  /** Redacted thinking is complete in its start, which therefore waits for the data. */
  isWritten: boolean;
  /** A high surrogate whose other half is in the next delta: neither half can be encoded alone. */
  heldSurrogate: string;
  /** The reasoning part that the text so far belongs to. */
  part: string | undefined;
  signature: Opaque | undefined;
  hasInput: boolean;
  /** Text for a custom tool, which is written as one JSON string at the end. */
  customText: string;
};

export function blockWriter(): BlockWriter {
  return { nextIndex: 0, open: undefined, usedIds: new Set(), hasToolCall: false };
}

export function writeSerial(writer: BlockWriter, event: Exclude<SerialEvent, { readonly type: "conflict" }>): string {
  switch (event.type) {
    case "open":
      return openBlock(writer, event.start);
    case "content":
      return writer.open === undefined ? "" : writeContent(writer.open, event.event);
    case "close":
      return closeBlock(writer, event.final);
  }
}

function openBlock(writer: BlockWriter, start: BlockStart): string {
  const { initial } = start;
  const open: OpenBlock = {
    index: writer.nextIndex,
    initial,
    isWritten: false,
    heldSurrogate: "",
    part: undefined,
    signature: undefined,
    hasInput: false,
    customText: "",
  };
  writer.nextIndex += 1;
  writer.open = open;
  if (initial.type === "tool-call") writer.hasToolCall = true;
  return initial.type === "reasoning" && initial.redacted === true
    ? ""
    : startFrame(open, startingBlock(writer, initial));
}

function startFrame(open: OpenBlock, block: JsonObject): string {
  open.isWritten = true;
  return eventFrame("content_block_start", { index: open.index, content_block: block });
}

/** The block as it stands in `content_block_start`: everything that deltas bring is empty. */
function startingBlock(writer: BlockWriter, initial: Block): JsonObject {
  switch (initial.type) {
    case "reasoning":
      return { type: "thinking", thinking: "", signature: "" };
    case "tool-call":
      return toolUse(initial, uniqueCallId(initial.id, writer.usedIds));
    case "server-tool":
      return { ...nativeValue(initial), ...(initial.phase === "call" ? { input: {} } : {}) };
    case "compaction":
      return { ...nativeValue(initial), content: null };
    case "opaque":
      return isObject(initial.value) ? initial.value : {};
    default:
      return { type: "text", text: "", citations: null };
  }
}

function writeContent(open: OpenBlock, event: Content): string {
  switch (event.type) {
    case "text-delta":
    case "refusal-delta":
      return textFrame(open, "text_delta", "text", event.text);
    case "reasoning-delta": {
      const part = `${event.channel} ${event.part}`;
      const isNext = open.part !== undefined && open.part !== part;
      open.part = part;
      return textFrame(open, "thinking_delta", "thinking", isNext ? REASONING_SEPARATOR + event.text : event.text);
    }
    case "arguments-delta":
      open.hasInput = true;
      if (open.initial.type === "tool-call" && open.initial.kind === "custom") {
        open.customText += event.text;
        return "";
      }
      return textFrame(open, "input_json_delta", "partial_json", event.text);
    case "citation": {
      const citation = writeCitation(event.citation);
      return citation === undefined ? "" : deltaFrame(open, { type: "citations_delta", citation });
    }
    case "opaque":
      open.signature = event.value;
      return "";
    // Progress of server tools and media have no event here.
    case "server-tool-state":
    case "media-delta":
      return "";
  }
}

function closeBlock(writer: BlockWriter, final: Block | undefined): string {
  const open = writer.open;
  if (open === undefined) return "";
  writer.open = undefined;
  const last = lastFrames(open, final ?? open.initial);
  return last + eventFrame("content_block_stop", { index: open.index });
}

/** What can only be said when the block is whole. */
function lastFrames(open: OpenBlock, whole: Block): string {
  // The other half never came. U+FFFD is what a decoder would have made of it.
  const rest = open.heldSurrogate === "" ? "" : heldFrame(open);
  switch (open.initial.type) {
    case "reasoning":
      return rest + signatureFrames(open);
    case "tool-call":
      return open.initial.kind === "custom" ? inputFrame(open, customInput(open.customText)) : rest;
    case "server-tool":
      return !open.hasInput && whole.type === "server-tool" && whole.phase === "call"
        ? inputFrame(open, nativeValue(whole)?.["input"])
        : rest;
    case "compaction": {
      if (whole.type !== "compaction") return rest;
      const native = nativeValue(whole);
      return deltaFrame(open, {
        type: "compaction_delta",
        content: native?.["content"] ?? null,
        encrypted_content: native?.["encrypted_content"] ?? null,
      });
    }
    default:
      return rest;
  }
}

function signatureFrames(open: OpenBlock): string {
  const { signature } = open;
  if (open.isWritten) {
    return signature === undefined
      ? ""
      : deltaFrame(open, { type: "signature_delta", signature: writeSignature(signature) });
  }
  if (signature !== undefined && isBare(signature, "anthropic.redacted")) {
    return startFrame(open, { type: "redacted_thinking", data: signature.value });
  }
  const thinking = startFrame(open, { type: "thinking", thinking: "", signature: "" });
  return thinking + signatureFrames(open);
}

function inputFrame(open: OpenBlock, input: Json | undefined): string {
  const isEmpty = input === undefined || (isObject(input) && Object.keys(input).length === 0);
  return isEmpty ? "" : deltaFrame(open, { type: "input_json_delta", partial_json: JSON.stringify(input) });
}

const HIGH_SURROGATE_AT_END = /[\uD800-\uDBFF]$/;

function textFrame(open: OpenBlock, type: string, member: string, added: string): string {
  const text = open.heldSurrogate + added;
  open.heldSurrogate = HIGH_SURROGATE_AT_END.exec(text)?.[0] ?? "";
  const whole = open.heldSurrogate === "" ? text : text.slice(0, -1);
  return whole === "" ? "" : deltaFrame(open, { type, [member]: whole.toWellFormed() });
}

function heldFrame(open: OpenBlock): string {
  const replacement = "\uFFFD";
  switch (open.initial.type) {
    case "reasoning":
      return deltaFrame(open, { type: "thinking_delta", thinking: replacement });
    case "tool-call":
    case "server-tool":
      return deltaFrame(open, { type: "input_json_delta", partial_json: replacement });
    default:
      return deltaFrame(open, { type: "text_delta", text: replacement });
  }
}

function deltaFrame(open: OpenBlock, delta: JsonObject): string {
  return eventFrame("content_block_delta", { index: open.index, delta });
}
