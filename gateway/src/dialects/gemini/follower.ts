import { asString, isObject, parseJson } from "../../lib/json.ts";
import type { ClientContext, Follower } from "../dialect.ts";
import { field } from "./fields.ts";
import { chunkTail } from "./tail.ts";

/** Only the first chunk is read, for the names that all of them repeat; the others are counted. */
export function follower(client: ClientContext): Follower {
  const tail = chunkTail(client);
  const state = { isKnown: false };
  return {
    observe(payload) {
      if (payload.data === "") return;
      tail.sawElement();
      if (state.isKnown) return;
      const chunk = parseJson(payload.data);
      if (!isObject(chunk)) return;
      tail.know(asString(field(chunk, "responseId")), asString(field(chunk, "modelVersion")));
      state.isKnown = true;
    },
    failure: (failure) => tail.failure(failure),
    keepAlive: () => tail.keepAlive(),
  };
}
