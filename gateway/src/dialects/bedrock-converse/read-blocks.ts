import type { Block, Issuer, MediaBlock, ReasoningBlock, ServerToolBlock, TextBlock } from "../../canonical/block.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { readCitation } from "./citations.ts";

export const DIALECT = "bedrock-converse" as const;

/** `output.message.content` of an answer; nothing in it can fail, what is not understood is kept as it is. */
export function readBlocks(values: readonly Json[], issuer: Issuer): Block[] {
  return values.filter(isObject).map((value) => readBlock(value, issuer));
}

/** A block is an object with one member, whose name is its type. */
function readBlock(value: JsonObject, issuer: Issuer): Block {
  for (const [type, content] of Object.entries(value)) {
    const reader = Object.hasOwn(readers, type) ? readers[type] : undefined;
    const block = content === undefined ? undefined : reader?.(content, issuer);
    if (block !== undefined) return block;
  }
  return { type: "opaque", dialect: DIALECT, nativeType: Object.keys(value)[0] ?? "", value };
}

/** Undefined when the content lacks what its type promises. */
type BlockReader = (content: Json, issuer: Issuer) => Block | undefined;

const readers: { readonly [type: string]: BlockReader } = {
  text: (content) => (typeof content === "string" ? { type: "text", text: content } : undefined),
  citationsContent: (content) => readCited(asObject(content)),
  toolUse: (content) => readToolUse(asObject(content)),
  toolResult: (content) => (isObject(content) ? serverResult(content) : undefined),
  reasoningContent: (content, issuer) => readReasoning(asObject(content), issuer),
  image: (content) => readImage(asObject(content)),
};

function readCited(wire: JsonObject | undefined): TextBlock | undefined {
  if (wire === undefined) return undefined;
  const texts = (asArray(wire["content"]) ?? []).map((each) => asString(asObject(each)?.["text"]) ?? "");
  const citations = (asArray(wire["citations"]) ?? []).map(readCitation);
  return compact({
    type: "text" as const,
    text: texts.join(""),
    citations: citations.length === 0 ? undefined : citations,
  });
}

function readToolUse(wire: JsonObject | undefined): Block | undefined {
  const id = asString(wire?.["toolUseId"]);
  const name = asString(wire?.["name"]);
  if (wire === undefined || id === undefined || name === undefined) return undefined;
  const input = wire["input"] ?? {};
  if (isServerCall(wire)) return serverCall({ id, name, input });
  return { type: "tool-call", id, name, kind: "function", argumentsText: JSON.stringify(input) };
}

/** Nova's own tools (`nova_grounding`, `nova_code_interpreter`) are run by Bedrock; the client has nothing to do. */
export function isServerCall(toolUse: JsonObject): boolean {
  return toolUse["type"] === "server_tool_use";
}

export function serverCall(call: {
  readonly id: string;
  readonly name: string;
  readonly input: Json | undefined;
}): ServerToolBlock {
  const { id, name, input } = call;
  const value = { toolUse: compact({ toolUseId: id, name, input, type: "server_tool_use" }) };
  return compact({
    type: "server-tool" as const,
    phase: "call" as const,
    tool: name,
    id,
    input,
    native: { dialect: DIALECT, value },
  });
}

const RESULT_SUFFIX = "_result";

/** What such a tool answered: `type` is its name and `_result`. */
export function serverResult(wire: JsonObject): ServerToolBlock {
  const type = asString(wire["type"]) ?? "";
  const content = asArray(wire["content"]);
  return compact({
    type: "server-tool" as const,
    phase: "result" as const,
    tool: type.endsWith(RESULT_SUFFIX) ? type.slice(0, -RESULT_SUFFIX.length) : type,
    id: asString(wire["toolUseId"]) ?? "",
    output: content,
    isError: wire["status"] === "error" ? true : undefined,
    native: { dialect: DIALECT, value: { toolResult: wire } },
  });
}

/** Only Claude models sign their thoughts, or hide them. */
function readReasoning(wire: JsonObject | undefined, issuer: Issuer): ReasoningBlock | undefined {
  const redacted = asString(wire?.["redactedContent"]);
  if (redacted !== undefined) {
    const opaque = { issuer, kind: "anthropic.redacted" as const, value: redacted };
    return { type: "reasoning", summary: [], opaque, redacted: true };
  }
  const said = asObject(wire?.["reasoningText"]);
  const text = asString(said?.["text"]);
  const signature = asString(said?.["signature"]);
  if (text === undefined && signature === undefined) return undefined;
  const opaque =
    signature === undefined || signature === ""
      ? undefined
      : { issuer, kind: "anthropic.signature" as const, value: signature };
  return compact({ type: "reasoning" as const, summary: [text ?? ""], opaque });
}

function readImage(wire: JsonObject | undefined): MediaBlock | undefined {
  const data = asString(asObject(wire?.["source"])?.["bytes"]);
  if (data === undefined) return undefined;
  const format = asString(wire?.["format"]);
  return compact({
    type: "media" as const,
    kind: "image" as const,
    source: { by: "base64" as const, data },
    mimeType: format === undefined ? undefined : `image/${format}`,
  });
}
