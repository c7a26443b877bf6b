import type { CanonicalEvent } from "../canonical/event.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import type { Loss } from "../canonical/loss.ts";
import type { CanonicalResponse, Finish } from "../canonical/response.ts";
import type { ClientContext, ClientDialect } from "../dialects/dialect.ts";
import { upstreamDialect } from "../dialects/upstream.ts";
import { member, type WireRequest } from "../dialects/wire-request.ts";
import { asBuffer } from "../lib/as-buffer.ts";
import type { Frame, FramingId } from "../framing/framer.ts";
import { spliceObject, type Edit } from "../framing/json-splice.ts";
import { asArray, asObject, isObject, parseJson } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { estimateTokens } from "../operations/count-tokens.ts";
import type { Target } from "../routing/plan.ts";

import type { Restore } from "../translation/restore-plan.ts";
import { placedVersion, versionEdits, type NamedEdit } from "./body-version.ts";
import type { Conversation } from "./exchange-state.ts";
import { passedUpQuery } from "./headers.ts";
import { strictFailure } from "./translation-report.ts";
import { seams } from "./seam.ts";

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
  /** What a translation could not carry as it was. */
  readonly losses: readonly Loss[];
  /** What a translation has to undo in the answer. */
  readonly restore: Restore | undefined;
  /** The prompt's tokens, roughly, for clients that are told of them before the provider has counted; undefined: nobody asks. */
  readonly inputEstimate: number | undefined;
  readonly withhold: Withhold;
};

/** Writes a request for a target: the client's own bytes with named edits, or a translation of the whole. */
export function carryRequest(
  conversation: Conversation,
  wire: WireRequest,
  target: Target,
): Result<CarriedRequest, Failure> {
  const { dialect, client } = conversation;
  if (dialect.id === target.dialect && !holdsEnvelope(wire)) return ok(verbatimRequest(client, wire, target));
  const translated = translatedRequest(dialect, client, wire, target);
  const refusal = translated.ok && conversation.strict ? strictFailure(translated.value.losses) : undefined;
  return refusal === undefined ? translated : fail(refusal);
}

/** `dg1.`, as it begins a sealed value, and the same in base64, as Gemini's fields hold it. */
const ENVELOPE_MARKS = ["dg1.", "ZGcxL"] as const;

/**
 * Whether the history may hold another issuer's reasoning state in an envelope of ours, from before the model was switched. No
 * provider accepts one: the dialect's own writer opens or drops it.
 */
function holdsEnvelope(wire: WireRequest): boolean {
  const bytes = asBuffer(wire.raw);
  return ENVELOPE_MARKS.some((mark) => bytes.includes(mark, 0, "latin1"));
}

function verbatimRequest(client: ClientContext, wire: WireRequest, target: Target): CarriedRequest {
  const edits = modelEdit(client, wire, target).concat(traitEdits(wire, target));
  const usage = usageEdit(client, wire, target);
  if (usage !== undefined) edits.push(usage);
  return spliced(wire, edits, { usageFrame: usage !== undefined });
}

function translatedRequest(
  dialect: ClientDialect,
  client: ClientContext,
  wire: WireRequest,
  target: Target,
): Result<CarriedRequest, Failure> {
  const request = dialect.readRequest(wire);
  if (!request.ok) return request;
  const { writeRequest } = upstreamDialect(target.dialect);
  if (writeRequest === undefined)
    throw new Error(`planned a translation to ${target.dialect}, which cannot be written`);
  const { provider, upstreamModel } = target;
  const options = { issuer: provider.id, kind: provider.kind, model: upstreamModel, traits: provider.traits };
  const written = writeRequest({ ...request.value, model: upstreamModel }, options);
  if (!written.ok) return written;
  const { losses, restore } = written.value;
  const { headers, body } = placedVersion(written.value, target);
  return ok({
    kind: "translate",
    headers,
    // Gemini streams a JSON array unless asked for events.
    query: target.dialect === "gemini" && client.head.stream ? "alt=sse" : "",
    body: () => [Buffer.from(JSON.stringify(body))],
    edits: [],
    losses,
    restore,
    inputEstimate: inputEstimate(dialect, client, wire),
    withhold: { usageFrame: false },
  });
}

