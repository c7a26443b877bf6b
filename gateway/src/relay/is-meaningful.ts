import type { CanonicalEvent } from "../canonical/event.ts";

/** Whether an event is one that the client should see at once: content or a finish, not a start, a ping or a bare block. */
export function isMeaningful(event: CanonicalEvent): boolean {
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
    case "media-delta":
    case "opaque":
    case "server-tool-state":
    case "finish":
      return true;
    case "block-start":
      return event.kind === "tool-call" || event.kind === "server-tool";
    default:
      return false;
  }
}
