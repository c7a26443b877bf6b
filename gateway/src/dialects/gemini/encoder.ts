import type { Block, Citation, Opaque, TokenLogprob } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";
import type { CandidateMeta, Finish } from "../../canonical/response.ts";
import { mergeUsage, type Usage } from "../../canonical/usage.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import type { ClientContext, Encoder } from "../dialect.ts";
import { writeFinish } from "./finish.ts";
import { showsThoughts } from "./head.ts";
import { pendingParts, signedParts, writeSignature } from "./signature.ts";
import { chunkTail, type ChunkTail } from "./tail.ts";
import { writeUsage } from "./usage.ts";
import { utf8Length, writeCandidateMeta, writeLogprobs, type CitedText } from "./write-metadata.ts";
import { writeBlock } from "./write-parts.ts";

/**
 * Canonical events as chunks. Text goes out as it comes; a function call, a picture, code go out whole when their block stops;
 * finishes wait for `end`, because usage may come after them and each candidate has one finish chunk.
 */
export function encoder(client: ClientContext): Encoder {
  const tail = chunkTail(client);
  const state: EncoderState = { showsThoughts: showsThoughts(client.echo), usage: undefined, candidates: new Map() };
  return {
    write: (event) => writeEvent(state, tail, event),
    failure: (failure) => tail.failure(failure),
    keepAlive: () => tail.keepAlive(),
  };
}

type EncoderState = {
  readonly showsThoughts: boolean;
  usage: Usage | undefined;
  readonly candidates: Map<number, CandidateState>;
};

type CandidateState = {
  readonly index: number;
  readonly blocks: Map<number, BlockState>;
  /** Signatures of reasoning, for the next part that can carry one. */
  readonly pending: string[];
  readonly cited: CitedText[];
  /** Of text that no chunk has carried yet. */
  readonly logprobs: TokenLogprob[];
  textBytes: number;
  malformed: string | undefined;
  meta: CandidateMeta;
  finish: Finish | undefined;
};

type BlockState = {
  readonly initial: Block;
  /** Text, arguments or base64 data so far. */
  text: string;
  /** A high surrogate whose other half is in the next delta: alone it has no UTF-8. */
  half: string;
  /** The reasoning part that the last delta belonged to. */
  part: string;
  opaque: Opaque | undefined;
  readonly citations: Citation[];
};

function writeEvent(state: EncoderState, tail: ChunkTail, event: CanonicalEvent): string {
  switch (event.type) {
    case "start":
      tail.know(event.id, event.model);
      return "";
    case "usage":
      state.usage = mergeUsage(state.usage, event.usage);
      return "";
    case "ping":
      return tail.keepAlive();
    case "error":
      return tail.failure(event.failure) ?? "";
    case "end":
      return [...state.candidates.values()].map((each) => finishChunk(state, tail, each)).join("") + tail.close();
    case "loss":
      return "";
    case "finish":
      candidateOf(state, event.candidate).finish = event.finish;
      return "";
    case "candidate-meta": {
      const candidate = candidateOf(state, event.candidate);
      candidate.meta = { ...candidate.meta, ...event.meta };
      return "";
    }
    default: {
      const candidate = candidateOf(state, event.candidate);
      const parts = blockParts(state, candidate, event);
      if (event.type === "text-delta") candidate.logprobs.push(...(event.logprobs ?? []));
      return parts.map((part) => partChunk(state, tail, candidate, part)).join("");
    }
  }
}

type BlockEvent = Extract<CanonicalEvent, { readonly block: number }>;

/** The parts that an event lets out. */
function blockParts(state: EncoderState, candidate: CandidateState, event: BlockEvent): JsonObject[] {
  if (event.type === "block-start") return startBlock(candidate, event);
  const block = candidate.blocks.get(event.block);
  if (block === undefined) return [];
  switch (event.type) {
    case "text-delta":
    case "refusal-delta":
      return textParts(candidate, block, event.text);
    case "reasoning-delta":
      return state.showsThoughts ? thoughtParts(candidate, block, event) : [];
    case "arguments-delta":
      block.text += event.text;
      return [];
    case "media-delta":
      // A numbered partial image is a draft of the picture that follows.
      if (event.partialIndex === undefined) block.text += event.dataBase64 ?? "";
      return [];
    case "opaque":
      block.opaque = event.value;
      return [];
    case "citation":
      block.citations.push(event.citation);
      return [];
    case "server-tool-state":
      return [];
    case "block-stop":
      candidate.blocks.delete(event.block);
      return stopBlock(state, candidate, block, event.final);
  }
}

function startBlock(candidate: CandidateState, event: BlockStart): JsonObject[] {
  const { initial } = event;
  const block: BlockState = { initial, text: "", half: "", part: "", opaque: undefined, citations: [] };
  candidate.blocks.set(event.block, block);
  if (initial.type === "text" || initial.type === "refusal") return textParts(candidate, block, initial.text);
  if (initial.type === "tool-call") block.text = initial.argumentsText;
  // Signatures stay in the order of the reasoning that they belong to.
  return initial.type === "reasoning" ? pendingParts(candidate.pending) : [];
}

