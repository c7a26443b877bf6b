import assert from "node:assert/strict";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import type { ClientContext, DecoderOptions, StreamOutcome } from "../../src/dialects/dialect.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { sseFramer } from "../../src/framing/sse.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";

export const decoderOptions: DecoderOptions = {
  issuer: "anthropic",
  candidates: 1,
  requestId: "req_TEST",
  createdAt: 1_700_000_000,
};

/** The context of a Messages client; `echo` as `readEcho` makes it. */
export function messagesClient(more: Partial<ClientContext> = {}): ClientContext {
  return {
    dialect: "anthropic-messages",
    head: { model: "claude-test", stream: true, candidates: 1, includeUsage: true },
    framing: "sse",
    echo: { version: "2023-06-01", betas: [] },
    agent: "other",
    requestId: "req_TEST",
    createdAt: 1_700_000_000,
    ...more,
  };
}

/** A request as the gateway's HTTP side would hand it on. */
export function messagesRequest(
  body: Json | string,
  headers: Record<string, string> = {},
  path = "/v1/messages",
): WireRequest {
  const raw = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  const scan = scanObject(raw);
  assert.ok(scan.ok, "the test's own body is not a JSON object");
  return wireRequest({ path, pathModel: "", query: new URLSearchParams(), headers, raw, scan: scan.value });
}

export type Decoded = {
  readonly events: readonly CanonicalEvent[];
  readonly outcome: StreamOutcome;
  readonly unreadable: number;
};

/** All events of a whole stream body. */
export function decodeStream(bytes: Uint8Array): Decoded {
  const framer = sseFramer();
  const decoder = anthropicMessages.upstream.decoder(decoderOptions);
  const events: CanonicalEvent[] = [];
  let unreadable = 0;
  for (const { payload } of [...framer.push(bytes), ...framer.end().frames]) {
    if (payload === undefined) continue;
    const step = decoder.step(payload);
    if (step === undefined) unreadable += 1;
    else events.push(...step);
  }
  const end = decoder.end();
  return { events: [...events, ...end.events], outcome: end.outcome, unreadable };
}

/** A stream from its events, as the wire has them. */
export function streamOf(events: readonly { readonly type: string; readonly [key: string]: unknown }[]): Uint8Array {
  return new TextEncoder().encode(
    events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""),
  );
}

/** What the encoder writes for `events`. */
export function encodeEvents(events: Iterable<CanonicalEvent>, client: ClientContext = messagesClient()): string {
  const encoder = anthropicMessages.client.encoder(client);
  let text = "";
  for (const event of events) text += encoder.write(event);
  return text;
}

/** An event as the wire has it. */
export type WireEvent = JsonObject & { readonly type: string };

/** Reads what the encoder wrote and holds it to the stream grammar of the Messages API. */
export function checkWire(wire: string): WireEvent[] {
  const events = wire
    .split("\n\n")
    .filter((frame) => frame !== "")
    .map((frame) => {
      const match = /^event: (\w+)\ndata: (.*)$/.exec(frame);
      assert.ok(match !== null, `not a named event with one line of data: ${frame}`);
      const event = JSON.parse(match[2] ?? "") as WireEvent;
      assert.equal(event.type, match[1]);
      return event;
    });
  let open: number | undefined;
  let next = 0;
  for (const [position, event] of events.entries()) {
    if (event.type === "message_start") assert.equal(position, 0);
    if (event.type === "content_block_start") {
      assert.equal(open, undefined, "one block is open at a time");
      assert.equal(event["index"], next, "indices are dense");
      open = next;
      next += 1;
    } else if (event.type.startsWith("content_block_")) {
      assert.equal(event["index"], open);
      if (event.type === "content_block_stop") open = undefined;
    } else if (event.type === "message_delta") {
      assert.equal(open, undefined, "blocks are closed before the end");
      assert.deepEqual(
        events.slice(position).map(({ type }) => type),
        ["message_delta", "message_stop"],
      );
    }
  }
  assert.ok(["message_stop", "error"].includes(events.at(-1)?.type ?? ""), "a terminal ends the stream");
  return events;
}
