import type { Block, CacheMark, Citation, MediaBlock } from "../../canonical/block.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import { asArray, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { readDataUrl } from "../data-url.ts";
import { readCitation } from "./citations.ts";
import { readLogprobs } from "./logprobs.ts";

/** Problems found while reading a request: the first one is the answer. Reading goes on, so that readers need no early returns. */
export type Problems = Failure[];

/** Native values in a request do not say which provider made them; they are taken for those of this format's vendor. */
export const requestIssuer = { provider: "openai" } as const;

/** The content of a message or tool output: a text, or a list of parts. `path` names it in problems: `input[3].content`. */
export function readContent(content: Json | undefined, path: string, problems: Problems): Block[] {
  const text = asString(content);
  if (text !== undefined) return text === "" ? [] : [{ type: "text", text }];
  return (asArray(content) ?? []).flatMap((part, index) => {
    const object = asObject(part);
    if (object !== undefined) return [readPart(object, `${path}[${index}]`, problems)];
    const bare = asString(part);
    if (bare !== undefined) return [{ type: "text" as const, text: bare }];
    problems.push(
      failure("invalid_parameter", `\`${path}[${index}]\` must be a content part.`, { param: `${path}[${index}]` }),
    );
    return [];
  });
}

function readPart(part: JsonObject, path: string, problems: Problems): Block {
  const type = asString(part["type"]) ?? "";
  const read = Object.hasOwn(parts, type) ? parts[type] : undefined;
  if (read === undefined) return { type: "opaque", dialect: "openai-responses", nativeType: type, value: part };
  const block = read(part, path, problems);
  const cache = readCacheMark(part["prompt_cache_breakpoint"]);
  return cache === undefined ? block : { ...block, cache };
}

type PartReader = (part: JsonObject, path: string, problems: Problems) => Block;

const parts: { readonly [type: string]: PartReader } = {
  input_text: readText,
  output_text: readText,
  text: readText,
  refusal: (part) => ({ type: "refusal", text: asString(part["refusal"]) ?? "" }),
  input_image: readImage,
  computer_screenshot: readImage,
  input_file: readFile,
  input_audio: readAudio,
};

function readText(part: JsonObject): Block {
  const text = asString(part["text"]) ?? "";
  const annotations = (asArray(part["annotations"]) ?? []).flatMap((annotation): Citation[] => {
    const object = asObject(annotation);
    return object === undefined ? [] : [readCitation(object, text)];
  });
  return compact({
    type: "text" as const,
    text,
    citations: annotations.length === 0 ? undefined : annotations,
    logprobs: readLogprobs(part["logprobs"]),
  });
}

function readImage(part: JsonObject, path: string, problems: Problems): Block {
  const url = asString(part["image_url"]) ?? asString(asObject(part["image_url"])?.["url"]);
  const found = readSource(url, asString(part["file_id"]), undefined, `${path}.image_url`, problems);
  return compact({
    type: "media" as const,
    kind: "image" as const,
    source: found.source,
    mimeType: found.mimeType,
    detail: detail(part["detail"]),
  });
}

function readFile(part: JsonObject, path: string, problems: Problems): Block {
  const data = asString(part["file_data"]);
  const found = readSource(asString(part["file_url"]), asString(part["file_id"]), data, `${path}.file_data`, problems);
  return compact({
    type: "media" as const,
    kind: "document" as const,
    source: found.source,
    mimeType: found.mimeType,
    filename: asString(part["filename"]),
    detail: detail(part["detail"]),
  });
}

function readAudio(part: JsonObject): Block {
  const audio = asObject(part["input_audio"]) ?? part;
  const format = asString(audio["format"]);
  const mimeType = format === undefined ? undefined : format === "mp3" ? "audio/mpeg" : `audio/${format}`;
  const data = asString(audio["data"]) ?? "";
  return compact({ type: "media" as const, kind: "audio" as const, source: { by: "base64" as const, data }, mimeType });
}

type Source = { readonly source: MediaBlock["source"]; readonly mimeType: string | undefined };

/** The first bytes of a PDF, `%PDF-`, in base64: documents may be sent as bare base64 without a media type. */
const PDF_BASE64 = "JVBERi";

function readSource(
  url: string | undefined,
  fileId: string | undefined,
  data: string | undefined,
  path: string,
  problems: Problems,
): Source {
  if (fileId !== undefined) {
    return { source: { by: "file", id: fileId, issuer: requestIssuer }, mimeType: undefined };
  }
  const address = url ?? data ?? "";
  if (/^data:/i.test(address)) {
    const read = readDataUrl(address);
    if (read !== undefined) return { source: { by: "base64", data: read.data }, mimeType: read.mimeType };
    problems.push(failure("invalid_parameter", `\`${path}\` is not a base64 data URL.`, { param: path }));
  }
  if (url !== undefined) return { source: { by: "url", url }, mimeType: undefined };
  if (data !== undefined) {
    return {
      source: { by: "base64", data },
      mimeType: data.startsWith(PDF_BASE64) ? "application/pdf" : undefined,
    };
  }
  problems.push(
    failure("missing_parameter", `The part at \`${path}\` has neither data, nor a URL, nor a file id.`, {
      param: path,
    }),
  );
  return { source: { by: "base64", data: "" }, mimeType: undefined };
}

const details = ["auto", "low", "high", "original"] as const;

function detail(value: Json | undefined): MediaBlock["detail"] {
  return details.find((each) => each === value);
}

const breakpointTtls = ["30m", "12h"] as const;

function readCacheMark(value: Json | undefined): CacheMark | undefined {
  const mark = asObject(value);
  if (mark === undefined) return undefined;
  return compact({ ttl: breakpointTtls.find((each) => each === mark["ttl"]), source: "openai" as const });
}
