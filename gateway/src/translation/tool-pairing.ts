import type { Block, ToolCallBlock, ToolResultBlock } from "../canonical/block.ts";
import type { Loss } from "../canonical/loss.ts";
import type { Turn } from "../canonical/request.ts";
import { compact } from "../lib/json.ts";
import { repaired } from "./limits.ts";

/** What a call's result says when the session was interrupted before there was one. */
export const NO_RESULT_TEXT = "[no result recorded]";

/** A conversation that every provider takes, as far as calls and results go. */
export type PairedTurns = {
  readonly turns: readonly Turn[];
  /** `repaired`, with paths of the turns as they were given. */
  readonly losses: readonly Loss[];
};

/**
 * Answers every tool call right after it, as all providers but OpenAI's Responses demand: the results of an assistant turn
 * stand in the first user turn after it, before everything else and in the order of the calls.
 *
 * A call that has no result although a later turn follows gets one that says so. A result that no call asked for becomes user
 * text. Of several results for one call the last counts. What stood between calls and results (user text, system turns) comes
 * behind the results.
 *
 * Only the turns up to the next assistant turn are looked at, so what an assistant turn already follows never changes when a
 * conversation goes on. A result that comes even later finds its call answered and becomes text.
 */
export function pairToolResults(turns: readonly Turn[]): PairedTurns {
  const state: PairingState = { turns: [], losses: [] };
  for (let start = 0; start < turns.length;) {
    const step = readStep(turns, start);
    pairStep(state, step);
    start = step.end;
  }
  return state;
}

type PairingState = { readonly turns: Turn[]; readonly losses: Loss[] };

/** A run of assistant turns and what the client says to it. Only the first step of a conversation may lack assistant turns. */
type Step = {
  readonly assistants: readonly PlacedTurn[];
  readonly replies: readonly PlacedTurn[];
  /** Index behind the step. */
  readonly end: number;
};

type PlacedTurn = { readonly turn: Turn; readonly index: number };
type PlacedResult = { readonly block: ToolResultBlock; readonly path: string };

function readStep(turns: readonly Turn[], start: number): Step {
  const assistants: PlacedTurn[] = [];
  const replies: PlacedTurn[] = [];
  let end = start;
  for (; end < turns.length; end += 1) {
    const turn = turns[end];
    if (turn === undefined || (turn.role === "assistant" && replies.length > 0)) break;
    (turn.role === "assistant" ? assistants : replies).push({ turn, index: end });
  }
  return { assistants, replies, end };
}

function pairStep(state: PairingState, step: Step): void {
  const results = chooseResults(state, step);
  const written = state.turns.length;
  const last = step.assistants.at(-1);
  for (const assistant of step.assistants) {
    state.turns.push(withoutResults(state, assistant));
    if (assistant === last) break;
    const answers = answersOf(state, assistant, results);
    if (answers.length > 0) state.turns.push(answerTurn(answers, assistant.turn));
  }
  // At the end of the conversation the results are still to come.
  const isAnswered = last !== undefined && step.replies.length > 0;
  pushReplies(state, step.replies, isAnswered ? answersOf(state, last, results) : [], results);
  const moved = firstMoved(step, state.turns.slice(written), results);
  if (moved !== undefined)
    state.losses.push(repaired(`turns[${moved}].blocks`, "results stand right after their calls"));
}

/**
 * Index of the first turn whose blocks do not come out in the order in which they came in, or undefined. Blocks that were
 * replaced or left out do not count, they have losses of their own.
 */
function firstMoved(step: Step, written: readonly Turn[], results: Results): number | undefined {
  const after = written.filter((turn) => turn.role !== "assistant").flatMap((turn) => turn.blocks);
  const before = step.replies.flatMap(({ turn, index }) => turn.blocks.map((block) => ({ block, index })));
  const given = new Set(before.map(({ block }) => block));
  const survivors = new Set(after);
  const order = after.filter((block) => given.has(block));
  const crossed = step.assistants
    .slice(0, -1)
    .some(({ turn }) => callsOf(turn).some((call) => results.byCall.has(call)));
  const kept = before.filter(({ block }) => survivors.has(block));
  return kept.find(({ block }, at) => crossed || block !== order[at])?.index;
}

/** The result of each call, and every other result of the step with what becomes of it. */
type Results = {
  readonly byCall: ReadonlyMap<ToolCallBlock, ToolResultBlock>;
  readonly fates: ReadonlyMap<ToolResultBlock, "paired" | "superseded">;
};

