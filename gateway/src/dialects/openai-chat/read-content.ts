import type { Block, MediaBlock } from "../../canonical/block.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { readDataUrl } from "../data-url.ts";
import { isAbsent, readCacheMark, refuse, type Reading } from "./reading.ts";

/** Message content, a string or a list of parts, as blocks. `path` names it in messages to the client: `messages[2].content`. */
export function readContent(reading: Reading, content: Json | undefined, path: string): Block[] {
  if (isAbsent(content)) return [];
  if (typeof content === "string") return [{ type: "text", text: content }];
  const parts = asArray(content);
  if (parts === undefined) {
    refuse(reading, path, "a string or an array of content parts");
    return [];
  }
  return parts.flatMap((part, index) => readPart(reading, part, `${path}[${index}]`) ?? []);
}

/** The text parts of content that may have no others (`system`, `developer`). */
export function readTextContent(reading: Reading, content: Json | undefined, path: string): TextPart[] {
  if (isAbsent(content)) refuse(reading, path, "a string or an array of text parts");
  return readContent(reading, content, path).flatMap((block, index) => {
    if (block.type === "text") return [block];
    refuse(reading, `${path}[${index}]`, "text: instructions cannot have other content");
    return [];
  });
}

export type TextPart = Extract<Block, { readonly type: "text" }>;

type PartReader = (reading: Reading, part: JsonObject, path: string) => Block | undefined;

const partReaders: { readonly [type: string]: PartReader } = {
  text: readText,
  refusal: (_reading, part) => ({ type: "refusal", text: asString(part["refusal"]) ?? "" }),
  image_url: (reading, part, path) => readByUrl(reading, part, path, "image_url", "image"),
  video_url: (reading, part, path) => readByUrl(reading, part, path, "video_url", "video"), // OpenRouter, Qwen
  input_audio: readAudio,
  file: readFile,
  thinking: readThinking, // Mistral
};

function readPart(reading: Reading, part: Json, path: string): Block | undefined {
  if (typeof part === "string") return { type: "text", text: part };
  if (!isObject(part)) {
    refuse(reading, path, "a content part: an object with a `type`");
    return undefined;
  }
  const type = asString(part["type"]) ?? "";
  if (type === "") {
    refuse(reading, `${path}.type`, "the kind of content part (`text`, `image_url`, `input_audio`, `file`)");
    return undefined;
  }
  const reader = Object.hasOwn(partReaders, type) ? partReaders[type] : undefined;
  const block = reader?.(reading, part, path);
  if (reader === undefined) return { type: "opaque", dialect: "openai-chat", nativeType: type, value: part };
  const cache = readCacheMark(part);
  return block === undefined || cache === undefined ? block : { ...block, cache };
}

function readText(reading: Reading, part: JsonObject, path: string): Block | undefined {
  const text = asString(part["text"]);
  if (text !== undefined) return { type: "text", text };
  refuse(reading, `${path}.text`, "a string");
  return undefined;
}

/** `{"image_url":{"url","detail"}}`, or the URL in place of the inner object. */
function readByUrl(
  reading: Reading,
  part: JsonObject,
  path: string,
  key: "image_url" | "video_url",
  kind: "image" | "video",
): Block | undefined {
  const holder = asObject(part[key]);
  const url = asString(holder?.["url"]) ?? asString(part[key]);
  if (url === undefined || url === "") {
    refuse(reading, `${path}.${key}.url`, "an http(s) URL, or a data URL with the bytes as base64");
    return undefined;
  }
  const detail = readDetail(holder?.["detail"]);
  if (!/^data:/i.test(url))
    return compact({ type: "media" as const, kind, source: { by: "url" as const, url }, detail });
  const inline = readDataUrl(url);
  if (inline === undefined) {
    refuse(reading, `${path}.${key}.url`, "a data URL of the form `data:image/png;base64,…`");
    return undefined;
  }
  const source = { by: "base64" as const, data: inline.data };
  return compact({ type: "media" as const, kind, source, mimeType: inline.mimeType, detail });
}

function readDetail(value: Json | undefined): MediaBlock["detail"] {
  return value === "auto" || value === "low" || value === "high" || value === "original" ? value : undefined;
}

const audioTypes: { readonly [format: string]: string } = { wav: "audio/wav", mp3: "audio/mpeg" };

function readAudio(reading: Reading, part: JsonObject, path: string): Block | undefined {
  const audio = asObject(part["input_audio"]);
  const data = asString(audio?.["data"]);
  if (audio === undefined || data === undefined) {
    refuse(reading, `${path}.input_audio.data`, "the audio as base64");
    return undefined;
  }
  const format = asString(audio["format"]) ?? "wav";
  const inline = readDataUrl(data);
  return {
    type: "media",
    kind: "audio",
    source: { by: "base64", data: inline?.data ?? data },
    mimeType: inline?.mimeType ?? audioTypes[format] ?? `audio/${format}`,
  };
}

/** The base64 of `%PDF`. */
const PDF_START = "JVBER";

function readFile(reading: Reading, part: JsonObject, path: string): Block | undefined {
  const file = asObject(part["file"]);
  const id = asString(file?.["file_id"]);
  const data = asString(file?.["file_data"]);
  const filename = asString(file?.["filename"]);
  const document = { type: "media" as const, kind: "document" as const };
  if (id)
    return compact({ ...document, source: { by: "file" as const, id, issuer: { provider: "openai" } }, filename });
  if (!data) {
    refuse(reading, `${path}.file`, "an object with `file_data` (a data URL) or `file_id`");
    return undefined;
  }
  // OpenRouter's clients name a document by its URL here.
  if (/^https?:/i.test(data)) return compact({ ...document, source: { by: "url" as const, url: data }, filename });
  const inline = readDataUrl(data);
  if (inline === undefined && /^data:/i.test(data)) {
    refuse(reading, `${path}.file.file_data`, "a data URL of the form `data:application/pdf;base64,…`");
    return undefined;
  }
  const mimeType = inline?.mimeType ?? (data.startsWith(PDF_START) ? "application/pdf" : undefined);
  return compact({ ...document, source: { by: "base64" as const, data: inline?.data ?? data }, mimeType, filename });
}

function readThinking(_reading: Reading, part: JsonObject): Block {
  const parts = asArray(part["thinking"]) ?? [];
  const raw = asString(part["thinking"]) ?? parts.map((each) => asString(asObject(each)?.["text"]) ?? "").join("");
  return { type: "reasoning", summary: [], raw: [raw] };
}
