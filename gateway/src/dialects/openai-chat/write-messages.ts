import type { Block, MediaBlock } from "../../canonical/block.ts";
import type { CanonicalRequest, SystemBlock, Turn } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, repaired } from "../../translation/limits.ts";
import { textOfDocument } from "../../translation/media.ts";
import { renderBuiltinCall } from "../../translation/text-rendering.ts";
import { resultAsText } from "../../translation/tool-pairing.ts";
import { isEffort } from "./efforts.ts";
import { writeCalls, writeResults, type PlacedResult } from "./write-calls.ts";
import { loseSignature, textOf, textPart, writeContent, writePart, writeParts } from "./write-parts.ts";
import { writeReasoning } from "./write-reasoning.ts";
import { lose, mark, places, type Writing } from "./writing.ts";

/** `messages`, of turns whose results stand behind their calls already. */
export function writeMessages(writing: Writing, request: CanonicalRequest): JsonObject[] {
  const messages = writeInstructions(writing, request.instructions);
  request.turns.forEach((turn, index) => {
    writing.place = places[request.source](turn.boundary);
    for (const message of writeTurn(writing, turn, index)) push(writing, messages, message, index);
  });
  losePrefill(writing, request);
  return messages;
}

/** Mistral wants an assistant to speak between tool results and the user. */
function push(writing: Writing, messages: JsonObject[], message: JsonObject, index: number): void {
  const isUnbridged = message["role"] === "user" && messages.at(-1)?.["role"] === "tool";
  if (isUnbridged && writing.target.vendor.bridgesToolResults && !writing.isNative) {
    messages.push({ role: "assistant", content: "I have the results." });
    lose(writing, repaired(`turns[${index}]`, "an assistant message between tool results and the user"));
  }
  messages.push(message);
}

function writeInstructions(writing: Writing, instructions: readonly SystemBlock[]): JsonObject[] {
  const isJoined = writing.target.vendor.instructions === "single" && !writing.isNative;
  if (isJoined && instructions.length > 1) {
    lose(writing, repaired("instructions", "joined, as the provider may take only one system message"));
    return [{ role: "system", content: instructions.map(({ text }) => text).join("\n\n") }];
  }
  return instructions.map(({ text, authority, cache, name, extras }) =>
    compact({
      role: roleOf(writing, authority),
      content: writeContent(writing, [mark(writing, textPart(text), cache)], ""),
      name,
      ...extras?.["openai-chat"],
    }),
  );
}

/** OpenAI takes both roles for all its models; those that reason were trained on `developer`, the others on `system`. */
function roleOf({ target, isNative }: Writing, authority: "system" | "developer" | undefined): string {
  if (!target.vendor.developerRole) return "system";
  if (isNative && authority !== undefined) return authority;
  return target.facts.reasoning ? "developer" : "system";
}

function writeTurn(writing: Writing, turn: Turn, index: number): JsonObject[] {
  switch (turn.role) {
    case "user":
      return writeUser(writing, turn, `turns[${index}].blocks`);
    case "assistant":
      return writeAssistant(writing, turn, `turns[${index}]`);
    case "system":
      return writeSystem(writing, turn, `turns[${index}]`);
  }
}

function writeUser(writing: Writing, turn: Turn, path: string): JsonObject[] {
  const results: PlacedResult[] = [];
  const parts: JsonObject[] = [];
  turn.blocks.forEach((block, index) => {
    const at = `${path}[${index}]`;
    if (block.type !== "tool-result") parts.push(...writePart(writing, block, at));
    else if (block.kind !== "builtin") results.push({ result: block, path: at });
    else {
      // Its call is text in the assistant's message, so it has nothing to answer.
      lose(writing, emulated(at, "the result of a built-in tool as text"));
      parts.push(...writeParts(writing, resultAsText(block), `${at}.content`));
    }
  });
  const answers = writeResults(writing, results);
  const isSpoken = parts.length > 0 || (turn.blocks.length === 0 && writing.isNative);
  return isSpoken ? [...answers, userMessage(writing, turn, parts)] : answers;
}

function userMessage(writing: Writing, turn: Turn, parts: readonly JsonObject[]): JsonObject {
  const content = writeContent(writing, parts, "\n\n");
  return compact({ role: "user", content, name: turn.name, ...turn.extras?.["openai-chat"] });
}

