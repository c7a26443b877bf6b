import type { Block } from "../../canonical/block.ts";
import type { BlockKind, CanonicalEvent } from "../../canonical/event.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  compact,
  parseJson,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { readCitation } from "./citations.ts";
import { readBlock, readOpaque, type BlockOrigin } from "./read-blocks.ts";

/** The content blocks of a stream being read. */
export type BlocksState = {
  readonly origin: BlockOrigin;
  /** Open blocks by the index of the wire. */
  readonly open: Map<number, OpenBlock>;
  count: number;
  hasToolCall: boolean;
};

type OpenBlock = {
  /** The canonical number; the wire's may have gaps. */
  readonly block: number;
  readonly kind: BlockKind;
  /** The content block as it started; what came in deltas is put back into it at its stop. */
  readonly wire: JsonObject;
  /** Input JSON of a tool so far. */
  input: string;
  /** What a compaction block's deltas said. */
  compaction: JsonObject;
};

type Events = CanonicalEvent[];

/** A block that is complete where it stands, in a message that did not start empty. `position` counts from 0. */
export function readWholeBlock(state: BlocksState, position: number, wire: JsonObject): Events {
  // Numbers below 0 keep such blocks apart from the indices that may follow.
  const index = -1 - position;
  return [...openBlock(state, index, wire), ...closeBlock(state, index)];
}

/** Stops what is still open. */
export function stopBlocks(state: BlocksState): Events {
  return [...state.open.keys()].flatMap((index) => closeBlock(state, index));
}

/** `content_block_start` */
export function startBlock(state: BlocksState, event: JsonObject): Events {
  const index = asNumber(event["index"]) ?? state.count;
  const block = asObject(event["content_block"]);
  if (block === undefined) return [];
  // A proxy that numbers every block 0 means a new block, not the old one again.
  return [...closeBlock(state, index), ...openBlock(state, index, block)];
}

function openBlock(state: BlocksState, index: number, wire: JsonObject): Events {
  const initial = initialBlock(readBlock(wire, state.origin));
  const open: OpenBlock = {
    block: state.count,
    kind: initial.type,
    wire,
    input: "",
    compaction: {},
  };
  state.count += 1;
  state.open.set(index, open);
  if (initial.type === "tool-call") state.hasToolCall = true;
  return [
    { type: "block-start", candidate: 0, block: open.block, kind: initial.type, initial },
    ...prefilled(state, open),
  ];
}

type InitialBlock = Extract<Block, { readonly type: BlockKind }>;

/** The block without what deltas will bring. Request-only blocks cannot come in an answer; if one does, it stays opaque. */
function initialBlock(block: Block): InitialBlock {
  switch (block.type) {
    case "text":
      return { type: "text", text: "" };
    case "reasoning":
      return block.redacted === true
        ? { type: "reasoning", summary: [], redacted: true }
        : { type: "reasoning", summary: [] };
    case "tool-call":
      return { ...block, argumentsText: "" };
    case "tool-result":
    case "search-result":
      return { type: "opaque", dialect: "anthropic-messages", nativeType: block.type, value: null };
    default:
      return block;
  }
}

/** What stands in the block at its start already, as deltas: redacted data always, text and input with some proxies. */
function prefilled(state: BlocksState, open: OpenBlock): Events {
  const { wire } = open;
  switch (open.kind) {
    case "text":
      return [
        ...applyDelta(state, open, { type: "text_delta", text: wire["text"] }),
        ...(asArray(wire["citations"]) ?? []).flatMap((citation) =>
          applyDelta(state, open, { type: "citations_delta", citation }),
        ),
      ];
    case "reasoning":
      return wire["type"] === "redacted_thinking"
        ? opaqueEvent(state, open, "anthropic.redacted", wire["data"])
        : [
            ...applyDelta(state, open, { type: "thinking_delta", thinking: wire["thinking"] }),
            ...applyDelta(state, open, { type: "signature_delta", signature: wire["signature"] }),
          ];
    case "tool-call":
    case "server-tool": {
      const input = asObject(wire["input"]);
      const isFilled = input !== undefined && Object.keys(input).length > 0;
      return isFilled ? applyDelta(state, open, { type: "input_json_delta", partial_json: JSON.stringify(input) }) : [];
    }
    default:
      return [];
  }
}

/** `content_block_delta` */
export function readDelta(state: BlocksState, event: JsonObject): Events {
  const index = asNumber(event["index"]) ?? -1;
  const delta = asObject(event["delta"]);
  if (delta === undefined) return [];
  const open = state.open.get(index);
  return open === undefined ? openByDelta(state, index, delta) : applyDelta(state, open, delta);
}

