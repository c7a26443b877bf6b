import type { Finish, FinishReason } from "../../canonical/response.ts";
import { asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { acceptsContextWindowStop } from "./head.ts";
import type { Echo } from "../dialect.ts";

/** Anthropic's stop reasons (API of 2026-10-21 and its betas) by what they mean. Others are `other`, with the word kept. */
const reasonByStopReason: { readonly [stopReason: string]: FinishReason } = {
  end_turn: "stop",
  max_tokens: "length",
  stop_sequence: "stop-sequence",
  tool_use: "tool-calls",
  pause_turn: "pause",
  refusal: "refusal",
  model_context_window_exceeded: "context-length",
  compaction: "compaction",
};

/**
 * How each reason is said. `undefined`: there is no word for it, the stream ends with an error event. A `continuation` that
 * reaches a client is an answer cut short by its length; only a client that asked for compaction gets `compaction`.
 */
const stopReasons = {
  stop: "end_turn",
  "stop-sequence": "stop_sequence",
  length: "max_tokens",
  "context-length": "model_context_window_exceeded",
  "tool-calls": "tool_use",
  pause: "pause_turn",
  continuation: "max_tokens",
  "content-filter": "refusal",
  refusal: "refusal",
  "malformed-tool-call": undefined,
  compaction: "compaction",
  error: undefined,
  cancelled: "end_turn",
  other: "end_turn",
} as const satisfies Record<FinishReason, string | undefined>;

/** Reasons that a tool call in the answer overrides: the client must run the tool, whatever the provider called the end. */
const overriddenByToolCall: ReadonlySet<FinishReason> = new Set(["stop", "stop-sequence", "other"]);

/** Reads `stop_reason`, `stop_sequence` and `stop_details`, which stand in a message or in a `message_delta`. */
export function readFinish(wire: JsonObject, hasToolCall: boolean): Finish {
  const native = asString(wire["stop_reason"]) ?? "";
  const reason = Object.hasOwn(reasonByStopReason, native) ? (reasonByStopReason[native] ?? "other") : "other";
  const details = asObject(wire["stop_details"]);
  const stopSequence = asString(wire["stop_sequence"]);
  const explanation = asString(details?.["explanation"]);
  return compact({
    reason: withToolCall(native === "" ? "stop" : reason, hasToolCall),
    native,
    stopSequence,
    message: explanation,
    refusal:
      reason === "refusal"
        ? { category: asString(details?.["category"]) ?? null, explanation: explanation ?? null }
        : undefined,
  });
}

export type WrittenFinish = {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly stop_details: Json;
};

/** The end of an answer as the client says it, or undefined where it can only be an error. */
export function writeFinish(finish: Finish, hasToolCall: boolean, echo: Echo): WrittenFinish | undefined {
  // A client that is told `tool_use` and finds none loops or crashes.
  const isMissing = finish.reason === "tool-calls" && !hasToolCall;
  const reason = isMissing ? "stop" : withToolCall(finish.reason, hasToolCall);
  const stopReason = stopReasons[reason];
  if (stopReason === undefined) return undefined;
  return {
    // Older clients do not know the word and would take the answer for complete.
    stop_reason: reason === "context-length" && !acceptsContextWindowStop(echo) ? stopReasons.length : stopReason,
    stop_sequence: reason === "stop-sequence" ? (finish.stopSequence ?? null) : null,
    stop_details: stopReason === "refusal" ? stopDetails(finish) : null,
  };
}

function stopDetails(finish: Finish): JsonObject {
  return {
    type: "refusal",
    category: finish.refusal?.category ?? null,
    explanation: finish.refusal?.explanation ?? finish.message ?? null,
  };
}

function withToolCall(reason: FinishReason, hasToolCall: boolean): FinishReason {
  return hasToolCall && overriddenByToolCall.has(reason) ? "tool-calls" : reason;
}
