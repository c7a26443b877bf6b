import { failure, UPSTREAM_ERROR_BODY_BYTES_MAX, type Failure } from "../canonical/failure.ts";
import type { CanonicalEvent } from "../canonical/event.ts";
import type { AnswerSummary } from "../canonical/response.ts";
import { unfold } from "../canonical/unfold.ts";
import type { DecoderOptions, UpstreamDialect } from "../dialects/dialect.ts";
import { upstreamDialect } from "../dialects/upstream.ts";
import { asBuffer } from "../lib/as-buffer.ts";
import { framers } from "../framing/framers.ts";
import type { FramingId } from "../framing/framer.ts";
import { parseKeepingIntegers } from "../lib/json-exact.ts";
import { parseJson, type Json } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { upstreamUrl } from "../providers/urls.ts";
import { observe, observeSummary } from "../record/observe.ts";
import type { AttemptRecord } from "../record/record.ts";
import type { Target } from "../routing/plan.ts";
import type { Restore } from "../translation/restore-plan.ts";
import { restoreResponse } from "../translation/restore.ts";
import { peekStream, type AnswerStream } from "./answer-stream.ts";
import { authorise, forgetToken } from "./authorise.ts";
import { chooseCarry, plainCarry, plainFailure, streamCarry, streamOfWhole, type CarriedRequest } from "./carry.ts";
import { elapsedMs, type Conversation, type Exchange } from "./exchange-state.ts";
import { passedDownHeaders, upstreamHeaders, upstreamRequestId } from "./headers.ts";
import type { Headers, UpstreamCall } from "./ports.ts";
import { restoredDecoder } from "./restored-decoder.ts";
import { callUpstream, readWhole, type UpstreamAnswer } from "./upstream-call.ts";

/** A provider's plain answer is held whole; one larger than this is not an answer of a language model. */
export const PLAIN_ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/** What a provider answered, ready for the client. */
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly credential: Target["credential"]["kind"];
} & (
  | { readonly kind: "plain"; readonly body: Uint8Array | string; readonly contentType: string }
  /** `contentType`: where it is no conversation's stream, which follows from the client's format. */
  | { readonly kind: "stream"; readonly stream: AnswerStream; readonly contentType?: string }
);

export type AttemptDraft = { -readonly [K in keyof AttemptRecord]: AttemptRecord[K] };

/** One call to one target. Fails only while nothing of its answer has reached the client. */
export async function makeAttempt(
  exchange: Exchange,
  conversation: Conversation,
  target: Target,
  carried: CarriedRequest,
): Promise<Result<Answer, Failure>> {
  const draft = openAttempt(exchange, target, carried);
  const request = upstreamCall(exchange, conversation, target, carried);
  const answered = await callTarget(exchange, target, request, firstByteMs(conversation, target));
  const judging = judge(exchange, target, answered, draft);
  // Waiting costs turns of the loop even for what is there already, and nearly always it is.
  const judged = judging instanceof Promise ? await judging : judging;
  if (!judged.ok) return closeAttempt(exchange, draft, judged);
  const reading = readAnswer(exchange, conversation, target, judged.value, carried, draft);
  return closeAttempt(exchange, draft, reading instanceof Promise ? await reading : reading);
}

/** Sends a call with its credential. Resolves with the status line of whatever the provider answers. */
export function callTarget(
  exchange: Exchange,
  target: Target,
  request: UpstreamCall,
  waitMs: number,
): Promise<Result<UpstreamAnswer, Failure>> {
  const { watchdog, handle, deps } = exchange;
  const send = (authorised: Result<UpstreamCall, Failure>) =>
    authorised.ok
      ? callUpstream(deps.transport, watchdog, authorised.value, waitMs, handle)
      : Promise.resolve(authorised);
  const authorising = authorise(exchange, target, request);
  return authorising instanceof Promise ? authorising.then(send) : send(authorising);
}

/** The provider's verdict: whatever is no success is a failure, and told by its body. */
export function judge(
  exchange: Exchange,
  target: Target,
  answered: Result<UpstreamAnswer, Failure>,
  draft: AttemptDraft,
): Result<UpstreamAnswer, Failure> | Promise<Result<UpstreamAnswer, Failure>> {
  if (!answered.ok) return answered;
  const { status, headers } = answered.value;
  draft.status = status;
  draft.headersMs = elapsedMs(exchange);
  draft.upstreamRequestId = upstreamRequestId(headers);
  if (status === 401) forgetToken(exchange, target);
  if (status >= 200 && status < 300) return answered;
  exchange.failureHeaders = passedDownHeaders(headers, target.credential.kind);
  return readFailure(exchange, target, answered.value).then(fail);
}

