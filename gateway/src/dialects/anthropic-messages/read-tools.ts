import type { Failure } from "../../canonical/failure.ts";
import type { BuiltinTool, FunctionTool, Tool, ToolChoice, ToolReference } from "../../canonical/request.ts";
import {
  asArray,
  asBoolean,
  asObject,
  asString,
  compact,
  isObject,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { missing, wrongType } from "./head.ts";
import { otherMembers, readCacheMark } from "./read-blocks.ts";

/**
 * Tools of `tools[]`. Those with a schema are functions of the client's; a `type` other than `custom` names one that Anthropic
 * defines, which only its own format can declare in full.
 */
export function readTools(value: Json | undefined): Result<Tool[], Failure> {
  if (value === undefined || value === null) return ok([]);
  const list = asArray(value);
  if (list === undefined) return fail(wrongType("tools", "a list of tools"));
  const tools: Tool[] = [];
  for (const [index, item] of list.entries()) {
    if (!isObject(item)) return fail(wrongType(`tools.${index}`, "an object"));
    const tool = readTool(item);
    if (tool === undefined) return fail(missing(`tools.${index}.name`));
    tools.push(tool);
  }
  return ok(tools);
}

/** One tool; undefined when it is a function without a name. */
export function readTool(wire: JsonObject): Tool | undefined {
  const type = asString(wire["type"]);
  return type === undefined || type === "custom" ? readFunction(wire) : readBuiltin(wire, type);
}

const functionKeys = [
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "cache_control",
  "defer_loading",
  "allowed_callers",
  "input_examples",
  "eager_input_streaming",
];

function readFunction(wire: JsonObject): FunctionTool | undefined {
  const name = asString(wire["name"]);
  if (name === undefined) return undefined;
  const rest = otherMembers(wire, functionKeys);
  return compact({
    type: "function" as const,
    name,
    description: asString(wire["description"]),
    schema: asObject(wire["input_schema"]),
    strict: nullableBoolean(wire["strict"]),
    examples: asArray(wire["input_examples"]),
    deferLoading: asBoolean(wire["defer_loading"]),
    allowedCallers: asArray(wire["allowed_callers"])?.filter((caller) => typeof caller === "string"),
    eagerStreaming: nullableBoolean(wire["eager_input_streaming"]),
    cache: readCacheMark(wire["cache_control"]),
    extras: rest && { "anthropic-messages": rest },
  });
}

function nullableBoolean(value: Json | undefined): boolean | null | undefined {
  return value === null ? null : asBoolean(value);
}

/** Common names of Anthropic's tools, by the start of the versioned type (`web_search_20250305`). */
const builtinNames: readonly (readonly [prefix: string, tool: string])[] = [
  ["web_search", "web_search"],
  ["web_fetch", "web_fetch"],
  ["code_execution", "code_execution"],
  ["text_editor", "text_editor"],
  ["tool_search_tool", "tool_search"],
  ["mcp_toolset", "mcp"],
  ["computer", "computer"],
  ["browser", "browser"],
  ["memory", "memory"],
  ["advisor", "advisor"],
  ["bash", "bash"],
];

function readBuiltin(wire: JsonObject, type: string): BuiltinTool {
  const known = builtinNames.find(([prefix]) => type.startsWith(prefix));
  return compact({
    type: "builtin" as const,
    tool: known?.[1] ?? type.replace(/_\d{8}$/, ""),
    name: asString(wire["name"]),
    native: { dialect: "anthropic-messages" as const, value: wire },
    cache: readCacheMark(wire["cache_control"]),
  });
}

export type ReadToolChoice = { readonly toolChoice?: ToolChoice; readonly parallelToolCalls?: boolean };

/** `tool_choice`, which also says whether several tools may be called at once. */
export function readToolChoice(value: Json | undefined, tools: readonly Tool[]): Result<ReadToolChoice, Failure> {
  if (value === undefined || value === null) return ok({});
  const wire = asObject(value);
  const type = asString(wire?.["type"]);
  if (wire === undefined || type === undefined) return fail(wrongType("tool_choice", "an object with a `type`"));
  const disabled = asBoolean(wire["disable_parallel_tool_use"]);
  const parallel = disabled === undefined ? {} : { parallelToolCalls: !disabled };
  switch (type) {
    case "auto":
    case "none":
      return ok({ toolChoice: { type }, ...parallel });
    case "any":
      return ok({ toolChoice: { type: "required" }, ...parallel });
    case "tool": {
      const name = asString(wire["name"]);
      if (name === undefined) return fail(missing("tool_choice.name"));
      return ok({ toolChoice: { type: "tool", tool: toolReference(name, tools) }, ...parallel });
    }
    default:
      return fail(wrongType("tool_choice.type", "`auto`, `any`, `tool` or `none`"));
  }
}

function toolReference(name: string, tools: readonly Tool[]): ToolReference {
  const isBuiltin = tools.some((tool) => tool.type === "builtin" && tool.name === name);
  return { kind: isBuiltin ? "builtin" : "function", name };
}
