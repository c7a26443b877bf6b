import type { BuiltinTool, FunctionTool, Tool, ToolChoice, ToolReference } from "../../canonical/request.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import { asFunctionTool } from "../../translation/custom-tools.ts";
import { dropped, emulated } from "../../translation/limits.ts";
import { writeBuiltin } from "./write-builtins.ts";
import { writeSchema } from "./write-config.ts";
import { lose, loseGiven, type Writing } from "./writing.ts";

export type WrittenTools = { readonly tools?: JsonObject[]; readonly toolConfig?: JsonObject };

type PlacedTool<T extends Tool> = { readonly tool: T; readonly path: string };

/**
 * `tools[]`, with all functions in one entry, and `toolConfig`. Tools that join in the middle of a conversation are declared from
 * its beginning, because there is no other place for them.
 */
export function writeTools(writing: Writing): WrittenTools {
  const placed = allTools(writing);
  const functions = placed.flatMap(({ tool, path }): PlacedTool<FunctionTool>[] =>
    tool.type === "builtin" ? [] : [{ tool: tool.type === "custom" ? asFunctionTool(tool) : tool, path }],
  );
  for (const { tool, path } of placed) {
    if (tool.type === "custom") lose(writing, emulated(path, "a function with the text as its argument"));
  }
  const builtins = placed.flatMap(({ tool, path }) => (tool.type === "builtin" ? [{ tool, path }] : []));
  const builtinsFirst = placed[0]?.tool.type === "builtin";
  const native = writeBuiltins(writing, builtins, functions.length > 0);
  const declarations = functions.map(({ tool, path }) => writeFunction(writing, tool, path));
  const declared = declarations.length === 0 ? [] : [{ functionDeclarations: declarations }];
  const tools: JsonObject[] = builtinsFirst ? [...native, ...declared] : [...declared, ...native];
  const toolConfig = writeToolConfig(writing, functions, native.length > 0);
  if (writing.request.parallelToolCalls === false && functions.length > 0) {
    lose(writing, dropped("parallelToolCalls", "the model may call several tools at once"));
  }
  return compact({ tools: tools.length === 0 ? undefined : tools, toolConfig });
}

function allTools(writing: Writing): PlacedTool<Tool>[] {
  const { tools, turns } = writing.request;
  const placed = tools.map((tool, index) => ({ tool, path: `tools[${index}]` }));
  const known = new Set(tools.map(keyOf));
  for (const [index, { toolsFromHere }] of turns.entries()) {
    const path = `turns[${index}].toolsFromHere`;
    if ((toolsFromHere?.remove.length ?? 0) > 0) lose(writing, dropped(`${path}.remove`));
    for (const [position, tool] of (toolsFromHere?.add ?? []).entries()) {
      // A reference makes a tool known to the model that is among the declared ones, where all are.
      const isReference = tool.type === "builtin" && tool.tool.endsWith("_reference");
      const isNew = !isReference && !known.has(keyOf(tool));
      known.add(keyOf(tool));
      if (isNew) placed.push({ tool, path: `${path}.add[${position}]` });
    }
  }
  return placed;
}

function keyOf(tool: Tool): string {
  const namespace = tool.type === "builtin" ? null : (tool.namespace ?? null);
  return JSON.stringify([tool.type, namespace, tool.name ?? (tool.type === "builtin" ? tool.tool : "")]);
}

function writeBuiltins(
  writing: Writing,
  builtins: readonly PlacedTool<BuiltinTool>[],
  hasFunctions: boolean,
): JsonObject[] {
  if (hasFunctions && !writing.model.mixesTools) {
    for (const { path } of builtins)
      lose(writing, dropped(path, "this model has no tools of its own beside functions"));
    return [];
  }
  return builtins.flatMap(({ tool, path }) => {
    const entry = writeBuiltin(writing, tool, path);
    return entry === undefined ? [] : [entry];
  });
}

function writeFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject {
  const { isOwn, model } = writing;
  const { schema, outputSchema } = tool;
  loseFunctionSettings(writing, tool, path);
  const isEmpty = schema === undefined || (hasNoParameters(schema) && !(isOwn && model.takesJsonSchema));
  const parameters = isEmpty ? undefined : writeSchema(writing, schema, `${path}.schema`);
  const output = outputSchema === undefined ? undefined : writeSchema(writing, outputSchema, `${path}.outputSchema`);
  return compact({
    name: writing.names.sent(tool.name, tool.namespace),
    description: tool.description,
    [model.takesJsonSchema ? "parametersJsonSchema" : "parameters"]: parameters,
    [model.takesJsonSchema ? "responseJsonSchema" : "response"]: output,
    // Of other formats' clients "asynchronous" means more than the Gemini API can do outside of live sessions.
    behavior: isOwn && tool.async === true ? "NON_BLOCKING" : undefined,
    ...tool.extras?.gemini,
  });
}

