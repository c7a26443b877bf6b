import type { Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { asObject, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { dropped, repaired } from "../../translation/limits.ts";
import { isThinking, type WrittenThinking } from "../claude-thinking.ts";
import type { Restore, WriteOptions, WrittenRequest } from "../dialect.ts";
import { settleCacheMarks, writeCacheMark } from "./cache-marks.ts";
import { reportUnsupported } from "./unsupported.ts";
import { writeFormat, type WrittenFormat } from "./write-format.ts";
import { writeMessages } from "./write-messages.ts";
import {
  writeMaxTokens,
  writeSampling,
  writeStop,
  writeTier,
  writeUserId,
  writeVersion,
  type WrittenStop,
} from "./write-settings.ts";
import { writeThinking } from "./write-thinking.ts";
import { writeToolChoice, writeTools } from "./write-tools.ts";
import { DIALECT, lose, openWriting, type Writing } from "./writing.ts";

/**
 * A request to the Messages API. Fails where the answer would be to another question: content that the model cannot be shown,
 * parts of the conversation that only another provider has, structured output that the configuration does not allow.
 */
export function writeRequest(request: CanonicalRequest, options: WriteOptions): Result<WrittenRequest, Failure> {
  const writing = openWriting(request, options);
  reportUnsupported(writing);
  const format = writeFormat(writing);
  const messages = writeMessages(writing);
  const system = writeSystem(writing, format.instruction);
  const declared = writeTools(writing);
  const { tools, mcpServers } = declared;
  const toolChoice = choiceFor(format, writeToolChoice(writing, declared), tools);
  if (format.tool !== undefined) tools.push(format.tool);
  const maxTokens = writeMaxTokens(writing);
  const forcesTool = toolChoice?.["type"] === "any" || toolChoice?.["type"] === "tool";
  const thinking = writeThinking(writing, { maxTokens, forcesTool, messages });
  const sampling = writeSampling(writing, isThinking(thinking));
  const stop = writeStop(writing);
  settleCacheMarks(writing, { system, tools, messages });
  const body = compact({
    model: options.model,
    max_tokens: maxTokens,
    stream: request.stream ? true : undefined,
    system: system.length === 0 ? undefined : system,
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: toolChoice,
    mcp_servers: mcpServers.length === 0 ? undefined : [...mcpServers],
    ...sampling,
    stop_sequences: stop.sequences === undefined ? undefined : [...stop.sequences],
    service_tier: writeTier(writing),
    ...writeConfigurations(writing, thinking, format),
    ...nativeMembers(writing),
    messages,
  });
  leaveOut(writing, body);
  if (writing.failure !== undefined) return fail(writing.failure);
  return ok(
    compact({
      headers: writeHeaders(writing, Object.keys(sampling).length > 0),
      body,
      losses: writing.losses,
      restore: restoreOf(writing, format, stop),
    }),
  );
}

/** What the provider's row says that it refuses. */
function leaveOut(writing: Writing, body: JsonObject): void {
  for (const key of writing.options.traits.dropKeys ?? []) {
    if (body[key] === undefined) continue;
    lose(writing, dropped(key, "the provider refuses it"));
    delete body[key];
  }
}

/** One block per source block: the API does not join them, and clients know theirs by position. */
function writeSystem(writing: Writing, instruction: string | undefined): JsonObject[] {
  const system = writing.request.instructions.flatMap((block, index): JsonObject[] => {
    const { text, name, cache, extras } = block;
    if (name !== undefined) lose(writing, dropped(`instructions[${index}].name`));
    if (text === "") return [];
    if (!writing.isNative && text.trim() === "") {
      lose(writing, repaired(`instructions[${index}]`, "a text of white space alone"));
      return [];
    }
    const wire = { type: "text", text: text.toWellFormed(), ...extras?.[DIALECT] };
    return [compact({ ...wire, cache_control: writeCacheMark(cache) })];
  });
  return instruction === undefined ? system : [...system, { type: "text", text: instruction }];
}

/** The choice that brings out structured output, unless the client forces a tool of its own. */
function choiceFor(
  { tool }: WrittenFormat,
  choice: JsonObject | undefined,
  tools: readonly JsonObject[],
): JsonObject | undefined {
  if (tool === undefined || choice?.["type"] === "tool") return choice;
  const isAlone = tools.length === 0 || choice?.["type"] === "none";
  return isAlone ? { type: "tool", name: tool.name } : { ...choice, type: "any" };
}

/** Members that hold several settings, some of which only this format's clients know. */
function writeConfigurations(
  writing: Writing,
  { thinking, effort }: WrittenThinking,
  format: WrittenFormat,
): JsonObject {
  const { output, extras } = writing.request;
  const own = extras[DIALECT] ?? {};
  const taskBudget = writing.isNative ? output.taskBudget : undefined;
  const config = compact({ effort, format: format.format, task_budget: taskBudget });
  return compact({
    thinking: together(thinking, own["thinking"]),
    output_config: together(config, own["output_config"]),
    metadata: together(compact({ user_id: writeUserId(writing) }), own["metadata"]),
  });
}

function together(written: JsonObject | undefined, unread: Json | undefined): JsonObject | undefined {
  const both = { ...written, ...asObject(unread) };
  return Object.keys(both).length === 0 ? undefined : both;
}

/** What only a client of this format can have said. */
function nativeMembers(writing: Writing): JsonObject {
  if (!writing.isNative) return {};
  const { cache, speed, state, contextManagement, extras } = writing.request;
  const { thinking: _thinking, output_config: _outputConfig, metadata: _metadata, ...unread } = extras[DIALECT] ?? {};
  return compact({
    cache_control: writeCacheMark(cache.autoMark),
    speed,
    container: state?.container,
    context_management: contextManagement,
    ...unread,
  });
}

function writeHeaders(writing: Writing, hasSampling: boolean): { readonly [name: string]: string } {
  const ownBetas = writing.isNative ? writing.request.headers.betas : [];
  const betas = [...new Set([...ownBetas, ...writing.betas])];
  return {
    "anthropic-version": writeVersion(writing, hasSampling),
    ...(betas.length === 0 ? {} : { "anthropic-beta": betas.join(",") }),
  };
}

function restoreOf({ names }: Writing, format: WrittenFormat, stop: WrittenStop): Restore | undefined {
  const restore: Restore = compact({
    tools: names.restored.size === 0 ? undefined : names.restored,
    stop: stop.watched.length === 0 ? undefined : stop.watched,
    jsonTool: format.tool?.name,
  });
  return Object.keys(restore).length === 0 ? undefined : restore;
}
