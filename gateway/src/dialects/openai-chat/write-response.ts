import type { Block, MediaBlock, ReasoningBlock, TokenLogprob } from "../../canonical/block.ts";
import type { Candidate, CanonicalResponse } from "../../canonical/response.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { writeAnnotation } from "./citations.ts";
import { writeAudioId, writeCall } from "./encode-blocks.ts";
import { writeFinish } from "./finish.ts";
import { answersWithFunctionCall } from "./head.ts";
import { writeAnswerId } from "./answer-id.ts";
import { writeLogprobs } from "./logprobs.ts";
import { writeImage } from "./media.ts";
import { writeDetail } from "./reasoning.ts";
import { writeUsage } from "./usage.ts";

/** A plain Chat answer. */
export function writeResponse(response: CanonicalResponse, client: ClientContext): JsonObject {
  const id = writeAnswerId(response.id, client.requestId);
  const legacyFunctions = answersWithFunctionCall(client.echo);
  return {
    ...response.extras["openai-chat"],
    ...compact({
      id,
      object: "chat.completion",
      created: response.createdAt,
      model: response.model,
      choices: candidatesOf(response).map((candidate) => writeChoice(candidate, id, legacyFunctions)),
      usage: response.usage === undefined ? undefined : writeUsage(response.usage),
      service_tier: response.tier,
      system_fingerprint: response.fingerprint,
      moderation: response.moderation,
    }),
  };
}

/** A prompt that the provider blocked has no candidates; clients index `choices[0]` all the same. */
function candidatesOf(response: CanonicalResponse): readonly Candidate[] {
  if (response.candidates.length > 0) return response.candidates;
  const { promptBlock } = response;
  return [
    {
      index: 0,
      blocks: [],
      finish: { reason: promptBlock ? "content-filter" : "other", native: promptBlock?.reason ?? "" },
    },
  ];
}

function writeChoice(candidate: Candidate, answerId: string, legacyFunctions: boolean): JsonObject {
  const { blocks, finish, index } = candidate;
  const refusalText = joined(blocks, "refusal");
  const calls = blocks.flatMap((block) => (block.type === "tool-call" && block.kind !== "builtin" ? [block] : []));
  const written = calls.map((call) =>
    writeCall(call, call.kind === "custom" ? call.argumentsText : call.argumentsText || "{}"),
  );
  const message: JsonObject = compact({
    role: "assistant",
    content: blocks.some((block) => block.type === "text") ? joined(blocks, "text") : null,
    refusal: refusalText || (finish.refusal?.explanation ?? null),
    reasoning_content: writeReasoning(blocks),
    reasoning_details: nonEmpty(writeDetails(blocks)),
    annotations: nonEmpty(writeAnnotations(blocks)),
    tool_calls: legacyFunctions ? undefined : nonEmpty(written),
    function_call: legacyFunctions ? written[0]?.["function"] : undefined,
    audio: writeAudio(blocks, `${answerId}:${index}`),
    images: nonEmpty(blocks.flatMap((block) => (isMedia(block, "image") ? toList(writeImage(block)) : []))),
  });
  const shown = { toolCalls: calls.length > 0, refusal: refusalText !== "", legacyFunctions };
  return { index, message, logprobs: writeChoiceLogprobs(blocks), finish_reason: writeFinish(finish, shown) };
}

function joined(blocks: readonly Block[], type: "text" | "refusal"): string {
  return blocks.map((block) => (block.type === type ? block.text.toWellFormed() : "")).join("");
}

/** The raw reasoning where the provider shows it, else its summary; blocks and parts a blank line apart. */
function writeReasoning(blocks: readonly Block[]): string | undefined {
  const texts = blocks.flatMap((block) => (block.type === "reasoning" ? reasoningText(block) : []));
  return texts.length === 0 ? undefined : texts.join("\n\n").toWellFormed();
}

function reasoningText(block: ReasoningBlock): readonly string[] {
  const raw = (block.raw ?? []).filter((part) => part !== "");
  return raw.length > 0 ? raw : block.summary.filter((part) => part !== "");
}

function writeDetails(blocks: readonly Block[]): JsonObject[] {
  return blocks.flatMap((block) => {
    if (block.type === "reasoning") return block.opaque === undefined ? [] : [writeDetail(block.opaque, block.itemId)];
    if (block.type === "tool-call" || block.signature === undefined) return [];
    return [writeDetail(block.signature, undefined)];
  });
}

function writeAnnotations(blocks: readonly Block[]): JsonObject[] {
  const annotations: JsonObject[] = [];
  let start = 0;
  for (const block of blocks) {
    if (block.type !== "text") continue;
    const range = { start, end: start + block.text.length };
    for (const citation of block.citations ?? []) annotations.push(...toList(writeAnnotation(citation, range)));
    start = range.end;
  }
  return annotations;
}

function writeAudio(blocks: readonly Block[], place: string): JsonObject | undefined {
  const number = blocks.findIndex((block) => isMedia(block, "audio"));
  const block = blocks[number];
  if (block?.type !== "media" || block.source.by !== "base64") return undefined;
  return compact({
    id: writeAudioId(block, `${place}:${number}`),
    data: block.source.data,
    expires_at: block.expiresAt,
    transcript: block.transcript ?? "",
  });
}

function isMedia(block: Block, kind: MediaBlock["kind"]): block is MediaBlock {
  return block.type === "media" && block.kind === kind;
}

function writeChoiceLogprobs(blocks: readonly Block[]): JsonObject | null {
  const tokens: TokenLogprob[] = blocks.flatMap((block) => (block.type === "text" ? (block.logprobs ?? []) : []));
  return tokens.length === 0 ? null : writeLogprobs(tokens);
}

function nonEmpty(list: JsonObject[]): JsonObject[] | undefined {
  return list.length === 0 ? undefined : list;
}

function toList(value: JsonObject | undefined): JsonObject[] {
  return value === undefined ? [] : [value];
}
