import { failure, type Failure } from "../../canonical/failure.ts";
import type { FramePayload } from "../../framing/framer.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  parseJson,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import type { Decoder, DecoderOptions, StreamOutcome } from "../dialect.ts";
import {
  addItem,
  addReasoning,
  addText,
  cite,
  closeAll,
  finishItem,
  finishPart,
  finishReasoningPart,
  finishText,
  openPart,
  type Channel,
  type DecoderState,
  type OpenBlock,
  type OpenItem,
  type Sink,
} from "./decoder-items.ts";
import { readFailedResponse, readInBandError } from "./errors.ts";
import { readFinish } from "./finish.ts";
import { readLogprobs } from "./logprobs.ts";
import { readUsage } from "./usage.ts";

/** Reads a stream of the Responses API, also as compatible servers send it: events left out, renamed or without numbers. */
export function decoder(options: DecoderOptions): Decoder {
  const state = openDecoder(options);
  return {
    step: (payload) => step(state, payload),
    end: () => end(state),
    isTerminal() {
      return state.terminal;
    },
  };
}

export function openDecoder(options: DecoderOptions): DecoderState {
  return {
    options,
    started: false,
    terminal: false,
    outcome: "truncated",
    items: new Map(),
    latest: 0,
    blockCount: 0,
    refuses: false,
    callsFunction: false,
    unansweredCalls: new Set(),
  };
}

function step(state: DecoderState, payload: FramePayload): Sink | undefined {
  const data = payload.data.trim();
  // OpenRouter ends its streams with [DONE]; a frame may also carry an event name only.
  if (data === "" || data === "[DONE]") return [];
  const value = parseJson(data);
  if (value === undefined) return undefined;
  const events: Sink = [];
  if (isObject(value)) stepEvent(state, payload.event, value, events);
  return events;
}

function stepEvent(state: DecoderState, name: string, event: JsonObject, events: Sink): void {
  const error = readInBandError(event);
  if (error !== undefined) {
    if (!state.terminal) fail(state, error, events);
    state.outcome = "upstream-failed";
    return;
  }
  if (state.terminal) return;
  const type = asString(event["type"]) ?? name;
  const handle = Object.hasOwn(handlers, type) ? handlers[type] : undefined;
  if (handle !== undefined) handle(state, event, events);
  else stepServerTool(state, type, event, events);
}

function end(state: DecoderState): { readonly events: Sink; readonly outcome: StreamOutcome } {
  if (state.terminal) return { events: [], outcome: state.outcome };
  const events: Sink = [];
  fail(
    state,
    failure(
      "provider_interrupted",
      "The provider's stream ended before its answer was complete. Send the request again.",
    ),
    events,
  );
  return { events, outcome: state.outcome };
}

type Handler = (state: DecoderState, event: JsonObject, events: Sink) => void;