/** Only Anthropic's streams begin with the prompt's tokens, and its clients show them. */
function inputEstimate(dialect: ClientDialect, client: ClientContext, wire: WireRequest): number | undefined {
  const tree = dialect.id === "anthropic-messages" && client.head.stream ? wire.tree() : undefined;
  return tree?.ok === true ? estimateTokens(tree.value) : undefined;
}

function spliced(wire: WireRequest, edits: readonly NamedEdit[], withhold: Withhold): CarriedRequest {
  const splice = edits.map(({ edit }) => edit);
  return {
    kind: "verbatim",
    headers: {},
    query: passedUpQuery(wire.query),
    body: () => (splice.length === 0 ? [wire.raw] : spliceObject(wire.raw, wire.scan, splice)),
    edits: edits.map(({ name }) => name),
    losses: [],
    restore: undefined,
    inputEstimate: undefined,
    withhold,
  };
}

/** The body names the model as the client does; the provider wants its own id. A model in the path is the URL's business. */
function modelEdit({ head }: ClientContext, wire: WireRequest, target: Target): NamedEdit[] {
  const version = target.provider.traits.anthropicBodyVersion;
  if (version !== undefined && target.dialect === "anthropic-messages") return versionEdits(wire, version);
  if (wire.pathModel !== "" || head.model === target.upstreamModel) return [];
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
export interface StreamCarry {
  /** What the client gets for a frame: its own bytes, text of ours, or nothing. `events` is undefined for a frame nobody could read. */
  carry(frame: Frame, events: readonly CanonicalEvent[] | undefined): Uint8Array | string | undefined;
  /** What a complete stream's end still brings: events that the decoder held back, bytes that belong to no frame. */
  close(events: readonly CanonicalEvent[], rest: Uint8Array): readonly (Uint8Array | string)[];
  /** Why the answer is none for this client, where an event says so. */
  failureOf(event: CanonicalEvent): Failure | undefined;
  /**
   * What has still to be said of a failure: its in-band form, or what closes the stream of a client that has been told
   * already. Undefined where only cutting the connection tells the client.
   */
  failure(reason: Failure): string | undefined;
  /** Bytes that keep the connection alive at a frame boundary and change nothing for the client. */
  keepAlive(): string;
  /** Whether a frame that cannot be read may pass; a translation has nothing to say in its place. */
  readonly passesUnreadable: boolean;
  /** Whether the client has been told how the stream failed by what was carried already. */
  isFailureTold(): boolean;
}

/** Where the gateway asked for more than the client did, what must not reach the client. */
export type Withhold = { readonly usageFrame: boolean };

export function streamCarry(
  kind: CarryKind,
  dialect: ClientDialect,
  client: ClientContext,
  carried: Pick<CarriedRequest, "withhold" | "inputEstimate">,
): StreamCarry {
  return kind === "verbatim"
    ? verbatimStream(dialect, client, carried.withhold)
    : translatedStream(dialect, client, carried.inputEstimate);
}

function verbatimStream(dialect: ClientDialect, client: ClientContext, withhold: Withhold): StreamCarry {
  const follower = dialect.follower(client);
  const seam = seams[client.framing]();
  let failureTold = false;
  return {
    passesUnreadable: true,
    isFailureTold: () => failureTold,
    failureOf: errorOf,
    carry(frame, events) {
      const error = events?.find(isError);
      if (error !== undefined) {
        if (!canBeTold(dialect, client, error.failure)) return undefined;
        failureTold = true;
      } else if (withhold.usageFrame && isBareUsageFrame(frame, events)) return undefined;
      if (frame.payload !== undefined) follower.observe(frame.payload);
      seam.passed(frame);
      return frame.bytes;
    },
    // The upstream's own last frames were carried; what the decoder held back says the same thing again.
    close(_events, rest) {
      const closing = seam.closing();
      if (closing !== "") return [closing];
      return rest.length === 0 ? [] : [rest];
    },
    failure(reason) {
      if (failureTold) return seam.closing();
      const lead = seam.lead();
      const text = lead === undefined ? undefined : follower.failure(reason);
      return text === undefined || text === "" ? text : lead + text;
    },
    keepAlive: () => follower.keepAlive(),
  };
}

function translatedStream(
  dialect: ClientDialect,
  client: ClientContext,
  inputEstimate: number | undefined,
): StreamCarry {
  const encoder = dialect.encoder(client);
  const encode = (events: readonly CanonicalEvent[]): string => {
    let text = "";
    for (const event of withEstimate(events, inputEstimate)) {
      // A failure is told through `failure`, which also knows the clients that only a cut connection reaches. It is the last thing said.
      if (failureOf(event) !== undefined) break;
      text += encoder.write(event);
    }
    return text;
  };
  return {
    passesUnreadable: false,
    // Errors are never carried as events: whoever relays has to ask for `failure`.
    isFailureTold: () => false,
    failureOf,
    carry(_frame, events) {
      if (events === undefined || events.length === 0) return undefined;
      const text = encode(events);
      return text === "" ? undefined : text;
    },
    close: (events) => [encode(events)],
    failure: (reason) => encoder.failure(reason),
    keepAlive: () => encoder.keepAlive(),
  };
}

/** Right after the start, the prompt's tokens as far as they are known: the provider's count if it came along, else ours. */
function withEstimate(events: readonly CanonicalEvent[], inputEstimate: number | undefined): readonly CanonicalEvent[] {
  const start = inputEstimate === undefined ? -1 : events.findIndex((event) => event.type === "start");
  if (start < 0) return events;
  const counted = events.find((event) => event.type === "usage" && (event.usage.inputTotal ?? 0) > 0);
  const estimate: CanonicalEvent = { type: "usage", usage: { inputTotal: inputEstimate ?? 0, estimated: true } };
  return events.toSpliced(start + 1, 0, counted ?? estimate);
}

/** Whether this client learns of a failure from the stream itself. A follower that has seen nothing says so without side effects. */
function canBeTold(dialect: ClientDialect, client: ClientContext, reason: Failure): boolean {
  return dialect.follower(client).failure(reason) !== undefined;
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

/** Why a plain answer is none for this client, if it is none; asked before it is carried or streamed. */
export function plainFailure(kind: CarryKind, response: CanonicalResponse): Failure | undefined {
  if (kind === "verbatim") return undefined;
  for (const { finish } of response.candidates) {
    const failed = failedFinish(finish);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

/** A whole answer for a client that asked for a stream: its events, through the encoder. */
export function streamOfWhole(
  dialect: ClientDialect,
  client: ClientContext,
  events: readonly CanonicalEvent[],
): string {
  const encoder = dialect.encoder(client);
  return events.map((event) => encoder.write(event)).join("");
}

function isError(event: CanonicalEvent): event is Extract<CanonicalEvent, { readonly type: "error" }> {
  return event.type === "error";
}

function errorOf(event: CanonicalEvent): Failure | undefined {
  return isError(event) ? event.failure : undefined;
}

/** In a translation an answer may also fail by the way it ends. */
function failureOf(event: CanonicalEvent): Failure | undefined {
  return event.type === "finish" ? failedFinish(event.finish) : errorOf(event);
}

/**
 * Ends at which a model gave no answer. Its own format has words for them, which pass untouched; in another format the nearest
 * word would call the answer a success.
 */
function failedFinish(finish: Finish): Failure | undefined {
  switch (finish.reason) {
    case "error":
      return (
        finish.failure ?? failure("provider_error", finish.message ?? "The model broke off its answer. Try again.")
      );
    case "malformed-tool-call":
      return (
        finish.failure ??
        failure(
          "provider_bad_response",
          finish.message ?? "The model called a tool in a way that cannot be read. Try again.",
        )
      );
    default:
      return undefined;
  }
}

const EMPTY_CHOICES = /"choices"\s*:\s*\[\s*\]/;

/**
 * The Chat chunk that carries nothing but usage: `choices: []`. A provider may also put usage on a chunk with choices, and
 * some on every chunk; those have something to say and stay, even where a part of them is called `choices` and empty too.
 */
function isBareUsageFrame({ payload }: Frame, events: readonly CanonicalEvent[] | undefined): boolean {
  if (payload === undefined || events === undefined || !events.some(({ type }) => type === "usage")) return false;
  return EMPTY_CHOICES.test(payload.data) && asArray(asObject(parseJson(payload.data))?.["choices"])?.length === 0;
}
