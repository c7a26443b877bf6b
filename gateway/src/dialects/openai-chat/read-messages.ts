import type { Block, MediaBlock, ReasoningBlock, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts";
import type { SystemBlock, Turn } from "../../canonical/request.ts";
import { stableDigest } from "../../lib/hash.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { readContent, readTextContent } from "./read-content.ts";
import { isAbsent, otherMembers, refuse, refuseMissing, type Reading } from "./reading.ts";
import { readDetail } from "./reasoning.ts";
import { readSignature } from "./tool-calls.ts";

/** The conversation so far, and what is needed to pair results with calls. */
type Conversation = {
  readonly reading: Reading;
  readonly instructions: SystemBlock[];
  readonly turns: Turn[];
  /** The results of the running series of `tool` messages, which become one turn. */
  results: Block[] | undefined;
  /** The calls of the latest assistant turn, in order; `isAnswered` once a result has taken it. */
  calls: PendingCall[];
  /** Name and kind of every call so far, for results that come late. */
  readonly callsById: Map<string, PendingCall>;
};

type PendingCall = {
  readonly sourceId: string;
  readonly id: string;
  readonly name: string;
  readonly kind: ToolCallBlock["kind"];
  readonly isLegacy: boolean;
  isAnswered: boolean;
};

export type Messages = { readonly instructions: readonly SystemBlock[]; readonly turns: readonly Turn[] };

/**
 * `messages`: what is system or developer text before the conversation becomes instructions, later such messages stay where
 * they are; a series of `tool` messages becomes one user turn with one result each.
 */
export function readMessages(reading: Reading, messages: readonly Json[]): Messages {
  const conversation: Conversation = {
    reading,
    instructions: [],
    turns: [],
    results: undefined,
    calls: [],
    callsById: new Map(),
  };
  messages.forEach((message, index) => {
    if (isObject(message)) readMessage(conversation, message, index);
    else refuse(reading, `messages[${index}]`, "an object with `role` and `content`");
  });
  return { instructions: conversation.instructions, turns: conversation.turns };
}

type MessageReader = (conversation: Conversation, message: JsonObject, index: number) => void;

const messageReaders: { readonly [role: string]: MessageReader } = {
  system: (conversation, message, index) => readInstruction(conversation, message, index, "system"),
  developer: (conversation, message, index) => readInstruction(conversation, message, index, "developer"),
  user: readUser,
  assistant: readAssistant,
  tool: readToolResult,
  function: readFunctionResult,
};

function readMessage(conversation: Conversation, message: JsonObject, index: number): void {
  const role = asString(message["role"]) ?? "";
  const reader = Object.hasOwn(messageReaders, role) ? messageReaders[role] : undefined;
  if (reader === undefined) {
    const roles = Object.keys(messageReaders).map((each) => `\`${each}\``);
    return refuse(conversation.reading, `messages[${index}].role`, `one of ${roles.join(", ")}`);
  }
  if (role !== "tool" && role !== "function") conversation.results = undefined;
  reader(conversation, message, index);
}

const instructionMembers = new Set(["role", "content", "name"]);

function readInstruction(
  conversation: Conversation,
  message: JsonObject,
  index: number,
  authority: "system" | "developer",
): void {
  const blocks = readTextContent(conversation.reading, message["content"], `messages[${index}].content`);
  const name = asString(message["name"]);
  const extras = chatExtras(otherMembers(message, instructionMembers));
  if (conversation.turns.length === 0) {
    const parts = blocks.map(({ text, cache }) => compact({ text, authority, cache, name, extras }));
    conversation.instructions.push(...parts);
    return;
  }
  conversation.turns.push(compact({ role: "system" as const, authority, blocks, name, boundary: index, extras }));
}

const userMembers = new Set(["role", "content", "name"]);

function readUser(conversation: Conversation, message: JsonObject, index: number): void {
  const path = `messages[${index}].content`;
  if (isAbsent(message["content"])) refuseMissing(conversation.reading, path, "A user message needs content.");
  conversation.turns.push(
    compact({
      role: "user" as const,
      blocks: readContent(conversation.reading, message["content"], path),
      name: asString(message["name"]),
      boundary: index,
      extras: chatExtras(otherMembers(message, userMembers)),
    }),
  );
}

const assistantMembers = new Set([
  "role",
  "content",
  "name",
  "refusal",
  "tool_calls",
  "function_call",
  "audio",
  "reasoning_content",
  "reasoning",
  "reasoning_details",
  "parsed", // The SDK's own addition to answers, which clients send back with them.
]);

function readAssistant(conversation: Conversation, message: JsonObject, index: number): void {
  const { reading } = conversation;
  const path = `messages[${index}]`;
  const refusal = asString(message["refusal"]);
  const content = readContent(reading, message["content"], `${path}.content`).filter(
    (block) => block.type !== "text" || block.text !== "",
  );
  conversation.calls = [];
  const calls = [
    ...readCalls(conversation, message["tool_calls"], path),
    ...readLegacyCall(conversation, asObject(message["function_call"])),
  ];
  const blocks: Block[] = [
    ...readReasoning(message),
    ...content,
    ...(refusal ? [{ type: "refusal" as const, text: refusal }] : []),
    ...readAudioReference(asObject(message["audio"])),
    ...calls,
  ];
  const name = asString(message["name"]);
  const extras = chatExtras(otherMembers(message, assistantMembers));
  conversation.turns.push(compact({ role: "assistant" as const, blocks, name, boundary: index, extras }));
}

/** The visible text first; every opaque detail of ours on a block of its own; a provider's own details stay for this format. */
function readReasoning(message: JsonObject): ReasoningBlock[] {
  const details = (asArray(message["reasoning_details"]) ?? []).filter(isObject);
  // A bare value does not say whose it is; the convention is OpenRouter's.
  const opaque = details.flatMap((detail) => readDetail(detail, { provider: "openrouter" }) ?? []);
  const written =
    asString(message["reasoning_content"]) ||
    asString(message["reasoning"]) ||
    details.map((detail) => asString(detail["text"]) ?? asString(detail["summary"]) ?? "").join("");
  if (written === "" && details.length === 0) return [];
  const blocks: ReasoningBlock[] = opaque.map((value) => ({
    type: "reasoning",
    summary: [],
    opaque: value,
    ...(value.kind === "anthropic.redacted" ? { redacted: true } : {}),
  }));
  const [first = { type: "reasoning" as const, summary: [] }, ...rest] = blocks;
  const extras = chatExtras(details.length === 0 ? undefined : { reasoning_details: details });
  return [compact({ ...first, raw: written === "" ? undefined : [written], extras }), ...rest];
}

function readAudioReference(audio: JsonObject | undefined): MediaBlock[] {
  const id = asString(audio?.["id"]);
  return id === undefined ? [] : [{ type: "media", kind: "audio", source: { by: "reference", id } }];
}

function readCalls(conversation: Conversation, value: Json | undefined, path: string): ToolCallBlock[] {
  if (isAbsent(value)) return [];
  const entries = asArray(value);
  if (entries === undefined) {
    refuse(conversation.reading, `${path}.tool_calls`, "an array of tool calls");
    return [];
  }
  return entries.flatMap((entry, position) => {
    const call = readCall(conversation, asObject(entry), `${path}.tool_calls[${position}]`, position);
    return call === undefined ? [] : [call];
  });
}

function readCall(
  conversation: Conversation,
  entry: JsonObject | undefined,
  path: string,
  position: number,
): ToolCallBlock | undefined {
  const isCustom = entry?.["type"] === "custom";
  const body = asObject(entry?.[isCustom ? "custom" : "function"]);
  const name = asString(body?.["name"]) ?? "";
  if (entry === undefined || name === "") {
    refuse(conversation.reading, `${path}.${isCustom ? "custom" : "function"}.name`, "the name of the tool");
    return undefined;
  }
  const kind: ToolCallBlock["kind"] = isCustom ? "custom" : "function";
  const sourceId = asString(entry["id"]) ?? "";
  const id = rememberCall(conversation, { sourceId, name, kind, isLegacy: false }, position);
  const argumentsText = isCustom ? (asString(body?.["input"]) ?? "") : readArguments(body?.["arguments"]);
  // Whose a bare signature is cannot be told from it; Google's own name for it says whose format it is.
  const signature = readSignature(entry, { provider: "gemini" });
  return compact({ type: "tool-call" as const, id, name, kind, argumentsText, signature });
}

/** The exact text, even where it is not JSON: the model wrote it, and the next model may mend it. */
function readArguments(value: Json | undefined): string {
  if (typeof value === "string") return value === "" ? "{}" : value;
  return isAbsent(value) ? "{}" : JSON.stringify(value);
}

/** Clients that replay an answer of a provider that calls everything `call_0` are told apart by position, results likewise. */
function rememberCall(
  conversation: Conversation,
  call: Omit<PendingCall, "id" | "isAnswered">,
  position: number,
): string {
  const same = conversation.calls.filter((each) => each.sourceId === call.sourceId).length;
  const made = `call_${stableDigest(`${conversation.turns.length}:${position}`)}`;
  const id = call.sourceId === "" ? made : same === 0 ? call.sourceId : `${call.sourceId}_${same + 1}`;
  const pending: PendingCall = { ...call, id, isAnswered: false };
  conversation.calls.push(pending);
  conversation.callsById.set(id, pending);
  return id;
}

function readLegacyCall(conversation: Conversation, call: JsonObject | undefined): ToolCallBlock[] {
  const name = asString(call?.["name"]);
  if (call === undefined || name === undefined) return [];
  const sourceId = `fc_legacy_${conversation.turns.length}`;
  const id = rememberCall(conversation, { sourceId, name, kind: "function", isLegacy: true }, 0);
  return [{ type: "tool-call", id, name, kind: "function", argumentsText: readArguments(call["arguments"]) }];
}

function readToolResult(conversation: Conversation, message: JsonObject, index: number): void {
  const sourceId = asString(message["tool_call_id"]);
  const call = callOf(conversation, sourceId);
  const callId = call?.id ?? sourceId;
  if (callId === undefined) {
    const advice = "Name the tool call that this message answers.";
    return refuseMissing(conversation.reading, `messages[${index}].tool_call_id`, advice);
  }
  addResult(conversation, message, index, {
    callId,
    name: call?.name ?? asString(message["name"]),
    kind: call?.kind ?? "function",
  });
  if (call !== undefined) call.isAnswered = true;
}

/** A result without an id (Z.ai's clients) answers the next call that has none yet. */
function callOf(conversation: Conversation, sourceId: string | undefined): PendingCall | undefined {
  const unanswered = conversation.calls.filter((each) => !each.isAnswered);
  if (sourceId === undefined) return unanswered[0];
  return unanswered.find((each) => each.sourceId === sourceId) ?? conversation.callsById.get(sourceId);
}

/** The deprecated form: results are paired with calls by name. */
function readFunctionResult(conversation: Conversation, message: JsonObject, index: number): void {
  const name = asString(message["name"]) ?? "";
  const call = conversation.calls.find((each) => each.isLegacy && each.name === name && !each.isAnswered);
  addResult(conversation, message, index, {
    callId: call?.id ?? `fc_legacy_${conversation.turns.length}`,
    name,
    kind: "function",
  });
  if (call !== undefined) call.isAnswered = true;
}

const resultMembers = new Set(["role", "content", "name", "tool_call_id"]);

function addResult(
  conversation: Conversation,
  message: JsonObject,
  index: number,
  of: { readonly callId: string; readonly name: string | undefined; readonly kind: ToolResultBlock["kind"] },
): void {
  const content = readContent(conversation.reading, message["content"], `messages[${index}].content`);
  const result: ToolResultBlock = compact({
    type: "tool-result" as const,
    ...of,
    content: content.filter((block) => block.type !== "text" || block.text !== ""),
    extras: chatExtras(otherMembers(message, resultMembers)),
  });
  if (conversation.results !== undefined) {
    conversation.results.push(result);
    return;
  }
  conversation.results = [result];
  conversation.turns.push({ role: "user", blocks: conversation.results, boundary: index });
}

function chatExtras(members: JsonObject | undefined): { readonly "openai-chat": JsonObject } | undefined {
  return members === undefined ? undefined : { "openai-chat": members };
}
