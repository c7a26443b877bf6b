import type {
  Block,
  CompactionBlock,
  OpaqueBlock,
  ReasoningBlock,
  ServerToolBlock,
  ToolCallBlock,
} from "../../canonical/block.ts";
import { openOpaque } from "../../canonical/envelope.ts";
import { asArray, asBoolean, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/* Items of the API as canonical blocks: shared by the reader of requests, whose history holds them, and of answers. */

/** Calls that the client carries out itself, by item type: the built-in tool, and the member that holds its arguments. */
const builtinCalls: { readonly [type: string]: { readonly tool: string; readonly input: string } } = {
  computer_call: { tool: "computer", input: "action" },
  local_shell_call: { tool: "local_shell", input: "action" },
  shell_call: { tool: "shell", input: "action" },
  apply_patch_call: { tool: "apply_patch", input: "operation" },
};

/** Whether an item is a call that the client answers with an output item of the same `call_id`. */
export function isCall(type: string): boolean {
  return type === "function_call" || type === "custom_tool_call" || Object.hasOwn(builtinCalls, type);
}

/** The text that a call's deltas add up to: `arguments`, or the `input` of a custom tool. "" for built-in calls, which have none. */
export function callText(item: JsonObject): string {
  return asString(item[item["type"] === "custom_tool_call" ? "input" : "arguments"]) ?? "";
}

/** A whole call. A built-in one keeps its item, which is authoritative for this dialect. */
export function readCall(item: JsonObject): ToolCallBlock {
  const type = asString(item["type"]) ?? "";
  const builtin = Object.hasOwn(builtinCalls, type) ? builtinCalls[type] : undefined;
  return compact({
    type: "tool-call" as const,
    id: asString(item["call_id"]) ?? asString(item["id"]) ?? "",
    name: builtin?.tool ?? asString(item["name"]) ?? "",
    namespace: asString(item["namespace"]),
    kind:
      builtin !== undefined
        ? ("builtin" as const)
        : type === "custom_tool_call"
          ? ("custom" as const)
          : ("function" as const),
    argumentsText:
      builtin === undefined ? callText(item) : JSON.stringify(item[builtin.input] ?? item["actions"] ?? {}),
    itemId: asString(item["id"]),
    caller: item["caller"] ?? undefined,
    async: asBoolean(item["async"]),
    status: asString(item["status"]),
    extras: builtin === undefined ? undefined : { "openai-responses": { item } },
  });
}

/**
 * A reasoning item. Its encrypted content is OpenAI's own, kept with its whole item, except that a client may send back an
 * envelope of ours (`from: "client"`); what a provider says is never opened.
 */
export function readReasoning(item: JsonObject, provider: string, from: "client" | "provider"): ReasoningBlock {
  const raw = texts(item["content"]);
  const encrypted = asString(item["encrypted_content"]);
  const foreign = encrypted === undefined || from === "provider" ? undefined : openOpaque(encrypted);
  return compact({
    type: "reasoning" as const,
    summary: texts(item["summary"]),
    raw: raw.length === 0 ? undefined : raw,
    opaque: foreign ?? ownReasoning(item, provider),
    redacted: foreign?.kind === "anthropic.redacted" ? true : undefined,
    itemId: asString(item["id"]),
    status: asString(item["status"]),
  });
}

/** The opaque value of a reasoning item: its JSON text, because the encrypted content is only valid with the item's own id. */
function ownReasoning(item: JsonObject, provider: string): ReasoningBlock["opaque"] {
  const encrypted = asString(item["encrypted_content"]);
  if (encrypted === undefined || encrypted === "") return undefined;
  return { issuer: { provider }, kind: "openai.reasoning", value: JSON.stringify(item) };
}

/** The texts of `summary` or `content` parts. */
function texts(parts: Json | undefined): string[] {
  return (asArray(parts) ?? []).map((part) => asString(asObject(part)?.["text"]) ?? "");
}

type ServerToolRow = {
  readonly tool: string;
  readonly phase: ServerToolBlock["phase"];
  readonly input?: readonly string[];
  readonly output?: string;
};

/** Items of tools that the provider runs, by type. */
const serverTools: { readonly [type: string]: ServerToolRow } = {
  web_search_call: { tool: "web_search", phase: "call", input: ["action"], output: "results" },
  file_search_call: { tool: "file_search", phase: "call", input: ["queries"], output: "results" },
  code_interpreter_call: { tool: "code_execution", phase: "call", input: ["code", "container_id"], output: "outputs" },
  image_generation_call: { tool: "image_generation", phase: "call", input: ["revised_prompt"], output: "result" },
  mcp_list_tools: { tool: "mcp", phase: "listing", output: "tools" },
  mcp_call: { tool: "mcp", phase: "call", input: ["name", "arguments"], output: "output" },
  mcp_approval_request: { tool: "mcp", phase: "approval-request", input: ["name", "arguments"] },
  mcp_approval_response: { tool: "mcp", phase: "approval-response", input: ["approval_request_id", "approve"] },
  tool_search_call: { tool: "tool_search", phase: "call", input: ["arguments"] },
  tool_search_output: { tool: "tool_search", phase: "result", output: "tools" },
  program: { tool: "programmatic", phase: "call", input: ["code"] },
  program_output: { tool: "programmatic", phase: "result", output: "output" },
  computer_call_output: { tool: "computer", phase: "result", output: "output" },
  local_shell_call_output: { tool: "local_shell", phase: "result", output: "output" },
  shell_call_output: { tool: "shell", phase: "result", output: "output" },
  apply_patch_call_output: { tool: "apply_patch", phase: "result", output: "output" },
};

/** Any item that is neither message, reasoning nor call: a server tool's, a compaction, or one this version does not know. */
export function readOtherItem(item: JsonObject, provider: string): ServerToolBlock | CompactionBlock | OpaqueBlock {
  const type = asString(item["type"]) ?? "";
  const native = { dialect: "openai-responses" as const, value: item };
  const row = Object.hasOwn(serverTools, type) ? serverTools[type] : undefined;
  if (row !== undefined) return serverTool(row, item, native);
  if (type !== "compaction") {
    return { type: "opaque", dialect: "openai-responses", nativeType: type, value: item };
  }
  const encrypted = asString(item["encrypted_content"]);
  const opaque =
    encrypted === undefined
      ? undefined
      : { issuer: { provider }, kind: "openai.compaction" as const, value: JSON.stringify(item) };
  return compact({ type: "compaction" as const, opaque, native });
}

function serverTool(row: ServerToolRow, item: JsonObject, native: ServerToolBlock["native"]): ServerToolBlock {
  const [only, ...others] = row.input ?? [];
  const members = (row.input ?? []).map((key) => [key, item[key]] as const);
  // One input is the input; several are told apart by their names.
  const input = only !== undefined && others.length === 0 ? item[only] : Object.fromEntries(members);
  return compact({
    type: "server-tool" as const,
    phase: row.phase,
    tool: row.tool,
    id: asString(item["id"]) ?? asString(item["call_id"]) ?? "",
    serverName: asString(item["server_label"]),
    input: row.input === undefined ? undefined : (input ?? undefined),
    output: row.output === undefined ? undefined : (item[row.output] ?? undefined),
    isError: hasError(item) ? true : undefined,
    status: asString(item["status"]),
    native,
  });
}

function hasError(item: JsonObject): boolean {
  return (item["error"] ?? null) !== null || item["status"] === "failed";
}

/** What a message's text blocks remember of their message, so that this dialect can write the same one again. */
export function messageExtras(item: JsonObject): Pick<Block, "extras"> {
  const id = asString(item["id"]);
  const phase = asString(item["phase"]);
  if (id === undefined && phase === undefined) return {};
  return { extras: { "openai-responses": compact({ id, phase }) } };
}