/** What each event means. Unknown ones are readable and say nothing, except those of an open server tool. */
const handlers: { readonly [type: string]: Handler } = {
  "response.created": (state, event, events) => start(state, asObject(event["response"]), events),
  "response.in_progress": progress,
  "response.queued": progress,
  keepalive: progress,
  "response.output_item.added": (state, event, events) => {
    const item = asObject(event["item"]);
    const index = asNumber(event["output_index"]) ?? state.items.size;
    start(state, undefined, events);
    if (item !== undefined && !state.items.has(index)) addItem(state, index, item, events);
  },
  "response.output_item.done": (state, event, events) => {
    const item = asObject(event["item"]);
    if (item === undefined) return;
    start(state, undefined, events);
    const open = state.items.get(asNumber(event["output_index"]) ?? state.latest);
    // Some servers send items only when they are done.
    finishItem(
      state,
      open ?? addItem(state, asNumber(event["output_index"]) ?? state.items.size, item, events),
      item,
      events,
    );
  },
  "response.content_part.added": (state, event, events) => {
    const part = asObject(event["part"]);
    const open = itemOf(state, event, "message", events);
    const index = asNumber(event["content_index"]) ?? 0;
    if (part === undefined || open?.type !== "message" || open.blocks.has(index)) return;
    openPart(state, open, index, part, events);
  },
  "response.content_part.done": (state, event, events) => {
    const part = asObject(event["part"]);
    const open = itemOf(state, event, "message", events);
    if (part === undefined || open?.type !== "message") return;
    finishPart(state, open, asNumber(event["content_index"]) ?? 0, part, events);
  },
  "response.output_text.delta": (state, event, events) => {
    const block = partOf(state, event, "output_text", events);
    const text = asString(event["delta"]) ?? "";
    if (block !== undefined && text !== "") addText(block, text, events, readLogprobs(event["logprobs"]));
  },
  "response.output_text.done": (state, event, events) => {
    const block = partOf(state, event, "output_text", events);
    finishText(block, asString(event["text"]) ?? "", events, readLogprobs(event["logprobs"]));
  },
  "response.output_text.annotation.added": (state, event, events) => {
    const block = partOf(state, event, "output_text", events);
    if (block !== undefined) cite(block, event["annotation"] ?? null, events);
  },
  "response.refusal.delta": (state, event, events) => {
    const block = partOf(state, event, "refusal", events);
    const text = asString(event["delta"]) ?? "";
    if (block !== undefined && text !== "") addText(block, text, events);
  },
  "response.refusal.done": (state, event, events) => {
    finishText(partOf(state, event, "refusal", events), asString(event["refusal"]) ?? "", events);
  },
  "response.reasoning_summary_text.delta": reasoningText("summary", "delta"),
  "response.reasoning_summary_text.done": reasoningText("summary", "text"),
  "response.reasoning_text.delta": reasoningText("raw", "delta"),
  "response.reasoning_text.done": reasoningText("raw", "text"),
  "response.function_call_arguments.delta": callDelta("function_call"),
  "response.function_call_arguments.done": callDone("function_call", "arguments"),
  "response.custom_tool_call_input.delta": callDelta("custom_tool_call"),
  "response.custom_tool_call_input.done": callDone("custom_tool_call", "input"),
  "response.completed": finish,
  "response.incomplete": finish,
  "response.cancelled": finish,
  // Not of the API; some compatible servers end with it.
  "response.done": finish,
  "response.failed": (state, event, events) => {
    fail(state, readFailedResponse(asObject(event["response"]) ?? {}), events);
    state.outcome = "upstream-failed";
  },
};

function start(state: DecoderState, response: JsonObject | undefined, events: Sink): void {
  if (state.started) return;
  state.started = true;
  const tier = asString(response?.["service_tier"]);
  events.push(
    compact({
      type: "start" as const,
      id: asString(response?.["id"]) ?? state.options.requestId,
      model: asString(response?.["model"]) ?? "",
      createdAt: Math.floor(asNumber(response?.["created_at"]) ?? state.options.createdAt),
      // "auto" is what was asked for, not the tier that served.
      tier: tier === "auto" ? undefined : tier,
    }),
  );
}

/** A sign of life. Resumed streams have no `response.created`; whatever comes first starts the answer. */
function progress(state: DecoderState, event: JsonObject, events: Sink): void {
  if (state.started) events.push({ type: "ping" });
  else start(state, asObject(event["response"]), events);
}

/** For servers whose last response object has no status. */
const statusOfEvent: { readonly [type: string]: string } = {
  "response.incomplete": "incomplete",
  "response.cancelled": "cancelled",
};

/** The terminal: what the events left out of the final output, then usage and finish. */
export function finish(state: DecoderState, event: JsonObject, events: Sink): void {
  const response = asObject(event["response"]) ?? {};
  if (asString(response["status"]) === "failed") {
    fail(state, readFailedResponse(response), events);
    state.outcome = "upstream-failed";
    return;
  }
  start(state, response, events);
  finishOutput(state, asArray(response["output"]) ?? [], events);
  closeAll(state, events);
  const usage = readUsage(response);
  if (usage !== undefined) events.push({ type: "usage", usage });
  const seen = { callsClient: state.callsFunction || state.unansweredCalls.size > 0, refuses: state.refuses };
  const status = asString(response["status"]) ?? statusOfEvent[asString(event["type"]) ?? ""] ?? "completed";
  events.push({ type: "finish", candidate: 0, finish: readFinish({ ...response, status }, seen) });
  events.push({ type: "end" });
  state.terminal = true;
  state.outcome = "complete";
}

function fail(state: DecoderState, of: Failure, events: Sink): void {
  start(state, undefined, events);
  events.push({ type: "error", failure: of });
  state.terminal = true;
}

