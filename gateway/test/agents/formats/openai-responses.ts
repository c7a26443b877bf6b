import { asArray, asObject, asString, parseJson, type JsonObject } from "../../../src/lib/json.ts";
import { brokenRules } from "../../support/responses-rules.ts";
import { halves, sse, type Format } from "./format.ts";
import { textOf } from "./text-of.ts";

/** https://platform.openai.com/docs/api-reference/responses-streaming */
export const openaiResponses: Format = {
  dialect: "openai-responses",
  kind: "openai",
  basePath: "/v1",
  model: "gpt-5.5",
  isStreamed: (_target, body) => body["stream"] === true,
  brokenRules,
  readTurn(body) {
    const items = (asArray(body["input"]) ?? []).map((item) => asObject(item) ?? {});
    const calls = items
      .filter(({ type }) => type === "function_call")
      .map((item) => ({
        id: asString(item["call_id"]) ?? "",
        name: asString(item["name"]) ?? "",
        arguments: asObject(parseJson(asString(item["arguments"]) ?? "")) ?? {},
      }));
    const results = items
      .filter(({ type }) => type === "function_call_output")
      .map((item) => ({ callId: asString(item["call_id"]) ?? "", text: textOf(item["output"]) }));
    const tools = (asArray(body["tools"]) ?? []).map((tool) => asString(asObject(tool)?.["name"]) ?? "");
    return { tools, calls, results };
  },
  callStream({ id, name, arguments: input }) {
    const written = JSON.stringify(input);
    const [first, second] = halves(written);
    const item = { type: "function_call", id: "fc_scripted", call_id: id, name };
    const whole = { ...item, arguments: written, status: "completed" };
    const place = { item_id: "fc_scripted", output_index: 0 };
    return stream(whole, [
      {
        type: "response.output_item.added",
        output_index: 0,
        item: { ...item, arguments: "", status: "in_progress" },
      },
      { type: "response.function_call_arguments.delta", ...place, delta: first },
      { type: "response.function_call_arguments.delta", ...place, delta: second },
      { type: "response.function_call_arguments.done", ...place, arguments: written },
      { type: "response.output_item.done", output_index: 0, item: whole },
    ]);
  },
  textStream(text) {
    const [first, second] = halves(text);
    const part = outputText(text);
    const whole = { ...message, content: [part], status: "completed" };
    const place = { item_id: "msg_scripted", output_index: 0, content_index: 0 };
    return stream(whole, [
      { type: "response.output_item.added", output_index: 0, item: { ...message, content: [], status: "in_progress" } },
      { type: "response.content_part.added", ...place, part: { ...part, text: "" } },
      { type: "response.output_text.delta", ...place, delta: first, logprobs: [] },
      { type: "response.output_text.delta", ...place, delta: second, logprobs: [] },
      { type: "response.output_text.done", ...place, text, logprobs: [] },
      { type: "response.content_part.done", ...place, part },
      { type: "response.output_item.done", output_index: 0, item: whole },
    ]);
  },
  textBody: (text) => ({
    ...response,
    status: "completed",
    output: [{ ...message, content: [outputText(text)], status: "completed" }],
    usage,
  }),
  rateLimit: (seconds) => ({
    ...error(429, "rate_limit_exceeded", "requests", "Rate limit reached for gpt-5.5: scripted."),
    headers: { "retry-after": String(seconds) },
  }),
  errors: {
    "wrong-key": error(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided: scripted."),
    "server-error": error(500, null, "server_error", "The server had an error: scripted."),
    overloaded: error(503, "server_is_overloaded", "server_error", "Our servers are currently overloaded: scripted."),
    "context-length": error(
      400,
      "context_length_exceeded",
      "invalid_request_error",
      "Your input exceeds the context window of this model. Please adjust your input and try again.",
    ),
  },
};

const response = {
  id: "resp_scripted",
  object: "response",
  created_at: 1_770_000_000,
  model: "gpt-5.5",
  error: null,
  incomplete_details: null,
};

const message = { type: "message", id: "msg_scripted", role: "assistant" };

function outputText(text: string) {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

const usage = {
  input_tokens: 900,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 9,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 909,
};

/** The events of a response with one output item, numbered, between those that open and complete it. */
function stream(output: JsonObject, events: readonly JsonObject[]): readonly string[] {
  const open = { ...response, status: "in_progress", output: [], usage: null };
  const all = [
    { type: "response.created", response: open },
    { type: "response.in_progress", response: open },
    ...events,
    { type: "response.completed", response: { ...response, status: "completed", output: [output], usage } },
  ];
  return all.map((event, index) => sse({ ...event, sequence_number: index }, asString(event.type)));
}

function error(status: number, code: string | null, type: string, message: string) {
  return { status, body: { error: { message, type, param: null, code } } };
}
