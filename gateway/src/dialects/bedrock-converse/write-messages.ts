import type { Block } from "../../canonical/block.ts";
import type { Turn } from "../../canonical/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { dropped, emulated, repaired } from "../../translation/limits.ts";
import { mapToolCallIds } from "../../translation/tool-ids.ts";
import { pairToolResults } from "../../translation/tool-pairing.ts";
import { writeBlock } from "./write-content.ts";
import { conversationParam, lose, refuse, type Place, type Writing } from "./writing.ts";

/** What the gateway says where the API wants the user to speak and the client's user does not. */
const CONTINUE = "Continue.";
/** What it says beside a document that comes without a word: the API wants text there. */
const SEE_DOCUMENT = "See the document.";

export type Message = { readonly role: "user" | "assistant"; readonly content: JsonObject[] };

type State = {
  readonly writing: Writing;
  readonly messages: Message[];
  /** Pictures and documents of assistant turns, which only a user may show: they wait for the next user turn. */
  pictures: JsonObject[];
};

/**
 * `messages`: users and assistants take turns, the user first; every call is answered at the beginning of the next message.
 * What an assistant turn already follows comes out the same, however the conversation goes on.
 */
export function writeMessages(writing: Writing): Message[] {
  const state: State = { writing, messages: [], pictures: [] };
  for (const placed of placedTurns(writing)) writeTurn(state, placed);
  if (state.messages.length === 0 && state.pictures.length === 0) {
    const message = "The conversation has nothing in it that can be sent to this model. Add a message with content.";
    refuse(writing, "invalid_parameter", message, conversationParam(writing.request));
  }
  finishConversation(state);
  for (const message of state.messages) introduceDocuments(writing, message);
  return state.messages;
}

/** A turn, and where its blocks stood in the client's request. */
type PlacedTurn = { readonly turn: Turn; readonly path: string; readonly paths: readonly string[] };

/** The turns in the order and with the ids that the API wants. */
function placedTurns(writing: Writing): PlacedTurn[] {
  const { turns } = writing.request;
  const origins = new Map<Block | Turn, string>();
  for (const [index, turn] of turns.entries()) {
    origins.set(turn, `turns[${index}]`);
    for (const [position, block] of turn.blocks.entries()) origins.set(block, `turns[${index}].blocks[${position}]`);
  }
  const paired = pairToolResults(answered(turns));
  lose(writing, ...paired.losses);
  const mapped = mapToolCallIds(paired.turns, { valid: writing.facts.callId, lengthMax: 64, prefix: "tooluse_" });
  return mapped.map((turn, index) => {
    const original = paired.turns[index];
    const path = (original && origins.get(original)) ?? `turns[${index}]`;
    const paths = turn.blocks.map((_block, position) => {
      const origin = original?.blocks[position];
      return (origin && origins.get(origin)) ?? `${path}.blocks[${position}]`;
    });
    return { turn, path, paths };
  });
}

/** Calls at the very end need results like all others; a user turn after them is where these go. */
function answered(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.findLast(({ role }) => role !== "system");
  const isOpen = last?.role === "assistant" && last.blocks.some((block) => block.type === "tool-call");
  if (!isOpen) return turns;
  return [...turns, { role: "user", blocks: [{ type: "text", text: CONTINUE }], boundary: last.boundary }];
}

function writeTurn(state: State, placed: PlacedTurn): void {
  const { writing, messages } = state;
  const { turn, path } = placed;
  if (turn.name !== undefined) lose(writing, dropped(`${path}.name`));
  const written = writeContent(state, placed);
  if (turn.role === "system") {
    if (written.length > 0) remind(state, written, path);
    return;
  }
  const content = turn.role === "user" ? withPictures(state, written) : written;
  if (content.length === 0) {
    lose(writing, repaired(path, "a turn without content"));
    // A user who says nothing to an answer wants more of it, and the answers on both sides must not become one.
    if (turn.role !== "user" || messages.at(-1)?.role !== "assistant") return;
    content.push({ text: CONTINUE });
  }
  if (turn.role === "assistant" && messages.length === 0) {
    lose(writing, repaired(path, "a conversation begins with the user"));
    say(messages, "user", [{ text: CONTINUE }]);
  }
  say(messages, turn.role, content);
}

