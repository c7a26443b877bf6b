import type { Issuer, Opaque } from "../../canonical/block.ts";
import { openOpaque, sealOpaque } from "../../canonical/envelope.ts";
import { asArray, asString, isObject, type JsonObject } from "../../lib/json.ts";
import { closeSpeech, lose, stopBlock, type ChoiceContext, type ChoiceState } from "./choice-state.ts";
import { startBlock } from "./tool-calls.ts";

/*
 * Chat has no reasoning of its own. What exists are conventions of providers: the text as `reasoning_content` (DeepSeek,
 * Moonshot, Z.ai, vLLM, xAI), `reasoning` (OpenRouter, Groq, Ollama) or `reasoning_text` (Copilot); the opaque state as
 * `reasoning_details` (OpenRouter, Vercel), which is also where we put it for our own clients.
 */

/** The `format` of a detail whose `data` is an envelope of ours. */
const ENVELOPE_FORMAT = "dg1";

/** Reads the reasoning of a delta or message: the text once, although most providers send it twice, then the opaque values. */
export function readReasoning(state: ChoiceState, delta: JsonObject, to: ChoiceContext): void {
  const details = (asArray(delta["reasoning_details"]) ?? []).filter(isObject);
  const summary = joined(details, "summary");
  const raw = asString(delta["reasoning_content"]) || asString(delta["reasoning"]) || asString(delta["reasoning_text"]);
  if (summary !== "") addReasoning(state, summary, "summary", to);
  else addReasoning(state, raw || joined(details, "text"), "raw", to);
  for (const detail of details) readOpaque(state, detail, to);
}

export function addReasoning(state: ChoiceState, text: string, channel: "summary" | "raw", to: ChoiceContext): void {
  if (text === "") return;
  const { block } = openReasoning(state, to);
  to.events.push({ type: "reasoning-delta", candidate: state.index, block, text, channel, part: 0 });
}

function joined(details: readonly JsonObject[], key: "summary" | "text"): string {
  let text = "";
  for (const detail of details) text += asString(detail[key]) ?? "";
  return text;
}

function openReasoning(state: ChoiceState, to: ChoiceContext): NonNullable<ChoiceState["reasoning"]> {
  closeSpeech(state, to, "reasoning");
  state.reasoning ??= {
    block: startBlock(state, "reasoning", { type: "reasoning", summary: [] }, to),
    hasOpaque: false,
  };
  return state.reasoning;
}

/** A signature or encrypted reasoning. A block has room for one; the next one starts a block of its own. */
function readOpaque(state: ChoiceState, detail: JsonObject, to: ChoiceContext): void {
  if (!asString(detail["signature"]) && !asString(detail["data"])) return;
  const value = readDetail(detail, { provider: to.issuer, family: "openai-chat" });
  if (value === undefined) {
    const format = asString(detail["format"]) ?? "none";
    return lose(state, { at: "reasoning", reason: "opaque-not-portable", detail: `format ${format}` }, to);
  }
  if (state.reasoning?.hasOpaque === true) {
    stopBlock(state, state.reasoning.block, to);
    state.reasoning = undefined;
  }
  const open = openReasoning(state, to);
  open.hasOpaque = true;
  to.events.push({ type: "opaque", candidate: state.index, block: open.block, value });
}

/** How OpenRouter names whose opaque state a detail holds (recorded 2025 and 2026). */
const formats: {
  readonly [format: string]: (detail: JsonObject) => Pick<Opaque, "kind" | "value"> | undefined;
} = {
  "anthropic-claude-v1": (detail) => {
    const signature = asString(detail["signature"]);
    if (signature) return { kind: "anthropic.signature", value: signature };
    const data = asString(detail["data"]);
    return data ? { kind: "anthropic.redacted", value: data } : undefined;
  },
  "google-gemini-v1": (detail) => {
    const value = asString(detail["data"]) || asString(detail["signature"]);
    return value ? { kind: "gemini.thought-signature", value } : undefined;
  },
  "openai-responses-v1": (detail) => {
    const data = asString(detail["data"]);
    if (!data) return undefined;
    const item = { type: "reasoning", id: detail["id"] ?? null, summary: [], encrypted_content: data };
    return { kind: "openai.reasoning", value: JSON.stringify(item) };
  },
};

/** The opaque value of a detail: an envelope of ours, or a provider's own in a known format. */
export function readDetail(detail: JsonObject, issuer: Issuer): Opaque | undefined {
  const sealed = openOpaque(asString(detail["data"]) ?? "");
  if (sealed !== undefined) return { ...sealed, issuer: { ...issuer, ...sealed.issuer } };
  const format = asString(detail["format"]) ?? "";
  const read = Object.hasOwn(formats, format) ? formats[format]?.(detail) : undefined;
  return read === undefined ? undefined : { issuer, ...read };
}

/** An opaque value for a Chat client, which sends it back as it got it. */
export function writeDetail(value: Opaque, id: string | undefined): JsonObject {
  return { type: "reasoning.encrypted", id: id ?? null, format: ENVELOPE_FORMAT, data: sealOpaque(value) };
}

/** A signature on a tool call, in Google's convention. Sealed, because a bare value does not say whose it is. */
export function writeSignature(value: Opaque): JsonObject {
  return { extra_content: { google: { thought_signature: sealOpaque(value) } } };
}
