import type { Citation, TokenLogprob } from "../../canonical/block.ts";
import type { CandidateMeta } from "../../canonical/response.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { field, list, number } from "./fields.ts";

/** What a chunk says about a candidate as a whole, added to what earlier chunks said. */
export function mergeCandidateMeta(earlier: CandidateMeta, candidate: JsonObject): CandidateMeta {
  return {
    ...earlier,
    ...compact({
      safety: field(candidate, "safetyRatings"),
      grounding: mergeLists(earlier.grounding, field(candidate, "groundingMetadata")),
      citations: mergeCitations(earlier.citations, field(candidate, "citationMetadata")),
      urlContext: mergeLists(earlier.urlContext, field(candidate, "urlContextMetadata")),
      averageLogprobs: number(field(candidate, "avgLogprobs")),
    }),
  };
}

/** The citations in the metadata of a finished candidate. Offsets of grounding segments stay what they are, UTF-8 bytes. */
export function readCitations(meta: CandidateMeta): Citation[] {
  return [...groundingCitations(asObject(meta.grounding)), ...recitations(asObject(meta.citations))];
}

/** `logprobsResult{chosenCandidates[],topCandidates[{candidates[]}]}`: the same position in both lists is the same token. */
export function readLogprobs(result: Json | undefined): TokenLogprob[] | undefined {
  const object = asObject(result);
  if (object === undefined) return undefined;
  const tops = list(field(object, "topCandidates"));
  return list(field(object, "chosenCandidates"))
    .filter(isObject)
    .map((chosen, index) => {
      const top = asObject(tops[index]);
      const alternatives =
        top === undefined ? undefined : list(field(top, "candidates")).filter(isObject).map(tokenLogprob);
      return { ...tokenLogprob(chosen), ...compact({ top: alternatives }) };
    });
}

function tokenLogprob(candidate: JsonObject): { token: string; logprob: number; bytes: number[] } {
  const token = asString(field(candidate, "token")) ?? "";
  return {
    token,
    logprob: number(field(candidate, "logProbability")) ?? 0,
    bytes: [...new TextEncoder().encode(token)],
  };
}

/** Later chunks repeat and extend the lists, or leave them out: the longer list is the whole one. */
function mergeLists(earlier: Json | undefined, later: Json | undefined): Json | undefined {
  if (later === undefined) return earlier;
  if (!isObject(earlier) || !isObject(later)) return later;
  const merged: JsonObject = { ...earlier };
  for (const [key, value] of Object.entries(later)) {
    const known = asArray(merged[key]);
    const isShorter = known !== undefined && Array.isArray(value) && value.length < known.length;
    if (value !== undefined && !isShorter) merged[key] = value;
  }
  return merged;
}

/** Recitations come a few at a time, and the growing last one comes again: the same place and source is the same citation. */
function mergeCitations(earlier: Json | undefined, later: Json | undefined): Json | undefined {
  if (!isObject(earlier) || !isObject(later)) return later ?? earlier;
  const byPlace = new Map<string, JsonObject>();
  for (const citation of [...citationList(earlier), ...citationList(later)]) {
    byPlace.set(`${number(field(citation, "startIndex")) ?? 0} ${asString(field(citation, "uri")) ?? ""}`, citation);
  }
  return { citations: [...byPlace.values()] };
}

/** `citationSources` is the name of 2023, still sent by some models. */
function citationList(metadata: JsonObject): JsonObject[] {
  return list(field(metadata, "citations") ?? field(metadata, "citationSources")).filter(isObject);
}

function groundingCitations(grounding: JsonObject | undefined): Citation[] {
  if (grounding === undefined) return [];
  const chunks = list(field(grounding, "groundingChunks"));
  return list(field(grounding, "groundingSupports"))
    .filter(isObject)
    .flatMap((support) => {
      const segment = readSegment(asObject(field(support, "segment")) ?? {});
      const scores = list(field(support, "confidenceScores"));
      return list(field(support, "groundingChunkIndices")).flatMap((position, order): Citation[] => {
        const chunk = chunks[number(position) ?? -1];
        if (chunk === undefined) return [];
        return [{ type: "grounding", chunk, segment, ...compact({ confidence: number(scores[order]) }) }];
      });
    });
}

type Segment = Extract<Citation, { readonly type: "grounding" }>["segment"];

function readSegment(segment: JsonObject): Segment {
  return {
    start: number(field(segment, "startIndex")) ?? 0,
    end: number(field(segment, "endIndex")) ?? 0,
    ...compact({ part: number(field(segment, "partIndex")), text: asString(field(segment, "text")) }),
  };
}

function recitations(metadata: JsonObject | undefined): Citation[] {
  if (metadata === undefined) return [];
  return citationList(metadata).map((citation) => ({
    type: "recitation",
    ...compact({
      uri: asString(field(citation, "uri")),
      license: asString(field(citation, "license")),
      title: asString(field(citation, "title")),
      start: number(field(citation, "startIndex")),
      end: number(field(citation, "endIndex")),
    }),
  }));
}
