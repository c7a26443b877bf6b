import type { Block } from "../canonical/block.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import type { CanonicalRequest, FunctionTool } from "../canonical/request.ts";
import type { CanonicalResponse, FinishReason } from "../canonical/response.ts";

/** What the demo does with a request: how it answers, how fast, and where it breaks off. */
export type DemoAnswer =
  | { readonly kind: "failure"; readonly status: number; readonly failure: Failure }
  | {
      readonly kind: "answer";
      readonly response: CanonicalResponse;
      /** Pause between two pieces of a stream. */
      readonly paceMs: number;
      /** Pieces after which the connection breaks, or goes silent. */
      readonly breaksAfter?: { readonly pieces: number; readonly how: "cut" | "stall" };
    };

const PACE_MS = 12;
const SLOW_PACE_MS = 400;

type Maker = (request: CanonicalRequest) => DemoAnswer;

/** The demo's models by name; every other name answers like `echo`. */
const makers: Readonly<Record<string, Maker>> = {
  echo: (request) => answer(request, [text(greeting(request))]),
  tools: (request) => answer(request, toolTurn(request)),
  thinking: (request) => answer(request, [thought(request), text(greeting(request))]),
  slow: (request) => answer(request, [text(greeting(request))], { paceMs: SLOW_PACE_MS }),
  "fail-429": () => ({
    kind: "failure",
    status: 429,
    failure: failure("provider_rate_limited", "The demo model fail-429 always says that you are asking too often.", {
      retryAfterMs: 1_000,
    }),
  }),
  "fail-500": () => ({
    kind: "failure",
    status: 500,
    failure: failure("provider_error", "The demo model fail-500 always fails."),
  }),
  cut: (request) => answer(request, [text(greeting(request))], { breaksAfter: { pieces: 6, how: "cut" } }),
  stall: (request) => answer(request, [text(greeting(request))], { breaksAfter: { pieces: 6, how: "stall" } }),
};

/** Pure: the same request gets the same answer. `id` and `createdAt` (Unix seconds) are the transport's. */
export function demoAnswer(request: CanonicalRequest): DemoAnswer {
  const maker = Object.hasOwn(makers, request.model) ? makers[request.model] : undefined;
  return (maker ?? makers["echo"] ?? failing)(request);
}

function failing(): DemoAnswer {
  return { kind: "failure", status: 500, failure: failure("internal", "The demo has no echo model.") };
}

function answer(
  request: CanonicalRequest,
  blocks: readonly Block[],
  more: Partial<Extract<DemoAnswer, { readonly kind: "answer" }>> = {},
): DemoAnswer {
  const calls = blocks.some((block) => block.type === "tool-call");
  const reason: FinishReason = calls ? "tool-calls" : "stop";
  const written = blocks.map(lengthOf).reduce((sum, length) => sum + length, 0);
  const thinking = blocks
    .filter((block) => block.type === "reasoning")
    .map(lengthOf)
    .reduce((sum, length) => sum + length, 0);
  const count = request.sampling.candidates ?? 1;
  const response: CanonicalResponse = {
    id: "demo",
    model: request.model,
    createdAt: 0,
    candidates: Array.from({ length: count }, (_, index) => ({ index, blocks, finish: { reason, native: reason } })),
    usage: {
      inputTotal: tokens(JSON.stringify([request.instructions, request.turns, request.tools]).length),
      cacheRead: 0,
      cacheWrite: 0,
      outputTotal: tokens(written) * count,
      reasoning: tokens(thinking) * count,
    },
    losses: [],
    extras: {},
  };
  return { kind: "answer", response, paceMs: PACE_MS, ...more };
}

function text(content: string): Block {
  return { type: "text", text: content };
}

function thought(request: CanonicalRequest): Block {
  const said = lastUserText(request);
  return {
    type: "reasoning",
    summary: [`The user wrote ${said.length} characters. I am a demo, so I will say so and repeat them.`],
  };
}

function greeting(request: CanonicalRequest): string {
  const said = lastUserText(request);
  const echo = said === "" ? "You sent no text." : `You said: ${said}`;
  return `This is Dragoman's built-in demo, not a real model: no provider is asked and nothing is spent. ${echo}`;
}

/** The first declared function is called once; when its result comes back, the demo reads it out. */
function toolTurn(request: CanonicalRequest): readonly Block[] {
  const results = request.turns.at(-1)?.blocks.filter((block) => block.type === "tool-result") ?? [];
  if (results.length > 0) {
    const read = results.map((result) => textOf(result.content)).join("; ");
    return [text(`This is Dragoman's demo. The tool answered: ${read}`)];
  }
  const tool = request.tools.find((each): each is FunctionTool => each.type === "function");
  if (tool === undefined)
    return [text("This is Dragoman's demo. Declare a function tool, and demo::tools will call it.")];
  const argumentsText = JSON.stringify(sampleArguments(tool));
  return [
    text("This is Dragoman's demo, calling your tool. "),
    { type: "tool-call", id: `call_demo_${request.turns.length}`, name: tool.name, kind: "function", argumentsText },
  ];
}

/** Something of the right type for each required property, so that a client's own validation has something to chew on. */
function sampleArguments(tool: FunctionTool): Record<string, unknown> {
  const properties = tool.schema?.["properties"];
  const required = tool.schema?.["required"];
  const result: Record<string, unknown> = {};
  if (typeof properties !== "object" || properties === null || Array.isArray(properties)) return result;
  const names = Array.isArray(required) ? required : Object.keys(properties);
  for (const name of names) {
    if (typeof name !== "string") continue;
    const schema = properties[name];
    const type = typeof schema === "object" && schema !== null && !Array.isArray(schema) ? schema["type"] : undefined;
    result[name] = sampleOf(typeof type === "string" ? type.toLowerCase() : "");
  }
  return result;
}

function sampleOf(type: string): unknown {
  switch (type) {
    case "number":
    case "integer":
      return 1;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return "demo";
  }
}

function lastUserText(request: CanonicalRequest): string {
  const turn = request.turns.findLast((each) => each.role === "user");
  return turn === undefined ? "" : textOf(turn.blocks);
}

function textOf(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n");
}

function lengthOf(block: Block): number {
  switch (block.type) {
    case "text":
      return block.text.length;
    case "reasoning":
      return block.summary.join("").length;
    case "tool-call":
      return block.name.length + block.argumentsText.length;
    default:
      return 0;
  }
}

function tokens(characters: number): number {
  return Math.ceil(characters / 4);
}
