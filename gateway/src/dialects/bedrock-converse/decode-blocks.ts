import type { Block, Issuer } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";
import {
  asArray,
  asNumber,
  asObject,
  asString,
  isObject,
  parseJson,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { readCitation } from "./citations.ts";
import { isServerCall, serverCall, serverResult } from "./read-blocks.ts";

/** The content blocks of a stream being read. */
export type BlocksState = {
  readonly issuer: Issuer;
  /** Open blocks by the index of the wire. */
  readonly open: Map<number, OpenBlock>;
  count: number;
  hasToolCall: boolean;
};

type OpenBlock = {
  /** The canonical number; the wire's may have gaps. */
  readonly block: number;
  readonly initial: BlockStart["initial"];
  /** `start` of the block; `{}` for those that begin with their first delta. */
  readonly start: JsonObject;
  /** Input JSON of a tool that Bedrock runs, so far. */
  input: string;
  /** What such a tool has answered so far. */
  readonly results: Json[];
  /** A signature may come in pieces. */
  signature: string;
};

type Events = CanonicalEvent[];

export function openBlocks(issuer: Issuer): BlocksState {
  return { issuer, open: new Map(), count: 0, hasToolCall: false };
}

/** `contentBlockStart`, which only tools and images have. */
export function startBlock(state: BlocksState, event: JsonObject): Events {
  const index = asNumber(event["contentBlockIndex"]) ?? state.count;
  const start = asObject(event["start"]) ?? {};
  const initial = initialOf(start);
  return [...closeBlock(state, index), ...(initial === undefined ? [] : open(state, index, initial, start))];
}

function initialOf(start: JsonObject): Block | undefined {
  const toolUse = asObject(start["toolUse"]);
  if (toolUse !== undefined) {
    const id = asString(toolUse["toolUseId"]) ?? "";
    const name = asString(toolUse["name"]) ?? "";
    if (isServerCall(toolUse)) return serverCall({ id, name, input: undefined });
    return { type: "tool-call", id, name, kind: "function", argumentsText: "" };
  }
  const toolResult = asObject(start["toolResult"]);
  if (toolResult !== undefined) return serverResult(toolResult);
  const image = asObject(start["image"]);
  return image === undefined ? undefined : emptyImage(image);
}

function emptyImage(image: JsonObject): Block {
  const format = asString(image["format"]);
  const mimeType = format === undefined ? {} : { mimeType: `image/${format}` };
  return { type: "media", kind: "image", source: { by: "base64", data: "" }, ...mimeType };
}

function open(state: BlocksState, index: number, initial: BlockStart["initial"], start: JsonObject): Events {
  const block = state.count;
  state.count += 1;
  state.open.set(index, { block, initial, start, input: "", results: [], signature: "" });
  switch (initial.type) {
    case "tool-call":
      state.hasToolCall = true;
      break;
    case "tool-result":
    case "search-result":
      return [];
    default:
      break;
  }
  return [{ type: "block-start", candidate: 0, block, kind: initial.type, initial }];
}

/** `contentBlockDelta`. Text and thoughts begin with it. */
export function readDelta(state: BlocksState, event: JsonObject): Events {
  const index = asNumber(event["contentBlockIndex"]) ?? 0;
  const delta = asObject(event["delta"]);
  if (delta === undefined) return [];
  const events: Events = [];
  if (!state.open.has(index)) {
    const initial = initialByDelta(delta);
    if (initial === undefined) return [orphan(index, delta)];
    events.push(...open(state, index, initial, {}));
  }
  const block = state.open.get(index);
  if (block !== undefined) events.push(...applyDelta(state, block, delta));
  return events;
}

/** The block that a delta for an unopened index belongs to. Tool input without a tool's id and name is of no use. */
function initialByDelta(delta: JsonObject): Block | undefined {
  if (delta["text"] !== undefined || delta["citation"] !== undefined) return { type: "text", text: "" };
  const thought = asObject(delta["reasoningContent"]);
  if (thought !== undefined) {
    const isRedacted = thought["redactedContent"] !== undefined;
    return { type: "reasoning", summary: [], ...(isRedacted ? { redacted: true } : {}) };
  }
  const image = asObject(delta["image"]);
  return image === undefined ? undefined : emptyImage(image);
}

function orphan(index: number, delta: JsonObject): CanonicalEvent {
  const detail = `${Object.keys(delta).join(", ")} for a content block that has not started`;
  return { type: "loss", loss: { path: `blocks[${index}]`, reason: "repaired", detail } };
}

function applyDelta(state: BlocksState, open: OpenBlock, delta: JsonObject): Events {
  const at = { candidate: 0, block: open.block };
  switch (open.initial.type) {
    case "text": {
      const text = asString(delta["text"]) ?? "";
      const citation = delta["citation"];
      return [
        ...(citation === undefined ? [] : [{ type: "citation" as const, ...at, citation: readCitation(citation) }]),
        ...(text === "" ? [] : [{ type: "text-delta" as const, ...at, text }]),
      ];
    }
    case "reasoning":
      return applyThought(state, open, asObject(delta["reasoningContent"]) ?? {});
    case "tool-call":
    case "server-tool":
      return applyTool(open, delta);
    case "media": {
      const dataBase64 = asString(asObject(asObject(delta["image"])?.["source"])?.["bytes"]);
      return dataBase64 === undefined ? [] : [{ type: "media-delta", ...at, dataBase64 }];
    }
    default:
      return [];
  }
}

function applyThought(state: BlocksState, open: OpenBlock, thought: JsonObject): Events {
  const at = { candidate: 0, block: open.block };
  const text = asString(thought["text"]) ?? "";
  const signature = asString(thought["signature"]) ?? "";
  const redacted = asString(thought["redactedContent"]);
  const events: Events = [];
  if (text !== "") events.push({ type: "reasoning-delta", ...at, channel: "summary", part: 0, text });
  if (signature !== "") {
    open.signature += signature;
    const value = { issuer: state.issuer, kind: "anthropic.signature" as const, value: open.signature };
    events.push({ type: "opaque", ...at, value });
  }
  if (redacted !== undefined) {
    const value = { issuer: state.issuer, kind: "anthropic.redacted" as const, value: redacted };
    events.push({ type: "opaque", ...at, value });
  }
  return events;
}

function applyTool(open: OpenBlock, delta: JsonObject): Events {
  const text = asString(asObject(delta["toolUse"])?.["input"]) ?? "";
  if (open.initial.type === "server-tool") {
    open.input += text;
    open.results.push(...(asArray(delta["toolResult"]) ?? []));
  }
  return text === "" ? [] : [{ type: "arguments-delta", candidate: 0, block: open.block, text }];
}

/** `contentBlockStop` */
export function stopBlock(state: BlocksState, event: JsonObject): Events {
  const index = asNumber(event["contentBlockIndex"]) ?? -1;
  return closeBlock(state, index);
}

/** Stops what is still open. */
export function stopBlocks(state: BlocksState): Events {
  return [...state.open.keys()].flatMap((index) => closeBlock(state, index));
}

function closeBlock(state: BlocksState, index: number): Events {
  const closed = state.open.get(index);
  if (closed === undefined) return [];
  state.open.delete(index);
  const final = finalOf(closed);
  return [{ type: "block-stop", candidate: 0, block: closed.block, ...(final === undefined ? {} : { final }) }];
}

/** The whole of a tool's call or answer, which deltas do not say to every reader. */
function finalOf({ initial, start, input, results }: OpenBlock): Block | undefined {
  if (initial.type !== "server-tool") return undefined;
  if (initial.phase === "call") {
    return serverCall({ id: initial.id, name: initial.tool, input: parseJson(input === "" ? "{}" : input) ?? input });
  }
  const result = start["toolResult"];
  return isObject(result) ? serverResult({ ...result, content: results }) : undefined;
}
