import fc from "fast-check";
import type { Block, ToolCallBlock, ToolResultBlock } from "../../src/canonical/block.ts";
import type { CanonicalRequest, Tool, Turn } from "../../src/canonical/request.ts";

/** Short words for canonical turns, and arbitrary conversations made of them. */

export function call(id: string, more: Partial<ToolCallBlock> = {}): ToolCallBlock {
  return { type: "tool-call", id, name: "look", kind: "function", argumentsText: "{}", ...more };
}

export function result(callId: string, text = `of ${callId}`, more: Partial<ToolResultBlock> = {}): ToolResultBlock {
  return { type: "tool-result", callId, kind: "function", content: [{ type: "text", text }], ...more };
}

export function turn(role: Turn["role"], ...blocks: (Block | string)[]): Turn {
  const toBlock = (block: Block | string): Block => (typeof block === "string" ? { type: "text", text: block } : block);
  return { role, blocks: blocks.map(toBlock), boundary: 0 };
}

export const user = (...blocks: (Block | string)[]): Turn => turn("user", ...blocks);
export const assistant = (...blocks: (Block | string)[]): Turn => turn("assistant", ...blocks);
export const system = (...blocks: (Block | string)[]): Turn => turn("system", ...blocks);

export function request(turns: readonly Turn[], tools: readonly Tool[] = []): CanonicalRequest {
  return {
    source: "openai-chat",
    model: "m",
    stream: false,
    instructions: [],
    turns,
    tools,
    sampling: { temperatureMax: 2 },
    reasoning: { mode: "default" },
    output: {},
    cache: {},
    identity: {},
    headers: { betas: [] },
    extras: {},
  };
}

/** Few ids, some of which no API takes, so that they repeat and collide. */
const someId = fc.constantFrom("a", "b", "a.b", "a:b", "call_0", "call_0_2", "functions.Bash:0", "", "é".repeat(50));
const someText = fc.record({ type: fc.constant("text" as const), text: fc.string({ maxLength: 5 }) });
const someCall = someId.map((id) => call(id));
const someResult = fc.tuple(someId, fc.string({ maxLength: 3 })).map(([id, text]) => result(id, text));

const assistantTurn = fc.array(fc.oneof(someText, someCall), { maxLength: 4 }).map((blocks) => assistant(...blocks));
const userTurn = fc
  .array(fc.oneof({ arbitrary: someResult, weight: 3 }, { arbitrary: someText, weight: 1 }), { maxLength: 4 })
  .map((blocks) => user(...blocks));
const systemTurn = someText.map((block) => system(block));

/** Conversations as broken as clients can make them. */
export const conversation = fc.array(
  fc.oneof(
    { arbitrary: assistantTurn, weight: 4 },
    { arbitrary: userTurn, weight: 5 },
    { arbitrary: systemTurn, weight: 1 },
  ),
  { maxLength: 10 },
);

/** One turn per line, for comparisons that can be read. */
export function show(turns: readonly Turn[]): string {
  return turns.map(({ role, blocks }) => `${role}: ${blocks.map(showBlock).join(", ")}`).join("\n");
}

function showBlock(block: Block): string {
  switch (block.type) {
    case "text":
      return JSON.stringify(block.text);
    case "tool-call":
      return `call ${block.id}`;
    case "tool-result": {
      const [first] = block.content;
      return `result ${block.callId}${block.isError === true ? "!" : ""} ${first?.type === "text" ? first.text : ""}`;
    }
    default:
      return block.type;
  }
}
