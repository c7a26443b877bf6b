import type { Block, ReasoningBlock, TokenLogprob } from "../../canonical/block.ts";
import type { CanonicalResponse, Candidate } from "../../canonical/response.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { writeFinish } from "./finish.ts";
import { showsThoughts } from "./head.ts";
import { pendingParts, signedParts, writeSignature } from "./signature.ts";
import { writeUsage } from "./usage.ts";
import { utf8Length, writeCandidateMeta, writeLogprobs, type CitedText } from "./write-metadata.ts";
import { writeBlock } from "./write-parts.ts";

/** A whole answer as a `GenerateContentResponse`. */
export function writeResponse(response: CanonicalResponse, client: ClientContext): JsonObject {
  const { promptBlock, usage } = response;
  // Gemini CLI repeats a refused prompt four times and then ends without a word; it does show a candidate's SAFETY (recorded).
  const isRefusal = promptBlock !== undefined && client.agent !== "gemini-cli";
  const candidates = response.candidates.filter((candidate) => !isRefusal || candidate.blocks.length > 0);
  return compact({
    ...asObject(response.extras.gemini),
    candidates:
      isRefusal && candidates.length === 0
        ? undefined
        : candidates.map((candidate) => writeCandidate(candidate, showsThoughts(client.echo))),
    promptFeedback: isRefusal
      ? compact({
          blockReason: promptBlock.reason,
          blockReasonMessage: promptBlock.message,
          safetyRatings: promptBlock.ratings,
        })
      : undefined,
    usageMetadata: usage === undefined ? undefined : writeUsage(usage),
    modelVersion: response.model,
    responseId: response.id,
  });
}

type Writing = {
  readonly parts: JsonObject[];
  readonly cited: CitedText[];
  /** Signatures of reasoning, for the next part that can carry one. */
  readonly pending: string[];
  readonly logprobs: TokenLogprob[];
  textBytes: number;
  malformed: string | undefined;
};

function writeCandidate(candidate: Candidate, withThoughts: boolean): JsonObject {
  const state: Writing = { parts: [], cited: [], pending: [], logprobs: [], textBytes: 0, malformed: undefined };
  for (const block of candidate.blocks) {
    if (block.type === "reasoning") addReasoning(state, block, withThoughts);
    else addBlock(state, block);
  }
  state.parts.push(...pendingParts(state.pending));
  return compact({
    content: state.parts.length === 0 ? undefined : { parts: state.parts, role: "model" },
    ...writeFinish(candidate.finish, state.malformed),
    index: candidate.index,
    ...writeCandidateMeta(candidate.meta, state.cited),
    logprobsResult: writeLogprobs(state.logprobs),
  });
}

function addReasoning(state: Writing, block: ReasoningBlock, withThoughts: boolean): void {
  // Signatures stay in the order of the reasoning that they belong to.
  state.parts.push(...pendingParts(state.pending));
  const text = [...block.summary, ...(block.raw ?? [])].join("\n\n");
  if (withThoughts && text !== "") state.parts.push({ text, thought: true });
  const opaque = block.opaque ?? block.signature;
  const signature = opaque === undefined ? undefined : writeSignature(opaque);
  if (signature !== undefined) state.pending.push(signature);
}

function addBlock(state: Writing, block: Exclude<Block, ReasoningBlock>): void {
  // Empty text is nothing, unless it carries a signature.
  if (block.type === "text" && block.text === "" && block.signature === undefined) return;
  const written = writeBlock(block);
  if (written.kind === "malformed-call") state.malformed = written.text;
  if (written.kind !== "part") return;
  if (block.type === "text") {
    state.cited.push({ text: block.text, startBytes: state.textBytes, citations: block.citations ?? [] });
    state.textBytes += utf8Length(block.text);
    state.logprobs.push(...(block.logprobs ?? []));
  }
  state.parts.push(...signedParts(state.pending, written.part, block.signature));
}
