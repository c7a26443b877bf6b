/*
 * Requests and answers as the benchmark uses them. A model's name tells the mock upstream what to answer:
 * `plain`; `stream-CHUNKS-FRAMES-PACE`: CHUNKS frames, FRAMES of them per write, a write every PACE ms (0: as fast as it
 * goes); `hold`: one frame, then silence until the client leaves.
 */
export type ChatFormat = "openai-chat" | "anthropic-messages";

export type ChatRequest = {
  readonly format: ChatFormat;
  readonly model: string;
  readonly stream: boolean;
  /** About this many bytes of conversation, in messages of 2 KB. */
  readonly bytes: number;
};

const MESSAGE_BYTES = 2048;
const SENTENCE = 'She said: "translate this, please" — and waited.\nNothing more was written on the page. ';

export function chatPath(format: ChatFormat): string {
  return format === "openai-chat" ? "/v1/chat/completions" : "/v1/messages";
}

/** The body of a chat request as JSON text, in UTF-8 a little over `bytes` long. */
export function chatBody({ format, model, stream, bytes }: ChatRequest): string {
  const messages: { role: string; content: string }[] = [];
  for (let left = bytes; left > 0 || messages.length === 0; left -= MESSAGE_BYTES) {
    const role = messages.length % 2 === 0 ? "user" : "assistant";
    messages.push({ role, content: SENTENCE.repeat(Math.max(1, Math.floor(Math.min(left, MESSAGE_BYTES) / 96))) });
  }
  if (messages.length % 2 === 0) messages.push({ role: "user", content: "Go on." });
  const limit = format === "anthropic-messages" ? { max_tokens: 1000 } : {};
  return JSON.stringify({ model, ...(stream ? { stream } : {}), ...limit, messages });
}

/** What the upstream sends for a stream in a format: the opening frames, one frame of text, and what ends it. */
export type StreamFrames = { readonly opening: string; readonly text: string; readonly closing: string };

export function streamFrames(format: ChatFormat, withUsage: boolean): StreamFrames {
  return format === "openai-chat" ? openaiFrames(withUsage) : anthropicFrames();
}

function openaiFrames(withUsage: boolean): StreamFrames {
  const head = {
    id: "chatcmpl-bench0123456789",
    object: "chat.completion.chunk",
    created: 1_760_000_000,
    model: "mock",
  };
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const usage = { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 };
  return {
    opening: chunk({ role: "assistant", content: "" }, null),
    text: chunk({ content: " some words of text" }, null),
    closing: `${chunk({}, "stop")}${withUsage ? `data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n` : ""}data: [DONE]\n\n`,
  };
}

function anthropicFrames(): StreamFrames {
  const frame = (type: string, rest: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
  const message = {
    id: "msg_bench",
    type: "message",
    role: "assistant",
    model: "mock",
    content: [],
    stop_reason: null,
  };
  const usage = { input_tokens: 100, output_tokens: 1 };
  const opening = [
    frame("message_start", { message: { ...message, stop_sequence: null, usage } }),
    frame("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  ];
  const closing = [
    frame("content_block_stop", { index: 0 }),
    frame("message_delta", { delta: { stop_reason: "end_turn", stop_sequence: null }, usage: { output_tokens: 200 } }),
    frame("message_stop", {}),
  ];
  const delta = {
    type: "text_delta",
    text: " some words of text, and a few more of them, to be as long as the others are",
  };
  return {
    opening: opening.join(""),
    text: frame("content_block_delta", { index: 0, delta }),
    closing: closing.join(""),
  };
}

/** A whole answer of about 1 KB. */
export function plainAnswer(format: ChatFormat): string {
  const text = SENTENCE.repeat(8);
  if (format === "anthropic-messages") {
    const usage = { input_tokens: 100, output_tokens: 200 };
    const content = [{ type: "text", text }];
    const ends = { stop_reason: "end_turn", stop_sequence: null };
    return JSON.stringify({
      id: "msg_bench",
      type: "message",
      role: "assistant",
      model: "mock",
      content,
      ...ends,
      usage,
    });
  }
  const choices = [{ index: 0, message: { role: "assistant", content: text, refusal: null }, finish_reason: "stop" }];
  const usage = { prompt_tokens: 100, completion_tokens: 200, total_tokens: 300 };
  const head = { id: "chatcmpl-bench0123456789", object: "chat.completion", created: 1_760_000_000, model: "mock" };
  return JSON.stringify({ ...head, choices, usage });
}
