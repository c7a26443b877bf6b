import { claudeFacts } from "../../src/dialects/claude-models.ts";
import { asArray, asNumber, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";

/** Top-level keys of `MessageCreateParams` in @anthropic-ai/sdk 1.10 and of its beta, and of the older API version. */
const keys = new Set(
  `cache_control container context_management diagnostics inference_geo max_tokens mcp_servers messages metadata model
  output_config service_tier speed stop_sequences stream system temperature thinking tool_choice tools top_k top_p`.split(
    /\s+/,
  ),
);

/** What the Messages API would refuse of a translated request, in words; nothing when it is sound. */
export function brokenRules(body: JsonObject): string[] {
  const facts = claudeFacts(asString(body["model"]) ?? "");
  const messages = objects(body["messages"]);
  const tools = objects(body["tools"]);
  const broken: string[] = [...undefinedMembers(body, "")];
  const check = (isSound: boolean, words: string) => isSound || broken.push(words);
  for (const key of Object.keys(body)) check(keys.has(key), `unknown parameter ${key}`);
  const maxTokens = asNumber(body["max_tokens"]) ?? -1;
  check(Number.isInteger(maxTokens) && maxTokens >= 0, "max_tokens");
  check(maxTokens <= (facts.outputTokensMax ?? Infinity), "max_tokens above the model's");
  check(messages[0]?.["role"] === "user", "a conversation begins with the user");
  check(messages.at(-1)?.["role"] !== "assistant" || facts.prefill, "the model cannot be prefilled");
  check(facts.systemTurns || messages.every(({ role }) => role !== "system"), "system messages");
  for (const [index, message] of messages.entries()) broken.push(...brokenMessage(message, messages, index));
  broken.push(...brokenCalls(messages), ...brokenTools(body, tools), ...brokenMarks(body), ...brokenThinking(body));
  check(tools.length > 0 || !blocksOf(messages).some(({ type }) => type === "tool_use"), "calls without tools");
  for (const key of ["temperature", "top_p", "top_k"]) {
    check(body[key] === undefined || facts.sampling !== "none", `${key} for a model that refuses it`);
  }
  return broken;
}

function brokenMessage(message: JsonObject, messages: readonly JsonObject[], index: number): string[] {
  const at = `messages[${index}]`;
  const role = asString(message["role"]) ?? "";
  const content = objects(message["content"]);
  const broken: string[] = [];
  const isDirective = role === "system" && message["output_config"] !== undefined;
  if (content.length === 0 && !isDirective) broken.push(`${at} is empty`);
  if (role === "system" && content.length > 0) {
    const before = messages[index - 1]?.["role"];
    const after = messages[index + 1]?.["role"];
    if (before !== "user" || (after !== undefined && after !== "assistant")) broken.push(`${at} cannot stand there`);
  }
  for (const block of content.flatMap(withNested)) {
    const type = asString(block["type"]) ?? "";
    if (type === "text" && (asString(block["text"]) ?? "").trim() === "") broken.push(`${at} has an empty text`);
    if (role === "assistant" && /^(image|document|tool_result)$/.test(type)) broken.push(`${at} has a ${type}`);
    if (role === "user" && /^(thinking|redacted_thinking|tool_use)$/.test(type)) broken.push(`${at} has a ${type}`);
    if (role === "system" && type !== "text") broken.push(`${at} has a ${type}`);
    if (role === "user" && type === "text" && block["citations"] !== undefined) broken.push(`${at} cites`);
    if (type === "thinking" && block["signature"] === "") broken.push(`${at} has thoughts without a signature`);
    if (type === "tool_use" && !isObject(block["input"])) broken.push(`${at} has input that is no object`);
  }
  return broken;
}

/** Every call is answered at the beginning of the next message, in order, and nothing else is. */
function brokenCalls(messages: readonly JsonObject[]): string[] {
  const broken: string[] = [];
  const seen = new Set<string>();
  // The API joins neighbours of one role; directives count as absent.
  const joined: { role: string; content: JsonObject[] }[] = [];
  for (const message of messages) {
    const role = asString(message["role"]) ?? "";
    if (role === "system") continue;
    const last = joined.at(-1);
    if (last?.role === role) last.content.push(...objects(message["content"]));
    else joined.push({ role, content: objects(message["content"]) });
  }
  for (const [index, { content }] of joined.entries()) {
    const calls = content.filter(({ type }) => type === "tool_use").map(({ id }) => asString(id) ?? "");
    for (const id of calls) {
      if (!/^[a-zA-Z0-9_-]{1,64}$/.test(id)) broken.push(`call id ${id}`);
      if (seen.has(id)) broken.push(`call id ${id} twice`);
      seen.add(id);
    }
    const next = joined[index + 1]?.content ?? [];
    const results = next.filter(({ type }) => type === "tool_result").map((block) => asString(block["tool_use_id"]));
    if (calls.join() !== results.join()) broken.push(`calls ${calls.join()} have the results ${results.join()}`);
    const leading = next.slice(0, results.length);
    if (leading.some(({ type }) => type !== "tool_result")) broken.push("results do not come first");
  }
  if (joined[0]?.content.some(({ type }) => type === "tool_result") === true) broken.push("results without calls");
  return broken;
}

function brokenTools(body: JsonObject, tools: readonly JsonObject[]): string[] {
  const broken: string[] = [];
  const names = tools.flatMap(({ name }) => asString(name) ?? []);
  if (new Set(names).size < names.length) broken.push("a tool declared twice");
  for (const tool of tools) {
    if (tool["type"] !== undefined) continue;
    const schema = asObject(tool["input_schema"]);
    const name = asString(tool["name"]) ?? "";
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(name)) broken.push(`tool name ${name}`);
    if (schema?.["type"] !== "object") broken.push(`schema of ${name} is no object`);
    if (["anyOf", "oneOf", "allOf"].some((key) => schema?.[key] !== undefined)) broken.push("alternatives at the root");
  }
  const choice = asObject(body["tool_choice"]);
  if (choice === undefined) return broken;
  if (tools.length === 0) broken.push("a choice without tools");
  if (choice["type"] === "tool" && !names.includes(asString(choice["name"]) ?? "")) broken.push("an unknown choice");
  const { forcedTools } = claudeFacts(asString(body["model"]) ?? "");
  if (!forcedTools && /^(any|tool)$/.test(asString(choice["type"]) ?? "")) broken.push("a forced tool");
  return broken;
}

