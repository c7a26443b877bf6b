import type { Json } from "../lib/json.ts";
import type { Block, Extras } from "./block.ts";
import type { Failure } from "./failure.ts";
import type { Loss } from "./loss.ts";
import type { Usage } from "./usage.ts";

export type CanonicalResponse = {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly candidates: readonly Candidate[];
  /** Absent when the provider reported none. */
  readonly usage?: Usage;
  readonly promptBlock?: { readonly reason: string; readonly message?: string; readonly ratings?: Json };
  readonly tier?: string;
  readonly speed?: string;
  readonly fingerprint?: string;
  readonly moderation?: Json;
  readonly losses: readonly Loss[];
  readonly extras: Extras;
};

export type Candidate = {
  readonly index: number;
  readonly blocks: readonly Block[];
  readonly finish: Finish;
  readonly meta?: CandidateMeta;
};

/** What a provider says about a candidate as a whole. */
export type CandidateMeta = {
  readonly safety?: Json;
  readonly grounding?: Json;
  readonly citations?: Json;
  readonly urlContext?: Json;
  readonly averageLogprobs?: number;
  /** Where the candidate's code ran; clients name it in their next request. */
  readonly container?: Json;
};

export type FinishReason =
  | "stop"
  | "stop-sequence"
  | "length"
  | "context-length"
  | "tool-calls"
  | "pause"
  | "continuation"
  | "content-filter"
  | "refusal"
  | "malformed-tool-call"
  | "compaction"
  | "error"
  | "cancelled"
  | "other";

export type Finish = {
  readonly reason: FinishReason;
  /** The provider's own word, "" when it gave none. */
  readonly native: string;
  readonly stopSequence?: string | null;
  readonly message?: string;
  readonly refusal?: { readonly category?: string | null; readonly explanation?: string | null };
  readonly failure?: Failure;
};

/** What a record needs of a plain answer. */
export type AnswerSummary = {
  readonly usage: Usage | undefined;
  /** One per candidate, in order. */
  readonly finish: readonly FinishReason[];
  /** Names of the tools called, in order. */
  readonly toolCalls: readonly string[];
  /** Whether it says anything at all. */
  readonly hasContent: boolean;
};
