import type { Block, Issuer, Opaque } from "../../canonical/block.ts";
import type { BlockKind, CanonicalEvent } from "../../canonical/event.ts";
import type { CandidateMeta, Finish } from "../../canonical/response.ts";
import { stableDigest } from "../../lib/hash.ts";
import { asObject, asString, compact, isObject, type JsonObject } from "../../lib/json.ts";
import { mergeCandidateMeta, readCitations, readLogprobs } from "./candidate-meta.ts";
import { field, list } from "./fields.ts";
import { finishWord, readFinish } from "./finish.ts";
import { applyPartialArguments, emptyArguments } from "./partial-arguments.ts";
import { readPart } from "./read-parts.ts";
import { readSignature } from "./signature.ts";

/** What a candidate must know of the answer that it belongs to. */
export type AnswerContext = { readonly responseId: string; readonly issuer: Issuer };

/** A candidate that is being read. */
export type CandidateState = {
  readonly index: number;
  blocks: number;
  /** The text or reasoning block that further parts of its kind continue. Left open till the end for citations. */
  open: { readonly kind: "text" | "reasoning"; readonly block: number; isSigned: boolean } | undefined;
  /** A function call whose arguments come in pieces. */
  call: PartialCall | undefined;
  hasToolCall: boolean;
  /** The last one wins. */
  finishReason: string | undefined;
  finishMessage: string | undefined;
  meta: CandidateMeta;
};

type PartialCall = {
  readonly part: JsonObject;
  readonly call: JsonObject;
  readonly args: JsonObject;
  isWhole: boolean;
};

export function openCandidate(index: number): CandidateState {
  return {
    index,
    blocks: 0,
    open: undefined,
    call: undefined,
    hasToolCall: false,
    finishReason: undefined,
    finishMessage: undefined,
    meta: {},
  };
}

/** One chunk's share of a candidate: its parts in order, then what it says about the candidate as a whole. */
export function stepCandidate(
  candidate: CandidateState,
  value: JsonObject,
  answer: AnswerContext,
  events: CanonicalEvent[],
): void {
  const content = asObject(field(value, "content"));
  let logprobs = readLogprobs(field(value, "logprobsResult"));
  for (const part of content === undefined ? [] : list(field(content, "parts"))) {
    if (!isObject(part)) continue;
    const call = asObject(field(part, "functionCall"));
    if (call !== undefined) {
      stepCall(candidate, part, call, answer, events);
      continue;
    }
    const block = readPart(part, { issuer: answer.issuer, callId: "" });
    if (block === undefined) continue;
    if (block.type !== "text" && block.type !== "reasoning") {
      writeWhole(candidate, isAnswerBlock(block) ? block : unexpected(part), events);
      continue;
    }
    continueText(candidate, block.type, asString(field(part, "text")) ?? "", events, logprobs);
    // The list belongs to the chunk's text as a whole: its first part carries it.
    if (block.type === "text") logprobs = undefined;
    const opaque = block.type === "reasoning" ? block.opaque : block.signature;
    if (opaque !== undefined) sign(candidate, block.type, opaque, events);
  }
  candidate.finishReason = finishWord(field(value, "finishReason")) ?? candidate.finishReason;
  candidate.finishMessage = asString(field(value, "finishMessage")) ?? candidate.finishMessage;
  candidate.meta = mergeCandidateMeta(candidate.meta, value);
}

function continueText(
  candidate: CandidateState,
  kind: "text" | "reasoning",
  text: string,
  events: CanonicalEvent[],
  logprobs: ReturnType<typeof readLogprobs>,
): void {
  if (text === "") return;
  const block = openText(candidate, kind, events);
  if (kind === "reasoning") {
    events.push({ type: "reasoning-delta", candidate: candidate.index, block, channel: "summary", part: 0, text });
  } else {
    events.push({ type: "text-delta", candidate: candidate.index, block, text, ...compact({ logprobs }) });
  }
}

/** The block that text of this kind goes to. A signed block is whole: what follows its signature is another block. */
function openText(candidate: CandidateState, kind: "text" | "reasoning", events: CanonicalEvent[]): number {
  if (candidate.open?.kind === kind && !candidate.open.isSigned) return candidate.open.block;
  const initial: Block = kind === "text" ? { type: "text", text: "" } : { type: "reasoning", summary: [] };
  const block = startBlock(candidate, kind, initial, events);
  candidate.open = { kind, block, isSigned: false };
  return block;
}

function sign(candidate: CandidateState, kind: "text" | "reasoning", value: Opaque, events: CanonicalEvent[]): void {
  const block = openText(candidate, kind, events);
  events.push({ type: "opaque", candidate: candidate.index, block, value });
  if (candidate.open !== undefined) candidate.open.isSigned = true;
}

/**
 * A function call comes whole; only Vertex AI, asked for it, streams arguments: `{name,willContinue}`, then pieces, then a
 * part without `willContinue`, as empty as `{"functionCall":{}}`.
 */
