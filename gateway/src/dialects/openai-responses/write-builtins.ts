import type { BuiltinTool } from "../../canonical/request.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

/*
 * Tools that the provider runs. This format's own are written as they came; of the others' there are two that every vendor has.
 * All others stand for something that only their vendor can do.
 */

/** A built-in tool's declaration, or undefined (and a loss) for one that this API does not have. */
export function writeBuiltin(writing: Writing, tool: BuiltinTool, path: string): JsonObject | undefined {
  const { dialect, value } = tool.native;
  const native = asObject(value);
  if (dialect === "openai-responses") return native;
  const write = Object.hasOwn(commonTools, tool.tool) ? commonTools[tool.tool] : undefined;
  if (write !== undefined) return write(writing, settingsOf(tool), path);
  // A reference to a tool that was declared for later; here it was declared at once.
  if (tool.tool.endsWith("_reference")) return undefined;
  lose(writing, dropped(path, `the tool ${tool.name ?? tool.tool} exists with its own provider only`));
  return undefined;
}

/** The item type under which a built-in tool was declared, by the tool's common name or its own; undefined when it was not. */
export function builtinType(writing: Writing, name: string): string | undefined {
  for (const tool of writing.request.tools) {
    if (tool.type !== "builtin" || (tool.tool !== name && tool.name !== name)) continue;
    if (tool.native.dialect === "openai-responses") return asString(asObject(tool.native.value)?.["type"]);
    if (Object.hasOwn(commonTypes, tool.tool)) return commonTypes[tool.tool];
  }
  return writing.isNative ? (commonTypes[name] ?? name) : undefined;
}

const commonTypes: { readonly [tool: string]: string } = {
  web_search: "web_search",
  code_execution: "code_interpreter",
  programmatic: "programmatic_tool_calling",
};

/** Members of a foreign declaration, wherever its format puts them. */
function settingsOf(tool: BuiltinTool): JsonObject {
  const value = asObject(tool.native.value) ?? {};
  if (tool.native.dialect === "anthropic-messages") return value;
  // `{"web_search_options": {…}}`, `{"googleSearch": {…}}`: the one member is the tool.
  return asObject(Object.values(value)[0]) ?? {};
}

type CommonTool = (writing: Writing, settings: JsonObject, path: string) => JsonObject;

const commonTools: { readonly [tool: string]: CommonTool } = {
  web_search: writeSearch,
  code_execution: (writing, settings, path) => {
    loseSettings(writing, settings, [], path);
    return { type: "code_interpreter", container: { type: "auto" } };
  },
};

const searchMembers = ["allowed_domains", "search_context_size", "user_location"];

function writeSearch(writing: Writing, settings: JsonObject, path: string): JsonObject {
  loseSettings(writing, settings, searchMembers, path);
  const domains = settings["allowed_domains"];
  const location = asObject(settings["user_location"]);
  return compact({
    type: "web_search",
    filters: domains === undefined || domains === null ? undefined : { allowed_domains: domains },
    search_context_size: settings["search_context_size"],
    // Chat has the place one level deeper.
    user_location:
      location === undefined ? undefined : { ...(asObject(location["approximate"]) ?? location), type: "approximate" },
  });
}

/** Members that say which tool it is, or how to cache it, mean nothing here. */
const identifying = new Set(["type", "name", "cache_control"]);

function loseSettings(writing: Writing, settings: JsonObject, taken: readonly string[], path: string): void {
  const lost = Object.keys(settings).filter((key) => !identifying.has(key) && !taken.includes(key));
  lose(writing, ...lost.map((key) => dropped(`${path}.${key}`)));
}
