import type { CanonicalEvent } from "../canonical/event.ts";
import type { Decoder, DecoderOptions } from "../dialects/dialect.ts";
import { estimateTokens } from "../operations/count-tokens.ts";
import { restoring } from "../translation/restore.ts";
import type { Restore } from "../translation/restore-plan.ts";

/** A decoder whose answer may be over before the provider's is. */
export type RestoredDecoder = Decoder & {
  /**
   * True once the answer was cut at a stop sequence that the provider was never told of: it has said its `end`, and the call
   * is to be ended, since the provider goes on writing for nobody. `end()` then is complete, whatever the connection did.
   */
  isStopped?(): boolean;
};

type RestoredState = {
  /** What has been written, for an estimate where the provider's own count will never come. */
  readonly written: string[];
  inputKnown: boolean;
  stopped: boolean;
};

/**
 * The provider's answer as the client should see it, under the same contract as the decoder's own. Without anything to
 * restore it is the decoder itself. `inputTokens` stands for the prompt in the usage of an answer that was cut, unless the
 * provider has counted it by then.
 */
export function restoredDecoder(
  decoder: Decoder,
  restore: Restore | undefined,
  options: Pick<DecoderOptions, "candidates"> & { readonly inputTokens: () => number },
): RestoredDecoder {
  if (restore === undefined) return decoder;
  const stage = restoring(restore, options.candidates);
  const state: RestoredState = { written: [], inputKnown: false, stopped: false };
  const restored = (events: readonly CanonicalEvent[]): readonly CanonicalEvent[] =>
    events.flatMap((event) => {
      if (state.stopped) return [];
      watch(state, event);
      const shown = stage.step(event);
      if (!stage.isStopped()) return shown;
      state.stopped = true;
      // Encoders that tell usage with the finish find it there.
      const finish = shown.findIndex((each) => each.type === "finish");
      return [...shown.slice(0, finish), usage(state, options.inputTokens), ...shown.slice(finish), { type: "end" }];
    });
  return {
    step(payload) {
      if (state.stopped) return [];
      const events = decoder.step(payload);
      return events === undefined ? undefined : restored(events);
    },
    end() {
      if (state.stopped) return { events: [], outcome: "complete" };
      const { events, outcome } = decoder.end();
      const shown = restored(events);
      return { events: shown, outcome: state.stopped ? "complete" : outcome };
    },
    isTerminal() {
      return state.stopped || decoder.isTerminal();
    },
    isStopped() {
      return state.stopped;
    },
  };
}

function watch(state: RestoredState, event: CanonicalEvent): void {
  switch (event.type) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
      state.written.push(event.text);
      return;
    case "usage":
      state.inputKnown ||= (event.usage.inputTotal ?? 0) > 0;
      return;
    default:
      return;
  }
}

/** What was received is what was billed at least. */
function usage(state: RestoredState, inputTokens: () => number): CanonicalEvent {
  const outputTotal = estimateTokens({ text: state.written.join("") });
  const input = state.inputKnown ? {} : { inputTotal: inputTokens() };
  return { type: "usage", usage: { ...input, outputTotal, estimated: true } };
}
