import type { CanonicalEvent } from "../canonical/event.ts";
import { fold } from "../canonical/fold.ts";
import type { CanonicalResponse } from "../canonical/response.ts";
import { unfold } from "../canonical/unfold.ts";
import type { Restore } from "./restore-plan.ts";
import { countOver, openStops, restoreStop } from "./restore-stop.ts";
import { openTools, restoreTools } from "./restore-tools.ts";

/** Undoes in an answer what a writer did to the request; one per answer. */
export type Restoring = {
  /** The events that the client should see for one of the provider's. They obey the grammar if the provider's do. */
  step(event: CanonicalEvent): readonly CanonicalEvent[];
  /** True once every candidate is over and a stop sequence cut one of them: what the provider still writes is for nobody. */
  isStopped(): boolean;
};

/** `candidates`: how many were asked for; an answer with more than one is not over when the first is. */
export function restoring(restore: Restore, candidates = 1): Restoring {
  const tools = openTools(restore);
  const stops = restore.stop === undefined || restore.stop.length === 0 ? undefined : openStops(restore.stop);
  return {
    step(event) {
      const events = restoreTools(tools, event);
      return stops === undefined ? events : events.flatMap((each) => restoreStop(stops, each));
    },
    isStopped() {
      if (stops === undefined) return false;
      const { cut, over } = countOver(stops);
      return cut > 0 && over >= candidates;
    },
  };
}

/** The same for a whole answer. Usage stays what the provider billed, also for text that was cut off. */
export function restoreResponse(response: CanonicalResponse, restore: Restore): CanonicalResponse {
  const stage = restoring(restore, response.candidates.length);
  const restored = fold(unfold(response).flatMap((event) => stage.step(event)));
  const candidates = response.candidates.map((candidate) => {
    const { blocks, finish } = restored.candidates[candidate.index] ?? candidate;
    return { ...candidate, blocks, finish };
  });
  return { ...response, candidates };
}
