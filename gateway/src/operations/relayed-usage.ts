import type { Usage } from "../canonical/usage.ts";
import { asNumber, asObject, type Json } from "../lib/json.ts";

/**
 * Tokens that an answer outside chat reports: `usage` of the OpenAI operations (embeddings have `prompt_tokens` and
 * `total_tokens`), `usageMetadata` of Gemini's. Undefined when it reports none.
 */
export function readRelayedUsage(body: Json | undefined): Partial<Usage> | undefined {
  const answer = asObject(body);
  const openai = asObject(answer?.["usage"]);
  if (openai !== undefined) {
    const input =
      asNumber(openai["prompt_tokens"]) ?? asNumber(openai["input_tokens"]) ?? asNumber(openai["total_tokens"]);
    const output = asNumber(openai["completion_tokens"]) ?? asNumber(openai["output_tokens"]) ?? 0;
    return input === undefined ? undefined : { inputTotal: input, outputTotal: output };
  }
  const prompt = asNumber(asObject(answer?.["usageMetadata"])?.["promptTokenCount"]);
  return prompt === undefined ? undefined : { inputTotal: prompt };
}
