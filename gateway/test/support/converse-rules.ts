import { modelFacts } from "../../src/dialects/bedrock-converse/models.ts";
import { asArray, asNumber, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";

/** Members of `ConverseRequest` in @aws-sdk/client-bedrock-runtime 3.1162; the model is in the path. */
const keys = new Set(
  `messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields promptVariables
  additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier outputConfig`.split(/\s+/),
);

/** Members of the union `ContentBlock` that a role may have. */
const blocks: { readonly [role: string]: ReadonlySet<string> } = {
  user: new Set("text image document video audio toolResult guardContent cachePoint searchResult".split(" ")),
  assistant: new Set("text toolUse reasoningContent citationsContent cachePoint".split(" ")),
};
const resultBlocks = new Set("text json image document video searchResult".split(" "));

/** What the Converse API would refuse of a request for the model, in words; nothing when it is sound. */
export function brokenRules(body: JsonObject, model: string): string[] {
  const facts = modelFacts(model);
  const messages = objects(body["messages"]);
  const broken: string[] = [...undefinedMembers(body, "")];
  const check = (isSound: boolean, words: string) => isSound || broken.push(words);
  for (const key of Object.keys(body)) check(keys.has(key), `unknown parameter ${key}`);
  check(messages.length > 0, "no messages");
  for (const [index, message] of messages.entries()) {
    const role = index % 2 === 0 ? "user" : "assistant";
    check(message["role"] === role, `messages[${index}] is not the ${role}'s: roles must alternate`);
    broken.push(...brokenMessage(message, `messages[${index}]`));
  }
  check(messages.at(-1)?.["role"] !== "assistant" || facts.prefill, "a conversation must end with a user message");
  const names = documents(messages).map(({ name }) => asString(name) ?? "");
  for (const name of names) check(/^(?!.*\s\s)[a-zA-Z0-9\s()[\]-]{1,200}$/.test(name), `document name ${name}`);
  check(new Set(names).size === names.length, "duplicate document names");
  for (const block of objects(body["system"])) {
    const [member = ""] = Object.keys(block);
    check(member === "text" || member === "cachePoint", `system has ${member}`);
    check(block["text"] === undefined || !isBlank(block["text"]), "system has a blank text");
  }
  broken.push(...brokenCalls(messages, model), ...brokenTools(body, messages, model), ...brokenPoints(body, model));
  broken.push(...brokenConfig(body, model), ...brokenThinking(body, messages, model));
  return broken;
}

function brokenMessage(message: JsonObject, at: string): string[] {
  const role = asString(message["role"]) ?? "";
  const content = objects(message["content"]);
  const broken: string[] = content.length === 0 ? [`${at} is empty`] : [];
  for (const block of content) {
    const [member = "", ...others] = Object.keys(block);
    if (others.length > 0) broken.push(`${at} has a block of several kinds`);
    const isServers = isObject(block[member]) && (asString(block[member]["type"]) ?? "").endsWith("_result");
    if (blocks[role]?.has(member) !== true && !isServers) broken.push(`${at} has a ${member}`);
    if (member === "text" && isBlank(block["text"])) broken.push(`${at} has a blank text`);
    const toolUse = asObject(block["toolUse"]);
    if (toolUse !== undefined && !isObject(toolUse["input"])) broken.push(`${at} has input that is no object`);
    const results = objects(asObject(block["toolResult"])?.["content"]);
    if (member === "toolResult" && results.length === 0) broken.push(`${at} has an empty result`);
    for (const each of results) {
      const [kind = ""] = Object.keys(each);
      if (!resultBlocks.has(kind)) broken.push(`${at} has a ${kind} in a result`);
      if (kind === "text" && isBlank(each["text"])) broken.push(`${at} has a blank text in a result`);
    }
  }
  const hasDocument = content.some(({ document }) => document !== undefined);
  if (hasDocument && !content.some(({ text }) => text !== undefined)) broken.push(`${at} has a document without text`);
  return broken;
}

/** Every call is answered at the beginning of the next message, in order, and nothing else is. */
function brokenCalls(messages: readonly JsonObject[], model: string): string[] {
  const broken: string[] = [];
  const seen = new Set<string>();
  const valid = model.includes("claude") ? /^[a-zA-Z0-9_-]{1,64}$/ : /^[a-zA-Z0-9_.:-]{1,64}$/;
  for (const [index, message] of messages.entries()) {
    const ids = objects(message["content"]).flatMap(({ toolUse }) =>
      isObject(toolUse) && toolUse["type"] === undefined ? [asString(toolUse["toolUseId"]) ?? ""] : [],
    );
    for (const id of ids) {
      if (!valid.test(id)) broken.push(`call id ${id}`);
      if (seen.has(id)) broken.push(`call id ${id} twice`);
      seen.add(id);
    }
    const next = objects(messages[index + 1]?.["content"]);
    const results = next.flatMap(({ toolResult }) => (isObject(toolResult) ? [asString(toolResult["toolUseId"])] : []));
    if (message["role"] === "assistant" && ids.join() !== results.join()) {
      broken.push(`calls ${ids.join()} have the results ${results.join()}`);
    }
    const leading = next.filter(({ cachePoint }) => cachePoint === undefined).slice(0, results.length);
    if (leading.some(({ toolResult }) => toolResult === undefined)) broken.push("results do not come first");
  }
  return broken;
}

function brokenTools(body: JsonObject, messages: readonly JsonObject[], model: string): string[] {
  const config = asObject(body["toolConfig"]);
  const tools = objects(config?.["tools"]);
  const isUsed = messages
    .flatMap(({ content }) => objects(content))
    .some((block) => block["toolUse"] ?? block["toolResult"]);
  const broken: string[] = [];
  if (isUsed && tools.length === 0) broken.push("toolConfig must be defined when using toolUse and toolResult");
  if (config !== undefined && tools.length === 0) broken.push("an empty toolConfig");
  const specs = tools.flatMap(({ toolSpec }) => (isObject(toolSpec) ? [toolSpec] : []));
  const names = specs.map(({ name }) => asString(name) ?? "");
  if (new Set(names).size < names.length) broken.push("a tool declared twice");
  for (const spec of specs) {
    const schema = asObject(asObject(spec["inputSchema"])?.["json"]);
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(asString(spec["name"]) ?? "")) broken.push(`tool name ${asString(spec["name"])}`);
    if (spec["description"] === "") broken.push("an empty description");
    if (schema?.["type"] !== "object") broken.push(`schema of ${asString(spec["name"])} is no object`);
  }
  const choice = asObject(config?.["toolChoice"]);
  if (choice === undefined) return broken;
  const [kind = ""] = Object.keys(choice);
  const { forcing } = modelFacts(model);
  if (!["auto", "any", "tool"].includes(kind)) broken.push(`toolChoice ${kind}`);
  if (kind === "any" && forcing === "none") broken.push("a forced tool");
  if (kind === "tool" && forcing !== "tool") broken.push("a certain tool");
  const chosen = asString(asObject(choice["tool"])?.["name"]);
  return chosen !== undefined && !names.includes(chosen) ? [...broken, "an unknown choice"] : broken;
}

