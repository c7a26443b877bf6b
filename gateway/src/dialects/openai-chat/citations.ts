import type { Citation } from "../../canonical/block.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/** One entry of `annotations`. Anything but a `url_citation` is kept for this format only. */
export function readAnnotation(annotation: Json): Citation {
  const source = asObject(asObject(annotation)?.["url_citation"]);
  const url = asString(source?.["url"]);
  if (source === undefined || url === undefined) return { type: "native", dialect: "openai-chat", value: annotation };
  return compact({
    type: "url" as const,
    url,
    title: asString(source["title"]),
    start: asNumber(source["start_index"]),
    end: asNumber(source["end_index"]),
    citedText: asString(source["content"]), // OpenRouter
  });
}

/**
 * `block` says where the cited text block begins and how far it reaches in the message's content: offsets of a citation count
 * within its block, those of an annotation within the message. A citation without offsets covers what its block says so far.
 * `undefined`: Chat has no annotation for this kind.
 */
export function writeAnnotation(
  citation: Citation,
  block: { readonly start: number; readonly end: number },
): JsonObject | undefined {
  switch (citation.type) {
    case "url":
      return urlCitation(citation.url, citation.title, {
        start: citation.start === undefined ? block.start : block.start + citation.start,
        end: citation.end === undefined ? block.end : block.start + citation.end,
      });
    case "search-result":
      return /^https?:/.test(citation.source) ? urlCitation(citation.source, citation.title, block) : undefined;
    case "grounding": {
      // Offsets count UTF-8 bytes of a text that is gone by now, so the annotation covers the block.
      const page = asObject(asObject(citation.chunk)?.["web"]);
      const url = asString(page?.["uri"]);
      return url === undefined ? undefined : urlCitation(url, asString(page?.["title"]), block);
    }
    case "native":
      return citation.dialect === "openai-chat" ? asObject(citation.value) : undefined;
    case "document":
    case "file":
    case "recitation":
      return undefined;
  }
}

function urlCitation(
  url: string,
  title: string | null | undefined,
  range: { readonly start: number; readonly end: number },
): JsonObject {
  return {
    type: "url_citation",
    url_citation: { start_index: range.start, end_index: range.end, title: title ?? url, url },
  };
}
