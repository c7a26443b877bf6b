import type { Block, TextBlock, ToolCallBlock } from "../canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../canonical/event.ts";
import type { Finish } from "../canonical/response.ts";
import { compact } from "../lib/json.ts";
import { finishInput, openCustomInput, readInput, type CustomInput } from "./custom-input.ts";
import { unwrapInput } from "./custom-tools.ts";
import type { Restore, RestoredTool } from "./restore-plan.ts";

/** What becomes of a tool call's block. */
type Treatment =
  | { readonly kind: "json" }
  | { readonly kind: "rename"; readonly tool: RestoredTool }
  | { readonly kind: "unwrap"; readonly tool: RestoredTool; readonly input: CustomInput };

type CandidateTools = {
  /** By block; blocks without an entry stay as they are. */
  readonly treatments: Map<number, Treatment>;
  hasCalls: boolean;
  hasJson: boolean;
};

/** What is being done to the calls of an answer. */
export type ToolState = { readonly restore: Restore; readonly candidates: Map<number, CandidateTools> };

/** One per answer. */
export function openTools(restore: Restore): ToolState {
  return { restore, candidates: new Map() };
}

/** Gives calls back the names and kinds that the client declared, and turns the calls of the json tool into text. */
export function restoreTools(state: ToolState, event: CanonicalEvent): readonly CanonicalEvent[] {
  switch (event.type) {
    case "block-start":
      return startBlock(state, event);
    case "arguments-delta":
      return addArguments(state, event);
    case "block-stop":
      return stopBlock(state, event);
    case "finish":
      return [{ ...event, finish: restoreFinish(candidateOf(state, event.candidate), event.finish) }];
    default:
      return [event];
  }
}

type Delta = Extract<CanonicalEvent, { readonly type: "arguments-delta" }>;
type Stop = Extract<CanonicalEvent, { readonly type: "block-stop" }>;

function startBlock(state: ToolState, event: BlockStart): readonly CanonicalEvent[] {
  const { initial, candidate, block } = event;
  if (initial.type !== "tool-call") return [event];
  const treatment = treatmentOf(state.restore, initial);
  const tools = candidateOf(state, candidate);
  if (treatment?.kind === "json") tools.hasJson = true;
  else tools.hasCalls = true;
  if (treatment === undefined) return [event];
  tools.treatments.set(block, treatment);
  const restored = restoreBlock(treatment, { ...initial, argumentsText: "" });
  const start: CanonicalEvent = { ...event, kind: restored.type === "text" ? "text" : "tool-call", initial: restored };
  if (initial.argumentsText === "") return [start];
  return [start, ...addArguments(state, { type: "arguments-delta", candidate, block, text: initial.argumentsText })];
}

function treatmentOf(restore: Restore, call: ToolCallBlock): Treatment | undefined {
  if (restore.jsonTool !== undefined && call.name === restore.jsonTool) return { kind: "json" };
  const tool = restore.tools?.get(call.name);
  if (tool === undefined) return undefined;
  // A provider that has custom tools has taken it as one, and its call is the text already.
  const isWrapped = tool.kind === "custom" && call.kind === "function";
  return isWrapped ? { kind: "unwrap", tool, input: openCustomInput() } : { kind: "rename", tool };
}

function addArguments(state: ToolState, event: Delta): readonly CanonicalEvent[] {
  const treatment = candidateOf(state, event.candidate).treatments.get(event.block);
  switch (treatment?.kind) {
    case "json":
      return [{ ...event, type: "text-delta" }];
    case "unwrap":
      return unwrapped(event, readInput(treatment.input, event.text));
    case "rename":
    case undefined:
      return [event];
  }
}

function unwrapped({ candidate, block }: Stop | Delta, text: string): readonly CanonicalEvent[] {
  return text === "" ? [] : [{ type: "arguments-delta", candidate, block, text }];
}

function stopBlock(state: ToolState, event: Stop): readonly CanonicalEvent[] {
  const { treatments } = candidateOf(state, event.candidate);
  const treatment = treatments.get(event.block);
  if (treatment === undefined) return [event];
  treatments.delete(event.block);
  const rest = treatment.kind === "unwrap" ? unwrapped(event, finishInput(treatment.input)) : [];
  const { final } = event;
  return [...rest, final?.type === "tool-call" ? { ...event, final: restoreBlock(treatment, final) } : event];
}

function restoreBlock(treatment: Treatment, call: ToolCallBlock): Block {
  if (treatment.kind === "json") return asText(call);
  const { name, namespace } = treatment.tool;
  const { namespace: _sent, ...rest } = call;
  const renamed = { ...rest, name, ...(namespace === undefined ? {} : { namespace }) };
  if (treatment.kind === "rename") return renamed;
  return { ...renamed, kind: "custom", argumentsText: unwrapInput(call.argumentsText) };
}

function asText({ argumentsText, signature }: ToolCallBlock): TextBlock {
  return compact({ type: "text" as const, text: argumentsText, signature });
}

/** An answer whose only call stands for its text has simply stopped. */
function restoreFinish(tools: CandidateTools, finish: Finish): Finish {
  const isText = tools.hasJson && !tools.hasCalls && finish.reason === "tool-calls";
  return isText ? { ...finish, reason: "stop", native: "" } : finish;
}

function candidateOf(state: ToolState, index: number): CandidateTools {
  const known = state.candidates.get(index);
  if (known !== undefined) return known;
  const fresh: CandidateTools = { treatments: new Map(), hasCalls: false, hasJson: false };
  state.candidates.set(index, fresh);
  return fresh;
}
