import type { MediaBlock } from "../../canonical/block.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, repaired } from "../../translation/limits.ts";
import { documentText, isTextType, mediaType, textOfDocument } from "../../translation/media.ts";
import { lose, refuse, type Place, type Writing } from "./writing.ts";

/** `ImageFormat`, by media type. */
const imageFormats: { readonly [mimeType: string]: string } = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};

/** `DocumentFormat` */
const documentFormats: { readonly [mimeType: string]: string } = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "text/html": "html",
  "text/plain": "txt",
  "text/markdown": "md",
};

/** `VideoFormat` */
const videoFormats: { readonly [mimeType: string]: string } = {
  "video/mp4": "mp4",
  "video/quicktime": "mov",
  "video/mov": "mov",
  "video/x-matroska": "mkv",
  "video/webm": "webm",
  "video/x-flv": "flv",
  "video/mpeg": "mpeg",
  "video/mpg": "mpg",
  "video/x-ms-wmv": "wmv",
  "video/wmv": "wmv",
  "video/3gpp": "three_gp",
};

/** `AudioFormat` */
const audioFormats: { readonly [mimeType: string]: string } = {
  "audio/wav": "wav",
  "audio/mpeg": "mp3",
  "audio/flac": "flac",
  "audio/ogg": "ogg",
  "audio/opus": "opus",
  "audio/aac": "aac",
  "audio/mp4": "m4a",
  "audio/webm": "webm",
};

/** Pictures, documents, film and sound. A medium that the model cannot be shown refuses the request. */
export function writeMedia(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  if (block.detail !== undefined && block.detail !== "auto") lose(writing, dropped(`${place.path}.detail`));
  if (block.resolution !== undefined) lose(writing, dropped(`${place.path}.resolution`));
  switch (block.kind) {
    case "image":
      return medium(writing, block, place, "image", imageFormats);
    case "document":
    case "file":
      return writeDocument(writing, block, place);
    case "video":
      return writing.facts.video
        ? medium(writing, block, place, "video", videoFormats)
        : asWords(writing, block, place);
    case "audio":
      return writing.facts.audio
        ? medium(writing, block, place, "audio", audioFormats)
        : asWords(writing, block, place);
  }
}

function medium(
  writing: Writing,
  block: MediaBlock,
  place: Place,
  kind: "image" | "video" | "audio",
  formats: { readonly [mimeType: string]: string },
): JsonObject[] {
  const source = sourceOf(writing, block, place);
  if (source === undefined) return [];
  const type = mediaType(block) ?? "";
  const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
  if (format !== undefined) return [{ [kind]: { format, source } }];
  const taken = [...new Set(Object.values(formats))].join(", ");
  const is = type === "" ? "of an unknown type" : type;
  refuse(
    writing,
    "unsupported_parameter",
    `Bedrock takes ${kind} as ${taken}, but this is ${is}. Convert it first.`,
    place.param,
  );
  return [];
}

/** The bytes, or where they are in S3: Bedrock fetches nothing from the web, and keeps no files. */
function sourceOf(writing: Writing, { source }: MediaBlock, place: Place): JsonObject | undefined {
  if (source.by === "base64") return { bytes: source.data };
  if (source.by === "url" && source.url.startsWith("s3://")) return { s3Location: { uri: source.url } };
  const message =
    source.by === "url"
      ? "Bedrock does not fetch media from the web. Send the content as base64, or an s3:// URL where the model takes one."
      : "The conversation names a file by an id, which only the provider that stores it can read. Send the file's content instead.";
  refuse(writing, "unsupported_parameter", message, place.param);
  return undefined;
}

function writeDocument(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  const isFile = block.source.by === "base64" && Object.hasOwn(documentFormats, mediaType(block) ?? "");
  const text = isFile ? undefined : documentText(block);
  // Models but Anthropic's read documents as files; a text that is none is simply text.
  if (text !== undefined && !writing.facts.documents) return documentAsText(writing, block, place);
  const written = text === undefined ? documentFile(writing, block, place) : textDocument(writing, block, text, place);
  if (written === undefined) return [];
  const cites = block.citations === true && writing.facts.documents;
  if (block.citations === true && !cites) lose(writing, dropped(`${place.path}.citations`));
  const document = compact({
    ...written,
    name: documentName(writing, block),
    context: block.context,
    citations: cites ? { enabled: true } : undefined,
  });
  return [{ document }];
}

function documentAsText(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  const text = textOfDocument(block);
  if (text === undefined || text.trim() === "") return [];
  lose(writing, emulated(place.path, "a document as text"));
  return [{ text: text.toWellFormed() }];
}

function textDocument(writing: Writing, block: MediaBlock, text: string, place: Place): JsonObject | undefined {
  if (text.trim() === "") {
    lose(writing, repaired(place.path, "a document without text"));
    return undefined;
  }
  if (block.source.by === "blocks") {
    const content = block.source.blocks.flatMap((each) =>
      each.type === "text" && each.text.trim() !== "" ? [{ text: each.text.toWellFormed() }] : [],
    );
    return { source: { content } };
  }
  return { format: "txt", source: { text: text.toWellFormed() } };
}

function documentFile(writing: Writing, block: MediaBlock, place: Place): JsonObject | undefined {
  if (block.source.by === "blocks") {
    const message = "Bedrock takes documents of text alone. Send the pictures of this one beside it.";
    refuse(writing, "unsupported_parameter", message, place.param);
    return undefined;
  }
  const source = sourceOf(writing, block, place);
  if (source === undefined) return undefined;
  const type = mediaType(block) ?? "";
  const format = Object.hasOwn(documentFormats, type) ? documentFormats[type] : undefined;
  if (format !== undefined) return { format, source };
  if (isTextType(type)) return { format: "txt", source };
  const taken = [...new Set(Object.values(documentFormats))].join(", ");
  const message = `Bedrock takes documents as ${taken}, but this one is ${type === "" ? "of an unknown type" : type}. Convert it first.`;
  refuse(writing, "unsupported_parameter", message, place.param);
  return undefined;
}

const DOCUMENT_NAME_LENGTH_MAX = 200;

/**
 * `name` takes letters, digits, single spaces, hyphens, parentheses and square brackets; two documents must not share one. The
 * model reads it.
 */
function documentName({ documentNames }: Writing, { title, filename }: MediaBlock): string {
  const clean = (title ?? filename ?? "")
    .replace(/[^a-zA-Z0-9()[\]-]+/g, " ")
    .trim()
    .slice(0, DOCUMENT_NAME_LENGTH_MAX - " 1000".length)
    .trim();
  const base = clean === "" ? "document" : clean;
  let name = base;
  for (let count = 2; documentNames.has(name); count += 1) name = `${base} ${count}`;
  documentNames.add(name);
  return name;
}

/** Of what the model does not hear or see, what was said in it. */
function asWords(writing: Writing, block: MediaBlock, place: Place): JsonObject[] {
  if (block.transcript !== undefined && block.transcript.trim() !== "") {
    lose(writing, emulated(place.path, `the transcript of ${block.kind}`));
    return [{ text: block.transcript.toWellFormed() }];
  }
  if (place.role === "assistant") {
    lose(writing, dropped(place.path, block.kind));
    return [];
  }
  const message = `This model takes no ${block.kind}. Send text, images or documents, or choose another model.`;
  refuse(writing, "unsupported_parameter", message, place.param);
  return [];
}
