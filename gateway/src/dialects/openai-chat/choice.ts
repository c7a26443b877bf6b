import type { Block, TokenLogprob } from "../../canonical/block.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { closeSpeech, lose, stopBlock, type ChoiceContext, type ChoiceState } from "./choice-state.ts";
import { readAnnotation } from "./citations.ts";
import { readFinish } from "./finish.ts";
import { readLogprobs } from "./logprobs.ts";
import { readImage } from "./media.ts";
import { addReasoning, readReasoning } from "./reasoning.ts";
import { closeToolCalls, hasToolCalls, readFunctionCall, readToolCalls, startBlock } from "./tool-calls.ts";

/** Reads a `delta` or `message`. Members are taken in the order in which a model produces them, whatever their order on the wire. */
export function readDelta(state: ChoiceState, delta: JsonObject, logprobs: Json | undefined, to: ChoiceContext): void {
  if (state.isFinished) return lateDelta(state, delta, to);
  readReasoning(state, delta, to);
  readContent(state, delta["content"], readLogprobs(asObject(logprobs)?.["content"]), to);
  for (const annotation of asArray(delta["annotations"]) ?? []) addCitation(state, annotation, to);
  readRefusal(state, asString(delta["refusal"]) ?? "", asObject(logprobs)?.["refusal"], to);
  for (const image of asArray(delta["images"]) ?? []) addImage(state, image, to);
  readToolCalls(state, delta, to);
  readFunctionCall(state, delta["function_call"], to);
  readAudio(state, asObject(delta["audio"]), to);
}

/** Stops what is open and says how the choice ended. At most once. */
export function finishChoice(state: ChoiceState, to: ChoiceContext): void {
  if (state.isFinished) return;
  closeBlocks(state, to);
  const native = state.finishNative ?? "";
  if (native === "") {
    lose(state, { at: "finish", reason: "repaired", detail: "the provider gave no finish reason" }, to);
  }
  to.events.push({
    type: "finish",
    candidate: state.index,
    finish: readFinish(native, hasToolCalls(state), state.hasRefusal),
  });
  state.isFinished = true;
}

export function closeBlocks(state: ChoiceState, to: ChoiceContext): void {
  closeSpeech(state, to);
  closeToolCalls(state, to);
  if (state.audio !== undefined) stopBlock(state, state.audio, to);
  state.audio = undefined;
}

/** A string, Mistral's array of typed parts, or Cloudflare's parsed object in JSON mode. */
function readContent(
  state: ChoiceState,
  content: Json | undefined,
  logprobs: TokenLogprob[] | undefined,
  to: ChoiceContext,
): void {
  if (typeof content === "string") return addText(state, content, logprobs, to);
  if (Array.isArray(content)) {
    for (const part of content) readContentPart(state, part, to);
    return;
  }
  const parsed = asObject(content);
  if (parsed !== undefined) return addText(state, JSON.stringify(parsed), logprobs, to);
  if (logprobs !== undefined) addText(state, "", logprobs, to);
}

function readContentPart(state: ChoiceState, part: Json, to: ChoiceContext): void {
  if (typeof part === "string") return addText(state, part, undefined, to);
  const object = asObject(part);
  const type = asString(object?.["type"]);
  if (object === undefined || type === undefined) return;
  if (type === "text") return addText(state, asString(object["text"]) ?? "", undefined, to);
  if (type === "thinking") {
    for (const inner of asArray(object["thinking"]) ?? [object["thinking"] ?? null]) {
      const text = asString(inner) ?? asString(asObject(inner)?.["text"]) ?? "";
      if (text !== "") addReasoning(state, text, "raw", to);
    }
    return;
  }
  if (type === "image_url") return addImage(state, object, to);
  closeSpeech(state, to);
  const initial: Block = { type: "opaque", dialect: "openai-chat", nativeType: type, value: object };
  stopBlock(state, startBlock(state, "opaque", initial, to), to);
}

