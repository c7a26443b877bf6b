import type { Failure } from "../../canonical/failure.ts";
import type { FramePayload } from "../../framing/framer.ts";
import { asNumber, asObject, asString, parseJson } from "../../lib/json.ts";
import type { ClientContext, Follower } from "../dialect.ts";
import { openEncoder, step } from "./encoder.ts";
import { keepAliveFrame } from "./keep-alive.ts";

/** Where a stream stands that passes by untouched, so that an event of ours can be added to it. */
type Position = {
  /** The next sequence number. */
  next: number;
  response: { readonly id: string; readonly model: string; readonly createdAt: number } | undefined;
  isEnded: boolean;
};

/** Follows a stream of this format without parsing more of it than the first response object. */
export function follower(client: ClientContext): Follower {
  const position: Position = { next: 0, response: undefined, isEnded: false };
  return {
    observe: (payload) => observe(position, payload),
    failure: (of) => writeFailure(position, client, of),
    keepAlive: () => keepAliveFrame(client.agent, position.response !== undefined && !position.isEnded),
  };
}

/** A quotation mark inside a JSON string is escaped, so this finds no number in the model's text. */
const SEQUENCE_NUMBER = /"sequence_number":\s*(\d{1,15})/;

const terminals = new Set([
  "response.completed",
  "response.incomplete",
  "response.failed",
  "response.cancelled",
  "response.done",
  "error",
]);

/** Frames without an event name say their type in the data, which begins with it or with the sequence number. */
const TYPE = /^\s*\{\s*(?:"sequence_number":\s*\d+,\s*)?"type":\s*"([a-z._]+)"/;

function observe(position: Position, payload: FramePayload): void {
  const number = SEQUENCE_NUMBER.exec(payload.data)?.[1];
  position.next = number === undefined ? position.next + 1 : Number(number) + 1;
  const type = payload.event === "" ? (TYPE.exec(payload.data)?.[1] ?? "") : payload.event;
  if (terminals.has(type)) position.isEnded = true;
  if (position.response !== undefined || !payload.data.includes('"response":')) return;
  const response = asObject(asObject(parseJson(payload.data))?.["response"]);
  const id = asString(response?.["id"]);
  if (id === undefined) return;
  position.response = {
    id,
    model: asString(response?.["model"]) ?? "",
    createdAt: asNumber(response?.["created_at"]) ?? 0,
  };
}

/** A `response.failed` in the stream's own name, or an `error` event before it has one. Nothing may follow a terminal. */
function writeFailure(position: Position, client: ClientContext, of: Failure): string | undefined {
  if (position.isEnded) return undefined;
  position.isEnded = true;
  const state = openEncoder(client, true);
  if (position.response !== undefined) {
    const { id, model, createdAt } = position.response;
    step(state, { type: "start", id, model, createdAt });
    // The id is the provider's, also where it does not look like one of this API.
    state.id = id;
  }
  state.text = "";
  state.sequence = position.next;
  step(state, { type: "error", failure: of });
  return state.text;
}
