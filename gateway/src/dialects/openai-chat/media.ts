import type { MediaBlock } from "../../canonical/block.ts";
import { asObject, asString, type Json, type JsonObject } from "../../lib/json.ts";
import { readDataUrl } from "../data-url.ts";

/** A picture in an answer: `{"type":"image_url","image_url":{"url"}}`, or the URL in place of the inner object. */
export function readImage(image: Json): MediaBlock | undefined {
  const holder = asObject(image)?.["image_url"];
  const url = asString(asObject(holder)?.["url"]) ?? asString(holder);
  if (url === undefined) return undefined;
  const inline = readDataUrl(url);
  return inline === undefined
    ? { type: "media", kind: "image", source: { by: "url", url } }
    : { type: "media", kind: "image", source: { by: "base64", data: inline.data }, mimeType: inline.mimeType };
}

/** The reverse, for pictures that can be named or shown inline. */
export function writeImage(block: MediaBlock): JsonObject | undefined {
  const { source } = block;
  if (source.by === "url") return { type: "image_url", image_url: { url: source.url } };
  if (source.by !== "base64" || source.data === "") return undefined;
  const url = `data:${block.mimeType ?? "image/png"};base64,${source.data}`;
  return { type: "image_url", image_url: { url } };
}
