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
  const state: State = { writing, messages: [], pictures: [] };
  const turns = writing.isNative ? writing.request.turns.map(nativePlace) : placedTurns(writing);
  for (const [index, placed] of turns.entries()) {
    if (placed.turn.role === "system") writeSystemTurn(state, turns, index);
    else writeTurn(state, placed);
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
};

/** A turn, and where its blocks stood in the client's request. */
type PlacedTurn = { readonly turn: Turn; readonly path: string; readonly paths: readonly string[] };

function nativePlace(turn: Turn, index: number): PlacedTurn {
  return { turn, path: `turns[${index}]`, paths: turn.blocks.map((_block, position) => blockPath(index, position)) };
}

function blockPath(turn: number, block: number): string {
  return `turns[${turn}].blocks[${block}]`;
}

/** The turns in the order and with the ids that the API wants. */
function placedTurns(writing: Writing): PlacedTurn[] {
  const { turns } = writing.request;
  const origins = new Map<Block, string>();
  for (const [index, turn] of turns.entries()) {
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
    const path = original === undefined ? -1 : turns.indexOf(original);
    return { turn, path: `turns[${path < 0 ? index : path}]`, paths };
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
  const content = writeContent(state, placed);
  const shown = turn.role === "user" ? withPictures(state, content) : content;
  if (shown.length === 0 && !writing.isNative) {
    if (turn.blocks.length === 0) lose(writing, repaired(path, "a turn without content"));
    return;
  }
  if (turn.role === "assistant" && messages.length === 0 && !writing.isNative) {
    lose(writing, repaired(path, "a conversation begins with the user"));
    messages.push(userMessage([{ type: "text", text: CONTINUE }]));
  }
  messages.push({ ...turn.extras?.[DIALECT], role: turn.role, content: shown });
}

function writeContent(state: State, placed: PlacedTurn): JsonObject[] {
  const { writing } = state;
  const { turn, paths } = placed;
  const joined = writing.isNative ? undefined : joinedThoughts(writing, turn);
  return turn.blocks.flatMap((block, position) => {
    const place: Place = {
      role: turn.role,
      path: paths[position] ?? placed.path,
      param: conversationParam(writing.request, turn),
    };
    if (joined !== undefined && block.type === "reasoning") return writeBlock(writing, joined(block), place);
    if (writing.isNative || turn.role !== "assistant" || !isPicture(block)) return writeBlock(writing, block, place);
    lose(writing, emulated(place.path, "shown with the next user turn"));
    state.pictures.push(...writeBlock(writing, block, { ...place, role: "user" }));
    return [];
  });
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
function writeSystemTurn(state: State, turns: readonly PlacedTurn[], index: number): void {
  const { writing, messages } = state;
  const placed = turns[index];
  if (placed === undefined) return;
  const { turn } = placed;
  if (writing.isNative) {
    messages.push(nativeSystemMessage(writing, placed));
    return;
  }
  const content = writeContent(state, placed);
  if (content.length > 0) {
    if (takesSystemMessage(state, turns, index)) systemMessage(messages).content.push(...content);
    else remind(state, content, placed);
  }
  const effort = effortWord(turn.effortFromHere, writing.facts.efforts);
  if (effort === undefined || !takesSystemTurns(writing)) return;
  writing.betas.add(EFFORT_BETA);
  // Unlike an instruction it may stand anywhere.
  systemMessage(messages)["output_config"] = { effort };
}

const EFFORT_BETA = "mid-conversation-output-config-2026-07-01";

/** An instruction must follow what a user said, and be answered or be the last. */
function takesSystemMessage({ writing, messages }: State, turns: readonly PlacedTurn[], index: number): boolean {
  if (!takesSystemTurns(writing)) return false;
  const before = messages.findLast(({ role }) => role !== "system")?.["role"];
  const after = turns.slice(index + 1).find(({ turn }) => turn.role !== "system");
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
function remind(state: State, content: readonly JsonObject[], { path }: PlacedTurn): void {
  lose(state.writing, emulated(path, "an instruction in the user's turn"));
  const reminders = content.map((block) =>
    typeof block["text"] === "string"
      ? { ...block, text: `<system-reminder>\n${block["text"]}\n</system-reminder>` }
      : block,
  );
  const last = state.messages.at(-1);
  if (last?.role === "user") last.content.push(...reminders);
  else state.messages.push(userMessage(reminders));
}

function nativeSystemMessage(writing: Writing, placed: PlacedTurn): Message {
  const { turn, path, paths } = placed;
  const content = turn.blocks.flatMap((block, position) =>
    writeBlock(writing, block, { role: "system", path: paths[position] ?? path, param: path }),
  );
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
