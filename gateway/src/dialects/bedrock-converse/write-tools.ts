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
import { cachePoint } from "./cache-points.ts";
import { DIALECT } from "./read-blocks.ts";
import { lose, type Writing } from "./writing.ts";

export type WrittenTools = {
  readonly tools: JsonObject[];
  readonly choice: JsonObject | undefined;
};

/**
 * `toolConfig`, in parts. The API wants tools declared where the history has calls, and has no word for "call none": tools that
 * must not be called are left out where nothing was called so far.
 */
export function writeTools(writing: Writing): WrittenTools {
  const { request } = writing;
  const hasCalls = request.turns.some(({ blocks }) => blocks.some(({ type }) => type === "tool-call"));
  if (request.toolChoice?.type === "none" && !hasCalls) return { tools: [], choice: undefined };
  const tools = withoutDuplicates(writing, declaredTools(writing));
  if (tools.length === 0) return historicTools(writing);
  return { tools, choice: writeChoice(writing, tools) };
}

function declaredTools(writing: Writing): JsonObject[] {
  const { tools, turns } = writing.request;
  const written = tools.flatMap((tool, index) => writeTool(writing, tool, `tools[${index}]`));
  for (const [index, { toolsFromHere }] of turns.entries()) {
    const path = `turns[${index}].toolsFromHere`;
    if (toolsFromHere !== undefined) lose(writing, emulated(path, "declared from the beginning"));
    for (const tool of toolsFromHere?.add ?? []) written.push(...writeTool(writing, tool, path));
  }
  return written;
}

/** The tools of the history alone, for clients that want no further calls. */
function historicTools(writing: Writing): WrittenTools {
  const turns = writing.request.turns.map(({ toolsFromHere: _toolsFromHere, ...turn }) => turn);
  const { tools } = withDeclaredTools({ ...writing.request, tools: [], turns });
  const written = withoutDuplicates(
    writing,
    tools.flatMap((tool) => writeTool(writing, tool, "tools")),
  );
  if (written.length > 0) lose(writing, clamped("toolChoice", "the API cannot forbid calls"));
  return { tools: written, choice: undefined };
}

/** A name may be declared once; the first counts. */
function withoutDuplicates(writing: Writing, tools: readonly JsonObject[]): JsonObject[] {
  const names = new Set<string>();
  return tools.filter((tool) => {
    const name = nameOf(tool);
    if (name === undefined || !names.has(name)) {
      if (name !== undefined) names.add(name);
      return true;
    }
    lose(writing, dropped("tools", `a second declaration of ${name}`));
    return false;
  });
}

function nameOf({ toolSpec }: JsonObject): string | undefined {
  return isObject(toolSpec) ? asString(toolSpec["name"]) : undefined;
}

function writeTool(writing: Writing, tool: Tool, path: string): JsonObject[] {
  switch (tool.type) {
    case "function":
      return writeFunction(writing, tool, path);
    case "custom":
      return writeCustom(writing, tool, path);
    case "builtin":
      return writeBuiltin(writing, tool, path);
  }
}

/** Settings of a function that the API has nothing for. */
const lostSettings = ["outputSchema", "async", "deferLoading", "allowedCallers", "examples"] as const;

function writeFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject[] {
  for (const key of lostSettings) {
    if (tool[key] !== undefined && tool[key] !== false) lose(writing, dropped(`${path}.${key}`));
  }
  const { description } = tool;
  const toolSpec = compact({
    name: writing.names.sent(tool.name, tool.namespace),
    description: description === "" ? undefined : description,
    ...writeSchema(writing, tool, path),
  });
  return [{ toolSpec }, ...cachePoint(writing, tool.cache, path)];
}

