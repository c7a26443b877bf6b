import { failure, type Failure } from "../canonical/failure.ts";
import type { CanonicalEvent } from "../canonical/event.ts";
import { FrameTooLargeError, type Frame, type Framer } from "../framing/framer.ts";
import type { Clock } from "../lib/clock.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { observe, openObservation, type Observation } from "../record/observe.ts";
import type { ExchangeEnd } from "../record/record.ts";
import type { StreamCarry } from "./carry.ts";
import { isMeaningful } from "./is-meaningful.ts";
import { joinPieces } from "./join-pieces.ts";
import type { Headers, Reply } from "./ports.ts";
import type { RestoredDecoder } from "./restored-decoder.ts";
import { deadlineFailure, type ByteSource, type CallHandle } from "./upstream-call.ts";
import type { DeadlineName, Watchdog } from "./watchdog.ts";

/*
 * A provider's stream on its way to the client. Until it is committed nothing has reached the client, and a failure is an
 * ordinary one that may be retried; afterwards it can only be told in the stream itself.
 */

export const PEEK_BYTES_MAX = 65_536;
export const COMMIT_AFTER_MS = 5_000;
export const KEEP_ALIVE_MS = 15_000;
export const CLIENT_STALL_MS = 60_000;
export const TRAILING_MS = 10_000;

export type StreamParts = {
  readonly clock: Clock;
  /** `clock.now()` at the start of the exchange. */
  readonly startedAt: number;
  readonly observation: Observation;
  readonly watchdog: Watchdog;
  readonly handle: CallHandle;
  readonly source: ByteSource;
  readonly framer: Framer;
  readonly decoder: RestoredDecoder;
  readonly carry: StreamCarry;
  readonly idleMs: number;
};

export type StreamResult = {
  readonly end: ExchangeEnd;
  readonly failure: Failure | undefined;
  readonly bytes: number;
  readonly unreadableFrames: number;
};

/** A stream that has shown something worth sending. */
export interface AnswerStream {
  /** Commits: sends the headers and everything held, then relays until the end. Resolves once, however it ends. */
  relay(reply: Reply, status: number, headers: Headers): Promise<StreamResult>;
}

type State = {
  readonly parts: StreamParts;
  /** Ready for the client, not written yet. Everything is held here until the commit. */
  pending: (Uint8Array | string)[];
  pendingBytes: number;
  phase: "peeking" | "relaying" | "over";
  reply: Reply | undefined;
  /** Content or a finish has been seen. */
  meaningful: boolean;
  anyEvent: boolean;
  /** The decoder has said `end` of an answer that did not fail: whatever comes after it is no part of the answer. */
  answerEnded: boolean;
  sourceEnded: boolean;
  paused: boolean;
  failure: Failure | undefined;
  /** How it was over before it was relayed. */
  overEarly: { readonly reason: Failure; readonly end: ExchangeEnd } | undefined;
  bytes: number;
  unreadableFrames: number;
  onPeeked: (result: Result<undefined, Failure>) => void;
  onOver: (result: StreamResult) => void;
};

/** Reads until the stream is worth committing to, or has failed, or has ended. */
export async function peekStream(parts: StreamParts): Promise<Result<AnswerStream, Failure>> {
  const state: State = {
    parts,
    pending: [],
    pendingBytes: 0,
    phase: "peeking",
    reply: undefined,
    meaningful: false,
    anyEvent: false,
    answerEnded: false,
    sourceEnded: false,
    paused: false,
    failure: undefined,
    overEarly: undefined,
    bytes: 0,
    unreadableFrames: 0,
    onPeeked: () => {},
    onOver: () => {},
  };
  const peeked = new Promise<Result<undefined, Failure>>((resolve) => {
    state.onPeeked = resolve;
  });
  const { watchdog, source, handle, observation } = parts;
  // An earlier attempt may have said something before it broke; the record is about the answer that the client gets.
  Object.assign(observation, { ...openObservation(), losses: observation.losses });
  watchdog.set("commit", COMMIT_AFTER_MS);
  watchdog.set("idle", parts.idleMs);
  watchdog.listen((name) => onExpire(state, name));
  const abort = (reason: Failure): void =>
    reason.class === "cancelled" ? onClientGone(state, reason) : onBroken(state, reason);
  handle.abort = abort;
  source.read({
    data: (bytes) => onData(state, bytes),
    end: () => onSourceEnd(state, "ended"),
    broken: (reason) => onBroken(state, reason),
  });
  const result = await peeked;
  if (!result.ok) return result;
  // It may have failed between the decision and now; nothing has reached the client, so that is still an ordinary failure.
  if (state.overEarly !== undefined) return fail(state.overEarly.reason);
  return ok({ relay: (reply, status, headers) => relay(state, reply, status, headers) });
}

