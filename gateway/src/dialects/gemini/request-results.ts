import type { Block, MediaBlock, ToolResultBlock } from "../../canonical/block.ts";
import { compact, isObject, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated } from "../../translation/limits.ts";
import { mediaType } from "../../translation/media.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { writeMediaParts, type Place } from "./request-media.ts";
import { sealed } from "./seal.ts";
import { lose, writeCallId, type Writing } from "./writing.ts";

/**
 * The responses to a step's calls, in their order and before everything else; media that cannot be inside them come behind all
 * of them. `results` are named by the call that they answer.
 */
export function writeResults(writing: Writing, results: readonly (readonly [ToolResultBlock, Place])[]): JsonObject[] {
  const behind: JsonObject[] = [];
  const responses = results.map(([block, place]) => writeResult(writing, block, place, behind));
  return [...responses, ...behind];
}

function writeResult(writing: Writing, block: ToolResultBlock, place: Place, behind: JsonObject[]): JsonObject {
  const { scheduling, willContinue } = block;
  const inside: JsonObject[] = [];
  const texts: string[] = [];
  for (const [index, each] of block.content.entries()) {
    const at = { ...place, path: `${place.path}.content[${index}]` };
    if (each.type !== "media") texts.push(...textOf(writing, each, at));
    else
      for (const part of writeMediaParts(writing, each, at)) {
        if (typeof part["text"] === "string") texts.push(part["text"]);
        else if (fitsInside(writing, each)) inside.push(part);
        else behind.push(part);
      }
  }
  const functionResponse = compact({
    id: writeCallId(writing, block.callId),
    name: writing.callNames.get(block.callId) ?? writing.names.sent(block.name ?? "unknown"),
    response: writeResponseObject(block, texts.join("\n")),
    parts: inside.length === 0 ? undefined : inside,
    scheduling,
    willContinue,
  });
  return sealed(writing, { functionResponse }, block, place);
}

/** `output` and `error` are the documented keys; what a Gemini client sent goes back as it was. */
function writeResponseObject({ structured, isError }: ToolResultBlock, text: string): JsonObject {
  if (isObject(structured)) return structured;
  return isError === true ? { error: text } : { output: structured ?? text };
}

function textOf(writing: Writing, block: Block, { path }: Place): string[] {
  const text = renderBlock(block);
  if (text === undefined) lose(writing, dropped(path));
  else if (block.type !== "text" && block.type !== "refusal") lose(writing, emulated(path, "told in words"));
  return text === undefined ? [] : [text];
}

/** https://ai.google.dev/gemini-api/docs/function-calling#multimodal */
const typesInResults: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/webp",
  "application/pdf",
  "text/plain",
]);

function fitsInside(writing: Writing, block: MediaBlock): boolean {
  if (writing.isOwn) return true;
  return writing.model.hasMediaInResults && typesInResults.has(mediaType(block) ?? "");
}
