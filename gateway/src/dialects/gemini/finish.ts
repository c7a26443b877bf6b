import type { Finish, FinishReason } from "../../canonical/response.ts";
import { asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/** Gemini's finish reasons (https://ai.google.dev/api/generate-content#FinishReason) and Vertex AI's MODEL_ARMOR. */
const readReasons: Readonly<Record<string, FinishReason>> = {
  STOP: "stop",
  MAX_TOKENS: "length",
  SAFETY: "content-filter",
  RECITATION: "content-filter",
  BLOCKLIST: "content-filter",
  PROHIBITED_CONTENT: "content-filter",
  SPII: "content-filter",
  MODEL_ARMOR: "content-filter",
  IMAGE_SAFETY: "content-filter",
  IMAGE_PROHIBITED_CONTENT: "content-filter",
  IMAGE_RECITATION: "content-filter",
  IMAGE_OTHER: "content-filter",
  MALFORMED_FUNCTION_CALL: "malformed-tool-call",
  UNEXPECTED_TOOL_CALL: "malformed-tool-call",
  CONTINUATION: "continuation",
  LANGUAGE: "other",
  OTHER: "other",
  NO_IMAGE: "other",
  TOO_MANY_TOOL_CALLS: "other",
  MALFORMED_RESPONSE: "other",
};

/** With `enum-encoding=int` Google answers numbers; those that its two APIs agree on. */
const numberedReasons = ["FINISH_REASON_UNSPECIFIED", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER"];

const writtenReasons = {
  stop: "STOP",
  "stop-sequence": "STOP",
  length: "MAX_TOKENS",
  "context-length": "MAX_TOKENS",
  "tool-calls": "STOP",
  pause: "STOP",
  continuation: "CONTINUATION",
  "content-filter": "SAFETY",
  refusal: "SAFETY",
  "malformed-tool-call": "MALFORMED_FUNCTION_CALL",
  compaction: "STOP",
  error: "OTHER",
  cancelled: "OTHER",
  other: "OTHER",
} as const satisfies Record<FinishReason, string>;

/** The provider's word for a `finishReason` as it came: a name or a number. Undefined when it says nothing. */
export function finishWord(value: Json | undefined): string | undefined {
  const word = typeof value === "number" ? (numberedReasons[value] ?? String(value)) : asString(value);
  return word === "" || word === "FINISH_REASON_UNSPECIFIED" ? undefined : word;
}

/**
 * `native` is "" when a plain answer names no reason. A function call makes `STOP` a tool-call finish, because Gemini has no
 * word of its own for that.
 */
export function readFinish(native: string, message: string | undefined, hasToolCall: boolean): Finish {
  const known = native === "" ? "stop" : reasonOf(native);
  const reason = hasToolCall && (known === "stop" || known === "other") ? "tool-calls" : known;
  return compact({ reason, native, message });
}

/** Finishes that explain by themselves why a call was cut short. */
const explaining: ReadonlySet<FinishReason> = new Set([
  "length",
  "context-length",
  "content-filter",
  "refusal",
  "error",
]);

/** `finishReason` and `finishMessage`. `malformed` is the text of a function call that could not be written as one. */
export function writeFinish(finish: Finish, malformed: string | undefined): JsonObject {
  if (malformed !== undefined && !explaining.has(finish.reason)) {
    return { finishReason: "MALFORMED_FUNCTION_CALL", finishMessage: malformed };
  }
  return compact({
    finishReason: writeReason(finish),
    finishMessage: finish.message ?? finish.refusal?.explanation ?? undefined,
  });
}

/** Gemini's own word where the answer came from Gemini, else the nearest. */
function writeReason(finish: Finish): string {
  const isOwnWord = Object.hasOwn(readReasons, finish.native);
  if (isOwnWord && (reasonOf(finish.native) === finish.reason || finish.reason === "tool-calls")) return finish.native;
  return writtenReasons[finish.reason];
}

function reasonOf(native: string): FinishReason {
  return (Object.hasOwn(readReasons, native) ? readReasons[native] : undefined) ?? "other";
}
