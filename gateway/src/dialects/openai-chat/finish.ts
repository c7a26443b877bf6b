import type { Finish, FinishReason } from "../../canonical/response.ts";

/** What a Chat answer may say about its end. `function_call` only to clients that declared `functions`. */
export type ChatFinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "function_call";

/** Words that providers of this format end with, by what they mean. The first five are the format's own. */
const meanings: { readonly [native: string]: FinishReason } = {
  stop: "stop",
  length: "length",
  tool_calls: "tool-calls",
  content_filter: "content-filter",
  function_call: "tool-calls",
  eos: "stop", // Together
  end_turn: "stop",
  stop_sequence: "stop-sequence",
  max_tokens: "length",
  tool_call: "tool-calls", // DeepSeek models on Azure
  tool_use: "tool-calls",
  model_length: "context-length", // Mistral
  model_context_window_exceeded: "context-length", // Z.ai
  sensitive: "content-filter", // Z.ai
  error: "error", // Mistral, OpenRouter
  network_error: "error", // Z.ai
  insufficient_system_resource: "error", // DeepSeek
};

/** Ends that tool calls do not override: the calls may be cut off or must not be executed. */
const isFinal: { readonly [R in FinishReason]?: true } = {
  length: true,
  "context-length": true,
  "content-filter": true,
  refusal: true,
  error: true,
};

/**
 * `native` is the provider's `finish_reason`, "" where it gave none. Tool calls in the answer make it end with `tool-calls`
 * whatever the provider says: OpenAI itself says `stop` when the tool was forced, and also when the model has refused.
 */
export function readFinish(native: string, hasToolCalls: boolean, hasRefusal = false): Finish {
  const said = native === "" ? "stop" : Object.hasOwn(meanings, native) ? (meanings[native] ?? "other") : "other";
  if (hasToolCalls && isFinal[said] === undefined) return { reason: "tool-calls", native };
  return { reason: hasRefusal && said === "stop" ? "refusal" : said, native };
}

const written = {
  stop: "stop",
  "stop-sequence": "stop",
  length: "length",
  "context-length": "length",
  "tool-calls": "tool_calls",
  pause: "stop",
  continuation: "stop",
  "content-filter": "content_filter",
  refusal: "content_filter",
  "malformed-tool-call": "stop",
  compaction: "stop",
  error: "stop",
  cancelled: "stop",
  other: "stop",
} as const satisfies Record<FinishReason, ChatFinishReason>;

/** What the choice has shown by the time it ends; a finish reason must agree with it. */
export type Shown = { readonly toolCalls: boolean; readonly refusal: boolean; readonly legacyFunctions: boolean };

export function writeFinish(finish: Finish, shown: Shown): ChatFinishReason {
  // A refusal that the client can read in `refusal` ends like OpenAI's own: with `stop`.
  if (finish.reason === "refusal" && shown.refusal) return "stop";
  const reason = written[finish.reason];
  if (reason !== "tool_calls") return reason;
  // A client that is told `tool_calls` and finds none loops or crashes.
  if (!shown.toolCalls) return "stop";
  return shown.legacyFunctions ? "function_call" : "tool_calls";
}
