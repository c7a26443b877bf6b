import type { Block, ReasoningBlock } from "./block.ts";
import type { BlockKind, CanonicalEvent } from "./event.ts";
import type { Candidate, CanonicalResponse } from "./response.ts";

/** A whole answer as the events of a stream, one delta per block: what records, guards and encoders see of plain answers. */
export function unfold(response: CanonicalResponse): CanonicalEvent[] {
  const events: CanonicalEvent[] = [
    {
      type: "start",
      id: response.id,
      model: response.model,
      createdAt: response.createdAt,
      ...(response.tier === undefined ? {} : { tier: response.tier }),
      ...(response.fingerprint === undefined ? {} : { fingerprint: response.fingerprint }),
    },
  ];
  for (const candidate of response.candidates) unfoldCandidate(candidate, events);
  for (const loss of response.losses) events.push({ type: "loss", loss });
  if (response.usage !== undefined) events.push({ type: "usage", usage: response.usage });
  for (const { index, finish } of response.candidates) events.push({ type: "finish", candidate: index, finish });
  events.push({ type: "end" });
  return events;
}

function unfoldCandidate(candidate: Candidate, events: CanonicalEvent[]): void {
  candidate.blocks.forEach((block, index) => unfoldBlock(candidate.index, index, block, events));
  if (candidate.meta !== undefined) {
    events.push({ type: "candidate-meta", candidate: candidate.index, meta: candidate.meta });
  }
}

function unfoldBlock(candidate: number, block: number, source: Block, events: CanonicalEvent[]): void {
  events.push({ type: "block-start", candidate, block, kind: blockKind(source), initial: emptied(source) });
  switch (source.type) {
    case "text":
      if (source.text !== "") {
        events.push({
          type: "text-delta",
          candidate,
          block,
          text: source.text,
          ...(source.logprobs === undefined ? {} : { logprobs: source.logprobs }),
        });
      }
      for (const citation of source.citations ?? []) events.push({ type: "citation", candidate, block, citation });
      break;
    case "refusal":
      if (source.text !== "") events.push({ type: "refusal-delta", candidate, block, text: source.text });
      break;
    case "reasoning":
      unfoldReasoning(candidate, block, source, events);
      break;
    case "tool-call":
      if (source.argumentsText !== "") {
        events.push({ type: "arguments-delta", candidate, block, text: source.argumentsText });
      }
      break;
    case "media":
      if (source.source.by === "base64" && source.source.data !== "") {
        events.push({ type: "media-delta", candidate, block, dataBase64: source.source.data });
      }
      break;
    default:
      break;
  }
  if (source.signature !== undefined) events.push({ type: "opaque", candidate, block, value: source.signature });
  events.push({ type: "block-stop", candidate, block, final: source });
}

function unfoldReasoning(candidate: number, block: number, source: ReasoningBlock, events: CanonicalEvent[]): void {
  source.summary.forEach((text, part) => {
    events.push({ type: "reasoning-delta", candidate, block, channel: "summary", part, text });
  });
  source.raw?.forEach((text, part) => {
    events.push({ type: "reasoning-delta", candidate, block, channel: "raw", part, text });
  });
  if (source.opaque !== undefined) events.push({ type: "opaque", candidate, block, value: source.opaque });
}

/** The block as it is known at its start: what the deltas bring is taken out. */
function emptied(block: Block): Block {
  switch (block.type) {
    case "text": {
      const { citations: _citations, logprobs: _logprobs, signature: _signature, ...rest } = block;
      return { ...rest, text: "" };
    }
    case "refusal":
      return { ...block, text: "" };
    case "reasoning": {
      const { raw: _raw, opaque: _opaque, ...rest } = block;
      return { ...rest, summary: [] };
    }
    case "tool-call":
      return { ...block, argumentsText: "" };
    case "media":
      return block.source.by === "base64" ? { ...block, source: { by: "base64", data: "" } } : block;
    default:
      return block;
  }
}

/** Request-only blocks cannot come from a model; if one does, it is shown as what it is to its own dialect: opaque. */
function blockKind(block: Block): BlockKind {
  switch (block.type) {
    case "tool-result":
    case "search-result":
      return "opaque";
    default:
      return block.type;
  }
}
