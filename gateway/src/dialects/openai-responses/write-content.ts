import type { Block, MediaBlock, TextBlock, ToolResultBlock } from "../../canonical/block.ts";
import { failure } from "../../canonical/failure.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, notPortable } from "../../translation/limits.ts";
import { detailOfResolution, mediaType, textOfDocument, writeDataUrl } from "../../translation/media.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { writeCitation } from "./citations.ts";
import { writeLogprobs } from "./logprobs.ts";
import { lose, loseForeignExtras, loseMark, writeMark, type Writing } from "./writing.ts";

/** What can stand on any block and has no place in this format: Gemini's signatures, fields of other formats. */
export function loseBase(writing: Writing, block: Block, path: string): void {
  if (block.signature !== undefined) lose(writing, notPortable(`${path}.signature`));
  loseForeignExtras(writing, block.extras, `${path}.extras`);
}

/** A block as parts of a user's or instruction's message, or of a tool's output. Empty (with a loss) where it has no place. */
export function writeInputParts(writing: Writing, block: Block, path: string): JsonObject[] {
  const parts = inputParts(writing, block, path);
  const last = parts.at(-1);
  if (last === undefined) loseMark(writing, block.cache);
  else parts[parts.length - 1] = { ...last, ...writeMark(writing, block.cache) };
  return parts;
}

function inputParts(writing: Writing, block: Block, path: string): JsonObject[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return [inputText(block.text)];
    case "media":
      return writing.isNative ? [nativeMedia(block)] : writeMedia(writing, block, path);
    case "opaque":
      if (block.dialect === "openai-responses") return [asObject(block.value) ?? {}];
      break;
    default:
      break;
  }
  const text = renderBlock(block);
  lose(writing, text === undefined ? lostBlock(block, path) : emulated(path, "shown as text"));
  return text === undefined ? [] : [inputText(text)];
}

/** The loss of a whole block. */
export function lostBlock(block: Block, path: string): ReturnType<typeof dropped> {
  if (block.type === "reasoning" || block.type === "compaction") return notPortable(path);
  return dropped(path, block.type === "opaque" ? block.nativeType : block.type);
}

function inputText(text: string): JsonObject {
  return { type: "input_text", text };
}

/** Text of an answer in the history; the document citations of other vendors have no place there. */
export function writeOutputText(writing: Writing, block: TextBlock, path: string): JsonObject {
  loseMark(writing, block.cache);
  const citations = block.citations ?? [];
  const annotations = citations.flatMap((citation): JsonObject[] => {
    const annotation = writeCitation(citation, block.text);
    return annotation === undefined ? [] : [annotation];
  });
  if (annotations.length < citations.length) lose(writing, dropped(`${path}.citations`));
  return {
    type: "output_text",
    text: block.text,
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(block.logprobs === undefined || !writing.isNative ? {} : { logprobs: writeLogprobs(block.logprobs) }),
  };
}

const TOOL_ERROR = "[tool error] ";

/** A tool's output: a text where it is one, else a list of parts. */
export function writeToolOutput(writing: Writing, block: ToolResultBlock, path: string): string | JsonObject[] {
  const parts = block.content.flatMap((each, index) => writeInputParts(writing, each, `${path}.content[${index}]`));
  // A status says it in this format's own items.
  if (block.isError === true && block.status === undefined) {
    lose(writing, emulated(`${path}.isError`, "told in the output"));
    const first = parts[0];
    const text = first?.["type"] === "input_text" ? asString(first["text"]) : undefined;
    if (text === undefined) parts.unshift(inputText(TOOL_ERROR.trimEnd()));
    else parts[0] = { ...first, text: `${TOOL_ERROR}${text}` };
  }
  const last = parts.pop() ?? inputText("");
  const marked: JsonObject = { ...last, ...writeMark(writing, block.cache) };
  const text = parts.length === 0 && isPlainText(marked) ? asString(marked["text"]) : undefined;
  return text ?? [...parts, marked];
}

/** Whether a part says no more than its text. */
function isPlainText(part: JsonObject): boolean {
  return part["type"] === "input_text" && part["prompt_cache_breakpoint"] === undefined;
}

