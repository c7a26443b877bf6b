import { failure, type Failure } from "../canonical/failure.ts";
import type { Usage } from "../canonical/usage.ts";
import { asBuffer } from "../lib/as-buffer.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { readRelayedUsage, requestUsage } from "../operations/relayed-usage.ts";
import type { RelayedMatch } from "../operations/table.ts";
import { upstreamUrl } from "../providers/urls.ts";
import { observe } from "../record/observe.ts";
import type { Target } from "../routing/plan.ts";
import {
  callTarget,
  closeAttempt,
  firstByteMs,
  judge,
  openAttempt,
  PLAIN_ANSWER_BYTES_MAX,
  type Answer,
} from "./attempt.ts";
import { peekStream } from "./answer-stream.ts";
import { elapsedMs, type Conversation, type Exchange } from "./exchange-state.ts";
import { upstreamHeaders } from "./headers.ts";
import type { ByteSupply, UpstreamCall } from "./ports.ts";
import type { CarriedBody, RelayedRequest } from "./relayed-request.ts";
import { relayedStream, type RelayedFraming } from "./relayed-stream.ts";
import { readWhole, type UpstreamAnswer } from "./upstream-call.ts";

/** A request of a relayed operation and whom to answer. */
export type RelayedCall = Pick<Conversation, "dialect" | "client" | "patienceMs"> & {
  readonly match: RelayedMatch;
  readonly query: URLSearchParams;
  readonly request: RelayedRequest;
};

/** One call to one target. Fails only while nothing of its answer has reached the client. */
export async function makeRelayedAttempt(
  exchange: Exchange,
  call: RelayedCall,
  target: Target,
  carried: CarriedBody,
): Promise<Result<Answer, Failure>> {
  const draft = openAttempt(exchange, target, { kind: "verbatim", edits: carried.edits, losses: [] });
  const waitMs = firstByteMs(call, target);
  const upload = { waiting: true };
  const request = upstreamCall(exchange, call, target, carried, () => {
    // The provider cannot answer before it has everything; while it is being sent, its silence is not its fault.
    if (upload.waiting) exchange.watchdog.set("first-byte", waitMs);
  });
  const answered = await judge(exchange, target, await callTarget(exchange, target, request, waitMs), draft);
  upload.waiting = false;
  draft.model = exchange.upstreamModel ?? draft.model;
  const answer = answered.ok ? await readAnswer(exchange, call, target, answered.value) : answered;
  return closeAttempt(exchange, draft, answer);
}

function upstreamCall(
  exchange: Exchange,
  call: RelayedCall,
  target: Target,
  carried: CarriedBody,
  onProgress: () => void,
): UpstreamCall {
  const { provider, credential } = target;
  const { match, client } = call;
  const { stream } = client.head;
  const headers = upstreamHeaders(exchange.request.headers, provider, credential, {
    verbatim: true,
    stream,
    contentType: carried.contentType,
    accept: exchange.request.headers["accept"] ?? "*/*",
  });
  const query = passedUpQuery(call.query);
  const id = match.operation.model === "path" ? "" : match.subject;
  const url = upstreamUrl(provider, target.operation, { model: target.upstreamModel, id, stream, query });
  const { body } = carried;
  return {
    method: match.operation.method,
    origin: url.origin,
    path: url.path,
    headers,
    body: body !== undefined && "read" in body ? supervised(exchange, body, onProgress) : body,
    connectTimeoutMs: provider.timeouts.connectMs,
  };
}

/** Lists have pages, filters and fields to include: all of it goes on, save for credentials. */
function passedUpQuery(query: URLSearchParams): string {
  if (!query.has("key")) return query.toString();
  const passed = new URLSearchParams(query);
  passed.delete("key");
  return passed.toString();
}

/** When a client's body breaks off, the call ends with the reason, whatever the connection makes of it. */
function supervised(exchange: Exchange, body: ByteSupply, onProgress: () => void): ByteSupply {
  return {
    bytes: body.bytes,
    async read() {
      const piece = await body.read();
      if (piece.ok) onProgress();
      else exchange.handle.abort(piece.error);
      return piece;
    },
    drop: () => body.drop(),
  };
}

async function readAnswer(
  exchange: Exchange,
  call: RelayedCall,
  target: Target,
  answer: UpstreamAnswer,
): Promise<Result<Answer, Failure>> {
  const { answer: kind } = call.match.operation;
  const type = /^[^;\s]*/.exec(answer.headers["content-type"] ?? "")?.[0].toLowerCase() ?? "";
  const framing: RelayedFraming = kind !== "file" && type === "text/event-stream" ? "events" : "bytes";
  const isDocument = kind === "document" || (kind === "media" && type === "application/json");
  const read =
    framing === "bytes" && isDocument
      ? await readDocument(exchange, call, target, answer, type)
      : await openStream(exchange, call, target, answer, framing);
  const known =
    call.request.wire === undefined ? undefined : requestUsage[call.match.operation.id]?.(call.request.wire);
  if (read.ok && known !== undefined) observeUsage(exchange, known);
  return read;
}

async function readDocument(
  exchange: Exchange,
  call: RelayedCall,
  target: Target,
  answer: UpstreamAnswer,
  type: string,
): Promise<Result<Answer, Failure>> {
  const limits = { bytesMax: PLAIN_ANSWER_BYTES_MAX, idleMs: target.provider.timeouts.idleMs };
  const body = await readWhole(answer.source, exchange.watchdog, limits, exchange.handle);
  if (!body.ok) return body;
  if (type === "text/html") {
    const message = "The provider answered with a web page. Its base URL is probably not that of an API.";
    return fail(failure("provider_bad_response", message));
  }
  // What is only looked up was paid for when it was made.
  const usage = call.match.operation.model === "none" ? undefined : readRelayedUsage(asBuffer(body.value));
  if (usage !== undefined) observeUsage(exchange, usage);
  const contentType = answer.headers["content-type"] ?? "application/json";
  const { status, headers } = answer;
  return ok({ kind: "plain", status, headers, credential: target.credential.kind, body: body.value, contentType });
}

async function openStream(
  exchange: Exchange,
  call: RelayedCall,
  target: Target,
  answer: UpstreamAnswer,
  framing: RelayedFraming,
): Promise<Result<Answer, Failure>> {
  const { status, headers, source } = answer;
  const spends = call.match.operation.model !== "none";
  const stream = await peekStream({
    clock: exchange.deps.clock,
    startedAt: exchange.startedAt,
    observation: exchange.observation,
    watchdog: exchange.watchdog,
    handle: exchange.handle,
    source,
    ...relayedStream(framing, {
      dialect: call.dialect,
      client: call.client,
      upstream: target.dialect,
      issuer: target.provider.id,
      spends,
    }),
    idleMs: target.provider.timeouts.idleMs,
  });
  if (!stream.ok) return stream;
  const contentType = headers["content-type"] ?? "application/octet-stream";
  return ok({ kind: "stream", status, headers, credential: target.credential.kind, stream: stream.value, contentType });
}

function observeUsage(exchange: Exchange, usage: Partial<Usage>): void {
  observe(exchange.observation, { type: "usage", usage }, elapsedMs(exchange));
}
