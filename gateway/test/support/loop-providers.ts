import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Step } from "./memory-transport.ts";

/*
 * Providers that think, keep state which only they can read, and call a tool: how each format answers, and what each format's
 * request says of what came before.
 */

/** One answer: what was thought, the state it left, and the call; without a call it is the last one. */
export type LoopAnswer = {
  readonly thought: string;
  readonly state: string;
  readonly call?: { readonly id: string; readonly name: string; readonly arguments: JsonObject };
};

/** What a provider was sent of the conversation so far. */
export type LoopRequest = {
  /** Opaque values where the format has them, in order. */
  readonly states: readonly string[];
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: Json | undefined }[];
  readonly results: readonly { readonly id: string; readonly text: string }[];
};

export type LoopProvider = {
  /** The only model of the provider, under which clients ask for it. */
  readonly model: string;
  readonly configuration: string;
  readonly answer: (answer: LoopAnswer, turn: number, stream: boolean) => readonly Step[];
  readonly read: (body: JsonObject) => LoopRequest;
};

export const loopProviders: Readonly<Record<ClientDialectId, LoopProvider>> = {
  "openai-chat": {
    model: "anthropic/claude-sonnet-4.6",
    configuration: "kind: openrouter, models: [anthropic/claude-sonnet-4.6]",
    answer: answerInChat,
    read: readChat,
  },
  "openai-responses": {
    model: "gpt-5.6",
    configuration: "kind: openai, dialects: [openai-responses], models: [gpt-5.6]",
    answer: answerInResponses,
    read: readResponses,
  },
  "anthropic-messages": {
    model: "claude-sonnet-4-6",
    configuration: "kind: anthropic, models: [claude-sonnet-4-6]",
    answer: answerInMessages,
    read: readMessages,
  },
  gemini: {
    model: "gemini-3.5-flash",
    configuration: "kind: gemini, dialects: [gemini], models: [gemini-3.5-flash]",
    answer: answerInGemini,
    read: readGemini,
  },
};

function json(body: JsonObject): Step[] {
  return [{ headers: { "content-type": "application/json" } }, { data: JSON.stringify(body) }, { end: true }];
}

function events(
  payloads: readonly JsonObject[],
  options: { readonly named?: boolean; readonly done?: boolean } = {},
): Step[] {
  const frames = payloads.map((payload) => {
    const name = options.named === true ? `event: ${asString(payload["type"]) ?? ""}\n` : "";
    return `${name}data: ${JSON.stringify(payload)}\n\n`;
  });
  const all = options.done === true ? [...frames, "data: [DONE]\n\n"] : frames;
  return [{ headers: { "content-type": "text/event-stream" } }, ...all.map((data) => ({ data })), { end: true }];
}

function answerInChat({ thought, state, call }: LoopAnswer, turn: number, stream: boolean): Step[] {
  const detail = { type: "reasoning.text", text: thought, signature: state, format: "anthropic-claude-v1", index: 0 };
  const function_ = call && { name: call.name, arguments: JSON.stringify(call.arguments) };
  const said = call === undefined ? { content: "Done." } : { content: null };
  const message: JsonObject = { role: "assistant", ...said, reasoning: thought, reasoning_details: [detail] };
  const finish_reason = call === undefined ? "stop" : "tool_calls";
  const head = { id: `gen-${turn}`, created: 1_700_000_000, model: "anthropic/claude-sonnet-4.6" };
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  if (!stream) {
    const tool_calls = call && [{ id: call.id, type: "function", function: function_ ?? null }];
    const choice = { index: 0, message: { ...message, ...(tool_calls && { tool_calls }) }, finish_reason };
    return json({ ...head, object: "chat.completion", choices: [choice], usage });
  }
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const calling =
    call && chunk({ tool_calls: [{ index: 0, id: call.id, type: "function", function: function_ ?? null }] });
  const all = [
    chunk(message),
    ...(calling ? [calling] : []),
    chunk({}, finish_reason),
    { ...head, choices: [], usage },
  ];
  return events(all, { done: true });
}

