import type { Usage } from "../../canonical/usage.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/**
 * `usage` of an answer or of a stream's `metadata`. `inputTokens` leaves out what was read from or written to the prompt cache
 * (recorded: 433 fresh and 2752 cached tokens of 3201); `outputTokens` includes reasoning, which is not counted by itself.
 */
export function readUsage(wire: JsonObject): Usage {
  const cacheRead = count(wire["cacheReadInputTokens"]) ?? 0;
  const cacheWrite = count(wire["cacheWriteInputTokens"]) ?? 0;
  return compact({
    inputTotal: (count(wire["inputTokens"]) ?? 0) + cacheRead + cacheWrite,
    cacheRead,
    cacheWrite,
    cacheWriteByTtl: readCacheWrites(wire["cacheDetails"]),
    outputTotal: count(wire["outputTokens"]) ?? 0,
    raw: { dialect: "bedrock-converse" as const, value: wire },
  });
}

/** `cacheDetails`: `{ttl, inputTokens}` for each lifetime that was written. */
function readCacheWrites(value: Json | undefined): Usage["cacheWriteByTtl"] {
  const sums: { "5m"?: number; "1h"?: number } = {};
  for (const each of asArray(value) ?? []) {
    const ttl = asString(asObject(each)?.["ttl"]);
    const tokens = count(asObject(each)?.["inputTokens"]) ?? 0;
    if ((ttl === "5m" || ttl === "1h") && tokens > 0) sums[ttl] = (sums[ttl] ?? 0) + tokens;
  }
  return Object.keys(sums).length === 0 ? undefined : sums;
}

/** A counter that a provider sent; a negative one would turn into money owed to the caller. */
function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number === undefined || number < 0 ? undefined : number;
}