function upstreamCall(
  exchange: Exchange,
  conversation: Conversation,
  target: Target,
  carried: CarriedRequest,
): UpstreamCall {
  const { provider, credential } = target;
  const { stream } = conversation.client.head;
  const headers = upstreamHeaders(exchange.request.headers, provider, credential, {
    verbatim: carried.kind === "verbatim",
    stream,
    contentType: "application/json",
  });
  const url = upstreamUrl(provider, target.operation, { model: target.upstreamModel, stream, query: carried.query });
  return {
    method: "POST",
    origin: url.origin,
    path: url.path,
    headers: Object.assign(headers, carried.headers),
    body: carried.body(),
    connectTimeoutMs: provider.timeouts.connectMs,
  };
}

/** A model's own limit, else the provider's; a client that says how long it waits is not kept waiting longer. */
export function firstByteMs(conversation: Pick<Conversation, "client" | "patienceMs">, target: Target): number {
  const { timeouts } = target.provider;
  const usual = conversation.client.head.stream ? timeouts.firstByteStreamMs : timeouts.firstBytePlainMs;
  return Math.min(target.timeoutMs ?? usual, conversation.patienceMs ?? Infinity);
}

/** How a successful answer to a streaming request is framed; undefined when the provider answered with one whole document. */
function streamFraming(headers: Headers, conversation: Conversation, target: Target): FramingId | undefined {
  const type = headers["content-type"] ?? "";
  if (type.startsWith("text/event-stream")) return "sse";
  if (type.startsWith("application/x-ndjson")) return "ndjson";
  if (type.startsWith("application/vnd.amazon.eventstream")) return "aws-eventstream";
  // Gemini without `alt=sse` streams a JSON array under the content type of a plain answer.
  if (target.dialect === "gemini" && conversation.client.framing === "json-array") return "json-array";
  return undefined;
}

/** At once where everything has arrived with the headers, as short answers do: waiting for nothing costs turns of the loop. */
function readAnswer(
  exchange: Exchange,
  conversation: Conversation,
  target: Target,
  answer: UpstreamAnswer,
  carried: CarriedRequest,
  draft: AttemptDraft,
): Result<Answer, Failure> | Promise<Result<Answer, Failure>> {
  const { stream } = conversation.client.head;
  const framing = stream ? streamFraming(answer.headers, conversation, target) : undefined;
  if (framing !== undefined) return openStream(exchange, conversation, target, answer, framing, carried, draft);
  const read = (body: Uint8Array) => readPlain(exchange, conversation, target, answer, body, carried.restore, draft);
  const whole = answer.source.whole(PLAIN_ANSWER_BYTES_MAX);
  if (whole !== undefined) return read(whole);
  const limits = { bytesMax: PLAIN_ANSWER_BYTES_MAX, idleMs: target.provider.timeouts.idleMs };
  const reading = readWhole(answer.source, exchange.watchdog, limits, exchange.handle);
  return reading.then((body) => (body.ok ? read(body.value) : body));
}

async function openStream(
  exchange: Exchange,
  conversation: Conversation,
  target: Target,
  answer: UpstreamAnswer,
  framing: FramingId,
  carried: CarriedRequest,
  draft: AttemptDraft,
): Promise<Result<Answer, Failure>> {
  const { client, dialect } = conversation;
  const choice = chooseCarry(client, { dialect: target.dialect, framing });
  draft.carry = choice;
  const options = decoderOptions(conversation, target);
  const stream = await peekStream({
    clock: exchange.deps.clock,
    startedAt: exchange.startedAt,
    observation: exchange.observation,
    watchdog: exchange.watchdog,
    handle: exchange.handle,
    source: answer.source,
    framer: framers[framing](),
    decoder: restoredDecoder(upstreamDialect(target.dialect).decoder(options), carried.restore, {
      candidates: options.candidates,
      inputTokens: () => carried.inputEstimate ?? 0,
    }),
    carry: streamCarry(choice.response, dialect, client, carried),
    idleMs: target.provider.timeouts.idleMs,
  });
  if (!stream.ok) return stream;
  return ok({
    kind: "stream",
    status: answer.status,
    headers: answer.headers,
    credential: target.credential.kind,
    stream: stream.value,
  });
}

