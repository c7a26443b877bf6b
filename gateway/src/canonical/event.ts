import type { Json } from "../lib/json.ts";
import type { Block, Citation, Opaque, TokenLogprob } from "./block.ts";
import type { Failure } from "./failure.ts";
import type { Loss } from "./loss.ts";
import type { CandidateMeta, Finish } from "./response.ts";
import type { Usage } from "./usage.ts";

/**
 * A conversation answer as it happens.
 *
 * Grammar: `start` first, exactly once; `block` numbers are dense per candidate in first-seen order; deltas only between
 * `block-start` and `block-stop` of their block; blocks may overlap; `finish` once per candidate, after its blocks have
 * stopped; `usage` any time after start (cumulative, the last value of a counter wins); `end` or `error` last, exactly once.
 * `checkEvents` in the tests asserts it for every decoder.
 */
export type CanonicalEvent =
  | {
      readonly type: "start";
      readonly id: string;
      readonly model: string;
      /** Unix seconds. */
      readonly createdAt: number;
      readonly tier?: string;
      readonly fingerprint?: string;
    }
  | BlockStart
  | {
      readonly type: "text-delta";
      readonly candidate: number;
      readonly block: number;
      readonly text: string;
      readonly logprobs?: readonly TokenLogprob[];
    }
  | {
      readonly type: "reasoning-delta";
      readonly candidate: number;
      readonly block: number;
      readonly text: string;
      readonly channel: "summary" | "raw";
      /** Index of the summary or raw part that the text belongs to. */
      readonly part: number;
    }
  | { readonly type: "refusal-delta"; readonly candidate: number; readonly block: number; readonly text: string }
  /** Tool arguments, or the input text of a custom tool. */
  | { readonly type: "arguments-delta"; readonly candidate: number; readonly block: number; readonly text: string }
  /** Signature, encrypted reasoning, thought signature. A later one for the same block replaces an earlier one. */
  | { readonly type: "opaque"; readonly candidate: number; readonly block: number; readonly value: Opaque }
  | { readonly type: "citation"; readonly candidate: number; readonly block: number; readonly citation: Citation }
  | {
      readonly type: "server-tool-state";
      readonly candidate: number;
      readonly block: number;
      readonly state: string;
      readonly native?: Json;
    }
  | {
      readonly type: "media-delta";
      readonly candidate: number;
      readonly block: number;
      readonly dataBase64?: string;
      readonly transcript?: string;
      readonly partialIndex?: number;
      readonly expiresAt?: number;
    }
  | {
      readonly type: "block-stop";
      readonly candidate: number;
      readonly block: number;
      /** The authoritative whole block, where the source sends one at its end. */
      readonly final?: Block;
    }
  | { readonly type: "candidate-meta"; readonly candidate: number; readonly meta: CandidateMeta }
  | { readonly type: "usage"; readonly usage: Partial<Usage> }
  | { readonly type: "finish"; readonly candidate: number; readonly finish: Finish }
  | { readonly type: "loss"; readonly loss: Loss }
  | { readonly type: "ping" }
  | { readonly type: "error"; readonly failure: Failure }
  | { readonly type: "end" };

/** The kinds of block that a model writes; what can only stand in a request cannot be streamed. */
export type BlockKind =
  | "text"
  | "reasoning"
  | "refusal"
  | "tool-call"
  | "server-tool"
  | "media"
  | "code"
  | "compaction"
  | "opaque";

/**
 * `initial` is the block as far as it is known at its start, with empty text where text follows as deltas: a tool call has
 * its id, name and kind; a server tool its native item; a text block needs nothing.
 */
export type BlockStart = {
  readonly type: "block-start";
  readonly candidate: number;
  readonly block: number;
  readonly kind: BlockKind;
  readonly initial: Block;
};
