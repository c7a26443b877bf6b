import type { Block, MediaBlock, Opaque, ToolCallBlock } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";
import { stableDigest } from "../../lib/hash.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { writeAnnotation } from "./citations.ts";
import { writeLogprobs } from "./logprobs.ts";
import { writeImage } from "./media.ts";
import { writeDetail, writeSignature } from "./reasoning.ts";

/** One choice of a stream while it is written. */
export type ChoiceOut = {
  readonly index: number;
  readonly answerId: string;
  readonly legacyFunctions: boolean;
  readonly blocks: Map<number, BlockOut>;
  hasRole: boolean;
  hasRefusal: boolean;
  hasReasoning: boolean;
  /** Calls written so far; the next one has this `index`, which counts calls only. */
  toolCalls: number;
  /** Length of `content` so far, in UTF-16 units: where the next text block begins. */
  contentLength: number;
};

type BlockOut = {
  readonly number: number;
  readonly initial: Block;
  /** Of a tool call; undefined when it is not shown. */
  readonly callIndex: number | undefined;
  /** Where the block begins in `content`. */
  readonly contentStart: number;
  /** A high surrogate that waits for its other half. */
  held: string;
  hasText: boolean;
  /** The channel that is shown; a provider that sends both says the same thing twice. */
  channel: "summary" | "raw" | undefined;
  part: number;
  opaque: Opaque | undefined;
  /** Of pictures, which are written whole. */
  data: string;
  hasTranscript: boolean;
  hasExpiry: boolean;
};

/** A delta, and the log probabilities that go beside it. */
export type Piece = { readonly delta: JsonObject; readonly logprobs?: JsonObject };

export type BlockEvent = Extract<
  CanonicalEvent,
  {
    readonly type:
      | "text-delta"
      | "reasoning-delta"
      | "refusal-delta"
      | "arguments-delta"
      | "opaque"
      | "citation"
      | "media-delta"
      | "block-stop";
  }
>;

export function openChoiceOut(index: number, answerId: string, legacyFunctions: boolean): ChoiceOut {
  return {
    index,
    answerId,
    legacyFunctions,
    blocks: new Map(),
    hasRole: false,
    hasRefusal: false,
    hasReasoning: false,
    toolCalls: 0,
    contentLength: 0,
  };
}

export function openBlockOut(choice: ChoiceOut, event: BlockStart): BlockOut {
  const { initial } = event;
  const block: BlockOut = {
    number: event.block,
    initial,
    callIndex: initial.type === "tool-call" && isShown(choice, initial) ? choice.toolCalls : undefined,
    contentStart: choice.contentLength,
    held: "",
    hasText: false,
    channel: undefined,
    part: 0,
    opaque: undefined,
    data: "",
    hasTranscript: false,
    hasExpiry: false,
  };
  if (block.callIndex !== undefined) choice.toolCalls += 1;
  choice.blocks.set(event.block, block);
  return block;
}

/** Calls of tools that the client cannot have declared are not shown; `function_call` has room for one call. */
function isShown(choice: ChoiceOut, call: ToolCallBlock): boolean {
  return call.kind !== "builtin" && !(choice.legacyFunctions && choice.toolCalls > 0);
}

export function writeBlockStart(choice: ChoiceOut, block: BlockOut): Piece[] {
  const { initial } = block;
  switch (initial.type) {
    case "text":
    case "refusal":
      return writeText(choice, block, initial.text);
    case "tool-call":
      return writeCallStart(choice, block, initial);
    default:
      return [];
  }
}

export function writeBlockEvent(choice: ChoiceOut, block: BlockOut, event: BlockEvent): Piece[] {
  switch (event.type) {
    case "text-delta": {
      const pieces = writeText(choice, block, event.text);
      if (event.logprobs === undefined || block.initial.type !== "text") return pieces;
      return [{ delta: pieces[0]?.delta ?? { content: "" }, logprobs: writeLogprobs(event.logprobs) }];
    }
    case "refusal-delta":
      return writeText(choice, block, event.text);
    case "arguments-delta":
      return writeArguments(choice, block, event.text);
    case "reasoning-delta":
      return writeReasoning(choice, block, event);
    case "opaque":
      return writeOpaque(block, event.value);
    case "citation": {
      const range = { start: block.contentStart, end: choice.contentLength };
      const annotation = writeAnnotation(event.citation, range);
      return annotation === undefined ? [] : [{ delta: { annotations: [annotation] } }];
    }
    case "media-delta":
      return writeMedia(choice, block, event);
    case "block-stop":
      return writeBlockStop(choice, block, event.final);
  }
}

/** Text that can be sent now. An astral character may arrive in halves; a half alone cannot be written as UTF-8. */
function release(block: BlockOut, text: string): string {
  const all = block.held + text;
  const last = all.charCodeAt(all.length - 1);
  const endsInHalf = last >= 0xd800 && last <= 0xdbff;
  block.held = endsInHalf ? all.slice(-1) : "";
  return (endsInHalf ? all.slice(0, -1) : all).toWellFormed();
}

function writeText(choice: ChoiceOut, block: BlockOut, text: string): Piece[] {
  return writeReleased(choice, block, release(block, text));
}

function writeReleased(choice: ChoiceOut, block: BlockOut, text: string): Piece[] {
  if (text === "") return [];
  block.hasText = true;
  switch (block.initial.type) {
    case "text":
      choice.contentLength += text.length;
      return [{ delta: { content: text } }];
    case "refusal":
      choice.hasRefusal = true;
      return [{ delta: { refusal: text } }];
    case "reasoning":
      choice.hasReasoning = true;
      return [{ delta: { reasoning_content: text } }];
    case "tool-call":
      return block.callIndex === undefined
        ? []
        : [{ delta: argumentsDelta(choice, block.initial, block.callIndex, text) }];
    default:
      // Code, compaction and unknown blocks have no place in a Chat answer.
      return [];
  }
}

