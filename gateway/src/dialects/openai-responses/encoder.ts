import type { Block, Opaque } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import { mergeUsage } from "../../canonical/usage.ts";
import type { ClientContext, Encoder } from "../dialect.ts";
import { closeCall, openCall, writeArguments, type CallWriter } from "./encoder-calls.ts";
import {
  closeNative,
  closePicture,
  closeSearch,
  nativeItem,
  openNative,
  openPicture,
  openSearch,
  writeProgress,
  type NativeWriter,
  type PictureWriter,
  type SearchWriter,
} from "./encoder-native.ts";
import {
  closeReasoning,
  openReasoning,
  writeReasoning,
  writeSignature,
  type ReasoningWriter,
} from "./encoder-reasoning.ts";
import { emit, hasRefusal, responseObject, type EncoderState } from "./encoder-state.ts";
import {
  closeMessage,
  closeText,
  keepPartialText,
  openText,
  writeAnnotation,
  writeText,
  type TextWriter,
} from "./encoder-text.ts";
import { inBandError } from "./errors.ts";
import { endingOf, endings } from "./finish.ts";
import { responseId } from "./ids.ts";
import { keepAliveFrame } from "./keep-alive.ts";
import { declaredTools } from "./tool-names.ts";

type BlockWriter = TextWriter | ReasoningWriter | CallWriter | NativeWriter | SearchWriter | PictureWriter;

/** An answer while it is written: the open blocks by their canonical number. */
export type OpenAnswer = EncoderState & { readonly writers: Map<number, BlockWriter> };

/**
 * Writes a stream that OpenAI's SDKs accept with all their checks: ids that stay, indices in order, every item closed, and a
 * terminal event with the complete output.
 */
export function encoder(client: ClientContext): Encoder {
  const state = openEncoder(client, true);
  return {
    write: (event) => {
      step(state, event);
      return take(state);
    },
    failure: (of) => {
      if (state.isEnded) return undefined;
      writeFailure(state, of);
      return take(state);
    },
    keepAlive: () => keepAliveFrame(client.agent, state.isStarted && !state.isEnded),
  };
}

export function openEncoder(client: ClientContext, isStream: boolean): OpenAnswer {
  return {
    client,
    tools: declaredTools(client.echo),
    isStream,
    text: "",
    sequence: 0,
    id: responseId(client.requestId),
    model: client.head.model,
    createdAt: client.createdAt,
    tier: undefined,
    isStarted: false,
    isEnded: false,
    output: [],
    takenIds: new Set(),
    takenCallIds: new Set(),
    writers: new Map(),
    message: undefined,
    usage: undefined,
    finish: undefined,
  };
}

export function step(state: OpenAnswer, event: CanonicalEvent): void {
  if (state.isEnded) return;
  // This format has one answer per request; of several candidates the first is shown.
  if ("candidate" in event && event.candidate !== 0) return;
  switch (event.type) {
    case "start":
      return writeStart(state, event);
    case "block-start":
      return startBlock(state, event);
    case "block-stop":
      return stopBlock(state, event.block, event.final);
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
    case "opaque":
    case "citation":
    case "server-tool-state":
    case "media-delta":
      return stepBlock(state, state.writers.get(event.block), event);
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return;
    case "finish":
      state.finish = event.finish;
      return;
    case "ping":
      state.text += keepAliveFrame(state.client.agent, state.isStarted);
      return;
    case "error":
      return writeFailure(state, event.failure);
    case "end":
      return writeEnd(state);
    case "candidate-meta":
    case "loss":
      return;
    default:
      event satisfies never;
  }
}

function take(state: OpenAnswer): string {
  const { text } = state;
  state.text = "";
  return text;
}

function writeStart(state: OpenAnswer, event: Extract<CanonicalEvent, { readonly type: "start" }>): void {
  if (state.isStarted) return;
  state.isStarted = true;
  if (event.id !== "") state.id = responseId(event.id);
  if (event.model !== "") state.model = event.model;
  state.createdAt = event.createdAt;
  state.tier = event.tier;
  emit(state, "response.created", { response: responseObject(state, undefined) });
  emit(state, "response.in_progress", { response: responseObject(state, undefined) });
}

function startBlock(state: OpenAnswer, event: BlockStart): void {
  const writer = openWriter(state, event.initial);
  if (writer !== undefined) state.writers.set(event.block, writer);
}

/** The writer of a block, or undefined for blocks that this format has no place for (code and its result, audio, foreign results). */
function openWriter(state: OpenAnswer, initial: Block): BlockWriter | undefined {
  const native = nativeItem(initial);
  if (native !== undefined) return openNative(state, native);
  switch (initial.type) {
    case "text":
    case "refusal":
      return openText(state, initial);
    case "reasoning":
      closeMessage(state);
      return openReasoning(state, initial);
    case "tool-call":
      return openCall(state, initial);
    case "server-tool":
      return initial.tool === "web_search" && initial.phase === "call" ? openSearch(state, initial) : undefined;
    case "media":
      return initial.kind === "image" ? openPicture(state, initial) : undefined;
    default:
      return undefined;
  }
}

