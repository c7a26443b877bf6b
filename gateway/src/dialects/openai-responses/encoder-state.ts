import type { Failure } from "../../canonical/failure.ts";
import type { Finish } from "../../canonical/response.ts";
import type { Usage } from "../../canonical/usage.ts";
import { compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { inBandError } from "./errors.ts";
import type { Ending } from "./finish.ts";
import { echoedSettings } from "./head.ts";
import { itemId, takeId, type MadeItemType } from "./ids.ts";
import type { DeclaredTool } from "./tool-names.ts";
import { writeUsage } from "./usage.ts";

/** What the writers of all kinds of blocks share. */
export type EncoderState = {
  readonly client: ClientContext;
  readonly tools: ReadonlyMap<string, DeclaredTool>;
  /** False for a plain answer, which wants the items only. */
  readonly isStream: boolean;
  /** Frames written during the current `write`. */
  text: string;
  sequence: number;
  id: string;
  model: string;
  createdAt: number;
  tier: string | undefined;
  isStarted: boolean;
  isEnded: boolean;
  /** The items in order of `output_index`, each filled as it grows: at the end the final output. */
  readonly output: JsonObject[];
  readonly takenIds: Set<string>;
  readonly takenCallIds: Set<string>;
  message: OpenMessage | undefined;
  usage: Usage | undefined;
  finish: Finish | undefined;
};

/** The message item that further text may still join. */
export type OpenMessage = {
  readonly item: JsonObject;
  readonly index: number;
  /** The source's own id of the message, where it says one: text of another message starts a new item. */
  readonly sourceId: string | undefined;
  readonly parts: Json[];
  openParts: number;
  /** Another item has begun: the message ends with its last open part. */
  isClosing: boolean;
};

/** One event: `event:` and `data:` lines with the next sequence number. */
export function emit(state: EncoderState, type: string, fields: JsonObject): void {
  if (!state.isStream) return;
  emitText(state, type, JSON.stringify(fields).slice(1, -1));
}

/** The same with the members after `sequence_number` already as JSON text, for the frames that make up most of a stream. */
export function emitText(state: EncoderState, type: string, members: string): void {
  if (!state.isStream) return;
  const data = `{"type":"${type}","sequence_number":${state.sequence},${members}}`;
  state.sequence += 1;
  state.text += `event: ${type}\ndata: ${escapeLineSeparators(data)}\n\n`;
}

/** Some clients split lines with Unicode's idea of a line end; inside JSON these two can always be escaped. */
export function escapeLineSeparators(json: string): string {
  if (!/[\u2028\u2029]/.test(json)) return json;
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** Gives an item its place and id, and announces it as `announced`. Returns its `output_index`. */
export function addItem(state: EncoderState, item: JsonObject): number {
  const index = state.output.length;
  state.output.push(item);
  emit(state, "response.output_item.added", { output_index: index, item });
  return index;
}

export function finishItem(state: EncoderState, index: number): void {
  const item = state.output[index];
  if (item !== undefined) emit(state, "response.output_item.done", { output_index: index, item });
}

/** The id for the next item: the source's own where it has one of this API, else one derived from the response's. */
export function nextItemId(state: EncoderState, type: MadeItemType, own: string | undefined): string {
  const id = own === undefined || own === "" ? itemId(type, state.id, state.output.length) : own;
  return takeId(state.takenIds, id);
}

/** The response object as it stands: the settings of the request, then what is known of the answer. */
export function responseObject(state: EncoderState, ending: Ending | undefined, of?: Failure): JsonObject {
  const { echo } = state.client;
  const settings = Object.fromEntries(echoedSettings.map((key) => [key, echo[key] ?? null]));
  return {
    id: state.id,
    object: "response",
    created_at: state.createdAt,
    status: ending?.status ?? "in_progress",
    error: of === undefined ? null : inBandError(of, state.client.agent),
    incomplete_details: ending === undefined || ending.reason === null ? null : { reason: ending.reason },
    model: state.model,
    output: state.output,
    ...settings,
    ...compact({ service_tier: state.tier }),
    usage: state.usage === undefined ? null : writeUsage(state.usage),
  };
}

/** Whether the answer so far has a refusal part. */
export function hasRefusal(state: EncoderState): boolean {
  return state.output.some(refuses);
}

function refuses(item: JsonObject): boolean {
  const { content } = item;
  return (
    Array.isArray(content) && content.some((part) => typeof part === "object" && part !== null && "refusal" in part)
  );
}
