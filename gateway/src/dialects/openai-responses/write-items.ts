import type { Block, CompactionBlock, MediaBlock } from "../../canonical/block.ts";
import { failure } from "../../canonical/failure.ts";
import type { Turn } from "../../canonical/request.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated } from "../../translation/limits.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { dropWaiting, keepsIds, pushAnswer, pushInput, writeId, type ItemState } from "./item-state.ts";
import { writeCall, writeResult } from "./write-calls.ts";
import { loseBase, lostBlock, writeInputParts, writeOutputText } from "./write-content.ts";
import { openItem, replayReasoning } from "./write-reasoning.ts";
import { lose, loseMark, ownExtras, type Writing } from "./writing.ts";

/** A block of any turn. `path` is its place in the canonical request. */
export function writeBlock(state: ItemState, turn: Turn, block: Block, path: string): void {
  loseBase(state.writing, block, path);
  switch (block.type) {
    case "reasoning":
      return replayReasoning(state, block, path);
    case "tool-call":
      return writeCall(state, block, path);
    case "tool-result":
      return writeResult(state, block, path);
    case "compaction":
      return writeCompaction(state, turn, block, path);
    case "server-tool": {
      const item = block.native.dialect === "openai-responses" ? asObject(block.native.value) : undefined;
      return item === undefined ? writeContent(state, turn, block, path) : pushNative(state, turn, item, block);
    }
    case "opaque": {
      const item = block.dialect === "openai-responses" ? asObject(block.value) : undefined;
      // Content parts of types that nobody knows have no id; items do.
      const isItem = asString(item?.["id"]) !== undefined || block.nativeType === "compaction_trigger";
      if (item !== undefined && isItem) return pushNative(state, turn, item, block);
      return writeContent(state, turn, block, path);
    }
    case "text":
    case "refusal":
    case "media":
    case "search-result":
    case "code":
      return writeContent(state, turn, block, path);
  }
}

/** An item of this format, as it came. */
function pushNative(state: ItemState, turn: Turn, item: JsonObject, block: Block): void {
  loseMark(state.writing, block.cache);
  if (turn.role === "assistant") pushAnswer(state, item);
  else pushInput(state, item);
}

function writeContent(state: ItemState, turn: Turn, block: Block, path: string): void {
  if (turn.role === "assistant") return writeAnswerContent(state, turn, block, path);
  const parts = writeInputParts(state.writing, block, path);
  if (parts.length > 0) openInput(state, turn, path).push(...parts);
}

/** The content of the turn's message, which all its parts share. */
function openInput(state: ItemState, turn: Turn, path: string): JsonObject[] {
  const voice = `${turn.role} ${turn.boundary}`;
  if (state.message?.voice === voice) return state.message.content;
  const content: JsonObject[] = [];
  pushInput(state, message(state, turn, content, path));
  state.message = { voice, content };
  return content;
}

/** A message of the client's, or an instruction in the midst of the conversation. */
export function message(state: ItemState, turn: Turn, content: string | JsonObject[], path: string): JsonObject {
  const { isNative, request, facts } = state.writing;
  const authority = isNative ? (turn.authority ?? "system") : facts.instructionRole;
  return {
    type: "message",
    ...writeId(state, turn.id, "msg_", path, isNative && request.state?.store !== false),
    role: turn.role === "user" ? "user" : authority,
    content,
    ...ownExtras(turn.extras),
  };
}

function writeAnswerContent(state: ItemState, turn: Turn, block: Block, path: string): void {
  const { writing } = state;
  if (block.type === "media") return showMedia(state, block, path);
  const part = answerPart(writing, block, path);
  if (part === undefined) return;
  const id = asString(ownExtras(block.extras)?.["id"]);
  const voice = `assistant ${turn.phase ?? ""} ${id ?? ""}`;
  if (state.message?.voice === voice) {
    state.message.content.push(part);
    return;
  }
  const content = [part];
  pushAnswer(state, {
    type: "message",
    ...writeId(state, id, "msg_", path, keepsIds(state)),
    role: "assistant",
    content,
    ...compact({ phase: turn.phase }),
  });
  state.message = { voice, content };
}

function answerPart(writing: Writing, block: Block, path: string): JsonObject | undefined {
  if (block.type === "text") return writeOutputText(writing, block, path);
  loseMark(writing, block.cache);
  if (block.type === "refusal") return { type: "refusal", refusal: block.text };
  if (block.type === "opaque" && block.dialect === "openai-responses") return asObject(block.value);
  const text = renderBlock(block);
  lose(writing, text === undefined ? lostBlock(block, path) : emulated(path, "shown as text"));
  return text === undefined ? undefined : { type: "output_text", text };
}

/** An answer's message holds text only: a picture in it is shown by the user, with a word about where it comes from. */
function showMedia(state: ItemState, block: MediaBlock, path: string): void {
  const { writing } = state;
  if (block.kind === "audio" || block.kind === "video") {
    loseMark(writing, block.cache);
    lose(writing, dropped(path, `${block.kind} of an answer`));
    return;
  }
  const parts = writeInputParts(writing, block, path);
  if (parts.length === 0) return;
  lose(writing, emulated(path, "shown in a user message"));
  dropWaiting(state);
  const introduction = { type: "input_text", text: `The assistant's answer contained this ${block.kind}:` };
  pushInput(state, { type: "message", role: "user", content: [introduction, ...parts] });
}

/** A summary of what came before, which only its vendor can read; another's is shown where it has a text. */
function writeCompaction(state: ItemState, turn: Turn, block: CompactionBlock, path: string): void {
  const { writing } = state;
  const item =
    block.opaque === undefined
      ? block.native.dialect === "openai-responses"
        ? asObject(block.native.value)
        : undefined
      : openItem(writing, block.opaque, "openai.compaction");
  if (item !== undefined) return pushNative(state, turn, item, block);
  if (block.text === undefined || block.text === null) {
    const isAllHistory = writing.request.turns[0]?.blocks[0] === block;
    if (isAllHistory) writing.failures.push(unreadableHistory(writing));
  }
  writeContent(state, turn, block, path);
}

function unreadableHistory(writing: Writing): ReturnType<typeof failure> {
  return failure(
    "unsupported_parameter",
    `The conversation begins with a compaction that only the provider that made it can read, not \`${writing.options.issuer}\`. Stay with that provider, or send the conversation itself.`,
  );
}
