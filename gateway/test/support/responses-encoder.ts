import type { Block } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { CanonicalResponse, Finish } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { asArray, asObject, type JsonObject } from "../../src/lib/json.ts";
import { encodeEvents, framesOf, responsesClient } from "./openai-responses.ts";

/** How every stream begins here. */
export const start: CanonicalEvent = { type: "start", id: "msg_01ABC", model: "claude-sonnet-4-6", createdAt: 7 };

/** The events of one block, as `unfold` writes them. */
export function block(index: number, whole: Block): CanonicalEvent[] {
  const response: CanonicalResponse = {
    id: "",
    model: "",
    createdAt: 0,
    candidates: [{ index: 0, blocks: [whole], finish: { reason: "stop", native: "" } }],
    losses: [],
    extras: {},
  };
  return unfold(response).flatMap((event) => ("block" in event ? [{ ...event, block: index }] : []));
}

/** The same, with the signature after everything else. */
export function withLateSignature(index: number, whole: Block): CanonicalEvent[] {
  const { signature, ...unsigned } = whole;
  const events = block(index, unsigned);
  const value: CanonicalEvent[] =
    signature === undefined ? [] : [{ type: "opaque", candidate: 0, block: index, value: signature }];
  return [...events.slice(0, -1), ...value, ...events.slice(-1)];
}

/** How every stream ends. */
export function finish(of: Finish): CanonicalEvent[] {
  return [{ type: "finish", candidate: 0, finish: of }, { type: "end" }];
}

/** The frames of a stream made of these events. */
export function encode(
  events: readonly CanonicalEvent[],
  of: Finish = { reason: "stop", native: "" },
  client = responsesClient(),
): JsonObject[] {
  return framesOf(encodeEvents([start, ...events, ...finish(of)], client));
}

/** The items that the stream of these events ends with. */
export function output(events: readonly CanonicalEvent[], of?: Finish, client?: ClientContext): JsonObject[] {
  return finalOutput(encode(events, of, client));
}

/** The items that a stream ends with. */
export function finalOutput(frames: readonly JsonObject[]): JsonObject[] {
  const items = asArray(asObject(frames.at(-1)?.["response"])?.["output"]) ?? [];
  return items.flatMap((item) => {
    const object = asObject(item);
    return object === undefined ? [] : [object];
  });
}
