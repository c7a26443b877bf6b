import type { Block, MediaBlock } from "../../canonical/block.ts";
import type { ToolReference, Turn } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, repaired } from "../../translation/limits.ts";
import { mapToolCallIds } from "../../translation/tool-ids.ts";
import { pairToolResults } from "../../translation/tool-pairing.ts";
import { writeBlock } from "./write-content.ts";
import { effortWord } from "./write-thinking.ts";
import { writeTool } from "./write-tools.ts";
import { conversationParam, DIALECT, lose, refuse, takesSystemTurns, type Place, type Writing } from "./writing.ts";

/** What the gateway says where the API wants the user to speak and the client's user does not. */
const CONTINUE = "Continue.";

/** Anthropic takes ids of these characters; clients' stores are safe with 64. */
const toolIdRule = { valid: /^[a-zA-Z0-9_-]+$/, lengthMax: 64, prefix: "toolu_" } as const;

/** `messages`. What an assistant turn already follows comes out the same, however the conversation goes on. */
export function writeMessages(writing: Writing): Message[] {
  const state: State = { writing, messages: [], pictures: [], isUserSpeaking: false };
  const placed = writing.isNative ? writing.request.turns.map(nativePlace) : placedTurns(writing);
  const turns = placed.map((turn) => ({ ...turn, ...writeContent(writing, turn) }));
  for (const [index, turn] of turns.entries()) {
    if (turn.turn.role !== "system") writeTurn(state, turn);
    else if (writing.isNative) state.messages.push(nativeSystemMessage(writing, turn));
    else writeSystemTurn(state, turn, turns.slice(index + 1));
  }
  if (state.messages.length === 0) refuseEmpty(writing);
  if (!writing.isNative) finishConversation(state);
  return state.messages;
}

/** A message being written; its content may still get something to its end. */
export type Message = JsonObject & { readonly role: Turn["role"]; readonly content: JsonObject[] };

type State = {
  readonly writing: Writing;
  readonly messages: Message[];
  /** Images and documents of assistant turns, which only a user may show: they wait for the next user turn. */
  pictures: JsonObject[];
  /** Whether the last message is a user's that no assistant turn follows, not even one without content. */
  isUserSpeaking: boolean;
};

/** A turn, and where its blocks stood in the client's request. */
type PlacedTurn = { readonly turn: Turn; readonly path: string; readonly paths: readonly string[] };

type WrittenContent = {
  readonly content: readonly JsonObject[];
  /** What of an assistant turn only a user may show. */
  readonly pictures: readonly JsonObject[];
};

type WrittenTurn = PlacedTurn & WrittenContent;

function nativePlace(turn: Turn, index: number): PlacedTurn {
  return { turn, path: `turns[${index}]`, paths: turn.blocks.map((_block, position) => blockPath(index, position)) };
}

function blockPath(turn: number, block: number): string {
  return `turns[${turn}].blocks[${block}]`;
}

/** The turns in the order and with the ids that the API wants. */
function placedTurns(writing: Writing): PlacedTurn[] {
  const { turns } = writing.request;
  const origins = new Map<Block | Turn, string>();
  for (const [index, turn] of turns.entries()) {
    origins.set(turn, `turns[${index}]`);
    for (const [position, block] of turn.blocks.entries()) origins.set(block, blockPath(index, position));
  }
  const paired = pairToolResults(answered(turns));
  lose(writing, ...paired.losses);
  const mapped = mapToolCallIds(paired.turns, toolIdRule);
  return mapped.map((turn, index) => {
    const original = paired.turns[index];
    const paths = turn.blocks.map((_block, position) => {
      const origin = original?.blocks[position];
      return (origin === undefined ? undefined : origins.get(origin)) ?? blockPath(index, position);
    });
    return { turn, path: (original && origins.get(original)) ?? `turns[${index}]`, paths };
  });
}