/** The blocks that a delta for an unopened index belongs to. Tool input without a tool's id and name is of no use. */
const blockByDelta: { readonly [type: string]: JsonObject } = {
  text_delta: { type: "text", text: "" },
  citations_delta: { type: "text", text: "" },
  thinking_delta: { type: "thinking", thinking: "", signature: "" },
  signature_delta: { type: "thinking", thinking: "", signature: "" },
  compaction_delta: { type: "compaction", content: null },
};

/** Broken proxies leave `content_block_start` out. */
function openByDelta(state: BlocksState, index: number, delta: JsonObject): Events {
  const type = asString(delta["type"]) ?? "";
  const wire = Object.hasOwn(blockByDelta, type) ? blockByDelta[type] : undefined;
  const detail = `${type} for a content block that has not started`;
  const loss: CanonicalEvent = { type: "loss", loss: { path: `blocks[${index}]`, reason: "repaired", detail } };
  if (wire === undefined) return type === "input_json_delta" ? [loss] : [];
  const events = openBlock(state, index, wire);
  const open = state.open.get(index);
  return open === undefined ? events : [loss, ...events, ...applyDelta(state, open, delta)];
}

type DeltaReader = (state: BlocksState, open: OpenBlock, delta: JsonObject) => Events;

const deltaReaders: { readonly [type: string]: { readonly kinds: readonly BlockKind[]; readonly read: DeltaReader } } =
  {
    text_delta: {
      kinds: ["text"],
      read: (_state, { block }, delta) =>
        textEvents(delta["text"], (text) => ({ type: "text-delta", candidate: 0, block, text })),
    },
    thinking_delta: {
      kinds: ["reasoning"],
      read: (_state, { block }, delta) =>
        textEvents(delta["thinking"], (text) => ({
          type: "reasoning-delta",
          candidate: 0,
          block,
          channel: "summary",
          part: 0,
          text,
        })),
    },
    signature_delta: {
      kinds: ["reasoning"],
      read: (state, open, delta) => opaqueEvent(state, open, "anthropic.signature", delta["signature"]),
    },
    input_json_delta: {
      kinds: ["tool-call", "server-tool"],
      read: (_state, open, delta) => {
        open.input += asString(delta["partial_json"]) ?? "";
        const { block } = open;
        return textEvents(delta["partial_json"], (text) => ({ type: "arguments-delta", candidate: 0, block, text }));
      },
    },
    citations_delta: {
      kinds: ["text"],
      read: (_state, { block }, delta) =>
        delta["citation"] === undefined
          ? []
          : [{ type: "citation", candidate: 0, block, citation: readCitation(delta["citation"]) }],
    },
    compaction_delta: {
      kinds: ["compaction"],
      read: (_state, open, delta) => {
        const { type: _type, ...said } = delta;
        open.compaction = { ...open.compaction, ...said };
        return [];
      },
    },
  };

/** Deltas that this version does not know, and those of another kind of block, are readable and say nothing. */
function applyDelta(state: BlocksState, open: OpenBlock, delta: JsonObject): Events {
  const type = asString(delta["type"]) ?? "";
  const reader = Object.hasOwn(deltaReaders, type) ? deltaReaders[type] : undefined;
  return reader === undefined || !reader.kinds.includes(open.kind) ? [] : reader.read(state, open, delta);
}

function textEvents(value: Json | undefined, event: (text: string) => CanonicalEvent): Events {
  const text = asString(value);
  return text === undefined || text === "" ? [] : [event(text)];
}

function opaqueEvent(
  state: BlocksState,
  open: OpenBlock,
  kind: "anthropic.signature" | "anthropic.redacted",
  value: Json | undefined,
): Events {
  const opaque = readOpaque(kind, asString(value), state.origin);
  return opaque === undefined ? [] : [{ type: "opaque", candidate: 0, block: open.block, value: opaque }];
}

/** `content_block_stop` */
export function stopBlock(state: BlocksState, event: JsonObject): Events {
  return closeBlock(state, asNumber(event["index"]) ?? -1);
}

function closeBlock(state: BlocksState, index: number): Events {
  const open = state.open.get(index);
  if (open === undefined) return [];
  state.open.delete(index);
  const { block } = open;
  const stop: CanonicalEvent = compact({
    type: "block-stop" as const,
    candidate: 0,
    block,
    final: finalBlock(state, open),
  });
  // A tool without parameters comes without any input delta; readers of arguments expect JSON.
  return open.kind === "tool-call" && open.input === ""
    ? [{ type: "arguments-delta", candidate: 0, block, text: "{}" }, stop]
    : [stop];
}

/** Blocks that are kept in their native form are whole only now. */
function finalBlock(state: BlocksState, open: OpenBlock): Block | undefined {
  if (open.kind === "compaction") return readBlock({ ...open.wire, ...open.compaction }, state.origin);
  if (open.kind !== "server-tool" || open.input === "") return undefined;
  // Input that is no JSON stays visible as the text it is.
  return readBlock({ ...open.wire, input: parseJson(open.input) ?? open.input }, state.origin);
}
