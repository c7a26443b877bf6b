import { failure, type Failure } from "../../canonical/failure.ts";
import type { CanonicalEvent } from "../../canonical/event.ts";
import type { FramePayload } from "../../framing/framer.ts";
import { asArray, asObject, isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import type { Decoder, DecoderOptions, StreamOutcome } from "../dialect.ts";
import { errorIn, openAnswer, readChoices, startAnswer, type AnswerState } from "./answer.ts";
import { finishChoice } from "./choice.ts";
import { readInBandError } from "./errors.ts";
import { toolCallsAreWhole } from "./tool-calls.ts";
import { readUsage } from "./usage.ts";

type StreamState = {
  readonly answer: AnswerState;
  /** Set exactly once, with the last event. */
  outcome: StreamOutcome | undefined;
};

/** `[DONE]` with some white space around it; longer data is not even looked at. */
const DONE_LENGTH_MAX = 16;

/** Reads one Chat stream: `data:` frames of chunks, `[DONE]` at the end of most. */
export function decoder(options: DecoderOptions): Decoder {
  const state: StreamState = { answer: openAnswer(options), outcome: undefined };
  return {
    step: (payload) => step(state, payload),
    end() {
      if (state.outcome === undefined) {
        if (isComplete(state.answer)) complete(state);
        else fail(state, interrupted(state.answer), "truncated");
      }
      return { events: takeEvents(state), outcome: state.outcome ?? "truncated" };
    },
    isTerminal() {
      return state.outcome === undefined ? isComplete(state.answer) : state.outcome === "complete";
    },
  };
}

function step(state: StreamState, { event, data }: FramePayload): CanonicalEvent[] | undefined {
  // Nothing may follow the last event; what a provider sends after it is read no more.
  if (state.outcome !== undefined) return [];
  if (event === "error") {
    // Groq names the event; others put the error where chunks have `choices`.
    const parsed = parseJson(data);
    fail(state, readInBandError(asObject(parsed)?.["error"] ?? parsed ?? data), "upstream-failed");
    return takeEvents(state);
  }
  if (data === "") return [];
  if (data.length <= DONE_LENGTH_MAX && data.trim() === "[DONE]") {
    endAtDone(state);
    return takeEvents(state);
  }
  const parsed = parseJson(data);
  if (parsed === undefined) return undefined;
  // Gemini's compatible endpoint wraps errors in an array, in streams too.
  const chunk = asObject(Array.isArray(parsed) ? parsed[0] : parsed);
  if (chunk !== undefined) readChunk(state, chunk);
  return takeEvents(state);
}

function readChunk(state: StreamState, chunk: JsonObject): void {
  const { answer } = state;
  startAnswer(answer, chunk);
  const usage = usageOf(chunk);
  const error = errorIn(chunk);
  if (error !== undefined) {
    if (usage !== undefined) pushUsage(answer, usage);
    return fail(state, readInBandError(error), "upstream-failed");
  }
  readChoices(answer, asArray(chunk["choices"]) ?? [], "delta");
  if (answer.failure !== undefined) return fail(state, answer.failure, "upstream-failed");
  if (usage === undefined) return;
  pushUsage(answer, usage);
  // The format's own usage chunk is the last; one with choices may be followed by more, even after a finish reason: Gemini's
  // models on OpenRouter repeat it with every tool call.
  const isLast = asArray(chunk["choices"])?.length === 0;
  if (isLast && isComplete(answer)) finishChoices(answer);
}

/** Where the usage of a chunk stands: on the chunk, in Groq's own member, or on the choice (Moonshot). */
function usageOf(chunk: JsonObject): Json | undefined {
  const candidates = [
    chunk["usage"],
    asObject(chunk["x_groq"])?.["usage"],
    asObject(asArray(chunk["choices"])?.[0])?.["usage"],
  ];
  return candidates.find((each) => isObject(each));
}

function pushUsage(answer: AnswerState, value: Json): void {
  const usage = readUsage(value);
  if (usage === undefined) return;
  startAnswer(answer, undefined);
  answer.context.events.push({ type: "usage", usage });
}

/** A finish reason for each of the choices asked for, and for every choice seen. */
function isComplete(answer: AnswerState): boolean {
  if (answer.choices.size < answer.options.candidates) return false;
  for (const choice of answer.choices.values()) if (choice.finishNative === undefined) return false;
  return true;
}

/**
 * `[DONE]` makes an answer complete that has a finish or something to show: OpenAI's audio streams and Snowflake's send no
 * finish reason. A call whose arguments break off is nothing to show.
 */
function endAtDone(state: StreamState): void {
  const choices = [...state.answer.choices.values()];
  const isWhole = choices.every((choice) => choice.finishNative !== undefined || toolCallsAreWhole(choice));
  const hasAnswer = choices.some(
    (choice) => choice.finishNative !== undefined || choice.hasContent || choice.toolCalls.length > 0,
  );
  if (isWhole && hasAnswer) complete(state);
  else fail(state, interrupted(state.answer), "truncated");
}

function complete(state: StreamState): void {
  finishChoices(state.answer);
  state.answer.context.events.push({ type: "end" });
  state.outcome = "complete";
}

function finishChoices(answer: AnswerState): void {
  for (const choice of answer.choices.values()) finishChoice(choice, answer.context);
}

/** Blocks stay open: a consumer that waits for whole tool calls must not take a broken one for whole. */
function fail(state: StreamState, reason: Failure, outcome: StreamOutcome): void {
  startAnswer(state.answer, undefined);
  state.answer.context.events.push({ type: "error", failure: reason });
  state.outcome = outcome;
}

function interrupted(answer: AnswerState): Failure {
  if (!answer.isStarted) {
    return failure("provider_empty_stream", "The provider's stream ended before it said anything. Try again.");
  }
  return failure(
    "provider_interrupted",
    "The provider's stream broke off before the answer was finished. What has arrived may be incomplete; try again.",
  );
}

function takeEvents(state: StreamState): CanonicalEvent[] {
  return state.answer.context.events.splice(0);
}
