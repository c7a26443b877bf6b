import type {
  Block,
  OpaqueBlock,
  ReasoningBlock,
  SearchResultBlock,
  ServerToolBlock,
  TextBlock,
  ToolCallBlock,
  ToolResultBlock,
} from "../../canonical/block.ts";
import { isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { parseExact } from "../../lib/json-exact.ts";
import { wrapInput } from "../../translation/custom-tools.ts";
import { dropped, emulated, notPortable, repaired } from "../../translation/limits.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import { renderBlock, renderBuiltinCall } from "../../translation/text-rendering.ts";
import { cachePoint } from "./cache-points.ts";
import { DIALECT } from "./read-blocks.ts";
import { writeMedia } from "./write-media.ts";
import { lose, type Place, type Writing } from "./writing.ts";

/** What a block becomes: its content, and what of it only the user's message around it may hold. */
export type WrittenBlock = { readonly content: readonly JsonObject[]; readonly beside: readonly JsonObject[] };

/** A block of a request as Converse content: none for what has no place, never an empty text. A cache point stands behind it. */
export function writeBlock(writing: Writing, block: Block, place: Place): WrittenBlock {
  if (block.signature !== undefined) lose(writing, notPortable(`${place.path}.signature`));
  const { content, beside } =
    block.type === "tool-result"
      ? writeToolResult(writing, block, place)
      : { content: blockContent(writing, block, place), beside: [] };
  if (content.length === 0 && beside.length === 0) return NOTHING;
  return { content: [...content, ...cachePoint(writing, block.cache, place.path)], beside };
}

const NOTHING: WrittenBlock = { content: [], beside: [] };

function blockContent(writing: Writing, block: Exclude<Block, ToolResultBlock>, place: Place): JsonObject[] {
  switch (block.type) {
    case "text":
      return writeText(writing, block, place);
    case "refusal":
      lose(writing, emulated(place.path, "a refusal is text here"));
      return writeText(writing, { type: "text", text: block.text }, place);
    case "reasoning":
      return writeReasoning(writing, block, place);
    case "media":
      return writeMedia(writing, block, place);
    case "tool-call":
      return place.role === "assistant"
        ? [writeToolCall(writing, block, place)]
        : writeMisplaced(writing, block, place);
    case "search-result":
      return writeSearchResult(writing, block, place);
    case "server-tool":
      return writeNative(writing, block, block.native, place);
    case "opaque":
      return writeNative(writing, block, { dialect: block.dialect, value: block.value }, place);
    case "compaction":
    case "code":
      return writeAsText(writing, block, place);
  }
}

/** Nobody answers a call that the user makes, so it is a story that the user tells. */
function writeMisplaced(writing: Writing, block: ToolCallBlock, place: Place): JsonObject[] {
  lose(writing, repaired(place.path, "a call by the user became text"));
  return [{ text: renderBuiltinCall(block).toWellFormed() }];
}

/** "The text field in the ContentBlock object is blank" answers a text of nothing. */
function writeText(writing: Writing, block: TextBlock, place: Place): JsonObject[] {
  const { text } = block;
  if ((block.citations ?? []).length > 0) lose(writing, dropped(`${place.path}.citations`));
  if (text === "") return [];
  if (text.trim() === "") {
    lose(writing, repaired(place.path, "a text of white space alone"));
    return [];
  }
  if (!text.isWellFormed()) lose(writing, repaired(place.path, "half a character"));
  return [{ text: text.toWellFormed() }];
}

const REASONING_SEPARATOR = "\n\n";

/**
 * Thoughts go back to a Claude model with their signature, unchanged, or to nobody: other models refuse them in requests, and a
 * made-up signature is always refused. Anthropic's signatures hold on all platforms that serve its models, so a Messages
 * client's bare ones are good here.
 */
function writeReasoning(writing: Writing, block: ReasoningBlock, { path, role }: Place): JsonObject[] {
  const { opaque } = block;
  if (opaque === undefined || role !== "assistant" || !isReadable(writing, opaque)) {
    lose(writing, notPortable(path, opaque === undefined ? "thoughts without a signature" : undefined));
    return [];
  }
  if (opaque.kind === "anthropic.redacted") return [{ reasoningContent: { redactedContent: opaque.value } }];
  const text = [...block.summary, ...(block.raw ?? [])].join(REASONING_SEPARATOR);
  return [{ reasoningContent: { reasoningText: { text, signature: opaque.value } } }];
}

function isReadable({ facts, options }: Writing, opaque: NonNullable<ReasoningBlock["opaque"]>): boolean {
  if (facts.claude === undefined) return false;
  if (opaque.kind !== "anthropic.signature" && opaque.kind !== "anthropic.redacted") return false;
  return opaque.issuer.provider === "anthropic" || isReadableBy(opaque, options.issuer, options.kind);
}

function writeToolCall(writing: Writing, block: ToolCallBlock, { path }: Place): JsonObject {
  for (const key of ["caller", "toolset"] as const) {
    if (block[key] !== undefined) lose(writing, dropped(`${path}.${key}`));
  }
  const name = writing.names.sent(block.name, block.namespace);
  return { toolUse: { toolUseId: block.id, name, input: writeInput(writing, block, path) } };
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
  const detail = isJson ? "arguments that are no object" : "arguments that are no JSON";
  lose(writing, repaired(`${path}.argumentsText`, detail));
  return isJson ? { value } : { _raw: block.argumentsText };
}

/** What a tool says that says nothing: the API wants content. */
const EMPTY_RESULT = "(no output)";

/** Members of content that a result may hold. Pictures in it are for models that know them there; others see them beside it. */
const resultContent: ReadonlySet<string> = new Set(["text", "json", "image", "document", "video", "searchResult"]);
const mediaContent: ReadonlySet<string> = new Set(["image", "document", "video"]);

function writeToolResult(writing: Writing, block: ToolResultBlock, place: Place): WrittenBlock {
  for (const key of ["scheduling", "willContinue"] as const) {
    if (block[key] !== undefined) lose(writing, dropped(`${place.path}.${key}`));
  }
  const { richResults } = writing.facts;
  const all = block.content.flatMap((each, index) => {
    const path = `${place.path}.content[${index}]`;
    return each.type === "tool-result" ? [] : blockContent(writing, each, { ...place, role: "user", path });
  });
  const belongs = (each: JsonObject) => {
    const [member = ""] = Object.keys(each);
    return resultContent.has(member) && (richResults || !mediaContent.has(member));
  };
  const beside = all.filter((each) => !belongs(each));
  if (beside.length > 0) lose(writing, emulated(place.path, "what a result cannot hold here stands behind it"));
  const content = all.filter(belongs);
  const failed = block.isError === true;
  if (failed && !richResults) content.unshift({ text: "[tool error]" });
  if (content.length === 0) content.push({ text: EMPTY_RESULT });
  const status = failed && richResults ? { status: "error" } : {};
  return { content: [{ toolResult: { toolUseId: block.callId, content, ...status } }], beside };
}

function writeSearchResult(writing: Writing, block: SearchResultBlock, place: Place): JsonObject[] {
  if (!writing.facts.documents) return writeAsText(writing, block, place);
  const content = block.content.flatMap(({ text }) => (text.trim() === "" ? [] : [{ text: text.toWellFormed() }]));
  const { source, title, citations } = block;
  const cites = citations === undefined ? {} : { citations: { enabled: citations } };
  return [{ searchResult: { source, title, content, ...cites } }];
}

/** The value in this format's own words, which is what Bedrock wants back of its tools; of other formats what text can say. */
function writeNative(
  writing: Writing,
  block: ServerToolBlock | OpaqueBlock,
  native: ServerToolBlock["native"],
  place: Place,
): JsonObject[] {
  if (native.dialect === DIALECT && isObject(native.value)) return [{ ...native.value }];
  return writeAsText(writing, block, place);
}

function writeAsText(writing: Writing, block: Block, place: Place): JsonObject[] {
  const text = renderBlock(block);
  if (text === undefined || text.trim() === "") {
    lose(writing, block.type === "compaction" ? notPortable(place.path) : dropped(place.path, kindOf(block)));
    return [];
  }
  lose(writing, emulated(place.path, `${kindOf(block)} as text`));
  return [{ text: text.toWellFormed() }];
}

function kindOf(block: Block): string {
  if (block.type === "server-tool") return block.tool;
  return block.type === "opaque" ? block.nativeType : block.type;
}