function textParts(candidate: CandidateState, block: BlockState, text: string): JsonObject[] {
  const whole = joinSurrogates(block, text);
  if (whole === "") return [];
  block.text += whole;
  return signedParts(candidate.pending, { text: whole }, undefined);
}

function thoughtParts(
  candidate: CandidateState,
  block: BlockState,
  event: Extract<CanonicalEvent, { readonly type: "reasoning-delta" }>,
): JsonObject[] {
  const part = `${event.channel} ${event.part}`;
  const separator = block.part !== "" && block.part !== part ? "\n\n" : "";
  block.part = part;
  const whole = joinSurrogates(block, separator + event.text);
  if (whole === "") return [];
  block.text += whole;
  return [...pendingParts(candidate.pending), { text: whole, thought: true }];
}

/** Providers cut text anywhere, also within a character outside the basic plane. */
function joinSurrogates(block: BlockState, text: string): string {
  const joined = block.half + text;
  const last = joined.charCodeAt(joined.length - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  block.half = isHalf ? joined.slice(-1) : "";
  return isHalf ? joined.slice(0, -1) : joined;
}

function stopBlock(
  state: EncoderState,
  candidate: CandidateState,
  block: BlockState,
  final: Block | undefined,
): JsonObject[] {
  const { initial } = block;
  const tail = block.half === "" ? "" : "\ufffd";
  if (initial.type === "reasoning") {
    const parts = state.showsThoughts ? lateThought(block, tail, final) : [];
    const opaque = block.opaque ?? (final?.type === "reasoning" ? final.opaque : undefined) ?? initial.opaque;
    const signature = opaque === undefined ? undefined : writeSignature(opaque);
    if (signature !== undefined) candidate.pending.push(signature);
    return parts;
  }
  if (initial.type === "text" || initial.type === "refusal") return stopText(candidate, block, tail, final);
  const whole = final ?? wholeBlock(block);
  if (whole.type === "reasoning") return [];
  const written = writeBlock(whole);
  if (written.kind === "malformed-call") candidate.malformed = written.text;
  if (written.kind !== "part") return [];
  return signedParts(candidate.pending, written.part, block.opaque ?? whole.signature);
}

function stopText(candidate: CandidateState, block: BlockState, tail: string, final: Block | undefined): JsonObject[] {
  const isText = final?.type === "text" || final?.type === "refusal";
  const late = block.text === "" && isText ? final.text : tail;
  const opaque = block.opaque ?? final?.signature ?? block.initial.signature;
  const text = block.text + late;
  const citations = block.citations.length === 0 && final?.type === "text" ? (final.citations ?? []) : block.citations;
  if (citations.length > 0) candidate.cited.push({ text, startBytes: candidate.textBytes, citations });
  candidate.textBytes += utf8Length(text);
  return late === "" && opaque === undefined ? [] : signedParts(candidate.pending, { text: late }, opaque);
}

/** Text that came with the end of the block only. */
function lateThought(block: BlockState, tail: string, final: Block | undefined): JsonObject[] {
  const text =
    block.text === "" && final?.type === "reasoning" ? [...final.summary, ...(final.raw ?? [])].join("\n\n") : tail;
  return text === "" ? [] : [{ text, thought: true }];
}

/** What the deltas made of the block. */
function wholeBlock(block: BlockState): Block {
  const { initial, text } = block;
  if (initial.type === "tool-call") return { ...initial, argumentsText: text };
  if (initial.type === "media" && text !== "") return { ...initial, source: { by: "base64", data: text } };
  return initial;
}

function partChunk(state: EncoderState, tail: ChunkTail, candidate: CandidateState, part: JsonObject): string {
  // The list goes with the text that it is about; tokens that are pieces of a character wait for the character.
  const logprobsResult = part["text"] === undefined ? undefined : writeLogprobs(candidate.logprobs.splice(0));
  return tail.chunk({
    candidates: [compact({ content: { parts: [part], role: "model" }, index: candidate.index, logprobsResult })],
    ...usageMetadata(state),
  });
}

/** The chunk that finishes a candidate. It has a part, because Google's SDK takes an answer without one for invalid. */
function finishChunk(state: EncoderState, tail: ChunkTail, candidate: CandidateState): string {
  const { finish } = candidate;
  if (finish === undefined) return "";
  const waiting = pendingParts(candidate.pending);
  return tail.chunk({
    candidates: [
      compact({
        content: { parts: waiting.length === 0 ? [{ text: "" }] : waiting, role: "model" },
        ...writeFinish(finish, candidate.malformed),
        index: candidate.index,
        ...writeCandidateMeta(candidate.meta, candidate.cited),
      }),
    ],
    ...usageMetadata(state),
  });
}

function usageMetadata(state: EncoderState): JsonObject {
  return state.usage === undefined ? {} : { usageMetadata: writeUsage(state.usage) };
}

function candidateOf(state: EncoderState, index: number): CandidateState {
  const known = state.candidates.get(index);
  if (known !== undefined) return known;
  const fresh: CandidateState = {
    index,
    blocks: new Map(),
    pending: [],
    cited: [],
    logprobs: [],
    textBytes: 0,
    malformed: undefined,
    meta: {},
    finish: undefined,
  };
  state.candidates.set(index, fresh);
  return fresh;
}
