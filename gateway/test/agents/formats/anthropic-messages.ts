import { asArray, asObject, asString, type JsonObject } from "../../../src/lib/json.ts";
import { brokenRules } from "../../support/messages-rules.ts";
import { halves, sse, type Format } from "./format.ts";
import { textOf } from "./text-of.ts";

/** https://docs.anthropic.com/en/api/messages-streaming */
export const anthropicMessages: Format = {
  dialect: "anthropic-messages",
  kind: "anthropic",
  basePath: "",
  model: "claude-opus-4-8",
  isStreamed: (_target, body) => body["stream"] === true,
  brokenRules,
  readTurn(body) {
    const blocks = (asArray(body["messages"]) ?? [])
      .flatMap((message) => asArray(asObject(message)?.["content"]) ?? [])
      .map((block) => asObject(block) ?? {});
    const calls = blocks
      .filter(({ type }) => type === "tool_use")
      .map((block) => ({
        id: asString(block["id"]) ?? "",
        name: asString(block["name"]) ?? "",
        arguments: asObject(block["input"]) ?? {},
      }));
    const results = blocks
      .filter(({ type }) => type === "tool_result")
      .map((block) => ({ callId: asString(block["tool_use_id"]) ?? "", text: textOf(block["content"]) }));
    const tools = (asArray(body["tools"]) ?? []).map((tool) => asString(asObject(tool)?.["name"]) ?? "");
    return { tools, calls, results };
  },
  callStream({ id, name, arguments: input }) {
    const pieces = halves(JSON.stringify(input)).map((piece) => ({ type: "input_json_delta", partial_json: piece }));
    return stream({ type: "tool_use", id, name, input: {} }, pieces, "tool_use");
  },
  textStream(text) {
    const pieces = halves(text).map((piece) => ({ type: "text_delta", text: piece }));
    return stream({ type: "text", text: "" }, pieces, "end_turn");
  },
  textBody: (text) => ({
    ...message,
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    usage: { input_tokens: 900, output_tokens: 9 },
  }),
  rateLimit: (seconds) => ({
    ...error(429, "rate_limit_error", "This request would exceed your rate limit: scripted."),
    headers: { "retry-after": String(seconds) },
  }),
  errors: {
    "wrong-key": error(401, "authentication_error", "invalid x-api-key: scripted."),
    "server-error": error(500, "api_error", "Internal server error: scripted."),
    overloaded: error(529, "overloaded_error", "Overloaded: scripted."),
    "context-length": error(400, "invalid_request_error", "prompt is too long: 205000 tokens > 200000 maximum"),
  },
};

const message = {
  id: "msg_scripted",
  type: "message",
  role: "assistant",
  model: "claude-opus-4-8",
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 900, output_tokens: 1 },
};

function stream(block: JsonObject, deltas: readonly JsonObject[], reason: string): readonly string[] {
  const events: readonly JsonObject[] = [
    { type: "message_start", message },
    { type: "content_block_start", index: 0, content_block: block },
    ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: reason, stop_sequence: null },
      usage: { input_tokens: 900, output_tokens: 9 },
    },
    { type: "message_stop" },
  ];
  return events.map((event) => sse(event, asString(event["type"])));
}

function error(status: number, type: string, message: string) {
  return { status, body: { type: "error", error: { type, message } } };
}
