import type { BuiltinTool } from "../../canonical/request.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import { lose, refuse, type Writing } from "./writing.ts";

/** An entry of `tools` for a tool that Google runs, or undefined where it has none of the kind (a loss says so then). */
export function writeBuiltin(writing: Writing, tool: BuiltinTool, path: string): JsonObject | undefined {
  if (tool.cache !== undefined) lose(writing, dropped(`${path}.cache`));
  if (tool.native.dialect === "gemini") return asObject(tool.native.value);
  if (tool.tool === "mcp") return writeMcp(writing, tool, path);
  const entry = Object.hasOwn(entries, tool.tool) ? entries[tool.tool] : undefined;
  if (entry === undefined) {
    lose(writing, dropped(path, `there is no ${tool.tool} here`));
    return undefined;
  }
  for (const key of settingsOf(tool)) lose(writing, dropped(`${path}.native.${key}`));
  return { [entry]: {} };
}

/**
 * Google's counterparts. Its computer use has other functions than the tools of others, which their clients could not carry
 * out; its file search looks at stores of its own.
 */
const entries: { readonly [tool: string]: string } = {
  web_search: "googleSearch",
  web_search_preview: "googleSearch",
  web_fetch: "urlContext",
  code_execution: "codeExecution",
  maps: "googleMaps",
};

/** Settings that are given, besides those that every declaration has. */
function settingsOf({ native }: BuiltinTool): string[] {
  const value = asObject(native.value) ?? {};
  const settings = asObject(value["web_search_options"]) ?? value;
  return Object.keys(settings).filter((key) => !ordinary.has(key) && !isNothing(settings[key]));
}

const ordinary: ReadonlySet<string> = new Set(["type", "name", "cache_control", "container"]);

function isNothing(value: Json | undefined): boolean {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}

/** A server of the Model Context Protocol, as OpenAI declares one, or as Anthropic does in two places. */
type McpServer = {
  readonly name: string | undefined;
  readonly url: string | undefined;
  readonly headers: JsonObject;
  readonly needsApproval: boolean;
};

function writeMcp(writing: Writing, tool: BuiltinTool, path: string): JsonObject | undefined {
  const server = tool.native.dialect === "openai-responses" ? openaiServer(tool) : anthropicServer(writing, tool);
  if (writing.isVertex || server.url === undefined) {
    lose(writing, dropped(path, writing.isVertex ? "Vertex AI has no MCP" : "a server without an address"));
    return undefined;
  }
  if (server.needsApproval) {
    const advice = "Set `require_approval` to `never`, or use a model of OpenAI.";
    refuse(writing, `Gemini cannot ask for approval of MCP calls. ${advice}`, "tools");
  }
  const headers = Object.keys(server.headers).length === 0 ? undefined : server.headers;
  const streamableHttpTransport = compact({ url: server.url, headers });
  return { mcpServers: [compact({ name: server.name, streamableHttpTransport })] };
}

/** Without `require_approval` OpenAI asks always. */
function openaiServer({ native }: BuiltinTool): McpServer {
  const value = asObject(native.value) ?? {};
  const token = asString(value["authorization"]);
  return {
    name: asString(value["server_label"]),
    url: asString(value["server_url"]),
    headers: { ...asObject(value["headers"]), ...bearer(token) },
    needsApproval: value["require_approval"] !== "never",
  };
}

/** `mcp_servers` of the request, by the name that the toolset gives. */
function anthropicServer({ request }: Writing, { native }: BuiltinTool): McpServer {
  const name = asString(asObject(native.value)?.["mcp_server_name"]);
  const servers = asArray(request.extras["anthropic-messages"]?.["mcp_servers"]) ?? [];
  const server = servers.map(asObject).find((each) => each?.["name"] === name);
  return {
    name,
    url: asString(server?.["url"]),
    headers: bearer(asString(server?.["authorization_token"])),
    needsApproval: false,
  };
}

function bearer(token: string | undefined): JsonObject {
  return token === undefined ? {} : { Authorization: `Bearer ${token}` };
}
