import type { Block } from "../../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../canonical/event.ts";

/*
 * Messages streams have one open block at a time; canonical blocks may overlap (Chat providers interleave the arguments of
 * parallel calls). This module puts the events of one candidate into an order in which every block is in one piece:
 *
 * - Content of the open block passes through.
 * - Content for another block closes an open text or reasoning block, which goes on as a new block if more of it comes; it also
 *   closes a tool call whose arguments are complete. Any other open block makes the newcomer wait.
 * - When a block closes, those that waited follow in their order.
 *
 * Blocks open with their first content, so that empty ones are never seen. A tool call without arguments opens at its stop,
 * or when a later call has arguments: calls stay in their order.
 */

type BlockEvent = Extract<CanonicalEvent, { readonly block: number }>;
type BlockStop = Extract<BlockEvent, { readonly type: "block-stop" }>;
/** What adds to a block. */
export type Content = Exclude<BlockEvent, BlockStart | BlockStop>;

export type SerialEvent =
  | { readonly type: "open"; readonly start: BlockStart }
  | { readonly type: "content"; readonly event: Content }
  /** `final` is the authoritative whole block, where the source sent one. */
  | { readonly type: "close"; readonly start: BlockStart; readonly final?: Block }
  /** The source broke a rule that no order can mend, or too much would have to wait. */
  | { readonly type: "conflict"; readonly reason: string };

/** Text of waiting blocks, in UTF-16 units: an answer that needs more is no answer to wait for. */
export const WAITING_LENGTH_MAX = 16 * 1024 * 1024;

export type Serialiser = {
  readonly blocks: Map<number, BlockState>;
  open: BlockState | undefined;
  /** In the order in which their first content came. */
  readonly waiting: BlockState[];
  waitingLength: number;
  readonly waitingLengthMax: number;
};

type BlockState = {
  readonly start: BlockStart;
  stage: "unopened" | "waiting" | "open" | "closed";
  /** Content that came while the block could not be open. */
  readonly queue: Content[];
  stop: BlockStop | undefined;
  /** Whether any content was seen, so that a final block need not be looked at for it. */
  hasContent: boolean;
  readonly json: JsonProgress;
};

export function serialiser(waitingLengthMax: number = WAITING_LENGTH_MAX): Serialiser {
  return { blocks: new Map(), open: undefined, waiting: [], waitingLength: 0, waitingLengthMax };
}

/** The next event of the candidate in; what may be written now, out. */
export function serialise(state: Serialiser, event: BlockEvent): SerialEvent[] {
  if (event.type === "block-start") return startBlock(state, event);
  const block = state.blocks.get(event.block);
  if (block === undefined) return [];
  return event.type === "block-stop" ? stopBlock(state, block, event) : addContent(state, block, event);
}

/** The candidate has finished: everything that is open or waits, in order. */
export function flush(state: Serialiser): SerialEvent[] {
  const written = closeOpen(state);
  for (const block of state.waiting.splice(0)) {
    written.push(...openBlock(state, block), ...closeOpen(state));
  }
  return written;
}

function startBlock(state: Serialiser, start: BlockStart): SerialEvent[] {
  const block: BlockState = {
    start,
    stage: "unopened",
    queue: [],
    stop: undefined,
    hasContent: false,
    json: { depth: 0, inString: false, escaped: false, complete: false },
  };
  state.blocks.set(start.block, block);
  return opensAtStart(start) ? request(state, block) : [];
}

/** Blocks that are whole from their start, or that show what the provider is doing. */
function opensAtStart(start: BlockStart): boolean {
  return start.kind === "server-tool" || start.kind === "compaction" || start.kind === "opaque";
}

function addContent(state: Serialiser, block: BlockState, event: Content): SerialEvent[] {
  if (isEmptyContent(event)) return [];
  if (block.stage === "open") return [pass(block, event)];
  if (block.stage === "closed") return addLate(state, block, event);
  block.queue.push(event);
  // A citation alone is no reason to open a block: it belongs to text that may still come.
  if (event.type === "citation" && block.stage === "unopened") return [];
  state.waitingLength += lengthOf(event);
  if (state.waitingLength > state.waitingLengthMax) {
    return [{ type: "conflict", reason: "too much of it had to wait for an unfinished tool call" }];
  }
  if (block.stage === "waiting") return [];
  const earlier = block.start.kind === "tool-call" ? earlierCalls(state, block) : [];
  return [...earlier, block].flatMap((each) => request(state, each));
}

/** Calls that started before this one and have said nothing yet. */
function earlierCalls(state: Serialiser, block: BlockState): BlockState[] {
  return [...state.blocks.values()].filter(
    (each) => each.start.kind === "tool-call" && each.stage === "unopened" && each.start.block < block.start.block,
  );
}

