import type { Block, OpaqueBlock, ReasoningBlock, ServerToolBlock, ToolCallBlock } from "../../canonical/block.ts";
import { compact, isObject, parseJson, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, notPortable, repaired } from "../../translation/limits.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { writeMediaParts, type Place } from "./request-media.ts";
import { sealed } from "./seal.ts";
import { STAND_IN } from "./signature.ts";
import { writeBlock } from "./write-parts.ts";
import { isReadable, lose, loseGiven, writeCallId, type Writing } from "./writing.ts";

/** What the model said between two inputs, as far as it is written. */
export type Step = { hasCalls: boolean };

/** The parts of a block: none where Gemini has no place for it, and then a loss says so, or it was empty. */
export function writeParts(writing: Writing, block: Block, place: Place, step: Step): JsonObject[] {
  switch (block.type) {
    case "text":
      loseGiven(writing, dropped, { [`${place.path}.citations`]: block.citations });
      return writeText(writing, block, block.text, place);
    case "refusal":
      return writeText(writing, block, block.text, place);
    case "reasoning":
      return writeReasoning(writing, block, place);
    case "media":
      return writeMediaParts(writing, block, place).map((part, index, parts) =>
        index === parts.length - 1 ? sealed(writing, part, block, place) : part,
      );
    case "tool-call":
      return [writeCall(writing, block, place, step)];
    case "code":
      return native(writing, block, place);
    case "server-tool":
    case "opaque":
      return isNative(block) ? native(writing, block, place) : inWords(writing, block, place);
    case "compaction":
    case "search-result":
      return inWords(writing, block, place);
    case "tool-result":
      // Pairing has moved the results of calls into user turns and told the others in words.
      return [];
  }
}

/** Empty text is nothing, unless it carries a signature. */
function writeText(writing: Writing, block: Block, text: string, place: Place): JsonObject[] {
  const part = sealed(writing, { text }, block, place);
  return text === "" && part["thoughtSignature"] === undefined ? [] : [part];
}

/** Thoughts without a signature are worth nothing to the model; only a Gemini client's own are given back. */
function writeReasoning(writing: Writing, block: ReasoningBlock, place: Place): JsonObject[] {
  const { summary, raw, opaque } = block;
  const text = [...summary, ...(raw ?? [])].join("\n\n");
  if (opaque === undefined) {
    if (writing.isOwn) return text === "" ? [] : [{ text, thought: true }];
    lose(writing, dropped(place.path, "reasoning without a signature"));
    return [];
  }
  if (isReadable(writing, opaque, "gemini.thought-signature")) {
    return [{ text, thought: true, thoughtSignature: opaque.value }];
  }
  lose(writing, notPortable(place.path));
  return [];
}

/** Gemini 3 refuses a step whose first call has no signature, as calls of other models have none; then a stand-in is accepted. */
function writeCall(writing: Writing, block: ToolCallBlock, place: Place, step: Step): JsonObject {
  const name = writing.names.sent(block.name, block.namespace);
  writing.callNames.set(block.id, name);
  const functionCall = compact({
    id: writeCallId(writing, block.id),
    name,
    args: writeArguments(writing, block, place),
  });
  const part = sealed(writing, { functionCall }, block, place);
  const isUnsigned = !step.hasCalls && writing.model.needsSignatures && part["thoughtSignature"] === undefined;
  step.hasCalls = true;
  return isUnsigned ? { ...part, thoughtSignature: STAND_IN } : part;
}

/** Arguments are an object here; what a model wrote instead goes in as text, so that it may see its mistake. */
function writeArguments(writing: Writing, { kind, argumentsText }: ToolCallBlock, { path }: Place): JsonObject {
  if (kind === "custom") return { input: argumentsText };
  if (argumentsText.trim() === "") return {};
  const value = parseJson(argumentsText);
  if (isObject(value)) return value;
  lose(writing, repaired(`${path}.argumentsText`, "not a JSON object"));
  return { input: argumentsText };
}

function isNative(block: ServerToolBlock | OpaqueBlock): boolean {
  return (block.type === "opaque" ? block.dialect : block.native.dialect) === "gemini";
}

function native(writing: Writing, block: Exclude<Block, ReasoningBlock>, place: Place): JsonObject[] {
  const written = writeBlock(block);
  return written.kind === "part" ? [sealed(writing, written.part, block, place)] : [];
}

function inWords(writing: Writing, block: Block, place: Place): JsonObject[] {
  const text = renderBlock(block);
  lose(writing, text === undefined ? dropped(place.path) : emulated(place.path, "told in words"));
  return text === undefined || text === "" ? [] : writeText(writing, block, text, place);
}
