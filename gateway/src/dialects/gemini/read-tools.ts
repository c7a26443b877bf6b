import { failure, type Failure } from "../../canonical/failure.ts";
import type { FunctionTool, Tool, ToolChoice } from "../../canonical/request.ts";
import { asObject, asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { field, list, rest, spellings } from "./fields.ts";
import { toJsonSchema } from "./schema.ts";

export type ReadTools = {
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  /** What `toolConfig` says besides the choice. */
  readonly toolConfig?: JsonObject;
};

/** `tools` and `toolConfig`. Fails on a function without a name, because nothing could call it. */
export function readTools(body: JsonObject): Result<ReadTools, Failure> {
  const config = asObject(field(body, "toolConfig")) ?? {};
  const calling = asObject(field(config, "functionCallingConfig")) ?? {};
  const mode = asString(field(calling, "mode"))?.toUpperCase();
  const tools: Tool[] = [];
  for (const [index, entry] of list(field(body, "tools")).entries()) {
    if (!isObject(entry))
      return fail(invalid(`tools[${index}]`, "must be an object such as `{functionDeclarations: […]}`"));
    const read = readTool(entry, `tools[${index}]`, mode === "VALIDATED");
    if (!read.ok) return read;
    tools.push(...read.value);
  }
  return ok({
    tools,
    ...compact({ toolChoice: readChoice(mode, calling), toolConfig: unread(config, calling, mode) }),
  });
}

/** Common names of Google's own tools. */
const builtins: Readonly<Record<string, string>> = {
  googleSearch: "web_search",
  googleSearchRetrieval: "web_search",
  enterpriseWebSearch: "web_search",
  urlContext: "web_fetch",
  codeExecution: "code_execution",
  googleMaps: "maps",
  fileSearch: "file_search",
  retrieval: "file_search",
  computerUse: "computer",
};

/** One entry of `tools` may hold several kinds of tools. */
function readTool(entry: JsonObject, path: string, isStrict: boolean): Result<Tool[], Failure> {
  const tools: Tool[] = [];
  for (const spelling of Object.keys(entry)) {
    const key = spelling.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
    const value = entry[spelling] ?? undefined;
    if (value === undefined) continue;
    if (key === "functionDeclarations") {
      for (const [index, each] of list(value).entries()) {
        const at = `${path}.functionDeclarations[${index}]`;
        const name = isObject(each) ? asString(field(each, "name")) : undefined;
        if (!isObject(each) || name === undefined || name === "") return fail(invalid(`${at}.name`, "is missing"));
        tools.push(readFunction(name, each, isStrict));
      }
    } else if (key === "mcpServers") {
      for (const server of list(value)) {
        const name = isObject(server) ? asString(field(server, "name")) : undefined;
        const native = { dialect: "gemini" as const, value: { mcpServers: [server] } };
        tools.push({ type: "builtin", tool: "mcp", native, ...compact({ name }) });
      }
    } else {
      const tool = Object.hasOwn(builtins, key) ? builtins[key] : undefined;
      tools.push({ type: "builtin", tool: tool ?? key, native: { dialect: "gemini", value: { [key]: value } } });
    }
  }
  return ok(tools);
}

const knownOfFunction = spellings([
  "name",
  "description",
  "parameters",
  "parametersJsonSchema",
  "response",
  "responseJsonSchema",
  "behavior",
]);

function readFunction(name: string, declaration: JsonObject, isStrict: boolean): FunctionTool {
  const extras = rest(declaration, knownOfFunction);
  return {
    type: "function",
    name,
    ...compact({
      description: asString(field(declaration, "description")),
      schema: readSchema(declaration, "parametersJsonSchema", "parameters"),
      outputSchema: readSchema(declaration, "responseJsonSchema", "response"),
      async: field(declaration, "behavior") === "NON_BLOCKING" ? true : undefined,
      // VALIDATED promises arguments that fit the schema, which is what the others call strict.
      strict: isStrict ? true : undefined,
      extras: extras === undefined ? undefined : { gemini: extras },
    }),
  };
}

/** A schema comes as JSON Schema, taken as it is, or as Google's own kind. */
export function readSchema(holder: JsonObject, jsonKey: string, googleKey: string): JsonObject | undefined {
  const schema = asObject(field(holder, jsonKey));
  if (schema !== undefined) return schema;
  const own = asObject(field(holder, googleKey));
  return own === undefined ? undefined : toJsonSchema(own);
}

function readChoice(mode: string | undefined, calling: JsonObject): ToolChoice | undefined {
  const names = list(field(calling, "allowedFunctionNames")).filter((name) => typeof name === "string");
  const tools = names.map((name) => ({ kind: "function" as const, name }));
  const [only] = tools;
  switch (mode) {
    case "NONE":
      return { type: "none" };
    case "ANY":
      if (only === undefined) return { type: "required" };
      return tools.length === 1 ? { type: "tool", tool: only } : { type: "allowed", mode: "required", tools };
    case "AUTO":
    case "VALIDATED":
      return only === undefined ? { type: "auto" } : { type: "allowed", mode: "auto", tools };
    default:
      return undefined;
  }
}

const knownOfConfig = spellings(["functionCallingConfig"]);
const knownOfCalling = spellings(["mode", "allowedFunctionNames"]);

function unread(config: JsonObject, calling: JsonObject, mode: string | undefined): JsonObject | undefined {
  const functionCallingConfig = {
    // AUTO with strict functions is as near as the canonical form comes.
    ...(mode === "VALIDATED" ? { mode } : {}),
    ...rest(calling, knownOfCalling),
  };
  const others = rest(config, knownOfConfig);
  const hasCalling = Object.keys(functionCallingConfig).length > 0;
  if (others === undefined && !hasCalling) return undefined;
  return { ...others, ...(hasCalling ? { functionCallingConfig } : {}) };
}

function invalid(param: string, problem: string): Failure {
  return failure("invalid_parameter", `\`${param}\` ${problem}.`, { param });
}
