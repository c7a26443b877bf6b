import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { Finish } from "../../canonical/response.ts";
import { mergeUsage, type Usage } from "../../canonical/usage.ts";
import { compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { ClientContext, Encoder } from "../dialect.ts";
import {
  openBlockOut,
  openChoiceOut,
  writeBlockEvent,
  writeBlockStart,
  type ChoiceOut,
  type Piece,
} from "./encode-blocks.ts";
import { failureFrame } from "./errors.ts";
import { writeFinish } from "./finish.ts";
import { KEEP_ALIVE } from "./follower.ts";
import { answersWithFunctionCall } from "./head.ts";
import { writeAnswerId } from "./answer-id.ts";
import { jsonText } from "./json-text.ts";
import { writeUsage } from "./usage.ts";

type EncoderState = {
  readonly includeUsage: boolean;
  readonly legacyFunctions: boolean;
  readonly requestId: string;
  answerId: string;
  /** The part of every chunk before its choices: id, created and model must be the same on all of them. */
  opening: string;
  readonly choices: Map<number, ChoiceOut>;
  usage: Usage | undefined;
  hasFailed: boolean;
};

/** Writes one Chat stream. */
export function encoder(client: ClientContext): Encoder {
  const state: EncoderState = {
    includeUsage: client.head.includeUsage,
    legacyFunctions: answersWithFunctionCall(client.echo),
    requestId: client.requestId,
    answerId: "",
    opening: "",
    choices: new Map(),
    usage: undefined,
    hasFailed: false,
  };
  return {
    write: (event) => (state.hasFailed ? "" : writeEvent(state, event)),
    failure: (reason) => writeFailure(state, reason),
    keepAlive: () => KEEP_ALIVE,
  };
}

function writeEvent(state: EncoderState, event: CanonicalEvent): string {
  switch (event.type) {
    case "start":
      start(state, event);
      return "";
    case "block-start": {
      const choice = choiceOf(state, event.candidate);
      const block = openBlockOut(choice, event);
      return writePieces(state, choice, writeBlockStart(choice, block));
    }
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
    case "opaque":
    case "citation":
    case "media-delta":
    case "block-stop": {
      const choice = choiceOf(state, event.candidate);
      const block = choice.blocks.get(event.block);
      return block === undefined ? "" : writePieces(state, choice, writeBlockEvent(choice, block, event));
    }
    case "finish":
      return writeEnd(state, choiceOf(state, event.candidate), event.finish);
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return "";
    case "error":
      return writeFailure(state, event.failure);
    case "end":
      return `${writeUsageChunk(state)}data: [DONE]\n\n`;
    case "ping":
      return KEEP_ALIVE;
    case "server-tool-state":
    case "candidate-meta":
    case "loss":
      return "";
  }
}

/** The last thing that is said: SDKs throw what they have read of the answer away. Said once, whoever finds it out first. */
function writeFailure(state: EncoderState, reason: Failure): string {
  if (state.hasFailed) return "";
  state.hasFailed = true;
  return failureFrame(reason);
}

function start(state: EncoderState, event: Extract<CanonicalEvent, { readonly type: "start" }>): void {
  state.answerId = writeAnswerId(event.id, state.requestId);
  const identity: JsonObject = compact({
    id: state.answerId,
    object: "chat.completion.chunk",
    created: event.createdAt,
    model: event.model,
    service_tier: event.tier,
    system_fingerprint: event.fingerprint,
  });
  state.opening = `data: ${jsonText(identity).slice(0, -1)}`;
}

function choiceOf(state: EncoderState, index: number): ChoiceOut {
  const known = state.choices.get(index);
  if (known !== undefined) return known;
  const choice = openChoiceOut(index, state.answerId, state.legacyFunctions);
  state.choices.set(index, choice);
  return choice;
}

/** The first chunk of a choice, when it first has something to say, brings the role. */
function writePieces(state: EncoderState, choice: ChoiceOut, pieces: readonly Piece[]): string {
  let text = "";
  for (const { delta, logprobs } of pieces) {
    text += openingOf(state, choice, delta);
    text += writeChunk(state, choice, delta, logprobs ?? null, null);
  }
  return text;
}

function openingOf(state: EncoderState, choice: ChoiceOut, first: JsonObject): string {
  if (choice.hasRole) return "";
  choice.hasRole = true;
  const isCall = "tool_calls" in first || "function_call" in first;
  return writeChunk(state, choice, { role: "assistant", content: isCall ? null : "" }, null, null);
}

function writeEnd(state: EncoderState, choice: ChoiceOut, finish: Finish): string {
  if (finish.reason === "error" || finish.reason === "malformed-tool-call") {
    // Chat has no finish reason for a failed answer; a normal one would be a lie.
    const message = finish.message ?? "The model did not finish its answer properly. Try again.";
    return writeFailure(state, finish.failure ?? failure("provider_error", message));
  }
  let text = openingOf(state, choice, {});
  const explanation = finish.refusal?.explanation;
  if (explanation && !choice.hasRefusal) text += writeChunk(state, choice, { refusal: explanation }, null, null);
  const reason = writeFinish(finish, {
    toolCalls: choice.toolCalls > 0,
    refusal: choice.hasRefusal,
    legacyFunctions: state.legacyFunctions,
  });
  return text + writeChunk(state, choice, {}, null, reason);
}

function writeChunk(
  state: EncoderState,
  choice: ChoiceOut,
  delta: JsonObject,
  logprobs: Json,
  finishReason: string | null,
): string {
  const usage = state.includeUsage ? ',"usage":null' : "";
  return (
    `${state.opening},"choices":[{"index":${choice.index},"delta":${jsonText(delta)},` +
    `"logprobs":${jsonText(logprobs)},"finish_reason":${jsonText(finishReason)}}]${usage}}\n\n`
  );
}

/** Only for clients that asked: others would stumble over its empty `choices`. */
function writeUsageChunk(state: EncoderState): string {
  if (!state.includeUsage || state.usage === undefined) return "";
  return `${state.opening},"choices":[],"usage":${jsonText(writeUsage(state.usage))}}\n\n`;
}
