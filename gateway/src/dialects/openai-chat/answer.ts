import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { DecoderOptions } from "../dialect.ts";
import { openChoice, type ChoiceContext, type ChoiceState } from "./choice-state.ts";
import { closeBlocks, readDelta } from "./choice.ts";
import { readInBandError } from "./errors.ts";
import { readFinish } from "./finish.ts";

/** An answer while it is read, streamed or plain. */
export type AnswerState = {
  readonly options: DecoderOptions;
  /** Its events are those that have not been handed on yet. */
  readonly context: ChoiceContext & { answerId: string; readonly events: CanonicalEvent[] };
  readonly choices: Map<number, ChoiceState>;
  isStarted: boolean;
  /** A choice that reported an error of its own. */
  failure: Failure | undefined;
};

/** OpenAI's limit for `n`, and more than any other provider allows. */
const CHOICES_MAX = 128;

export function openAnswer(options: DecoderOptions): AnswerState {
  const answerId = `chatcmpl-${options.requestId.replace(/^req_/, "")}`;
  return {
    options,
    context: { answerId, issuer: options.issuer, events: [] },
    choices: new Map(),
    isStarted: false,
    failure: undefined,
  };
}

/**
 * Emits `start`, once, from the first chunk that says anything of the answer. Azure's first chunk has neither id nor model,
 * only what its content filter thinks of the prompt. `undefined` starts with what is known.
 */
export function startAnswer(state: AnswerState, chunk: JsonObject | undefined): void {
  if (state.isStarted) return;
  const { options, context } = state;
  const id = asString(chunk?.["id"]) ?? "";
  const model = asString(chunk?.["model"]) ?? "";
  if (chunk !== undefined && id === "" && model === "" && !hasChoices(chunk)) return;
  if (id !== "") context.answerId = id;
  const created = asNumber(chunk?.["created"]) ?? 0;
  context.events.push(
    compact({
      type: "start" as const,
      id: context.answerId,
      model,
      createdAt: created > 0 ? Math.floor(created) : options.createdAt,
      tier: asString(chunk?.["service_tier"]) || undefined,
      fingerprint: asString(chunk?.["system_fingerprint"]) || undefined,
    }),
  );
  state.isStarted = true;
}

function hasChoices(chunk: JsonObject): boolean {
  return Array.isArray(chunk["choices"]) && chunk["choices"].length > 0;
}

/** `member`: where a choice keeps what it says, `delta` in chunks and `message` in plain answers. */
export function readChoices(state: AnswerState, choices: readonly Json[], member: "delta" | "message"): void {
  choices.forEach((each, position) => {
    const choice = asObject(each);
    if (choice !== undefined && state.failure === undefined) readChoice(state, choice, position, member);
  });
}

function readChoice(state: AnswerState, source: JsonObject, position: number, member: "delta" | "message"): void {
  // OpenRouter reports an upstream that failed half-way on the choice, also in plain answers.
  const error = source["error"];
  if (error !== undefined && error !== null && error !== false && error !== "") {
    state.failure = readInBandError(error);
    return;
  }
  const choice = choiceAt(state, asNumber(source["index"]), position);
  const content = asObject(source[member]) ?? asObject(source["delta"]);
  if (content !== undefined) readDelta(choice, content, source["logprobs"], state.context);
  // Snowflake says "" when it means nothing.
  const native = asString(source["finish_reason"]) ?? "";
  if (native === "") return;
  if (readFinish(native, false).reason === "error") {
    state.failure = failure("provider_error", `The provider's model stopped with an error (${native}). Try again.`);
    return;
  }
  choice.finishNative = native;
  if (!choice.isFinished) closeBlocks(choice, state.context);
}

function choiceAt(state: AnswerState, index: number | undefined, position: number): ChoiceState {
  const isUsable = index !== undefined && Number.isInteger(index) && index >= 0 && index < CHOICES_MAX;
  const place = isUsable ? index : Math.min(position, CHOICES_MAX - 1);
  const known = state.choices.get(place);
  if (known !== undefined) return known;
  const choice = openChoice(place);
  state.choices.set(place, choice);
  return choice;
}

/** The error that a 200 answer or a chunk carries, whatever else stands beside it. */
export function errorIn(body: JsonObject): Json | undefined {
  const { error } = body;
  if (error !== undefined && error !== null && error !== false && error !== "") return error;
  // vLLM and Mistral: {"object":"error","message":…}
  return body["object"] === "error" || (body["type"] === "error" && !("choices" in body)) ? body : undefined;
}
