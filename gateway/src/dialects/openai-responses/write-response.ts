import type { CanonicalResponse } from "../../canonical/response.ts";
import { unfold } from "../../canonical/unfold.ts";
import { asObject, type JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { failureOfFinish, openEncoder, step } from "./encoder.ts";
import { hasRefusal, responseObject } from "./encoder-state.ts";
import { endingOf } from "./finish.ts";

/** A plain answer: the response object that a stream of the same answer would end with. */
export function writeResponse(response: CanonicalResponse, client: ClientContext): JsonObject {
  const state = openEncoder(client, false);
  for (const event of unfold(response)) step(state, event);
  const own = asObject(response.extras["openai-responses"]);
  const ending = endingOf(state.finish, hasRefusal(state));
  const of = ending.status === "failed" ? failureOfFinish(state) : undefined;
  return { ...responseObject(state, ending, of), ...own };
}
