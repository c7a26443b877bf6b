import type { Citation, TokenLogprob } from "../../canonical/block.ts";
import type { CandidateMeta } from "../../canonical/response.ts";
import { compact, type Json, type JsonObject } from "../../lib/json.ts";

/** A text block's citations, and where the block stands in the candidate's text, in UTF-8 bytes, which is how Gemini counts. */
export type CitedText = { readonly text: string; readonly startBytes: number; readonly citations: readonly Citation[] };

/** The members of a candidate that speak of it as a whole. Gemini's own metadata goes before what citations can be made to say. */
export function writeCandidateMeta(meta: CandidateMeta | undefined, cited: readonly CitedText[]): JsonObject {
  return compact({
    safetyRatings: meta?.safety,
    citationMetadata: meta?.citations ?? recitations(cited),
    groundingMetadata: meta?.grounding ?? grounding(cited),
    urlContextMetadata: meta?.urlContext,
    avgLogprobs: meta?.averageLogprobs,
  });
}

/** `logprobsResult`: the tokens, and at the same positions what else might have been said. Gemini has no bytes of tokens. */
export function writeLogprobs(tokens: readonly TokenLogprob[]): JsonObject | undefined {
  if (tokens.length === 0) return undefined;
  const hasTop = tokens.some(({ top }) => top !== undefined && top.length > 0);
  return compact({
    chosenCandidates: tokens.map(writeToken),
    topCandidates: hasTop ? tokens.map(({ top }) => ({ candidates: (top ?? []).map(writeToken) })) : undefined,
  });
}

function writeToken({ token, logprob }: Pick<TokenLogprob, "token" | "logprob">): JsonObject {
  return { token, logProbability: logprob };
}

export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

type Grounding = {
  readonly chunks: Map<string, { readonly index: number; readonly chunk: Json }>;
  supports: JsonObject[];
};

/** `groundingChunks` are the sources, each once; `groundingSupports` say which stretch of text rests on which of them. */
function grounding(cited: readonly CitedText[]): JsonObject | undefined {
  const state: Grounding = { chunks: new Map(), supports: [] };
  for (const text of cited) {
    for (const citation of text.citations) {
      const chunk = groundingChunk(citation);
      if (chunk === undefined) continue;
      state.supports.push({
        segment: segment(citation, text),
        groundingChunkIndices: [chunkIndex(state, chunk)],
      });
    }
  }
  if (state.supports.length === 0) return undefined;
  return {
    groundingChunks: [...state.chunks.values()].map(({ chunk }) => chunk),
    groundingSupports: state.supports,
  };
}

function chunkIndex(state: Grounding, chunk: Json): number {
  const key = JSON.stringify(chunk);
  const known = state.chunks.get(key);
  if (known !== undefined) return known.index;
  const index = state.chunks.size;
  state.chunks.set(key, { index, chunk });
  return index;
}

function groundingChunk(citation: Citation): Json | undefined {
  switch (citation.type) {
    case "url":
      return { web: compact({ uri: citation.url, title: citation.title }) };
    case "document":
      return { retrievedContext: compact({ title: citation.title ?? undefined, text: citation.citedText }) };
    case "search-result":
      return {
        retrievedContext: compact({
          uri: citation.source,
          title: citation.title ?? undefined,
          text: citation.citedText,
        }),
      };
    case "file":
      return { retrievedContext: compact({ uri: citation.fileId, title: citation.filename }) };
    case "grounding":
      return citation.chunk;
    case "recitation":
    case "native":
      return undefined;
  }
}

/** Only web and file citations say which words they are for; the others are for the whole block that carries them. */
function segment(citation: Citation, cited: CitedText): JsonObject {
  if (citation.type === "grounding") {
    const { start, end, part, text } = citation.segment;
    return compact({ startIndex: start, endIndex: end, partIndex: part, text });
  }
  const hasPlace = citation.type === "url" || citation.type === "file";
  const start = (hasPlace ? citation.start : undefined) ?? 0;
  const end = (hasPlace ? citation.end : undefined) ?? cited.text.length;
  const text = cited.text.slice(start, end);
  const startIndex = cited.startBytes + utf8Length(cited.text.slice(0, start));
  return { startIndex, endIndex: startIndex + utf8Length(text), text };
}

function recitations(cited: readonly CitedText[]): JsonObject | undefined {
  const citations = cited
    .flatMap((text) => text.citations)
    .filter((citation) => citation.type === "recitation")
    .map((citation) =>
      compact({
        startIndex: citation.start,
        endIndex: citation.end,
        uri: citation.uri,
        title: citation.title,
        license: citation.license,
      }),
    );
  return citations.length === 0 ? undefined : { citations };
}
