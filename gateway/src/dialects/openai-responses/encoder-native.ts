import type { Block, MediaBlock, ServerToolBlock } from "../../canonical/block.ts";
import { asObject, asString, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { nativeCall } from "./encoder-calls.ts";
import { addItem, emit, finishItem, nextItemId, type EncoderState } from "./encoder-state.ts";
import { closeMessage } from "./encoder-text.ts";
import { takeId } from "./ids.ts";

/** An item of a server tool, built-in call or unknown type that came from this API, written as it came. */
export type NativeWriter = {
  readonly kind: "native";
  readonly id: string;
  readonly type: string;
  readonly index: number;
};

/** A web search of another vendor, shown as this API's. */
export type SearchWriter = {
  readonly kind: "search";
  readonly item: JsonObject;
  readonly index: number;
  input: Json | undefined;
  text: string;
};

/** A picture that another vendor's model drew, shown as a result of this API's image tool. */
export type PictureWriter = {
  readonly kind: "picture";
  readonly item: JsonObject;
  readonly index: number;
  data: string;
};

/** The item of this API inside a block, or undefined where the block came from elsewhere. */
export function nativeItem(block: Block): JsonObject | undefined {
  const item =
    block.type === "tool-call"
      ? nativeCall(block)
      : block.type === "server-tool" || block.type === "compaction"
        ? block.native.dialect === "openai-responses"
          ? asObject(block.native.value)
          : undefined
        : block.type === "opaque" && block.dialect === "openai-responses"
          ? asObject(block.value)
          : undefined;
  // Content parts of unknown types have no id of their own; they cannot stand as items.
  const id = asString(item?.["id"]);
  return id === undefined || id === "" ? undefined : item;
}

export function openNative(state: EncoderState, item: JsonObject): NativeWriter {
  closeMessage(state);
  const id = takeId(state.takenIds, asString(item["id"]) ?? "");
  const index = addItem(state, { ...item, id });
  return { kind: "native", id, type: asString(item["type"]) ?? "", index };
}

/** The events that OpenAI's SDKs accept between the start and the end of these items; any other makes them throw. */
const progressEvents = new Set([
  "web_search_call.in_progress",
  "web_search_call.searching",
  "web_search_call.completed",
  "file_search_call.in_progress",
  "file_search_call.searching",
  "file_search_call.completed",
  "code_interpreter_call.in_progress",
  "code_interpreter_call.interpreting",
  "code_interpreter_call.completed",
  "code_interpreter_call_code.delta",
  "code_interpreter_call_code.done",
  "image_generation_call.in_progress",
  "image_generation_call.generating",
  "image_generation_call.partial_image",
  "image_generation_call.completed",
  "mcp_call_arguments.delta",
  "mcp_call_arguments.done",
  "mcp_call.in_progress",
  "mcp_call.completed",
  "mcp_call.failed",
  "mcp_list_tools.in_progress",
  "mcp_list_tools.completed",
  "mcp_list_tools.failed",
  "shell_call_output_content.delta",
  "shell_call_output_content.done",
]);

export function writeProgress(state: EncoderState, writer: NativeWriter, name: string, native: Json | undefined): void {
  if (!progressEvents.has(name) || !name.startsWith(writer.type)) return;
  emit(state, `response.${name}`, { ...asObject(native), item_id: writer.id, output_index: writer.index });
}

export function closeNative(state: EncoderState, writer: NativeWriter, final: Block | undefined): void {
  const item = final === undefined ? undefined : nativeItem(final);
  if (item !== undefined) state.output[writer.index] = { ...item, id: writer.id };
  finishItem(state, writer.index);
}

export function openSearch(state: EncoderState, initial: ServerToolBlock): SearchWriter {
  closeMessage(state);
  const id = nextItemId(state, "web_search_call", undefined);
  const item: JsonObject = { id, type: "web_search_call", status: "in_progress", action: searchAction(initial.input) };
  const index = addItem(state, item);
  for (const name of ["in_progress", "searching"]) searchProgress(state, index, id, name);
  return { kind: "search", item, index, input: initial.input, text: "" };
}

export function closeSearch(state: EncoderState, writer: SearchWriter, final: Block | undefined): void {
  const input = final?.type === "server-tool" ? final.input : undefined;
  writer.item["action"] = searchAction(input ?? parseJson(writer.text) ?? writer.input);
  writer.item["status"] = "completed";
  searchProgress(state, writer.index, asString(writer.item["id"]) ?? "", "completed");
  finishItem(state, writer.index);
}

export function openPicture(state: EncoderState, initial: MediaBlock): PictureWriter {
  closeMessage(state);
  const id = nextItemId(state, "image_generation_call", undefined);
  const item: JsonObject = { id, type: "image_generation_call", status: "in_progress", result: null };
  const index = addItem(state, item);
  return { kind: "picture", item, index, data: initial.source.by === "base64" ? initial.source.data : "" };
}

export function closePicture(state: EncoderState, writer: PictureWriter, final: Block | undefined): void {
  const whole = final?.type === "media" && final.source.by === "base64" ? final.source.data : writer.data;
  writer.item["result"] = whole;
  writer.item["status"] = "completed";
  const place = { item_id: writer.item["id"], output_index: writer.index };
  emit(state, "response.image_generation_call.completed", place);
  finishItem(state, writer.index);
}

function searchAction(input: Json | undefined): JsonObject {
  return { type: "search", query: asString(asObject(input)?.["query"]) ?? asString(input) ?? "" };
}

function searchProgress(state: EncoderState, index: number, id: string, name: string): void {
  emit(state, `response.web_search_call.${name}`, { item_id: id, output_index: index });
}
