import type { CanonicalRequest } from "../../canonical/request.ts";
import { stableDigest } from "../../lib/hash.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { clamped, clampNumber, dropped, emulated, repaired } from "../../translation/limits.ts";
import { DEFAULT_API_VERSION } from "./models.ts";
import { lose, refuse, type Writing } from "./writing.ts";

/** `max_tokens`, which the API wants in every request; thinking counts in all formats, so the number is the same. */
export function writeMaxTokens(writing: Writing): number {
  const { request, facts, isNative } = writing;
  const { maxTokens } = request.sampling;
  if (maxTokens !== undefined && isNative) return maxTokens;
  // 0 fills the prompt cache and writes nothing.
  if (request.cache.prewarm === true) return 0;
  if (maxTokens === undefined) return facts.outputTokensDefault;
  if (maxTokens < 1) refuse(writing, "invalid_parameter", "The limit of output tokens must be 1 or more.");
  const limit = clampNumber("sampling.maxTokens", Math.floor(maxTokens), 1, facts.outputTokensMax ?? Infinity);
  lose(writing, ...limit.losses);
  return limit.value;
}

/** Temperature, top_p and top_k. Defaults are left out: the newer API version has no fields for them. */
export function writeSampling(writing: Writing, isThinking: boolean): JsonObject {
  const { temperature, topP, topK } = writing.request.sampling;
  if (writing.isNative) return compact({ temperature, top_p: topP, top_k: topK });
  const { sampling } = writing.facts;
  const written = compact({
    temperature: temperature === 1 ? undefined : temperature,
    top_p: topP === 1 ? undefined : topP,
    top_k: topK,
  });
  if (sampling === "none") return withoutSampling(writing, written);
  if (isThinking) {
    forget(writing, written, "temperature", "the model is thinking");
    forget(writing, written, "top_k", "the model is thinking");
    if ((written.top_p ?? 1) < 0.95) forget(writing, written, "top_p", "the model is thinking");
  }
  if (written.temperature !== undefined) {
    const limit = clampNumber("sampling.temperature", written.temperature, 0, 1);
    lose(writing, ...limit.losses);
    written.temperature = limit.value;
    if (sampling === "one") forget(writing, written, "top_p", "only one of temperature and top_p");
  }
  return written;
}

type Sampling = { temperature?: number; top_p?: number; top_k?: number };

const samplingPaths = { temperature: "temperature", top_p: "topP", top_k: "topK" } as const;

function forget(writing: Writing, written: Sampling, key: keyof Sampling, why: string): void {
  if (written[key] === undefined) return;
  lose(writing, dropped(`sampling.${samplingPaths[key]}`, why));
  delete written[key];
}

/** Models since Opus 4.7 decide for themselves; a top_p of 0.99 was still accepted as good as none. */
function withoutSampling(writing: Writing, written: Sampling): JsonObject {
  if ((written.top_p ?? 0) >= 0.99) delete written.top_p;
  for (const key of ["temperature", "top_p", "top_k"] as const) {
    forget(writing, written, key, "the model takes no sampling parameters");
  }
  return {};
}

export type WrittenStop = {
  readonly sequences: readonly string[] | undefined;
  /** Those that the API refuses, to be looked for in the answer. */
  readonly watched: readonly string[];
};

/** `stop_sequences`. The API wants something visible in each. */
export function writeStop(writing: Writing): WrittenStop {
  const { stop } = writing.request.sampling;
  if (stop === undefined || writing.isNative) return { sequences: stop, watched: [] };
  const watched = stop.filter((sequence) => sequence !== "" && sequence.trim() === "");
  const sequences = stop.filter((sequence) => sequence.trim() !== "");
  if (watched.length > 0) lose(writing, emulated("sampling.stop", "sequences of white space are looked for here"));
  return { sequences: sequences.length === 0 ? undefined : sequences, watched };
}

/** `service_tier`. The faster modes of others are an agreement with Anthropic here, so nothing promises them. */
export function writeTier(writing: Writing): string | undefined {
  const { tier } = writing.request;
  if (tier === undefined) return undefined;
  const { word, isSame } = tiers[tier];
  if (!isSame) lose(writing, clamped("tier", `${tier} became ${word}`));
  return word;
}

const tiers = {
  auto: { word: "auto", isSame: true },
  default: { word: "standard_only", isSame: true },
  priority: { word: "auto", isSame: true },
  flex: { word: "auto", isSame: false },
  fast: { word: "auto", isSame: false },
  ultrafast: { word: "auto", isSame: false },
  scale: { word: "auto", isSame: false },
} as const satisfies Record<NonNullable<CanonicalRequest["tier"]>, { readonly word: string; readonly isSame: boolean }>;

const USER_ID_LENGTH_MAX = 256;

/** `metadata.user_id`, which must not say who a person is. Other metadata has no place and no effect. */
export function writeUserId(writing: Writing): string | undefined {
  const { endUser, safetyId } = writing.request.identity;
  if (writing.isNative) return endUser;
  const id = safetyId ?? endUser;
  if (id === undefined || id === "") return undefined;
  if (!id.includes("@") && id.length <= USER_ID_LENGTH_MAX) return id;
  const path = safetyId === undefined ? "identity.endUser" : "identity.safetyId";
  lose(writing, repaired(path, "sent as a digest: it is an e-mail address or too long"));
  return `user_${stableDigest(id)}`;
}

/** `anthropic-version`: the newer one, except for sampling, which it no longer has. */
export function writeVersion(writing: Writing, hasSampling: boolean): string {
  const { request, facts, isNative } = writing;
  if (isNative) return request.headers.anthropicVersion ?? DEFAULT_API_VERSION;
  return hasSampling ? "2023-06-01" : facts.apiVersion;
}
