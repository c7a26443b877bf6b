import type { CustomTool, FunctionTool, Tool, ToolChoice, ToolReference } from "../../canonical/request.ts";
import { asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { dropped, emulated } from "../../translation/limits.ts";
import { builtinType, writeBuiltin } from "./write-builtins.ts";
import { writeSchema } from "./write-schema.ts";
import { lose, loseForeignExtras, loseMark, ownExtras, type Writing } from "./writing.ts";

/** Tool declarations. Neighbours of one namespace stand in it together again. `path` is `tools` or that of a turn's additions. */
export function writeTools(writing: Writing, tools: readonly Tool[], path: string): JsonObject[] {
  const written: JsonObject[] = [];
  for (const [index, tool] of tools.entries()) {
    const item = writeTool(writing, tool, `${path}[${index}]`);
    if (item === undefined) continue;
    const namespace = tool.type === "builtin" ? undefined : tool.namespace;
    if (namespace === undefined) written.push(item);
    else joinNamespace(written, namespace, namespaceDescription(tool), item);
  }
  return written;
}

function joinNamespace(written: JsonObject[], name: string, description: string, tool: JsonObject): void {
  const last = written.at(-1);
  const members = last?.["type"] === "namespace" && last["name"] === name ? last["tools"] : undefined;
  if (Array.isArray(members)) members.push(tool);
  else written.push({ type: "namespace", name, description, tools: [tool] });
}

function namespaceDescription(tool: Tool): string {
  return tool.type === "builtin" ? "" : (asString(ownExtras(tool.extras)?.["namespace_description"]) ?? "");
}

function writeTool(writing: Writing, tool: Tool, path: string): JsonObject | undefined {
  switch (tool.type) {
    case "function":
      return writeFunction(writing, tool, path);
    case "custom":
      return writeCustom(writing, tool, path);
    case "builtin":
      loseMark(writing, tool.cache);
      return writeBuiltin(writing, tool, path);
  }
}

function writeFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject {
  loseMark(writing, tool.cache);
  const head = { type: "function", name: writing.nameOf(tool.name), ...compact({ description: tool.description }) };
  if (!writing.isNative) return { ...head, ...foreignFunction(writing, tool, path) };
  const { deferLoading, allowedCallers, outputSchema, async: isAsync } = tool;
  return {
    ...head,
    parameters: tool.schema ?? null,
    // Without `strict` the API tries to make the schema strict, which is none of the values that could be sent.
    ...compact({
      strict: tool.strict,
      defer_loading: deferLoading,
      allowed_callers: allowedCallers === undefined ? undefined : [...allowedCallers],
      async: isAsync,
      output_schema: outputSchema,
    }),
    ...toolExtras(tool),
  };
}

/** A function of another format. Their functions are not strict unless they say so: an absent `strict` would mean something here. */
function foreignFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject {
  loseFunctionParts(writing, tool, path);
  // The API wants an object; some clients leave the schema of a function without parameters empty.
  const isEmpty = Object.keys(tool.schema ?? {}).length === 0;
  const given = tool.schema === undefined || isEmpty ? { type: "object", properties: {} } : tool.schema;
  const { schema, strict } = writeSchema(writing, given, tool.strict === true, path);
  return { parameters: schema, strict };
}

/** What this API has no word for, or another meaning. */
function loseFunctionParts(writing: Writing, tool: FunctionTool, path: string): void {
  const { examples, allowedCallers, async: isAsync, outputSchema, deferLoading } = tool;
  const lost = [
    examples !== undefined && examples.length > 0 ? dropped(`${path}.examples`) : undefined,
    allowedCallers?.some((caller) => caller !== "direct") === true ? dropped(`${path}.allowedCallers`) : undefined,
    isAsync === true ? dropped(`${path}.async`) : undefined,
    outputSchema === undefined ? undefined : dropped(`${path}.outputSchema`),
    // A tool that would be searched for is simply there.
    deferLoading === true ? emulated(`${path}.deferLoading`, "declared at once") : undefined,
  ];
  lose(writing, ...lost.flatMap((loss) => loss ?? []));
  loseForeignExtras(writing, tool.extras, `${path}.extras`);
}

function writeCustom(writing: Writing, tool: CustomTool, path: string): JsonObject {
  loseForeignExtras(writing, tool.extras, `${path}.extras`);
  const { grammar } = tool;
  return {
    type: "custom",
    name: writing.nameOf(tool.name),
    ...compact({
      description: tool.description,
      format:
        grammar === undefined ? undefined : { type: "grammar", syntax: grammar.syntax, definition: grammar.definition },
      defer_loading: writing.isNative ? tool.deferLoading : undefined,
    }),
    ...toolExtras(tool),
  };
}

function toolExtras(tool: FunctionTool | CustomTool): JsonObject {
  const { namespace_description: _description, ...rest } = ownExtras(tool.extras) ?? {};
  return rest;
}

/** `tool_choice` and `parallel_tool_calls`; nothing is chosen where there is nothing to choose from. */
export function writeToolSettings(writing: Writing, hasTools: boolean): JsonObject {
  const { request, isNative } = writing;
  if (!hasTools && !isNative) return {};
  return compact({
    tool_choice: request.toolChoice === undefined ? undefined : writeChoice(writing, request.toolChoice),
    parallel_tool_calls: request.parallelToolCalls,
  });
}

function writeChoice(writing: Writing, choice: ToolChoice): Json | undefined {
  switch (choice.type) {
    case "auto":
    case "none":
    case "required":
      return choice.type;
    case "tool": {
      const reference = writeReference(writing, choice.tool);
      if (reference === undefined) lose(writing, dropped("toolChoice", `${choice.tool.name} is not declared`));
      return reference;
    }
    case "allowed": {
      const tools = choice.tools.flatMap((tool): JsonObject[] => {
        const reference = writeReference(writing, tool);
        return reference === undefined ? [] : [reference];
      });
      if (tools.length < choice.tools.length)
        lose(writing, dropped("toolChoice.tools", "not all of them are declared"));
      return { type: "allowed_tools", mode: choice.mode, tools };
    }
  }
}

/** A reference to a tool, or undefined for a built-in one that could not be declared. */
function writeReference(writing: Writing, { kind, name, server }: ToolReference): JsonObject | undefined {
  switch (kind) {
    case "function":
    case "custom":
      return { type: kind, name: writing.nameOf(name) };
    case "mcp":
      return { type: "mcp", ...compact({ server_label: server, name: name === "" ? undefined : name }) };
    case "builtin": {
      const type = builtinType(writing, name);
      return type === undefined ? undefined : { type };
    }
  }
}