/** Calls at the very end need results like all others; a user turn after them is where these go. */
function answered(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.findLast(({ role }) => role !== "system");
  const isOpen = last?.role === "assistant" && last.blocks.some((block) => block.type === "tool-call");
  if (!isOpen) return turns;
  return [...turns, { role: "user", blocks: [{ type: "text", text: CONTINUE }], boundary: last.boundary }];
}

function writeTurn(state: State, { turn, path, content, pictures }: WrittenTurn): void {
  const { writing, messages } = state;
  if (turn.name !== undefined) lose(writing, dropped(`${path}.name`));
  if (turn.role === "assistant") state.isUserSpeaking = false;
  const shown = turn.role === "user" ? withPictures(state, content) : [...content];
  state.pictures.push(...pictures);
  if (shown.length === 0 && !writing.isNative) {
    lose(writing, repaired(path, "a turn without content"));
    // A user who says nothing to an answer wants more of it, and the answers on both sides must not become one.
    if (turn.role !== "user" || messages.at(-1)?.role !== "assistant") return;
    shown.push({ type: "text", text: CONTINUE });
  }
  if (turn.role === "assistant" && messages.length === 0 && !writing.isNative) {
    lose(writing, repaired(path, "a conversation begins with the user"));
    messages.push(userMessage([{ type: "text", text: CONTINUE }]));
  }
  messages.push({ ...turn.extras?.[DIALECT], role: turn.role, content: shown });
  state.isUserSpeaking = turn.role === "user";
}

function writeContent(writing: Writing, { turn, path, paths }: PlacedTurn): WrittenContent {
  const content: JsonObject[] = [];
  const pictures: JsonObject[] = [];
  const param = conversationParam(writing.request, turn);
  const unjoined = writing.isNative ? undefined : joinedThoughts(writing, turn);
  for (const [position, block] of turn.blocks.entries()) {
    const place: Place = { role: turn.role, path: paths[position] ?? path, param };
    if (!writing.isNative && turn.role === "assistant" && isPicture(block)) {
      lose(writing, emulated(place.path, "shown with the next user turn"));
      pictures.push(...writeBlock(writing, block, { ...place, role: "user" }));
    } else {
      content.push(...writeBlock(writing, unjoined?.(block) ?? block, place));
    }
  }
  return { content, pictures };
}

function isPicture(block: Block): block is MediaBlock {
  return block.type === "media" && block.kind !== "audio" && block.kind !== "video";
}

/**
 * Chat has one text for all the thoughts of a turn. Where several blocks share it, nobody can tell any more what each signature
 * is of, so they are sent to nobody.
 */
function joinedThoughts({ request }: Writing, turn: Turn): ((block: Block) => Block) | undefined {
  if (request.source !== "openai-chat") return undefined;
  const signed = turn.blocks.filter(
    (block) => block.type === "reasoning" && block.opaque?.kind === "anthropic.signature",
  );
  if (signed.length < 2) return undefined;
  return (block) => {
    if (block.type !== "reasoning" || block.opaque?.kind !== "anthropic.signature") return block;
    const { opaque: _opaque, ...rest } = block;
    return rest;
  };
}

/** Pictures of the assistant behind the results of its calls, which come first. */
function withPictures(state: State, content: readonly JsonObject[]): JsonObject[] {
  const results = content.filter(({ type }) => type === "tool_result");
  const rest = content.filter(({ type }) => type !== "tool_result");
  const shown = state.pictures;
  state.pictures = [];
  return shown.length === 0 ? [...content] : [...results, ...shown, ...rest];
}

function userMessage(content: readonly JsonObject[]): Message {
  return { role: "user", content: [...content] };
}

/** A mid-conversation instruction, in its own role where the model has it and the place allows it, else as a reminder. */
function writeSystemTurn(state: State, system: WrittenTurn, later: readonly WrittenTurn[]): void {
  const { writing, messages } = state;
  if (system.content.length > 0) {
    const isText = system.content.every(({ type }) => type === "text");
    if (isText && takesSystemMessage(state, later)) systemMessage(messages).content.push(...system.content);
    else remind(state, system);
  }
  const effort = effortWord(system.turn.effortFromHere, writing.facts.efforts);
  if (effort === undefined || !takesSystemTurns(writing)) return;
  writing.betas.add(EFFORT_BETA);
  // Unlike an instruction it may stand anywhere.
  systemMessage(messages)["output_config"] = { effort };
}

