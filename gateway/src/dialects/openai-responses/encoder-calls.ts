import type { Opaque, ToolCallBlock } from "../../canonical/block.ts";
import { asObject, asString, compact, parseJson, type JsonObject } from "../../lib/json.ts";
import { finishInput, isCut, openCustomInput, readInput, type CustomInput } from "../../translation/custom-input.ts";
import { writeSignature } from "./encoder-reasoning.ts";
import { addItem, emitText, finishItem, nextItemId, type EncoderState } from "./encoder-state.ts";
import { closeMessage } from "./encoder-text.ts";
import { itemId, takeId } from "./ids.ts";
import { flushText, releaseText } from "./surrogates.ts";

/** A call of a function or custom tool while it is written. */
export type CallWriter = {
  readonly kind: "call";
  readonly item: JsonObject;
  readonly index: number;
  readonly callId: string;
  readonly isCustom: boolean;
  /** Unwraps the input of a custom tool that the provider knows as a function. */
  readonly input: CustomInput | undefined;
  readonly place: string;
  text: string;
  held: string;
  /** A signature that came after the call had begun. */
  signature: Opaque | undefined;
};

export function openCall(state: EncoderState, initial: ToolCallBlock): CallWriter {
  closeMessage(state);
  const declared = initial.namespace === undefined ? state.tools.get(initial.name) : undefined;
  const isCustom = initial.kind === "custom" || (initial.kind === "function" && declared?.isCustom === true);
  const type = isCustom ? "custom_tool_call" : "function_call";
  const callId = takeId(
    state.takenCallIds,
    initial.id === "" ? `call_${itemId(type, state.id, state.output.length)}` : initial.id,
  );
  if (initial.signature !== undefined) writeSignature(state, initial.signature, callId);
  const id = nextItemId(state, type, initial.itemId);
  const item: JsonObject = {
    id,
    type,
    status: "in_progress",
    call_id: callId,
    name: declared?.name ?? initial.name,
    [isCustom ? "input" : "arguments"]: "",
    ...compact({
      namespace: initial.namespace ?? declared?.namespace,
      caller: initial.caller,
      async: initial.async,
    }),
  };
  const index = addItem(state, item);
  const writer: CallWriter = {
    kind: "call",
    item,
    index,
    callId,
    isCustom,
    input: isCustom && initial.kind === "function" ? openCustomInput() : undefined,
    place: `"item_id":${JSON.stringify(id)},"output_index":${index}`,
    text: "",
    held: "",
    signature: undefined,
  };
  if (initial.argumentsText !== "") writeArguments(state, writer, initial.argumentsText);
  return writer;
}

export function writeArguments(state: EncoderState, writer: CallWriter, delta: string): void {
  sendText(state, writer, releaseText(writer, writer.input === undefined ? delta : readInput(writer.input, delta)));
}

export function closeCall(state: EncoderState, writer: CallWriter): void {
  if (writer.input !== undefined) sendText(state, writer, releaseText(writer, finishInput(writer.input)));
  sendText(state, writer, flushText(writer));
  // A call without arguments is a call with none, in the words that every client can parse.
  if (!writer.isCustom && writer.text === "") sendText(state, writer, "{}");
  const key = writer.isCustom ? "input" : "arguments";
  writer.item[key] = writer.text;
  writer.item["status"] = isWhole(writer) ? "completed" : "incomplete";
  emitText(state, `response.${family(writer)}.done`, `${writer.place},"${key}":${JSON.stringify(writer.text)}`);
  finishItem(state, writer.index);
  if (writer.signature !== undefined) writeSignature(state, writer.signature, writer.callId);
}

/** Only arguments that were cut off are not JSON, and only a cut leaves a wrapped input open: such a call must not be carried out. */
function isWhole(writer: CallWriter): boolean {
  if (writer.input !== undefined) return !isCut(writer.input);
  return writer.isCustom || parseJson(writer.text) !== undefined;
}

/** The native item of a call that this API has and other formats do not (`local_shell_call`, `apply_patch_call`…). */
export function nativeCall(block: ToolCallBlock): JsonObject | undefined {
  if (block.kind !== "builtin") return undefined;
  const item = asObject(asObject(block.extras?.["openai-responses"])?.["item"]);
  return asString(item?.["type"]) === undefined ? undefined : item;
}

function sendText(state: EncoderState, writer: CallWriter, text: string): void {
  if (text === "") return;
  writer.text += text;
  emitText(state, `response.${family(writer)}.delta`, `${writer.place},"delta":${JSON.stringify(text)}`);
}

function family(writer: CallWriter): string {
  return writer.isCustom ? "custom_tool_call_input" : "function_call_arguments";
}
