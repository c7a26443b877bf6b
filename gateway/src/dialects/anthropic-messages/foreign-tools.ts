import type { BuiltinTool } from "../../canonical/request.ts";
import { asArray, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import { CODE_EXECUTION_TOOL, WEB_FETCH_TOOL, WEB_SEARCH_TOOL } from "./models.ts";
import { writeCacheMark } from "./cache-marks.ts";
import { lose, refuse, type Writing } from "./writing.ts";

type Declaration = {
  readonly writing: Writing;
  readonly tool: BuiltinTool;
  readonly path: string;
  readonly mcpServers: JsonObject[];
};

/** Tools that other vendors run themselves, where Anthropic runs one of the same kind; by common name. */
export const foreignTools: { readonly [tool: string]: (declaration: Declaration) => JsonObject[] } = {
  web_search: writeSearch,
  web_fetch: ({ tool }) => [compact({ ...WEB_FETCH_TOOL, cache_control: writeCacheMark(tool.cache) })],
  code_execution: ({ tool }) => [compact({ ...CODE_EXECUTION_TOOL, cache_control: writeCacheMark(tool.cache) })],
  mcp: writeMcp,
};

/** Settings of a search that Anthropic's has, and where OpenAI's two formats put them; Gemini's has others. */
function writeSearch({ writing, tool, path }: Declaration): JsonObject[] {
  const wire = asObject(tool.native.value) ?? {};
  const settings = asObject(wire["web_search_options"]) ?? geminiSettings(tool) ?? wire;
  for (const key of Object.keys(settings)) {
    if (!searchKeys.has(key)) lose(writing, dropped(`${path}.${key}`));
  }
  const domains = asArray(asObject(settings["filters"])?.["allowed_domains"]);
  const blocked = asArray(asObject(settings["filters"])?.["blocked_domains"]);
  return [
    compact({
      ...WEB_SEARCH_TOOL,
      allowed_domains: domains,
      // The API takes only one of the two lists.
      blocked_domains: domains === undefined ? blocked : undefined,
      user_location: writeLocation(settings["user_location"]),
      cache_control: writeCacheMark(tool.cache),
    }),
  ];
}

/** Gemini names a tool by the member that holds its settings. */
function geminiSettings({ native }: BuiltinTool): JsonObject | undefined {
  return native.dialect === "gemini" ? asObject(Object.values(asObject(native.value) ?? {})[0]) : undefined;
}

const searchKeys: ReadonlySet<string> = new Set(["type", "name", "filters", "user_location"]);

/** Responses has the place's members beside the type, Chat within `approximate`. */
function writeLocation(value: Json | undefined): JsonObject | undefined {
  const wire = asObject(value);
  if (wire === undefined) return undefined;
  const place = asObject(wire["approximate"]) ?? wire;
  const written = compact({
    type: "approximate",
    city: asString(place["city"]),
    country: asString(place["country"]),
    region: asString(place["region"]),
    timezone: asString(place["timezone"]),
  });
  return Object.keys(written).length === 1 ? undefined : written;
}

const MCP_BETA = "mcp-client-2025-11-20";

/** An MCP server of Responses. Asking before a call is something that only that API can do. */
function writeMcp({ writing, tool, path, mcpServers }: Declaration): JsonObject[] {
  const wire = asObject(tool.native.value) ?? {};
  const name = asString(wire["server_label"]);
  const url = asString(wire["server_url"]);
  if (tool.native.dialect !== "openai-responses" || name === undefined || url === undefined) {
    lose(writing, dropped(path, "a server that only its own vendor reaches"));
    return [];
  }
  if (wire["require_approval"] !== "never") {
    const message = `The MCP server \`${name}\` asks for approval before its tools are called, which only OpenAI's Responses API can do. Set \`require_approval\` to \`never\`, or choose an OpenAI model.`;
    refuse(writing, "unsupported_parameter", message, `${path}.require_approval`);
    return [];
  }
  const headers = asObject(wire["headers"]) ?? {};
  const bearer = asString(headers["Authorization"] ?? headers["authorization"])?.replace(/^Bearer /i, "");
  if (Object.keys(headers).some((header) => header.toLowerCase() !== "authorization")) {
    lose(writing, dropped(`${path}.headers`));
  }
  writing.betas.add(MCP_BETA);
  mcpServers.push(compact({ type: "url", url, name, authorization_token: asString(wire["authorization"]) ?? bearer }));
  return [{ type: "mcp_toolset", mcp_server_name: name, ...allowedTools(wire["allowed_tools"]) }];
}

function allowedTools(value: Json | undefined): JsonObject {
  const names = asArray(value) ?? asArray(asObject(value)?.["tool_names"]);
  if (names === undefined) return {};
  const enabled = names.filter((name) => typeof name === "string").map((name) => [name, { enabled: true }] as const);
  return { default_config: { enabled: false }, configs: Object.fromEntries(enabled) };
}
