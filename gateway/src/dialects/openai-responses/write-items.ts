import type {
  Block,
  CompactionBlock,
  MediaBlock,
  Opaque,
  ReasoningBlock,
  ToolCallBlock,
  ToolResultBlock,
} from "../../canonical/block.ts";
import { failure } from "../../canonical/failure.ts";
import type { Turn } from "../../canonical/request.ts";
import { asObject, asString, compact, parseJson, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated, notPortable, repaired } from "../../translation/limits.ts";
import { isReadableBy } from "../../translation/opaque.ts";
import { NO_RESULT_TEXT } from "../../translation/tool-pairing.ts";
import { renderBlock } from "../../translation/text-rendering.ts";
import { nativeCall } from "./encoder-calls.ts";
import { requestIssuer } from "./read-content.ts";
import { loseBase, lostBlock, writeInputParts, writeOutputText, writeToolOutput } from "./write-content.ts";
import { lose, loseMark, ownExtras, type Writing } from "./writing.ts";

/** The items of a conversation while they are written. */
export type ItemState = {
  readonly writing: Writing;
  readonly items: JsonObject[];
  /** The message that takes further parts of the same voice. */
  message: { readonly voice: string; readonly content: JsonObject[] } | undefined;
  /** Reasoning that waits for the item it led to: alone it is refused ("provided without its required following item"). */
  readonly waiting: { readonly item: JsonObject; readonly path: string }[];
  /** Whether the answer being written has its reasoning: items with ids are refused without theirs. */
  reasoning: "none" | "replayed" | "lost";
};

export function itemState(writing: Writing): ItemState {
  return { writing, items: [], message: undefined, waiting: [], reasoning: "none" };
}

/** Ends the open message. At the end of an answer (`role` is the next turn's, or none follows) its reasoning has come to nothing. */
export function closeTurn(state: ItemState, next: Turn["role"] | undefined): void {
  state.message = undefined;
  if (next === "assistant") return;
  state.reasoning = "none";
  dropWaiting(state);
}

function dropWaiting(state: ItemState): void {
  for (const { path } of state.waiting) lose(state.writing, repaired(path, "reasoning that led to nothing"));
  state.waiting.length = 0;
}

/** Adds an item of the client's or of the instructions. */
export function pushInput(state: ItemState, item: JsonObject): void {
  state.message = undefined;
  state.items.push(item);
}

function pushAnswer(state: ItemState, item: JsonObject): void {
  state.message = undefined;
  state.items.push(...state.waiting.map((each) => each.item), item);
  state.waiting.length = 0;
}

