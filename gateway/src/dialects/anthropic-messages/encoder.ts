import type { Block } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { Finish } from "../../canonical/response.ts";
import { mergeUsage, type Usage } from "../../canonical/usage.ts";
import type { Json } from "../../lib/json.ts";
import type { ClientContext, Encoder } from "../dialect.ts";
import { blockWriter, writeSerial, type BlockWriter } from "./encode-blocks.ts";
import { writeFinish } from "./finish.ts";
import { COMMENT_FRAME, errorFrame, eventFrame, PING_FRAME } from "./frames.ts";
import { flush, serialise, serialiser, type SerialEvent, type Serialiser } from "./serialise-blocks.ts";
import { writeFinalUsage, writeUsage } from "./usage.ts";
import { mediaText } from "./write-blocks.ts";
import { writeMessage } from "./write-response.ts";

/** Canonical events as a Messages stream: named events, one block open at a time, one `message_delta`, then `message_stop`. */
export function encoder(client: ClientContext): Encoder {
  const state: EncoderState = {
    client,
    start: { id: "", model: "" },
    stage: "unopened",
    serialiser: serialiser(),
    writer: blockWriter(),
    media: new Map(),
    usage: undefined,
    finish: undefined,
    container: null,
    carriers: 0,
  };
  return {
    write: (event) => write(state, event),
    failure: (of) => fail(state, of),
    keepAlive: () => (state.stage === "open" ? PING_FRAME : COMMENT_FRAME),
  };
}

type EncoderState = {
  readonly client: ClientContext;
  start: { readonly id: string; readonly model: string };
  /** `message_start` waits for the event after `start`, so that it can say the usage which may follow at once. */
  stage: "unopened" | "open" | "ended";
  readonly serialiser: Serialiser;
  readonly writer: BlockWriter;
  /** Media blocks become text: whether any of it was written, by block. */
  readonly media: Map<number, { hasText: boolean }>;
  usage: Usage | undefined;
  finish: Finish | undefined;
  /** Where the answer's code ran. */
  container: Json;
  /** How many blocks were made to carry signatures of parts. */
  carriers: number;
};

type BlockEvent = Extract<CanonicalEvent, { readonly block: number }>;

function write(state: EncoderState, event: CanonicalEvent): string {
  if (state.stage === "ended") return "";
  switch (event.type) {
    case "start":
      state.start = event;
      return "";
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return "";
    case "candidate-meta":
      if (event.candidate === 0) state.container = event.meta.container ?? state.container;
      return "";
    case "loss":
      return "";
    case "ping":
      return openMessage(state) + PING_FRAME;
    case "error":
      return fail(state, event.failure);
    case "finish":
      return event.candidate === 0 ? openMessage(state) + finish(state, event.finish) : "";
    case "end":
      return openMessage(state) + end(state);
    default:
      return event.candidate === 0 ? openMessage(state) + writeBlockEvent(state, event) : "";
  }
}

function openMessage(state: EncoderState): string {
  if (state.stage !== "unopened") return "";
  state.stage = "open";
  const message = { ...writeMessage(state.start, state.client, null), usage: writeUsage(state.usage) };
  return eventFrame("message_start", { message });
}

function writeBlockEvent(state: EncoderState, event: BlockEvent): string {
  let text = "";
  for (const supported of supportedEvents(state, event)) {
    text += writeSerialised(state, serialise(state.serialiser, supported));
  }
  return text;
}

function writeSerialised(state: EncoderState, events: readonly SerialEvent[]): string {
  let text = "";
  for (const event of events) {
    if (event.type === "conflict") {
      const message = `The provider's answer cannot be put into the order of a Messages stream: ${event.reason}.`;
      return text + fail(state, failure("provider_bad_response", message));
    }
    text += writeSerial(state.writer, event);
  }
  return text;
}

