import type {
  BuiltinTool,
  CustomTool,
  FunctionTool,
  Tool,
  ToolChoice,
  ToolReference,
} from "../../canonical/request.ts";
import { asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { asFunctionTool } from "../../translation/custom-tools.ts";
import { adaptSchema, qualifiesForStrict } from "../../translation/json-schema.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import { withDeclaredTools } from "../../translation/tool-declarations.ts";
import { writeCacheMark } from "./cache-marks.ts";
import { foreignTools } from "./foreign-tools.ts";
import { DIALECT, lose, type Writing } from "./writing.ts";

export type WrittenTools = {
  readonly tools: JsonObject[];
  /** Servers of MCP tools, which are declared beside the tools. */
  readonly mcpServers: readonly JsonObject[];
  /** Whether the tools are those of the history alone, none of which can be called any more. */
  readonly isHistory: boolean;
};

/** `tools`, and the servers that some of them are on. */
export function writeTools(writing: Writing): WrittenTools {
  const { tools, turns } = writing.request;
  const mcpServers: JsonObject[] = [];
  const written = tools.flatMap((tool, index) => writeTool(writing, tool, `tools[${index}]`, mcpServers));
  if (writing.isNative) return { tools: written, mcpServers, isHistory: false };
  // Tools that a turn brings along are declared from the beginning: what later declares them is a beta of its own.
  for (const [index, turn] of turns.entries()) {
    const path = `turns[${index}].toolsFromHere`;
    if (turn.toolsFromHere !== undefined) lose(writing, emulated(path, "declared from the beginning"));
    for (const tool of turn.toolsFromHere?.add ?? []) written.push(...writeTool(writing, tool, path, mcpServers));
  }
  if (written.length === 0) return historicTools(writing);
  return { tools: withoutDuplicates(writing, written), mcpServers, isHistory: false };
}

/** The API wants tools declared where the history has calls, also when none of the client's could be written. */
function historicTools(writing: Writing): WrittenTools {
  const turns = writing.request.turns.map(({ toolsFromHere: _toolsFromHere, ...turn }) => turn);
  const { tools } = withDeclaredTools({ ...writing.request, tools: [], turns });
  const written = tools.flatMap((tool) => writeTool(writing, tool, "tools"));
  return { tools: withoutDuplicates(writing, written), mcpServers: [], isHistory: written.length > 0 };
}

/** A name may be declared once; the first counts. */
function withoutDuplicates(writing: Writing, tools: readonly JsonObject[]): JsonObject[] {
  const names = new Set<string>();
  return tools.filter((tool) => {
    const name = asString(tool["name"]);
    if (name === undefined || !names.has(name)) {
      if (name !== undefined) names.add(name);
      return true;
    }
    lose(writing, dropped("tools", `a second declaration of ${name}`));
    return false;
  });
}

export function writeTool(writing: Writing, tool: Tool, path: string, mcpServers: JsonObject[] = []): JsonObject[] {
  switch (tool.type) {
    case "function":
      return [writing.isNative ? nativeFunction(tool) : writeFunction(writing, tool, path)];
    case "custom":
      return [writeCustom(writing, tool, path)];
    case "builtin":
      return writeBuiltin(writing, tool, path, mcpServers);
  }
}

function nativeFunction(tool: FunctionTool): JsonObject {
  return compact({
    name: tool.name,
    description: tool.description,
    input_schema: tool.schema,
    strict: tool.strict,
    defer_loading: tool.deferLoading,
    allowed_callers: tool.allowedCallers === undefined ? undefined : [...tool.allowedCallers],
    input_examples: tool.examples === undefined ? undefined : [...tool.examples],
    eager_input_streaming: tool.eagerStreaming,
    ...tool.extras?.[DIALECT],
    cache_control: writeCacheMark(tool.cache),
  });
}

/** Settings of a function that this format or its other vendors' models have nothing for. */
const lostSettings = ["outputSchema", "async", "deferLoading", "allowedCallers"] as const;

function writeFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject {
  for (const key of lostSettings) {
    if (tool[key] !== undefined && tool[key] !== false) lose(writing, dropped(`${path}.${key}`));
  }
  return compact({
    name: writing.names.sent(tool.name, tool.namespace),
    description: tool.description,
    ...writeSchema(writing, tool, path),
    cache_control: writeCacheMark(tool.cache),
  });
}

/** `strict` holds for a narrower kind of schema; one that cannot be brought to it is sent as it is, not strictly. */
function writeSchema(writing: Writing, { schema, strict }: FunctionTool, path: string): JsonObject {
  if (schema === undefined) return { input_schema: { type: "object", properties: {} } };
  if (strict === true && writing.facts.structuredOutput && qualifiesForStrict(schema, "anthropic-strict")) {
    const narrow = adaptSchema(schema, "anthropic-strict");
    loseInSchema(writing, narrow.losses, path);
    return { input_schema: narrow.schema, strict: true };
  }
  if (strict === true) lose(writing, dropped(`${path}.strict`));
  const adapted = adaptSchema(schema, "anthropic");
  loseInSchema(writing, adapted.losses, path);
  return { input_schema: adapted.schema };
}

function loseInSchema(writing: Writing, losses: ReturnType<typeof adaptSchema>["losses"], path: string): void {
  lose(writing, ...losses.map((loss) => ({ ...loss, path: `${path}.${loss.path}` })));
}

function writeCustom(writing: Writing, tool: CustomTool, path: string): JsonObject {
  lose(writing, emulated(path, "a function with the text as its argument"));
  return writeFunction(writing, asFunctionTool(tool), path);
}

function writeBuiltin(writing: Writing, tool: BuiltinTool, path: string, mcpServers: JsonObject[]): JsonObject[] {
  const { dialect, value } = tool.native;
  if (dialect === DIALECT && isObject(value)) return [{ ...value }];
  const write = Object.hasOwn(foreignTools, tool.tool) ? foreignTools[tool.tool] : undefined;
  if (write !== undefined) return write({ writing, tool, path, mcpServers });
  lose(writing, dropped(path, `${tool.tool} is a tool of its own vendor`));
  return [];
}

/** `tool_choice`, which also says whether several tools may be called at once. Without tools there is nothing to choose. */
export function writeToolChoice(writing: Writing, { tools, isHistory }: WrittenTools): JsonObject | undefined {
  const { toolChoice, parallelToolCalls: parallel } = writing.request;
  if (writing.isNative) return nativeChoice(toolChoice, parallel);
  if (isHistory) return { type: "none" };
  if (tools.length === 0) return undefined;
  const choice = toolChoice === undefined ? undefined : adaptChoice(writing, toolChoice, tools);
  if (parallel !== false || choice?.["type"] === "none") return choice;
  return { ...(choice ?? { type: "auto" }), disable_parallel_tool_use: true };
}

function nativeChoice(choice: ToolChoice | undefined, parallel: boolean | undefined): JsonObject | undefined {
  if (choice === undefined || choice.type === "allowed") return undefined;
  const written = choice.type === "tool" ? { type: "tool", name: choice.tool.name } : { type: plain[choice.type] };
  return compact({ ...written, disable_parallel_tool_use: parallel === undefined ? undefined : !parallel });
}

const plain = { auto: "auto", none: "none", required: "any" } as const;

function adaptChoice(writing: Writing, choice: ToolChoice, tools: readonly JsonObject[]): JsonObject | undefined {
  switch (choice.type) {
    case "auto":
    case "none":
      return { type: choice.type };
    case "required":
      return force(writing, { type: "any" });
    case "tool": {
      const name = sentName(writing, choice.tool, tools);
      if (name !== undefined) return force(writing, { type: "tool", name });
      lose(writing, dropped("toolChoice", `${choice.tool.name} is not among the tools`));
      return undefined;
    }
    case "allowed":
      return adaptAllowed(writing, choice, tools);
  }
}

/** Leaving the other tools out would say the same, but lose the prompt cache, which begins with the tools. */
function adaptAllowed(
  writing: Writing,
  { mode, tools: allowed }: Extract<ToolChoice, { readonly type: "allowed" }>,
  tools: readonly JsonObject[],
): JsonObject {
  const [only] = allowed;
  const name = only === undefined || allowed.length > 1 ? undefined : sentName(writing, only, tools);
  if (mode === "required" && name !== undefined) return force(writing, { type: "tool", name });
  lose(writing, clamped("toolChoice", "all tools are allowed"));
  return mode === "required" ? force(writing, { type: "any" }) : { type: "auto" };
}

function force(writing: Writing, choice: JsonObject): JsonObject {
  if (writing.facts.forcedTools) return choice;
  lose(writing, clamped("toolChoice", "the model cannot be made to call a tool"));
  return { type: "auto" };
}

/** The name of a tool that was written; an MCP tool cannot be chosen by itself. */
function sentName(writing: Writing, reference: ToolReference, tools: readonly JsonObject[]): string | undefined {
  if (reference.kind === "mcp") return undefined;
  const name = reference.kind === "builtin" ? reference.name : writing.names.sent(reference.name);
  return tools.some((tool) => tool["name"] === name) ? name : undefined;
}
