import type { Block } from "../../src/canonical/block.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { modelFacts } from "../../src/dialects/openai-chat/models.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";

/** Top-level keys of `ChatCompletionCreateParams` in openai 7.55, without the deprecated ones. */
const keys = new Set(
  `audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens messages metadata modalities model
  moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options
  prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier stop store stream
  stream_options temperature tool_choice tools top_logprobs top_p user verbosity web_search_options`.split(/\s+/),
);

/** What OpenAI would refuse of a request, in words; nothing when it is sound. */
export function brokenRules(body: JsonObject): string[] {
  const messages = objects(body["messages"]);
  return [
    ...undefinedMembers(body, ""),
    ...Object.keys(body).flatMap((key) => (keys.has(key) ? [] : [`unknown parameter ${key}`])),
    ...(messages.length === 0 ? ["no messages"] : []),
    ...messages.flatMap(brokenMessage),
    ...brokenCalls(messages),
    ...brokenTools(body),
    ...brokenSettings(body),
    ...brokenMarks(messages),
  ];
}

const partsOfRoles: { readonly [role: string]: readonly string[] } = {
  developer: ["text"],
  system: ["text"],
  user: ["text", "image_url", "input_audio", "file"],
  assistant: ["text", "refusal"],
  tool: ["text"],
};

function brokenMessage(message: JsonObject, index: number): string[] {
  const at = `messages[${index}]`;
  const role = asString(message["role"]) ?? "";
  const known = Object.hasOwn(partsOfRoles, role) ? partsOfRoles[role] : undefined;
  if (known === undefined) return [`${at} has the role ${role}`];
  const { content } = message;
  const calls = asArray(message["tool_calls"]);
  if (calls?.length === 0) return [`${at} has an empty list of calls`];
  if (content === null) return calls === undefined ? [`${at} says nothing`] : [];
  if (typeof content === "string") return [];
  const parts = asArray(content);
  if (parts === undefined || parts.length === 0) return [`${at} has no content`];
  return parts.flatMap((part) => {
    const type = asString(asObject(part)?.["type"]) ?? "";
    return known.includes(type) ? [] : [`${at} has a part ${type}`];
  });
}

/** Calls are answered right behind them, in order, by nothing else; those of the last message are still open. */
function brokenCalls(messages: readonly JsonObject[]): string[] {
  const broken: string[] = [];
  const seen = new Set<string>();
  let open: string[] = [];
  for (const [index, message] of messages.entries()) {
    if (message["role"] === "tool") {
      const expected = open.shift();
      if (message["tool_call_id"] !== expected) broken.push(`messages[${index}] answers no open call`);
      continue;
    }
    if (open.length > 0) broken.push(`messages[${index}] stands before the results of ${open.join()}`);
    open = objects(message["tool_calls"]).map(({ id }) => asString(id) ?? "");
    for (const id of open) {
      if (id === "" || id.length > 64) broken.push(`call id ${id}`);
      if (seen.has(id)) broken.push(`call id ${id} twice`);
      seen.add(id);
    }
  }
  return messages.at(-1)?.["role"] === "tool" && open.length > 0 ? [...broken, `no results of ${open.join()}`] : broken;
}

function brokenTools(body: JsonObject): string[] {
  const tools = objects(body["tools"]);
  const broken = asArray(body["tools"])?.length === 0 ? ["an empty list of tools"] : [];
  const names = tools.map((tool) => asString(asObject(tool[asString(tool["type"]) ?? ""])?.["name"]) ?? "");
  const called = objects(body["messages"]).flatMap(({ tool_calls }) => objects(tool_calls));
  const calledNames = called.map((call) => asString(asObject(call[asString(call["type"]) ?? ""])?.["name"]) ?? "");
  for (const name of [...names, ...calledNames]) {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) broken.push(`tool name ${name}`);
  }
  if (new Set(names).size < names.length) broken.push("a tool declared twice");
  for (const tool of tools) {
    const definition = asObject(tool["function"]);
    if (definition?.["strict"] === true)
      broken.push(...looseObjects(definition["parameters"], asString(definition["name"]) ?? ""));
    const isCustom = tool["type"] === "custom";
    if (isCustom && !modelFacts(asString(body["model"]) ?? "").customTools) broken.push("a custom tool");
  }
  const { tool_choice: choice } = body;
  if (tools.length === 0 && (choice ?? body["parallel_tool_calls"]) !== undefined)
    broken.push("a choice without tools");
  const chosen = asObject(choice);
  const chosenName = asString(asObject(chosen?.[asString(chosen["type"]) ?? ""])?.["name"]);
  if (chosenName !== undefined && !names.includes(chosenName)) broken.push(`the choice of ${chosenName}`);
  return broken;
}

