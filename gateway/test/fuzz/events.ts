import type { Block, Citation, MediaSource, Opaque } from "../../src/canonical/block.ts";
import type { BlockKind, CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import type { FinishReason } from "../../src/canonical/response.ts";
import type { Usage } from "../../src/canonical/usage.ts";
import type { Random } from "../support/random.ts";
import { arbitraryJson } from "./mutate.ts";

const EVENTS_MAX = 60;
const CANDIDATES_MAX = 3;

type OpenBlock = { readonly candidate: number; readonly block: number; readonly kind: BlockKind };
type Composition = {
  readonly random: Random;
  readonly events: CanonicalEvent[];
  readonly blocks: number[];
  readonly finished: Set<number>;
  open: OpenBlock[];
};

/** Events of an answer that nobody gave: any that the grammar allows, in any order that it allows. */
export function composeEvents(random: Random): CanonicalEvent[] {
  const candidates = random.below(4) === 0 ? 1 + random.below(CANDIDATES_MAX) : 1;
  const work: Composition = {
    random,
    events: [{ type: "start", id: word(random), model: word(random), createdAt: random.below(2_000_000_000) }],
    blocks: Array.from({ length: candidates }, () => 0),
    finished: new Set(),
    open: [],
  };
  for (let left = random.below(EVENTS_MAX); left > 0; left -= 1) addOne(work);
  if (random.below(6) === 0) {
    return [...work.events, { type: "error", failure: failure("provider_error", word(random)) }];
  }
  for (let candidate = 0; candidate < candidates; candidate += 1) finish(work, candidate);
  if (random.below(3) === 0) addUsage(work);
  return [...work.events, { type: "end" }];
}

function addOne(work: Composition): void {
  const { random, events } = work;
  const candidate = random.below(work.blocks.length);
  switch (random.below(12)) {
    case 0:
    case 1:
      return startBlock(work, candidate);
    case 2:
      return stopBlock(work, work.open[random.below(Math.max(1, work.open.length))]);
    case 3:
      return addUsage(work);
    case 4:
      events.push(
        random.pick<CanonicalEvent>([
          { type: "ping" },
          { type: "loss", loss: { path: word(random), reason: "unsupported" } },
          { type: "candidate-meta", candidate, meta: { safety: arbitraryJson(random, 2) } },
        ]),
      );
      return;
    case 5:
      if (random.below(10) === 0) finish(work, candidate);
      return;
    default: {
      const open = work.open[random.below(Math.max(1, work.open.length))];
      if (open === undefined) startBlock(work, candidate);
      else events.push(deltaOf(open, random));
    }
  }
}

const kinds: readonly [BlockKind, ...BlockKind[]] = [
  "text",
  "text",
  "reasoning",
  "refusal",
  "tool-call",
  "tool-call",
  "server-tool",
  "media",
  "code",
  "compaction",
  "opaque",
];

function startBlock(work: Composition, candidate: number): void {
  if (work.finished.has(candidate)) return;
  const kind = work.random.pick(kinds);
  const block = work.blocks[candidate] ?? 0;
  work.blocks[candidate] = block + 1;
  work.open.push({ candidate, block, kind });
  work.events.push({ type: "block-start", candidate, block, kind, initial: blockOf(kind, work.random) });
}

function stopBlock(work: Composition, open: OpenBlock | undefined): void {
  if (open === undefined) return;
  work.open = work.open.filter((each) => each !== open);
  const { candidate, block, kind } = open;
  const final = work.random.below(4) === 0 ? { final: blockOf(kind, work.random) } : {};
  work.events.push({ type: "block-stop", candidate, block, ...final });
}

const reasons: readonly [FinishReason, ...FinishReason[]] = [
  "stop",
  "stop-sequence",
  "length",
  "context-length",
  "tool-calls",
  "pause",
  "continuation",
  "content-filter",
  "refusal",
  "compaction",
  "cancelled",
  "other",
  "error",
  "malformed-tool-call",
];

function finish(work: Composition, candidate: number): void {
  if (work.finished.has(candidate)) return;
  for (const open of work.open) if (open.candidate === candidate) stopBlock(work, open);
  work.finished.add(candidate);
  const { random } = work;
  const stopSequence = random.below(3) === 0 ? { stopSequence: random.pick([null, word(random)]) } : {};
  work.events.push({
    type: "finish",
    candidate,
    finish: { reason: random.pick(reasons), native: word(random), ...stopSequence },
  });
}

function addUsage({ events, random }: Composition): void {
  const count = (): number => random.pick([0, 1, random.below(1000), 2 ** 40]);
  const raw = { dialect: "openai-chat" as const, value: arbitraryJson(random, 2) };
  events.push({
    type: "usage",
    usage: random.pick<Partial<Usage>>([
      {},
      { inputTotal: count() },
      { outputTotal: count(), reasoning: count() },
      { inputTotal: count(), cacheRead: count(), cacheWrite: count(), outputTotal: count() },
      { inputTotal: count(), raw },
    ]),
  });
}

function deltaOf({ candidate, block, kind }: OpenBlock, random: Random): CanonicalEvent {
  const at = { candidate, block };
  const text = word(random);
  switch (kind) {
    case "text":
      return random.below(5) === 0
        ? { type: "citation", ...at, citation: citationOf(random) }
        : { type: "text-delta", ...at, text };
    case "code":
    case "compaction":
    case "opaque":
      return { type: "text-delta", ...at, text };
    case "reasoning":
      return random.below(4) === 0
        ? { type: "opaque", ...at, value: opaqueOf(random) }
        : {
            type: "reasoning-delta",
            ...at,
            text,
            channel: random.pick(["summary", "raw"]),
            part: random.below(3),
          };
    case "refusal":
      return { type: "refusal-delta", ...at, text };
    case "tool-call":
      return { type: "arguments-delta", ...at, text: random.pick([text, "{", '"a":1', "}", ""]) };
    case "server-tool":
      return random.pick<CanonicalEvent>([
        { type: "arguments-delta", ...at, text },
        { type: "server-tool-state", ...at, state: text, native: arbitraryJson(random, 2) },
        { type: "media-delta", ...at, dataBase64: "AAAA", partialIndex: random.below(3) },
      ]);
    case "media":
      return { type: "media-delta", ...at, dataBase64: random.pick(["AAAA", ""]), transcript: text };
  }
}

function blockOf(kind: BlockKind, random: Random): Block {
  const dialect = random.pick(["openai-chat", "openai-responses", "anthropic-messages", "gemini"] as const);
  const native = { dialect, value: arbitraryJson(random, 2) };
  const signed = random.below(5) === 0 ? { signature: opaqueOf(random) } : {};
  switch (kind) {
    case "text":
      return { type: "text", text: "", ...signed };
    case "refusal":
      return { type: "refusal", text: "" };
    case "reasoning":
      return { type: "reasoning", summary: [], redacted: random.below(4) === 0, opaque: opaqueOf(random) };
    case "tool-call":
      return {
        type: "tool-call",
        id: word(random),
        name: word(random),
        kind: random.pick(["function", "custom", "builtin"]),
        argumentsText: "",
        ...signed,
      };
    case "server-tool":
      return {
        type: "server-tool",
        phase: random.pick(["call", "result", "listing", "approval-request", "approval-response"]),
        tool: random.pick(["web_search", "code_execution", "mcp", word(random)]),
        id: word(random),
        input: arbitraryJson(random, 2),
        output: arbitraryJson(random, 2),
        native,
      };
    case "media":
      return {
        type: "media",
        kind: random.pick(["image", "document", "audio", "video", "file"]),
        source: random.pick<MediaSource>([
          { by: "base64", data: "" },
          { by: "url", url: word(random) },
          { by: "reference", id: word(random) },
        ]),
        mimeType: random.pick(["image/png", word(random)]),
      };
    case "code":
      return { type: "code", phase: random.pick(["code", "result"]), code: word(random), output: word(random) };
    case "compaction":
      return { type: "compaction", text: random.pick([null, ""]), native };
    case "opaque":
      return { type: "opaque", dialect, nativeType: word(random), value: native.value };
  }
}

function opaqueOf(random: Random): Opaque {
  return {
    issuer: { provider: random.pick(["anthropic", "openai", "gemini", "recorded", "a.b"]) },
    kind: random.pick([
      "anthropic.signature",
      "anthropic.redacted",
      "openai.reasoning",
      "gemini.thought-signature",
      "openai.compaction",
    ]),
    value: random.pick([word(random), "{}", '{"id":"rs_1","encrypted_content":"x"}']),
  };
}

function citationOf(random: Random): Citation {
  const start = random.below(20);
  return random.pick<Citation>([
    { type: "url", url: word(random), title: word(random), start, end: start + random.below(9) },
    { type: "document", document: 0, unit: random.pick(["char", "page", "block"]), start, end: start, citedText: "" },
    { type: "search-result", index: 0, source: "", title: null, startBlock: 0, endBlock: 1, citedText: "" },
    { type: "file", fileId: word(random) },
    { type: "grounding", chunk: arbitraryJson(random, 2), segment: { start, end: start } },
    { type: "recitation", uri: word(random) },
    { type: "native", dialect: "anthropic-messages", value: arbitraryJson(random, 2) },
  ]);
}

function word(random: Random): string {
  return random.pick([
    "",
    "a",
    "hello ",
    "\ud83d",
    "\ude00",
    "😀",
    "\n\n",
    "data: x",
    "call_1",
    "é".repeat(40),
    '"}',
    "END",
  ]);
}
