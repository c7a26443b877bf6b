import type { Block } from "../../canonical/block.ts";
import type { BlockKind, CanonicalEvent } from "../../canonical/event.ts";
import { asArray, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { DecoderOptions, StreamOutcome } from "../dialect.ts";
import { callText, isCall, messageExtras, readCall, readOtherItem, readReasoning } from "./blocks.ts";
import { readCitation } from "./citations.ts";
import { readLogprobs } from "./logprobs.ts";

/** A block of the answer: a content part, or a whole item of another type. */
export type OpenBlock = {
  readonly block: number;
  readonly kind: BlockKind;
  isOpen: boolean;
  /** What the deltas said so far; of reasoning, see `parts`. */
  text: string;
  /** The parts of a reasoning item, by the provider's number of each. */
  readonly parts: { readonly [C in Channel]: Map<number, ReasoningPart> };
  citations: number;
};

export type Channel = "summary" | "raw";

/** `index` counts parts in the order in which they came: the provider's numbers may have gaps of any size. */
type ReasoningPart = { readonly index: number; text: string };

/** An output item by its `output_index`. */
export type OpenItem = {
  readonly type: string;
  /** The item as it was announced. */
  readonly announced: JsonObject;
  /** Content parts of a message by `content_index`; other items have one block, under 0. */
  readonly blocks: Map<number, OpenBlock>;
  isDone: boolean;
};

export type DecoderState = {
  readonly options: DecoderOptions;
  started: boolean;
  terminal: boolean;
  outcome: StreamOutcome;
  readonly items: Map<number, OpenItem>;
  /** The item of the latest event, for servers that leave `output_index` out. */
  latest: number;
  blockCount: number;
  refuses: boolean;
  callsFunction: boolean;
  /** Built-in calls that no output in the same answer has met: the client must carry them out. */
  readonly unansweredCalls: Set<string>;
};

export type Sink = CanonicalEvent[];

/** `output_item.added`. */
export function addItem(state: DecoderState, index: number, item: JsonObject, events: Sink): OpenItem {
  const type = asString(item["type"]) ?? "";
  const open: OpenItem = { type, announced: item, blocks: new Map(), isDone: false };
  state.items.set(index, open);
  state.latest = index;
  if (type === "message") return open;
  if (isCall(type)) {
    noteCall(state, type, item);
    const call = readCall(item);
    const isBuiltin = call.kind === "builtin";
    openBlock(state, open, 0, isBuiltin ? call : { ...call, argumentsText: "" }, events);
    return open;
  }
  noteCallOutput(state, item);
  if (type === "reasoning") {
    const itemId = asString(item["id"]);
    openBlock(state, open, 0, compact({ type: "reasoning" as const, summary: [], itemId }), events);
    return open;
  }
  openBlock(state, open, 0, readOtherItem(item, state.options.issuer), events);
  return open;
}

/** `output_item.done`, and each item of the final output: whatever the deltas left out is made up for. Harmless when repeated. */
export function finishItem(state: DecoderState, open: OpenItem, item: JsonObject, events: Sink): void {
  if (open.isDone) return;
  open.isDone = true;
  switch (open.type) {
    case "message":
      finishParts(state, open, asArray(item["content"]) ?? [], events);
      break;
    case "reasoning":
      finishReasoning(state, open, item, events);
      break;
    case "function_call":
    case "custom_tool_call":
      finishText(open.blocks.get(0), callText(item), events);
      break;
    default:
      closeBlock(
        open.blocks.get(0),
        events,
        isCall(open.type) ? readCall(item) : readOtherItem(item, state.options.issuer),
      );
  }
  closeItem(open, events);
}

/** The parts of a finished message, matched with those that were streamed. */
function finishParts(state: DecoderState, open: OpenItem, parts: readonly Json[], events: Sink): void {
  const streamed = [...open.blocks.keys()];
  // Bedrock counts the parts of a message on from those of the reasoning before it; there the order is what matches.
  const isByOrder = streamed.some((index) => index >= parts.length);
  parts.forEach((part, position) => {
    const object = asObject(part);
    const index = isByOrder ? (streamed[position] ?? parts.length + position) : position;
    if (object !== undefined) finishPart(state, open, index, object, events);
  });
}

/** `content_part.done`, and the parts of a finished message. */
export function finishPart(state: DecoderState, open: OpenItem, index: number, part: JsonObject, events: Sink): void {
  const block = open.blocks.get(index) ?? openPart(state, open, index, part, events);
  if (!block.isOpen) return;
  if (block.kind === "refusal") finishText(block, asString(part["refusal"]) ?? "", events);
  if (block.kind === "text") {
    const text = asString(part["text"]) ?? "";
    finishText(block, text, events, readLogprobs(part["logprobs"]));
    for (const annotation of (asArray(part["annotations"]) ?? []).slice(block.citations))
      cite(block, annotation, events);
  }
  closeBlock(block, events);
}

/** `content_part.added`, or the first delta of a part that was never announced. */
export function openPart(
  state: DecoderState,
  open: OpenItem,
  index: number,
  part: JsonObject,
  events: Sink,
): OpenBlock {
  return openBlock(state, open, index, emptyPart(state, open, part), events);
}

/** Adds what a `…done` event's full text has beyond the deltas. A text that contradicts them cannot be taken back: it is ignored. */
export function finishText(
  block: OpenBlock | undefined,
  text: string,
  events: Sink,
  logprobs?: ReturnType<typeof readLogprobs>,
): void {
  if (block === undefined || !block.isOpen) return;
  const known = block.text;
  if (text.length > known.length && text.startsWith(known)) {
    // Token probabilities cannot be cut where the missing text begins, so they come only with a text that is missing whole.
    addText(block, text.slice(known.length), events, known === "" ? logprobs : undefined);
  }
}

export function addText(
  block: OpenBlock,
  text: string,
  events: Sink,
  logprobs?: ReturnType<typeof readLogprobs>,
): void {
  if (!block.isOpen) return;
  block.text += text;
  const place = { candidate: 0, block: block.block, text };
  if (block.kind === "text") {
    events.push(logprobs === undefined ? { type: "text-delta", ...place } : { type: "text-delta", ...place, logprobs });
  } else if (block.kind === "refusal") events.push({ type: "refusal-delta", ...place });
  else if (block.kind === "tool-call") events.push({ type: "arguments-delta", ...place });
}

export function addReasoning(block: OpenBlock, channel: Channel, part: number, text: string, events: Sink): void {
  if (!block.isOpen || block.kind !== "reasoning" || text === "") return;
  const parts = block.parts[channel];
  const known = parts.get(part) ?? { index: parts.size, text: "" };
  parts.set(part, known);
  known.text += text;
  events.push({ type: "reasoning-delta", candidate: 0, block: block.block, channel, part: known.index, text });
}

/** The missing end of one part of a reasoning item. */
export function finishReasoningPart(
  block: OpenBlock,
  channel: Channel,
  part: number,
  text: string,
  events: Sink,
): void {
  const known = block.parts[channel].get(part)?.text ?? "";
  if (text.startsWith(known)) addReasoning(block, channel, part, text.slice(known.length), events);
}

export function cite(block: OpenBlock, annotation: Json, events: Sink): void {
  const object = asObject(annotation);
  if (object === undefined || !block.isOpen || block.kind !== "text") return;
  block.citations += 1;
  const citation = readCitation(object, block.text);
  events.push({ type: "citation", candidate: 0, block: block.block, citation });
}

/** Closes what is still open when the answer ends. */
export function closeAll(state: DecoderState, events: Sink): void {
  for (const item of state.items.values()) closeItem(item, events);
}

function closeItem(open: OpenItem, events: Sink): void {
  for (const block of open.blocks.values()) closeBlock(block, events);
}

/** An item that was announced as of another type stays what it was: a block does not change its kind. */
function closeBlock(block: OpenBlock | undefined, events: Sink, whole?: Block): void {
  if (block === undefined || !block.isOpen) return;
  block.isOpen = false;
  const final = whole?.type === block.kind ? whole : undefined;
  events.push(compact({ type: "block-stop" as const, candidate: 0, block: block.block, final }));
}

function openBlock(state: DecoderState, open: OpenItem, part: number, initial: BlockOf, events: Sink): OpenBlock {
  const kind = initial.type;
  const parts = { summary: new Map<number, ReasoningPart>(), raw: new Map<number, ReasoningPart>() };
  const block: OpenBlock = { block: state.blockCount, kind, isOpen: true, text: "", parts, citations: 0 };
  state.blockCount += 1;
  open.blocks.set(part, block);
  events.push({ type: "block-start", candidate: 0, block: block.block, kind, initial });
  return block;
}

type BlockOf = Extract<Block, { readonly type: BlockKind }>;

function emptyPart(state: DecoderState, open: OpenItem, part: JsonObject): BlockOf {
  const extras = messageExtras(open.announced);
  switch (part["type"]) {
    case "output_text":
    case "text":
      return { type: "text", text: "", ...extras };
    case "refusal":
      state.refuses = true;
      return { type: "refusal", text: "", ...extras };
    default:
      return {
        type: "opaque",
        dialect: "openai-responses",
        nativeType: asString(part["type"]) ?? "",
        value: part,
      };
  }
}

/** The encrypted content is complete only in the finished item; the announced one may hold a shorter blob. */
function finishReasoning(state: DecoderState, open: OpenItem, item: JsonObject, events: Sink): void {
  const block = open.blocks.get(0);
  if (block === undefined || !block.isOpen) return;
  const { summary, raw, opaque } = readReasoning(item, state.options.issuer, "provider");
  summary.forEach((text, part) => finishReasoningPart(block, "summary", part, text, events));
  raw?.forEach((text, part) => finishReasoningPart(block, "raw", part, text, events));
  if (opaque !== undefined) events.push({ type: "opaque", candidate: 0, block: block.block, value: opaque });
}

function noteCall(state: DecoderState, type: string, item: JsonObject): void {
  if (type === "function_call" || type === "custom_tool_call") state.callsFunction = true;
  else state.unansweredCalls.add(asString(item["call_id"]) ?? "");
}

function noteCallOutput(state: DecoderState, item: JsonObject): void {
  const callId = asString(item["call_id"]);
  if (callId !== undefined) state.unansweredCalls.delete(callId);
}
