import type { CanonicalRequest } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { clamped, clampNumber, dropped, emulated } from "../../translation/limits.ts";
import { STOP_SEQUENCE_PATH } from "./finish.ts";
import { lose, refuse, type Writing } from "./writing.ts";

export type WrittenStop = {
  readonly sequences: readonly string[] | undefined;
  /** Those that models refuse, to be looked for in the answer. */
  readonly watched: readonly string[];
};

/** `inferenceConfig.stopSequences`. Models want something visible in each. */
export function writeStop(writing: Writing): WrittenStop {
  const { stop } = writing.request.sampling;
  if (stop === undefined) return { sequences: undefined, watched: [] };
  const watched = stop.filter((sequence) => sequence !== "" && sequence.trim() === "");
  const sequences = stop.filter((sequence) => sequence.trim() !== "");
  if (watched.length > 0) lose(writing, emulated("sampling.stop", "sequences of white space are looked for here"));
  return { sequences: sequences.length === 0 ? undefined : sequences, watched };
}

/** Claude models can say at which sequence they stopped. */
export function stopPaths({ facts }: Writing, { sequences }: WrittenStop): string[] | undefined {
  return facts.claude === undefined || sequences === undefined ? undefined : [STOP_SEQUENCE_PATH];
}

/**
 * `inferenceConfig.maxTokens`. Without one the model's own maximum holds; what is named is taken off the account's quota when
 * the request begins, so nothing is named that nobody asked for.
 */
export function writeMaxTokens(writing: Writing): number | undefined {
  const { maxTokens } = writing.request.sampling;
  if (maxTokens === undefined) return undefined;
  if (maxTokens < 1) refuse(writing, "invalid_parameter", "The limit of output tokens must be 1 or more.");
  const maximum = writing.facts.claude?.outputTokensMax ?? Infinity;
  const limit = clampNumber("sampling.maxTokens", Math.floor(maxTokens), 1, maximum);
  lose(writing, ...limit.losses);
  return limit.value;
}

export type WrittenSampling = {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
};

type Draft = { -readonly [K in keyof WrittenSampling]: WrittenSampling[K] };

/** Temperature (0 to 1 for all models), top_p and top_k, as far as the model takes them. */
export function writeSampling(writing: Writing, isThinking: boolean): WrittenSampling {
  const { temperature, topP, topK } = writing.request.sampling;
  const { claude } = writing.facts;
  const written: Draft = compact({ temperature, topP, topK });
  if (writing.facts.topK === undefined) forget(writing, written, "topK", undefined);
  if (written.temperature !== undefined) {
    const limit = clampNumber("sampling.temperature", written.temperature, 0, 1);
    lose(writing, ...limit.losses);
    written.temperature = limit.value;
  }
  if (claude === undefined) return written;
  // The defaults, which every generation takes as if they were not there.
  if (written.temperature === 1) delete written.temperature;
  if (written.topP === 1) delete written.topP;
  if (claude.sampling === "none") {
    for (const key of ["temperature", "topP", "topK"] as const) {
      forget(writing, written, key, "the model takes no sampling parameters");
    }
  }
  if (isThinking) {
    forget(writing, written, "temperature", "the model is thinking");
    forget(writing, written, "topK", "the model is thinking");
    if ((written.topP ?? 1) < 0.95) forget(writing, written, "topP", "the model is thinking");
  }
  if (claude.sampling === "one" && written.temperature !== undefined) {
    forget(writing, written, "topP", "only one of temperature and top_p");
  }
  return written;
}

export function forget(writing: Writing, written: Draft, key: keyof WrittenSampling, why: string | undefined): void {
  if (written[key] === undefined) return;
  lose(writing, dropped(`sampling.${key}`, why));
  delete written[key];
}

/** `serviceTier.type` */
const tiers = {
  auto: { word: undefined, isSame: true },
  default: { word: "default", isSame: true },
  flex: { word: "flex", isSame: true },
  priority: { word: "priority", isSame: true },
  fast: { word: "priority", isSame: false },
  ultrafast: { word: "priority", isSame: false },
  scale: { word: "priority", isSame: false },
} as const satisfies Record<NonNullable<CanonicalRequest["tier"]>, { word: string | undefined; isSame: boolean }>;

export function writeTier(writing: Writing): JsonObject | undefined {
  const { tier, speed } = writing.request;
  if (speed === "fast") lose(writing, dropped("speed"));
  if (tier === undefined) return undefined;
  const { word, isSame } = tiers[tier];
  if (!isSame) lose(writing, clamped("tier", `${tier} became ${word}`));
  return word === undefined ? undefined : { type: word };
}

const METADATA_MAX = 16;
const METADATA_LENGTH_MAX = 256;

/** `requestMetadata`, by which logs of invocations can be searched: 16 pairs of plain characters. */
export function writeMetadata(writing: Writing): JsonObject | undefined {
  const { endUser, safetyId, metadata } = writing.request.identity;
  if (endUser !== undefined) lose(writing, dropped("identity.endUser"));
  if (safetyId !== undefined) lose(writing, dropped("identity.safetyId"));
  const entries = Object.entries(metadata ?? {}).filter(([key]) => key !== "");
  if (entries.length === 0) return undefined;
  const bent = entries.slice(0, METADATA_MAX).map(([key, value]) => [bend(key), bend(value)] as const);
  const isSame =
    bent.length === entries.length &&
    bent.every(([key, value], at) => key === entries[at]?.[0] && value === entries[at]?.[1]);
  if (!isSame) lose(writing, clamped("identity.metadata", "16 pairs of at most 256 plain characters"));
  return Object.fromEntries(bent);
}

function bend(text: string): string {
  return text.replace(/[^a-zA-Z0-9\s:_@$#=/+,.-]/g, "_").slice(0, METADATA_LENGTH_MAX);
}
