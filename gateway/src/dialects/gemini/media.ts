import type { Issuer, MediaBlock, MediaSource } from "../../canonical/block.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { field } from "./fields.ts";

/** `inlineData{mimeType,data,displayName}`, with the modifiers that stand beside it in its part. */
export function readInlineData(value: JsonObject, part: JsonObject): MediaBlock {
  const mimeType = asString(field(value, "mimeType"));
  return {
    type: "media",
    kind: mediaKind(mimeType),
    source: { by: "base64", data: standardBase64(asString(field(value, "data")) ?? "") },
    ...modifiers(value, part),
  };
}

/** Gemini takes both alphabets, and the Python SDK writes the one for URLs (`-` and `_`); no other API reads that. */
function standardBase64(data: string): string {
  if (!data.includes("-") && !data.includes("_")) return data;
  return data.replaceAll("-", "+").replaceAll("_", "/");
}

/** `fileData{mimeType,fileUri,displayName}`. */
export function readFileData(value: JsonObject, part: JsonObject, issuer: Issuer): MediaBlock {
  const uri = asString(field(value, "fileUri")) ?? "";
  const mimeType = asString(field(value, "mimeType"));
  return {
    type: "media",
    kind: mimeType === undefined && isYouTube(uri) ? "video" : mediaKind(mimeType),
    source: fileSource(uri, issuer),
    ...modifiers(value, part),
  };
}

/** `inlineData` or `fileData`; undefined for sources that Gemini has no field for. */
export function writeMedia(block: MediaBlock): JsonObject | undefined {
  const { source, mimeType, filename } = block;
  switch (source.by) {
    case "base64":
      return { inlineData: compact({ mimeType: mimeType ?? defaultMimeTypes[block.kind], data: source.data }) };
    case "url":
      return { fileData: compact({ mimeType, fileUri: source.url, displayName: filename }) };
    case "file":
      return { fileData: compact({ mimeType, fileUri: source.id, displayName: filename }) };
    case "text":
      return { text: source.text };
    case "blocks":
    case "reference":
      return undefined;
  }
}

const defaultMimeTypes = {
  image: "image/png",
  document: "application/pdf",
  // OpenAI's audio answers are WAV unless another format was asked for.
  audio: "audio/wav",
  video: "video/mp4",
  file: "application/octet-stream",
} as const satisfies Record<MediaBlock["kind"], string>;

const youTube = /^https:\/\/(www\.)?(youtube\.com|youtu\.be)\//;
/** Only Google can read these, so they are files of the issuer, not addresses. */
const googleFile = /^(gs:\/\/|https:\/\/generativelanguage\.googleapis\.com\/|files\/)/;

/** Whether an address is a video that Gemini loads from YouTube itself. */
export function isYouTube(uri: string): boolean {
  return youTube.test(uri);
}

/** Whether an address is a file of the Files API or of Cloud Storage. */
export function isGoogleFile(uri: string): boolean {
  return googleFile.test(uri);
}

function fileSource(uri: string, issuer: Issuer): MediaSource {
  return isGoogleFile(uri) ? { by: "file", id: uri, issuer } : { by: "url", url: uri };
}

function mediaKind(mimeType: string | undefined): MediaBlock["kind"] {
  const family = mimeType?.slice(0, mimeType.indexOf("/"));
  if (family === "image" || family === "audio" || family === "video") return family;
  return family === "text" || mimeType === "application/pdf" ? "document" : "file";
}

function modifiers(value: JsonObject, part: JsonObject): Partial<MediaBlock> {
  const resolution = field(part, "mediaResolution");
  return compact({
    mimeType: asString(field(value, "mimeType")),
    filename: asString(field(value, "displayName")),
    video: field(part, "videoMetadata"),
    resolution: asString(resolution) ?? asString(asObject(resolution)?.["level"]),
  });
}
