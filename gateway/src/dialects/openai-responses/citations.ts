import type { Citation } from "../../canonical/block.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/**
 * Annotations of output text. This API counts characters as Unicode code points, the canonical form as UTF-16 units, so both
 * directions need the text; they differ only where it has characters outside the basic plane.
 */
export function readCitation(annotation: JsonObject, text: string): Citation {
  const start = position(annotation["start_index"], text, toUtf16);
  const end = position(annotation["end_index"], text, toUtf16);
  switch (annotation["type"]) {
    case "url_citation":
      return compact({
        type: "url" as const,
        url: asString(annotation["url"]) ?? "",
        title: asString(annotation["title"]),
        start,
        end,
      });
    case "file_citation":
    case "container_file_citation":
      return compact({
        type: "file" as const,
        fileId: asString(annotation["file_id"]) ?? "",
        filename: asString(annotation["filename"]),
        index: asNumber(annotation["index"]),
        containerId: asString(annotation["container_id"]),
        start,
        end,
      });
    default:
      return { type: "native", dialect: "openai-responses", value: annotation };
  }
}

/** The annotation of a citation, or undefined for kinds that this format has no place for (citations of the prompt's documents). */
export function writeCitation(citation: Citation, text: string): JsonObject | undefined {
  switch (citation.type) {
    case "url":
      return urlCitation(citation.url, citation.title, citation.start ?? 0, citation.end ?? 0, text);
    case "file":
      return citation.containerId === undefined
        ? {
            type: "file_citation",
            file_id: citation.fileId,
            filename: citation.filename ?? "",
            index: citation.index ?? 0,
          }
        : {
            type: "container_file_citation",
            container_id: citation.containerId,
            file_id: citation.fileId,
            filename: citation.filename ?? "",
            start_index: toCodePoints(text, citation.start ?? 0),
            end_index: toCodePoints(text, citation.end ?? 0),
          };
    case "grounding": {
      const web = asObject(asObject(citation.chunk)?.["web"]);
      const url = asString(web?.["uri"]);
      if (url === undefined) return undefined;
      const { start, end } = citation.segment;
      return urlCitation(url, asString(web?.["title"]), bytesToUtf16(text, start), bytesToUtf16(text, end), text);
    }
    case "native":
      return citation.dialect === "openai-responses" ? asObject(citation.value) : undefined;
    case "document":
    case "search-result":
    case "recitation":
      return undefined;
  }
}

function urlCitation(url: string, title: string | undefined, start: number, end: number, text: string): JsonObject {
  return {
    type: "url_citation",
    url,
    title: title ?? "",
    start_index: toCodePoints(text, start),
    end_index: toCodePoints(text, end),
  };
}

function position(
  value: Json | undefined,
  text: string,
  convert: (text: string, offset: number) => number,
): number | undefined {
  const offset = asNumber(value);
  return offset === undefined ? undefined : convert(text, offset);
}

const SURROGATE = /[\uD800-\uDFFF]/;

function toUtf16(text: string, codePoints: number): number {
  if (!SURROGATE.test(text)) return codePoints;
  let offset = 0;
  for (let count = 0; count < codePoints && offset < text.length; count += 1) {
    offset += unitsAt(text, offset);
  }
  return offset;
}

function toCodePoints(text: string, offset: number): number {
  if (!SURROGATE.test(text)) return offset;
  let count = 0;
  for (let at = 0; at < offset && at < text.length; count += 1) at += unitsAt(text, at);
  return count;
}

/** UTF-16 units of the code point at `offset`. */
function unitsAt(text: string, offset: number): number {
  return (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
}

function bytesToUtf16(text: string, bytes: number): number {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, bytes)).length;
}
