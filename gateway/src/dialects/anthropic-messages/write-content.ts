import type {
  Block,
  Citation,
  CompactionBlock,
  OpaqueBlock,
  ReasoningBlock,
  SearchResultBlock,
  ServerToolBlock,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
} from "../../canonical/block.ts";
import { compact, isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { parseExact } from "../../lib/json-exact.ts";
import { wrapInput } from "../../translation/custom-tools.ts";
import { dropped, emulated, notPortable, repaired } from "../../translation/limits.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import { renderBlock, renderBuiltinCall } from "../../translation/text-rendering.ts";
import { writeCacheMark } from "./cache-marks.ts";
import { writeCitation } from "./citations.ts";
import { REASONING_SEPARATOR } from "./write-blocks.ts";
import { writeMedia } from "./write-media.ts";
import { DIALECT, lose, type Place, type Writing } from "./writing.ts";

/** A block of a request as Messages content: none for what has no place, never an empty text. */
export function writeBlock(writing: Writing, block: Block, place: Place): JsonObject[] {
  if (block.signature !== undefined) lose(writing, notPortable(`${place.path}.signature`));
  const isMisplaced = !writing.isNative && place.role !== "assistant" && modelsOwn.has(block.type);
  if (isMisplaced) return writeMisplaced(writing, block, place);
  switch (block.type) {
    case "text":
      return writeText(writing, block, place);
    case "refusal":
      lose(writing, emulated(place.path, "a refusal is text here"));
      return writeText(writing, { ...block, type: "text" }, place);
    case "reasoning":
      return writeReasoning(writing, block, place);
    case "media":
      return writeMedia(writing, block, place, writeResultContent);
    case "tool-call":
      return [writeToolCall(writing, block, place)];
    case "tool-result":
      return [writeToolResult(writing, block, place)];
    case "search-result":
      return [writeSearchResult(writing, block, place)];
    case "server-tool":
    case "compaction":
      return writeNative(writing, block, block.native, place);
    case "opaque":
      return writeNative(writing, block, { dialect: block.dialect, value: block.value }, place);
    case "code":
      return writeAsText(writing, block, place);
  }
}

/** What only the model says. */
const modelsOwn: ReadonlySet<Block["type"]> = new Set(["tool-call", "reasoning"]);

/** Nobody answers a call that the user makes, so it is a story that the user tells. */
function writeMisplaced(writing: Writing, block: Block, place: Place): JsonObject[] {
  const text = block.type === "tool-call" ? renderBuiltinCall(block) : "";
  lose(writing, text === "" ? dropped(place.path, block.type) : repaired(place.path, "a call by the user became text"));
  return text === "" ? [] : [{ type: "text", text: text.toWellFormed() }];
}

/** Members that every block may have besides its own. */
function baseOf(block: Block): JsonObject {
  return compact({ ...block.extras?.[DIALECT], cache_control: writeCacheMark(block.cache) });
}

function writeText(writing: Writing, block: TextBlock, place: Place): JsonObject[] {
  const { text } = block;
  if (text === "") return [];
  if (!writing.isNative && text.trim() === "") {
    lose(writing, repaired(place.path, "a text of white space alone"));
    return [];
  }
  if (!text.isWellFormed()) lose(writing, repaired(place.path, "half a character"));
  const citations = writeCitations(writing, block.citations ?? [], place);
  return [
    compact({
      type: "text",
      text: text.toWellFormed(),
      citations: citations.length === 0 ? undefined : citations,
      ...baseOf(block),
    }),
  ];
}

/** What the model cited is its own to repeat. Others' links have no `encrypted_index`, without which they are refused. */
function writeCitations(writing: Writing, citations: readonly Citation[], place: Place): Json[] {
  const own = citations.filter(
    (citation) => writing.isNative || (place.role === "assistant" && isOwnCitation(citation)),
  );
  const written = own.map(requestCitation).filter((wire) => wire !== undefined);
  if (written.length < citations.length) lose(writing, dropped(`${place.path}.citations`));
  return written;
}

function isOwnCitation(citation: Citation): boolean {
  switch (citation.type) {
    case "url":
      return (citation.encrypted ?? "") !== "";
    case "document":
    case "search-result":
    case "native":
      return true;
    default:
      return false;
  }
}

/** Answers name every member, requests only those that are there. */
function requestCitation(citation: Citation): Json | undefined {
  const wire = writeCitation(citation);
  if (!isObject(wire) || citation.type === "native") return wire;
  const absent = new Set<string>();
  if (citation.type === "document" && citation.fileId === undefined) absent.add("file_id");
  if (citation.type === "url" && citation.encrypted === undefined) absent.add("encrypted_index");
  if (citation.type === "url" && citation.citedText === undefined) absent.add("cited_text");
  return Object.fromEntries(Object.entries(wire).filter(([key]) => !absent.has(key)));
}

/** Thoughts go back to whoever thought them, unchanged, or to nobody: a made-up signature is always refused. */
function writeReasoning(writing: Writing, block: ReasoningBlock, { path }: Place): JsonObject[] {
  const { opaque } = block;
  if (opaque === undefined || !isOwnReasoning(writing, opaque)) {
    lose(writing, notPortable(path, opaque === undefined ? "thoughts without a signature" : undefined));
    return [];
  }
  const extras = block.extras?.[DIALECT];
  if (opaque.kind === "anthropic.redacted") return [{ type: "redacted_thinking", data: opaque.value, ...extras }];
  const thinking = [...block.summary, ...(block.raw ?? [])].join(REASONING_SEPARATOR);
  return [{ type: "thinking", thinking, signature: opaque.value, ...extras }];
}

function isOwnReasoning(writing: Writing, opaque: NonNullable<ReasoningBlock["opaque"]>): boolean {
  if (opaque.kind !== "anthropic.signature" && opaque.kind !== "anthropic.redacted") return false;
  // A Messages client says bare what it got bare, from whichever provider of this format: that is not ours to judge.
  if (writing.isNative && opaque.issuer.provider === "anthropic") return true;
  return isReadableBy(opaque, writing.options.issuer, writing.options.kind);
}

function writeToolCall(writing: Writing, block: ToolCallBlock, { path }: Place): JsonObject {
  const { caller, toolset } = block;
  if (!writing.isNative && caller !== undefined) lose(writing, dropped(`${path}.caller`));
  return compact({
    type: "tool_use",
    id: block.id,
    name: writing.names.sent(block.name, block.namespace),
    input: writeInput(writing, block, path),
    caller: writing.isNative ? caller : undefined,
    toolset_name: toolset,
    ...baseOf(block),
  });
}

/** Numbers that JavaScript would change: of many digits, fractions like 1.0, exponents. */
const DELICATE_NUMBER = /\d{16}|\d\.\d|\d[eE]/;

/** Input must be an object. What the model wrote instead is kept under a name that says what it is. */
function writeInput(writing: Writing, block: ToolCallBlock, path: string): Json {
  const text = block.kind === "custom" ? wrapInput(block.argumentsText) : block.argumentsText.trim();
  if (text === "") return {};
  const value = DELICATE_NUMBER.test(text) ? parseExact(text) : parseJson(text);
  if (value !== undefined && text.startsWith("{")) return value;
  const isJson = value !== undefined;
  lose(
    writing,
    repaired(`${path}.argumentsText`, isJson ? "arguments that are no object" : "arguments that are no JSON"),
  );
  return isJson ? { value } : { _raw: block.argumentsText };
}

function writeToolResult(writing: Writing, block: ToolResultBlock, place: Place): JsonObject {
  for (const key of ["scheduling", "willContinue"] as const) {
    if (block[key] !== undefined) lose(writing, dropped(`${place.path}.${key}`));
  }
  const content = writeResultContent(writing, block.content, place);
  return compact({
    type: "tool_result",
    tool_use_id: block.callId,
    content: content.length === 0 ? undefined : content,
    is_error: block.isError,
    ...baseOf(block),
  });
}

/** Blocks within a block: a result's, a document's. */
function writeResultContent(writing: Writing, blocks: readonly Block[], place: Place): JsonObject[] {
  return blocks.flatMap((block, index) =>
    writeBlock(writing, block, { ...place, path: `${place.path}.content[${index}]` }),
  );
}

function writeSearchResult(writing: Writing, block: SearchResultBlock, place: Place): JsonObject {
  return compact({
    type: "search_result",
    source: block.source,
    title: block.title,
    content: writeResultContent(writing, block.content, place),
    citations: block.citations === undefined ? undefined : { enabled: block.citations },
    ...baseOf(block),
  });
}

type NativeBlock = ServerToolBlock | CompactionBlock | OpaqueBlock;

/** The value in this format's own words, which is also what its vendor wants back; of other formats what text can say. */
function writeNative(
  writing: Writing,
  block: NativeBlock,
  native: ServerToolBlock["native"],
  place: Place,
): JsonObject[] {
  if (native.dialect === DIALECT && isObject(native.value)) return [{ ...native.value }];
  return writeAsText(writing, block, place);
}

function writeAsText(writing: Writing, block: Block, place: Place): JsonObject[] {
  const text = renderBlock(block);
  if (text === undefined || text.trim() === "") {
    const isState = block.type === "compaction" || block.type === "reasoning";
    lose(writing, isState ? notPortable(place.path) : dropped(place.path, kindOf(block)));
    return [];
  }
  lose(writing, emulated(place.path, `${kindOf(block)} as text`));
  return [compact({ type: "text", text: text.toWellFormed(), cache_control: writeCacheMark(block.cache) })];
}

function kindOf(block: Block): string {
  if (block.type === "server-tool") return block.tool;
  return block.type === "opaque" ? block.nativeType : block.type;
}
