import type { BuiltinTool, CanonicalRequest, CustomTool, FunctionTool, Tool } from "../../canonical/request.ts";
import { asObject, asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { asFunctionTool } from "../../translation/custom-tools.ts";
import { adaptSchema, qualifiesForStrict } from "../../translation/json-schema.ts";
import { clamped, dropped } from "../../translation/limits.ts";
import { lose, mark, takes, type Writing } from "./writing.ts";

/** `tools`, and `web_search_options`, which declares a tool by being there. Absent members have nothing to declare. */
export type WrittenTools = { readonly tools?: JsonObject[]; readonly web_search_options?: JsonObject };

/** Tools that turns add in the middle of the conversation come last, so that what came before keeps its place. */
export function writeTools(writing: Writing, request: CanonicalRequest): WrittenTools {
  const tools: JsonObject[] = [];
  let search: JsonObject | undefined;
  for (const [path, tool] of declaredTools(request)) {
    const own = tool.type === "builtin" ? searchOptions(writing, tool, path) : undefined;
    if (own === undefined) tools.push(...writeTool(writing, tool, path));
    else search ??= own;
  }
  return compact({ tools: tools.length === 0 ? undefined : tools, web_search_options: search });
}

/** Every tool by where it is declared; one that a turn declares again is the same tool. */
function declaredTools(request: CanonicalRequest): ReadonlyMap<string, Tool> {
  const declared = new Map<string, Tool>();
  const keys = new Set<string>();
  const declare = (path: string, tool: Tool): void => {
    const key = JSON.stringify(tool.type === "builtin" ? [tool.tool, tool.name] : [tool.name, tool.namespace]);
    if (!keys.has(key) || path.startsWith("tools")) declared.set(path, tool);
    keys.add(key);
  };
  request.tools.forEach((tool, index) => declare(`tools[${index}]`, tool));
  request.turns.forEach(({ toolsFromHere }, turn) => {
    toolsFromHere?.add.forEach((tool, index) => declare(`turns[${turn}].toolsFromHere.add[${index}]`, tool));
  });
  return declared;
}

function writeTool(writing: Writing, tool: Tool, path: string): JsonObject[] {
  switch (tool.type) {
    case "function":
      return [writeFunction(writing, tool, path)];
    case "custom":
      return [
        writing.target.customTools ? writeCustom(writing, tool) : writeFunction(writing, asFunctionTool(tool), path),
      ];
    case "builtin":
      return writeBuiltin(writing, tool, path);
  }
}

function writeFunction(writing: Writing, tool: FunctionTool, path: string): JsonObject {
  if (!writing.isNative) loseDetails(writing, tool, path);
  const { strict, parameters } = writing.isNative
    ? { strict: tool.strict, parameters: tool.schema }
    : writeSchema(writing, tool, path);
  const written: JsonObject = {
    type: "function",
    function: compact({
      name: writing.names.sent(tool.name, tool.namespace),
      description: tool.description,
      parameters,
      strict,
      ...tool.extras?.["openai-chat"],
    }),
  };
  // OpenAI's breakpoints stand on messages only.
  return writing.target.vendor.cacheMarks === "breakpoints" ? written : mark(writing, written, tool.cache);
}

/** Parameters, and whether the model is held to them; where that is not possible it is asked for them all the same. */
function writeSchema(
  writing: Writing,
  tool: FunctionTool,
  path: string,
): { readonly strict: true | undefined; readonly parameters: JsonObject } {
  // Several servers refuse a function without parameters.
  const schema = tool.schema ?? { type: "object", properties: {} };
  if (tool.strict === true) {
    if (takes(writing, "strict-tools") && qualifiesForStrict(schema, "openai-strict")) {
      return { strict: true, parameters: writeJsonSchema(writing, schema, "openai-strict", path) };
    }
    lose(writing, dropped(`${path}.strict`));
  }
  return { strict: undefined, parameters: writeJsonSchema(writing, schema, "openai", path) };
}

/** `path` names what has the schema. */
export function writeJsonSchema(
  writing: Writing,
  schema: JsonObject,
  target: "openai" | "openai-strict",
  path: string,
): JsonObject {
  const adapted = adaptSchema(schema, target);
  for (const loss of adapted.losses) lose(writing, { ...loss, path: `${path}.${loss.path}` });
  return adapted.schema;
}

/** What other formats say of a function. That the model gets it at once, or in larger pieces, changes no answer. */
function loseDetails(writing: Writing, tool: FunctionTool, path: string): void {
  if (tool.outputSchema !== undefined) lose(writing, dropped(`${path}.outputSchema`));
  if (tool.examples !== undefined) lose(writing, dropped(`${path}.examples`));
  if (tool.async === true) lose(writing, dropped(`${path}.async`));
  const callers = tool.allowedCallers;
  if (callers !== undefined && !callers.every((caller) => caller === "direct")) {
    lose(writing, dropped(`${path}.allowedCallers`));
  }
}

function writeCustom(writing: Writing, tool: CustomTool): JsonObject {
  const { grammar, description } = tool;
  return {
    type: "custom",
    custom: compact({
      name: writing.names.sent(tool.name, tool.namespace),
      description,
      format:
        grammar === undefined
          ? undefined
          : { type: "grammar", grammar: { syntax: grammar.syntax, definition: grammar.definition } },
    }),
  };
}

/** Tools that run at a provider exist only there, under the name that it gave them. */
function writeBuiltin(writing: Writing, tool: BuiltinTool, path: string): JsonObject[] {
  const { dialect, value } = tool.native;
  if (dialect === "openai-chat" && isObject(value)) return [value];
  // Perplexity searches whatever it is asked.
  const isSearch = tool.tool === "web_search" && writing.target.options.kind === "perplexity";
  if (!isSearch) lose(writing, dropped(path, `the built-in tool ${tool.tool}`));
  return [];
}

/** The search of OpenAI's search models, which is all that Chat knows of built-in tools. */
function searchOptions(writing: Writing, tool: BuiltinTool, path: string): JsonObject | undefined {
  const value = asObject(tool.native.value);
  if (tool.native.dialect === "openai-chat") return asObject(value?.["web_search_options"]);
  if (tool.tool !== "web_search" || !writing.target.facts.search) return undefined;
  const bounds = ["allowed_domains", "blocked_domains", "filters", "max_uses", "timeRangeFilter"];
  if (bounds.some((key) => value?.[key] !== undefined)) lose(writing, clamped(path, "bounds of the search"));
  const place = asObject(value?.["user_location"]);
  return compact({
    search_context_size: asString(value?.["search_context_size"]),
    user_location:
      place === undefined
        ? undefined
        : {
            type: "approximate",
            approximate: compact({
              country: asString(place["country"]),
              region: asString(place["region"]),
              city: asString(place["city"]),
              timezone: asString(place["timezone"]),
            }),
          },
  });
}
