import type { Citation } from "../../canonical/block.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

type DocumentCitation = Extract<Citation, { readonly type: "document" }>;

/** The three ways to point into a document; the keys of the wire carry the unit in their names. */
const documentUnits = {
  char_location: { unit: "char", start: "start_char_index", end: "end_char_index" },
  page_location: { unit: "page", start: "start_page_number", end: "end_page_number" },
  content_block_location: { unit: "block", start: "start_block_index", end: "end_block_index" },
} as const satisfies Record<string, { unit: DocumentCitation["unit"]; start: string; end: string }>;

type DocumentLocation = keyof typeof documentUnits;
const locationByUnit = {
  char: "char_location",
  page: "page_location",
  block: "content_block_location",
} as const satisfies Record<DocumentCitation["unit"], DocumentLocation>;

/** Kinds that this version does not know are kept as they are, for their own format. */
export function readCitation(value: Json): Citation {
  const wire = asObject(value);
  const type = asString(wire?.["type"]);
  if (wire !== undefined && type !== undefined) {
    if (isDocumentLocation(type)) return readDocumentCitation(wire, type);
    if (type === "web_search_result_location") return readUrlCitation(wire);
    if (type === "search_result_location") return readSearchResultCitation(wire);
  }
  return { type: "native", dialect: "anthropic-messages", value };
}

/** The citation as a Messages client reads it, or undefined for what the format cannot express. */
export function writeCitation(citation: Citation): Json | undefined {
  switch (citation.type) {
    case "url":
      return urlLocation(citation.url, citation.title, citation.citedText, citation.encrypted);
    case "document":
      return writeDocumentCitation(citation);
    case "search-result":
      return {
        type: "search_result_location",
        cited_text: citation.citedText,
        search_result_index: citation.index,
        source: citation.source,
        title: citation.title,
        start_block_index: citation.startBlock,
        end_block_index: citation.endBlock,
      };
    case "grounding": {
      const source =
        asObject(asObject(citation.chunk)?.["web"]) ?? asObject(asObject(citation.chunk)?.["retrievedContext"]);
      const uri = asString(source?.["uri"]);
      return uri === undefined
        ? undefined
        : urlLocation(uri, asString(source?.["title"]), citation.segment.text, undefined);
    }
    case "recitation":
      return citation.uri === undefined ? undefined : urlLocation(citation.uri, citation.title, undefined, undefined);
    case "native":
      return citation.dialect === "anthropic-messages" ? citation.value : undefined;
    case "file":
      return undefined;
  }
}

function readUrlCitation(wire: JsonObject): Citation {
  return compact({
    type: "url" as const,
    url: asString(wire["url"]) ?? "",
    title: asString(wire["title"]),
    citedText: asString(wire["cited_text"]),
    encrypted: asString(wire["encrypted_index"]),
  });
}

/** `encrypted_index` is what Anthropic wants back in a later turn; a foreign citation has none and is only for display. */
function urlLocation(
  url: string,
  title: string | undefined,
  citedText: string | undefined,
  encrypted: string | undefined,
): JsonObject {
  return {
    type: "web_search_result_location",
    cited_text: citedText ?? "",
    url,
    title: title ?? null,
    encrypted_index: encrypted ?? "",
  };
}

function readSearchResultCitation(wire: JsonObject): Citation {
  return {
    type: "search-result",
    index: asNumber(wire["search_result_index"]) ?? 0,
    source: asString(wire["source"]) ?? "",
    title: asString(wire["title"]) ?? null,
    startBlock: asNumber(wire["start_block_index"]) ?? 0,
    endBlock: asNumber(wire["end_block_index"]) ?? 0,
    citedText: asString(wire["cited_text"]) ?? "",
  };
}

function readDocumentCitation(wire: JsonObject, type: DocumentLocation): Citation {
  const { unit, start, end } = documentUnits[type];
  return compact({
    type: "document" as const,
    document: asNumber(wire["document_index"]) ?? 0,
    title: asString(wire["document_title"]) ?? null,
    unit,
    start: asNumber(wire[start]) ?? 0,
    end: asNumber(wire[end]) ?? 0,
    citedText: asString(wire["cited_text"]) ?? "",
    fileId: wire["file_id"] === null ? null : asString(wire["file_id"]),
  });
}

function writeDocumentCitation(citation: DocumentCitation): JsonObject {
  const type = locationByUnit[citation.unit];
  const { start, end } = documentUnits[type];
  return {
    type,
    cited_text: citation.citedText,
    document_index: citation.document,
    document_title: citation.title ?? null,
    [start]: citation.start,
    [end]: citation.end,
    file_id: citation.fileId ?? null,
  };
}

function isDocumentLocation(type: string): type is DocumentLocation {
  return Object.hasOwn(documentUnits, type);
}
