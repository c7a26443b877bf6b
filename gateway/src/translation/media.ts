import type { MediaBlock } from "../canonical/block.ts";

/** Image types by who takes them. OpenAI takes GIFs that do not move; that is for it to say. */
export const imageTypes = {
  anthropic: ["image/jpeg", "image/png", "image/gif", "image/webp"],
  openai: ["image/png", "image/jpeg", "image/webp", "image/gif"],
  gemini: ["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"],
} as const satisfies Record<string, readonly string[]>;

/** `input_audio.format` of OpenAI's formats, by media type. */
export const openaiAudioFormats: { readonly [mimeType: string]: "wav" | "mp3" } = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/vnd.wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
};

/** Gemini's `mediaResolution` for OpenAI's `detail`; without one the model decides. */
export const resolutionOfDetail = {
  low: "MEDIA_RESOLUTION_LOW",
  high: "MEDIA_RESOLUTION_HIGH",
  original: "MEDIA_RESOLUTION_ULTRA_HIGH",
  auto: undefined,
} as const satisfies Record<NonNullable<MediaBlock["detail"]>, string | undefined>;

/** OpenAI's `detail` for Gemini's `mediaResolution`; undefined for those that say nothing. */
export function detailOfResolution(resolution: string): MediaBlock["detail"] {
  return Object.hasOwn(details, resolution) ? details[resolution] : undefined;
}

const details: { readonly [resolution: string]: MediaBlock["detail"] } = {
  MEDIA_RESOLUTION_LOW: "low",
  MEDIA_RESOLUTION_MEDIUM: "auto",
  MEDIA_RESOLUTION_HIGH: "high",
  MEDIA_RESOLUTION_ULTRA_HIGH: "original",
};

/**
 * What a medium is: by its first bytes, else as declared (in the usual spelling, without parameters), else by the file's name.
 * Clients often declare the wrong type, and providers refuse the whole request then.
 */
export function mediaType({ source, mimeType, filename }: MediaBlock): string | undefined {
  const sniffed = source.by === "base64" ? sniffType(source.data) : undefined;
  const declared = mimeType === undefined ? undefined : normalType(mimeType);
  return sniffed ?? declared ?? typeOfName(filename ?? (source.by === "url" ? pathOf(source.url) : undefined));
}

/** Lower case, no parameters, and the registered name of what has several. */
export function normalType(mimeType: string): string {
  const bare = (mimeType.split(";")[0] ?? "").trim().toLowerCase();
  return Object.hasOwn(registeredNames, bare) ? (registeredNames[bare] ?? bare) : bare;
}

const registeredNames: { readonly [mimeType: string]: string } = {
  "image/jpg": "image/jpeg",
  "image/pjpeg": "image/jpeg",
  "image/x-png": "image/png",
  "application/x-pdf": "application/pdf",
  "audio/mp3": "audio/mpeg",
  "audio/x-wav": "audio/wav",
  "audio/wave": "audio/wav",
  "audio/vnd.wave": "audio/wav",
  "text/x-markdown": "text/markdown",
};

/** Whether the block holds or names a PDF. */
export function isPdf(block: MediaBlock): boolean {
  return mediaType(block) === "application/pdf";
}

/** Whether a type is text that a model can read as it is. */
export function isTextType(mimeType: string): boolean {
  return mimeType.startsWith("text/") || textTypes.has(mimeType) || /\+(?:json|xml)$/.test(mimeType);
}

const textTypes: ReadonlySet<string> = new Set([
  "application/json",
  "application/xml",
  "application/yaml",
  "application/x-yaml",
  "application/javascript",
  "application/typescript",
  "application/x-sh",
  "application/sql",
  "application/toml",
]);

/** `data:image/png;base64,…` */
export function writeDataUrl(mimeType: string, data: string): string {
  return `data:${mimeType};base64,${data}`;
}

/** The text in base64 data; undefined for what is not base64 of UTF-8. */
export function decodeText(data: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Not text, whatever its declared type: the caller treats it as a file.
    return undefined;
  }
}

/**
 * The text of a document: of a text source, of base64 data that is text by its type, or of blocks of text. Undefined for
 * everything that only a reader of its format can read.
 */
export function documentText(block: MediaBlock): string | undefined {
  const { source } = block;
  switch (source.by) {
    case "text":
      return source.text;
    case "base64":
      return isTextType(mediaType(block) ?? "") ? decodeText(source.data) : undefined;
    case "blocks": {
      const texts = source.blocks.flatMap((each) => (each.type === "text" ? [each.text] : []));
      return texts.length === source.blocks.length ? texts.join("\n\n") : undefined;
    }
    case "url":
    case "file":
    case "reference":
      return undefined;
  }
}

/** A document's text under a line that names it; undefined for a document that is not text. */
export function textOfDocument(block: MediaBlock): string | undefined {
  const text = documentText(block);
  if (text === undefined) return undefined;
  const context = block.context === undefined ? "" : `\nContext: ${block.context}`;
  return `Document: ${block.title ?? block.filename ?? "untitled"}${context}\n\n${text}`;
}

/** How files begin, in base64. RIFF files say what they are after four bytes of length, HEIF files after one that varies. */
const beginnings: readonly (readonly [beginning: RegExp, mimeType: string])[] = [
  [/^iVBORw0KGg/, "image/png"],
  [/^\/9j\//, "image/jpeg"],
  [/^R0lGOD/, "image/gif"],
  [/^UklGR.{6}XRUJQ/, "image/webp"],
  [/^AAAA.[GWm2]Z0eXBoZWlj/, "image/heic"],
  [/^JVBER/, "application/pdf"],
  [/^UklGR.{6}XQVZF/, "audio/wav"],
  [/^SUQz/, "audio/mpeg"],
];

function sniffType(data: string): string | undefined {
  return beginnings.find(([beginning]) => beginning.test(data))?.[1];
}

const extensions: { readonly [extension: string]: string } = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  heif: "image/heif",
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
};

function typeOfName(name: string | undefined): string | undefined {
  const extension = name === undefined ? undefined : /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(extensions, extension) ? extensions[extension] : undefined;
}

function pathOf(url: string): string {
  return url.split(/[?#]/)[0] ?? url;
}
