import type { Block, MediaBlock } from "../../canonical/block.ts";
import { asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, notPortable } from "../../translation/limits.ts";
import {
  detailOfResolution,
  mediaType,
  openaiAudioFormats,
  textOfDocument,
  writeDataUrl,
} from "../../translation/media.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { lose, mark, refuse, takes, type Writing } from "./writing.ts";

/**
 * Blocks as content parts of a user message. What Chat has no part for becomes text where text can say it. `path` names the
 * list of blocks in losses: `turns[2].blocks`.
 */
export function writeParts(writing: Writing, blocks: readonly Block[], path: string): JsonObject[] {
  return blocks.flatMap((block, index) => writePart(writing, block, `${path}[${index}]`));
}

export function writePart(writing: Writing, block: Block, path: string): JsonObject[] {
  loseSignature(writing, block, path);
  const parts = block.type === "media" ? writeMedia(writing, block, path) : writeOther(writing, block, path);
  return parts.map((part, index) => (index === parts.length - 1 ? mark(writing, part, block.cache) : part));
}

/** A signature of Gemini's on what is no tool call has no place in Chat. */
export function loseSignature(writing: Writing, block: Block, path: string): void {
  if (block.signature !== undefined && block.type !== "tool-call") lose(writing, notPortable(`${path}.signature`));
}

export function textPart(text: string): JsonObject {
  return { type: "text", text };
}

/** The text of a text part. */
export function textOf(part: JsonObject | undefined): string {
  return asString(part?.["text"]) ?? "";
}

/**
 * Parts as the content of a message: a lone text as a string, and texts alone in one string for providers that know no lists
 * of them. A cache mark needs its part.
 */
export function writeContent(writing: Writing, parts: readonly JsonObject[], separator: string): string | JsonObject[] {
  const texts = parts.flatMap((part) => (isPlainText(part) ? [part["text"]] : []));
  const isText = texts.length === parts.length;
  if (!isText) return [...parts];
  const [only = ""] = texts;
  if (texts.length <= 1) return only;
  const keepsParts = writing.isNative || writing.target.vendor.textParts;
  return keepsParts ? [...parts] : texts.join(separator);
}

export function isPlainText(part: JsonObject): part is JsonObject & { readonly type: "text"; readonly text: string } {
  return part["type"] === "text" && typeof part["text"] === "string" && Object.keys(part).length === 2;
}

/** What is neither media nor part of a conversation's structure. */
export function writeOther(writing: Writing, block: Block, path: string): JsonObject[] {
  if (block.type === "text" || block.type === "refusal") {
    if (block.type === "text" && !writing.isNative) loseCitations(writing, block, path);
    return [textPart(block.text)];
  }
  if (block.type === "opaque" && block.dialect === "openai-chat" && isObject(block.value)) return [block.value];
  const text = renderBlock(block);
  if (text === undefined && block.type === "compaction" && block.opaque !== undefined) {
    const message =
      "The conversation so far was compacted in a form that only the provider that did it can read. Send it uncompacted, or stay with that provider.";
    refuse(writing, writing.place, message);
  }
  if (text === undefined) {
    lose(writing, dropped(path, block.type === "opaque" ? block.nativeType : block.type));
    return [];
  }
  lose(writing, emulated(path, `${block.type} as text`));
  return [textPart(text)];
}

/** Citations of earlier answers; the text that they belong to stays. */
function loseCitations(writing: Writing, block: Extract<Block, { readonly type: "text" }>, path: string): void {
  if (block.citations !== undefined) lose(writing, dropped(`${path}.citations`));
}

function writeMedia(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  if (block.citations === true) lose(writing, dropped(`${path}.citations`));
  if (block.video !== undefined) lose(writing, dropped(`${path}.video`));
  switch (block.kind) {
    case "image":
      return writeImagePart(writing, block);
    case "audio":
      return writeAudioPart(writing, block);
    case "video":
      return writeVideoPart(writing, block);
    case "document":
    case "file":
      return writeDocument(writing, block, path);
  }
}

function writeImagePart(writing: Writing, block: MediaBlock): JsonObject[] {
  const url = urlOf(writing, block, "image/png");
  const detail = block.detail ?? detailOfResolution(block.resolution ?? "");
  if (url !== undefined) return [{ type: "image_url", image_url: compact({ url, detail }) }];
  refuseSource(writing, block, "an image is given by its bytes or a URL");
  return [];
}

