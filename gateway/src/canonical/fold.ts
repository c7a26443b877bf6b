import type { Block, Citation, Opaque, TokenLogprob } from "./block.ts";
import type { BlockStart, CanonicalEvent } from "./event.ts";
import type { Failure } from "./failure.ts";
import type { Loss } from "./loss.ts";
import type { Candidate, CandidateMeta, CanonicalResponse, Finish } from "./response.ts";
import { mergeUsage, type Usage } from "./usage.ts";

/** A block that is still being written: the initial block and what the deltas added so far. */
type OpenBlock = {
  readonly initial: Block;
  text: string;
  /** Reasoning text by channel and part. */
  readonly summary: string[];
  readonly raw: string[];
  readonly citations: Citation[];
  readonly logprobs: TokenLogprob[];
  opaque: Opaque | undefined;
  media: { data: string; transcript: string; expiresAt: number | undefined };
  final: Block | undefined;
};

type OpenCandidate = { readonly blocks: OpenBlock[]; finish: Finish | undefined; meta: CandidateMeta | undefined };

export type FoldState = {
  id: string;
  model: string;
  createdAt: number;
  tier: string | undefined;
  fingerprint: string | undefined;
  readonly candidates: OpenCandidate[];
  usage: Usage | undefined;
  readonly losses: Loss[];
  failure: Failure | undefined;
};

/** Puts the events of a whole answer together. The inverse of `unfold`. A failed stream folds into what there was of it. */
export function fold(events: Iterable<CanonicalEvent>): CanonicalResponse {
  const state = openFold();
  for (const event of events) foldEvent(state, event);
  return closeFold(state);
}

export function openFold(): FoldState {
  return {
    id: "",
    model: "",
    createdAt: 0,
    tier: undefined,
    fingerprint: undefined,
    candidates: [],
    usage: undefined,
    losses: [],
    failure: undefined,
  };
}

export function foldEvent(state: FoldState, event: CanonicalEvent): void {
  switch (event.type) {
    case "start":
      state.id = event.id;
      state.model = event.model;
      state.createdAt = event.createdAt;
      state.tier = event.tier;
      state.fingerprint = event.fingerprint;
      return;
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return;
    case "loss":
      state.losses.push(event.loss);
      return;
    case "error":
      state.failure = event.failure;
      return;
    case "finish":
      candidateAt(state, event.candidate).finish = event.finish;
      return;
    case "candidate-meta": {
      const candidate = candidateAt(state, event.candidate);
      candidate.meta = { ...candidate.meta, ...event.meta };
      return;
    }
    case "block-start":
      candidateAt(state, event.candidate).blocks[event.block] = openBlock(event);
      return;
    case "ping":
    case "end":
      return;
    default:
      foldBlockEvent(candidateAt(state, event.candidate).blocks[event.block], event);
  }
}

type BlockEvent = Exclude<
  Extract<CanonicalEvent, { readonly block: number }>,
  { readonly type: "block-start" | "finish" | "candidate-meta" }
>;

function foldBlockEvent(block: OpenBlock | undefined, event: BlockEvent): void {
  if (block === undefined) return; // A delta without its block breaks the grammar; the grammar check reports it.
  switch (event.type) {
    case "text-delta":
      block.text += event.text;
      if (event.logprobs !== undefined) block.logprobs.push(...event.logprobs);
      return;
    case "refusal-delta":
    case "arguments-delta":
      block.text += event.text;
      return;
    case "reasoning-delta": {
      const parts = event.channel === "summary" ? block.summary : block.raw;
      while (parts.length <= event.part) parts.push("");
      parts[event.part] += event.text;
      return;
    }
    case "opaque":
      block.opaque = event.value;
      return;
    case "citation":
      block.citations.push(event.citation);
      return;
    case "media-delta":
      // A numbered partial image is a whole picture of its own; only the unnumbered pieces are one file.
      if (event.partialIndex === undefined) block.media.data += event.dataBase64 ?? "";
      block.media.transcript += event.transcript ?? "";
      block.media.expiresAt = event.expiresAt ?? block.media.expiresAt;
      return;
    case "server-tool-state":
      return;
    case "block-stop":
      block.final = event.final;
      return;
    default:
      event satisfies never;
  }
}

export function closeFold(state: FoldState): CanonicalResponse {
  const candidates: Candidate[] = [];
  state.candidates.forEach((candidate, index) => {
    candidates.push({
      index,
      blocks: candidate.blocks.map(closeBlock),
      finish: candidate.finish ?? unfinished(state.failure),
      ...(candidate.meta === undefined ? {} : { meta: candidate.meta }),
    });
  });
  return {
    id: state.id,
    model: state.model,
    createdAt: state.createdAt,
    candidates,
    losses: state.losses,
    extras: {},
    ...(state.usage === undefined ? {} : { usage: state.usage }),
    ...(state.tier === undefined ? {} : { tier: state.tier }),
    ...(state.fingerprint === undefined ? {} : { fingerprint: state.fingerprint }),
  };
}

function candidateAt(state: FoldState, index: number): OpenCandidate {
  while (state.candidates.length <= index) {
    state.candidates.push({ blocks: [], finish: undefined, meta: undefined });
  }
  const candidate = state.candidates[index];
  if (candidate === undefined) throw new Error(`candidate ${index} is not a list index`);
  return candidate;
}

function openBlock(event: BlockStart): OpenBlock {
  return {
    initial: event.initial,
    text: "",
    summary: [],
    raw: [],
    citations: [],
    logprobs: [],
    opaque: undefined,
    media: { data: "", transcript: "", expiresAt: undefined },
    final: undefined,
  };
}

function closeBlock(block: OpenBlock): Block {
  if (block.final !== undefined) return block.final;
  const { initial } = block;
  switch (initial.type) {
    case "text":
      return {
        ...initial,
        text: initial.text + block.text,
        ...(block.citations.length === 0 ? {} : { citations: block.citations }),
        ...(block.logprobs.length === 0 ? {} : { logprobs: block.logprobs }),
        ...(block.opaque === undefined ? {} : { signature: block.opaque }),
      };
    case "refusal":
      return { ...initial, text: initial.text + block.text };
    case "reasoning":
      return {
        ...initial,
        summary: block.summary.length === 0 ? initial.summary : block.summary,
        ...(block.raw.length === 0 ? {} : { raw: block.raw }),
        ...(block.opaque === undefined ? {} : { opaque: block.opaque }),
      };
    case "tool-call":
      return {
        ...initial,
        argumentsText: initial.argumentsText + block.text,
        ...(block.opaque === undefined ? {} : { signature: block.opaque }),
      };
    case "media":
      return closeMedia(initial, block);
    default:
      return block.opaque === undefined ? initial : { ...initial, signature: block.opaque };
  }
}

function closeMedia(initial: Extract<Block, { readonly type: "media" }>, block: OpenBlock): Block {
  const { data, transcript, expiresAt } = block.media;
  return {
    ...initial,
    ...(data === "" ? {} : { source: { by: "base64" as const, data } }),
    ...(transcript === "" ? {} : { transcript }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(block.opaque === undefined ? {} : { signature: block.opaque }),
  };
}

/** A candidate that never finished, for records of broken streams; a decoder never calls such an answer a success. */
function unfinished(failure: Failure | undefined): Finish {
  return { reason: "error", native: "", ...(failure === undefined ? {} : { failure }) };
}
