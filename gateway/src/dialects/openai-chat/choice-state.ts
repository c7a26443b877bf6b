import type { Block, Opaque } from "../../canonical/block.ts";
import type { BlockKind, CanonicalEvent } from "../../canonical/event.ts";

/** One choice of an answer while it is read. Deltas of a stream and the whole message of a plain answer go the same way. */
export type ChoiceState = {
  readonly index: number;
  /** Blocks started so far; the next one has this number. */
  blocks: number;
  /** Numbers of the open blocks; text, reasoning and refusal take turns. */
  text: number | undefined;
  reasoning: { readonly block: number; hasOpaque: boolean } | undefined;
  refusal: number | undefined;
  audio: number | undefined;
  readonly toolCalls: ToolCallState[];
  /** Whether it has said anything that a reader can see: text, refusal, image or audio. */
  hasContent: boolean;
  /** Whether it has refused in so many words; its finish reason does not tell. */
  hasRefusal: boolean;
  lostRefusalLogprobs: boolean;
  /** The provider's finish reason, remembered until the finish is emitted; undefined: none yet. */
  finishNative: string | undefined;
  isFinished: boolean;
};

/** A tool call while its pieces arrive. */
export type ToolCallState = {
  /** The provider's `index`; undefined where it sends none (Mistral, Gemini's compatible endpoint, some Ollama). */
  readonly index: number | undefined;
  /** The provider's id, "" until it has given one. */
  sourceId: string;
  name: string;
  readonly kind: "function" | "custom";
  readonly signature: Opaque | undefined;
  /** Everything received so far, also what is held back until the name is known. */
  argumentsText: string;
  /** The number of its block; undefined until it has started, which waits for the first arguments: names may come in pieces. */
  block: number | undefined;
  isOpen: boolean;
};

/** What reading a choice needs to know of the answer as a whole. */
export type ChoiceContext = {
  readonly answerId: string;
  /** Issuer of the opaque values in the answer. */
  readonly issuer: string;
  readonly events: CanonicalEvent[];
};

export function openChoice(index: number): ChoiceState {
  return {
    index,
    blocks: 0,
    text: undefined,
    reasoning: undefined,
    refusal: undefined,
    audio: undefined,
    toolCalls: [],
    hasContent: false,
    hasRefusal: false,
    lostRefusalLogprobs: false,
    finishNative: undefined,
    isFinished: false,
  };
}

/** Starts a block without looking left or right; everything but a tool call is started with `startBlock`. */
export function pushBlock(state: ChoiceState, kind: BlockKind, initial: Block, to: ChoiceContext): number {
  const block = state.blocks;
  state.blocks += 1;
  to.events.push({ type: "block-start", candidate: state.index, block, kind, initial });
  return block;
}

export function stopBlock(state: ChoiceState, block: number, to: ChoiceContext): void {
  to.events.push({ type: "block-stop", candidate: state.index, block });
}

/** Stops the open text, reasoning and refusal blocks, except the one that goes on. */
export function closeSpeech(state: ChoiceState, to: ChoiceContext, except?: "text" | "reasoning" | "refusal"): void {
  if (state.reasoning !== undefined && except !== "reasoning") {
    stopBlock(state, state.reasoning.block, to);
    state.reasoning = undefined;
  }
  if (state.text !== undefined && except !== "text") {
    stopBlock(state, state.text, to);
    state.text = undefined;
  }
  if (state.refusal !== undefined && except !== "refusal") {
    stopBlock(state, state.refusal, to);
    state.refusal = undefined;
  }
}

/** A part of the answer that this reader cannot keep. */
export function lose(
  state: ChoiceState,
  what: {
    readonly at: string;
    readonly reason: "unsupported" | "opaque-not-portable" | "repaired";
    readonly detail: string;
  },
  to: ChoiceContext,
): void {
  const { at, reason, detail } = what;
  to.events.push({ type: "loss", loss: { path: `candidates[${state.index}].${at}`, reason, detail } });
}
