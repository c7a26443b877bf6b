import type { Tool, ToolChoice, ToolReference } from "../../canonical/request.ts";
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
import { isAbsent, otherMembers, readCacheMark, refuse, type Reading } from "./reading.ts";

/** `tools`, the deprecated `functions`, and `web_search_options`, which declares a tool by being there. */
export function readTools(reading: Reading, body: JsonObject): Tool[] {
  const tools = listOf(reading, body, "tools").flatMap(
    (tool, index) => readTool(reading, tool, `tools[${index}]`) ?? [],
  );
  const functions = listOf(reading, body, "functions").flatMap(
    (value, index) => readFunction(reading, asObject(value), {}, `functions[${index}]`) ?? [],
  );
  const search = asObject(body["web_search_options"]);
  const builtin: Tool[] =
    search === undefined
      ? []
      : [
          {
            type: "builtin",
            tool: "web_search",
            native: { dialect: "openai-chat", value: { web_search_options: search } },
          },
        ];
  return [...tools, ...functions, ...builtin];
}

function listOf(reading: Reading, body: JsonObject, key: string): Json[] {
  const value = body[key];
  if (isAbsent(value)) return [];
  const list = asArray(value);
  if (list === undefined) refuse(reading, key, "an array");
  return list ?? [];
}

function readTool(reading: Reading, value: Json, path: string): Tool | undefined {
  if (!isObject(value)) {
    refuse(reading, path, "an object with a `type`");
    return undefined;
  }
  const type = asString(value["type"]) ?? (isObject(value["function"]) ? "function" : "");
  if (type === "function") return readFunction(reading, asObject(value["function"]), value, `${path}.function`);
  if (type === "custom") return readCustom(reading, asObject(value["custom"]), `${path}.custom`);
  if (type !== "") return { type: "builtin", tool: type, native: { dialect: "openai-chat", value } };
  refuse(reading, `${path}.type`, "`function` or `custom`");
  return undefined;
}

const functionMembers = new Set(["name", "description", "parameters", "strict"]);
const toolMembers = new Set(["type", "function", "cache_control", "prompt_cache_breakpoint"]);

/** `holder` is the entry of `tools` around the function, where clients put cache marks. */
function readFunction(
  reading: Reading,
  source: JsonObject | undefined,
  holder: JsonObject,
  path: string,
): Tool | undefined {
  const name = asString(source?.["name"]) ?? "";
  if (source === undefined || name === "") {
    refuse(reading, `${path}.name`, "the name of the function");
    return undefined;
  }
  const strict = source["strict"];
  const others = { ...otherMembers(holder, toolMembers), ...otherMembers(source, functionMembers) };
  return compact({
    type: "function" as const,
    name,
    description: asString(source["description"]),
    schema: asObject(source["parameters"]),
    strict: strict === null ? null : asBoolean(strict),
    cache: readCacheMark(holder),
    extras: Object.keys(others).length === 0 ? undefined : { "openai-chat": others },
  });
}

function readCustom(reading: Reading, source: JsonObject | undefined, path: string): Tool | undefined {
  const name = asString(source?.["name"]) ?? "";
  if (source === undefined || name === "") {
    refuse(reading, `${path}.name`, "the name of the tool");
    return undefined;
  }
  const grammar = asObject(asObject(source["format"])?.["grammar"]);
  const syntax = asString(grammar?.["syntax"]);
  const definition = asString(grammar?.["definition"]);
  return compact({
    type: "custom" as const,
    name,
    description: asString(source["description"]),
    grammar: syntax === undefined || definition === undefined ? undefined : { syntax, definition },
  });
}

const plainChoices: { readonly [word: string]: ToolChoice } = {
  auto: { type: "auto" },
  none: { type: "none" },
  required: { type: "required" },
  any: { type: "required" }, // Mistral
};

/** `tool_choice`, or the deprecated `function_call` in its place. */
export function readToolChoice(reading: Reading, body: JsonObject): ToolChoice | undefined {
  const choice = body["tool_choice"];
  if (isAbsent(choice)) return readFunctionChoice(reading, body["function_call"]);
  const plain = readPlainChoice(choice);
  if (plain !== undefined) return plain;
  const object = asObject(choice);
  if (object?.["type"] === "allowed_tools") return readAllowed(reading, asObject(object["allowed_tools"]) ?? object);
  const tool = readReference(object);
  if (tool !== undefined) return { type: "tool", tool };
  refuse(reading, "tool_choice", "`auto`, `none`, `required`, or an object that names a tool");
  return undefined;
}

function readFunctionChoice(reading: Reading, choice: Json | undefined): ToolChoice | undefined {
  if (isAbsent(choice)) return undefined;
  const name = asString(asObject(choice)?.["name"]);
  if (name !== undefined) return { type: "tool", tool: { kind: "function", name } };
  const plain = readPlainChoice(choice);
  if (plain === undefined) refuse(reading, "function_call", "`auto`, `none`, or an object with the name of a function");
  return plain;
}

function readPlainChoice(choice: Json): ToolChoice | undefined {
  return typeof choice === "string" && Object.hasOwn(plainChoices, choice) ? plainChoices[choice] : undefined;
}

function readAllowed(reading: Reading, allowed: JsonObject): ToolChoice | undefined {
  const mode = allowed["mode"] ?? "auto";
  const tools = asArray(allowed["tools"])?.flatMap((each) => readReference(asObject(each)) ?? []);
  if (tools !== undefined && (mode === "auto" || mode === "required")) return { type: "allowed", mode, tools };
  refuse(reading, "tool_choice.allowed_tools", "an object with `mode` (`auto` or `required`) and `tools`");
  return undefined;
}

function readReference(source: JsonObject | undefined): ToolReference | undefined {
  const type = asString(source?.["type"]) ?? (isObject(source?.["function"]) ? "function" : undefined);
  if (source === undefined || type === undefined) return undefined;
  if (type !== "function" && type !== "custom") return { kind: "builtin", name: type };
  const name = asString(asObject(source[type])?.["name"]) ?? asString(source["name"]);
  return name === undefined ? undefined : { kind: type, name };
}
