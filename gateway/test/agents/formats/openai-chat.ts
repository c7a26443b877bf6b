import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "../../../src/lib/json.ts";
import { brokenRules } from "../../support/chat-rules.ts";
import { halves, sse, type Format } from "./format.ts";
import { textOf } from "./text-of.ts";

/** https://platform.openai.com/docs/api-reference/chat-streaming */
export const openaiChat: Format = {
  dialect: "openai-chat",
  kind: "openai",
  basePath: "/v1",
  model: "gpt-4.1",
  isStreamed: (_target, body) => body["stream"] === true,
  brokenRules,
  readTurn(body) {
    const messages = (asArray(body["messages"]) ?? []).map((message) => asObject(message) ?? {});
    const calls = messages.flatMap((message) => (asArray(message["tool_calls"]) ?? []).map(readCall));
    const results = messages
      .filter(({ role }) => role === "tool")
      .map((message) => ({ callId: asString(message["tool_call_id"]) ?? "", text: textOf(message["content"]) }));
    const tools = (asArray(body["tools"]) ?? []).map((tool) => nameOf(asObject(tool)?.["function"]));
    return { tools, calls, results };
  },
  callStream({ id, name, arguments: input }) {
    const [first, second] = halves(JSON.stringify(input));
    return [
      chunk({ role: "assistant", content: null }),
      chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: "" } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: first } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: second } }] }),
      chunk({}, "tool_calls"),
      ...ending,
    ];
  },
  textStream(text) {
    const [first, second] = halves(text);
    return [
      chunk({ role: "assistant", content: "" }),
      chunk({ content: first }),
      chunk({ content: second }),
      chunk({}, "stop"),
      ...ending,
    ];
  },
  textBody: (content) => ({
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content, refusal: null }, finish_reason: "stop" }],
    usage,
  }),
  rateLimit: (seconds) => ({
    ...error(429, "rate_limit_exceeded", "requests", "Rate limit reached for gpt-4.1: scripted."),
    headers: { "retry-after": String(seconds) },
  }),
  errors: {
    "wrong-key": error(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided: scripted."),
    "server-error": error(500, null, "server_error", "The server had an error: scripted."),
    overloaded: error(503, null, "server_error", "The engine is currently overloaded: scripted."),
    "context-length": error(
      400,
      "context_length_exceeded",
      "invalid_request_error",
      "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
    ),
  },
};

function nameOf(holder: Json | undefined): string {
  return asString(asObject(holder)?.["name"]) ?? "";
}

function readCall(value: Json) {
  const call = asObject(value) ?? {};
  const written = asString(asObject(call["function"])?.["arguments"]) ?? "";
  return {
    id: asString(call["id"]) ?? "",
    name: nameOf(call["function"]),
    arguments: asObject(parseJson(written)) ?? {},
  };
}

const head = { id: "chatcmpl-scripted", object: "chat.completion.chunk", created: 1_770_000_000, model: "gpt-4.1" };

function chunk(delta: JsonObject, finish: string | null = null): string {
  return sse({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] });
}

const usage = { prompt_tokens: 900, completion_tokens: 9, total_tokens: 909 };
const ending = [sse({ ...head, choices: [], usage }), sse("[DONE]")];

function error(status: number, code: string | null, type: string, message: string) {
  return { status, body: { error: { message, type, param: null, code } } };
}
