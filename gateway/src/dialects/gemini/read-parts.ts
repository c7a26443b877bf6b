import type { Block, Issuer, Opaque, ReasoningBlock, ServerToolBlock, ToolResultBlock } from "../../canonical/block.ts";
import { asBoolean, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { field, list, rest, spellings } from "./fields.ts";
import { readFileData, readInlineData } from "./media.ts";
import { readSignature } from "./signature.ts";

export type PartContext = {
  /** Who made the opaque values and files in this part, unless they say otherwise themselves. */
  readonly issuer: Issuer;
  /** The id for a function call that has none. */
  readonly callId: string;
};

/**
 * One part of a `Content` as a block; requests and answers have the same parts. Undefined for a part without anything in it,
 * which Vertex AI's image models send. A function response without an id has `callId: ""`, to be paired by whoever knows the calls.
 */
export function readPart(part: JsonObject, context: PartContext): Block | undefined {
  const block = readKind(part, context);
  if (block === undefined) return undefined;
  const signature = readSignature(asString(field(part, "thoughtSignature")), context.issuer);
  if (block.type === "reasoning") return signature === undefined ? block : withOpaque(block, signature);
  const unread = block.type === "opaque" ? undefined : extras(part, block);
  return {
    ...block,
    ...(signature === undefined ? {} : { signature }),
    ...(unread === undefined ? {} : { extras: { gemini: unread } }),
  };
}

/** A thought as a reasoning block of one summary part. */
export function reasoning(text: string): ReasoningBlock {
  return { type: "reasoning", summary: text === "" ? [] : [text] };
}

/** The reasoning that an opaque value stands for; redacted reasoning is nothing but its value. */
export function withOpaque(block: ReasoningBlock, opaque: Opaque): ReasoningBlock {
  return { ...block, opaque, ...(opaque.kind === "anthropic.redacted" ? { redacted: true } : {}) };
}

type PartReader = (value: JsonObject, part: JsonObject, context: PartContext) => Block;

const partReaders: Readonly<Record<string, PartReader>> = {
  inlineData: readInlineData,
  fileData: (value, part, context) => readFileData(value, part, context.issuer),
  functionCall: (value, _part, context) => ({
    type: "tool-call",
    kind: "function",
    id: asString(field(value, "id")) ?? context.callId,
    name: asString(field(value, "name")) ?? "",
    // Calls of functions without parameters come without `args`. Google's Struct holds doubles, so nothing is lost by parsing.
    argumentsText: JSON.stringify(field(value, "args") ?? {}),
  }),
  functionResponse: (value, _part, context) => readFunctionResponse(value, context),
  executableCode: (value) => ({
    type: "code",
    phase: "code",
    ...compact({
      id: asString(field(value, "id")),
      language: asString(field(value, "language")),
      code: asString(field(value, "code")),
    }),
  }),
  codeExecutionResult: (value) => ({
    type: "code",
    phase: "result",
    ...compact({
      id: asString(field(value, "id")),
      outcome: asString(field(value, "outcome")),
      output: asString(field(value, "output")),
    }),
  }),
  toolCall: (value, part) => serverTool("call", value, part),
  toolResponse: (value, part) => serverTool("result", value, part),
};

const kinds = Object.keys(partReaders);
const readByText = spellings(["text", "thought", "thoughtSignature"]);
const readByMedia = spellings([...readByText, "inlineData", "fileData", "videoMetadata", "mediaResolution"]);
const readByOthers = spellings([...kinds, "thoughtSignature"]);

function readKind(part: JsonObject, context: PartContext): Block | undefined {
  const text = asString(field(part, "text"));
  const isThought = field(part, "thought") === true;
  const kind = kinds.find((name) => isObject(field(part, name)));
  if (kind !== undefined) {
    const value = asObject(field(part, kind));
    return value === undefined ? undefined : partReaders[kind]?.(value, part, context);
  }
  // A signature may stand alone, without even an empty text.
  if (text !== undefined || (field(part, "thoughtSignature") !== undefined && rest(part, readByText) === undefined)) {
    return isThought ? reasoning(text ?? "") : { type: "text", text: text ?? "" };
  }
  const nativeType = Object.keys(part).find((key) => !readByText.has(key));
  if (nativeType === undefined) return undefined;
  return { type: "opaque", dialect: "gemini", nativeType, value: rest(part, signatureNames) ?? {} };
}

/** Modifiers of the part that the canonical form has no name for, `partMetadata` and the like. */
function extras(part: JsonObject, block: Block): JsonObject | undefined {
  if (block.type === "text") return rest(part, readByText);
  if (block.type === "media") {
    const unread = rest(part, readByMedia);
    // A draft image is a thought.
    return field(part, "thought") === true ? { thought: true, ...unread } : unread;
  }
  return rest(part, readByOthers);
}

const serverTools: Readonly<Record<string, string>> = {
  GOOGLE_SEARCH_WEB: "web_search",
  GOOGLE_SEARCH_IMAGE: "image_search",
  URL_CONTEXT: "web_fetch",
  GOOGLE_MAPS: "maps",
  FILE_SEARCH: "file_search",
};

function serverTool(phase: "call" | "result", value: JsonObject, part: JsonObject): ServerToolBlock {
  const toolType = asString(field(value, "toolType")) ?? "";
  return {
    type: "server-tool",
    phase,
    tool: serverTools[toolType] ?? toolType.toLowerCase(),
    id: asString(field(value, "id")) ?? "",
    ...compact({ input: field(value, "args"), output: field(value, "response") }),
    native: { dialect: "gemini", value: rest(part, signatureNames) ?? {} },
  };
}

const signatureNames = spellings(["thoughtSignature"]);

/** `response.output` and `response.error` are the documented keys; otherwise the whole object is the output. */
function readFunctionResponse(value: JsonObject, context: PartContext): ToolResultBlock {
  const response = field(value, "response") ?? {};
  const keys = Object.keys(asObject(response) ?? {});
  const isError = keys.length === 1 && keys[0] === "error";
  const media = list(field(value, "parts")).flatMap((part) => {
    const block = isObject(part) ? readPart(part, context) : undefined;
    return block === undefined ? [] : [block];
  });
  return {
    type: "tool-result",
    callId: asString(field(value, "id")) ?? "",
    kind: "function",
    content: [{ type: "text", text: outputText(response, keys) }, ...media],
    structured: response,
    ...compact({
      name: asString(field(value, "name")),
      isError: isError ? true : undefined,
      scheduling: asString(field(value, "scheduling")),
      willContinue: asBoolean(field(value, "willContinue")),
    }),
  };
}

function outputText(response: Json, keys: readonly string[]): string {
  const key = keys.length === 1 ? keys[0] : undefined;
  const output = key === "output" || key === "error" ? asObject(response)?.[key] : response;
  return typeof output === "string" ? output : JSON.stringify(output ?? {});
}
