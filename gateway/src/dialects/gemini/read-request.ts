import type { Block, Issuer, ReasoningBlock, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest, SystemBlock, Turn } from "../../canonical/request.ts";
import { asBoolean, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { WireRequest } from "../wire-request.ts";
import { field, list, rest, spellings } from "./fields.ts";
import { readOutput, readReasoning, readSampling, unreadConfig } from "./read-config.ts";
import { readPart, withOpaque } from "./read-parts.ts";
import { readTools } from "./read-tools.ts";

/** A client's own opaque values and files were issued by Gemini, whichever of Google's doors they came through. */
const issuer: Issuer = { provider: "gemini" };

const known = spellings([
  "contents",
  "systemInstruction",
  "tools",
  "toolConfig",
  "safetySettings",
  "generationConfig",
  "cachedContent",
  "labels",
  "serviceTier",
  "store",
  "continuationToken",
  "model",
]);

/** A `GenerateContentRequest`; `countTokens` may wrap one in `generateContentRequest`. */
export function readRequest(wire: WireRequest): Result<CanonicalRequest, Failure> {
  const tree = wire.tree();
  if (!tree.ok) return tree;
  const body = asObject(field(tree.value, "generateContentRequest")) ?? tree.value;
  const config = asObject(field(body, "generationConfig")) ?? {};
  const tools = readTools(body);
  if (!tools.ok) return tools;
  const turns = readContents(list(field(body, "contents")));
  if (!turns.ok) return turns;
  const system = readSystem(field(body, "systemInstruction"));
  const continuation = asString(field(body, "continuationToken"));
  const generationConfig = unreadConfig(config);
  const extras = { ...rest(body, known), ...compact({ toolConfig: tools.value.toolConfig, generationConfig }) };
  return ok({
    source: "gemini",
    model: wire.pathModel,
    stream: wire.path.endsWith(":streamGenerateContent"),
    instructions: system.instructions,
    turns: system.others.length === 0 ? turns.value : [userTurn(system.others), ...turns.value],
    tools: tools.value.tools,
    sampling: readSampling(config),
    reasoning: readReasoning(config),
    output: readOutput(config),
    cache: compact({ cachedContent: asString(field(body, "cachedContent")) }),
    identity: compact({ labels: readLabels(field(body, "labels")) }),
    headers: { betas: [] },
    extras: Object.keys(extras).length === 0 ? {} : { gemini: extras },
    ...compact({
      toolChoice: tools.value.toolChoice,
      tier: readTier(asString(field(body, "serviceTier"))),
      safety: readSafety(field(body, "safetySettings")),
      state: readState(asBoolean(field(body, "store")), continuation),
    }),
  });
}

type System = { readonly instructions: SystemBlock[]; readonly others: Block[] };

/** One entry per text part. A picture in it is shown by the user instead: no other format has instructions of that kind. */
function readSystem(value: Json | undefined): System {
  const system: System = { instructions: [], others: [] };
  if (typeof value === "string") system.instructions.push({ text: value, authority: "system" });
  const content = asObject(value);
  for (const part of content === undefined ? [] : list(field(content, "parts"))) {
    const block = isObject(part) ? readPart(part, { issuer, callId: "" }) : undefined;
    if (block?.type === "text") system.instructions.push({ text: block.text, authority: "system" });
    else if (block !== undefined) system.others.push(block);
  }
  return system;
}

function userTurn(blocks: readonly Block[]): Turn {
  return { role: "user", blocks, boundary: 0 };
}

/** `function` is what clients of 2023 wrote for the role of function responses. */
const roles: Readonly<Record<string, "user" | "assistant">> = {
  "": "user",
  user: "user",
  function: "user",
  model: "assistant",
};

/** A call of the last model turn, until it has its response. */
type OpenCall = { readonly id: string; readonly name: string; isAnswered: boolean };

function readContents(contents: readonly Json[]): Result<Turn[], Failure> {
  const turns: Turn[] = [];
  let calls: OpenCall[] = [];
  for (const [index, content] of contents.entries()) {
    const role = isObject(content) ? roleOf(content) : undefined;
    if (!isObject(content) || role === undefined) return fail(invalidContent(index));
    const read = list(field(content, "parts")).flatMap((part, position): Block[] => {
      const block = isObject(part) ? readPart(part, { issuer, callId: `gc_${index}_${position}` }) : undefined;
      return block === undefined ? [] : [block];
    });
    const blocks = relocateForeign(read).map((block, position) =>
      block.type === "tool-result" ? pair(block, calls, `gc_${index}_${position}`) : block,
    );
    turns.push({ role, blocks, boundary: index });
    if (role === "assistant") calls = blocks.filter((block) => block.type === "tool-call").map(openCall);
  }
  return ok(turns);
}

function roleOf(content: JsonObject): "user" | "assistant" | undefined {
  const role = asString(field(content, "role")) ?? "";
  return Object.hasOwn(roles, role) ? roles[role] : undefined;
}

function openCall(block: ToolCallBlock): OpenCall {
  return { id: block.id, name: block.name, isAnswered: false };
}

/**
 * Gives a function response the id of its call: by its own id, else the first unanswered call of that name. Gemini CLI makes up
 * an id for a call that came without one and puts it on the response only, so an unknown id is not the end of the search.
 */
function pair(block: ToolResultBlock, calls: readonly OpenCall[], fallback: string): ToolResultBlock {
  const call =
    calls.find((each) => each.id === block.callId) ??
    calls.find((each) => !each.isAnswered && each.name === block.name);
  if (call !== undefined) call.isAnswered = true;
  return { ...block, callId: call?.id ?? (block.callId === "" ? fallback : block.callId) };
}

/**
 * Another vendor's opaque value came to the client on the part after the reasoning that it belongs to, because clients drop
 * thoughts from the history. Here it goes back to that reasoning, or to an empty one where the thoughts are gone.
 */
function relocateForeign(blocks: readonly Block[]): Block[] {
  const result: Block[] = [];
  for (const block of blocks) {
    const { signature, ...bare } = block;
    if (signature === undefined || signature.kind === "gemini.thought-signature") {
      result.push(block);
      continue;
    }
    const last = result.at(-1);
    const hasThoughts =
      last?.type === "reasoning" && last.opaque === undefined && signature.kind !== "anthropic.redacted";
    const reasoning: ReasoningBlock = hasThoughts ? last : { type: "reasoning", summary: [] };
    if (hasThoughts) result.pop();
    result.push(withOpaque(reasoning, signature));
    if (bare.type !== "text" || bare.text !== "") result.push(bare);
  }
  return joinThoughts(result);
}

/** Streamed thoughts come back in the pieces that they arrived in: up to a signature they are one. */
function joinThoughts(blocks: readonly Block[]): Block[] {
  const result: Block[] = [];
  for (const block of blocks) {
    const last = result.at(-1);
    const isContinued = last?.type === "reasoning" && last.opaque === undefined;
    if (block.type !== "reasoning" || !isContinued || block.redacted === true) {
      result.push(block);
      continue;
    }
    const text = [...last.summary, ...block.summary].join("");
    result[result.length - 1] = { ...last, ...block, summary: text === "" ? [] : [text] };
  }
  return result;
}

function readLabels(value: Json | undefined): { readonly [key: string]: string } | undefined {
  const labels = asObject(value);
  if (labels === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(labels).flatMap(([key, label]) => (typeof label === "string" ? [[key, label]] : [])),
  );
}

function readTier(word: string | undefined): CanonicalRequest["tier"] {
  switch (word?.toLowerCase()) {
    case "standard":
      return "default";
    case "flex":
      return "flex";
    case "priority":
      return "priority";
    default:
      return undefined;
  }
}

function readSafety(settings: Json | undefined): CanonicalRequest["safety"] {
  return settings === undefined ? undefined : { settings };
}

function readState(store: boolean | undefined, token: string | undefined): CanonicalRequest["state"] {
  if (store === undefined && token === undefined) return undefined;
  const continuation = token === undefined ? undefined : { issuer, kind: "gemini.continuation" as const, value: token };
  return compact({ store, continuation });
}

function invalidContent(index: number): Failure {
  const param = `contents[${index}]`;
  return failure(
    "invalid_parameter",
    `\`${param}\` must be an object \`{role, parts}\` whose role is \`user\` or \`model\`.`,
    { param },
  );
}