const EFFORT_BETA = "mid-conversation-output-config-2026-07-01";

/** An instruction must follow what a user said, and be answered or be the last. */
function takesSystemMessage({ writing, messages }: State, later: readonly WrittenTurn[]): boolean {
  if (!takesSystemTurns(writing)) return false;
  const before = messages.findLast(({ role }) => role !== "system")?.role;
  const after = later.find(({ turn, content }) => turn.role !== "system" && content.length > 0);
  return before === "user" && (after === undefined || after.turn.role === "assistant");
}

/** The system message at the end, or a new one: of two in a row the second would not follow a user. */
function systemMessage(messages: Message[]): Message {
  const last = messages.at(-1);
  if (last?.role === "system") return last;
  const message: Message = { role: "system", content: [] };
  messages.push(message);
  return message;
}

/** The words that Claude Code puts around what its user did not say. */
function remind(state: State, { content, path }: WrittenTurn): void {
  lose(state.writing, emulated(path, "an instruction in the user's turn"));
  const reminders = content.map((block) =>
    typeof block["text"] === "string"
      ? { ...block, text: `<system-reminder>\n${block["text"]}\n</system-reminder>` }
      : block,
  );
  const last = state.messages.at(-1);
  // What an assistant turn followed stays as it was sent.
  if (last?.role === "user" && state.isUserSpeaking) last.content.push(...reminders);
  else state.messages.push(userMessage(reminders));
  state.isUserSpeaking = true;
}

function nativeSystemMessage(writing: Writing, { turn, path, content }: WrittenTurn): Message {
  const additions = (turn.toolsFromHere?.add ?? []).flatMap((tool) =>
    writeTool(writing, tool, `${path}.toolsFromHere`).map((wire) => ({ type: "tool_addition", tool: wire })),
  );
  const removals = (turn.toolsFromHere?.remove ?? []).map((tool) => ({
    type: "tool_removal",
    tool: writeReference(tool),
  }));
  const more = compact({
    clear_at: turn.clearAt,
    output_config: turn.effortFromHere === undefined ? undefined : { effort: turn.effortFromHere },
  });
  return { ...turn.extras?.[DIALECT], ...more, role: "system", content: [...content, ...additions, ...removals] };
}

function writeReference({ kind, name, server }: ToolReference): JsonObject {
  if (kind !== "mcp") return { type: "tool_reference", name };
  return name === ""
    ? compact({ type: "mcp_toolset_reference", server_name: server })
    : compact({ type: "mcp_tool_reference", name, server_name: server });
}

function refuseEmpty(writing: Writing): void {
  const param = conversationParam(writing.request);
  const message = "The conversation has nothing in it that can be sent to this model. Add a message with content.";
  refuse(writing, "invalid_parameter", message, param);
}

/** How a conversation may end: with the user, or where the model can go on from there with the beginning of its answer. */
function finishConversation(state: State): void {
  const { writing, messages } = state;
  if (state.pictures.length > 0) {
    // Nobody speaks after them, so the user shows them now.
    messages.push(userMessage(state.pictures));
    return;
  }
  const last = messages.at(-1);
  if (last?.role !== "assistant") return;
  if (writing.facts.prefill) {
    trimEnd(writing, last);
    return;
  }
  lose(writing, emulated("turns", "the model cannot go on from the beginning of an answer; it is asked to continue"));
  messages.push(userMessage([{ type: "text", text: CONTINUE }]));
}

/** White space at the end of a beginning is refused. */
function trimEnd(writing: Writing, { content }: Message): void {
  const block = content.at(-1);
  if (block?.["type"] !== "text" || typeof block["text"] !== "string") return;
  const trimmed = block["text"].trimEnd();
  if (trimmed === block["text"]) return;
  lose(writing, repaired("turns", "white space at the end of the answer's beginning"));
  block["text"] = trimmed;
}
