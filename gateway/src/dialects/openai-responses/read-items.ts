import type { Block, Opaque, ToolResultBlock } from "../../canonical/block.ts";
import { failure } from "../../canonical/failure.ts";
import type { SystemBlock, Tool, Turn } from "../../canonical/request.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { isCall, messageExtras, readCall, readOtherItem, readReasoning } from "./blocks.ts";
import { readContent, requestIssuer, type Problems } from "./read-content.ts";
import { readTools } from "./read-tools.ts";
import { openSignature } from "./signatures.ts";

/** The conversation in `input`, in canonical terms. */
export type Conversation = {
  readonly instructions: SystemBlock[];
  readonly turns: Turn[];
  /** Tools declared before the first turn, which are tools of the whole request. */
  readonly tools: Tool[];
};

/**
 * Items become turns: what the model wrote in one go (reasoning, text, calls) is one assistant turn, consecutive outputs of its
 * calls are one user turn, and every other message is a turn of its own.
 */
export function readInput(input: Json | undefined, problems: Problems): Conversation {
  const state: State = { conversation: { instructions: [], turns: [], tools: [] }, open: undefined, problems };
  const text = asString(input);
  if (text !== undefined) return { ...state.conversation, turns: [userTurn([{ type: "text", text }], 0)] };
  (asArray(input) ?? []).forEach((item, index) => {
    if (isObject(item)) readItem(state, item, index);
    else
      problems.push(failure("invalid_parameter", `\`input[${index}]\` must be an item.`, { param: `input[${index}]` }));
  });
  closeTurn(state);
  return state.conversation;
}

type State = { readonly conversation: Conversation; open: OpenTurn | undefined; readonly problems: Problems };

/** A turn that following items may still join. */
type OpenTurn = {
  readonly role: "assistant" | "user";
  readonly boundary: number;
  readonly blocks: Block[];
  phase: string | undefined;
  /** Gemini's signatures, waiting for the block they sign, and how many blocks had been read before each. */
  readonly signatures: { readonly of: string; readonly signature: Opaque; readonly after: number }[];
};

function readItem(state: State, item: JsonObject, index: number): void {
  const type = asString(item["type"]) ?? (asString(item["role"]) === undefined ? "" : "message");
  const path = `input[${index}]`;
  if (type === "message") return readMessage(state, item, index);
  if (type === "reasoning") return readReasoningItem(state, item, index);
  if (isCall(type)) {
    requireMember(state, item, "call_id", path);
    openTurn(state, "assistant", index).blocks.push(readCall(item));
    return;
  }
  if (type === "configuration_update") return readUpdate(state, item, index);
  if (type === "additional_tools") return readAdditionalTools(state, item, index);
  if (Object.hasOwn(outputs, type)) {
    requireMember(state, item, "call_id", path);
    openTurn(state, "user", index).blocks.push(readOutput(item, type, path, state.problems));
    return;
  }
  const role = type === "mcp_approval_response" || type === "compaction_trigger" ? "user" : "assistant";
  openTurn(state, role, index).blocks.push(readOtherItem(item, requestIssuer.provider));
}

function readMessage(state: State, item: JsonObject, index: number): void {
  const role = asString(item["role"]) ?? "";
  const blocks = readContent(item["content"], `input[${index}].content`, state.problems);
  switch (role) {
    case "assistant": {
      const turn = openAssistantTurn(state, asString(item["phase"]), index);
      turn.blocks.push(...blocks.map((block) => ({ ...block, ...messageExtras(item) })));
      return;
    }
    case "system":
    case "developer":
      return readInstruction(state, role, item, blocks, index);
    case "user":
      closeTurn(state);
      state.conversation.turns.push({ ...userTurn(blocks, index), ...messageParts(item) });
      return;
    default:
      state.problems.push(
        failure("invalid_parameter", `\`input[${index}].role\` must be user, assistant, system or developer.`, {
          param: `input[${index}].role`,
        }),
      );
  }
}

/** Instructions before the first turn lead the conversation; later ones keep their place in it. */
function readInstruction(
  state: State,
  authority: "system" | "developer",
  item: JsonObject,
  blocks: readonly Block[],
  index: number,
): void {
  closeTurn(state);
  const { instructions, turns } = state.conversation;
  if (turns.length > 0 || !blocks.every((block) => block.type === "text")) {
    turns.push({ role: "system", authority, blocks, boundary: index, ...messageParts(item) });
    return;
  }
  for (const block of blocks) {
    if (block.type === "text") instructions.push(compact({ text: block.text, authority, cache: block.cache }));
  }
}

function readReasoningItem(state: State, item: JsonObject, index: number): void {
  const turn = openTurn(state, "assistant", index);
  const signed = openSignature(asString(item["encrypted_content"]) ?? "");
  if (signed === undefined) turn.blocks.push(readReasoning(item, requestIssuer.provider, "client"));
  else turn.signatures.push({ ...signed, after: turn.blocks.length });
}

