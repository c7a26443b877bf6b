import type { Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { dropped, repaired } from "../../translation/limits.ts";
import type { Restore, WriteOptions, WrittenRequest } from "../dialect.ts";
import { cachePoint, settleCachePoints } from "./cache-points.ts";
import { reportUnsupported } from "./unsupported.ts";
import { writeFormat, type WrittenFormat } from "./write-format.ts";
import { writeMessages } from "./write-messages.ts";
import { writeReasoning, type WrittenReasoning } from "./write-reasoning.ts";
import {
  forget,
  stopPaths,
  writeMaxTokens,
  writeMetadata,
  writeSampling,
  writeStop,
  writeTier,
  type WrittenSampling,
  type WrittenStop,
} from "./write-settings.ts";
import { writeTools } from "./write-tools.ts";
import { lose, openWriting, type Writing } from "./writing.ts";

/**
 * A request to Bedrock's Converse API; the model and the choice of streaming are in the path. Fails where the answer would be
 * to another question: media that the model cannot be shown, parts of the conversation that only another provider has.
 */
export function writeRequest(request: CanonicalRequest, options: WriteOptions): Result<WrittenRequest, Failure> {
  const writing = openWriting(request, options);
  reportUnsupported(writing);
  const format = writeFormat(writing);
  const messages = writeMessages(writing);
  const system = writeSystem(writing, format.instruction);
  const { tools, choice: asked } = writeTools(writing);
  const choice = choiceFor(writing, format, asked, tools);
  if (format.tool !== undefined) tools.push(format.tool.wire);
  const limit = writeMaxTokens(writing);
  const forcesTool = choice?.["any"] !== undefined || choice?.["tool"] !== undefined;
  const reasoning = writeReasoning(writing, { maxTokens: limit, forcesTool, messages });
  const stop = writeStop(writing);
  const sampling = writeSampling(writing, reasoning.isThinking);
  settleCachePoints(writing, {
    tools,
    system,
    contents: messages.map(({ content }) => content),
    lastUser: messages.findLast(({ role }) => role === "user")?.content,
  });
  const body = compact({
    messages: messages.map(({ role, content }) => ({ role, content })),
    system: system.length === 0 ? undefined : system,
    inferenceConfig: inferenceConfig(writing, { limit, sampling, stop, reasoning }),
    toolConfig: tools.length === 0 ? undefined : compact({ tools, toolChoice: choice }),
    additionalModelRequestFields: additionalFields(writing, reasoning, sampling),
    additionalModelResponseFieldPaths: stopPaths(writing, stop),
    outputConfig: format.format === undefined ? undefined : { textFormat: format.format },
    serviceTier: writeTier(writing),
    requestMetadata: writeMetadata(writing),
  });
  if (writing.failure !== undefined) return fail(writing.failure);
  const headers = { accept: request.stream ? "application/vnd.amazon.eventstream" : "application/json" };
  return ok(compact({ headers, body, losses: writing.losses, restore: restoreOf(writing, format, stop) }));
}

/** One block per source block, so that cache points stand where the client's marks did. */
function writeSystem(writing: Writing, instruction: string | undefined): JsonObject[] {
  const system = writing.request.instructions.flatMap(({ text, name, cache }, index): JsonObject[] => {
    const path = `instructions[${index}]`;
    if (name !== undefined) lose(writing, dropped(`${path}.name`));
    if (text === "") return [];
    if (text.trim() === "") {
      lose(writing, repaired(path, "a text of white space alone"));
      return [];
    }
    return [{ text: text.toWellFormed() }, ...cachePoint(writing, cache, path)];
  });
  return instruction === undefined ? system : [...system, { text: instruction }];
}

/** The choice that brings out structured output, unless the client forces a tool of its own. */
function choiceFor(
  { facts }: Writing,
  { tool }: WrittenFormat,
  choice: JsonObject | undefined,
  tools: readonly JsonObject[],
): JsonObject | undefined {
  if (tool === undefined || choice?.["tool"] !== undefined) return choice;
  return tools.length === 0 && facts.forcing === "tool" ? { tool: { name: tool.name } } : { any: {} };
}

type Settings = {
  readonly limit: number | undefined;
  readonly sampling: WrittenSampling;
  readonly stop: WrittenStop;
  readonly reasoning: WrittenReasoning;
};

function inferenceConfig(writing: Writing, { limit, sampling, stop, reasoning }: Settings): JsonObject | undefined {
  const settled = { ...sampling };
  let maxTokens = limit ?? reasoning.maxTokens;
  if (reasoning.isExclusive) {
    const why = "the model refuses it at the highest effort";
    if (maxTokens !== undefined) lose(writing, dropped("sampling.maxTokens", why));
    maxTokens = undefined;
    forget(writing, settled, "temperature", why);
    forget(writing, settled, "topP", why);
  }
  const config = compact({
    maxTokens,
    temperature: settled.temperature,
    topP: settled.topP,
    stopSequences: stop.sequences === undefined ? undefined : [...stop.sequences],
  });
  return Object.keys(config).length === 0 ? undefined : config;
}

/** `additionalModelRequestFields`: what only some models know. */
function additionalFields(
  writing: Writing,
  { fields, isExclusive }: WrittenReasoning,
  { topK }: WrittenSampling,
): JsonObject | undefined {
  const all: JsonObject = { ...fields };
  const [outer, inner] = writing.facts.topK ?? [];
  if (topK !== undefined && isExclusive)
    lose(writing, dropped("sampling.topK", "the model refuses it at the highest effort"));
  else if (topK !== undefined && outer !== undefined) all[outer] = inner === undefined ? topK : { [inner]: topK };
  const betas = writeBetas(writing);
  if (betas.length > 0) all["anthropic_beta"] = betas;
  return Object.keys(all).length === 0 ? undefined : all;
}

/**
 * Betas of Anthropic's API that Bedrock knows and that concern what is written here; one that it does not know is a refusal of
 * the whole request. https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
 */
const knownBetas: ReadonlySet<string> = new Set([
  "context-1m-2025-08-07",
  "interleaved-thinking-2025-05-14",
  "token-efficient-tools-2025-02-19",
  "output-128k-2025-02-19",
  "fine-grained-tool-streaming-2025-05-14",
]);

function writeBetas({ request, facts, losses }: Writing): string[] {
  const { betas } = request.headers;
  const known = facts.claude === undefined ? [] : betas.filter((beta) => knownBetas.has(beta));
  const rest = betas.filter((beta) => !known.includes(beta));
  if (rest.length > 0) losses.push(dropped("headers.betas", rest.join(", ")));
  return known;
}

function restoreOf({ names }: Writing, format: WrittenFormat, stop: WrittenStop): Restore | undefined {
  const restore: Restore = compact({
    tools: names.restored.size === 0 ? undefined : names.restored,
    stop: stop.watched.length === 0 ? undefined : stop.watched,
    jsonTool: format.tool?.name,
  });
  return Object.keys(restore).length === 0 ? undefined : restore;
}
