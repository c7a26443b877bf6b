import type { Usage } from "../../canonical/usage.ts";
import { asNumber, asObject, compact, type JsonObject } from "../../lib/json.ts";

/** The usage of a response object, or undefined where it has none (`"usage": null` until the end). */
export function readUsage(response: JsonObject): Usage | undefined {
  const usage = asObject(response["usage"]);
  if (usage === undefined) return undefined;
  const input = asObject(usage["input_tokens_details"]);
  const output = asObject(usage["output_tokens_details"]);
  const cacheRead = count(input?.["cached_tokens"]) ?? 0;
  const cacheWrite = count(input?.["cache_write_tokens"]) ?? 0;
  const inputTokens = count(usage["input_tokens"]) ?? 0;
  const webSearch = count(asObject(asObject(response["tool_usage"])?.["web_search"])?.["num_requests"]);
  return compact({
    // Some compatible servers leave the cached tokens out of the total; more cached than read gives them away.
    inputTotal: cacheRead + cacheWrite > inputTokens ? inputTokens + cacheRead + cacheWrite : inputTokens,
    cacheRead,
    cacheWrite,
    cacheWriteByTtl: cacheWriteByTtl(asObject(input?.["cache_write_tokens_details"])),
    outputTotal: count(usage["output_tokens"]) ?? 0,
    reasoning: count(output?.["reasoning_tokens"]),
    serverTools: webSearch === undefined || webSearch === 0 ? undefined : { webSearch },
    raw: { dialect: "openai-responses" as const, value: usage },
  });
}

/**
 * The usage object. Both detail objects are required by the API's schema, and Codex refuses a usage without integer totals, so
 * unknown counters are written as 0.
 */
export function writeUsage(usage: Usage): JsonObject {
  const own = usage.raw?.dialect === "openai-responses" ? asObject(usage.raw.value) : undefined;
  return {
    ...own,
    input_tokens: usage.inputTotal,
    input_tokens_details: {
      ...asObject(own?.["input_tokens_details"]),
      cached_tokens: usage.cacheRead,
      cache_write_tokens: usage.cacheWrite,
    },
    output_tokens: usage.outputTotal,
    output_tokens_details: {
      ...asObject(own?.["output_tokens_details"]),
      reasoning_tokens: usage.reasoning ?? 0,
    },
    total_tokens: usage.inputTotal + usage.outputTotal,
  };
}

function cacheWriteByTtl(details: JsonObject | undefined): Usage["cacheWriteByTtl"] {
  if (details === undefined) return undefined;
  return compact({ "30m": count(details["ttl_30m_tokens"]), "12h": count(details["ttl_12h_tokens"]) });
}

function count(value: unknown): number | undefined {
  const number = asNumber(value);
  return number !== undefined && number >= 0 ? Math.floor(number) : undefined;
}
