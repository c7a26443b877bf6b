import type { Citation } from "../../canonical/block.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/** The ways to point into a document, by the member of `location`. */
const documentUnits = {
  documentChar: "char",
  documentPage: "page",
  documentChunk: "block",
} as const satisfies Record<string, Extract<Citation, { readonly type: "document" }>["unit"]>;

/** One of `citations`, or the `citation` of a delta. Locations that this version does not know are kept as they are. */
export function readCitation(value: Json): Citation {
  const wire = asObject(value) ?? {};
  const location = asObject(wire["location"]) ?? {};
  for (const [member, unit] of Object.entries(documentUnits)) {
    const place = asObject(location[member]);
    if (place !== undefined) return documentCitation(wire, place, unit);
  }
  const web = asObject(location["web"]);
  if (web !== undefined) return urlCitation(wire, web);
  const result = asObject(location["searchResultLocation"]);
  if (result !== undefined) return searchResultCitation(wire, result);
  return { type: "native", dialect: "bedrock-converse", value };
}

function documentCitation(
  wire: JsonObject,
  place: JsonObject,
  unit: (typeof documentUnits)[keyof typeof documentUnits],
): Citation {
  return {
    type: "document",
    document: asNumber(place["documentIndex"]) ?? 0,
    title: asString(wire["title"]) ?? null,
    unit,
    start: asNumber(place["start"]) ?? 0,
    end: asNumber(place["end"]) ?? 0,
    citedText: citedText(wire),
  };
}

function urlCitation(wire: JsonObject, web: JsonObject): Citation {
  const cited = citedText(wire);
  return compact({
    type: "url" as const,
    url: asString(web["url"]) ?? "",
    title: asString(wire["title"]) ?? asString(web["domain"]),
    citedText: cited === "" ? undefined : cited,
  });
}

function searchResultCitation(wire: JsonObject, result: JsonObject): Citation {
  return {
    type: "search-result",
    index: asNumber(result["searchResultIndex"]) ?? 0,
    source: asString(wire["source"]) ?? "",
    title: asString(wire["title"]) ?? null,
    startBlock: asNumber(result["start"]) ?? 0,
    endBlock: asNumber(result["end"]) ?? 0,
    citedText: citedText(wire),
  };
}

function citedText(wire: JsonObject): string {
  return (asArray(wire["sourceContent"]) ?? []).map((each) => asString(asObject(each)?.["text"]) ?? "").join("");
}
