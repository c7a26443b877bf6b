import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { readRequest } from "../../src/dialects/openai-chat/read-request.ts";
import type { ClientContext, DecoderOptions, StreamOutcome } from "../../src/dialects/dialect.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { asNumber, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Fixture } from "./corpus.ts";
import { frameAll } from "./slicing.ts";

/** What a decoder is told where a test does not care. */
export function decoderOptions(more: Partial<DecoderOptions> = {}): DecoderOptions {
  return { issuer: "test-provider", candidates: 1, requestId: "req_TEST", createdAt: 1_700_000_000, ...more };
}

/** The same for a recorded exchange, whose request says how many choices it asked for. */
export function optionsFor(fixture: Fixture): DecoderOptions {
  return decoderOptions({ candidates: asNumber(asObject(fixture.request?.body)?.["n"]) ?? 1 });
}

export type Decoded = {
  readonly events: readonly CanonicalEvent[];
  readonly outcome: StreamOutcome;
  /** Whether the decoder saw the stream's terminal before the connection ended. */
  readonly terminal: boolean;
  readonly unreadable: number;
};

export function decodeStream(bytes: Uint8Array | string, options: DecoderOptions = decoderOptions()): Decoded {
  return decodePieces([Buffer.from(bytes)], options);
}

export function decodePieces(pieces: Iterable<Uint8Array>, options: DecoderOptions): Decoded {
  const decoder = openaiChat.upstream.decoder(options);
  const events: CanonicalEvent[] = [];
  let unreadable = 0;
  for (const { payload } of frameAll("sse", pieces).frames) {
    if (payload === undefined) continue;
    const step = decoder.step(payload);
    if (step === undefined) unreadable += 1;
    else events.push(...step);
  }
  const terminal = decoder.isTerminal();
  const end = decoder.end();
  return { events: [...events, ...end.events], outcome: end.outcome, terminal, unreadable };
}

/** SSE text of chunks, `[DONE]` and other literal data. */
export function sse(...data: readonly Json[]): string {
  return data.map((each) => `data: ${each === "[DONE]" ? each : JSON.stringify(each)}\n\n`).join("");
}

/** A chunk of one choice. */
export function chunk(delta: Json, more: { readonly [key: string]: Json } = {}): Json {
  const { finish_reason = null, index = 0, logprobs = null, ...rest } = more;
  return {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_700_000_001,
    model: "test-model",
    choices: [{ index, delta, logprobs, finish_reason }],
    ...rest,
  };
}

/** An entry of `tool_calls` with everything that a first delta has. */
export function toolCall(index: number, id: string, name: string, text: string): Json {
  return { index, id, type: "function", function: { name, arguments: text } };
}

export function wireUsage(prompt: number, completion: number): { readonly [key: string]: Json } {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

export function chatClient(
  more: Partial<Omit<ClientContext, "head">> & { includeUsage?: boolean } = {},
): ClientContext {
  const { includeUsage = false, ...rest } = more;
  return {
    dialect: "openai-chat",
    head: { model: "test-model", stream: true, candidates: 1, includeUsage },
    framing: "sse",
    echo: {},
    agent: "other",
    requestId: "req_TEST",
    createdAt: 1_700_000_000,
    ...rest,
  };
}

export function encodeEvents(events: Iterable<CanonicalEvent>, client: ClientContext = chatClient()): string {
  const encoder = openaiChat.client.encoder(client);
  let text = "";
  for (const event of events) text += encoder.write(event);
  return text;
}

/** A request as the exchange hands it to a dialect. */
export function chatRequest(body: Json | string): WireRequest {
  const raw = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const scan = scanObject(raw);
  if (!scan.ok) throw new Error(scan.error.message);
  return wireRequest({
    path: "/v1/chat/completions",
    pathModel: "",
    query: new URLSearchParams(),
    headers: {},
    raw,
    scan: scan.value,
  });
}

/** The canonical request of a body that must be accepted; model and messages are added where a test does not care. */
export function readChatRequest(body: JsonObject): CanonicalRequest {
  const messages: Json = [{ role: "user", content: "Hello" }];
  const result = readRequest(chatRequest({ model: "test-model", messages, ...body }));
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}
