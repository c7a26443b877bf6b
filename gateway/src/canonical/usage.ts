import type { Json } from "../lib/json.ts";
import type { DialectId } from "./dialect-id.ts";

export type CacheTtl = "5m" | "1h" | "30m" | "12h";

/**
 * Token counts, normalised once: totals are inclusive (input includes cached and cache-writing tokens, output includes
 * reasoning), so that cost can derive disjoint buckets from them. Every dialect's own arithmetic is in its `usage.ts`.
 */
export type Usage = {
  /** Everything the model read: fresh + cache read + cache write + tool-use prompt. */
  readonly inputTotal: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly cacheWriteByTtl?: { readonly [T in CacheTtl]?: number };
  /** Gemini's `toolUsePromptTokenCount`; already inside `inputTotal`. */
  readonly toolUsePrompt?: number;
  /** Everything the model wrote: visible + reasoning. */
  readonly outputTotal: number;
  readonly reasoning?: number;
  readonly inputAudio?: number;
  readonly outputAudio?: number;
  readonly inputImage?: number;
  readonly outputImage?: number;
  readonly acceptedPrediction?: number;
  readonly rejectedPrediction?: number;
  /** Sound that was listened to, where that is what is counted. */
  readonly audioSeconds?: number;
  /** Text that was read aloud, where that is what is counted. */
  readonly inputCharacters?: number;
  readonly serverTools?: { readonly webSearch?: number; readonly webFetch?: number };
  /** True when we counted, because the provider did not. */
  readonly estimated?: boolean;
  /** The provider's own object, for the same dialect's writer and for the record. */
  readonly raw?: { readonly dialect: DialectId; readonly value: Json };
};

export const noUsage: Usage = { inputTotal: 0, cacheRead: 0, cacheWrite: 0, outputTotal: 0 };

/** Sources report cumulatively: a later counter replaces an earlier one, an absent one leaves it alone. */
export function mergeUsage(earlier: Usage | undefined, later: Partial<Usage>): Usage {
  return { ...(earlier ?? noUsage), ...later };
}
