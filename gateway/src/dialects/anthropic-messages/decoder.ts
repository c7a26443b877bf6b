import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure } from "../../canonical/failure.ts";
import type { FramePayload } from "../../framing/framer.ts";
import {
  asArray,
  asObject,
  asString,
  compact,
  isObject,
  parseJson,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import type { Decoder, DecoderOptions } from "../dialect.ts";
import { readDelta, readWholeBlock, startBlock, stopBlock, stopBlocks, type BlocksState } from "./decode-blocks.ts";
import { readInBandError } from "./errors.ts";
import { readFinish } from "./finish.ts";
import { isError, readMeta, readServedTier } from "./read-response.ts";
import { mergeWireUsage, readUsage } from "./usage.ts";

/**
 * A reducer over the events of a Messages stream. The event's name is taken from `data.type`; some proxies leave the SSE name
 * out. `message_stop` is the terminal: a stream that ends without it is truncated, whatever it said before.
 */
export function decoder(options: DecoderOptions): Decoder {
  const state: DecoderState = {
    options,
    blocks: {
      origin: { issuer: { provider: options.issuer }, opensEnvelopes: false },
      open: new Map(),
      count: 0,
      hasToolCall: false,
    },
    started: false,
    usage: {},
    stop: {},
    stage: "running",
  };
  return {
    step: (payload) => step(state, payload),
    end: () => end(state),
    isTerminal() {
      return state.stage !== "running";
    },
  };
}

type DecoderState = {
  readonly options: DecoderOptions;
  readonly blocks: BlocksState;
  started: boolean;
  /** All usage counters so far, as the wire spells them. */
  usage: JsonObject;
  /** `stop_reason`, `stop_sequence` and `stop_details` so far. */
  stop: JsonObject;
  stage: "running" | "stopped" | "failed";
};

type Events = CanonicalEvent[];
type EventReader = (state: DecoderState, event: JsonObject) => Events;

const readers: { readonly [type: string]: EventReader } = {
  message_start: startMessage,
  content_block_start: (state, event) => startBlock(state.blocks, event),
  content_block_delta: (state, event) => readDelta(state.blocks, event),
  content_block_stop: (state, event) => stopBlock(state.blocks, event),
  message_delta: readMessageDelta,
  message_stop: stopMessage,
  // A ping before the message says nothing yet, and must not start it without its id.
  ping: (state) => (state.started ? [{ type: "ping" }] : []),
};

const startsNothing: ReadonlySet<string> = new Set(["message_start", "ping"]);

function step(state: DecoderState, payload: FramePayload): readonly CanonicalEvent[] | undefined {
  // `[DONE]` is OpenAI's terminal; proxies that speak both formats add it here too.
  if (payload.data === "" || payload.data === "[DONE]") return [];
  const value = parseJson(payload.data);
  if (value === undefined) return undefined;
  if (!isObject(value) || state.stage === "failed") return [];
  const type = asString(value["type"]) ?? payload.event;
  if (type === "error" || isError(value)) return readErrorFrame(state, value);
  const reader = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (reader === undefined || state.stage === "stopped") return [];
  // Only `message_start` knows the id and model; before anything else the stream must have started all the same.
  return startsNothing.has(type) ? reader(state, value) : [...ensureStart(state), ...reader(state, value)];
}

function end(state: DecoderState): ReturnType<Decoder["end"]> {
  if (state.stage === "failed") return { events: [], outcome: "upstream-failed" };
  if (state.stage === "stopped") return { events: [], outcome: "complete" };
  const message = state.started
    ? "The provider's stream ended before its answer was complete."
    : "The provider's stream ended before its answer began.";
  const code = state.started ? "provider_interrupted" : "provider_empty_stream";
  const events = [...ensureStart(state), { type: "error" as const, failure: failure(code, message) }];
  state.stage = "failed";
  return { events, outcome: "truncated" };
}

/** After `message_stop` the events have ended already: then only the outcome of the stream tells that it failed. */
function readErrorFrame(state: DecoderState, value: JsonObject): Events {
  const hasEnded = state.stage === "stopped";
  state.stage = "failed";
  return hasEnded ? [] : [...ensureStart(state), { type: "error", failure: readInBandError(value) }];
}

function ensureStart(state: DecoderState): Events {
  return state.started ? [] : start(state, {});
}

function start(state: DecoderState, message: JsonObject): Events {
  state.started = true;
  return [
    compact({
      type: "start" as const,
      id: asString(message["id"]) ?? state.options.requestId,
      model: asString(message["model"]) ?? "",
      createdAt: state.options.createdAt,
      tier: readServedTier(asObject(message["usage"])),
    }),
  ];
}

/**
 * The message is empty at its start, except when code execution goes on to the next tool call: then content and stop reason
 * stand in it and no deltas follow (recorded).
 */
function startMessage(state: DecoderState, event: JsonObject): Events {
  const message = asObject(event["message"]);
  if (state.started || message === undefined) return [];
  const events = start(state, message);
  events.push(...addUsage(state, message["usage"]), ...metaEvents(message));
  rememberStop(state, message);
  for (const [position, block] of (asArray(message["content"]) ?? []).entries()) {
    if (isObject(block)) events.push(...readWholeBlock(state.blocks, position, block));
  }
  return events;
}

function readMessageDelta(state: DecoderState, event: JsonObject): Events {
  const delta = asObject(event["delta"]) ?? {};
  rememberStop(state, delta);
  return [...addUsage(state, event["usage"]), ...metaEvents(delta)];
}

function metaEvents(wire: JsonObject): Events {
  const { meta } = readMeta(wire);
  return meta === undefined ? [] : [{ type: "candidate-meta", candidate: 0, meta }];
}

function addUsage(state: DecoderState, value: Json | undefined): Events {
  const usage = asObject(value);
  if (usage === undefined) return [];
  state.usage = mergeWireUsage(state.usage, usage);
  return [{ type: "usage", usage: readUsage(state.usage) }];
}

function rememberStop(state: DecoderState, wire: JsonObject): void {
  if (wire["stop_reason"] === undefined || wire["stop_reason"] === null) return;
  state.stop = compact({
    stop_reason: wire["stop_reason"],
    stop_sequence: wire["stop_sequence"],
    stop_details: wire["stop_details"],
  });
}

/**
 * Nothing of an answer comes after `message_stop`, so its events end here rather than with the connection: a provider that keeps
 * its socket open must not keep the stop reason from the client.
 */
function stopMessage(state: DecoderState): Events {
  const events = stopBlocks(state.blocks);
  state.stage = "stopped";
  if (state.stop["stop_reason"] === undefined) {
    const detail = "the stream ended properly without a stop reason";
    events.push({ type: "loss", loss: { path: "finish", reason: "repaired", detail } });
  }
  const finish = readFinish(state.stop, state.blocks.hasToolCall);
  events.push({ type: "finish", candidate: 0, finish }, { type: "end" });
  return events;
}
