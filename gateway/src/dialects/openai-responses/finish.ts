import type { Finish, FinishReason } from "../../canonical/response.ts";
import { asObject, asString, type JsonObject } from "../../lib/json.ts";

/** `incomplete_details.reason` of an incomplete response. Others (`max_messages`, `steered`…) are `other`. */
const reasonsOfIncomplete: { readonly [reason: string]: FinishReason } = {
  max_output_tokens: "length",
  max_tokens: "length",
  content_filter: "content-filter",
};

/** What the answer held, which decides what "completed" means. */
export type Seen = { readonly callsClient: boolean; readonly refuses: boolean };

/** How a response ended, from its status. A failed response is a failure, not a finish: see errors.ts. */
export function readFinish(response: JsonObject, seen: Seen): Finish {
  const status = asString(response["status"]) ?? "completed";
  if (status === "incomplete") {
    const native = asString(asObject(response["incomplete_details"])?.["reason"]) ?? "incomplete";
    return {
      reason: Object.hasOwn(reasonsOfIncomplete, native) ? (reasonsOfIncomplete[native] ?? "other") : "other",
      native,
    };
  }
  if (status === "cancelled") return { reason: "cancelled", native: status };
  // A background response that is still queued or running has not finished at all.
  if (status === "queued" || status === "in_progress") return { reason: "other", native: status };
  if (seen.callsClient) return { reason: "tool-calls", native: status };
  return { reason: seen.refuses ? "refusal" : "stop", native: status };
}

/** The end of a response as this format says it. `cancelled` has no event that the official SDKs know. */
export type Ending = {
  readonly status: "completed" | "incomplete" | "failed" | "cancelled" | "queued" | "in_progress";
  readonly reason: "max_output_tokens" | "content_filter" | null;
};

const completed: Ending = { status: "completed", reason: null };
const failed: Ending = { status: "failed", reason: null };
const cutByLength: Ending = { status: "incomplete", reason: "max_output_tokens" };
const cutByFilter: Ending = { status: "incomplete", reason: "content_filter" };

/** How a finish is written; `isRefusalSaid` when the output has a refusal part, which makes a refusal a completed answer. */
export function endingOf(finish: Finish | undefined, isRefusalSaid: boolean): Ending {
  if (finish === undefined) return completed;
  // A background response that has not ended is passed on as what it is.
  const { reason, native } = finish;
  if (reason === "other" && (native === "queued" || native === "in_progress")) return { status: native, reason: null };
  return reason === "refusal" && isRefusalSaid ? completed : endings[reason];
}

/** `refusal` is for refusals told by the finish alone; one with a refusal part in the output is a completed response. */
export const endings = {
  stop: completed,
  "stop-sequence": completed,
  length: cutByLength,
  "context-length": cutByLength,
  "tool-calls": completed,
  pause: completed,
  continuation: completed,
  "content-filter": cutByFilter,
  refusal: cutByFilter,
  "malformed-tool-call": failed,
  compaction: completed,
  error: failed,
  cancelled: { status: "cancelled", reason: null },
  other: completed,
} as const satisfies Record<FinishReason, Ending>;