/** Calls of one id (some models always say `call_0`) are answered by results of that id in their order, the last ones first. */
function chooseResults(state: PairingState, step: Step): Results {
  const calls = Map.groupBy(
    step.assistants.flatMap(({ turn }) => callsOf(turn)),
    (call) => call.id,
  );
  const results = Map.groupBy(step.replies.flatMap(placedResults), ({ block }) => block.callId);
  const byCall = new Map<ToolCallBlock, ToolResultBlock>();
  const fates = new Map<ToolResultBlock, "paired" | "superseded">();
  for (const [id, ofId] of calls) {
    const given = results.get(id) ?? [];
    const superseded = Math.max(0, given.length - ofId.length);
    for (const [position, { block, path }] of given.entries()) {
      const call = ofId[position - superseded];
      fates.set(block, call === undefined ? "superseded" : "paired");
      if (call === undefined) state.losses.push(repaired(path, `a later result of call ${id} counts`));
      else byCall.set(call, block);
    }
  }
  return { byCall, fates };
}

function answersOf(state: PairingState, { turn, index }: PlacedTurn, results: Results): ToolResultBlock[] {
  return turn.blocks.flatMap((block, position) => {
    if (block.type !== "tool-call") return [];
    const result = results.byCall.get(block);
    if (result !== undefined) return [result];
    state.losses.push(repaired(`turns[${index}].blocks[${position}]`, "a call without a result"));
    return [missingResult(block)];
  });
}

function answerTurn(answers: readonly ToolResultBlock[], beside: Turn): Turn {
  return { role: "user", blocks: answers, boundary: beside.boundary };
}

function missingResult(call: ToolCallBlock): ToolResultBlock {
  return compact({
    type: "tool-result" as const,
    callId: call.id,
    name: call.name,
    kind: call.kind,
    content: [{ type: "text" as const, text: NO_RESULT_TEXT }],
    isError: true,
  });
}

/** Results in an assistant turn cannot answer anything: shown as text, where they are. */
function withoutResults(state: PairingState, placed: PlacedTurn): Turn {
  const { turn } = placed;
  if (!turn.blocks.some((block) => block.type === "tool-result")) return turn;
  return { ...turn, blocks: remainder(state, placed, { byCall: new Map(), fates: new Map() }) };
}

/** The client's turns, with `answers` at the front of the first user turn or, where a system turn is first, before them all. */
function pushReplies(
  state: PairingState,
  replies: readonly PlacedTurn[],
  answers: readonly ToolResultBlock[],
  results: Results,
): void {
  const [first] = replies;
  if (first === undefined) return;
  const joins = first.turn.role === "user";
  if (answers.length > 0 && !joins) state.turns.push(answerTurn(answers, first.turn));
  for (const reply of replies) {
    const { turn } = reply;
    const blocks = [...(joins && reply === first ? answers : []), ...remainder(state, reply, results)];
    const isSame = blocks.length === turn.blocks.length && blocks.every((block, at) => block === turn.blocks[at]);
    if (isSame) state.turns.push(turn);
    else if (blocks.length > 0) state.turns.push({ ...turn, blocks });
  }
}

/** The blocks of a turn that are not paired results; results without a call as text. */
function remainder(state: PairingState, { turn, index }: PlacedTurn, results: Results): Block[] {
  return turn.blocks.flatMap((block, position): readonly Block[] => {
    if (block.type !== "tool-result") return [block];
    if (results.fates.has(block)) return [];
    state.losses.push(repaired(`turns[${index}].blocks[${position}]`, "a result without a call became text"));
    return resultAsText(block);
  });
}

/** `[tool result call_1] text`; what is not text stays as it is behind it. */
export function resultAsText(result: ToolResultBlock): readonly Block[] {
  const [first, ...rest] = result.content;
  const head = `[tool result ${result.callId}]${result.isError === true ? " [tool error]" : ""}`;
  const blocks: Block[] =
    first?.type === "text"
      ? [{ ...first, text: first.text === "" ? head : `${head} ${first.text}` }, ...rest]
      : [{ type: "text", text: head }, ...result.content];
  const last = blocks.at(-1);
  if (result.cache !== undefined && last !== undefined) blocks[blocks.length - 1] = { ...last, cache: result.cache };
  return blocks;
}

function callsOf(turn: Turn): ToolCallBlock[] {
  return turn.blocks.filter((block) => block.type === "tool-call");
}

function placedResults({ turn, index }: PlacedTurn): PlacedResult[] {
  return turn.blocks.flatMap((block, position) =>
    block.type === "tool-result" ? [{ block, path: `turns[${index}].blocks[${position}]` }] : [],
  );
}
