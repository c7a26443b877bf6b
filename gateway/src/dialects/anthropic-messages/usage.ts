import type { CacheTtl, Usage } from "../../canonical/usage.ts";
import { asNumber, asObject, compact, type Json, type JsonObject } from "../../lib/json.ts";

/*
 * Anthropic's `input_tokens` leaves out what was read from or written to the prompt cache; the canonical `inputTotal` includes
 * both. `output_tokens` includes thinking. With context compaction the `iterations` that are no part of the totals stay in `raw`.
 */

/**
 * Usage comes twice in a stream, in `message_start` and in `message_delta`; the later counters are totals, not increments, and
 * are left out or null when they do not apply. The official SDK overwrites with every counter that is not null.
 */
export function mergeWireUsage(earlier: JsonObject, later: JsonObject): JsonObject {
  const merged: JsonObject = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    if (value !== null && value !== undefined) merged[key] = value;
  }
  return merged;
}

export function readUsage(wire: JsonObject): Usage {
  const cacheRead = count(wire["cache_read_input_tokens"]) ?? 0;
  const cacheWrite = count(wire["cache_creation_input_tokens"]) ?? 0;
  return compact({
    inputTotal: (count(wire["input_tokens"]) ?? 0) + cacheWrite + cacheRead,
    cacheRead,
    cacheWrite,
    cacheWriteByTtl: readCacheWrites(asObject(wire["cache_creation"]), cacheWrite),
    outputTotal: count(wire["output_tokens"]) ?? 0,
    reasoning: count(asObject(wire["output_tokens_details"])?.["thinking_tokens"]),
    serverTools: readServerTools(asObject(wire["server_tool_use"])),
    raw: { dialect: "anthropic-messages" as const, value: wire },
  });
}

/** The whole `usage` object of a message, every key present. The provider's own object wins where it spoke this dialect. */
export function writeUsage(usage: Usage | undefined): JsonObject {
  const raw = usage?.raw?.dialect === "anthropic-messages" ? asObject(usage.raw.value) : undefined;
  return { ...writtenUsage(usage), ...raw };
}

/** The cumulative counters of the final `message_delta`. */
export function writeFinalUsage(usage: Usage | undefined): JsonObject {
  const all = writeUsage(usage);
  return compact({
    input_tokens: all["input_tokens"],
    output_tokens: all["output_tokens"],
    cache_creation_input_tokens: all["cache_creation_input_tokens"],
    cache_read_input_tokens: all["cache_read_input_tokens"],
    output_tokens_details: all["output_tokens_details"],
    server_tool_use: all["server_tool_use"],
    iterations: all["iterations"],
  });
}

function writtenUsage(usage: Usage | undefined): JsonObject {
  const cacheRead = usage?.cacheRead ?? 0;
  const cacheWrite = usage?.cacheWrite ?? 0;
  return {
    // Some compatible providers report more cached tokens than tokens.
    input_tokens: Math.max(0, (usage?.inputTotal ?? 0) - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    cache_creation: writeCacheWrites(usage),
    output_tokens: usage?.outputTotal ?? 0,
    output_tokens_details: usage?.reasoning === undefined ? null : { thinking_tokens: usage.reasoning },
    server_tool_use: writeServerTools(usage),
    service_tier: null,
    speed: null,
    inference_geo: null,
  };
}

function readCacheWrites(wire: JsonObject | undefined, cacheWrite: number): Usage["cacheWriteByTtl"] {
  const short = count(wire?.["ephemeral_5m_input_tokens"]) ?? 0;
  const long = count(wire?.["ephemeral_1h_input_tokens"]) ?? 0;
  // `message_delta` can correct the sum without repeating the split, which is then of another answer's size.
  if (cacheWrite === 0 || short + long !== cacheWrite) return undefined;
  return compact({ "5m": short > 0 ? short : undefined, "1h": long > 0 ? long : undefined });
}

/** Anthropic prices two lifetimes; OpenAI's 30 minutes count as the short one, its 12 hours as the long one. */
const ttlBuckets = { "5m": "5m", "30m": "5m", "1h": "1h", "12h": "1h" } as const satisfies Record<
  CacheTtl,
  "5m" | "1h"
>;

function writeCacheWrites(usage: Usage | undefined): JsonObject {
  const byTtl = usage?.cacheWriteByTtl ?? { "5m": usage?.cacheWrite ?? 0 };
  const sums = { "5m": 0, "1h": 0 };
  for (const ttl of ["5m", "30m", "1h", "12h"] as const) sums[ttlBuckets[ttl]] += byTtl[ttl] ?? 0;
  return { ephemeral_5m_input_tokens: sums["5m"], ephemeral_1h_input_tokens: sums["1h"] };
}

function readServerTools(wire: JsonObject | undefined): Usage["serverTools"] {
  if (wire === undefined) return undefined;
  return compact({
    webSearch: count(wire["web_search_requests"]),
    webFetch: count(wire["web_fetch_requests"]),
  });
}

function writeServerTools(usage: Usage | undefined): Json {
  if (usage?.serverTools === undefined) return null;
  const { webSearch, webFetch } = usage.serverTools;
  return { web_search_requests: webSearch ?? 0, web_fetch_requests: webFetch ?? 0 };
}

/** A counter that a provider sent; a negative one would turn into money owed to the caller. */
function count(value: Json | undefined): number | undefined {
  const number = asNumber(value);
  return number === undefined || number < 0 ? undefined : number;
}