/** Strict schemas: every object is closed and every property is required. */
function looseObjects(schema: Json | undefined, at: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((each) => looseObjects(each, at));
  if (!isObject(schema)) return [];
  const properties = Object.keys(asObject(schema["properties"]) ?? {});
  const required = asArray(schema["required"]) ?? [];
  const isLoose =
    schema["type"] === "object" &&
    (schema["additionalProperties"] !== false || properties.some((name) => !required.includes(name)));
  return [
    ...(isLoose ? [`${at} is not strict`] : []),
    ...Object.values(schema).flatMap((each) => looseObjects(each, at)),
  ];
}

/** Members that a reasoning model refuses while it reasons. */
const samplingKeys = [
  "temperature",
  "top_p",
  "presence_penalty",
  "frequency_penalty",
  "logprobs",
  "top_logprobs",
  "logit_bias",
  "stop",
];

function brokenSettings(body: JsonObject): string[] {
  const broken: string[] = [];
  const facts = modelFacts(asString(body["model"]) ?? "");
  const effort = asString(body["reasoning_effort"]);
  if (effort !== undefined && !facts.efforts.some((each) => each === effort)) broken.push(`effort ${effort}`);
  if (facts.reasoning && effort !== "none") {
    broken.push(...samplingKeys.filter((key) => body[key] !== undefined && body[key] !== 1));
  }
  if (facts.reasoning && body["max_tokens"] !== undefined) broken.push("max_tokens");
  if ((asArray(body["stop"])?.length ?? 1) > 4 || asArray(body["stop"])?.length === 0) broken.push("stop");
  if (body["stream_options"] !== undefined && body["stream"] !== true) broken.push("stream_options");
  if (body["top_logprobs"] !== undefined && body["logprobs"] !== true) broken.push("top_logprobs");
  if (body["metadata"] !== undefined && body["store"] !== true) broken.push("metadata");
  if ((asString(body["safety_identifier"]) ?? "").length > 128) broken.push("safety_identifier");
  const schema = asObject(asObject(body["response_format"])?.["json_schema"]);
  if (schema?.["strict"] === true) broken.push(...looseObjects(schema["schema"], "response_format"));
  if (schema !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(asString(schema["name"]) ?? "")) broken.push("format name");
  return broken;
}

function brokenMarks(messages: readonly JsonObject[]): string[] {
  const marks = messages
    .flatMap(({ content }) => objects(content))
    .filter(({ prompt_cache_breakpoint: mark }) => mark !== undefined);
  return marks.length > 4 ? [`${marks.length} cache marks`] : [];
}

function undefinedMembers(value: Json | undefined, at: string): string[] {
  if (value === undefined) return [`${at} undefined`];
  if (Array.isArray(value)) return value.flatMap((each, index) => undefinedMembers(each, `${at}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => undefinedMembers(each, `${at}.${key}`));
}

function objects(value: Json | undefined): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}

/** Content and tools of a request that are neither in what was written nor in its losses, by their paths. */
export function unaccounted(request: CanonicalRequest, { body, losses }: WrittenRequest): string[] {
  const sent = JSON.stringify(body);
  const isTold = (path: string) => losses.some((loss) => path === loss.path || path.startsWith(`${loss.path}.`));
  const missing = (path: string, texts: readonly string[]) =>
    texts.every((text) => sent.includes(JSON.stringify(text).slice(1, -1))) || isTold(path) ? [] : [path];
  return [
    ...request.instructions.flatMap(({ text }, index) => missing(`instructions[${index}]`, [text])),
    ...request.tools.flatMap((tool, index) =>
      missing(`tools[${index}]`, [tool.type === "builtin" ? tool.tool : tool.name]),
    ),
    ...request.turns.flatMap(({ blocks }, turn) =>
      blocks.flatMap((block, index) => missing(`turns[${turn}].blocks[${index}]`, contentOf(block))),
    ),
  ];
}

/** What of a block must be found in the request. Chat of OpenAI's takes no reasoning, which nobody has to be told. */
function contentOf(block: Block): readonly string[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return [block.text];
    case "tool-call":
      return block.kind === "function" ? [block.argumentsText] : [];
    case "tool-result":
      return block.content.flatMap(contentOf);
    case "media": {
      const { source } = block;
      return source.by === "base64" ? [source.data] : source.by === "url" ? [source.url] : [];
    }
    case "search-result":
      return [block.title, block.source];
    case "reasoning":
      return [];
    case "server-tool":
    case "code":
    case "compaction":
    case "opaque":
      return ["what has no place in Chat"];
  }
}
