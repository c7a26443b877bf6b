import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { ClientContext, DecoderOptions, StreamOutcome } from "../../src/dialects/dialect.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import type { FramePayload } from "../../src/framing/framer.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { sseFramer } from "../../src/framing/sse.ts";
import { asObject, parseJson, type JsonObject } from "../../src/lib/json.ts";

export const decoderOptions: DecoderOptions = {
  issuer: "openai",
  candidates: 1,
  requestId: "req_01TEST",
  createdAt: 1_790_000_000,
};

/** The payloads of an SSE stream. */
export function payloadsOf(bytes: Uint8Array | string): FramePayload[] {
  const framer = sseFramer();
  const frames = [...framer.push(typeof bytes === "string" ? Buffer.from(bytes) : bytes), ...framer.end().frames];
  return frames.flatMap(({ payload }) => (payload === undefined ? [] : [payload]));
}

export type Decoded = {
  readonly events: CanonicalEvent[];
  readonly outcome: StreamOutcome;
  readonly unreadable: number;
};

export function decodePayloads(payloads: readonly FramePayload[]): Decoded {
  const decoder = openaiResponses.upstream.decoder(decoderOptions);
  const events: CanonicalEvent[] = [];
  let unreadable = 0;
  for (const payload of payloads) {
    const step = decoder.step(payload);
    if (step === undefined) unreadable += 1;
    else events.push(...step);
  }
  const end = decoder.end();
  events.push(...end.events);
  return { events, outcome: end.outcome, unreadable };
}

/** A stream written as data only, as some compatible servers do. */
export function decodeData(...data: readonly (JsonObject | string)[]): Decoded {
  return decodePayloads(
    data.map((each) => ({ event: "", data: typeof each === "string" ? each : JSON.stringify(each) })),
  );
}

/** The event that a stream begins with. */
export function createdEvent(more: JsonObject = {}): JsonObject {
  return {
    type: "response.created",
    response: { id: "resp_1", model: "gpt-5", created_at: 1, status: "in_progress", ...more },
  };
}

/** The event that a stream ends with. */
export function terminalEvent(status: string, more: JsonObject = {}): JsonObject {
  return { type: `response.${status}`, response: { ...terminalResponse(status), ...more } };
}

/** The whole response at the end of a stream. */
export function terminalResponse(status: string): JsonObject {
  return { id: "resp_1", object: "response", model: "gpt-5", created_at: 1, status, output: [] };
}

/** An output item with one text, or with no part yet. */
export function messageItem(id: string, text: string): JsonObject {
  const content = text === "" ? [] : [{ type: "output_text", text, annotations: [] }];
  return { id, type: "message", role: "assistant", status: "completed", content };
}

/** The types of events, in their order. */
export function kindsOf(events: readonly CanonicalEvent[]): string[] {
  return events.map(({ type }) => type);
}

/** The code of the failure that the events end with, else the reason of the finish. */
export function endingOf(events: readonly CanonicalEvent[]): string {
  const last = events.at(-1);
  if (last?.type === "error") return last.failure.code;
  const finish = events.find((event) => event.type === "finish");
  return finish?.finish.reason ?? "";
}

export function decodeStream(bytes: Uint8Array | string): Decoded {
  return decodePayloads(payloadsOf(bytes));
}

export function responsesClient(
  more: Partial<Pick<ClientContext, "agent" | "framing">> = {},
  body: JsonObject = { model: "gpt-5", input: "Hello", stream: true },
): ClientContext {
  const wire = requestOf(body);
  const head = openaiResponses.client.readHead(wire);
  if (!head.ok) throw new Error(head.error.message);
  return {
    dialect: "openai-responses",
    head: head.value,
    framing: "sse",
    echo: openaiResponses.client.readEcho(wire),
    agent: "other",
    requestId: "req_01TEST",
    createdAt: 1_790_000_000,
    ...more,
  };
}

export function requestOf(body: JsonObject | string, headers: Record<string, string> = {}): WireRequest {
  const raw = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const scan = scanObject(raw);
  if (!scan.ok) throw new Error("the test's body is not JSON");
  return wireRequest({
    path: "/v1/responses",
    pathModel: "",
    query: new URLSearchParams(),
    headers,
    raw,
    scan: scan.value,
  });
}

export function encodeEvents(events: Iterable<CanonicalEvent>, client: ClientContext = responsesClient()): string {
  const encoder = openaiResponses.client.encoder(client);
  let text = "";
  for (const event of events) text += encoder.write(event);
  return text;
}

/** The events of an encoded stream, parsed; comments are left out. */
export function framesOf(text: string): JsonObject[] {
  return payloadsOf(text).flatMap(({ data }) => {
    const frame = asObject(parseJson(data));
    return frame === undefined ? [] : [frame];
  });
}