function readPlain(
  exchange: Exchange,
  conversation: Conversation,
  target: Target,
  answer: UpstreamAnswer,
  body: Uint8Array,
  restore: Restore | undefined,
  draft: AttemptDraft,
): Result<Answer, Failure> {
  const { client, dialect } = conversation;
  const choice = chooseCarry(client, { dialect: target.dialect, framing: client.framing });
  const common = { status: answer.status, headers: answer.headers, credential: target.credential.kind };
  const contentType = answer.headers["content-type"] ?? "application/json";
  const upstream = upstreamDialect(target.dialect);
  if (choice.response === "verbatim" && !client.head.stream) {
    const summary = summarise(upstream, body);
    if (summary !== undefined) {
      observeSummary(exchange.observation, summary, elapsedMs(exchange));
      return ok({ ...common, kind: "plain", body, contentType });
    }
  }
  const json = readJson(body, choice.response === "translate");
  if (json === undefined) return fail(failure("provider_bad_response", "The provider's answer is not JSON."));
  const read = upstream.readResponse(json, decoderOptions(conversation, target));
  if (!read.ok) return read;
  const response = restore === undefined ? read.value : restoreResponse(read.value, restore);
  const events = unfold(response);
  observeWhole(exchange, events);
  const failed = plainFailure(choice.response, response);
  if (failed !== undefined) return fail(failed);
  // A whole document where a stream was asked for: the client gets the stream it can read.
  if (client.head.stream) {
    draft.carry = { ...draft.carry, response: "translate" };
    const streamType =
      client.framing === "sse" ? "text/event-stream; charset=utf-8" : "application/json; charset=utf-8";
    return ok({ ...common, kind: "plain", body: streamOfWhole(dialect, client, events), contentType: streamType });
  }
  const carried = plainCarry(choice.response, dialect, client, { bytes: body, contentType, response });
  return ok({ ...common, kind: "plain", ...carried });
}

const ASCII = /^[\x20-\x7e]*$/;

/**
 * What the record needs of an answer whose bytes pass untouched. Read as Latin-1, which takes half the time of UTF-8: JSON's
 * structure is ASCII, and of its text only the names of tools are wanted. Undefined where the answer has to be read in full.
 */
function summarise(upstream: UpstreamDialect, bytes: Uint8Array): AnswerSummary | undefined {
  if (upstream.summarise === undefined) return undefined;
  const json = parseJson(asBuffer(bytes).toString("latin1"));
  const summary = json === undefined ? undefined : upstream.summarise(json);
  return summary?.toolCalls.every((name) => ASCII.test(name)) === true ? summary : undefined;
}

function observeWhole(exchange: Exchange, events: readonly CanonicalEvent[]): void {
  const now = elapsedMs(exchange);
  for (const event of events) observe(exchange.observation, event, now);
}

async function readFailure(exchange: Exchange, target: Target, answer: UpstreamAnswer): Promise<Failure> {
  const { status, headers, source } = answer;
  if (status < 400) {
    source.abort();
    // Following it would carry the credential to an address nobody configured.
    return failure("provider_redirect", `The provider answered with a redirect (${status}), which is never followed.`, {
      retryable: false,
    });
  }
  const limits = { bytesMax: UPSTREAM_ERROR_BODY_BYTES_MAX, idleMs: target.provider.timeouts.idleMs };
  const body = await readWhole(source, exchange.watchdog, limits, exchange.handle);
  if (!body.ok && body.error.class === "cancelled") return body.error;
  return upstreamDialect(target.dialect).readError({ status, headers, body: body.ok ? body.value : new Uint8Array() });
}

function decoderOptions(conversation: Conversation, target: Target): DecoderOptions {
  const { head, requestId, createdAt } = conversation.client;
  return { issuer: target.provider.id, candidates: head.candidates, model: target.upstreamModel, requestId, createdAt };
}

/** Begins what the record tells of a call, however it ends. */
export function openAttempt(
  exchange: Exchange,
  target: Target,
  carried: Pick<CarriedRequest, "kind" | "edits" | "losses">,
): AttemptDraft {
  const draft: AttemptDraft = {
    provider: target.provider.id,
    model: target.upstreamModel,
    dialect: target.dialect,
    credential: target.credential.kind,
    carry: { request: carried.kind, response: carried.kind },
    edits: carried.edits,
    startedMs: elapsedMs(exchange),
    headersMs: undefined,
    endedMs: 0,
    status: undefined,
    upstreamRequestId: undefined,
    failure: undefined,
  };
  exchange.attempts.push(draft);
  exchange.observation.losses = [...carried.losses];
  exchange.provider = target.provider.id;
  exchange.upstreamModel = target.upstreamModel;
  return draft;
}

/** Where it is going to be written anew, long integers in the arguments of tools keep their digits. */
function readJson(bytes: Uint8Array, isRewritten: boolean): Json | undefined {
  const text = asBuffer(bytes).toString("utf8");
  return isRewritten ? parseKeepingIntegers(text) : parseJson(text);
}

/** Ends it with what came of the call. */
export function closeAttempt<Answer>(
  exchange: Exchange,
  draft: AttemptDraft,
  answer: Result<Answer, Failure>,
): Result<Answer, Failure> {
  draft.endedMs = elapsedMs(exchange);
  if (!answer.ok) {
    const { class: kind, code, message } = answer.error;
    draft.failure = { class: kind, code, message };
  }
  return answer;
}
