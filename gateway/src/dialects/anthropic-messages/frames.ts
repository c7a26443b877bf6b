import type { Failure } from "../../canonical/failure.ts";
import type { JsonObject } from "../../lib/json.ts";
import { writeErrorBody } from "./errors.ts";

/** One event: the official SDKs ignore events without a name. */
export function eventFrame(type: string, body: JsonObject): string {
  return `event: ${type}\ndata: ${oneLine(JSON.stringify({ type, ...body }))}\n\n`;
}

export const PING_FRAME = 'event: ping\ndata: {"type": "ping"}\n\n';

/** Before `message_start` a ping is not allowed; every SSE reader skips a comment. */
export const COMMENT_FRAME = ": keep-alive\n\n";

export function errorFrame(of: Failure, requestId: string): string {
  return eventFrame("error", writeErrorBody(of, requestId));
}

/** JSON leaves these line ends raw, and readers that split with Python's `splitlines` break the data in two there. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

function oneLine(json: string): string {
  return json.replace(LINE_ENDS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
