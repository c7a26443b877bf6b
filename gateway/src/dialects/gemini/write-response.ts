import type { Opaque } from "../../canonical/block.ts";
import type { CanonicalResponse, Candidate } from "../../canonical/response.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { writeFinishReason } from "./finish.ts";
import { showsThoughts } from "./head.ts";
import { writeSignature } from "./signature.ts";
import { writeUsage } from "./usage.ts";
import { utf8Length, writeCandidateMeta, type CitedText } from "./write-metadata.ts";
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
  textBytes: number;
  malformed: string | undefined;
};

function writeCandidate(candidate: Candidate, withThoughts: boolean): JsonObject {
  const state: Writing = { parts: [], cited: [], pending: [], textBytes: 0, malformed: undefined };
  for (const block of candidate.blocks) {
    if (block.type === "reasoning") {
      flushPending(state);
      const text = [...block.summary, ...(block.raw ?? [])].join("\n\n");
      if (withThoughts && text !== "") state.parts.push({ text, thought: true });
      hold(state, block.opaque ?? block.signature);
      continue;
    }
    const written = writeBlock(block);
    if (written.kind === "malformed-call") state.malformed = written.text;
    if (written.kind !== "part") continue;
    if (block.type === "text") {
      state.cited.push({ text: block.text, startBytes: state.textBytes, citations: block.citations ?? [] });
      state.textBytes += utf8Length(block.text);
    }
    pushPart(state, written.part, block.signature);
  }
  flushPending(state);
  const isMalformed = state.malformed !== undefined && !ownReasons.has(candidate.finish.reason);
  return compact({
    content: state.parts.length === 0 ? undefined : { parts: state.parts, role: "model" },
    finishReason: isMalformed ? "MALFORMED_FUNCTION_CALL" : writeFinishReason(candidate.finish),
    finishMessage: isMalformed ? state.malformed : finishMessage(candidate.finish),
    index: candidate.index,
    ...writeCandidateMeta(candidate.meta, state.cited),
  });
}

/** Finishes that explain a call cut short by themselves. */
export const ownReasons: ReadonlySet<Candidate["finish"]["reason"]> = new Set([
  "length",
  "context-length",
  "content-filter",
  "refusal",
  "error",
]);

export function finishMessage(finish: Candidate["finish"]): string | undefined {
  return finish.message ?? finish.refusal?.explanation ?? undefined;
}

function hold(state: Writing, opaque: Opaque | undefined): void {
  const signature = opaque === undefined ? undefined : writeSignature(opaque);
  if (signature !== undefined) state.pending.push(signature);
}

function pushPart(state: Writing, part: JsonObject, own: Opaque | undefined): void {
  const signature = own === undefined ? undefined : writeSignature(own);
  // A part has room for one signature: the last pending one, unless it has one of its own.
  const carried = signature ?? (mayCarry(part) ? state.pending.pop() : undefined);
  flushPending(state);
  // Empty text is nothing, unless it carries a signature.
  if (part["text"] === "" && carried === undefined) return;
  state.parts.push(compact({ ...part, thoughtSignature: carried }));
}

/** Clients hand back text and function calls, with what is on them; of other parts that is not known. */
export function mayCarry(part: JsonObject): boolean {
  return part["text"] !== undefined || part["functionCall"] !== undefined;
}

function flushPending(state: Writing): void {
  for (const thoughtSignature of state.pending.splice(0)) state.parts.push({ text: "", thoughtSignature });
}
