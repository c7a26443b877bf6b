import type { CacheMark, Extras } from "../../canonical/block.ts";
import type { Failure } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import type { WriteOptions } from "../dialect.ts";
import type { ModelFacts } from "./models.ts";

/** A request while it is written, and what has been noted of it on the way. */
export type Writing = {
  readonly request: CanonicalRequest;
  /** The turns before results were paired with calls, which is how losses count them. */
  readonly givenTurns: CanonicalRequest["turns"];
  readonly options: WriteOptions;
  readonly facts: ModelFacts;
  /**
   * Whether the client speaks this format itself. Its settings are then its own business: they are written as they came, also
   * those that the model may refuse, as they would be if the request passed untouched.
   */
  readonly isNative: boolean;
  /** The name under which a tool is sent. */
  readonly nameOf: (name: string) => string;
  readonly losses: Loss[];
  /** What cannot be written at all; the first one is the answer. */
  readonly failures: Failure[];
  /** Cache marks that had no place; told in one loss. */
  lostMarks: number;
};

export function lose(writing: Writing, ...losses: readonly Loss[]): void {
  writing.losses.push(...losses);
}

/** What this format has kept for itself on a part of the request. */
export function ownExtras(extras: Extras | undefined): JsonObject | undefined {
  return extras?.["openai-responses"];
}

/** Fields that only another format knows are lost, whatever they say. */
export function loseForeignExtras(writing: Writing, extras: Extras | undefined, path: string): void {
  for (const [dialect, members] of Object.entries(extras ?? {})) {
    if (dialect === "openai-responses") continue;
    lose(writing, ...Object.keys(members ?? {}).map((key) => dropped(`${path}.${key}`)));
  }
}

/** How long Anthropic's lifetimes are here; its 5 minutes are less than the shortest of this API, which is the default. */
const ttls = { "5m": undefined, "1h": "12h", "30m": "30m", "12h": "12h" } as const;

export type WrittenMark = { readonly prompt_cache_breakpoint?: JsonObject };

/**
 * The end of a prefix to be cached. A model that knows no breakpoints caches what it can by itself, so that a mark of another
 * vendor's is left out. How many count (the latest four) is the API's business: leaving earlier ones out here would change
 * what a longer conversation repeats.
 */
export function writeMark(writing: Writing, mark: CacheMark | undefined): WrittenMark {
  if (mark === undefined) return {};
  if (mark.source === "openai" || writing.facts.cacheBreakpoints) {
    const ttl = mark.ttl === undefined ? undefined : ttls[mark.ttl];
    return { prompt_cache_breakpoint: compact({ mode: "explicit", ttl }) };
  }
  return loseMark(writing, mark);
}

/** A mark where this format has no place for one: on an answer's text, a call, a tool. */
export function loseMark(writing: Writing, mark: CacheMark | undefined): WrittenMark {
  if (mark !== undefined) writing.lostMarks += 1;
  return {};
}

export function ttlOf(mark: CacheMark | undefined): "30m" | "12h" | undefined {
  return mark?.ttl === undefined ? undefined : ttls[mark.ttl];
}