function openText(state: ChoiceState, to: ChoiceContext): number {
  closeSpeech(state, to, "text");
  state.text ??= startBlock(state, "text", { type: "text", text: "" }, to);
  return state.text;
}

/** An empty text may carry the log probabilities of a token that is only a piece of a character. */
function addText(state: ChoiceState, text: string, logprobs: TokenLogprob[] | undefined, to: ChoiceContext): void {
  if (text === "" && logprobs === undefined) return;
  const block = openText(state, to);
  if (text !== "") state.hasContent = true;
  to.events.push(
    logprobs === undefined
      ? { type: "text-delta", candidate: state.index, block, text }
      : { type: "text-delta", candidate: state.index, block, text, logprobs },
  );
}

function addCitation(state: ChoiceState, annotation: Json, to: ChoiceContext): void {
  const block = openText(state, to);
  to.events.push({ type: "citation", candidate: state.index, block, citation: readAnnotation(annotation) });
}

function readRefusal(state: ChoiceState, text: string, logprobs: Json | undefined, to: ChoiceContext): void {
  if (text === "") return;
  closeSpeech(state, to, "refusal");
  state.refusal ??= startBlock(state, "refusal", { type: "refusal", text: "" }, to);
  state.hasContent = true;
  state.hasRefusal = true;
  to.events.push({ type: "refusal-delta", candidate: state.index, block: state.refusal, text });
  if (!state.lostRefusalLogprobs && (asArray(logprobs)?.length ?? 0) > 0) {
    state.lostRefusalLogprobs = true;
    lose(state, { at: "blocks", reason: "unsupported", detail: "log probabilities of a refusal" }, to);
  }
}

/** OpenRouter's convention for pictures that the model made: whole ones, as data URLs. */
function addImage(state: ChoiceState, image: Json, to: ChoiceContext): void {
  const initial = readImage(image);
  if (initial === undefined) return;
  closeSpeech(state, to);
  state.hasContent = true;
  stopBlock(state, startBlock(state, "media", initial, to), to);
}

function readAudio(state: ChoiceState, audio: JsonObject | undefined, to: ChoiceContext): void {
  if (audio === undefined) return;
  const id = asString(audio["id"]) ?? "";
  const dataBase64 = asString(audio["data"]) ?? "";
  const transcript = asString(audio["transcript"]) ?? "";
  const expiresAt = asNumber(audio["expires_at"]) ?? 0;
  // Snowflake fills absent audio with empty strings and zeros.
  if (state.audio === undefined && id === "" && dataBase64 === "" && transcript === "") return;
  if (state.audio === undefined) {
    closeSpeech(state, to);
    const initial: Block = {
      type: "media",
      kind: "audio",
      source: { by: "base64", data: "" },
      ...(id === "" ? {} : { extras: { "openai-chat": { id } } }),
    };
    state.audio = startBlock(state, "media", initial, to);
  }
  if (dataBase64 === "" && transcript === "" && expiresAt === 0) return;
  state.hasContent = true;
  to.events.push(
    compact({
      type: "media-delta" as const,
      candidate: state.index,
      block: state.audio,
      dataBase64: dataBase64 === "" ? undefined : dataBase64,
      transcript: transcript === "" ? undefined : transcript,
      expiresAt: expiresAt === 0 ? undefined : expiresAt,
    }),
  );
}

/** Something said after the finish has been passed on. Empty deltas are normal there: usage chunks carry them. */
function lateDelta(state: ChoiceState, delta: JsonObject, to: ChoiceContext): void {
  const isEmpty = (value: Json | undefined) => value === undefined || value === null || value === "";
  const late = ["content", "refusal", "tool_calls"].find((key) => !isEmpty(delta[key]));
  if (late !== undefined) lose(state, { at: "blocks", reason: "unsupported", detail: `${late} after the finish` }, to);
}
