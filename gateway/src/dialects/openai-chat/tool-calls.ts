import type { Block, Issuer, Opaque } from "../../canonical/block.ts";
import { openOpaque } from "../../canonical/envelope.ts";
import type { BlockKind } from "../../canonical/event.ts";
import { stableDigest } from "../../lib/hash.ts";
import { asArray, asNumber, asObject, asString, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import {
  closeSpeech,
  lose,
  pushBlock,
  stopBlock,
  type ChoiceContext,
  type ChoiceState,
  type ToolCallState,
} from "./choice-state.ts";

/** `index` of the deprecated `function_call`, of which there can be only one. */
const FUNCTION_CALL_INDEX = -1;
const TOOL_CALLS_MAX = 1024;

/** Reads `tool_calls` of a delta or message. Every entry may start a call, go on with one, or both. */
export function readToolCalls(state: ChoiceState, delta: JsonObject, to: ChoiceContext): void {
  const entries = asArray(delta["tool_calls"]);
  if (entries === undefined) return;
  // Early Gemini 2.5 previews on the compatible endpoint put the signature of the first call on the message.
  const issuer: Issuer = { provider: to.issuer, family: "openai-chat" };
  const messageSignature = readSignature(delta, issuer);
  entries.forEach((each, position) => {
    const entry = asObject(each);
    if (entry === undefined) return;
    const signature = readSignature(entry, issuer) ?? (position === 0 ? messageSignature : undefined);
    readEntry(state, readCallParts(entry), position, signature, to);
  });
}

/** The deprecated form of a single call. Snowflake sends it empty beside real tool calls. */
export function readFunctionCall(state: ChoiceState, value: Json | undefined, to: ChoiceContext): void {
  const call = asObject(value);
  if (call === undefined) return;
  const parts: CallParts = {
    index: FUNCTION_CALL_INDEX,
    id: "",
    name: asString(call["name"]) ?? "",
    kind: "function",
    text: argumentsText(call["arguments"]),
  };
  if (parts.name !== "" || parts.text !== "") readEntry(state, parts, 0, undefined, to);
}

export function hasToolCalls(state: ChoiceState): boolean {
  return state.toolCalls.some((call) => call.block !== undefined);
}

/** Whether every call so far could be executed: a call cut off in the middle of its arguments must never be. */
export function toolCallsAreWhole(state: ChoiceState): boolean {
  return state.toolCalls.every((call) => call.kind === "custom" || call.argumentsText === "" || isWhole(call));
}

export function closeToolCalls(state: ChoiceState, to: ChoiceContext): void {
  startPending(state, to);
  for (const call of state.toolCalls) closeCall(state, call, to);
}

/** Starts a block that is not a tool call. Calls that still wait for the rest of their name come first: they were seen first. */
export function startBlock(state: ChoiceState, kind: BlockKind, initial: Block, to: ChoiceContext): number {
  startPending(state, to);
  return pushBlock(state, kind, initial, to);
}

function startPending(state: ChoiceState, to: ChoiceContext): void {
  for (const call of state.toolCalls) {
    if (call.isOpen && call.block === undefined && call.name !== "") startCall(state, call, to);
  }
}

type CallParts = {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly kind: "function" | "custom";
  readonly text: string;
};

function readCallParts(entry: JsonObject): CallParts {
  const custom = asObject(entry["custom"]);
  // Snowflake sends an empty `custom` beside every function, so its presence alone says nothing.
  const isCustom = entry["type"] === "custom" || Boolean(asString(custom?.["name"]) || asString(custom?.["input"]));
  const body = isCustom ? custom : asObject(entry["function"]);
  const index = asNumber(entry["index"]);
  return {
    index: index !== undefined && Number.isInteger(index) && index >= 0 ? index : undefined,
    id: asString(entry["id"]) ?? "",
    name: asString(body?.["name"]) ?? "",
    kind: isCustom ? "custom" : "function",
    text: argumentsText(isCustom ? body?.["input"] : body?.["arguments"]),
  };
}

/** Some servers send parsed arguments, or null before the first piece. */
function argumentsText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

function readEntry(
  state: ChoiceState,
  parts: CallParts,
  position: number,
  signature: Opaque | undefined,
  to: ChoiceContext,
): void {
  const known = findCall(state, parts, position);
  const call = known ?? newCall(state, parts, signature, to);
  if (call === undefined) return;
  if (known !== undefined) {
    if (call.sourceId === "") call.sourceId = parts.id;
    // A name may come in pieces before the first arguments, or be repeated in every delta.
    if (call.block === undefined && parts.name !== call.name) call.name += parts.name;
  }
  if (parts.text === "") return;
  call.argumentsText += parts.text;
  if (call.name === "") return;
  if (call.block === undefined) return startCall(state, call, to);
  to.events.push({ type: "arguments-delta", candidate: state.index, block: call.block, text: parts.text });
}

/** The open call that an entry goes on with; undefined: the entry starts a new one. */
function findCall(state: ChoiceState, parts: CallParts, position: number): ToolCallState | undefined {
  const open = state.toolCalls.filter((call) => call.isOpen);
  if (parts.index !== undefined) {
    const call = open.findLast((each) => each.index === parts.index);
    if (call === undefined || !isAnotherCall(call, parts)) return call;
    return undefined;
  }
  if (parts.id !== "") {
    const call = open.find((each) => each.sourceId === parts.id);
    if (call !== undefined && !isAnotherCall(call, parts)) return call;
    if (parts.name !== "") return undefined;
  }
  const candidate = open.find((call) => call === state.toolCalls[position]) ?? open.at(-1);
  if (parts.name === "") return candidate;
  // A whole call without index or id per entry: only arguments that are still incomplete can make it a continuation.
  const goesOn = candidate !== undefined && candidate.name === parts.name && parts.id === "" && !isWhole(candidate);
  return goesOn ? candidate : undefined;
}

/** Broken servers number every call 0: a new id or name after arguments have begun tells back-to-back calls apart. */
function isAnotherCall(call: ToolCallState, parts: CallParts): boolean {
  if (parts.name === "") return false;
  if (parts.id !== "" && call.sourceId !== "" && parts.id !== call.sourceId) return true;
  if (call.name === "" || call.argumentsText === "") return false;
  return parts.name !== call.name || (parts.text !== "" && isWhole(call));
}

function isWhole(call: ToolCallState): boolean {
  return call.argumentsText.endsWith("}") && parseJson(call.argumentsText) !== undefined;
}

function newCall(
  state: ChoiceState,
  parts: CallParts,
  signature: Opaque | undefined,
  to: ChoiceContext,
): ToolCallState | undefined {
  const isNameless = parts.name === "" && parts.id === "";
  if ((isNameless && parts.text === "") || state.toolCalls.length >= TOOL_CALLS_MAX) return undefined;
  closeSpeech(state, to);
  startPending(state, to);
  for (const earlier of state.toolCalls) {
    // Without an index only a whole call can be known to have ended: others may go on by id.
    const hasEnded = parts.index === undefined ? isWhole(earlier) : true;
    if (earlier.isOpen && earlier.index === parts.index && hasEnded) closeCall(state, earlier, to);
  }
  const call: ToolCallState = {
    index: parts.index,
    sourceId: parts.id,
    name: parts.name,
    kind: parts.kind,
    signature,
    argumentsText: "",
    block: undefined,
    isOpen: true,
  };
  state.toolCalls.push(call);
  return call;
}

/** Emits the start, and the arguments that have come so far. */
function startCall(state: ChoiceState, call: ToolCallState, to: ChoiceContext): void {
  const block = pushBlock(
    state,
    "tool-call",
    {
      type: "tool-call",
      id: uniqueId(state, call, to),
      name: call.name,
      kind: call.kind,
      argumentsText: "",
      ...(call.signature === undefined ? {} : { signature: call.signature }),
    },
    to,
  );
  call.block = block;
  if (call.argumentsText === "") return;
  to.events.push({ type: "arguments-delta", candidate: state.index, block, text: call.argumentsText });
}

/** A client pairs results with calls by id, so ids are made where there are none and told apart where they repeat (`call_0`). */
function uniqueId(state: ChoiceState, call: ToolCallState, to: ChoiceContext): string {
  const position = state.toolCalls.indexOf(call);
  if (call.sourceId === "") return `call_${stableDigest(`${to.answerId}:${state.index}:${position}`)}`;
  const same = state.toolCalls.slice(0, position).filter((each) => each.sourceId === call.sourceId).length;
  return same === 0 ? call.sourceId : `${call.sourceId}_${same + 1}`;
}

function closeCall(state: ChoiceState, call: ToolCallState, to: ChoiceContext): void {
  if (!call.isOpen) return;
  call.isOpen = false;
  if (call.block !== undefined) return stopBlock(state, call.block, to);
  lose(state, { at: "blocks", reason: "unsupported", detail: "a tool call without a name" }, to);
}

/** Google's convention for Gemini signatures in Chat. The value may be an envelope of ours. */
export function readSignature(holder: JsonObject, issuer: Issuer): Opaque | undefined {
  const google = asObject(asObject(holder["extra_content"])?.["google"]);
  const value = asString(google?.["thought_signature"]);
  if (!value) return undefined;
  const sealed = openOpaque(value);
  if (sealed !== undefined) return { ...sealed, issuer: { ...issuer, ...sealed.issuer } };
  return { issuer, kind: "gemini.thought-signature", value };
}
