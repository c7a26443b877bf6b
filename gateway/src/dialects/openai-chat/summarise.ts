import type { AnswerSummary, FinishReason } from "../../canonical/response.ts";
import { asString, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { readFinish } from "./finish.ts";
import { readUsage } from "./usage.ts";

/** Members of an ordinary message. Anything else (reasoning, audio, images, functions of old) is read in full. */
const ordinary = new Set(["role", "content", "refusal", "tool_calls", "annotations", "audio", "function_call"]);

/** What a record needs of an ordinary plain answer; undefined for all others. */
export function summarise(body: Json): AnswerSummary | undefined {
  if (!isObject(body) || body["object"] !== "chat.completion" || isPresent(body["error"])) return undefined;
  const { choices } = body;
  if (!Array.isArray(choices) || choices.length === 0) return undefined;
  const finish: FinishReason[] = [];
  const toolCalls: string[] = [];
  let hasContent = false;
  for (let index = 0; index < choices.length; index += 1) {
    const choice = choices[index];
    if (!isObject(choice) || choice["index"] !== index || isPresent(choice["error"])) return undefined;
    const message = choice["message"];
    const native = asString(choice["finish_reason"]);
    if (!isObject(message) || native === undefined || !isOrdinary(message)) return undefined;
    const before = toolCalls.length;
    if (!readCalls(message["tool_calls"], toolCalls)) return undefined;
    const { reason } = readFinish(native, toolCalls.length > before);
    if (reason === "error") return undefined;
    finish.push(reason);
    hasContent ||= toolCalls.length > before || (asString(message["content"]) ?? "") !== "";
  }
  return { usage: readUsage(body["usage"]), finish, toolCalls, hasContent };
}

function isOrdinary(message: JsonObject): boolean {
  for (const key in message) {
    if (!ordinary.has(key)) return false;
  }
  const { content } = message;
  return (
    (content === null || content === undefined || typeof content === "string") &&
    !isPresent(message["refusal"]) &&
    !isPresent(message["audio"]) &&
    !isPresent(message["function_call"])
  );
}

/** Adds the names of well-formed calls; false where one is not. */
function readCalls(value: Json | undefined, names: string[]): boolean {
  if (!isPresent(value)) return true;
  if (!Array.isArray(value)) return false;
  for (const call of value) {
    if (!isObject(call) || call["type"] !== "function" || !isObject(call["function"])) return false;
    const name = asString(call["function"]["name"]);
    if (name === undefined || name === "" || asString(call["id"]) === undefined) return false;
    names.push(name);
  }
  return true;
}

function isPresent(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}
