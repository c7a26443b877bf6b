import type { BlockKind, CanonicalEvent } from "../../src/canonical/event.ts";

/**
 * Asserts the grammar that `canonical/event.ts` states. Answers the first violation in words, with the event's number, or
 * `undefined` when the events obey it. After an `error` blocks may be left open and candidates unfinished; after `end` not.
 */
export function checkEvents(events: readonly CanonicalEvent[]): string | undefined {
  const state: GrammarState = { candidates: new Map() };
  for (const [index, event] of events.entries()) {
    const problem = checkPosition(events, index, event) ?? checkEvent(state, event);
    if (problem !== undefined) return `event ${index} (${event.type}): ${problem}`;
  }
  return events.length === 0 ? "no events: a stream has at least `start` and `end` or `error`" : undefined;
}

type GrammarState = { readonly candidates: Map<number, CandidateState> };

/** `blocks` by number: the kind of the block and whether it is still open. */
type CandidateState = { readonly blocks: { readonly kind: BlockKind; isOpen: boolean }[]; isFinished: boolean };

type Delta = Extract<CanonicalEvent, { readonly block: number }>;
type DeltaType = Exclude<Delta["type"], "block-start" | "block-stop">;

/** The kinds of block that an event may add to; absent: all of them. */
const deltaKinds: { readonly [T in DeltaType]?: readonly BlockKind[] } = {
  "text-delta": ["text", "code", "compaction", "opaque"],
  "reasoning-delta": ["reasoning"],
  "refusal-delta": ["refusal"],
  "arguments-delta": ["tool-call", "server-tool"],
  "server-tool-state": ["server-tool"],
  "media-delta": ["media", "server-tool"],
};

function checkPosition(events: readonly CanonicalEvent[], index: number, event: CanonicalEvent): string | undefined {
  const isLast = index === events.length - 1;
  const isTerminal = event.type === "end" || event.type === "error";
  if (index === 0 && event.type !== "start") return "the first event must be `start`";
  if (index > 0 && event.type === "start") return "a second `start`";
  if (isTerminal && !isLast) return `followed by ${events[index + 1]?.type}, but it must be the last event`;
  if (isLast && !isTerminal) return "the last event must be `end` or `error`";
  return undefined;
}

function checkEvent(state: GrammarState, event: CanonicalEvent): string | undefined {
  switch (event.type) {
    case "block-start":
      return startBlock(candidateOf(state, event.candidate), event);
    case "block-stop":
      return stopBlock(candidateOf(state, event.candidate), event);
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
    case "arguments-delta":
    case "opaque":
    case "citation":
    case "server-tool-state":
    case "media-delta":
      return checkDelta(candidateOf(state, event.candidate), event.type, event);
    case "finish":
      return finishCandidate(candidateOf(state, event.candidate), event.candidate);
    case "end":
      return checkEnd(state);
    case "candidate-meta":
    case "start":
    case "usage":
    case "loss":
    case "ping":
    case "error":
      return undefined;
  }
}

function startBlock(
  candidate: CandidateState,
  event: Extract<CanonicalEvent, { readonly type: "block-start" }>,
): string | undefined {
  const where = `candidate ${event.candidate} block ${event.block}`;
  if (candidate.isFinished) return `${where} starts after the candidate has finished`;
  const expected = candidate.blocks.length;
  if (event.block < expected) return `${where} starts twice`;
  if (event.block > expected) return `${where} leaves a gap: the next block of this candidate is ${expected}`;
  if (event.initial.type !== event.kind)
    return `${where} is of kind ${event.kind}, its initial block ${event.initial.type}`;
  candidate.blocks.push({ kind: event.kind, isOpen: true });
  return undefined;
}

function checkDelta(candidate: CandidateState, type: DeltaType, event: Delta): string | undefined {
  const where = `candidate ${event.candidate} block ${event.block}`;
  const block = candidate.blocks[event.block];
  if (block === undefined) return `${where} has not started`;
  if (!block.isOpen) return `${where} has stopped`;
  const kinds = deltaKinds[type];
  return kinds === undefined || kinds.includes(block.kind) ? undefined : `${where} is of kind ${block.kind}`;
}

function stopBlock(
  candidate: CandidateState,
  event: Extract<CanonicalEvent, { readonly type: "block-stop" }>,
): string | undefined {
  const where = `candidate ${event.candidate} block ${event.block}`;
  const block = candidate.blocks[event.block];
  if (block === undefined) return `${where} has not started`;
  if (!block.isOpen) return `${where} stops twice`;
  if (event.final !== undefined && event.final.type !== block.kind) {
    return `${where} is of kind ${block.kind}, its final block ${event.final.type}`;
  }
  block.isOpen = false;
  return undefined;
}

function finishCandidate(candidate: CandidateState, index: number): string | undefined {
  if (candidate.isFinished) return `candidate ${index} finishes twice`;
  const open = candidate.blocks.findIndex((block) => block.isOpen);
  if (open >= 0) return `candidate ${index} finishes while its block ${open} is open`;
  candidate.isFinished = true;
  return undefined;
}

function checkEnd(state: GrammarState): string | undefined {
  for (const [index, candidate] of state.candidates) {
    if (!candidate.isFinished) return `candidate ${index} has not finished`;
  }
  return undefined;
}

function candidateOf(state: GrammarState, index: number): CandidateState {
  const known = state.candidates.get(index);
  if (known !== undefined) return known;
  const fresh: CandidateState = { blocks: [], isFinished: false };
  state.candidates.set(index, fresh);
  return fresh;
}
