import type { DialectId } from "../canonical/dialect-id.ts";
import type { CanonicalEvent } from "../canonical/event.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import type { ClientContext, ClientDialect, Decoder } from "../dialects/dialect.ts";
import { upstreamDialect } from "../dialects/upstream.ts";
import { NO_BYTES } from "../framing/bytes.ts";
import type { FramePayload, Framer } from "../framing/framer.ts";
import { sseFramer } from "../framing/sse.ts";
import { asObject, asString, parseJson } from "../lib/json.ts";
import { readRelayedUsage } from "../operations/relayed-usage.ts";
import type { StreamParts } from "./answer-stream.ts";
import { streamCarry, type StreamCarry } from "./carry.ts";

/** How an answer outside chat comes that is not held whole: events, or bytes that nobody looks at. */
export type RelayedFraming = "events" | "bytes";

export type RelayedStreamOptions = {
  readonly dialect: ClientDialect;
  readonly client: ClientContext;
  /** Whose errors stand in the stream. */
  readonly upstream: DialectId;
  readonly issuer: string;
  /** Whether the usage that it tells is this request's; an answer that is only read again was paid for before. */
  readonly spends: boolean;
};

/** The parts of the pump for such an answer: what passes is always the provider's own bytes. */
export function relayedStream(
  framing: RelayedFraming,
  options: RelayedStreamOptions,
): Pick<StreamParts, "framer" | "decoder" | "carry"> {
  if (framing === "bytes") return { framer: byteFramer(), decoder: byteDecoder(), carry: byteCarry };
  const carry = streamCarry("verbatim", options.dialect, options.client, {
    withhold: { usageFrame: false },
    inputEstimate: undefined,
  });
  return { framer: sseFramer(), decoder: eventDecoder(options), carry };
}

/** Stands for whatever an event brings; its only purpose is to be content. */
const CONTENT: CanonicalEvent = { type: "media-delta", candidate: 0, block: 0 };

/** Every read is a frame. */
function byteFramer(): Framer {
  const payload: FramePayload = { event: "", data: "" };
  return { push: (bytes) => [{ bytes, payload }], end: () => ({ frames: [], rest: NO_BYTES }) };
}

/** Bytes are complete when their connection says so, and never before. */
function byteDecoder(): Decoder {
  return {
    isTerminal: () => false,
    step: () => [CONTENT],
    end: () => ({ events: [{ type: "end" }], outcome: "complete" }),
  };
}

/** Nothing can be added to bytes: a failure is a connection cut, and silence is not broken. */
const byteCarry: StreamCarry = {
  passesUnreadable: true,
  isFailureTold: () => false,
  carry: ({ bytes }) => bytes,
  close: () => [],
  failureOf: (event) => (event.type === "error" ? event.failure : undefined),
  failure: () => undefined,
  keepAlive: () => "",
};

/** The last event of each operation. Pictures may send a partial one after it. */
const terminals = new Set([
  "image_generation.completed",
  "image_edit.completed",
  "transcript.text.done",
  "speech.audio.done",
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
]);

type EventState = { terminal: boolean; failed: boolean };

/**
 * Follows the events of pictures, sound, legacy completions and stored responses without parsing them: one can be megabytes.
 * Only an event that ends the answer is searched for its usage.
 */
function eventDecoder(options: RelayedStreamOptions): Decoder {
  const state: EventState = { terminal: false, failed: false };
  return {
    isTerminal() {
      return state.terminal;
    },
    step(payload) {
      const error = readError(payload, options);
      if (error !== undefined) {
        state.failed = true;
        return [{ type: "error", failure: error }];
      }
      const ends = endsAnswer(payload);
      state.terminal ||= ends;
      const mayTell = options.spends && (ends || payload.data.length <= SMALL_EVENT_LENGTH_MAX);
      const usage = mayTell ? readRelayedUsage(payload.data) : undefined;
      return usage === undefined ? [CONTENT] : [CONTENT, { type: "usage", usage }];
    },
    end() {
      if (state.failed) return { events: [], outcome: "upstream-failed" };
      if (state.terminal) return { events: [{ type: "end" }], outcome: "complete" };
      const cut = failure("provider_interrupted", "The provider's stream ended before the answer did. Try again.");
      return { events: [{ type: "error", failure: cut }], outcome: "truncated" };
    },
  };
}

/** Chunks of completions, and every event that is no picture and no sound. */
const SMALL_EVENT_LENGTH_MAX = 65_536;

/** An event's type stands at its beginning, or, behind a picture, at its end. */
const TYPE_WITHIN = 256;
const TYPE = /"type"\s*:\s*"([a-z_.]+)"/;
const FINISH_REASON = /"finish_reason"\s*:\s*"/;

function endsAnswer({ event, data }: FramePayload): boolean {
  if (data === "[DONE]" || terminals.has(event)) return true;
  const type = TYPE.exec(data.slice(0, TYPE_WITHIN))?.[1] ?? TYPE.exec(data.slice(-TYPE_WITHIN))?.[1];
  if (type !== undefined) return terminals.has(type);
  return data.length <= SMALL_EVENT_LENGTH_MAX && FINISH_REASON.test(data);
}

const ERROR = /^\s*\{\s*"(?:error"\s*:\s*[{"]|type"\s*:\s*"error")/;

/** An error in the stream, classed as the provider's own format classes it. */
function readError(payload: FramePayload, options: RelayedStreamOptions): Failure | undefined {
  if (payload.event !== "error" && !ERROR.test(payload.data.slice(0, TYPE_WITHIN))) return undefined;
  const { requestId, createdAt } = options.client;
  const decoder = upstreamDialect(options.upstream).decoder({
    issuer: options.issuer,
    candidates: 1,
    requestId,
    createdAt,
  });
  const told = decoder.step(payload)?.find((event) => event.type === "error");
  if (told !== undefined) return told.failure;
  const body = asObject(parseJson(payload.data));
  const message = asString(asObject(body?.["error"])?.["message"]) ?? asString(body?.["message"]);
  return failure("provider_error", message ?? "The provider broke off its answer with an error.");
}