function brokenMarks(body: JsonObject): string[] {
  const holders = [...objects(body["tools"]), ...objects(body["system"]), ...blocksOf(objects(body["messages"]))];
  const ttls = holders
    .flatMap(withNested)
    .map((holder) => asObject(holder["cache_control"]))
    .filter((mark) => mark !== undefined)
    .map((mark) => mark["ttl"] ?? "5m");
  const broken = ttls.length > 4 ? [`${ttls.length} cache marks`] : [];
  return ttls.lastIndexOf("1h") > ttls.indexOf("5m") && ttls.includes("5m") ? [...broken, "1h after 5m"] : broken;
}

function brokenThinking(body: JsonObject): string[] {
  const thinking = asObject(body["thinking"]);
  const type = asString(thinking?.["type"]);
  const facts = claudeFacts(asString(body["model"]) ?? "");
  const broken: string[] = [];
  if (type !== undefined && !facts.thinking.some((each) => each === type)) broken.push(`thinking ${type}`);
  const effort = asString(asObject(body["output_config"])?.["effort"]);
  if (effort !== undefined && !facts.efforts.some((each) => each === effort)) broken.push(`effort ${effort}`);
  if (type !== "enabled") return broken;
  const budget = asNumber(thinking?.["budget_tokens"]) ?? 0;
  if (budget < 1024 || budget >= (asNumber(body["max_tokens"]) ?? 0)) broken.push(`budget ${budget}`);
  if (/^(any|tool)$/.test(asString(asObject(body["tool_choice"])?.["type"]) ?? "")) broken.push("thinking and force");
  return broken;
}

function undefinedMembers(value: Json | undefined, at: string): string[] {
  if (value === undefined) return [`${at} undefined`];
  if (Array.isArray(value)) return value.flatMap((each, index) => undefinedMembers(each, `${at}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => undefinedMembers(each, `${at}.${key}`));
}

function blocksOf(messages: readonly JsonObject[]): JsonObject[] {
  return messages.flatMap(({ content }) => objects(content));
}

function withNested(block: JsonObject): JsonObject[] {
  return block["type"] === "tool_result" ? [...objects(block["content"]), block] : [block];
}

function objects(value: Json | undefined): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}
