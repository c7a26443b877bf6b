import type { Block, MediaBlock, MediaSource } from "../../canonical/block.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated } from "../../translation/limits.ts";
import { documentText, imageTypes, mediaType } from "../../translation/media.ts";
import { writeCacheMark } from "./cache-marks.ts";
import { DIALECT, lose, refuse, type Place, type Writing } from "./writing.ts";

/** Writes the blocks that a document is made of. */
type WriteBlocks = (writing: Writing, blocks: readonly Block[], place: Place) => JsonObject[];

/** Pictures and documents; of sound and film only what was said. A medium that the model cannot be shown refuses the request. */
export function writeMedia(writing: Writing, block: MediaBlock, place: Place, writeBlocks: WriteBlocks): JsonObject[] {
  if (block.kind === "audio" || block.kind === "video") return writeTranscript(writing, block, place);
  if (block.detail !== undefined && block.detail !== "auto") lose(writing, dropped(`${place.path}.detail`));
  if (block.resolution !== undefined) lose(writing, dropped(`${place.path}.resolution`));
  const isImage = block.kind === "image";
  const source = isImage ? imageSource(writing, block, place) : documentSource(writing, block, place, writeBlocks);
  if (source === undefined) return [];
  const base = compact({ ...block.extras?.[DIALECT], cache_control: writeCacheMark(block.cache) });
  if (isImage) return [{ type: "image", source, ...base }];
  return [
    compact({
      type: "document",
      source,
      title: block.title ?? block.filename,
      context: block.context,
      citations: block.citations === undefined ? undefined : { enabled: block.citations },
      ...base,
    }),
  ];
}

function writeTranscript(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  if (block.transcript !== undefined && block.transcript.trim() !== "") {
    lose(writing, emulated(place.path, `the transcript of ${block.kind}`));
    return [{ type: "text", text: block.transcript.toWellFormed() }];
  }
  if (place.role === "assistant") lose(writing, dropped(place.path, block.kind));
  else
    refuse(
      writing,
      "unsupported_parameter",
      `Claude models take no ${block.kind}. Send text, images or documents.`,
      place.param,
    );
  return [];
}

function imageSource(writing: Writing, block: MediaBlock, place: Place): JsonObject | undefined {
  const { source } = block;
  if (source.by !== "base64") return referredSource(writing, source, place);
  const type = writing.isNative ? block.mimeType : mediaType(block);
  const isTaken = imageTypes.anthropic.some((each) => each === type);
  if (isTaken || writing.isNative) return compact({ type: "base64", media_type: type, data: source.data });
  const message = `Claude models take images of the types ${imageTypes.anthropic.join(", ")}, but this one is ${type ?? "of an unknown type"}. Convert it first.`;
  refuse(writing, "unsupported_parameter", message, place.param);
  return undefined;
}

function documentSource(
  writing: Writing,
  block: MediaBlock,
  place: Place,
  writeBlocks: WriteBlocks,
): JsonObject | undefined {
  const { source } = block;
  switch (source.by) {
    case "text":
      return { type: "text", media_type: textTypeOf(writing, block), data: source.text };
    case "blocks":
      return { type: "content", content: writeBlocks(writing, source.blocks, place) };
    case "base64":
      return inlineDocument(writing, block, source, place);
    default:
      return referredSource(writing, source, place);
  }
}

function inlineDocument(
  writing: Writing,
  block: MediaBlock,
  source: Extract<MediaSource, { readonly by: "base64" }>,
  place: Place,
): JsonObject | undefined {
  const type = writing.isNative ? block.mimeType : mediaType(block);
  if (type === "application/pdf" || writing.isNative) {
    return compact({ type: "base64", media_type: type, data: source.data });
  }
  const text = documentText(block);
  if (text !== undefined && text.trim() !== "") return { type: "text", media_type: "text/plain", data: text };
  const message = `Claude models take PDF and plain text as documents, but this one is ${type ?? "of an unknown type"}. Convert it first.`;
  refuse(writing, "unsupported_parameter", message, place.param);
  return undefined;
}

/** The API calls all text plain. */
function textTypeOf(writing: Writing, block: MediaBlock): string {
  return writing.isNative ? (block.mimeType ?? "text/plain") : "text/plain";
}

/** A medium that is somewhere else: on the web, or in the file store of one provider. */
function referredSource(writing: Writing, source: MediaSource, place: Place): JsonObject | undefined {
  if (source.by === "url") return { type: "url", url: source.url };
  if (source.by === "file") {
    const { provider } = source.issuer;
    const { issuer, kind } = writing.options;
    if (provider === "anthropic" && (writing.isNative || provider === kind))
      return { type: "file", file_id: source.id };
    if (provider === issuer) return { type: "file", file_id: source.id };
  }
  const message =
    "The conversation names a file by an id, which only the provider that stores it can read. Send the file's content instead.";
  refuse(writing, "unsupported_parameter", message, place.param);
  return undefined;
}