function writeReasoning(
  choice: ChoiceOut,
  block: BlockOut,
  event: Extract<BlockEvent, { readonly type: "reasoning-delta" }>,
): Piece[] {
  block.channel ??= event.channel;
  if (event.channel !== block.channel || event.text === "") return [];
  const isNewPart = block.hasText ? event.part !== block.part : choice.hasReasoning;
  block.part = event.part;
  return writeText(choice, block, isNewPart ? `\n\n${event.text}` : event.text);
}

function writeCallStart(choice: ChoiceOut, block: BlockOut, call: ToolCallBlock): Piece[] {
  const { callIndex } = block;
  if (callIndex === undefined) return [];
  const start = choice.legacyFunctions
    ? { function_call: { name: call.name, arguments: "" } }
    : { tool_calls: [{ index: callIndex, ...writeCall(call, "") }] };
  return [{ delta: start }, ...writeArguments(choice, block, call.argumentsText)];
}

/** A tool call as a message or the first delta has it. */
export function writeCall(call: ToolCallBlock, text: string): JsonObject {
  const name = call.namespace === undefined ? call.name : `${call.namespace}__${call.name}`;
  const body =
    call.kind === "custom"
      ? { type: "custom", custom: { name, input: text } }
      : { type: "function", function: { name, arguments: text } };
  return { id: call.id, ...body, ...(call.signature === undefined ? {} : writeSignature(call.signature)) };
}

function writeArguments(choice: ChoiceOut, block: BlockOut, text: string): Piece[] {
  return block.callIndex === undefined ? [] : writeText(choice, block, text);
}

/** Only the index and the new piece: official SDKs take a repeated id, type or name for a changed identity. */
function argumentsDelta(choice: ChoiceOut, call: ToolCallBlock, index: number, text: string): JsonObject {
  if (choice.legacyFunctions) return { function_call: { arguments: text } };
  const body = call.kind === "custom" ? { custom: { input: text } } : { function: { arguments: text } };
  return { tool_calls: [{ index, ...body }] };
}

function writeOpaque(block: BlockOut, value: Opaque): Piece[] {
  if (block.initial.type !== "tool-call") {
    block.opaque = value;
    return [];
  }
  if (block.callIndex === undefined || block.initial.signature?.value === value.value) return [];
  return [{ delta: { tool_calls: [{ index: block.callIndex, ...writeSignature(value) }] } }];
}

function writeMedia(
  choice: ChoiceOut,
  block: BlockOut,
  event: Extract<BlockEvent, { readonly type: "media-delta" }>,
): Piece[] {
  const { initial } = block;
  if (initial.type !== "media") return [];
  if (initial.kind !== "audio") {
    // A numbered partial picture is a preview; clients of Chat are shown the whole one.
    if (event.partialIndex === undefined) block.data += event.dataBase64 ?? "";
    return [];
  }
  const pieces: Piece[] = [];
  if (event.dataBase64 !== undefined || event.transcript !== undefined) {
    block.hasTranscript ||= event.transcript !== undefined;
    const id = block.hasText ? undefined : writeAudioId(initial, `${choice.answerId}:${choice.index}:${block.number}`);
    block.hasText = true;
    pieces.push({ delta: { audio: compact({ id, data: event.dataBase64, transcript: event.transcript }) } });
  }
  if (event.expiresAt !== undefined) {
    block.hasExpiry = true;
    // Alone in its delta: that is how SDKs know that the audio is complete.
    pieces.push({ delta: { audio: { expires_at: event.expiresAt } } });
  }
  return pieces;
}

/** The id under which a client may refer to this audio later; a made one can only be told apart from others. */
export function writeAudioId(block: MediaBlock, place: string): string {
  return asString(asObject(block.extras?.["openai-chat"])?.["id"]) ?? `audio_${stableDigest(place)}`;
}

function writeBlockStop(choice: ChoiceOut, block: BlockOut, final: Block | undefined): Piece[] {
  const pieces: Piece[] = [];
  if (block.held !== "") {
    block.held = "";
    pieces.push(...writeReleased(choice, block, "\ufffd"));
  }
  const whole = final ?? block.initial;
  if (whole.type === "tool-call" && !block.hasText && block.callIndex !== undefined && whole.kind !== "custom") {
    // A call without arguments: an empty string breaks clients that parse it.
    pieces.push(...writeText(choice, block, whole.argumentsText || "{}"));
  }
  if (whole.type === "media") pieces.push(...writeMediaStop(choice, block, whole));
  if (block.opaque !== undefined) {
    const itemId = block.initial.type === "reasoning" ? block.initial.itemId : undefined;
    pieces.push({ delta: { reasoning_details: [writeDetail(block.opaque, itemId)] } });
  }
  choice.blocks.delete(block.number);
  return pieces;
}

/** What the deltas did not bring. */
function writeMediaStop(choice: ChoiceOut, block: BlockOut, whole: MediaBlock): Piece[] {
  if (whole.kind === "image") {
    const image = writeImage(block.data === "" ? whole : { ...whole, source: { by: "base64", data: block.data } });
    return image === undefined ? [] : [{ delta: { images: [image] } }];
  }
  if (whole.kind !== "audio") return [];
  const pieces: Piece[] = [];
  const transcript = block.hasTranscript ? undefined : whole.transcript;
  if (transcript !== undefined) {
    pieces.push(...writeMedia(choice, block, { type: "media-delta", candidate: 0, block: block.number, transcript }));
  }
  if (!block.hasExpiry && whole.expiresAt !== undefined) {
    pieces.push({ delta: { audio: { expires_at: whole.expiresAt } } });
  }
  return pieces;
}
