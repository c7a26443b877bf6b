import type { Finish, FinishReason } from "../../canonical/response.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";

/** `StopReason` of the Converse API by what it means. Others are `other`, with the word kept. */
const reasonByStopReason: { readonly [stopReason: string]: FinishReason } = {
  end_turn: "stop",
  tool_use: "tool-calls",
  max_tokens: "length",
  stop_sequence: "stop-sequence",
  /** A guardrail of the account's blocked the answer, or masked parts of it. */
  guardrail_intervened: "content-filter",
  content_filtered: "content-filter",
  malformed_model_output: "error",
  malformed_tool_use: "malformed-tool-call",
  model_context_window_exceeded: "context-length",
};

/** Reasons that a tool call in the answer overrides: the client must run the tool, whatever the model called the end. */
const overriddenByToolCall: ReadonlySet<FinishReason> = new Set(["stop", "stop-sequence", "other"]);

/** Reads `stopReason`, and the stop sequence where the request asked for it (`STOP_SEQUENCE_PATH`). */
export function readFinish(wire: JsonObject, hasToolCall: boolean): Finish {
  const native = asString(wire["stopReason"]) ?? "";
  const known = Object.hasOwn(reasonByStopReason, native) ? reasonByStopReason[native] : undefined;
  const reason = native === "" ? "stop" : (known ?? "other");
  const stopSequence = asString(asObject(wire["additionalModelResponseFields"])?.["stop_sequence"]);
  return compact({
    reason: hasToolCall && overriddenByToolCall.has(reason) ? "tool-calls" : reason,
    native,
    stopSequence: reason === "stop-sequence" ? stopSequence : undefined,
  });
}

/** Where Claude models say at which sequence they stopped, as a path that a request may ask for. */
export const STOP_SEQUENCE_PATH = "/stop_sequence";
