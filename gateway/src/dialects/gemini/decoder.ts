import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure } from "../../canonical/failure.ts";
import type { Finish } from "../../canonical/response.ts";
import type { FramePayload } from "../../framing/framer.ts";
import { asObject, asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { parseKeepingIntegers } from "../../lib/json-exact.ts";
import type { Decoder, DecoderOptions, StreamOutcome } from "../dialect.ts";
import {
  closeBlock,
  finishCandidate,
  openCandidate,
  stepCandidate,
  type AnswerContext,
  type CandidateState,
} from "./decode-candidate.ts";
import { field, list, number } from "./fields.ts";
import { readInBandError } from "./read-error.ts";
import { readUsage } from "./usage.ts";

/** Google allows 8; an index beyond this is nonsense and its candidate is ignored. */
export const CANDIDATES_MAX = 128;

/**
 * Reads a stream of `GenerateContentResponse` chunks, whatever the framing. Usage and finish reasons may come on several chunks
 * and nothing marks the last one, so finishes are told when the connection ends.
 */
export function decoder(options: DecoderOptions): Decoder {
  const state = openAnswer(options);
  return {
    step: (payload) => stepPayload(state, payload),
    end: () => endAnswer(state, "stream"),
    isTerminal() {
      return isComplete(state, Math.max(1, options.candidates));
    },
  };
}

/** An answer that is being read. A plain answer is a stream of one chunk. */
export type AnswerState = {
  readonly options: DecoderOptions;
  responseId: string;
  isStarted: boolean;
  isOver: boolean;
  readonly candidates: Map<number, CandidateState>;
  /** The last known value of every counter, as Gemini spells them. */
  usage: JsonObject;
  /** Set when the prompt was refused: there is no candidate then. */
  promptBlock: PromptBlock | undefined;
};

type PromptBlock = { readonly reason: string; readonly message?: string };

export function openAnswer(options: DecoderOptions): AnswerState {
  return {
    options,
    responseId: options.requestId,
    isStarted: false,
    isOver: false,
    candidates: new Map(),
    usage: {},
    promptBlock: undefined,
  };
}

function stepPayload(state: AnswerState, payload: FramePayload): readonly CanonicalEvent[] | undefined {
  if (payload.data === "" || payload.data.trim() === "[DONE]") return [];
  const chunk = parseKeepingIntegers(payload.data);
  if (chunk === undefined) return undefined;
  return isObject(chunk) ? stepChunk(state, chunk) : [];
}

/** The events of one `GenerateContentResponse`, or of an error in place of it. */
export function stepChunk(state: AnswerState, chunk: JsonObject): CanonicalEvent[] {
  const events: CanonicalEvent[] = [];
  if (state.isOver) return events;
  start(state, chunk, events);
  const error = field(chunk, "error");
  if (error !== undefined) {
    state.isOver = true;
    for (const candidate of state.candidates.values()) closeBlock(candidate, events);
    events.push({ type: "error", failure: readInBandError(error) });
    return events;
  }
  const feedback = asObject(field(chunk, "promptFeedback"));
  if (feedback !== undefined) state.promptBlock ??= readPromptBlock(feedback);
  for (const value of list(field(chunk, "candidates"))) {
    const candidate = isObject(value) ? candidateOf(state, value) : undefined;
    if (candidate !== undefined && isObject(value)) stepCandidate(candidate, value, answerContext(state), events);
  }
  const counters = asObject(field(chunk, "usageMetadata"));
  if (counters !== undefined) stepUsage(state, counters, events);
  return events;
}

/** Why a prompt was refused. Feedback with ratings only is no refusal. */
export function readPromptBlock(feedback: JsonObject): PromptBlock | undefined {
  const reason = asString(field(feedback, "blockReason"));
  const message = asString(field(feedback, "blockReasonMessage"));
  if (reason === undefined && message === undefined) return undefined;
  return { reason: reason ?? "BLOCK_REASON_UNSPECIFIED", ...compact({ message }) };
}

/** What was held back, the finishes, and the verdict. In a plain answer a missing finish reason is no sign of truncation. */
export function endAnswer(
  state: AnswerState,
  form: "stream" | "plain",
): { events: CanonicalEvent[]; outcome: StreamOutcome } {
  const events: CanonicalEvent[] = [];
  if (state.isOver) return { events, outcome: "upstream-failed" };
  start(state, {}, events);
  state.isOver = true;
  if (form === "stream" && !isComplete(state, 1)) {
    for (const candidate of state.candidates.values()) closeBlock(candidate, events);
    events.push({ type: "error", failure: failure("provider_interrupted", INTERRUPTED) });
    return { events, outcome: "truncated" };
  }
  const candidates = [...state.candidates.values()].toSorted((left, right) => left.index - right.index);
  const refusal = state.promptBlock === undefined ? undefined : refusedPrompt(state.promptBlock);
  for (const candidate of candidates) finishCandidate(candidate, refusal, events);
  if (candidates.length === 0) {
    events.push({ type: "finish", candidate: 0, finish: refusal ?? { reason: "content-filter", native: "" } });
  }
  events.push({ type: "end" });
  return { events, outcome: "complete" };
}

const INTERRUPTED =
  "The provider's stream ended before the model had finished: no chunk carried a finish reason. What arrived until then is incomplete; send the request again.";

/** `expected` is the number of candidates asked for; fewer may come, which only the end of the stream shows. */
function isComplete(state: AnswerState, expected: number): boolean {
  if (state.promptBlock !== undefined && state.candidates.size === 0) return true;
  const candidates = [...state.candidates.values()];
  const isDone = (candidate: CandidateState) => candidate.finishReason !== undefined || state.promptBlock !== undefined;
  return candidates.length >= expected && candidates.every(isDone);
}

function start(state: AnswerState, chunk: JsonObject, events: CanonicalEvent[]): void {
  if (state.isStarted) return;
  state.isStarted = true;
  state.responseId = asString(field(chunk, "responseId")) ?? state.responseId;
  const created = Date.parse(asString(field(chunk, "createTime")) ?? "");
  const usage = asObject(field(chunk, "usageMetadata")) ?? {};
  events.push({
    type: "start",
    id: state.responseId,
    model: asString(field(chunk, "modelVersion")) ?? "",
    createdAt: Number.isNaN(created) ? state.options.createdAt : Math.floor(created / 1000),
    ...compact({ tier: readTier(asString(field(usage, "serviceTier")) ?? asString(field(usage, "trafficType"))) }),
  });
}

/** `serviceTier` of the Gemini API and `trafficType` of Vertex AI, in the words that OpenAI uses for the same. */
const tiers: Readonly<Record<string, string>> = {
  standard: "default",
  flex: "flex",
  priority: "priority",
  ON_DEMAND: "default",
  ON_DEMAND_FLEX: "flex",
  ON_DEMAND_PRIORITY: "priority",
};

function readTier(word: string | undefined): string | undefined {
  return word === undefined || !Object.hasOwn(tiers, word) ? undefined : tiers[word];
}

function stepUsage(state: AnswerState, counters: JsonObject, events: CanonicalEvent[]): void {
  state.usage = { ...state.usage, ...counters };
  const usage = readUsage(state.usage);
  if (usage !== undefined) events.push({ type: "usage", usage });
}

function candidateOf(state: AnswerState, value: JsonObject): CandidateState | undefined {
  const index = number(field(value, "index")) ?? 0;
  const known = state.candidates.get(index);
  if (known !== undefined) return known;
  if (!Number.isInteger(index) || index < 0 || index >= CANDIDATES_MAX) return undefined;
  const fresh = openCandidate(index);
  state.candidates.set(index, fresh);
  return fresh;
}

function refusedPrompt(block: PromptBlock): Finish {
  return { reason: "content-filter", native: block.reason, ...compact({ message: block.message }) };
}

function answerContext(state: AnswerState): AnswerContext {
  return { responseId: state.responseId, issuer: { provider: state.options.issuer } };
}