/** Content for a block that had to close: text goes on in a new block; a tool call was complete and must not change. */
function addLate(state: Serialiser, block: BlockState, event: Content): SerialEvent[] {
  if (block.start.kind === "tool-call") {
    return event.type === "arguments-delta" && event.text.trim() !== ""
      ? [{ type: "conflict", reason: "a tool call went on after its arguments were complete" }]
      : [];
  }
  if (!isDisplaceable(block)) return [];
  block.stage = "unopened";
  return addContent(state, block, event);
}

function stopBlock(state: Serialiser, block: BlockState, stop: BlockStop): SerialEvent[] {
  if (block.stop !== undefined) return [];
  block.stop = stop;
  if (block.stage === "open") return [...closeOpen(state), ...openWaiting(state)];
  if (block.stage === "closed" || block.stage === "waiting") return [];
  const missing = block.hasContent ? [] : contentOf(stop);
  const hasText = missing.some((event) => event.type !== "citation");
  block.queue.push(...missing);
  return hasText || block.start.kind === "tool-call" ? request(state, block) : [];
}

/** Opens the block as soon as it may be open, which may be now. */
function request(state: Serialiser, block: BlockState): SerialEvent[] {
  block.stage = "waiting";
  state.waiting.push(block);
  return openWaiting(state);
}

/** Opens waiting blocks in their order, until one is open that nothing may close. */
function openWaiting(state: Serialiser): SerialEvent[] {
  const written: SerialEvent[] = [];
  while (state.waiting.length > 0 && (state.open === undefined || mayClose(state.open))) {
    const next = state.waiting.shift();
    if (next === undefined) break;
    written.push(...closeOpen(state), ...openBlock(state, next));
    if (next.stop !== undefined) written.push(...closeOpen(state));
  }
  return written;
}

function openBlock(state: Serialiser, block: BlockState): SerialEvent[] {
  block.stage = "open";
  state.open = block;
  const queued = block.queue.splice(0);
  for (const event of queued) state.waitingLength = Math.max(0, state.waitingLength - lengthOf(event));
  return [{ type: "open", start: block.start }, ...queued.map((event) => pass(block, event))];
}

function closeOpen(state: Serialiser): SerialEvent[] {
  const block = state.open;
  if (block === undefined) return [];
  block.stage = "closed";
  state.open = undefined;
  const final = block.stop?.final;
  return [{ type: "close", start: block.start, ...(final === undefined ? {} : { final }) }];
}

function pass(block: BlockState, event: Content): SerialEvent {
  block.hasContent = true;
  if (event.type === "arguments-delta") scanJson(block.json, event.text);
  return { type: "content", event };
}

function mayClose(block: BlockState): boolean {
  return block.stop !== undefined || isDisplaceable(block) || (block.start.kind === "tool-call" && block.json.complete);
}

function isDisplaceable(block: BlockState): boolean {
  const { kind } = block.start;
  return kind === "text" || kind === "reasoning" || kind === "refusal";
}

function isEmptyContent(event: Content): boolean {
  return "text" in event && event.text === "";
}

function lengthOf(event: Content): number {
  return "text" in event ? event.text.length : 0;
}

/** Content that only the final block has: some sources send an item as a whole at its end. */
function contentOf(stop: BlockStop): Content[] {
  const { final, candidate, block } = stop;
  switch (final?.type) {
    case "text":
      return final.text === "" ? [] : [{ type: "text-delta", candidate, block, text: final.text }];
    case "refusal":
      return final.text === "" ? [] : [{ type: "refusal-delta", candidate, block, text: final.text }];
    case "tool-call":
      return final.argumentsText === ""
        ? []
        : [{ type: "arguments-delta", candidate, block, text: final.argumentsText }];
    case "reasoning":
      return [
        ...final.summary
          .map((text, part): Content => ({ type: "reasoning-delta", candidate, block, channel: "summary", part, text }))
          .filter((event) => !isEmptyContent(event)),
        ...(final.opaque === undefined ? [] : [{ type: "opaque" as const, candidate, block, value: final.opaque }]),
      ];
    default:
      return [];
  }
}

/** How far the text of one JSON object or array has come. */
type JsonProgress = { depth: number; inString: boolean; escaped: boolean; complete: boolean };

/** Follows brackets and quotes only; enough to tell that nothing can be added but space. */
function scanJson(progress: JsonProgress, text: string): void {
  for (const character of text) {
    if (progress.inString) {
      if (progress.escaped) progress.escaped = false;
      else if (character === "\\") progress.escaped = true;
      else if (character === '"') progress.inString = false;
    } else if (character === '"') {
      progress.inString = true;
    } else if (character === "{" || character === "[") {
      progress.depth += 1;
    } else if (character === "}" || character === "]") {
      progress.depth -= 1;
      if (progress.depth <= 0) progress.complete = true;
    }
  }
}
