import type { Opaque, ReasoningBlock } from "../../canonical/block.ts";
import { isBare, sealOpaque } from "../../canonical/envelope.ts";
import { asObject, asString, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { addItem, emit, emitText, finishItem, nextItemId, type EncoderState } from "./encoder-state.ts";
import { sealSignature } from "./signatures.ts";
import { flushText, releaseText } from "./surrogates.ts";

type Channel = "summary" | "raw";

/** A reasoning item while it is written. One part of either channel is open at a time. */
export type ReasoningWriter = {
  readonly kind: "reasoning";
  readonly item: JsonObject;
  readonly index: number;
  readonly parts: { readonly summary: Json[]; readonly raw: Json[] };
  part: OpenPart | undefined;
  opaque: Opaque | undefined;
};

type OpenPart = {
  readonly channel: Channel;
  /** The source's number of the part. */
  readonly number: number;
  readonly place: string;
  text: string;
  held: string;
};

/** What the two channels are called on the wire. */
const channels = {
  summary: {
    part: "response.reasoning_summary_part",
    text: "response.reasoning_summary_text",
    type: "summary_text",
    index: "summary_index",
  },
  raw: {
    part: "response.content_part",
    text: "response.reasoning_text",
    type: "reasoning_text",
    index: "content_index",
  },
} as const;

export function openReasoning(state: EncoderState, initial: ReasoningBlock): ReasoningWriter {
  const item: JsonObject = { id: nextItemId(state, "reasoning", initial.itemId), type: "reasoning", summary: [] };
  const index = addItem(state, item);
  return {
    kind: "reasoning",
    item,
    index,
    parts: { summary: [], raw: [] },
    part: undefined,
    opaque: initial.opaque ?? initial.signature,
  };
}

export function writeReasoning(
  state: EncoderState,
  writer: ReasoningWriter,
  delta: { readonly channel: Channel; readonly part: number; readonly text: string },
): void {
  const { part } = writer;
  const isSame = part !== undefined && part.channel === delta.channel && part.number === delta.part;
  const open = isSame ? part : openPart(state, writer, delta.channel, delta.part);
  sendText(state, open, releaseText(open, delta.text));
}

export function closeReasoning(state: EncoderState, writer: ReasoningWriter): void {
  closePart(state, writer);
  writer.item["summary"] = writer.parts.summary;
  if (writer.parts.raw.length > 0) writer.item["content"] = writer.parts.raw;
  const encrypted = writer.opaque === undefined ? undefined : encryptedContent(writer.opaque);
  if (encrypted !== undefined) writer.item["encrypted_content"] = encrypted;
  finishItem(state, writer.index);
}

/** An empty reasoning item that carries the signature of the item beside it: see signatures.ts. */
export function writeSignature(state: EncoderState, signature: Opaque, callId: string): void {
  const item: JsonObject = { id: nextItemId(state, "reasoning", undefined), type: "reasoning", summary: [] };
  const index = addItem(state, item);
  item["encrypted_content"] = sealSignature(signature, callId);
  finishItem(state, index);
}

/** OpenAI's own reasoning goes back as it came; anyone else's value travels in an envelope. */
function encryptedContent(opaque: Opaque): string | undefined {
  if (!isBare(opaque, "openai.reasoning")) return sealOpaque(opaque);
  return asString(asObject(parseJson(opaque.value))?.["encrypted_content"]);
}

function openPart(state: EncoderState, writer: ReasoningWriter, channel: Channel, number: number): OpenPart {
  closePart(state, writer);
  const names = channels[channel];
  const parts = writer.parts[channel];
  const place = { item_id: writer.item["id"], output_index: writer.index, [names.index]: parts.length };
  parts.push({ type: names.type, text: "" });
  emit(state, `${names.part}.added`, { ...place, part: { type: names.type, text: "" } });
  const part: OpenPart = { channel, number, place: JSON.stringify(place).slice(1, -1), text: "", held: "" };
  writer.part = part;
  return part;
}

function closePart(state: EncoderState, writer: ReasoningWriter): void {
  const { part } = writer;
  if (part === undefined) return;
  sendText(state, part, flushText(part));
  const names = channels[part.channel];
  const finished = { type: names.type, text: part.text };
  emitText(state, `${names.text}.done`, `${part.place},"text":${JSON.stringify(part.text)}`);
  emitText(state, `${names.part}.done`, `${part.place},"part":${JSON.stringify(finished)}`);
  writer.parts[part.channel].splice(-1, 1, finished);
  writer.part = undefined;
}

function sendText(state: EncoderState, part: OpenPart, text: string): void {
  if (text === "") return;
  part.text += text;
  emitText(state, `${channels[part.channel].text}.delta`, `${part.place},"delta":${JSON.stringify(text)}`);
}