function onData(state: State, bytes: Uint8Array): void {
  if (state.phase === "over") return;
  state.parts.watchdog.set("idle", state.parts.idleMs);
  let frames: readonly Frame[];
  try {
    frames = state.parts.framer.push(bytes);
  } catch (error) {
    if (!(error instanceof FrameTooLargeError)) throw error;
    breakOff(
      state,
      failure("provider_frame_too_large", `A part of the provider's stream is too large: ${error.message}`),
    );
    return;
  }
  const { decoder, source } = state.parts;
  for (const frame of frames) {
    if (!takeFrame(state, frame)) return;
    if (decoder.isStopped?.() !== true) continue;
    // The answer was cut at a stop sequence of the client's: the provider goes on writing for nobody.
    source.abort();
    onSourceEnd(state, "ended");
    return;
  }
  if (state.phase === "peeking") decide(state);
  else flush(state);
}

/** False when the stream was broken off. */
function takeFrame(state: State, frame: Frame): boolean {
  const { decoder, carry, watchdog } = state.parts;
  const events = frame.payload === undefined ? [] : decoder.step(frame.payload);
  if (events === undefined) {
    state.unreadableFrames += 1;
    if (!carry.passesUnreadable && !state.answerEnded) {
      breakOff(state, failure("provider_bad_response", "The provider's stream holds a part that is not JSON."));
      return false;
    }
  } else {
    observeAll(state, events);
  }
  const piece = carry.carry(frame, events);
  if (piece !== undefined) {
    state.pending.push(piece);
    state.pendingBytes += piece.length;
  }
  if (state.failure !== undefined && !carry.isFailureTold()) {
    breakOff(state, state.failure, "upstream-failed");
    return false;
  }
  // A terminal is not the end: usage may follow. But the provider does not get for ever to close the connection.
  if (decoder.isTerminal() || state.failure !== undefined) watchdog.set("trailing", TRAILING_MS);
  return true;
}

function observeAll(state: State, events: readonly CanonicalEvent[]): void {
  const { clock, startedAt, observation, carry } = state.parts;
  for (const event of events) {
    observe(observation, event, clock.now() - startedAt);
    state.failure ??= carry.failureOf(event);
    if (isMeaningful(event)) state.meaningful = true;
    if (event.type === "end" && state.failure === undefined) state.answerEnded = true;
    state.anyEvent = true;
  }
}

function decide(state: State): void {
  if (state.failure !== undefined) breakOff(state, state.failure, "upstream-failed");
  else if (state.meaningful || state.pendingBytes >= PEEK_BYTES_MAX || state.sourceEnded) state.onPeeked(ok(undefined));
}

/** `cut`: the connection did not end by itself, so that what is left over is half of something. */
function onSourceEnd(state: State, how: "ended" | "cut"): void {
  if (state.phase === "over" || state.sourceEnded) return;
  state.sourceEnded = true;
  const { framer, decoder, carry, watchdog } = state.parts;
  watchdog.clear("idle");
  watchdog.clear("trailing");
  const last = framer.end();
  for (const frame of last.frames) {
    if (!takeFrame(state, frame)) return;
  }
  const { events, outcome } = decoder.end();
  const hadEvents = state.anyEvent;
  observeAll(state, events);
  if (outcome !== "complete") {
    breakOff(state, hadEvents ? (state.failure ?? LATE_ERROR) : EMPTY_STREAM, outcome);
    return;
  }
  state.pending.push(...carry.close(events, how === "ended" ? last.rest : NO_BYTES));
  if (state.failure !== undefined) breakOff(state, state.failure, "upstream-failed");
  else if (state.phase === "peeking") decide(state);
  else conclude(state);
}

const NO_BYTES = new Uint8Array();
const EMPTY_STREAM = failure("provider_empty_stream", "The provider's stream ended without an answer.");
const LATE_ERROR = failure("provider_error", "The provider reported an error after the end of its answer.");

async function relay(state: State, reply: Reply, status: number, headers: Headers): Promise<StreamResult> {
  const result = new Promise<StreamResult>((resolve) => {
    state.onOver = resolve;
  });
  const { overEarly } = state;
  if (overEarly?.reason.class === "cancelled") {
    over(state, overEarly.end, overEarly.reason);
    return result;
  }
  state.reply = reply;
  state.phase = "relaying";
  state.parts.watchdog.clear("commit");
  state.parts.watchdog.set("keep-alive", KEEP_ALIVE_MS);
  reply.onDrain(() => onDrain(state));
  reply.start(status, headers);
  if (overEarly !== undefined) breakOff(state, overEarly.reason, overEarly.end);
  else if (state.sourceEnded) conclude(state);
  else flush(state);
  return result;
}