function loseFunctionSettings(writing: Writing, tool: FunctionTool, path: string): void {
  loseGiven(writing, dropped, {
    [`${path}.examples`]: tool.examples,
    [`${path}.deferLoading`]: tool.deferLoading === true ? true : undefined,
    [`${path}.allowedCallers`]: tool.allowedCallers,
    [`${path}.eagerStreaming`]: tool.eagerStreaming === true ? true : undefined,
    [`${path}.async`]: tool.async === true && !writing.isOwn ? true : undefined,
    [`${path}.cache`]: tool.cache,
  });
  for (const dialect of Object.keys(tool.extras ?? {})) {
    if (dialect !== "gemini") lose(writing, dropped(`${path}.extras.${dialect}`));
  }
}

/** An OBJECT without properties is refused: such a function has no parameters. */
function hasNoParameters(schema: JsonObject): boolean {
  const isPlain = Object.keys(schema).every((key) => emptySchemaKeys.has(key));
  const isOpen = (schema["additionalProperties"] ?? false) !== false;
  return isPlain && !isOpen && Object.keys(asObject(schema["properties"]) ?? {}).length === 0;
}

const emptySchemaKeys: ReadonlySet<string> = new Set([
  "type",
  "properties",
  "required",
  "additionalProperties",
  "title",
  "description",
  "$schema",
]);

type Calling = { readonly mode?: string; readonly allowedFunctionNames?: string[] };

function writeToolConfig(
  writing: Writing,
  functions: readonly PlacedTool<FunctionTool>[],
  hasNative: boolean,
): JsonObject | undefined {
  const own = asObject(writing.request.extras.gemini?.["toolConfig"]);
  const isMixed = hasNative && functions.length > 0;
  const calling = compact({
    ...writeCalling(writing, functions, isMixed),
    ...asObject(own?.["functionCallingConfig"]),
  });
  const config = compact({
    // Vertex AI mixes without being told, and does not know the word (Google's SDK).
    includeServerSideToolInvocations: isMixed && !writing.isVertex && !writing.isOwn ? true : undefined,
    ...own,
    functionCallingConfig: Object.keys(calling).length === 0 ? undefined : calling,
  });
  return Object.keys(config).length === 0 ? undefined : config;
}

function writeCalling(writing: Writing, functions: readonly PlacedTool<FunctionTool>[], isMixed: boolean): Calling {
  const { request, isOwn, isVertex, model } = writing;
  const { toolChoice } = request;
  const chosen = toolChoice === undefined ? undefined : writeChoice(writing, toolChoice, functions.length > 0);
  if (functions.length === 0 || chosen?.mode === "NONE" || chosen?.mode === "ANY") return chosen ?? {};
  if (isOwn || chosen?.mode === "VALIDATED") return chosen ?? {};
  const strict = functions.filter(({ tool }) => tool.strict === true);
  // Beside Google's own tools the Gemini API takes no AUTO.
  const isValidated = model.hasValidatedMode && (strict.length > 0 || (isMixed && !isVertex));
  if (isValidated) return { mode: "VALIDATED" };
  for (const { path } of strict) lose(writing, dropped(`${path}.strict`));
  return chosen ?? {};
}

/** What the API takes only where there are functions. Without any, to call none and to call what one likes is the same. */
function writeChoice(writing: Writing, choice: ToolChoice, hasFunctions: boolean): Calling {
  const { isOwn, model } = writing;
  const isPlain = choice.type === "auto" || choice.type === "none";
  if (!hasFunctions && !isOwn) {
    if (!isPlain) lose(writing, dropped("toolChoice", "there are no functions to choose from"));
    return {};
  }
  switch (choice.type) {
    case "auto":
      return { mode: "AUTO" };
    case "none":
      return { mode: "NONE" };
    case "required":
      return { mode: "ANY" };
    case "tool": {
      const names = writeNames(writing, [choice.tool]);
      return names.length === 0 ? {} : { mode: "ANY", allowedFunctionNames: names };
    }
    case "allowed": {
      const allowedFunctionNames = writeNames(writing, choice.tools);
      if (allowedFunctionNames.length === 0) return {};
      if (choice.mode === "required") return { mode: "ANY", allowedFunctionNames };
      if (model.hasValidatedMode) return { mode: "VALIDATED", allowedFunctionNames };
      lose(writing, dropped("toolChoice.tools", "this model chooses among all tools, or must call one"));
      return { mode: "AUTO" };
    }
  }
}

/** Google's own tools cannot be asked for by name. */
function writeNames(writing: Writing, tools: readonly ToolReference[]): string[] {
  return tools.flatMap(({ kind, name }) => {
    if (kind === "function" || kind === "custom") return [writing.names.sent(name)];
    lose(writing, dropped("toolChoice", `${name} is not a function here`));
    return [];
  });
}