function writeAssistant(writing: Writing, turn: Turn, path: string): JsonObject[] {
  const { blocks } = turn;
  const reasoning = writeReasoning(writing, blocks, `${path}.blocks`);
  const spoken = blocks.flatMap((block, index) => writeAssistantPart(writing, block, `${path}.blocks[${index}]`));
  const calls = writeCalls(writing, blocks, `${path}.blocks`);
  const audio = writing.isNative ? blocks.find(isAudioReference) : undefined;
  const parts = [...reasoning.parts, ...spoken];
  const isEmpty = parts.length === 0 && calls.length === 0 && audio === undefined;
  if (isEmpty && !writing.isNative) {
    if (blocks.length > 0) lose(writing, dropped(path, "nothing that Chat Completions could say"));
    return [];
  }
  return [
    compact({
      role: "assistant",
      content: parts.length === 0 && !isEmpty ? null : writeContent(writing, parts, ""),
      name: turn.name,
      ...reasoning.members,
      audio: audio?.source.by === "reference" ? { id: audio.source.id } : undefined,
      tool_calls: calls.length === 0 ? undefined : calls,
      ...turn.extras?.["openai-chat"],
    }),
  ];
}

/** A block of an answer as content. What an assistant cannot have said in Chat is left to text, or lost. */
function writeAssistantPart(writing: Writing, block: Block, path: string): JsonObject[] {
  switch (block.type) {
    case "reasoning":
      return [];
    case "tool-call":
      if (block.kind !== "builtin") return [];
      lose(writing, emulated(path, "the call of a built-in tool as text"));
      return [textPart(renderBuiltinCall(block))];
    case "refusal": {
      const knowsRefusals = writing.isNative || writing.target.vendor.developerRole;
      return [knowsRefusals ? { type: "refusal", refusal: block.text } : textPart(block.text)];
    }
    case "media":
      return writeAnswerMedia(writing, block, path);
    default:
      return writePart(writing, block, path);
  }
}

/** Pictures and sounds that a model made cannot be shown to it again in Chat. */
function writeAnswerMedia(writing: Writing, block: MediaBlock, path: string): JsonObject[] {
  if (writing.isNative && isAudioReference(block)) return [];
  if (writing.isNative || textOfDocument(block) !== undefined) return writePart(writing, block, path);
  loseSignature(writing, block, path);
  lose(writing, dropped(path, `${block.kind} in an assistant message`));
  return block.transcript === undefined ? [] : [textPart(block.transcript)];
}

function isAudioReference(block: Block): block is MediaBlock {
  return block.type === "media" && block.kind === "audio" && block.source.by === "reference";
}

/** An instruction in the middle of a conversation; providers that know none there get it as a reminder from the user. */
function writeSystem(writing: Writing, turn: Turn, path: string): JsonObject[] {
  loseChanges(writing, turn, path);
  const texts: JsonObject[] = [];
  const others: JsonObject[] = [];
  turn.blocks.forEach((block, index) => {
    (block.type === "text" ? texts : others).push(...writePart(writing, block, `${path}.blocks[${index}]`));
  });
  const instruction = texts.length === 0 ? [] : [systemMessage(writing, turn, texts, path)];
  if (others.length === 0) return instruction;
  lose(writing, repaired(`${path}.blocks`, "what is no text comes from the user"));
  return [...instruction, { role: "user", content: others }];
}

function systemMessage(writing: Writing, turn: Turn, parts: readonly JsonObject[], path: string): JsonObject {
  const content = writeContent(writing, parts, "\n\n");
  if (writing.isNative || writing.target.vendor.instructions === "anywhere") {
    const role = roleOf(writing, turn.authority);
    return compact({ role, content, name: turn.name, ...turn.extras?.["openai-chat"] });
  }
  lose(writing, emulated(path, "an instruction as a reminder from the user"));
  const text = parts.map(textOf).join("\n\n");
  return { role: "user", content: `<system-reminder>\n${text}\n</system-reminder>` };
}

/** Changes from here on, of which Chat has none: added tools are declared from the beginning, the last effort counts. */
function loseChanges(writing: Writing, { effortFromHere, toolsFromHere, clearAt }: Turn, path: string): void {
  if (effortFromHere !== undefined && !isEffort(effortFromHere)) lose(writing, dropped(`${path}.effortFromHere`));
  if (clearAt !== undefined) lose(writing, dropped(`${path}.clearAt`));
  if (toolsFromHere === undefined) return;
  if (toolsFromHere.add.length > 0) lose(writing, emulated(`${path}.toolsFromHere.add`, "declared from the beginning"));
  if (toolsFromHere.remove.length > 0) lose(writing, dropped(`${path}.toolsFromHere.remove`));
}

/** Messages and Gemini go on with an answer that the conversation ends in; Chat begins another one. */
function losePrefill(writing: Writing, { source, turns }: CanonicalRequest): void {
  const last = turns.at(-1);
  const isPrefill = last?.role === "assistant" && !last.blocks.some((block) => block.type === "tool-call");
  const goesOn = source === "anthropic-messages" || source === "gemini";
  if (isPrefill && goesOn) lose(writing, dropped(`turns[${turns.length - 1}]`, "the answer begins anew behind it"));
}