/** A block of any turn. `path` is its place in the canonical request. */
export function writeBlock(state: ItemState, turn: Turn, block: Block, path: string): void {
  loseBase(state.writing, block, path);
  switch (block.type) {
    case "reasoning":
      return writeReasoningItem(state, block, path);
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

/**
 * Reasoning goes back to its issuer as the item that it was. The text of other models' reasoning is never sent: this API would
 * take it for an answer.
 */
function writeReasoningItem(state: ItemState, block: ReasoningBlock, path: string): void {
  loseMark(state.writing, block.cache);
  const item = reasoningItem(state.writing, block);
  state.message = undefined;
  if (item === undefined) {
    state.reasoning = "lost";
    lose(state.writing, notPortable(path));
    return;
  }
  if (state.reasoning === "none") state.reasoning = "replayed";
  state.waiting.push({ item, path });
}

function reasoningItem(writing: Writing, block: ReasoningBlock): JsonObject | undefined {
  const { opaque, summary, raw, itemId, status } = block;
  if (opaque !== undefined) return openItem(writing, opaque, "openai.reasoning");
  // The provider has kept it, or shows it as it is.
  const isThere = raw !== undefined || (itemId !== undefined && writing.request.state?.store !== false);
  if (!writing.isNative || !isThere) return undefined;
  return compact({
    type: "reasoning",
    id: itemId,
    summary: summary.map((text) => ({ type: "summary_text", text })),
    content: raw?.map((text) => ({ type: "reasoning_text", text })),
    status,
  });
}

/** The item in an opaque value, if the target can read it. What a client of this format sent without an envelope is its provider's. */
function openItem(writing: Writing, opaque: Opaque, kind: Opaque["kind"]): JsonObject | undefined {
  const { options, isNative } = writing;
  const isUnsaid = isNative && opaque.issuer.provider === requestIssuer.provider;
  if (opaque.kind !== kind || !(isUnsaid || isReadableBy(opaque, options.issuer, options.kind))) return undefined;
  const item = asObject(parseJson(opaque.value));
  if (item?.["id"] !== null) return item;
  // Read from a format that has no ids for it.
  const { id: _id, ...rest } = item;
  return rest;
}

function writeCall(state: ItemState, block: ToolCallBlock, path: string): void {
  const { writing } = state;
  const { isNative } = writing;
  loseMark(writing, block.cache);
  const native = nativeCall(block);
  if (native !== undefined) return pushAnswer(state, withCallId(native, block.id));
  const isDirect = block.caller === undefined || asString(asObject(block.caller)?.["type"]) === "direct";
  if (!isNative && !isDirect) lose(writing, dropped(`${path}.caller`));
  if (block.toolset !== undefined) lose(writing, dropped(`${path}.toolset`));
  const isCustom = block.kind === "custom";
  pushAnswer(state, {
    type: isCustom ? "custom_tool_call" : "function_call",
    ...writeId(state, block.itemId, isCustom ? "ctc_" : "fc_", path, keepsIds(state)),
    call_id: block.id,
    name: writing.nameOf(block.name),
    [isCustom ? "input" : "arguments"]: block.argumentsText,
    ...(isNative
      ? compact({ namespace: block.namespace, caller: block.caller, async: block.async, status: block.status })
      : {}),
  });
}

function withCallId(item: JsonObject, callId: string): JsonObject {
  return item["call_id"] === undefined ? item : { ...item, call_id: callId };
}

function writeResult(state: ItemState, block: ToolResultBlock, path: string): void {
  const { writing } = state;
  const native = asObject(ownExtras(block.extras)?.["item"]);
  if (native !== undefined) return pushInput(state, withCallId(native, block.callId));
  if (block.scheduling !== undefined) lose(writing, dropped(`${path}.scheduling`));
  if (block.willContinue === true) lose(writing, dropped(`${path}.willContinue`));
  const output = writeToolOutput(writing, block, path);
  if (block.kind === "builtin") return pushInput(state, missingOutput(block));
  pushInput(state, {
    type: block.kind === "custom" ? "custom_tool_call_output" : "function_call_output",
    call_id: block.callId,
    output,
    ...(writing.isNative ? compact({ name: block.name, status: block.status }) : {}),
  });
}

/** The output of a built-in call that was interrupted: the only ones without an item of their own. */
function missingOutput({ name, callId }: ToolResultBlock): JsonObject {
  const call_id = callId;
  switch (name) {
    case "apply_patch":
      return { type: "apply_patch_call_output", call_id, status: "failed", output: NO_RESULT_TEXT };
    case "shell":
      return {
        type: "shell_call_output",
        call_id,
        output: [{ stdout: "", stderr: NO_RESULT_TEXT, outcome: { type: "exit", exit_code: 1 } }],
      };
    case "computer":
      // Nothing but a screenshot is an answer here; one pixel says that there was nothing to see.
      return {
        type: "computer_call_output",
        call_id,
        output: { type: "computer_screenshot", image_url: BLANK_IMAGE },
      };
    default:
      // A local shell's output names its call in `id`.
      return { type: "local_shell_call_output", id: callId, output: NO_RESULT_TEXT };
  }
}

const BLANK_IMAGE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

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

/**
 * Item ids are the provider's. A client of this format may repeat them, but they are good only where the provider has kept the
 * items and each has its reasoning beside it ("without its required 'reasoning' item"); the items themselves say it all.
 */
function writeId(
  state: ItemState,
  id: string | undefined,
  prefix: string,
  path: string,
  isKept: boolean,
): { readonly id?: string } {
  if (id === undefined) return {};
  if (isKept && id.startsWith(prefix)) return { id };
  if (state.writing.isNative) lose(state.writing, repaired(`${path}.id`, "an item id without its reasoning"));
  return {};
}

function keepsIds(state: ItemState): boolean {
  const { isNative, request } = state.writing;
  return isNative && request.state?.store !== false && state.reasoning === "replayed";
}