function brokenPoints(body: JsonObject, model: string): string[] {
  const tools = objects(asObject(body["toolConfig"])?.["tools"]);
  const lists = [tools, objects(body["system"]), ...objects(body["messages"]).map(({ content }) => objects(content))];
  const broken: string[] = [];
  const ttls = lists.flat().flatMap(({ cachePoint }) => (isObject(cachePoint) ? [cachePoint["ttl"] ?? "5m"] : []));
  if (ttls.length > 4) broken.push(`${ttls.length} cache points`);
  if (ttls.length > 0 && !modelFacts(model).caching) broken.push("cache points for a model that has none");
  if (ttls.includes("5m") && ttls.lastIndexOf("1h") > ttls.indexOf("5m")) broken.push("1h after 5m");
  for (const list of lists) {
    for (const [index, { cachePoint }] of list.entries()) {
      const before = list[index - 1];
      const isLoose = before === undefined || before["cachePoint"] !== undefined;
      if (cachePoint !== undefined && isLoose) broken.push("a cache point behind nothing");
    }
  }
  return broken;
}

function brokenConfig(body: JsonObject, model: string): string[] {
  const config = asObject(body["inferenceConfig"]) ?? {};
  const broken: string[] = [];
  const within = (key: string, minimum: number, maximum: number) => {
    const value = asNumber(config[key]);
    if (value !== undefined && (value < minimum || value > maximum)) broken.push(`${key} ${value}`);
  };
  within("temperature", 0, 1);
  within("topP", 0, 1);
  within("maxTokens", 1, modelFacts(model).claude?.outputTokensMax ?? Infinity);
  for (const sequence of asArray(config["stopSequences"]) ?? [])
    if (isBlank(sequence)) broken.push("a blank stop sequence");
  const { claude } = modelFacts(model);
  const fields = asObject(body["additionalModelRequestFields"]) ?? {};
  const sampling = [config["temperature"], config["topP"], fields["top_k"]];
  if (claude?.sampling === "none" && sampling.some((each) => each !== undefined)) broken.push("sampling");
  if (claude?.sampling === "one" && sampling[0] !== undefined && sampling[1] !== undefined)
    broken.push("two of sampling");
  for (const [key, value] of Object.entries(asObject(body["requestMetadata"]) ?? {})) {
    for (const text of [key, value]) {
      const isSound = typeof text === "string" && /^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$/.test(text);
      if (!isSound) broken.push("request metadata");
    }
  }
  return broken;
}