function answerInResponses({ thought, state, call }: LoopAnswer, turn: number, stream: boolean): Step[] {
  const reasoning: JsonObject = {
    type: "reasoning",
    id: `rs_${turn}`,
    summary: [{ type: "summary_text", text: thought }],
    encrypted_content: state,
  };
  const text = { type: "output_text", text: "Done.", annotations: [] };
  const last: JsonObject =
    call === undefined
      ? { type: "message", id: `msg_${turn}`, role: "assistant", status: "completed", content: [text] }
      : {
          type: "function_call",
          id: `fc_${turn}`,
          call_id: call.id,
          name: call.name,
          arguments: JSON.stringify(call.arguments),
          status: "completed",
        };
  const response = {
    id: `resp_${turn}`,
    object: "response",
    created_at: 1_700_000_000,
    model: "gpt-5.6",
    status: "completed",
    output: [reasoning, last],
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
  };
  if (!stream) return json(response);
  const items = [reasoning, last].flatMap((item, output_index) => [
    { type: "response.output_item.added", output_index, item: started(item) },
    ...deltas(item, output_index),
    { type: "response.output_item.done", output_index, item },
  ]);
  const created = { type: "response.created", response: { ...response, status: "in_progress", output: [] } };
  const all: JsonObject[] = [created, ...items, { type: "response.completed", response }];
  return events(
    all.map((event, sequence_number) => ({ ...event, sequence_number })),
    { named: true },
  );
}

/** An item as it begins: what its deltas bring is empty. */
function started(item: JsonObject): JsonObject {
  const empty = { message: { content: [] }, function_call: { arguments: "" }, reasoning: { summary: [] } };
  const type = item["type"] === "message" || item["type"] === "function_call" ? item["type"] : "reasoning";
  return { ...item, ...empty[type], ...(type === "reasoning" ? {} : { status: "in_progress" }) };
}

function deltas(item: JsonObject, output_index: number): JsonObject[] {
  const place = { item_id: item["id"] ?? null, output_index };
  if (item["type"] === "function_call") {
    const whole = asString(item["arguments"]) ?? "";
    return [
      { type: "response.function_call_arguments.delta", ...place, delta: whole },
      { type: "response.function_call_arguments.done", ...place, arguments: whole },
    ];
  }
  const isReasoning = item["type"] === "reasoning";
  const part = asObject(asArray(item[isReasoning ? "summary" : "content"])?.[0]) ?? {};
  const text = asString(part["text"]) ?? "";
  const [stem, index] = isReasoning ? ["reasoning_summary", "summary_index"] : ["output_text", "content_index"];
  const partStem = isReasoning ? "reasoning_summary_part" : "content_part";
  const textStem = isReasoning ? `${stem}_text` : stem;
  const at = { ...place, [index ?? ""]: 0 };
  return [
    { type: `response.${partStem}.added`, ...at, part: { ...part, text: "" } },
    { type: `response.${textStem}.delta`, ...at, delta: text },
    { type: `response.${textStem}.done`, ...at, text },
    { type: `response.${partStem}.done`, ...at, part },
  ];
}

function answerInMessages({ thought, state, call }: LoopAnswer, turn: number, stream: boolean): Step[] {
  const thinking = { type: "thinking", thinking: thought, signature: state };
  const last: JsonObject =
    call === undefined
      ? { type: "text", text: "Done." }
      : { type: "tool_use", id: call.id, name: call.name, input: call.arguments };
  const stop_reason = call === undefined ? "end_turn" : "tool_use";
  const usage = { input_tokens: 10, output_tokens: 5 };
  const message = { id: `msg_${turn}`, type: "message", role: "assistant", model: "claude-sonnet-4-6", usage };
  if (!stream) return json({ ...message, content: [thinking, last], stop_reason, stop_sequence: null });
  const [start, delta]: readonly JsonObject[] =
    call === undefined
      ? [
          { ...last, text: "" },
          { type: "text_delta", text: "Done." },
        ]
      : [
          { ...last, input: {} },
          { type: "input_json_delta", partial_json: JSON.stringify(call.arguments) },
        ];
  return events(
    [
      { type: "message_start", message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
      { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: thought } },
      { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: state } },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: start ?? {} },
      { type: "content_block_delta", index: 1, delta: delta ?? {} },
      { type: "content_block_stop", index: 1 },
      { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } },
      { type: "message_stop" },
    ],
    { named: true },
  );
}

