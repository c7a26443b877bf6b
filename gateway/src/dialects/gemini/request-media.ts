import type { MediaBlock } from "../../canonical/block.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import { mediaType, resolutionOfDetail, textOfDocument } from "../../translation/media.ts";
import { isGoogleFile, isYouTube } from "./media.ts";
import { isOfIssuer, lose, loseGiven, refuse, type Writing } from "./writing.ts";

/** Where a block stands: in canonical words for losses, in the client's for failures. */
export type Place = { readonly path: string; readonly param: string };

/** The parts of a medium: itself, a text that names it before it where it has a title, or text alone. Empty where it is lost. */
export function writeMediaParts(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  if (block.citations === true) lose(writing, dropped(`${place.path}.citations`));
  const text = writing.isOwn ? undefined : textOfDocument(block);
  if (text !== undefined) return text === "" ? [] : [{ text }];
  if (block.source.by === "blocks") return writeNested(writing, block, place);
  const medium = writeMedium(writing, block, place);
  if (medium === undefined) return [];
  const header = writing.isOwn ? undefined : writeHeader(block);
  const part = { ...medium, ...writeModifiers(writing, block, place), ...asObject(block.extras?.gemini) };
  return header === undefined ? [part] : [{ text: header }, part];
}

function writeNested(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  const header = writeHeader(block);
  const blocks = block.source.by === "blocks" ? block.source.blocks : [];
  const parts = blocks.flatMap((each, index): JsonObject[] => {
    if (each.type === "text") return each.text === "" ? [] : [{ text: each.text }];
    const at = { ...place, path: `${place.path}.source.blocks[${index}]` };
    if (each.type === "media") return writeMediaParts(writing, each, at);
    lose(writing, dropped(at.path));
    return [];
  });
  return header === undefined ? parts : [{ text: header }, ...parts];
}

/** Gemini's files have no titles, and the names that clients give them are not shown to the model. */
function writeHeader({ kind, title, filename, context }: MediaBlock): string | undefined {
  const name = title ?? filename;
  if (kind !== "document" || (name === undefined && context === undefined)) return undefined;
  return `Document: ${name ?? "untitled"}${context === undefined ? "" : `\nContext: ${context}`}`;
}

function writeMedium(writing: Writing, block: MediaBlock, { path, param }: Place): JsonObject | undefined {
  const { source } = block;
  const displayName = writing.isOwn ? block.filename : undefined;
  switch (source.by) {
    case "base64":
      return { inlineData: compact({ mimeType: typeOf(writing, block), data: source.data, displayName }) };
    case "url":
      if (!isReachable(writing, source.url)) return refuseUrl(writing, param);
      return { fileData: compact({ mimeType: typeOf(writing, block), fileUri: source.url, displayName }) };
    case "file":
      if (!isOfIssuer(writing, source.issuer)) return refuseFile(writing, param);
      return { fileData: compact({ mimeType: typeOf(writing, block), fileUri: source.id, displayName }) };
    case "reference":
      lose(writing, dropped(path, "an earlier audio answer that another provider keeps"));
      return undefined;
    case "text":
    case "blocks":
      return undefined;
  }
}

/** Google's own addresses and YouTube's always work; whether others do depends on the model, and http never does. */
function isReachable({ isOwn, isVertex, model }: Writing, url: string): boolean {
  if (isOwn || isGoogleFile(url) || isYouTube(url)) return true;
  return url.startsWith("https://") && (isVertex || model.takesUrls);
}

function refuseUrl(writing: Writing, param: string): undefined {
  const advice = "Send the bytes as base64, or a file that was uploaded to this provider.";
  refuse(writing, `This model cannot load the address in \`${param}\`. ${advice}`, param);
}

function refuseFile(writing: Writing, param: string): undefined {
  const advice = "Send the bytes as base64, or a file that was uploaded to this provider.";
  refuse(
    writing,
    `The file in \`${param}\` was uploaded to another provider, which this one cannot read. ${advice}`,
    param,
  );
}

/** What a medium is taken for when neither its bytes, nor its client, nor its name tell; Google wants to know. */
const defaultTypes = {
  image: "image/jpeg",
  document: "application/pdf",
  audio: "audio/mpeg",
  video: "video/mp4",
  file: "application/octet-stream",
} as const satisfies Record<MediaBlock["kind"], string>;

function typeOf({ isOwn }: Writing, block: MediaBlock): string | undefined {
  if (isOwn) return block.mimeType;
  if (block.source.by === "url" && isYouTube(block.source.url)) return defaultTypes.video;
  return mediaType(block) ?? defaultTypes[block.kind];
}

function writeModifiers(writing: Writing, block: MediaBlock, { path }: Place): JsonObject {
  const { detail, resolution, video } = block;
  const asked = resolution ?? (detail === undefined ? undefined : resolutionOfDetail[detail]);
  const isTaken = writing.isOwn || writing.model.hasPartResolution;
  if (asked !== undefined && !isTaken) lose(writing, dropped(`${path}.detail`));
  if (!writing.isOwn) loseGiven(writing, dropped, { [`${path}.video`]: video });
  return compact({
    mediaResolution: asked === undefined || !isTaken ? undefined : { level: asked },
    videoMetadata: writing.isOwn ? video : undefined,
  });
}
