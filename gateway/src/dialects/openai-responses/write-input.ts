import type { Effort, SystemBlock, Turn } from "../../canonical/request.ts";
import { asString, compact, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped } from "../../translation/limits.ts";
import { nearestEffort } from "./models.ts";
import { closeTurn, itemState, pushInput, type ItemState } from "./item-state.ts";
import { formatInstruction } from "./write-format.ts";
import { message, writeBlock } from "./write-items.ts";
import { writeTools } from "./write-tools.ts";
import { lose, loseForeignExtras, ownExtras, writeMark, type Writing } from "./writing.ts";

export type WrittenInput = {
  /** What the client of this format wrote as `instructions`; other formats' instructions are items, one each. */
  readonly instructions?: string;
  readonly input: readonly JsonObject[];
};

/** The conversation as items. */
export function writeInput(writing: Writing): WrittenInput {
  const { instructions, turns } = writing.request;
  const own = instructions.filter(isParameter);
  const [only] = own;
  const isText = own.length === 1 && only !== undefined;
  const state = itemState(writing);
  for (const [index, block] of instructions.entries()) {
    if (isText && block === only) continue;
    pushInput(state, instruction(writing, block, `instructions[${index}]`));
  }
  const wish = formatInstruction(writing);
  if (wish !== undefined) {
    pushInput(state, instruction(writing, { text: wish, authority: "developer" }, "output.format"));
  }
  const given = positions(writing);
  for (const [index, turn] of turns.entries()) {
    writeTurn(state, turn, `turns[${given(turn) ?? index}]`);
    closeTurn(state, turns[index + 1]?.role);
  }
  return compact({ instructions: isText ? only.text : undefined, input: state.items });
}

function isParameter(block: SystemBlock): boolean {
  return ownExtras(block.extras)?.["instructions"] === true;
}

function instruction(writing: Writing, block: SystemBlock, path: string): JsonObject {
  if (block.name !== undefined) lose(writing, dropped(`${path}.name`));
  loseForeignExtras(writing, block.extras, `${path}.extras`);
  const role = writing.isNative ? block.authority : writing.facts.instructionRole;
  const part = { type: "input_text", text: block.text, ...writeMark(writing, block.cache) };
  return { type: "message", role, content: [part] };
}

/** The place of a turn in the request as it was given: pairing results with calls may have added turns. */
function positions(writing: Writing): (turn: Turn) => number | undefined {
  const places = new Map<number, number>();
  for (const [index, { boundary }] of writing.givenTurns.entries()) {
    if (!places.has(boundary)) places.set(boundary, index);
  }
  return ({ boundary }) => places.get(boundary);
}

function writeTurn(state: ItemState, turn: Turn, path: string): void {
  const { writing } = state;
  if (turn.name !== undefined) lose(writing, dropped(`${path}.name`));
  if (turn.clearAt !== undefined) lose(writing, dropped(`${path}.clearAt`));
  loseForeignExtras(writing, turn.extras, `${path}.extras`);
  for (const [index, block] of turn.blocks.entries()) writeBlock(state, turn, block, `${path}.blocks[${index}]`);
  if (writeChanges(state, turn, path)) return;
  // Nothing said is still a message; an answer without anything in it is not one.
  if (turn.blocks.length === 0 && turn.role !== "assistant") pushInput(state, message(state, turn, "", path));
}

/** What is otherwise from here on: effort and tools. True where the turn says such a thing. */
function writeChanges(state: ItemState, turn: Turn, path: string): boolean {
  const { effortFromHere, toolsFromHere } = turn;
  const update = ownExtras(turn.extras)?.["item"] ?? effortFromHere;
  if (update !== undefined) pushInput(state, configurationUpdate(state.writing, turn, path));
  if (toolsFromHere === undefined) return update !== undefined;
  if (toolsFromHere.remove.length > 0) lose(state.writing, dropped(`${path}.toolsFromHere.remove`));
  const tools = writeTools(state.writing, toolsFromHere.add, `${path}.toolsFromHere.add`);
  if (tools.length > 0) pushInput(state, { type: "additional_tools", role: "developer", tools });
  return true;
}

const efforts: ReadonlySet<string> = new Set<Effort>(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

function configurationUpdate(writing: Writing, turn: Turn, path: string): JsonObject {
  const item = ownExtras(turn.extras)?.["item"];
  if (isItem(item)) return item;
  const asked = turn.effortFromHere ?? "";
  const effort = isEffort(asked) ? nearestEffort(writing.facts, asked) : asked;
  if (effort !== asked) lose(writing, clamped(`${path}.effortFromHere`, `${asked} became ${effort}`));
  return { type: "configuration_update", reasoning: { effort } };
}

function isItem(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && "type" in value && asString(value.type) !== undefined;
}

function isEffort(text: string): text is Effort {
  return efforts.has(text);
}
