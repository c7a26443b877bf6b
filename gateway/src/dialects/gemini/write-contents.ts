import type { Block, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts";
import { failure } from "../../canonical/failure.ts";
import type { Turn } from "../../canonical/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { dropped, emulated, repaired } from "../../translation/limits.ts";
import { renderBuiltinCall } from "../../translation/text-rendering.ts";
import { mapToolCallIds } from "../../translation/tool-ids.ts";
import { pairToolResults, resultAsText } from "../../translation/tool-pairing.ts";
import type { Place } from "./request-media.ts";
import { writeParts, type Step } from "./request-parts.ts";
import { writeResults } from "./request-results.ts";
import { lose, loseAll, loseGiven, refuse, turnParam, type Writing } from "./writing.ts";

type Content = {
  readonly role: "user" | "model";
  readonly parts: JsonObject[];
  readonly step: Step;
  readonly hasResults: boolean;
};

type Conversation = {
  readonly writing: Writing;
  readonly contents: Content[];
  /** Where each block stood in the request, in canonical words; blocks that were made since have no place. */
  readonly paths: ReadonlyMap<Block, string>;
};

/** Any text is an id to Gemini, as long as the calls of a turn can be told apart. */
const idRule = { valid: /[^]/, lengthMax: Infinity, prefix: "call_" };

/**
 * `contents[]`: turns in order, neighbours of one role in one content, each call answered in the content after it. A client's
 * own contents stay apart as they came, which Google accepts (recorded with 2.0 to 3.5).
 *
 * What is written for a turn depends on earlier turns only, so a growing conversation keeps its beginning.
 */
export function writeContents(writing: Writing): JsonObject[] {
  const { request, isOwn } = writing;
  const paths = new Map<Block, string>();
  const turns = isOwn ? request.turns : mapToolCallIds(request.turns, idRule);
  const placed = withoutBuiltinCalls(writing, turns, paths);
  const paired = pairToolResults(placed);
  loseAll(writing, paired.losses);
  const conversation: Conversation = { writing, contents: [], paths };
  for (const turn of paired.turns) writeTurn(conversation, turn);
  for (const [index, turn] of request.turns.entries()) {
    loseGiven(writing, dropped, { [`turns[${index}].name`]: turn.name, [`turns[${index}].clearAt`]: turn.clearAt });
  }
  refuseLostHistory(writing);
  if (conversation.contents.length === 0) {
    const param = turnParam(writing);
    const message = `\`${param}\` has nothing to answer: Gemini wants at least one message with content.`;
    writing.failure ??= failure("invalid_parameter", message, { param });
  }
  if (!isOwn) mendEnds(conversation);
  return conversation.contents.map(({ role, parts }) => ({ role, parts }));
}

/** A summary that only its vendor can read, and nothing before it: the conversation would begin in the middle. */
function refuseLostHistory(writing: Writing): void {
  const [first] = writing.request.turns;
  const isLost = first?.blocks.some((block) => block.type === "compaction" && (block.text ?? "") === "") === true;
  if (!isLost) return;
  const param = turnParam(writing, first.boundary);
  refuse(writing, `\`${param}\` is a compacted conversation that only the provider which made it can read.`, param);
}

/** Calls of tools that only their own vendor declares, and what came of them, are told in words. */
function withoutBuiltinCalls(writing: Writing, turns: readonly Turn[], paths: Map<Block, string>): readonly Turn[] {
  const callIds = new Set<string>();
  return turns.map((turn, index) => {
    const blocks = turn.blocks.flatMap((block, position) => {
      const path = `turns[${index}].blocks[${position}]`;
      const isCall = block.type === "tool-call" && block.kind === "builtin";
      if (isCall) callIds.add(block.id);
      const isResult = block.type === "tool-result" && (block.kind === "builtin" || callIds.has(block.callId));
      if (isCall || isResult) lose(writing, emulated(path, "told in words"));
      const written = isCall ? [calledInWords(block)] : isResult ? resultAsText(block) : [block];
      for (const each of written) paths.set(each, path);
      return written;
    });
    return blocks.every((block, position) => block === turn.blocks[position]) ? turn : { ...turn, blocks };
  });
}

function calledInWords(call: ToolCallBlock): Block {
  return { type: "text", text: renderBuiltinCall(call) };
}

function writeTurn(conversation: Conversation, turn: Turn): void {
  switch (turn.role) {
    case "user":
      return writeUser(conversation, turn);
    case "assistant":
      return writeAssistant(conversation, turn);
    case "system":
      return writeReminder(conversation, turn);
  }
}

function writeUser(conversation: Conversation, turn: Turn): void {
  const results = turn.blocks.filter((block) => block.type === "tool-result");
  const others = turn.blocks.filter((block) => block.type !== "tool-result");
  const placed = results.map((block): readonly [ToolResultBlock, Place] => [block, placeOf(conversation, turn, block)]);
  const content = contentFor(conversation, "user", results.length > 0);
  add(conversation, content, [
    ...writeResults(conversation.writing, placed),
    ...partsOf(conversation, turn, others, content),
  ]);
}

function writeAssistant(conversation: Conversation, turn: Turn): void {
  const content = contentFor(conversation, "model", false);
  add(conversation, content, partsOf(conversation, turn, turn.blocks, content));
}

/** There are no instructions in the middle of a conversation, so the user passes them on. */
function writeReminder(conversation: Conversation, turn: Turn): void {
  const texts = turn.blocks.flatMap((block) => (block.type === "text" && block.text !== "" ? [block.text] : []));
  const others = turn.blocks.filter((block) => block.type !== "text");
  const reminder = `<system-reminder>\n${texts.join("\n\n")}\n</system-reminder>`;
  const content = contentFor(conversation, "user", false);
  const parts = texts.length === 0 ? [] : [{ text: reminder }];
  add(conversation, content, [...parts, ...partsOf(conversation, turn, others, content)]);
}

function partsOf(conversation: Conversation, turn: Turn, blocks: readonly Block[], { step }: Content): JsonObject[] {
  return blocks.flatMap((block) => writeParts(conversation.writing, block, placeOf(conversation, turn, block), step));
}

function placeOf({ writing, paths }: Conversation, turn: Turn, block: Block): Place {
  return { path: paths.get(block) ?? "turns", param: turnParam(writing, turn.boundary) };
}

/** The content that a turn goes into. Nothing joins the responses to a step's calls: Google counts them. */
function contentFor({ contents, writing }: Conversation, role: Content["role"], hasResults: boolean): Content {
  const last = contents.at(-1);
  const isJoined = !writing.isOwn && last?.role === role && !last.hasResults && !hasResults;
  return isJoined ? last : { role, parts: [], step: { hasCalls: false }, hasResults };
}

function add({ contents }: Conversation, content: Content, parts: readonly JsonObject[]): void {
  if (parts.length === 0) return;
  if (content.parts.length === 0) contents.push(content);
  for (const part of parts) content.parts.push(part);
}

const OMITTED_TEXT = "[earlier conversation omitted]";
const CONTINUE_TEXT = "Continue your last message exactly where it stops. Do not repeat any of it.";

/** Calls must follow something that the user said, and newer models want the user to have the last word. */
function mendEnds({ writing, contents }: Conversation): void {
  if (contents[0]?.step.hasCalls === true) {
    contents.unshift(userContent(OMITTED_TEXT));
    lose(writing, repaired("turns[0]", "a conversation cannot begin with a tool call"));
  }
  const last = contents.at(-1);
  if (last?.role !== "model" || last.step.hasCalls || writing.model.takesPrefill) return;
  contents.push(userContent(CONTINUE_TEXT));
  lose(writing, emulated(`turns[${writing.request.turns.length - 1}]`, "asked in words to go on from here"));
}

function userContent(text: string): Content {
  return { role: "user", parts: [{ text }], step: { hasCalls: false }, hasResults: false };
}