/** One write for everything that is ready. */
function flush(state: State): void {
  const { reply, pending } = state;
  if (reply === undefined || pending.length === 0) return;
  const [first] = pending;
  const piece = pending.length === 1 && first !== undefined ? first : joinPieces(pending);
  state.pending = [];
  state.pendingBytes = 0;
  write(state, reply, piece);
}

function write(state: State, reply: Reply, piece: Uint8Array | string): void {
  if (piece.length === 0) return;
  state.bytes += typeof piece === "string" ? Buffer.byteLength(piece) : piece.length;
  const { watchdog, source } = state.parts;
  watchdog.set("keep-alive", KEEP_ALIVE_MS);
  if (reply.write(piece) || state.paused) return;
  // The client reads more slowly than the provider sends: the provider waits, and its silence is no longer its fault.
  state.paused = true;
  source.pause();
  watchdog.clear("idle");
  watchdog.set("stall", CLIENT_STALL_MS);
}

function onDrain(state: State): void {
  if (!state.paused || state.phase === "over") return;
  state.paused = false;
  const { watchdog, source, idleMs } = state.parts;
  watchdog.clear("stall");
  watchdog.set("idle", idleMs);
  source.resume();
}

function onExpire(state: State, name: DeadlineName): void {
  if (state.phase === "over") return;
  switch (name) {
    case "commit":
      if (state.phase === "peeking") state.onPeeked(ok(undefined));
      return;
    case "keep-alive":
      keepAlive(state);
      return;
    case "trailing":
      state.parts.source.abort();
      onSourceEnd(state, "cut");
      return;
    case "stall":
      state.reply?.destroy();
      onClientGone(state, failure("client_closed", "The client took nothing for a minute."));
      return;
    default:
      onBroken(state, deadlineFailure(name));
  }
}

/**
 * The provider's side is over and did not end by itself. That changes nothing once the answer is there: the terminal makes it
 * whole, and an error of the provider's own is why it is not.
 */
function onBroken(state: State, reason: Failure): void {
  if (state.phase === "over") return;
  if (state.failure !== undefined) {
    breakOff(state, state.failure, "upstream-failed");
  } else if (state.parts.decoder.isTerminal()) {
    state.parts.source.abort();
    onSourceEnd(state, "cut");
  } else {
    breakOff(state, reason);
  }
}

function keepAlive(state: State): void {
  const { reply, parts } = state;
  if (state.phase !== "relaying" || reply === undefined) return;
  if (state.paused) parts.watchdog.set("keep-alive", KEEP_ALIVE_MS);
  else write(state, reply, parts.carry.keepAlive());
}

/** The stream cannot go on. Before the commit that is an ordinary failure; afterwards the client is told in its own format. */
function breakOff(state: State, reason: Failure, end: ExchangeEnd = endOf(reason)): void {
  if (state.phase === "over") return;
  state.failure ??= reason;
  state.parts.source.abort();
  state.parts.observation.failure ??= reason;
  if (state.phase === "peeking") {
    overBeforeRelay(state, end, reason);
    return;
  }
  const { reply, parts } = state;
  flush(state);
  const told = state.answerEnded ? "" : parts.carry.failure(reason);
  if (told === undefined) {
    // Only a cut connection tells this client that the answer is not whole.
    reply?.destroy();
  } else {
    if (reply !== undefined) write(state, reply, told);
    reply?.end();
  }
  over(state, end, reason);
}

function endOf(reason: Failure): ExchangeEnd {
  switch (reason.class) {
    case "truncated":
    case "timeout":
      return "truncated";
    case "unreadable":
      return "unreadable";
    default:
      return "upstream-failed";
  }
}

/** The terminal was seen and the upstream has ended. */
function conclude(state: State): void {
  flush(state);
  state.reply?.end();
  over(state, "complete");
}

/** A client that leaves after the terminal has its answer, one that leaves after an error has that; another has cancelled. */
function onClientGone(state: State, gone: Failure): void {
  if (state.phase === "over") return;
  state.parts.source.abort();
  if (state.phase === "peeking") overBeforeRelay(state, "cancelled", gone);
  else if (state.failure !== undefined) over(state, "upstream-failed", state.failure);
  else if (state.parts.decoder.isTerminal()) over(state, "complete");
  else over(state, "cancelled", gone);
}

function overBeforeRelay(state: State, end: ExchangeEnd, reason: Failure): void {
  state.phase = "over";
  state.overEarly = { reason, end };
  state.onPeeked(fail(reason));
}

function over(state: State, end: ExchangeEnd, reason?: Failure): void {
  state.phase = "over";
  state.parts.watchdog.stop();
  state.pending = [];
  state.onOver({ end, failure: reason, bytes: state.bytes, unreadableFrames: state.unreadableFrames });
}
