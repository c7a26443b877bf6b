import type { Block, CodeBlock, ToolCallBlock } from "../../canonical/block.ts";
import { asObject, compact, isObject, parseJson, type JsonObject } from "../../lib/json.ts";
import { SYNTHETIC_CALL_ID_PREFIX } from "./decode-candidate.ts";
import { writeMedia } from "./media.ts";

/** What a block becomes: a part without its signature; nothing, because Gemini has no part for it; or a call that cannot be one. */
export type WrittenPart =
  | { readonly kind: "part"; readonly part: JsonObject }
  | { readonly kind: "nothing" }
  | { readonly kind: "malformed-call"; readonly text: string };

const nothing: WrittenPart = { kind: "nothing" };

/** The part of a block that is complete. Reasoning is not among them: its text and its opaque value go different ways. */
export function writeBlock(block: Exclude<Block, { readonly type: "reasoning" }>): WrittenPart {
  switch (block.type) {
    case "text":
    case "refusal":
      return part({ text: block.text });
    case "tool-call":
      // A call of a tool that the client cannot have declared would be one that it cannot answer.
      return block.kind === "builtin" ? nothing : writeToolCall(block);
    case "media":
      return part(writeMedia(block), asObject(block.extras?.gemini));
    case "code":
      return part(writeCode(block));
    case "server-tool":
      // The server tools of other vendors have no counterpart that a Gemini client could read.
      return block.native.dialect === "gemini" ? part(asObject(block.native.value)) : nothing;
    case "opaque":
      return block.dialect === "gemini" ? part(asObject(block.value)) : nothing;
    case "compaction":
    case "tool-result":
    case "search-result":
      return nothing;
  }
}

function part(value: JsonObject | undefined, extras?: JsonObject): WrittenPart {
  return value === undefined ? nothing : { kind: "part", part: extras === undefined ? value : { ...value, ...extras } };
}

/** Gemini's arguments are an object, so anything else the model wrote is a malformed call. */
function writeToolCall(block: ToolCallBlock): WrittenPart {
  const args = block.kind === "custom" ? { input: block.argumentsText } : readArguments(block.argumentsText);
  if (args === undefined) return { kind: "malformed-call", text: block.argumentsText };
  // Where Gemini gave no id, its clients do not expect one.
  const id = block.id.startsWith(SYNTHETIC_CALL_ID_PREFIX) ? undefined : block.id;
  const name = block.namespace === undefined ? block.name : `${block.namespace}__${block.name}`;
  return part({ functionCall: compact({ id, name, args }) });
}

function readArguments(text: string): JsonObject | undefined {
  if (text.trim() === "") return {};
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

function writeCode(block: CodeBlock): JsonObject {
  const { id, code, output } = block;
  if (block.phase === "code") {
    return { executableCode: compact({ id, language: block.language ?? "LANGUAGE_UNSPECIFIED", code }) };
  }
  return { codeExecutionResult: compact({ id, outcome: block.outcome ?? "OUTCOME_OK", output }) };
}