/** `strict` holds for a narrower kind of schema; one that cannot be brought to it is sent as it is, not strictly. */
function writeSchema(writing: Writing, { schema, strict }: FunctionTool, path: string): JsonObject {
  if (schema === undefined) return { inputSchema: { json: { type: "object", properties: {} } } };
  const isStrict =
    strict === true &&
    writing.facts.claude?.structuredOutput === true &&
    qualifiesForStrict(schema, "anthropic-strict");
  if (strict === true && !isStrict) lose(writing, dropped(`${path}.strict`));
  const adapted = adaptSchema(schema, isStrict ? "anthropic-strict" : "anthropic");
  lose(writing, ...adapted.losses.map((loss) => ({ ...loss, path: `${path}.${loss.path}` })));
  return { inputSchema: { json: adapted.schema }, ...(isStrict ? { strict: true } : {}) };
}

function writeCustom(writing: Writing, tool: CustomTool, path: string): JsonObject[] {
  lose(writing, emulated(path, "a function with the text as its argument"));
  return writeFunction(writing, asFunctionTool(tool), path);
}

/** Tools that Bedrock runs itself, for Nova models, by the common name of what they do. */
const systemTools: { readonly [tool: string]: string } = {
  web_search: "nova_grounding",
  code_execution: "nova_code_interpreter",
};

function writeBuiltin(writing: Writing, tool: BuiltinTool, path: string): JsonObject[] {
  const { dialect, value } = tool.native;
  if (dialect === DIALECT && isObject(value)) return [{ ...value }];
  const name = Object.hasOwn(systemTools, tool.tool) ? systemTools[tool.tool] : undefined;
  if (name !== undefined && writing.facts.reasoning === "nova") {
    lose(writing, emulated(path, `${name}, without settings`));
    return [{ systemTool: { name } }];
  }
  lose(writing, dropped(path, `${tool.tool} is a tool of its own vendor`));
  return [];
}

/** `toolChoice` */
function writeChoice(writing: Writing, tools: readonly JsonObject[]): JsonObject | undefined {
  const { toolChoice: choice, parallelToolCalls } = writing.request;
  if (parallelToolCalls === false) lose(writing, dropped("parallelToolCalls"));
  switch (choice?.type) {
    case undefined:
      return undefined;
    case "auto":
      return { auto: {} };
    case "none":
      lose(writing, clamped("toolChoice", "the API cannot forbid calls"));
      return { auto: {} };
    case "required":
      return force(writing, undefined);
    case "tool": {
      const name = sentName(writing, choice.tool, tools);
      if (name !== undefined) return force(writing, name);
      lose(writing, dropped("toolChoice", `${choice.tool.name} is not among the tools`));
      return undefined;
    }
    case "allowed":
      return writeAllowed(writing, choice, tools);
  }
}

/** Leaving the other tools out would say the same, but lose the prompt cache, which begins with the tools. */
function writeAllowed(
  writing: Writing,
  { mode, tools: allowed }: Extract<ToolChoice, { readonly type: "allowed" }>,
  tools: readonly JsonObject[],
): JsonObject {
  const [only] = allowed;
  const name = only === undefined || allowed.length > 1 ? undefined : sentName(writing, only, tools);
  if (mode === "required" && name !== undefined) return force(writing, name);
  lose(writing, clamped("toolChoice", "all tools are allowed"));
  return mode === "required" ? force(writing, undefined) : { auto: {} };
}

function force(writing: Writing, name: string | undefined): JsonObject {
  const { forcing } = writing.facts;
  if (forcing === "none") {
    lose(writing, clamped("toolChoice", "the model cannot be made to call a tool"));
    return { auto: {} };
  }
  if (name === undefined) return { any: {} };
  if (forcing === "tool") return { tool: { name } };
  lose(writing, clamped("toolChoice", `any tool, not only ${name}`));
  return { any: {} };
}

/** The name of a tool that was written; those of Bedrock cannot be chosen. */
function sentName(writing: Writing, reference: ToolReference, tools: readonly JsonObject[]): string | undefined {
  if (reference.kind === "mcp" || reference.kind === "builtin") return undefined;
  const name = writing.names.sent(reference.name);
  return tools.some((tool) => nameOf(tool) === name) ? name : undefined;
}
