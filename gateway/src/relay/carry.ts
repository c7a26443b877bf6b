import type { CanonicalEvent } from "../canonical/event.ts";
import type { Failure } from "../canonical/failure.ts";
import type { CanonicalResponse } from "../canonical/response.ts";
import type { ClientContext, ClientDialect, StreamTail } from "../dialects/dialect.ts";
import { upstreamDialect } from "../dialects/upstream.ts";
import { member, type WireRequest } from "../dialects/wire-request.ts";
import type { Frame, FramePayload, FramingId } from "../framing/framer.ts";
import { spliceObject, type Edit } from "../framing/json-splice.ts";
import { isObject } from "../lib/json.ts";
import { ok, type Result } from "../lib/result.ts";
import type { Target } from "../routing/plan.ts";

import type { Conversation } from "./exchange-state.ts";
import { passedUpQuery } from "./headers.ts";

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

/** A request as it goes to one target. */
export type CarriedRequest = {
  readonly kind: CarryKind;
  /** Headers that the body needs (beta names that a translation uses). */
  readonly headers: { readonly [name: string]: string };
  /** Query parameters of the client that go along. */
  readonly query: string;
  /** The body's pieces. Asked for once per attempt; pieces of a verbatim body are views of the client's bytes. */
  readonly body: () => readonly Uint8Array[];
  /** Every change made to a verbatim body, in words; empty is the normal case. */
  readonly edits: readonly string[];
  readonly withhold: Withhold;
};

/** Writes a request for a target: the client's own bytes with named edits, or a translation of the whole. */
export function carryRequest(
  conversation: Conversation,
  wire: WireRequest,
  target: Target,
): Result<CarriedRequest, Failure> {
  const { dialect, client, relayed } = conversation;
  // An operation without a dialect has nothing to translate: the client's bytes, with `model` put right.
  if (relayed) return ok(spliced(wire, modelEdit(wire, target), { usageFrame: false }));
  if (dialect.id === target.dialect) return ok(verbatimRequest(client, wire, target));
  return translatedRequest(dialect, wire, target);
}

function verbatimRequest(client: ClientContext, wire: WireRequest, target: Target): CarriedRequest {
  const edits: NamedEdit[] = [...modelEdit(wire, target), ...traitEdits(wire, target)];
  const usage = usageEdit(client, wire, target);
  if (usage !== undefined) edits.push(usage);
  return spliced(wire, edits, { usageFrame: usage !== undefined });
}

function translatedRequest(
  dialect: ClientDialect,
  wire: WireRequest,
  target: Target,
): Result<CarriedRequest, Failure> {
  const request = dialect.readRequest(wire);
  if (!request.ok) return request;
  const { writeRequest } = upstreamDialect(target.dialect);
  if (writeRequest === undefined) throw new Error(`planned a translation to ${target.dialect}, which cannot be written`);
  const { provider, upstreamModel } = target;
  const options = { issuer: provider.id, kind: provider.kind, model: upstreamModel, traits: provider.traits };
  const written = writeRequest({ ...request.value, model: upstreamModel }, options);
  if (!written.ok) return written;
  const { headers, body } = written.value;
  return ok({
    kind: "translate",
    headers,
    query: "",
    body: () => [Buffer.from(JSON.stringify(body))],
    edits: [],
    withhold: { usageFrame: false },
  });
}

type NamedEdit = { readonly name: string; readonly edit: Edit };

function spliced(wire: WireRequest, edits: readonly NamedEdit[], withhold: Withhold): CarriedRequest {
  const splice = edits.map(({ edit }) => edit);
  return {
    kind: "verbatim",
    headers: {},
    query: passedUpQuery(wire.query),
    body: () => (splice.length === 0 ? [wire.raw] : spliceObject(wire.raw, wire.scan, splice)),
    edits: edits.map(({ name }) => name),
    withhold,
  };
}

/** The body names the model as the client does; the provider wants its own id. A model in the path is the URL's business. */
function modelEdit(wire: WireRequest, target: Target): NamedEdit[] {
  if (wire.pathModel !== "" || member(wire, "model") === target.upstreamModel) return [];
  const value = JSON.stringify(target.upstreamModel);
  return [{ name: `model: ${target.upstreamModel}`, edit: { kind: "replace", key: "model", value } }];
}

/** What a provider's row says it wants otherwise. */
function traitEdits(wire: WireRequest, target: Target): NamedEdit[] {
  const { maxTokensField, dropKeys = [] } = target.provider.traits;
  const edits: NamedEdit[] = [];
  if (maxTokensField !== undefined && target.dialect === "openai-chat") {
    const other = maxTokensField === "max_tokens" ? "max_completion_tokens" : "max_tokens";
    const { members } = wire.scan;
    if (members.has(other)) {
      const edit: Edit = members.has(maxTokensField)
        ? { kind: "remove", key: other }
        : { kind: "rename", key: other, to: maxTokensField };
      edits.push({ name: `${other}: ${edit.kind}`, edit });
    }
  }
  for (const key of dropKeys) {
    if (wire.scan.members.has(key)) edits.push({ name: `${key}: remove`, edit: { kind: "remove", key } });
  }
  return edits;
}

/** A Chat stream brings usage only when asked; the record needs it. Other members of `stream_options` stay as they are. */
function usageEdit(client: ClientContext, wire: WireRequest, target: Target): NamedEdit | undefined {
  const { head } = client;
  if (target.dialect !== "openai-chat" || !head.stream || head.includeUsage) return undefined;
  if (target.provider.traits.streamUsage === false) return undefined;
  const name = "stream_options.include_usage: true";
  const present = member(wire, "stream_options");
  const options = JSON.stringify({ ...(isObject(present) ? present : {}), include_usage: true });
  const kind = present === undefined ? "insert" : "replace";
  return { name, edit: { kind, key: "stream_options", value: options } };
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
