import type { Block, Citation, Opaque, TokenLogprob } from "../../canonical/block.ts";
import { asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { writeCitation } from "./citations.ts";
import {
  addItem,
  emit,
  emitText,
  finishItem,
  nextItemId,
  type EncoderState,
  type OpenMessage,
} from "./encoder-state.ts";
import { writeLogprobs } from "./logprobs.ts";
import { flushText, releaseText } from "./surrogates.ts";

/** A content part of a message while it is written. */
export type TextWriter = {
  readonly kind: "text" | "refusal";
  readonly message: OpenMessage;
  /** `"item_id":…,"output_index":…,"content_index":…` */
  readonly place: string;
  readonly contentIndex: number;
  text: string;
  held: string;
  readonly annotations: Json[];
  readonly logprobs: JsonObject[];
  /** Signs the text (Gemini); written after it. */
  signature: Opaque | undefined;
};

export function openText(state: EncoderState, initial: Block): TextWriter {
  const kind = initial.type === "refusal" ? "refusal" : "text";
  const message = messageFor(state, asObject(initial.extras?.["openai-responses"]));
  const contentIndex = message.parts.length;
  message.parts.push(null);
  message.openParts += 1;
  const place = { item_id: message.item["id"], output_index: message.index, content_index: contentIndex };
  const writer: TextWriter = {
    kind,
    message,
    place: JSON.stringify(place).slice(1, -1),
    contentIndex,
    text: "",
    held: "",
    annotations: [],
    logprobs: [],
    signature: initial.signature,
  };
  emit(state, "response.content_part.added", { ...place, part: part(writer) });
  return writer;
}

export function writeText(
  state: EncoderState,
  writer: TextWriter,
  delta: string,
  logprobs?: readonly TokenLogprob[],
): void {
  sendText(state, writer, releaseText(writer, delta), writeLogprobs(logprobs));
}

export function writeAnnotation(state: EncoderState, writer: TextWriter, citation: Citation): void {
  const annotation = writeCitation(citation, writer.text);
  if (annotation === undefined || writer.kind !== "text") return;
  emitText(
    state,
    "response.output_text.annotation.added",
    `${writer.place},"annotation_index":${writer.annotations.length},"annotation":${JSON.stringify(annotation)}`,
  );
  writer.annotations.push(annotation);
}

export function closeText(state: EncoderState, writer: TextWriter): void {
  const rest = flushText(writer);
  if (rest !== "") sendText(state, writer, rest, []);
  const finished = part(writer);
  const done = writer.kind === "text" ? { text: writer.text, logprobs: writer.logprobs } : { refusal: writer.text };
  const type = writer.kind === "text" ? "response.output_text.done" : "response.refusal.done";
  emitText(state, type, `${writer.place},${JSON.stringify(done).slice(1, -1)}`);
  emitText(state, "response.content_part.done", `${writer.place},"part":${JSON.stringify(finished)}`);
  setPart(writer, finished);
  writer.message.openParts -= 1;
  if (writer.message.isClosing && writer.message.openParts === 0) finishMessage(state, writer.message, "completed");
}

/** Another item begins, or the answer ends: no text joins this message any more. */
export function closeMessage(state: EncoderState, status: "completed" | "incomplete" = "completed"): void {
  const { message } = state;
  if (message === undefined) return;
  state.message = undefined;
  message.isClosing = true;
  if (message.openParts === 0) finishMessage(state, message, status);
}

/** Puts what there is of an unfinished part into its message. */
export function keepPartialText(writer: TextWriter): void {
  setPart(writer, part(writer));
}

function setPart(writer: TextWriter, finished: JsonObject): void {
  writer.message.parts[writer.contentIndex] = finished;
  writer.message.item["content"] = writer.message.parts.filter((each) => each !== null);
}

function finishMessage(state: EncoderState, message: OpenMessage, status: "completed" | "incomplete"): void {
  message.item["status"] = status;
  finishItem(state, message.index);
}

function sendText(state: EncoderState, writer: TextWriter, text: string, logprobs: JsonObject[]): void {
  if (text === "" && logprobs.length === 0) return;
  writer.text += text;
  writer.logprobs.push(...logprobs);
  const type = writer.kind === "text" ? "response.output_text.delta" : "response.refusal.delta";
  const after = writer.kind === "text" ? `,"logprobs":${logprobs.length === 0 ? "[]" : JSON.stringify(logprobs)}` : "";
  emitText(state, type, `${writer.place},"delta":${JSON.stringify(text)}${after}`);
}

function part(writer: TextWriter): JsonObject {
  if (writer.kind === "refusal") return { type: "refusal", refusal: writer.text };
  return {
    type: "output_text",
    text: writer.text,
    annotations: [...writer.annotations],
    logprobs: [...writer.logprobs],
  };
}

/** The open message where the text belongs to it, else a new one. */
function messageFor(state: EncoderState, source: JsonObject | undefined): OpenMessage {
  const sourceId = asString(source?.["id"]);
  const { message } = state;
  if (message !== undefined && message.sourceId === sourceId) return message;
  closeMessage(state);
  const phase = asString(source?.["phase"]);
  const item: JsonObject = {
    id: nextItemId(state, "message", sourceId),
    type: "message",
    status: "in_progress",
    role: "assistant",
    content: [],
    ...compact({ phase }),
  };
  const index = addItem(state, item);
  state.message = { item, index, sourceId, parts: [], openParts: 0, isClosing: false };
  return state.message;
}
