import { asArray, asObject, asString, type Json, type JsonObject } from "../../src/lib/json.ts";

/** Top-level keys of `ResponseCreateParams` in openai 7.55. */
const keys = new Set(
  `access_programs background context_management conversation image include input instructions max_output_tokens
  max_tool_calls metadata model moderation parallel_tool_calls previous_response_id prompt prompt_cache_key
  prompt_cache_options prompt_cache_retention reasoning safety_identifier service_tier store stream stream_options
  temperature text tool_choice tools top_logprobs top_p truncation user`.split(/\s+/),
);

const inputParts = new Set(["input_text", "input_image", "input_file"]);
const outputParts = new Set(["output_text", "refusal"]);
const answerItems = /^(message|.*_call|reasoning|program|mcp_.*|compaction|item_reference)$/;
const outputOf: { readonly [call: string]: string } = {
  function_call: "function_call_output",
  custom_tool_call: "custom_tool_call_output",
};

/** What the Responses API would refuse of a translated request, in words; nothing when it is sound. */
export function brokenRules(body: JsonObject): string[] {
  const items = (asArray(body["input"]) ?? []).map((item) => asObject(item) ?? {});
  return [
    ...Object.keys(body).flatMap((key) => (keys.has(key) ? [] : [`unknown parameter ${key}`])),
    ...(items.length === 0 ? ["no input"] : []),
    ...items.flatMap(brokenItem),
    ...brokenCalls(items),
    ...brokenReasoning(items),
    ...brokenTools(body),
    ...brokenSettings(body),
  ];
}

function brokenItem(item: JsonObject, index: number): string[] {
  const at = `input[${index}]`;
  const type = asString(item["type"]) ?? "";
  const problems = Object.entries(item).flatMap(([key, value]) =>
    value === undefined ? [`${at}.${key} undefined`] : [],
  );
  if (type === "") problems.push(`${at} has no type`);
  if (type !== "reasoning" && type !== "compaction" && item["id"] !== undefined) problems.push(`${at} has an id`);
  if (type === "message") problems.push(...brokenMessage(item, at));
  if (type === "function_call" && typeof item["arguments"] !== "string") problems.push(`${at} has no arguments`);
  if (type === "custom_tool_call" && typeof item["input"] !== "string") problems.push(`${at} has no input`);
  if (type.endsWith("_output") && Array.isArray(item["output"]))
    problems.push(...brokenParts(item["output"], inputParts, at));
  return problems;
}

function brokenMessage(item: JsonObject, at: string): string[] {
  const role = asString(item["role"]) ?? "";
  if (!["user", "assistant", "system", "developer"].includes(role)) return [`${at} has the role ${role}`];
  if (item["phase"] !== undefined && role !== "assistant") return [`${at} has a phase`];
  if (typeof item["content"] === "string") return [];
  return brokenParts(item["content"], role === "assistant" ? outputParts : inputParts, at);
}

function brokenParts(content: Json | undefined, allowed: ReadonlySet<string>, at: string): string[] {
  const parts = asArray(content) ?? [];
  if (parts.length === 0) return [`${at} has no content`];
  return parts.flatMap((part) => {
    const object = asObject(part) ?? {};
    const type = asString(object["type"]) ?? "";
    if (!allowed.has(type)) return [`${at} has a ${type} part`];
    const text = object["text"] ?? object["refusal"];
    if (/text|refusal/.test(type) && typeof text !== "string") return [`${at} has a text without text`];
    const sources = ["image_url", "file_id", "file_data", "file_url"].filter((key) => object[key] !== undefined);
    return /image|file/.test(type) && sources.length !== 1 ? [`${at} has a medium with ${sources.length} sources`] : [];
  });
}

/** Every output answers a call before it, every call that something follows is answered, and no call id is used twice. */
function brokenCalls(items: readonly JsonObject[]): string[] {
  const open = new Map<string, string>();
  const used = new Set<string>();
  const problems: string[] = [];
  for (const [index, item] of items.entries()) {
    const type = asString(item["type"]) ?? "";
    const id = asString(item["call_id"]) ?? "";
    const output = outputOf[type];
    if (output !== undefined) {
      if (id === "" || id.length > 64) problems.push(`input[${index}] has the call id ${id}`);
      if (used.has(id)) problems.push(`call id ${id} is used twice`);
      used.add(id);
      open.set(id, output);
    } else if (Object.values(outputOf).includes(type)) {
      if (open.get(id) !== type) problems.push(`input[${index}] answers no call`);
      open.delete(id);
    } else if (type === "message" && item["role"] === "user" && open.size > 0) {
      problems.push(`input[${index}] comes before the outputs of ${[...open.keys()].join(", ")}`);
    }
  }
  return problems;
}

function brokenReasoning(items: readonly JsonObject[]): string[] {
  return items.flatMap((item, index) => {
    const next = items[index + 1];
    const isFollowed =
      answerItems.test(asString(next?.["type"]) ?? "") && (next?.["role"] ?? "assistant") === "assistant";
    return item["type"] !== "reasoning" || isFollowed ? [] : [`input[${index}] is reasoning without what it led to`];
  });
}

function brokenTools(body: JsonObject): string[] {
  const tools = (asArray(body["tools"]) ?? []).map((tool) => asObject(tool) ?? {});
  const problems = tools.flatMap((tool) => {
    const name = asString(tool["name"]) ?? "";
    if (tool["type"] !== "function") return [];
    return [
      ...(/^[A-Za-z0-9_-]{1,64}$/.test(name) ? [] : [`the tool name ${name}`]),
      ...(typeof tool["strict"] === "boolean" ? [] : [`${name} does not say whether it is strict`]),
      ...(asObject(tool["parameters"])?.["type"] === "object" ? [] : [`${name} has no object as parameters`]),
    ];
  });
  const isAlone = tools.length === 0 && (body["tool_choice"] ?? body["parallel_tool_calls"]) !== undefined;
  return isAlone ? [...problems, "a tool choice without tools"] : problems;
}

function brokenSettings(body: JsonObject): string[] {
  const tokens = body["max_output_tokens"];
  const format = asObject(asObject(body["text"])?.["format"]);
  const asksForJson = format?.["type"] === "json_object" && !/json/i.test(JSON.stringify(body["input"]));
  return [
    ...(typeof tokens === "number" && tokens < 16 ? ["too few output tokens"] : []),
    ...(body["store"] === false ? [] : ["the answer is stored"]),
    ...(asksForJson ? ["JSON is not asked for in the input"] : []),
    ...(format?.["type"] === "json_schema" && !/^[A-Za-z0-9_-]{1,64}$/.test(asString(format["name"]) ?? "")
      ? ["a format without a name"]
      : []),
  ];
}
