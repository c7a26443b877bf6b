import type {
  Block,
  CacheMark,
  Issuer,
  MediaBlock,
  MediaSource,
  Opaque,
  ReasoningBlock,
  ServerToolBlock,
  TextBlock,
} from "../../canonical/block.ts";
import { openOpaque } from "../../canonical/envelope.ts";
import {
  asArray,
  asBoolean,
  asObject,
  asString,
  compact,
  isObject,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { readCitation } from "./citations.ts";

/** Where blocks come from, which decides who issued their opaque values. */
export type BlockOrigin = {
  readonly issuer: Issuer;
  /** Clients send envelopes back that we gave them in place of a foreign signature; a provider's values are all its own. */
  readonly opensEnvelopes: boolean;
  /** Exact text of tool inputs whose numbers JavaScript would change, by the block that holds them. */
  readonly inputTexts?: ReadonlyMap<JsonObject, string>;
};

const DIALECT = "anthropic-messages" as const;

/** Reads content blocks; nothing in them can fail, what is not understood is kept as it is. */
export function readBlocks(values: readonly Json[], origin: BlockOrigin): Block[] {
  const blocks = values.filter(isObject).map((value) => readBlock(value, origin));
  return origin.opensEnvelopes ? returnPartSignatures(blocks) : blocks;
}

/** `content` of a message or tool result: text, or a list of blocks. An empty text is no block. */
export function readContent(content: Json | undefined, origin: BlockOrigin): Block[] {
  const text = asString(content);
  if (text !== undefined) return text === "" ? [] : [{ type: "text", text }];
  return readBlocks(asArray(content) ?? [], origin);
}

export function readBlock(value: JsonObject, origin: BlockOrigin): Block {
  const type = asString(value["type"]) ?? "";
  const reader = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (reader !== undefined) {
    const block = reader.read(value, origin);
    if (block !== undefined) return { ...block, ...baseOf(value, reader.keys) };
  }
  if (type.endsWith("_tool_result")) return { ...readServerResult(value, type), ...cacheOf(value) };
  return { type: "opaque", dialect: DIALECT, nativeType: type, value, ...cacheOf(value) };
}

type BlockReader = {
  /** The members that the canonical block holds; others become `extras`. "native": the block keeps the whole value. */
  readonly keys: readonly string[] | "native";
  /** Undefined when the value lacks what its type promises. */
  read(value: JsonObject, origin: BlockOrigin): Block | undefined;
};

const readers: { readonly [type: string]: BlockReader } = {
  text: { keys: ["text", "citations"], read: readText },
  image: { keys: ["source"], read: readImage },
  document: { keys: ["source", "title", "context", "citations"], read: readDocument },
  search_result: { keys: ["source", "title", "content", "citations"], read: readSearchResult },
  thinking: { keys: ["thinking", "signature"], read: readThinking },
  redacted_thinking: { keys: ["data"], read: readRedacted },
  tool_use: { keys: ["id", "name", "input", "caller", "toolset_name"], read: readToolUse },
  tool_result: { keys: ["tool_use_id", "content", "is_error"], read: readToolResult },
  server_tool_use: { keys: "native", read: readServerCall },
  mcp_tool_use: { keys: "native", read: readServerCall },
  mcp_tool_listing: { keys: "native", read: readListing },
  compaction: { keys: "native", read: readCompaction },
};

function baseOf(value: JsonObject, keys: BlockReader["keys"]): Pick<Block, "cache" | "extras"> {
  if (keys === "native") return cacheOf(value);
  const rest = otherMembers(value, [...keys, "type", "cache_control"]);
  return { ...cacheOf(value), ...(rest === undefined ? {} : { extras: { [DIALECT]: rest } }) };
}

function cacheOf(value: JsonObject): Pick<Block, "cache"> {
  const cache = readCacheMark(value["cache_control"]);
  return cache === undefined ? {} : { cache };
}

/** `cache_control` on a block, a tool, or the request. */
export function readCacheMark(value: Json | undefined): CacheMark | undefined {
  const wire = asObject(value);
  if (wire === undefined) return undefined;
  const ttl = wire["ttl"];
  return ttl === "5m" || ttl === "1h" ? { ttl, source: "anthropic" } : { source: "anthropic" };
}

/** The members of `value` besides `known`, or undefined when there are none. */
export function otherMembers(value: JsonObject, known: readonly string[]): JsonObject | undefined {
  const rest: JsonObject = {};
  let found = false;
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    rest[key] = value[key];
    found = true;
  }
  return found ? rest : undefined;
}

function readText(value: JsonObject): TextBlock | undefined {
  const text = asString(value["text"]);
  if (text === undefined) return undefined;
  const citations = asArray(value["citations"])?.map(readCitation);
  return compact({ type: "text" as const, text, citations: citations?.length === 0 ? undefined : citations });
}

function readImage(value: JsonObject, origin: BlockOrigin): MediaBlock | undefined {
  const media = readSource(value["source"], origin);
  return media && { type: "media", kind: "image", ...media };
}

function readDocument(value: JsonObject, origin: BlockOrigin): MediaBlock | undefined {
  const media = readSource(value["source"], origin);
  if (media === undefined) return undefined;
  return compact({
    type: "media" as const,
    kind: "document" as const,
    ...media,
    title: asString(value["title"]),
    context: asString(value["context"]),
    citations: asBoolean(asObject(value["citations"])?.["enabled"]),
  });
}

