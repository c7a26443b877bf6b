import type { ServerResponse } from "node:http";
import { asObject, parseJson, type JsonObject } from "../../src/lib/json.ts";
import type { UpstreamRequest } from "../support/upstream.ts";
import { halves, type ErrorResponse, type Format } from "./formats/format.ts";

/** Between two events, so that they arrive apart. */
const PACE_MS = 5;

/** Streams the events of an answer. */
export async function sendEvents(response: ServerResponse, events: readonly string[]): Promise<void> {
  await writeEvents(response, events);
  response.end();
}

/** Streams the first half of a text and then breaks off, as a provider does whose process dies. */
export async function sendHalf(format: Format, response: ServerResponse, text: string): Promise<void> {
  const [first] = halves(text);
  const events = format.textStream(text);
  await writeEvents(response, events.slice(0, 1 + events.findIndex((event) => event.includes(first))));
  response.destroy();
}

async function writeEvents(response: ServerResponse, events: readonly string[]): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) {
    response.write(event);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS));
  }
}

/** Answers with a text, as a stream or in one body as it was asked for. */
export async function sendText(
  format: Format,
  request: UpstreamRequest,
  response: ServerResponse,
  text: string,
): Promise<void> {
  if (format.isStreamed(request.target, bodyOf(request))) return sendEvents(response, format.textStream(text));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(format.textBody(text)));
  return undefined;
}

export function sendError(response: ServerResponse, { status, headers, body }: ErrorResponse): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export function bodyOf(request: UpstreamRequest): JsonObject {
  return asObject(parseJson(request.text)) ?? {};
}