/** The event in terms of blocks that Messages has: foreign server tools and code runs vanish, media becomes text. */
function supportedEvents(state: EncoderState, event: BlockEvent): BlockEvent[] {
  switch (event.type) {
    case "block-start":
      return supportedStart(state, event);
    case "media-delta": {
      const media = state.media.get(event.block);
      if (media === undefined || event.transcript === undefined) return [];
      media.hasText = true;
      return [{ type: "text-delta", candidate: 0, block: event.block, text: event.transcript }];
    }
    case "opaque":
      return isReasoning(state, event.block) ? [event] : partSignature(state, event);
    case "block-stop": {
      const media = state.media.get(event.block);
      if (media === undefined) return [event];
      const text = event.final?.type === "media" && !media.hasText ? mediaText(event.final) : "";
      const { final: _final, ...stop } = event;
      return [{ type: "text-delta", candidate: 0, block: event.block, text }, stop];
    }
    default:
      return [event];
  }
}

function supportedStart(state: EncoderState, start: BlockStart): BlockEvent[] {
  const { initial } = start;
  if (initial.type === "media") {
    state.media.set(start.block, { hasText: false });
    return [{ ...start, kind: "text", initial: { type: "text", text: "" } }];
  }
  if (!isExpressible(initial)) return [];
  const { signature } = initial;
  if (initial.type !== "tool-call" || signature === undefined) return [start];
  return [...carrier(state, signature), start];
}

function isExpressible(block: Block): boolean {
  switch (block.type) {
    case "server-tool":
    case "compaction":
      return block.native.dialect === "anthropic-messages";
    case "opaque":
      return block.dialect === "anthropic-messages" && block.value !== null;
    // A call of a tool that the client cannot have declared would be one that it cannot answer.
    case "tool-call":
      return block.kind !== "builtin";
    case "code":
      return false;
    default:
      return true;
  }
}

function isReasoning(state: EncoderState, block: number): boolean {
  return state.serialiser.blocks.get(block)?.start.kind === "reasoning";
}

/** A signature on a part that is no thought travels in an empty thinking block of its own, once. */
function partSignature(state: EncoderState, event: Extract<BlockEvent, { readonly type: "opaque" }>): BlockEvent[] {
  const initial = state.serialiser.blocks.get(event.block)?.start.initial;
  return initial?.signature !== undefined && initial.type === "tool-call" ? [] : carrier(state, event.value);
}

function carrier(state: EncoderState, value: Extract<BlockEvent, { readonly type: "opaque" }>["value"]): BlockEvent[] {
  state.carriers += 1;
  // Numbers below 0 are nobody else's.
  const place = { candidate: 0, block: -state.carriers };
  return [
    { type: "block-start", ...place, kind: "reasoning", initial: { type: "reasoning", summary: [] } },
    { type: "opaque", ...place, value },
    { type: "block-stop", ...place },
  ];
}

function finish(state: EncoderState, value: Finish): string {
  const blocks = writeSerialised(state, flush(state.serialiser));
  state.finish = value;
  if (writeFinish(value, state.writer.hasToolCall, state.client.echo) !== undefined) return blocks;
  return blocks + fail(state, value.failure ?? finishFailure(value));
}

function finishFailure(value: Finish): Failure {
  const reason = value.message ?? `The provider ended its answer with \`${value.native}\`.`;
  return failure("provider_error", reason);
}

/** Usage may come after the finish, so the last word waits for the end. */
function end(state: EncoderState): string {
  const blocks = writeSerialised(state, flush(state.serialiser));
  const value = state.finish ?? { reason: "other" as const, native: "" };
  const delta = writeFinish(value, state.writer.hasToolCall, state.client.echo);
  state.stage = "ended";
  const usage = writeFinalUsage(state.usage);
  return (
    blocks +
    eventFrame("message_delta", { delta: { ...delta, container: state.container }, usage }) +
    eventFrame("message_stop", {})
  );
}

function fail(state: EncoderState, of: Failure): string {
  if (state.stage === "ended") return "";
  state.stage = "ended";
  return errorFrame(of, state.client.requestId);
}