function readSource(
  value: Json | undefined,
  origin: BlockOrigin,
): { readonly source: MediaSource; readonly mimeType?: string } | undefined {
  const wire = asObject(value);
  const data = asString(wire?.["data"]);
  const url = asString(wire?.["url"]);
  const id = asString(wire?.["file_id"]);
  const mimeType = asString(wire?.["media_type"]);
  switch (wire?.["type"]) {
    case "base64":
      return data === undefined ? undefined : compact({ source: { by: "base64" as const, data }, mimeType });
    case "text":
      return data === undefined ? undefined : compact({ source: { by: "text" as const, text: data }, mimeType });
    case "url":
      return url === undefined ? undefined : { source: { by: "url", url } };
    case "file":
      return id === undefined ? undefined : { source: { by: "file", id, issuer: origin.issuer } };
    case "content":
      return { source: { by: "blocks", blocks: readContent(wire["content"], origin) } };
    default:
      return undefined;
  }
}

function readSearchResult(value: JsonObject, origin: BlockOrigin): Block | undefined {
  const source = asString(value["source"]);
  const title = asString(value["title"]);
  if (source === undefined || title === undefined) return undefined;
  return compact({
    type: "search-result" as const,
    source,
    title,
    content: readContent(value["content"], origin).filter((block) => block.type === "text"),
    citations: asBoolean(asObject(value["citations"])?.["enabled"]),
  });
}

function readThinking(value: JsonObject, origin: BlockOrigin): ReasoningBlock | undefined {
  const thinking = asString(value["thinking"]);
  if (thinking === undefined) return undefined;
  return compact({
    type: "reasoning" as const,
    // Empty with `display: "omitted"`: the signature then holds the reasoning.
    summary: thinking === "" ? [] : [thinking],
    opaque: readOpaque("anthropic.signature", asString(value["signature"]), origin),
  });
}

function readRedacted(value: JsonObject, origin: BlockOrigin): ReasoningBlock | undefined {
  const opaque = readOpaque("anthropic.redacted", asString(value["data"]), origin);
  return opaque && { type: "reasoning", summary: [], redacted: true, opaque };
}

/** The opaque value in a field of this format: an envelope's content, or the provider's own. */
export function readOpaque(kind: Opaque["kind"], value: string | undefined, origin: BlockOrigin): Opaque | undefined {
  if (value === undefined || value === "") return undefined;
  const enveloped = origin.opensEnvelopes ? openOpaque(value) : undefined;
  return enveloped ?? { issuer: origin.issuer, kind, value };
}

function readToolUse(value: JsonObject, origin: BlockOrigin): Block | undefined {
  const id = asString(value["id"]);
  const name = asString(value["name"]);
  if (id === undefined || name === undefined) return undefined;
  return compact({
    type: "tool-call" as const,
    id,
    name,
    toolset: asString(value["toolset_name"]),
    kind: "function" as const,
    argumentsText: origin.inputTexts?.get(value) ?? JSON.stringify(value["input"] ?? {}),
    caller: value["caller"],
  });
}

function readToolResult(value: JsonObject, origin: BlockOrigin): Block | undefined {
  const callId = asString(value["tool_use_id"]);
  if (callId === undefined) return undefined;
  return compact({
    type: "tool-result" as const,
    callId,
    kind: "function" as const,
    content: readContent(value["content"], origin),
    isError: asBoolean(value["is_error"]),
  });
}

function readServerCall(value: JsonObject): ServerToolBlock {
  return compact({
    type: "server-tool" as const,
    phase: "call" as const,
    tool: asString(value["name"]) ?? "",
    id: asString(value["id"]) ?? "",
    serverName: asString(value["server_name"]),
    input: value["input"],
    native: { dialect: DIALECT, value },
  });
}

/** `web_search_tool_result`, `bash_code_execution_tool_result`, `mcp_tool_result`…: an open family with one shape. */
function readServerResult(value: JsonObject, type: string): ServerToolBlock {
  const contentType = asString(asObject(value["content"])?.["type"]);
  return compact({
    type: "server-tool" as const,
    phase: "result" as const,
    tool: type.slice(0, -"_tool_result".length),
    id: asString(value["tool_use_id"]) ?? "",
    output: value["content"],
    isError: asBoolean(value["is_error"]) ?? (contentType?.endsWith("_error") === true ? true : undefined),
    native: { dialect: DIALECT, value },
  });
}

function readListing(value: JsonObject): ServerToolBlock {
  return compact({
    type: "server-tool" as const,
    phase: "listing" as const,
    tool: "mcp",
    id: asString(value["id"]) ?? "",
    serverName: asString(value["server_name"]),
    output: value["tools"],
    native: { dialect: DIALECT, value },
  });
}

function readCompaction(value: JsonObject, origin: BlockOrigin): Block {
  const content = value["content"];
  return compact({
    type: "compaction" as const,
    text: content === null ? null : asString(content),
    opaque: readOpaque("anthropic.compaction", asString(value["encrypted_content"]), origin),
    native: { dialect: DIALECT, value },
  });
}

/**
 * Gemini signs parts that are no thoughts. Messages has no field for that, so clients got such a signature in an empty thinking
 * block: directly before a tool call, directly after any other block. Here it returns to the block that it belongs to.
 */
function returnPartSignatures(blocks: readonly Block[]): Block[] {
  const result: Block[] = [];
  let forNext: Opaque | undefined;
  for (const [index, block] of blocks.entries()) {
    const signature = partSignature(block);
    const previous = result.at(-1);
    if (signature !== undefined && blocks[index + 1]?.type === "tool-call") {
      forNext = signature;
    } else if (signature !== undefined && previous !== undefined && previous.signature === undefined) {
      result[result.length - 1] = { ...previous, signature };
    } else {
      result.push(forNext === undefined ? block : { ...block, signature: forNext });
      forNext = undefined;
    }
  }
  return result;
}

function partSignature(block: Block): Opaque | undefined {
  if (block.type !== "reasoning" || block.summary.length > 0) return undefined;
  return block.opaque?.kind === "gemini.thought-signature" ? block.opaque : undefined;
}
