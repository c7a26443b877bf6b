import type { CanonicalEvent } from "../canonical/event.ts";
import type { CanonicalResponse } from "../canonical/response.ts";
import type { ClientContext, ClientDialect, StreamTail } from "../dialects/dialect.ts";
import type { Frame, FramePayload, FramingId } from "../framing/framer.ts";

/*
 * Same-format traffic takes the same pipeline with the encoder left out. This file is the only one that knows the
 * difference: everybody else holds a carry and calls it.
 */

export type CarryKind = "verbatim" | "translate";
export type CarryChoice = { readonly request: CarryKind; readonly response: CarryKind };

/** Verbatim where both sides speak the same dialect and, for an answer, frame it the same way. */
export function chooseCarry(
  client: { readonly dialect: string; readonly framing: FramingId },
  upstream: { readonly dialect: string; readonly framing: FramingId },
): CarryChoice {
  if (client.dialect !== upstream.dialect) return { request: "translate", response: "translate" };
  return { request: "verbatim", response: client.framing === upstream.framing ? "verbatim" : "translate" };
}

/** Takes a stream's frames to the client. One per stream. */
export interface StreamCarry extends StreamTail {
  /** What the client gets for a frame: its own bytes, text of ours, or nothing. `events` is undefined for a frame nobody could read. */
  carry(frame: Frame, events: readonly CanonicalEvent[] | undefined): Uint8Array | string | undefined;
  /** What a complete stream's end still brings: events that the decoder held back, bytes that belong to no frame. */
  close(events: readonly CanonicalEvent[], rest: Uint8Array): readonly (Uint8Array | string)[];
  /** Whether a frame that cannot be read may pass; a translation has nothing to say in its place. */
  readonly passesUnreadable: boolean;
  /** Whether the client has been told how the stream failed by what was carried already. */
  readonly failureTold: boolean;
}

/** Where the gateway asked for more than the client did, what must not reach the client. */
export type Withhold = { readonly usageFrame: boolean };

export function streamCarry(
  kind: CarryKind,
  dialect: ClientDialect,
  client: ClientContext,
  withhold: Withhold,
): StreamCarry {
  return kind === "verbatim" ? verbatimStream(dialect, client, withhold) : translatedStream(dialect, client);
}

function verbatimStream(dialect: ClientDialect, client: ClientContext, withhold: Withhold): StreamCarry {
  const follower = dialect.follower(client);
  let failureTold = false;
  return {
    passesUnreadable: true,
    get failureTold() {
      return failureTold;
    },
    carry(frame, events) {
      const { payload } = frame;
      if (payload === undefined) return frame.bytes;
      if (events !== undefined && events.some(isError)) failureTold = true;
      if (withhold.usageFrame && isBareUsageFrame(payload, events)) return undefined;
      follower.observe(payload);
      return frame.bytes;
    },
    // The upstream's own last frames were carried; what the decoder held back says the same thing again.
    close: (_events, rest) => (rest.length === 0 ? [] : [rest]),
    failure: (failure) => follower.failure(failure),
    keepAlive: () => follower.keepAlive(),
  };
}

function translatedStream(dialect: ClientDialect, client: ClientContext): StreamCarry {
  const encoder = dialect.encoder(client);
  let failureTold = false;
  const encode = (events: readonly CanonicalEvent[]): string => {
    let text = "";
    for (const event of events) {
      // A failure is told through `failure`, which also knows the clients that only a cut connection reaches.
      if (event.type === "error") continue;
      text += encoder.write(event);
    }
    return text;
  };
  return {
    passesUnreadable: false,
    get failureTold() {
      return failureTold;
    },
    carry(_frame, events) {
      if (events === undefined || events.length === 0) return undefined;
      const text = encode(events);
      return text === "" ? undefined : text;
    },
    close: (events) => [encode(events)],
    failure(failure) {
      failureTold = true;
      return encoder.failure(failure);
    },
    keepAlive: () => encoder.keepAlive(),
  };
}

/** What a plain answer's body becomes: its own bytes, or the same answer written in the client's format. */
export function plainCarry(
  kind: CarryKind,
  dialect: ClientDialect,
  client: ClientContext,
  answer: { readonly bytes: Uint8Array; readonly contentType: string; readonly response: CanonicalResponse },
): { readonly body: Uint8Array | string; readonly contentType: string } {
  if (kind === "verbatim") return { body: answer.bytes, contentType: answer.contentType };
  return {
    body: JSON.stringify(dialect.writeResponse(answer.response, client)),
    contentType: "application/json; charset=utf-8",
  };
}

/** A whole answer for a client that asked for a stream: its events, through the encoder. */
export function streamOfWhole(dialect: ClientDialect, client: ClientContext, events: readonly CanonicalEvent[]): string {
  const encoder = dialect.encoder(client);
  return events.map((event) => encoder.write(event)).join("");
}

function isError(event: CanonicalEvent): boolean {
  return event.type === "error";
}

/**
 * The Chat chunk that carries nothing but usage: `choices: []`. A provider may also put usage on a chunk with choices; that
 * one has something to say and stays.
 */
function isBareUsageFrame(payload: FramePayload, events: readonly CanonicalEvent[] | undefined): boolean {
  if (events === undefined || !payload.data.includes('"choices"')) return false;
  return events.some((event) => event.type === "usage") && /"choices"\s*:\s*\[\s*\]/.test(payload.data);
}