/** Completes the streamed items from the final output, and replays those that were never streamed. */
function finishOutput(state: DecoderState, output: readonly Json[], events: Sink): void {
  const items = output.map((value) => asObject(value) ?? {});
  const ids = new Set(items.flatMap((item) => idOf(item) ?? []));
  const unmatched = new Map(state.items);
  items.forEach((item, position) => {
    if (asString(item["type"]) === undefined) return;
    const index = findItem(unmatched, item, position, ids);
    const open = index === undefined ? undefined : unmatched.get(index);
    if (index !== undefined) unmatched.delete(index);
    finishItem(state, open ?? addItem(state, freeIndex(state), item, events), item, events);
  });
}

/** The `output_index` of a final item: by id, else by position and type where its own id is gone, because some servers rename items. */
function findItem(
  unmatched: ReadonlyMap<number, OpenItem>,
  item: JsonObject,
  position: number,
  finalIds: ReadonlySet<string>,
): number | undefined {
  const id = idOf(item);
  for (const [index, open] of unmatched) {
    if (id !== undefined && idOf(open.announced) === id) return index;
  }
  const same = unmatched.get(position);
  if (same === undefined || same.type !== item["type"]) return undefined;
  return finalIds.has(idOf(same.announced) ?? "") ? undefined : position;
}

function idOf(item: JsonObject): string | undefined {
  const id = asString(item["id"]);
  return id === "" ? undefined : id;
}

function freeIndex(state: DecoderState): number {
  let index = state.items.size;
  while (state.items.has(index)) index += 1;
  return index;
}

/** The item that an event belongs to; a content event of an item that was never announced announces it. */
function itemOf(state: DecoderState, event: JsonObject, type: string, events: Sink): OpenItem | undefined {
  const index = asNumber(event["output_index"]) ?? state.latest;
  const open = state.items.get(index);
  if (open !== undefined) return open;
  start(state, undefined, events);
  return addItem(state, index, compact({ type, id: asString(event["item_id"]) }), events);
}

function partOf(state: DecoderState, event: JsonObject, type: string, events: Sink): OpenBlock | undefined {
  const open = itemOf(state, event, "message", events);
  if (open?.type !== "message") return undefined;
  const index = asNumber(event["content_index"]) ?? 0;
  return open.blocks.get(index) ?? openPart(state, open, index, { type }, events);
}

function reasoningText(channel: Channel, key: "delta" | "text"): Handler {
  const partKey = channel === "summary" ? "summary_index" : "content_index";
  return (state, event, events) => {
    const block = itemOf(state, event, "reasoning", events)?.blocks.get(0);
    if (block === undefined) return;
    const part = asNumber(event[partKey]) ?? 0;
    const text = asString(event[key]) ?? "";
    if (key === "delta") addReasoning(block, channel, part, text, events);
    else finishReasoningPart(block, channel, part, text, events);
  };
}

function callDelta(type: string): Handler {
  return (state, event, events) => {
    const block = callOf(state, event, type);
    const text = asString(event["delta"]) ?? "";
    if (block !== undefined && text !== "") addText(block, text, events);
  };
}

function callDone(type: string, key: string): Handler {
  return (state, event, events) => finishText(callOf(state, event, type), asString(event[key]) ?? "", events);
}

/** Arguments without a call are kept back: a call needs the name that only its item says, and that comes with `done` at the latest. */
function callOf(state: DecoderState, event: JsonObject, type: string): OpenBlock | undefined {
  const open = state.items.get(asNumber(event["output_index"]) ?? state.latest);
  return open?.type === type ? open.blocks.get(0) : undefined;
}

/** Progress of a tool that the provider runs: `response.web_search_call.searching`, `response.code_interpreter_call_code.delta`… */
function stepServerTool(state: DecoderState, type: string, event: JsonObject, events: Sink): void {
  const block = state.items.get(asNumber(event["output_index"]) ?? -1)?.blocks.get(0);
  if (block?.kind !== "server-tool" || !block.isOpen || !type.startsWith("response.")) return;
  const { type: _type, sequence_number: _number, item_id: _item, output_index: _index, ...native } = event;
  const stateName = type.slice("response.".length);
  events.push({ type: "server-tool-state", candidate: 0, block: block.block, state: stateName, native });
}
