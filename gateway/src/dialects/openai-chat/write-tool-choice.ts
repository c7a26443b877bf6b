import type { CanonicalRequest, ToolChoice, ToolReference } from "../../canonical/request.ts";
import type { Json, JsonObject } from "../../lib/json.ts";
import { clamped, dropped, emulated } from "../../translation/limits.ts";
import type { WrittenTools } from "./write-tools.ts";
import { lose, refuse, takes, type Writing } from "./writing.ts";

/** The members of the body that have to do with tools: what there is, what may be called, and how many at once. */
export function writeToolUse(writing: Writing, request: CanonicalRequest, written: WrittenTools): JsonObject {
  const { toolChoice: choice } = request;
  const hasTools = written.tools !== undefined;
  if (!hasTools) {
    // A choice without tools is refused, and there is nothing to choose from.
    const isForced = choice !== undefined && choice.type !== "auto" && choice.type !== "none";
    if (isForced && choice.type === "tool") refuseBuiltin(writing, choice.tool, written);
    else if (isForced) lose(writing, dropped("toolChoice", "no tools are left to choose from"));
    return { ...written };
  }
  const onlyAuto = writing.target.vendor.toolChoices === "auto" && !writing.isNative;
  if (onlyAuto && choice?.type === "none") {
    lose(writing, emulated("toolChoice", "no tools are declared"));
    return {};
  }
  const members: JsonObject = { ...written };
  const value = onlyAuto ? automatic(writing, choice) : writeChoice(writing, choice, written);
  if (value !== undefined) members["tool_choice"] = value;
  const parallel = writeParallel(writing, request);
  if (parallel !== undefined) members["parallel_tool_calls"] = parallel;
  return members;
}

function automatic(writing: Writing, choice: ToolChoice | undefined): Json | undefined {
  if (choice !== undefined && choice.type !== "auto") lose(writing, clamped("toolChoice", "auto"));
  return undefined;
}

function writeChoice(writing: Writing, choice: ToolChoice | undefined, written: WrittenTools): Json | undefined {
  switch (choice?.type) {
    case undefined:
      return undefined;
    case "auto":
    case "none":
    case "required":
      return choice.type;
    case "tool":
      return writeReference(writing, choice.tool) ?? refuseBuiltin(writing, choice.tool, written);
    case "allowed":
      return writeAllowed(writing, choice);
  }
}

/** `{"type":"function","function":{"name"}}`; undefined for tools that Chat cannot name. */
function writeReference(writing: Writing, { kind, name }: ToolReference): JsonObject | undefined {
  if (kind === "builtin") return writing.isNative ? { type: name } : undefined;
  if (kind === "mcp") return undefined;
  const sent = writing.names.sent(name);
  return kind === "custom" && writing.customNames.has(sent)
    ? { type: "custom", custom: { name: sent } }
    : { type: "function", function: { name: sent } };
}

function refuseBuiltin(writing: Writing, tool: ToolReference, written: WrittenTools): undefined {
  // Search models search without being told.
  if (tool.name === "web_search" && written.web_search_options !== undefined) return;
  const { issuer } = writing.target.options;
  const message = `The tool \`${tool.name}\` cannot be demanded: the provider \`${issuer}\` speaks Chat Completions, which does not have it. Let the model choose, or name a function.`;
  refuse(writing, "tool_choice", message);
}

function writeAllowed(writing: Writing, choice: Extract<ToolChoice, { readonly type: "allowed" }>): Json {
  const tools = choice.tools.flatMap((tool, index): JsonObject[] => {
    const reference = writeReference(writing, tool);
    if (reference !== undefined) return [reference];
    lose(writing, dropped(`toolChoice.tools[${index}]`));
    return [];
  });
  if (takes(writing, "allowed-tools")) {
    return { type: "allowed_tools", allowed_tools: { mode: choice.mode, tools } };
  }
  const [only] = tools;
  if (choice.mode === "required" && only !== undefined && tools.length === 1) return only;
  // Declaring fewer tools would say the same, at the price of everything that the provider has cached.
  lose(writing, clamped("toolChoice", `${choice.mode}, of all tools`));
  return choice.mode;
}

function writeParallel(writing: Writing, { parallelToolCalls }: CanonicalRequest): boolean | undefined {
  if (parallelToolCalls === undefined || (parallelToolCalls && !writing.isNative)) return undefined;
  if (takes(writing, "parallel-tool-calls") && writing.target.facts.parallelToolCalls) return parallelToolCalls;
  lose(writing, dropped("parallelToolCalls"));
  return undefined;
}