/** Neighbours of one role are one message here. */
function say(messages: Message[], role: Message["role"], content: readonly JsonObject[]): void {
  const last = messages.at(-1);
  if (last?.role === role) last.content.push(...content);
  else messages.push({ role, content: [...content] });
}

function writeContent(state: State, { turn, path, paths }: PlacedTurn): JsonObject[] {
  const { writing } = state;
  const content: JsonObject[] = [];
  const beside: JsonObject[] = [];
  const param = conversationParam(writing.request, turn);
  const unjoined = joinedThoughts(writing, turn);
  for (const [position, block] of turn.blocks.entries()) {
    const place: Place = { role: turn.role, path: paths[position] ?? path, param };
    if (turn.role === "assistant" && block.type === "media" && block.transcript === undefined) {
      const shown = writeBlock(writing, block, { ...place, role: "user" }).content;
      if (shown.length > 0) lose(writing, emulated(place.path, "shown with the next user turn"));
      state.pictures.push(...shown);
      continue;
    }
    const written = writeBlock(writing, unjoined?.(block) ?? block, place);
    content.push(...written.content);
    beside.push(...written.beside);
  }
  return [...content, ...beside];
}

/**
 * Chat has one text for all the thoughts of a turn. Where several blocks share it, nobody can tell any more what each signature
 * is of, so they are sent to nobody.
 */
function joinedThoughts({ request }: Writing, turn: Turn): ((block: Block) => Block) | undefined {
  const isSigned = (block: Block) => block.type === "reasoning" && block.opaque?.kind === "anthropic.signature";
  if (request.source !== "openai-chat" || turn.blocks.filter(isSigned).length < 2) return undefined;
  return (block) => {
    if (block.type !== "reasoning" || !isSigned(block)) return block;
    const { opaque: _opaque, ...rest } = block;
    return rest;
  };
}

/** Pictures of the assistant behind the results of its calls, which come first. */
function withPictures(state: State, content: readonly JsonObject[]): JsonObject[] {
  const { pictures } = state;
  state.pictures = [];
  if (pictures.length === 0) return [...content];
  const results = content.findLastIndex((block) => block["toolResult"] !== undefined) + 1;
  return [...content.slice(0, results), ...pictures, ...content.slice(results)];
}

/** A mid-conversation instruction, in the words that Claude Code puts around what its user did not say. */
function remind(state: State, content: readonly JsonObject[], path: string): void {
  lose(state.writing, emulated(path, "an instruction in the user's turn"));
  const reminders = content.map((block) =>
    typeof block["text"] === "string" ? { text: `<system-reminder>\n${block["text"]}\n</system-reminder>` } : block,
  );
  say(state.messages, "user", reminders);
}

/** How a conversation may end: with the user, or where the model can go on from there with the beginning of its answer. */
function finishConversation({ writing, messages, pictures }: State): void {
  if (pictures.length > 0) {
    // Nobody speaks after them, so the user shows them now.
    say(messages, "user", pictures);
    return;
  }
  const last = messages.at(-1);
  if (last?.role !== "assistant") return;
  if (!writing.facts.prefill) {
    lose(writing, emulated("turns", "the model cannot go on from the beginning of an answer; it is asked to continue"));
    say(messages, "user", [{ text: CONTINUE }]);
    return;
  }
  const block = last.content.at(-1);
  if (typeof block?.["text"] !== "string") return;
  const trimmed = block["text"].trimEnd();
  if (trimmed === block["text"]) return;
  // White space at the end of a beginning is refused.
  lose(writing, repaired("turns", "white space at the end of the answer's beginning"));
  last.content.splice(-1, 1, { text: trimmed });
}

/** "A text block is required when using documents." */
function introduceDocuments(writing: Writing, { content }: Message): void {
  const hasDocument = content.some((block) => block["document"] !== undefined);
  const hasText = content.some((block) => block["text"] !== undefined);
  if (!hasDocument || hasText) return;
  lose(writing, repaired("turns", "documents need a text beside them"));
  content.push({ text: SEE_DOCUMENT });
}