function answerInGemini({ thought, state, call }: LoopAnswer, turn: number, stream: boolean): Step[] {
  const last: JsonObject =
    call === undefined
      ? { text: "Done.", thoughtSignature: state }
      : { functionCall: { id: call.id, name: call.name, args: call.arguments }, thoughtSignature: state };
  const head = { modelVersion: "gemini-3.5-flash", responseId: `r${turn}` };
  const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };
  const chunk = (parts: JsonObject[], more: JsonObject = {}): JsonObject => ({
    ...head,
    candidates: [{ index: 0, content: { role: "model", parts }, ...more }],
    usageMetadata,
  });
  const thinking = { text: thought, thought: true };
  const finish = { finishReason: "STOP" };
  return stream ? events([chunk([thinking]), chunk([last], finish)]) : json(chunk([thinking, last], finish));
}

function readChat(body: JsonObject): LoopRequest {
  const messages = objects(body["messages"]);
  const details = messages.flatMap((message) => objects(message["reasoning_details"]));
  const calls = messages.flatMap((message) => objects(message["tool_calls"]));
  return {
    states: details.flatMap((detail) => asString(detail["signature"]) ?? asString(detail["data"]) ?? []),
    calls: calls.map((call) => {
      const called = asObject(call["function"]);
      return { id: text(call["id"]), name: text(called?.["name"]), arguments: parsed(called?.["arguments"]) };
    }),
    results: messages
      .filter(({ role }) => role === "tool")
      .map((message) => ({ id: text(message["tool_call_id"]), text: textOf(message["content"]) })),
  };
}

function readResponses(body: JsonObject): LoopRequest {
  const items = objects(body["input"]);
  const of = (type: string) => items.filter((item) => item["type"] === type);
  return {
    states: of("reasoning").flatMap((item) => asString(item["encrypted_content"]) ?? []),
    calls: of("function_call").map((item) => ({
      id: text(item["call_id"]),
      name: text(item["name"]),
      arguments: parsed(item["arguments"]),
    })),
    results: of("function_call_output").map((item) => ({ id: text(item["call_id"]), text: textOf(item["output"]) })),
  };
}

function readMessages(body: JsonObject): LoopRequest {
  const blocks = objects(body["messages"]).flatMap(({ content }) => objects(content));
  return {
    states: blocks.flatMap((block) => asString(block["signature"]) ?? asString(block["data"]) ?? []),
    calls: blocks
      .filter(({ type }) => type === "tool_use")
      .map((block) => ({ id: text(block["id"]), name: text(block["name"]), arguments: block["input"] })),
    results: blocks
      .filter(({ type }) => type === "tool_result")
      .map((block) => ({ id: text(block["tool_use_id"]), text: textOf(block["content"]) })),
  };
}

/** Gemini's own word for a call that it did not sign itself. */
const STAND_IN = "skip_thought_signature_validator";

function readGemini(body: JsonObject): LoopRequest {
  const parts = objects(body["contents"]).flatMap((content) => objects(content["parts"]));
  const calls = membersOf(parts, "functionCall");
  const results = membersOf(parts, "functionResponse");
  const signatures = parts.flatMap((part) => asString(part["thoughtSignature"]) ?? []);
  return {
    states: signatures.filter((signature) => signature !== STAND_IN),
    calls: calls.map((call) => ({ id: text(call["id"]), name: text(call["name"]), arguments: call["args"] })),
    results: results.map((result) => {
      const { output } = asObject(result["response"]) ?? {};
      return { id: text(result["id"]), text: typeof output === "string" ? output : JSON.stringify(result["response"]) };
    }),
  };
}

function membersOf(parts: readonly JsonObject[], key: string): JsonObject[] {
  return parts.map((part) => part[key]).filter(isObject);
}

function objects(value: Json | undefined): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}

function text(value: Json | undefined): string {
  return asString(value) ?? "";
}

function parsed(value: Json | undefined): Json | undefined {
  return typeof value === "string" ? (JSON.parse(value) as Json) : value;
}

/** A text, or parts that have texts. */
function textOf(value: Json | undefined): string {
  return typeof value === "string"
    ? value
    : objects(value)
        .map((part) => text(part["text"]))
        .join("");
}
