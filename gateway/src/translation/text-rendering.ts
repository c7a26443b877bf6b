import type { Block, CodeBlock, SearchResultBlock, ServerToolBlock, ToolCallBlock } from "../canonical/block.ts";
import { asArray, asObject, asString, isObject, type Json } from "../lib/json.ts";
import { textOfDocument } from "./media.ts";

/*
 * What a target has no block for is shown to its model as text, where text can say it: search results, code, documents, and
 * what another vendor's server tools did. The writer reports it as `emulated`; what has no text is for the writer to drop.
 */

/** The text that stands for a block, or undefined where no text can. Text and refusals stand for themselves. */
export function renderBlock(block: Block): string | undefined {
  switch (block.type) {
    case "text":
    case "refusal":
      return block.text;
    case "media":
      return textOfDocument(block);
    case "search-result":
      return renderSearchResult(block);
    case "server-tool":
      return renderServerTool(block);
    case "code":
      return renderCode(block);
    case "compaction":
      return block.text ?? undefined;
    case "reasoning":
    case "tool-call":
    case "tool-result":
    case "opaque":
      return undefined;
  }
}

/** A search result that the client gave: title, source, then its texts. */
export function renderSearchResult({ title, source, content }: SearchResultBlock): string {
  return [`Search result: ${title}\nSource: ${source}`, ...content.map(({ text }) => text)].join("\n\n");
}

/** Code that the model ran at its vendor, or what came of it. */
export function renderCode({ phase, language, code, outcome, output }: CodeBlock): string {
  if (phase === "code") return fenced(code ?? "", language?.toLowerCase() ?? "");
  const result = outcome === undefined || /OK$/i.test(outcome) ? "Output:" : `Output (${outcome}):`;
  return `${result}\n${fenced(output ?? "")}`;
}

/** A call of a tool that only its own vendor declares (a shell, a computer), as a line about it. */
export function renderBuiltinCall({ name, argumentsText }: ToolCallBlock): string {
  return `[called ${name}]\n${fenced(argumentsText)}`;
}

/**
 * What a server tool did, in words: a search with its findings, code with its output, anything else as JSON. Encrypted
 * content stays out, nobody but its issuer can read it. Undefined for lists of tools and approvals, which tell a model nothing.
 */
export function renderServerTool(block: ServerToolBlock): string | undefined {
  const { phase, tool, input, output } = block;
  if (phase !== "call" && phase !== "result") return undefined;
  const said = phase === "call" && input !== undefined ? renderCall(tool, block.serverName, input) : undefined;
  const found = output === undefined ? undefined : renderOutput(block, output);
  const parts = [said, found].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("\n");
}

function renderCall(tool: string, serverName: string | undefined, input: Json): string {
  const query = searchQuery(input);
  if (tool === "web_search" && query !== undefined) return `Searched the web for ${JSON.stringify(query)}.`;
  const url = asString(asObject(input)?.["url"]);
  if ((tool === "web_fetch" || tool === "web_search") && url !== undefined) return `Read ${url}.`;
  const code = asString(input) ?? asString(asObject(input)?.["code"]);
  if (tool.endsWith("code_execution") && code !== undefined) return fenced(code);
  const name = serverName === undefined ? tool : `${tool} of ${serverName}`;
  return `[called ${name}]\n${fenced(readableJson(input), "json")}`;
}

/** Anthropic: `{query}`; OpenAI: the action `{type:"search",query,queries}`; Gemini: `{queries}`. */
function searchQuery(input: Json): string | undefined {
  const wire = asObject(input);
  const queries = asArray(wire?.["queries"])?.filter((query) => typeof query === "string");
  return asString(wire?.["query"]) ?? (queries === undefined || queries.length === 0 ? undefined : queries.join(", "));
}

function renderOutput({ tool, isError }: ServerToolBlock, output: Json): string {
  const links = (asArray(output) ?? []).flatMap(renderLink);
  if (links.length > 0) return links.join("\n");
  const text = asString(output);
  const label = `[${tool} ${isError === true ? "failed" : "answered"}]`;
  return text === undefined ? `${label}\n${fenced(readableJson(output), "json")}` : `${label}\n${text}`;
}

/** `- title — url`, with what little else search results say in plain text. */
function renderLink(result: Json): string[] {
  const wire = asObject(result);
  const url = asString(wire?.["url"]) ?? asString(wire?.["uri"]);
  if (url === undefined) return [];
  const title = asString(wire?.["title"]);
  return [title === undefined || title === "" ? `- ${url}` : `- ${title} — ${url}`];
}

/** Encrypted members, and files in base64, which would be long and say nothing. */
const unreadableKeys: ReadonlySet<string> = new Set([
  "encrypted_content",
  "encrypted_index",
  "encrypted_stdout",
  "data",
]);

function readableJson(value: Json): string {
  return JSON.stringify(readable(value));
}

function readable(value: Json): Json {
  if (Array.isArray(value)) return value.map(readable);
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([key]) => !unreadableKeys.has(key));
  return Object.fromEntries(members.map(([key, member]) => [key, member === undefined ? member : readable(member)]));
}

/** A fence longer than any run of backticks inside. */
function fenced(text: string, language = ""): string {
  let fence = "```";
  for (const [run] of text.matchAll(/`{3,}/g)) if (run.length >= fence.length) fence = `${run}\``;
  return `${fence}${language}\n${text}${text.endsWith("\n") ? "" : "\n"}${fence}`;
}
