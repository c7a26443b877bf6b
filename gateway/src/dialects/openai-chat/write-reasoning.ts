import type { Block, Opaque, ReasoningBlock } from "../../canonical/block.ts";
import { openOpaque } from "../../canonical/envelope.ts";
import { asArray, asObject, asString, compact, isObject, parseJson, type JsonObject } from "../../lib/json.ts";
import { notPortable, repaired } from "../../translation/limits.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import type { Replay } from "./vendors.ts";
import { lose, type Writing } from "./writing.ts";

/** What an assistant message says of its reasoning. */
export type WrittenReasoning = {
  /** Members of the message. */
  readonly members: JsonObject;
  /** Content parts before all others (Mistral). */
  readonly parts: readonly JsonObject[];
};

/**
 * The reasoning of an earlier answer, for providers whose models shall see it again. That OpenAI's Chat takes none is no loss
 * of this request; that opaque state cannot reach its reader is one. `path` names the list of blocks.
 */
export function writeReasoning(writing: Writing, blocks: readonly Block[], path: string): WrittenReasoning {
  const placed = blocks.flatMap((block, index) =>
    block.type === "reasoning" ? [{ block, path: `${path}[${index}]` }] : [],
  );
  const replay = replayOf(writing);
  if (replay === undefined) {
    for (const each of placed) if (each.block.opaque !== undefined) lose(writing, notPortable(`${each.path}.opaque`));
    return { members: {}, parts: [] };
  }
  const details = [...writeDetails(writing, replay, placed), ...writeCallDetails(writing, replay, blocks)];
  const written = joinedText(placed.map(({ block }) => block));
  const text = written === "" ? missingText(writing, blocks, path) : written;
  const isParts = replay.as === "thinking_parts";
  const key = replay.as === "reasoning_content" ? "reasoning_content" : "reasoning";
  return {
    members: compact({
      [key]: isParts ? undefined : text,
      reasoning_details: details.length === 0 ? undefined : details,
    }),
    parts: isParts && text !== undefined ? [{ type: "thinking", thinking: [{ type: "text", text }] }] : [],
  };
}

/** A Chat client knows its model; for others the model must be one that can use its reasoning. */
function replayOf({ target, isNative }: Writing): Replay | undefined {
  const { replay } = target.vendor;
  return isNative || replay?.models === undefined || replay.models.test(target.model) ? replay : undefined;
}

/** The raw reasoning where there is some, else its summary; blocks and parts a blank line apart. */
function joinedText(blocks: readonly ReasoningBlock[]): string {
  return blocks.flatMap((block) => textsOf(block)).join("\n\n");
}

function textsOf({ raw = [], summary }: ReasoningBlock): readonly string[] {
  const shown = raw.filter((text) => text !== "");
  return shown.length > 0 ? shown : summary.filter((text) => text !== "");
}

function missingText(writing: Writing, blocks: readonly Block[], path: string): string | undefined {
  const { vendor, model } = writing.target;
  const missing = vendor.missingReasoning;
  if (missing === undefined || writing.isNative || !missing.models.test(model)) return undefined;
  if (missing.turns === "with-calls" && !blocks.some((block) => block.type === "tool-call")) return undefined;
  if (missing.text !== "") lose(writing, repaired(path, "reasoning that is not known"));
  return missing.text;
}

type PlacedReasoning = { readonly block: ReasoningBlock; readonly path: string };

/** `reasoning_details`: a Chat client's own come back as they are, except those that are envelopes of ours. */
function writeDetails(writing: Writing, replay: Replay, placed: readonly PlacedReasoning[]): JsonObject[] {
  const [first] = placed;
  const own = placed.flatMap(({ block }) => asArray(block.extras?.["openai-chat"]?.["reasoning_details"]) ?? []);
  if (own.length === 0 || first === undefined) {
    return placed.flatMap(({ block, path }) =>
      block.opaque === undefined ? [] : writeOpaque(writing, replay, block.opaque, textsOf(block), path),
    );
  }
  return own.filter(isObject).flatMap((detail) => {
    const sealed = openOpaque(asString(detail["data"]) ?? "");
    if (sealed === undefined) return [detail];
    const holder = placed.find(({ block }) => block.opaque?.value === sealed.value) ?? first;
    return writeOpaque(writing, replay, sealed, textsOf(holder.block), holder.path);
  });
}

function writeOpaque(
  writing: Writing,
  replay: Replay,
  opaque: Opaque,
  texts: readonly string[],
  path: string,
): JsonObject[] {
  const { issuer, kind } = writing.target.options;
  const write = replay.as === "reasoning_details" ? detailWriters[opaque.kind] : undefined;
  if (write !== undefined && isReadableBy(opaque, issuer, kind)) return write(opaque.value, texts.join("\n\n"));
  lose(writing, notPortable(`${path}.opaque`));
  return [];
}

/** OpenRouter keeps the signature of a call of Gemini's as a detail that names the call. */
function writeCallDetails(writing: Writing, replay: Replay, blocks: readonly Block[]): JsonObject[] {
  if (replay.as !== "reasoning_details") return [];
  const { issuer, kind } = writing.target.options;
  return blocks.flatMap((block) => {
    if (block.type !== "tool-call" || block.signature?.kind !== "gemini.thought-signature") return [];
    if (!isReadableBy(block.signature, issuer, kind)) return [];
    return [{ type: "reasoning.encrypted", id: block.id, format: "google-gemini-v1", data: block.signature.value }];
  });
}

/** OpenRouter's forms, the reverse of what `reasoning.ts` reads. */
const detailWriters: { readonly [K in Opaque["kind"]]?: (value: string, text: string) => JsonObject[] } = {
  "anthropic.signature": (value, text) => [
    { type: "reasoning.text", text, signature: value, format: "anthropic-claude-v1" },
  ],
  "anthropic.redacted": (value) => [{ type: "reasoning.encrypted", data: value, format: "anthropic-claude-v1" }],
  "gemini.thought-signature": (value) => [{ type: "reasoning.encrypted", data: value, format: "google-gemini-v1" }],
  "openai.reasoning": (value, text) => {
    const item = asObject(parseJson(value));
    const data = asString(item?.["encrypted_content"]);
    if (item === undefined || data === undefined) return [];
    const summary = { type: "reasoning.summary", summary: text, format: "openai-responses-v1" };
    const encrypted = compact({
      type: "reasoning.encrypted",
      id: item["id"] ?? undefined,
      data,
      format: "openai-responses-v1",
    });
    return text === "" ? [encrypted] : [summary, encrypted];
  },
};
