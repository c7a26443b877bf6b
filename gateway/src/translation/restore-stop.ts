import type { TokenLogprob } from "../canonical/block.ts";
import type { CanonicalEvent } from "../canonical/event.ts";
import { openStopMatcher, releaseRest, releaseUntilStop, type Released, type StopMatcher } from "./stop-matcher.ts";

/** A text block that is being watched. Log probabilities wait with the text that they belong to. */
type WatchedText = {
  readonly matcher: StopMatcher;
  readonly logprobs: TokenLogprob[];
  /** UTF-16 units of text and of tokens that have been given out. */
  textUnits: number;
  tokenUnits: number;
};

type CandidateStop = {
  readonly texts: Map<number, WatchedText>;
  readonly open: Set<number>;
  over: "no" | "cut" | "finished";
};

/** Where each candidate of an answer stands. */
export type StopState = {
  readonly sequences: readonly string[];
  readonly candidates: Map<number, CandidateStop>;
};

/** One per answer; `sequences` are those that the provider was not told of. */
export function openStops(sequences: readonly string[]): StopState {
  return { sequences, candidates: new Map() };
}

/** Cuts each candidate's visible text at the first stop sequence; nothing of that candidate comes after it. */
export function restoreStop(state: StopState, event: CanonicalEvent): readonly CanonicalEvent[] {
  if (!("candidate" in event)) return [event];
  const candidate = candidateOf(state, event.candidate);
  if (candidate.over === "cut") return [];
  switch (event.type) {
    case "block-start":
      return startBlock(state, candidate, event);
    case "text-delta":
      return addText(candidate, event);
    case "block-stop":
      return stopBlock(candidate, event);
    case "finish":
      candidate.over = "finished";
      return [event];
    default:
      return [event];
  }
}

/** How many candidates were cut, and how many are over in whatever way. */
export function countOver(state: StopState): { readonly cut: number; readonly over: number } {
  const all = [...state.candidates.values()];
  return { cut: all.filter(({ over }) => over === "cut").length, over: all.filter(({ over }) => over !== "no").length };
}

type Start = Extract<CanonicalEvent, { readonly type: "block-start" }>;
type TextDelta = Extract<CanonicalEvent, { readonly type: "text-delta" }>;
type Stop = Extract<CanonicalEvent, { readonly type: "block-stop" }>;

function startBlock(state: StopState, candidate: CandidateStop, event: Start): readonly CanonicalEvent[] {
  const { initial, block } = event;
  candidate.open.add(block);
  if (initial.type !== "text") return [event];
  candidate.texts.set(block, { matcher: openStopMatcher(state.sequences), logprobs: [], textUnits: 0, tokenUnits: 0 });
  if (initial.text === "") return [event];
  const delta: TextDelta = { type: "text-delta", candidate: event.candidate, block, text: initial.text };
  return [{ ...event, initial: { ...initial, text: "" } }, ...addText(candidate, delta)];
}

function addText(candidate: CandidateStop, event: TextDelta): readonly CanonicalEvent[] {
  const watched = candidate.texts.get(event.block);
  if (watched === undefined) return [event];
  watched.logprobs.push(...(event.logprobs ?? []));
  return release(candidate, watched, event, releaseUntilStop(watched.matcher, event.text));
}

function stopBlock(candidate: CandidateStop, event: Stop): readonly CanonicalEvent[] {
  const { block, final } = event;
  const watched = candidate.texts.get(block);
  const events: CanonicalEvent[] = [];
  if (watched !== undefined) {
    const isUnseen = watched.textUnits === 0 && watched.matcher.held === "";
    // Some sources say a text only as a whole, at its end.
    if (isUnseen && final?.type === "text" && final.text !== "") {
      events.push(...addText(candidate, { type: "text-delta", candidate: event.candidate, block, text: final.text }));
      if (candidate.over === "cut") return events;
    }
    events.push(...releaseEnd(watched, event));
  }
  candidate.open.delete(block);
  candidate.texts.delete(block);
  return [...events, event];
}

function release(
  candidate: CandidateStop,
  watched: WatchedText,
  { candidate: index, block }: TextDelta | Stop,
  { text, stop }: Released,
): readonly CanonicalEvent[] {
  const events: CanonicalEvent[] = [];
  if (text !== "") {
    watched.textUnits += text.length;
    const logprobs = releaseLogprobs(watched);
    events.push({ type: "text-delta", candidate: index, block, text, ...(logprobs.length === 0 ? {} : { logprobs }) });
  }
  if (stop === undefined) return events;
  candidate.over = "cut";
  // No `final`: the provider's would be the uncut block.
  for (const each of candidate.open) events.push({ type: "block-stop", candidate: index, block: each });
  return [
    ...events,
    { type: "finish", candidate: index, finish: { reason: "stop-sequence", native: "", stopSequence: stop } },
  ];
}

/** A block that ends without a match: everything is its text, and all tokens are tokens of it. */
function releaseEnd(watched: WatchedText, { candidate, block }: Stop): readonly CanonicalEvent[] {
  const text = releaseRest(watched.matcher);
  const logprobs = watched.logprobs.splice(0);
  if (text === "" && logprobs.length === 0) return [];
  return [{ type: "text-delta", candidate, block, text, ...(logprobs.length === 0 ? {} : { logprobs }) }];
}

/** The tokens that lie within the text given out so far. */
function releaseLogprobs(watched: WatchedText): TokenLogprob[] {
  let count = 0;
  for (const { token } of watched.logprobs) {
    if (watched.tokenUnits + token.length > watched.textUnits) break;
    watched.tokenUnits += token.length;
    count += 1;
  }
  return watched.logprobs.splice(0, count);
}

function candidateOf(state: StopState, index: number): CandidateStop {
  const known = state.candidates.get(index);
  if (known !== undefined) return known;
  const fresh: CandidateStop = { texts: new Map(), open: new Set(), over: "no" };
  state.candidates.set(index, fresh);
  return fresh;
}