/** The data URL or URL of a medium. A Chat client's own type is left as it said it. */
function urlOf(writing: Writing, block: MediaBlock, defaultType: string): string | undefined {
  const { source } = block;
  if (source.by === "url") return source.url;
  if (source.by !== "base64") return undefined;
  const type = (writing.isNative ? block.mimeType : mediaType(block)) ?? defaultType;
  return writeDataUrl(type, source.data);
}

function writeAudioPart(writing: Writing, block: MediaBlock): JsonObject[] {
  const { source } = block;
  const type = mediaType(block) ?? "audio/wav";
  const known = Object.hasOwn(openaiAudioFormats, type) ? openaiAudioFormats[type] : undefined;
  const format = writing.isNative ? (known ?? type.replace(/^audio\//, "")) : known;
  if (source.by === "base64" && format !== undefined) {
    return [{ type: "input_audio", input_audio: { data: source.data, format } }];
  }
  if (format === undefined) {
    const message = `Chat Completions takes audio as WAV or MP3, and this is ${type}. Convert it first.`;
    refuse(writing, writing.place, message);
  } else {
    refuseSource(writing, block, "audio is given by its bytes");
  }
  return [];
}

function writeVideoPart(writing: Writing, block: MediaBlock): JsonObject[] {
  const url = urlOf(writing, block, "video/mp4");
  if (url !== undefined && takes(writing, "videos")) {
    return [{ type: "video_url", video_url: compact({ url, detail: block.detail }) }];
  }
  const { options } = writing.target;
  const message = `The provider \`${options.issuer}\` takes no video in Chat Completions. Send single frames as images, or choose a provider that sees videos.`;
  refuse(writing, writing.place, message);
  return [];
}

function writeDocument(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  const { source, filename } = block;
  if (source.by === "base64" && writing.isNative) {
    // Without a type it came as bare base64.
    const data = block.mimeType === undefined ? source.data : writeDataUrl(block.mimeType, source.data);
    return [filePart(compact({ filename, file_data: data }))];
  }
  const text = textOfDocument(block);
  if (text !== undefined) return [textPart(text)];
  if (source.by === "blocks") return writeDocumentBlocks(writing, block, path);
  if (block.context !== undefined) lose(writing, dropped(`${path}.context`));
  if (source.by === "base64") {
    const type = mediaType(block) ?? "application/pdf";
    const name = filename ?? block.title ?? (type === "application/pdf" ? "document.pdf" : "document");
    return [filePart({ filename: name, file_data: writeDataUrl(type, source.data) })];
  }
  if (source.by === "file" && isOwnFile(writing, source.issuer.provider)) {
    return [filePart(compact({ filename, file_id: source.id }))];
  }
  if (source.by === "url" && takes(writing, "document-urls")) {
    return [filePart(compact({ filename, file_data: source.url }))];
  }
  refuseSource(writing, block, "a document is given by its bytes");
  return [];
}

function filePart(file: JsonObject): JsonObject {
  return { type: "file", file };
}

/** A document made of blocks, some of which are no text. */
function writeDocumentBlocks(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  if (block.source.by !== "blocks") return [];
  const head = textPart(`Document: ${block.title ?? block.filename ?? "untitled"}`);
  return [head, ...writeParts(writing, block.source.blocks, `${path}.source.blocks`)];
}

/** File ids are known only to who gave them out; a Chat client's are those of the provider that it talks to. */
function isOwnFile(writing: Writing, issuer: string): boolean {
  const { options } = writing.target;
  return takes(writing, "file-ids") && (writing.isNative || issuer === options.issuer || issuer === options.kind);
}

const sources = {
  base64: "bytes",
  url: "a URL",
  file: "the id of a file",
  text: "text",
  blocks: "blocks",
  reference: "the id of an earlier answer",
} as const satisfies Record<MediaBlock["source"]["by"], string>;

function refuseSource(writing: Writing, block: MediaBlock, expected: string): void {
  const { issuer } = writing.target.options;
  const given = sources[block.source.by];
  const message = `The provider \`${issuer}\` speaks Chat Completions, where ${expected}; this one is given by ${given}. Send its content as base64.`;
  refuse(writing, writing.place, message);
}
