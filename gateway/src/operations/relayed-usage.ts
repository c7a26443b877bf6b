import type { Usage } from "../canonical/usage.ts";
import { member, type WireRequest } from "../dialects/wire-request.ts";
import { asNumber, asObject, asString, parseJson, type JsonObject } from "../lib/json.ts";
import type { RelayedOperationId } from "../providers/operations.ts";

/** An answer's text, or its bytes where decoding all of them would cost more than looking for one member. */
export type AnswerText = string | Buffer;

/** A usage object is far smaller; whatever is longer is none. */
const USAGE_BYTES_MAX = 16_384;

/**
 * What an answer outside chat reports: `usage` of the OpenAI operations (tokens, or seconds of sound), `usageMetadata` of
 * Gemini's. Undefined when it reports none. The member is looked for, not parsed for: pictures and embeddings are megabytes
 * of JSON. Inside a string the quotation marks around the name would be escaped, so text cannot imitate it.
 */
export function readRelayedUsage(answer: AnswerText): Partial<Usage> | undefined {
  const usage = lastMember(answer, '"usage"');
  if (usage !== undefined) return readOpenaiUsage(usage);
  const prompt = asNumber(lastMember(answer, '"usageMetadata"')?.["promptTokenCount"]);
  return prompt === undefined ? undefined : { inputTotal: prompt };
}

function readOpenaiUsage(usage: JsonObject): Partial<Usage> | undefined {
  const seconds = asNumber(usage["seconds"]);
  if (seconds !== undefined) return { audioSeconds: seconds };
  const input = asNumber(usage["prompt_tokens"]) ?? asNumber(usage["input_tokens"]) ?? asNumber(usage["total_tokens"]);
  if (input === undefined) return undefined;
  const output = asNumber(usage["completion_tokens"]) ?? asNumber(usage["output_tokens"]) ?? 0;
  // Images say "details" with an s, transcriptions without.
  const inputDetails = asObject(usage["input_tokens_details"]) ?? asObject(usage["input_token_details"]);
  const outputDetails = asObject(usage["output_tokens_details"]) ?? asObject(usage["output_token_details"]);
  return {
    inputTotal: input,
    outputTotal: output,
    ...counter("inputImage", inputDetails?.["image_tokens"]),
    ...counter("inputAudio", inputDetails?.["audio_tokens"]),
    ...counter("outputImage", outputDetails?.["image_tokens"]),
    ...counter("outputAudio", outputDetails?.["audio_tokens"]),
  };
}

function counter(name: "inputImage" | "inputAudio" | "outputImage" | "outputAudio", value: unknown): Partial<Usage> {
  const count = asNumber(value);
  return count === undefined ? {} : { [name]: count };
}

/** The object under the last key of this name, wherever it stands. `quoted` is the key with its quotation marks. */
function lastMember(answer: AnswerText, quoted: string): JsonObject | undefined {
  const at = answer.lastIndexOf(quoted);
  if (at < 0) return undefined;
  const from = at + quoted.length;
  const text = sliceOf(answer, from, from + USAGE_BYTES_MAX);
  const open = /^\s*:\s*(?=\{)/.exec(text)?.[0].length;
  if (open === undefined) return undefined;
  const end = endOfObject(text, open);
  return end === undefined ? undefined : asObject(parseJson(text.slice(open, end)));
}

function sliceOf(answer: AnswerText, start: number, end: number): string {
  return typeof answer === "string" ? answer.slice(start, end) : answer.toString("utf8", start, end);
}

const STRUCTURE = /"(?:[^"\\]|\\.)*"|[{}]/g;

/** Behind the bracket that closes the object which opens at `open`. */
function endOfObject(text: string, open: number): number | undefined {
  let depth = 0;
  STRUCTURE.lastIndex = open;
  for (let token = STRUCTURE.exec(text); token !== null; token = STRUCTURE.exec(text)) {
    if (token[0] === "{") depth += 1;
    if (token[0] === "}") depth -= 1;
    if (depth === 0) return STRUCTURE.lastIndex;
  }
  return undefined;
}

type RequestUsage = (request: WireRequest) => Partial<Usage>;

/** What is known of an operation's price from its request, where the answer does not say. */
export const requestUsage: { readonly [O in RelayedOperationId]?: RequestUsage } = {
  // Speech is sold by the character; the sound that comes back counts nothing.
  speech: (request) => ({ inputCharacters: Array.from(asString(member(request, "input")) ?? "").length }),
};
