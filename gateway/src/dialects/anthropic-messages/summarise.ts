import { asString, isObject, type Json } from "../../lib/json.ts";
import type { AnswerSummary } from "../../canonical/response.ts";
import { readFinish } from "./finish.ts";
import { readUsage } from "./usage.ts";

/** What a record needs of a message made of text, thinking and tool calls; undefined for all others. */
export function summarise(body: Json): AnswerSummary | undefined {
  if (!isObject(body) || body["type"] !== "message" || !Array.isArray(body["content"])) return undefined;
  const toolCalls: string[] = [];
  let hasContent = false;
  for (const block of body["content"]) {
    if (!isObject(block)) return undefined;
    switch (block["type"]) {
      case "text":
        hasContent ||= (asString(block["text"]) ?? "") !== "";
        break;
      case "thinking":
        // Some models think without showing it, and some hand over a signature only.
        hasContent ||= (asString(block["thinking"]) ?? "") !== "";
        break;
      case "tool_use": {
        const name = asString(block["name"]);
        if (name === undefined || asString(block["id"]) === undefined) return undefined;
        toolCalls.push(name);
        hasContent = true;
        break;
      }
      default:
        return undefined;
    }
  }
  const usage = isObject(body["usage"]) ? readUsage(body["usage"]) : undefined;
  return { usage, finish: [readFinish(body, toolCalls.length > 0).reason], toolCalls, hasContent };
}
