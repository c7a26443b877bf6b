import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure } from "../../canonical/failure.ts";
import type { FramePayload } from "../../framing/framer.ts";
import { asObject, isObject, parseJson, type JsonObject } from "../../lib/json.ts";
import type { Decoder, DecoderOptions } from "../dialect.ts";
import { openBlocks, readDelta, startBlock, stopBlock, stopBlocks, type BlocksState } from "./decode-blocks.ts";
import { readInBandError } from "./errors.ts";
import { readFinish } from "./finish.ts";
import { readUsage } from "./usage.ts";

/**
 * A reducer over the messages of `ConverseStream`. `messageStop` is the terminal; `metadata` with the usage comes after it, so
 * the finish waits for that, or for the end of the connection. A stream that ends without `messageStop` is truncated.
 */
export function decoder(options: DecoderOptions): Decoder {
  const state: DecoderState = {
    options,
    blocks: openBlocks({ provider: options.issuer }),
    isStarted: false,
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
  isStarted: boolean;
  /** `messageStop` */
  stop: JsonObject;
  /** `stopped`: the message is whole, its finish not told yet. */
  stage: "running" | "stopped" | "ended" | "failed";
};

type Events = CanonicalEvent[];
type EventReader = (state: DecoderState, event: JsonObject) => Events;

/** By the name of the event; what is not here is of a later version, and says nothing. */
const readers: { readonly [event: string]: EventReader } = {
  messageStart: () => [],
  contentBlockStart: ({ blocks }, event) => startBlock(blocks, event),
  contentBlockDelta: ({ blocks }, event) => readDelta(blocks, event),
  contentBlockStop: ({ blocks }, event) => stopBlock(blocks, event),
  messageStop: stopMessage,
  metadata: readMetadata,
};

/** `exception:` and `error:` are how the framer calls what is no event. */
const FAILED = /^(?:exception|error):/;

function step(state: DecoderState, { event, data }: FramePayload): readonly CanonicalEvent[] | undefined {
  if (FAILED.test(event)) return failStream(state, event, data);
  const reader = Object.hasOwn(readers, event) ? readers[event] : undefined;
  // A frame without a name that is not empty is one whose checksum was wrong.
  if (reader === undefined) return event === "" && data !== "" ? undefined : [];
  const value = parseJson(data);
  if (value === undefined) return undefined;
  const isOver = state.stage === "ended" || state.stage === "failed";
  if (isOver || !isObject(value) || (state.stage === "stopped" && reader !== readMetadata)) return [];
  return [...ensureStart(state), ...reader(state, value)];
}

function end(state: DecoderState): ReturnType<Decoder["end"]> {
  switch (state.stage) {
    case "failed":
      return { events: [], outcome: "upstream-failed" };
    case "ended":
      return { events: [], outcome: "complete" };
    case "stopped":
      return { events: finishMessage(state), outcome: "complete" };
    case "running": {
      const message = state.isStarted
        ? "The provider's stream ended before its answer was complete."
        : "The provider's stream ended before its answer began.";
      const code = state.isStarted ? "provider_interrupted" : "provider_empty_stream";
      const events: Events = [...ensureStart(state), { type: "error", failure: failure(code, message) }];
      state.stage = "failed";
      return { events, outcome: "truncated" };
    }
  }
}

/** After `metadata` the events have ended already: then only the outcome of the stream tells that it failed. */
function failStream(state: DecoderState, event: string, data: string): Events {
  const hasEnded = state.stage === "ended" || state.stage === "failed";
  state.stage = "failed";
  const reason = readInBandError(event, asObject(parseJson(data)));
  return hasEnded ? [] : [...ensureStart(state), { type: "error", failure: reason }];
}

/** The answer has neither an id nor the model's name. */
function ensureStart(state: DecoderState): Events {
  if (state.isStarted) return [];
  state.isStarted = true;
  const { requestId, createdAt, model } = state.options;
  return [{ type: "start", id: requestId, model: model ?? "", createdAt }];
}

function stopMessage(state: DecoderState, event: JsonObject): Events {
  state.stage = "stopped";
  state.stop = event;
  return stopBlocks(state.blocks);
}

/** Usage of a message that goes on would be that of a proxy which counts on the way; it is told, and the message goes on. */
function readMetadata(state: DecoderState, event: JsonObject): Events {
  const usage = asObject(event["usage"]);
  const events: Events = usage === undefined ? [] : [{ type: "usage", usage: readUsage(usage) }];
  return state.stage === "stopped" ? [...events, ...finishMessage(state)] : events;
}

function finishMessage(state: DecoderState): Events {
  state.stage = "ended";
  const finish = readFinish(state.stop, state.blocks.hasToolCall);
  const events: Events = [];
  if (finish.native === "") {
    const detail = "the stream ended properly without a stop reason";
    events.push({ type: "loss", loss: { path: "finish", reason: "repaired", detail } });
  }
  return [...events, { type: "finish", candidate: 0, finish }, { type: "end" }];
}
