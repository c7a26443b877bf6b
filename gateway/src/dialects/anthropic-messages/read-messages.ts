import type { Block } from "../../canonical/block.ts";
import type { Failure } from "../../canonical/failure.ts";
import type { Tool, ToolReference, Turn } from "../../canonical/request.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { parseExact, stringifyExact } from "../../lib/json-exact.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { missing, wrongType } from "./head.ts";
import { otherMembers, readContent, type BlockOrigin } from "./read-blocks.ts";
import { readTool } from "./read-tools.ts";

const roles = { user: "user", assistant: "assistant", system: "system" } as const;

/** `messages[]`, one turn each: the API combines neighbours of one role itself, and boundaries are worth keeping. */
export function readTurns(value: Json | undefined, origin: BlockOrigin): Result<Turn[], Failure> {
  if (value === undefined) return fail(missing("messages"));
  const messages = asArray(value);
  if (messages === undefined) return fail(wrongType("messages", "a list of messages"));
  const turns: Turn[] = [];
  for (const [index, message] of messages.entries()) {
    const turn = readTurn(message, index, origin);
    if (!turn.ok) return turn;
    turns.push(turn.value);
  }
  return ok(turns);
}

function readTurn(message: Json, index: number, origin: BlockOrigin): Result<Turn, Failure> {
  if (!isObject(message)) return fail(wrongType(`messages.${index}`, "an object with `role` and `content`"));
  const role = asString(message["role"]) ?? "";
  if (!isRole(role)) return fail(wrongType(`messages.${index}.role`, "`user`, `assistant` or `system`"));
  const content = message["content"];
  if (typeof content !== "string" && !Array.isArray(content)) {
    return fail(wrongType(`messages.${index}.content`, "text or a list of content blocks"));
  }
  const stray = typeof content === "string" ? -1 : content.findIndex((block) => !isObject(block));
  if (stray >= 0) return fail(wrongType(`messages.${index}.content.${stray}`, "an object with a `type`"));
  const blocks = readContent(content, origin);
  if (role !== "system") {
    const rest = otherMembers(message, ["role", "content"]);
    return ok(compact({ role, blocks, boundary: index, extras: rest && { "anthropic-messages": rest } }));
  }
  return ok(readSystemTurn(message, index, blocks));
}

/** A mid-conversation instruction; betas let it change effort and tools from here on. */
function readSystemTurn(message: JsonObject, index: number, blocks: readonly Block[]): Turn {
  const effort = asString(asObject(message["output_config"])?.["effort"]);
  const rest = otherMembers(message, [
    "role",
    "content",
    "clear_at",
    ...(effort === undefined ? [] : ["output_config"]),
  ]);
  return compact({
    role: "system" as const,
    authority: "system" as const,
    blocks: blocks.filter((block) => !isToolChange(block)),
    boundary: index,
    clearAt: asString(message["clear_at"]),
    effortFromHere: effort,
    toolsFromHere: readToolChanges(blocks),
    extras: rest && { "anthropic-messages": rest },
  });
}

function isToolChange(block: Block): boolean {
  return block.type === "opaque" && (block.nativeType === "tool_addition" || block.nativeType === "tool_removal");
}

function readToolChanges(blocks: readonly Block[]): Turn["toolsFromHere"] {
  const add: Tool[] = [];
  const remove: ToolReference[] = [];
  for (const block of blocks) {
    if (block.type !== "opaque") continue;
    const tool = asObject(asObject(block.value)?.["tool"]);
    if (tool === undefined) continue;
    if (block.nativeType === "tool_addition") add.push(readAddedTool(tool));
    if (block.nativeType === "tool_removal") remove.push(readReference(tool));
  }
  return add.length === 0 && remove.length === 0 ? undefined : { add, remove };
}

/** A definition, or a reference to a tool that was declared with `defer_loading`; the reference is kept as it is. */
function readAddedTool(wire: JsonObject): Tool {
  const isReference = asString(wire["type"])?.endsWith("_reference") === true;
  const definition = isReference ? undefined : readTool(wire);
  return (
    definition ??
    compact({
      type: "builtin" as const,
      tool: asString(wire["type"]) ?? "",
      name: asString(wire["name"]),
      native: { dialect: "anthropic-messages" as const, value: wire },
    })
  );
}

function readReference(wire: JsonObject): ToolReference {
  const isMcp = asString(wire["type"])?.startsWith("mcp_") === true;
  return compact({
    kind: isMcp ? ("mcp" as const) : ("function" as const),
    name: asString(wire["name"]) ?? "",
    server: asString(wire["server_name"]),
  });
}

/** The exact text of every tool input in `messages`, by the block of the parsed body that holds it. */
export function exactInputs(messages: Json | undefined, bytes: Uint8Array): ReadonlyMap<JsonObject, string> {
  const texts = new Map<JsonObject, string>();
  const exact = asArray(parseExact(new TextDecoder().decode(bytes))) ?? [];
  for (const [index, message] of (asArray(messages) ?? []).entries()) {
    const exactBlocks = asArray(asObject(exact[index])?.["content"]);
    for (const [position, block] of (asArray(asObject(message)?.["content"]) ?? []).entries()) {
      const input = asObject(exactBlocks?.[position])?.["input"];
      if (isObject(block) && block["type"] === "tool_use" && input !== undefined) {
        texts.set(block, stringifyExact(input));
      }
    }
  }
  return texts;
}

function isRole(role: string): role is keyof typeof roles {
  return Object.hasOwn(roles, role);
}