function readUpdate(state: State, item: JsonObject, index: number): void {
  closeTurn(state);
  const effort = asString(asObject(item["reasoning"])?.["effort"]);
  state.conversation.turns.push(
    compact({
      role: "system" as const,
      blocks: [],
      boundary: index,
      effortFromHere: effort,
      extras: { "openai-responses": { item } },
    }),
  );
}

function readAdditionalTools(state: State, item: JsonObject, index: number): void {
  const add = readTools(item["tools"], `input[${index}].tools`, state.problems);
  if (state.conversation.turns.length === 0 && state.open === undefined) {
    state.conversation.tools.push(...add);
    return;
  }
  closeTurn(state);
  const toolsFromHere = { add, remove: [] };
  state.conversation.turns.push({ role: "system", authority: "developer", blocks: [], boundary: index, toolsFromHere });
}

/** Results of calls that the client carried out, by item type. */
const outputs: { readonly [type: string]: ToolResultBlock["kind"] } = {
  function_call_output: "function",
  custom_tool_call_output: "custom",
  computer_call_output: "builtin",
  local_shell_call_output: "builtin",
  shell_call_output: "builtin",
  apply_patch_call_output: "builtin",
};

function readOutput(item: JsonObject, type: string, path: string, problems: Problems): ToolResultBlock {
  const kind = outputs[type] ?? "function";
  const status = asString(item["status"]);
  return compact({
    type: "tool-result" as const,
    callId: asString(item["call_id"]) ?? asString(item["id"]) ?? "",
    name: asString(item["name"]),
    kind,
    content: outputContent(item["output"], `${path}.output`, problems),
    isError: status === "failed" ? true : undefined,
    status,
    extras: kind === "builtin" ? { "openai-responses": { item } } : undefined,
  });
}

/** Text, content parts, a screenshot; the structured output of a shell is shown as JSON. */
function outputContent(output: Json | undefined, path: string, problems: Problems): Block[] {
  if (output === undefined || output === null) return [];
  const parts = isObject(output) ? [output] : output;
  if (typeof parts === "string") return readContent(parts, path, problems);
  const isContent = Array.isArray(parts) && parts.every((part) => asString(asObject(part)?.["type"]) !== undefined);
  return isContent ? readContent(parts, path, problems) : [{ type: "text", text: JSON.stringify(output) }];
}

function openTurn(state: State, role: OpenTurn["role"], index: number): OpenTurn {
  if (state.open?.role === role) return state.open;
  closeTurn(state);
  state.open = { role, boundary: index, blocks: [], phase: undefined, signatures: [] };
  return state.open;
}

/** Messages of two phases (commentary, final answer) are two turns; reasoning and calls belong to the phase around them. */
function openAssistantTurn(state: State, phase: string | undefined, index: number): OpenTurn {
  const turn = openTurn(state, "assistant", index);
  if (turn.phase !== undefined && phase !== turn.phase) {
    closeTurn(state);
    return openAssistantTurn(state, phase, index);
  }
  turn.phase = phase;
  return turn;
}

function closeTurn(state: State): void {
  const turn = state.open;
  if (turn === undefined) return;
  state.open = undefined;
  for (const { of, signature, after } of turn.signatures) sign(turn.blocks, of, signature, after);
  const { role, blocks, boundary, phase } = turn;
  if (blocks.length > 0) state.conversation.turns.push(compact({ role, blocks, boundary, phase }));
}

function sign(blocks: Block[], of: string, signature: Opaque, after: number): void {
  const index =
    of === ""
      ? blocks.slice(0, after).findLastIndex((block) => block.type === "text")
      : blocks.findIndex((block) => block.type === "tool-call" && block.id === of);
  const block = blocks[index];
  if (block !== undefined) blocks[index] = { ...block, signature };
}

function userTurn(blocks: readonly Block[], boundary: number): Turn {
  return { role: "user", blocks, boundary };
}

const messageKeys = new Set(["type", "role", "content", "id", "status", "phase"]);

/** What a message's turn keeps besides its content. */
function messageParts(item: JsonObject): Pick<Turn, "id" | "extras"> {
  const rest = Object.entries(item).filter(([key]) => !messageKeys.has(key));
  const extras = rest.length === 0 ? undefined : { "openai-responses": Object.fromEntries(rest) };
  return compact({ id: asString(item["id"]), extras });
}

function requireMember(state: State, item: JsonObject, key: string, path: string): void {
  if ((asString(item[key]) ?? "") !== "" || asString(item["type"]) === "local_shell_call_output") return;
  state.problems.push(
    failure("missing_parameter", `The item at \`${path}\` has no \`${key}\`.`, { param: `${path}.${key}` }),
  );
}