function stepCall(
  candidate: CandidateState,
  part: JsonObject,
  call: JsonObject,
  answer: AnswerContext,
  events: CanonicalEvent[],
): void {
  const hasName = field(call, "name") !== undefined;
  if (hasName) finishCall(candidate, answer, events);
  candidate.call ??= hasName ? { part, call, args: emptyArguments(), isWhole: true } : undefined;
  const pending = candidate.call;
  if (pending === undefined) return;
  Object.assign(pending.args, asObject(field(call, "args")));
  if (!applyPartialArguments(pending.args, field(call, "partialArgs"))) pending.isWhole = false;
  if (field(call, "willContinue") !== true) finishCall(candidate, answer, events);
}

function finishCall(candidate: CandidateState, answer: AnswerContext, events: CanonicalEvent[]): void {
  const pending = candidate.call;
  if (pending === undefined) return;
  candidate.call = undefined;
  const id =
    asString(field(pending.call, "id")) ?? syntheticCallId(answer.responseId, candidate.index, candidate.blocks);
  const signature = readSignature(asString(field(pending.part, "thoughtSignature")), answer.issuer);
  if (!pending.isWhole) {
    const path = `candidates[${candidate.index}].blocks[${candidate.blocks}].argumentsText`;
    events.push({ type: "loss", loss: { path, reason: "repaired", detail: "a piece of the arguments had no place" } });
  }
  candidate.hasToolCall = true;
  writeWhole(
    candidate,
    {
      type: "tool-call",
      kind: "function",
      id,
      name: asString(field(pending.call, "name")) ?? "",
      argumentsText: JSON.stringify(pending.args),
      ...compact({ signature }),
    },
    events,
  );
}

/** Ids that Gemini did not give. The prefix tells the encoder to leave them out again. */
export const SYNTHETIC_CALL_ID_PREFIX = "gc_";

function syntheticCallId(responseId: string, candidate: number, block: number): string {
  return SYNTHETIC_CALL_ID_PREFIX + stableDigest(`${responseId}/${candidate}/${block}`);
}

type AnswerBlock = Exclude<Block, { readonly type: "tool-result" | "search-result" }>;

function isAnswerBlock(block: Block): block is AnswerBlock {
  return block.type !== "tool-result" && block.type !== "search-result";
}

/** A model does not answer function calls; should one seem to, only Gemini's own clients can be shown it. */
function unexpected(part: JsonObject): AnswerBlock {
  return { type: "opaque", dialect: "gemini", nativeType: "functionResponse", value: part };
}

/** A block that arrived in one part. */
function writeWhole(candidate: CandidateState, source: AnswerBlock, events: CanonicalEvent[]): void {
  closeBlock(candidate, events);
  const { signature, ...whole } = source;
  const at = { candidate: candidate.index, block: candidate.blocks };
  if (whole.type === "tool-call") {
    startBlock(candidate, "tool-call", { ...whole, argumentsText: "" }, events);
    events.push({ type: "arguments-delta", ...at, text: whole.argumentsText });
  } else if (whole.type === "media" && whole.source.by === "base64") {
    startBlock(candidate, "media", { ...whole, source: { by: "base64", data: "" } }, events);
    events.push({ type: "media-delta", ...at, dataBase64: whole.source.data });
  } else {
    startBlock(candidate, whole.type, whole, events);
  }
  if (signature !== undefined) events.push({ type: "opaque", ...at, value: signature });
  events.push({ type: "block-stop", ...at });
}

function startBlock(candidate: CandidateState, kind: BlockKind, initial: Block, events: CanonicalEvent[]): number {
  closeBlock(candidate, events);
  const block = candidate.blocks;
  candidate.blocks += 1;
  events.push({ type: "block-start", candidate: candidate.index, block, kind, initial });
  return block;
}

/** Stops the block that was left open for more text. */
export function closeBlock(candidate: CandidateState, events: CanonicalEvent[]): void {
  const open = candidate.open;
  if (open === undefined) return;
  candidate.open = undefined;
  events.push({ type: "block-stop", candidate: candidate.index, block: open.block });
}

/**
 * What was held back until the end, and the finish. `refusal` is the finish of a candidate that has none of its own because the
 * prompt was refused.
 */
export function finishCandidate(
  candidate: CandidateState,
  refusal: Finish | undefined,
  events: CanonicalEvent[],
): void {
  const { index, open } = candidate;
  if (candidate.call !== undefined) {
    // Half a call must not be carried out; it is not a call of this answer.
    const path = `candidates[${index}].blocks[${candidate.blocks}]`;
    events.push({
      type: "loss",
      loss: { path, reason: "repaired", detail: "a function call without its end was left out" },
    });
  }
  if (open?.kind === "text") {
    for (const citation of readCitations(candidate.meta)) {
      events.push({ type: "citation", candidate: index, block: open.block, citation });
    }
  }
  closeBlock(candidate, events);
  if (Object.keys(candidate.meta).length > 0) {
    events.push({ type: "candidate-meta", candidate: index, meta: candidate.meta });
  }
  const finish =
    candidate.finishReason === undefined && refusal !== undefined
      ? refusal
      : readFinish(candidate.finishReason ?? "", candidate.finishMessage, candidate.hasToolCall);
  events.push({ type: "finish", candidate: index, finish });
}