function brokenThinking(body: JsonObject, messages: readonly JsonObject[], model: string): string[] {
  const { claude } = modelFacts(model);
  const fields = asObject(body["additionalModelRequestFields"]);
  const thinking = asObject(fields?.["thinking"]);
  const type = asString(thinking?.["type"]);
  if (claude === undefined) return type === undefined ? [] : ["thinking for a model that is not Claude"];
  const broken: string[] = [];
  if (type !== undefined && !claude.thinking.some((each) => each === type)) broken.push(`thinking ${type}`);
  const effort = asString(asObject(fields?.["output_config"])?.["effort"]);
  if (effort !== undefined && !claude.efforts.some((each) => each === effort)) broken.push(`effort ${effort}`);
  if (type !== "enabled") return broken;
  const budget = asNumber(thinking?.["budget_tokens"]) ?? 0;
  const limit = asNumber(asObject(body["inferenceConfig"])?.["maxTokens"]) ?? 0;
  if (budget < 1024 || budget >= limit) broken.push(`budget ${budget} of ${limit}`);
  const choice = asObject(asObject(body["toolConfig"])?.["toolChoice"]);
  if (choice?.["any"] !== undefined || choice?.["tool"] !== undefined) broken.push("thinking and force");
  const last = messages.findLast(({ role }) => role === "assistant");
  const content = objects(last?.["content"]);
  const calls = content.some(({ toolUse }) => toolUse !== undefined);
  if (calls && content[0]?.["reasoningContent"] === undefined) broken.push("a call without the thoughts before it");
  return broken;
}

function documents(messages: readonly JsonObject[]): JsonObject[] {
  return messages
    .flatMap(({ content }) => objects(content))
    .flatMap((block) => [block, ...objects(asObject(block["toolResult"])?.["content"])])
    .flatMap(({ document }) => (isObject(document) ? [document] : []));
}

function undefinedMembers(value: Json | undefined, at: string): string[] {
  if (value === undefined) return [`${at} undefined`];
  if (Array.isArray(value)) return value.flatMap((each, index) => undefinedMembers(each, `${at}[${index}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => undefinedMembers(each, `${at}.${key}`));
}

function isBlank(value: Json | undefined): boolean {
  return typeof value !== "string" || value.trim() === "";
}

function objects(value: Json | undefined): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}