type BlockEvent = Extract<
  CanonicalEvent,
  {
    readonly type:
      | "text-delta"
      | "reasoning-delta"
      | "refusal-delta"
      | "arguments-delta"
      | "opaque"
      | "citation"
      | "server-tool-state"
      | "media-delta";
  }
>;

function stepBlock(state: OpenAnswer, writer: BlockWriter | undefined, event: BlockEvent): void {
  if (writer === undefined) return;
  switch (event.type) {
    case "text-delta":
      if (writer.kind === "text") writeText(state, writer, event.text, event.logprobs);
      return;
    case "refusal-delta":
      if (writer.kind === "refusal") writeText(state, writer, event.text);
      return;
    case "reasoning-delta":
      if (writer.kind === "reasoning") writeReasoning(state, writer, event);
      return;
    case "arguments-delta":
      if (writer.kind === "call") writeArguments(state, writer, event.text);
      else if (writer.kind === "search") writer.text += event.text;
      return;
    case "citation":
      if (writer.kind === "text") writeAnnotation(state, writer, event.citation);
      return;
    case "opaque":
      keepOpaque(writer, event.value);
      return;
    case "server-tool-state":
      if (writer.kind === "native") writeProgress(state, writer, event.state, event.native);
      return;
    case "media-delta":
      if (writer.kind === "picture" && event.partialIndex === undefined) writer.data += event.dataBase64 ?? "";
      return;
    default:
      event satisfies never;
  }
}

function keepOpaque(writer: BlockWriter, value: Opaque): void {
  if (writer.kind === "reasoning") writer.opaque = value;
  if (writer.kind === "call" || writer.kind === "text") writer.signature = value;
}

function stopBlock(state: OpenAnswer, block: number, final: Block | undefined): void {
  const writer = state.writers.get(block);
  if (writer === undefined) return;
  state.writers.delete(block);
  closeWriter(state, writer, final);
}

function closeWriter(state: OpenAnswer, writer: BlockWriter, final: Block | undefined): void {
  switch (writer.kind) {
    case "text":
    case "refusal":
      closeText(state, writer);
      if (writer.signature === undefined) return;
      closeMessage(state);
      return writeSignature(state, writer.signature, "");
    case "reasoning":
      return closeReasoning(state, writer);
    case "call":
      return closeCall(state, writer);
    case "native":
      return closeNative(state, writer, final);
    case "search":
      return closeSearch(state, writer, final);
    case "picture":
      return closePicture(state, writer, final);
    default:
      writer satisfies never;
  }
}

/** The terminal event. Codex takes every other one than `response.completed` for a broken stream and asks again, six times in all. */
function writeEnd(state: OpenAnswer): void {
  closeWriters(state);
  explainRefusal(state);
  const ending = endingOf(state.finish, hasRefusal(state));
  if (ending.status === "failed") return writeFailure(state, failureOfFinish(state));
  closeMessage(state, ending.reason === null ? "completed" : "incomplete");
  state.isEnded = true;
  if (ending.reason === "content_filter" && state.client.agent === "codex") {
    const of = failure("content_policy_violation", filteredMessage(state));
    emit(state, "response.failed", { response: responseObject(state, endings.error, of) });
    return;
  }
  const isComplete = ending.status === "completed" || (ending.reason !== null && state.client.agent === "codex");
  const type = isComplete ? "response.completed" : "response.incomplete";
  emit(state, type, { response: responseObject(state, ending) });
}

function closeWriters(state: OpenAnswer): void {
  for (const block of state.writers.keys()) stopBlock(state, block, undefined);
}

/** A refusal that consists of an explanation only is said as a refusal part, or the client would have nothing to show. */
function explainRefusal(state: OpenAnswer): void {
  const explanation = state.finish?.refusal?.explanation ?? state.finish?.message;
  if (state.finish?.reason !== "refusal" || state.output.length > 0 || (explanation ?? "") === "") return;
  const writer = openText(state, { type: "refusal", text: "" });
  writeText(state, writer, explanation ?? "");
  closeText(state, writer);
}

function filteredMessage(state: OpenAnswer): string {
  const reason = state.finish?.refusal?.explanation ?? state.finish?.message;
  return reason ?? "The provider's content filter ended this answer. Change the request and try again.";
}

/** Why an answer failed whose finish says that it did. */
export function failureOfFinish(state: OpenAnswer): Failure {
  const { finish } = state;
  const message =
    finish?.message ?? `The provider ended its answer with ${finish?.native || "an error"}. Send the request again.`;
  return finish?.failure ?? failure("provider_error", message);
}

function keepPartial(writer: BlockWriter): void {
  if (writer.kind === "text" || writer.kind === "refusal") keepPartialText(writer);
  if (writer.kind === "call") writer.item[writer.isCustom ? "input" : "arguments"] = writer.text;
}

function writeFailure(state: OpenAnswer, of: Failure): void {
  state.isEnded = true;
  if (!state.isStarted) {
    emit(state, "error", { ...inBandError(of, state.client.agent), param: of.param ?? null });
    return;
  }
  // The output keeps what was shown of unfinished items, under the ids that the stream gave them.
  for (const writer of state.writers.values()) keepPartial(writer);
  for (const item of state.output) if (item["status"] === "in_progress") item["status"] = "incomplete";
  emit(state, "response.failed", { response: responseObject(state, endings.error, of) });
}