/** This format's own part, as it was read. */
function nativeMedia({ kind, source, mimeType, filename, detail }: MediaBlock): JsonObject {
  const address = source.by === "url" ? source.url : undefined;
  const id = source.by === "file" ? source.id : undefined;
  const data = source.by === "base64" ? source.data : undefined;
  const inline = data === undefined || mimeType === undefined ? data : writeDataUrl(mimeType, data);
  if (kind === "audio") {
    const format = mimeType === "audio/mpeg" ? "mp3" : mimeType?.replace("audio/", "");
    return { type: "input_audio", input_audio: compact({ data, format }) };
  }
  return kind === "image"
    ? compact({ type: "input_image", image_url: inline ?? address, file_id: id, detail })
    : compact({ type: "input_file", file_data: inline, file_url: address, file_id: id, filename, detail });
}

/** Media of another format. Audio and video are not among the parts of this API; a request without them would ask something else. */
function writeMedia(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  const { kind } = block;
  if (kind === "audio" || kind === "video") return refuseMedia(writing, `${kind} in messages`);
  if (block.citations === true) lose(writing, dropped(`${path}.citations`));
  const text = writing.request.source === "openai-chat" ? undefined : textOfDocument(block);
  if (text !== undefined) {
    lose(writing, emulated(path, "shown as text"));
    return [inputText(text)];
  }
  const part = kind === "image" ? writeImage(writing, block) : writeDocument(writing, block, path);
  if (block.context === undefined || part.length === 0) return part;
  lose(writing, emulated(`${path}.context`, "shown as text"));
  return [inputText(`Context: ${block.context}`), ...part];
}

function writeImage(writing: Writing, block: MediaBlock): JsonObject[] {
  const { source } = block;
  const detail = block.detail ?? (block.resolution === undefined ? undefined : detailOfResolution(block.resolution));
  switch (source.by) {
    case "base64": {
      const url = writeDataUrl(mediaType(block) ?? "image/png", source.data);
      return [compact({ type: "input_image", image_url: url, detail })];
    }
    case "url":
      return [compact({ type: "input_image", image_url: source.url, detail })];
    case "file":
      return isOwnFile(writing, block)
        ? [compact({ type: "input_image", file_id: source.id, detail })]
        : refuseFile(writing);
    case "text":
    case "blocks":
    case "reference":
      return refuseMedia(writing, "an image without data");
  }
}

function writeDocument(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  const { source, filename, title } = block;
  switch (source.by) {
    case "base64": {
      const type = mediaType(block) ?? "application/octet-stream";
      // The API asks for a name beside the data.
      const name = filename ?? title ?? (type === "application/pdf" ? "document.pdf" : "document");
      return [{ type: "input_file", filename: name, file_data: writeDataUrl(type, source.data) }];
    }
    case "url":
      return [{ type: "input_file", file_url: source.url }];
    case "file":
      return isOwnFile(writing, block) ? [{ type: "input_file", file_id: source.id }] : refuseFile(writing);
    case "blocks": {
      lose(writing, emulated(path, "shown part by part"));
      const parts = source.blocks.flatMap((each, index) =>
        writeInputParts(writing, each, `${path}.source.blocks[${index}]`),
      );
      return [inputText(`Document: ${title ?? filename ?? "untitled"}`), ...parts];
    }
    case "text":
    case "reference":
      return refuseMedia(writing, "a document without data");
  }
}

function isOwnFile(writing: Writing, { source }: MediaBlock): boolean {
  if (source.by !== "file") return false;
  const { provider } = source.issuer;
  return provider === writing.options.issuer || provider === writing.options.kind;
}

function refuseFile(writing: Writing): [] {
  writing.failures.push(
    failure(
      "unsupported_parameter",
      `The request names a file by an id that only the provider where it was uploaded can read, not \`${writing.options.issuer}\`. Send the file's data, or an address.`,
    ),
  );
  return [];
}

function refuseMedia(writing: Writing, what: string): [] {
  writing.failures.push(
    failure(
      "unsupported_parameter",
      `The request contains ${what}, which the Responses API of \`${writing.options.issuer}\` does not take. Route the request to a provider that does, or leave it out.`,
    ),
  );
  return [];
}
