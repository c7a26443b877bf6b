import type { Agent } from "../dialect.ts";

/** A comment: every SSE parser skips it. */
const COMMENT = ": keep-alive\n\n";

/** An event of the API that its SDKs skip, without a sequence number so that the numbers of a followed stream stay unbroken. */
const EVENT = 'event: keepalive\ndata: {"type":"keepalive"}\n\n';

/**
 * Codex gives up after 300 s without an event, and comments are none. The event is legal only between `response.created` and the
 * terminal; older SDKs throw on event types that they do not know, so everyone else gets comments.
 */
export function keepAliveFrame(agent: Agent, isOpen: boolean): string {
  return agent === "codex" && isOpen ? EVENT : COMMENT;
}
