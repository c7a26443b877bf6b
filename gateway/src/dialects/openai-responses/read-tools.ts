import { failure } from "../../canonical/failure.ts";
import type {
  BuiltinTool,
  CustomTool,
  FunctionTool,
  Tool,
  ToolChoice,
  ToolReference,
} from "../../canonical/request.ts";
import { asArray, asBoolean, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import type { Problems } from "./read-content.ts";

/** Tool declarations; those of a `namespace` come one by one, each with its namespace. */
export function readTools(value: Json | undefined, path: string, problems: Problems): Tool[] {
  return (asArray(value) ?? []).flatMap((tool, index) => {
    const object = asObject(tool);
    if (object !== undefined) return readTool(object, `${path}[${index}]`, problems);
    problems.push(
      failure("invalid_parameter", `\`${path}[${index}]\` must be a tool.`, { param: `${path}[${index}]` }),
    );
    return [];
  });
}

function readTool(tool: JsonObject, path: string, problems: Problems): Tool[] {
  switch (tool["type"]) {
    case "function":
      return [readFunction(tool, path, problems)];
    case "custom":
      return [readCustom(tool, path, problems)];
    case "namespace":
      return readNamespace(tool, path, problems);
    default:
      return [readBuiltin(tool)];
  }
}

/** Members of a function tool that have a canonical name. */
const functionKeys = new Set([
  "type",
  "name",
  "description",
  "parameters",
  "strict",
  "output_schema",
  "defer_loading",
  "allowed_callers",
  "async",
]);

function readFunction(tool: JsonObject, path: string, problems: Problems): FunctionTool {
  const strict = tool["strict"];
  return compact({
    type: "function" as const,
    name: readName(tool, path, problems),
    description: asString(tool["description"]),
    schema: asObject(tool["parameters"]),
    strict: strict === null ? null : asBoolean(strict),
    outputSchema: asObject(tool["output_schema"]),
    deferLoading: asBoolean(tool["defer_loading"]),
    allowedCallers: strings(tool["allowed_callers"]),
    async: asBoolean(tool["async"]),
    extras: rest(tool, functionKeys),
  });
}

const customKeys = new Set(["type", "name", "description", "format", "defer_loading"]);

function readCustom(tool: JsonObject, path: string, problems: Problems): CustomTool {
  const format = asObject(tool["format"]);
  const definition = asString(format?.["definition"]);
  return compact({
    type: "custom" as const,
    name: readName(tool, path, problems),
    description: asString(tool["description"]),
    grammar: definition === undefined ? undefined : { syntax: asString(format?.["syntax"]) ?? "lark", definition },
    deferLoading: asBoolean(tool["defer_loading"]),
    extras: rest(tool, customKeys),
  });
}

function readNamespace(tool: JsonObject, path: string, problems: Problems): Tool[] {
  const namespace = readName(tool, path, problems);
  const description = asString(tool["description"]);
  return readTools(tool["tools"], `${path}.tools`, problems).map((child): Tool => {
    if (child.type === "builtin") return child;
    if (description === undefined || description === "") return { ...child, namespace };
    const own = { ...child.extras?.["openai-responses"], namespace_description: description };
    return { ...child, namespace, extras: { "openai-responses": own } };
  });
}

/** Built-in tools by the beginning of their type: dated versions (`web_search_2025_08_26`) are the same tool. */
const builtinTools: readonly (readonly [prefix: string, tool: string])[] = [
  ["web_search", "web_search"],
  ["file_search", "file_search"],
  ["code_interpreter", "code_execution"],
  ["image_generation", "image_generation"],
  ["mcp", "mcp"],
  ["computer", "computer"],
  ["local_shell", "local_shell"],
  ["shell", "shell"],
  ["apply_patch", "apply_patch"],
  ["tool_search", "tool_search"],
  ["programmatic_tool_calling", "programmatic"],
];

function readBuiltin(tool: JsonObject): BuiltinTool {
  return compact({
    type: "builtin" as const,
    tool: builtinName(asString(tool["type"]) ?? ""),
    name: asString(tool["name"]) ?? asString(tool["server_label"]),
    native: { dialect: "openai-responses" as const, value: tool },
  });
}

function builtinName(type: string): string {
  return builtinTools.find(([prefix]) => type.startsWith(prefix))?.[1] ?? type;
}

/** `tool_choice`; undefined when absent, or of a kind that this version does not know (it is kept among the extras then). */
export function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === "auto" || value === "none" || value === "required") return { type: value };
  const choice = asObject(value);
  if (choice === undefined) return undefined;
  if (choice["type"] !== "allowed_tools") {
    const tool = readReference(choice);
    return tool === undefined ? undefined : { type: "tool", tool };
  }
  const tools = (asArray(choice["tools"]) ?? []).flatMap((entry) => {
    const reference = readReference(asObject(entry) ?? {});
    return reference === undefined ? [] : [reference];
  });
  return { type: "allowed", mode: choice["mode"] === "required" ? "required" : "auto", tools };
}

function readReference(choice: JsonObject): ToolReference | undefined {
  const type = asString(choice["type"]);
  // Clients used to Chat nest the name as Chat does.
  const name = asString(choice["name"]) ?? asString(asObject(choice["function"])?.["name"]);
  switch (type) {
    case undefined:
      return undefined;
    case "function":
    case "custom":
      return name === undefined ? undefined : { kind: type, name };
    case "mcp":
      return compact({ kind: "mcp" as const, name: name ?? "", server: asString(choice["server_label"]) });
    default:
      return { kind: "builtin", name: builtinName(type) };
  }
}

function readName(tool: JsonObject, path: string, problems: Problems): string {
  const name = asString(tool["name"]);
  if (name !== undefined && name !== "") return name;
  problems.push(failure("missing_parameter", `The tool at \`${path}\` has no \`name\`.`, { param: `${path}.name` }));
  return "";
}

function strings(value: Json | undefined): string[] | undefined {
  return asArray(value)?.flatMap((entry) => asString(entry) ?? []);
}

function rest(tool: JsonObject, known: ReadonlySet<string>): FunctionTool["extras"] {
  const entries = Object.entries(tool).filter(([key]) => !known.has(key));
  return entries.length === 0 ? undefined : { "openai-responses": Object.fromEntries(entries) };
}
