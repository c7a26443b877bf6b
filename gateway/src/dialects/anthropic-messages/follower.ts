import type { FramePayload } from "../../framing/framer.ts";
import { isObject, parseJson } from "../../lib/json.ts";
import type { ClientContext, Follower } from "../dialect.ts";
import { COMMENT_FRAME, errorFrame, PING_FRAME } from "./frames.ts";

/** Follows a verbatim Messages stream only as far as needed to add a ping or an error to it. */
export function follower(client: ClientContext): Follower {
  const state: FollowerState = { started: false, ended: false };
  return {
    observe: (payload) => observe(state, payload),
    // After `message_stop` or the provider's own error there is nothing left to tell.
    failure: (of) => (state.ended ? "" : errorFrame(of, client.requestId)),
    keepAlive: () => (state.started && !state.ended ? PING_FRAME : COMMENT_FRAME),
  };
}

type FollowerState = { started: boolean; ended: boolean };

function observe(state: FollowerState, payload: FramePayload): void {
  const type = payload.event === "" ? typeOf(payload.data) : payload.event;
  if (type === "message_start") state.started = true;
  if (type === "message_stop" || type === "error") state.ended = true;
}

/** Only for providers that leave the event's name out. */
function typeOf(data: string): unknown {
  const value = parseJson(data);
  return isObject(value) ? value["type"] : undefined;
}
