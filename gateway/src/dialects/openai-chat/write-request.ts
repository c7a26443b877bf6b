import type { ClientDialectId } from "../../canonical/dialect-id.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest, SystemBlock } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { mapToolCallIds } from "../../translation/tool-ids.ts";
import { mapToolNames, type ToolNames } from "../../translation/tool-names.ts";
import { pairToolResults } from "../../translation/tool-pairing.ts";
import type { Restore, WriteOptions, WrittenRequest } from "../dialect.ts";
import { writeMessages } from "./write-messages.ts";
import { writeEffort, writeSampling } from "./write-sampling.ts";
import { writeFormat, writeSettings } from "./write-settings.ts";
import { writeToolUse } from "./write-tool-choice.ts";
import { writeTools } from "./write-tools.ts";
import { limitMarks, openWriting, targetOf } from "./writing.ts";

/** Any text will do, as long as it is not too long. */
const callIds = { valid: /^[^]+$/, lengthMax: 64, prefix: "call_" };
const nameCharacters = /[A-Za-z0-9_-]/;
const NAME_LENGTH_MAX = 64;

/**
 * A request as a body of Chat Completions. Fails where the conversation needs something that Chat does not have and that
 * nothing can stand for: content that only another provider holds, media that it does not take, a tool that must be called.
 */
export function writeRequest(request: CanonicalRequest, options: WriteOptions): Result<WrittenRequest, Failure> {
  const target = targetOf(options);
  const customTools = target.customTools ? ("native" as const) : ("functions" as const);
  const names = mapToolNames(request, { pattern: nameCharacters, lengthMax: NAME_LENGTH_MAX, customTools });
  const writing = openWriting(request, target, names);
  const paired = pairToolResults(request.turns);
  writing.losses.push(...paired.losses);
  const turns = writing.isNative ? paired.turns : mapToolCallIds(paired.turns, callIds);
  const format = writeFormat(writing, request);
  const effort = writeEffort(writing, request);
  const sampling = writeSampling(writing, request, effort.isOff);
  const tools = writeTools(writing, request);
  const instructions = withInstruction(request.instructions, format.instruction);
  const messages = writeMessages(writing, { ...request, turns, instructions });
  if (messages.length === 0) writing.failure ??= nothingToSend(request);
  limitMarks(writing);
  const body: JsonObject = compact({
    model: options.model,
    messages,
    ...writeStream(request, options),
    ...writeToolUse(writing, request, tools),
    ...format.members,
    ...effort.members,
    ...sampling.members,
    ...writeSettings(writing, request),
    ...request.extras["openai-chat"],
  });
  for (const key of options.traits.dropKeys ?? []) delete body[key];
  if (writing.failure !== undefined) return fail(writing.failure);
  const restore = restoreOf(names, sampling.restoredStop);
  return ok(compact({ headers: {}, body, losses: writing.losses, restore }));
}

const conversations = {
  "openai-chat": "messages",
  "openai-responses": "input",
  "anthropic-messages": "messages",
  gemini: "contents",
} as const satisfies Record<ClientDialectId, string>;

function nothingToSend({ source }: CanonicalRequest): Failure {
  const param = conversations[source];
  const message = `Nothing in \`${param}\` can be said in Chat Completions, which the provider speaks. Send at least one message with text.`;
  return failure("missing_parameter", message, { param });
}

function withInstruction(instructions: readonly SystemBlock[], added: string | undefined): readonly SystemBlock[] {
  return added === undefined ? instructions : [...instructions, { text: added, authority: "system" }];
}

/** The record needs the usage, whether the client asked for it or not. */
function writeStream({ stream }: CanonicalRequest, { traits }: WriteOptions): JsonObject {
  if (!stream) return {};
  return traits.streamUsage === false ? { stream } : { stream, stream_options: { include_usage: true } };
}

function restoreOf(names: ToolNames, stop: readonly string[]): Restore | undefined {
  const hasTools = names.restored.size > 0;
  if (!hasTools && stop.length === 0) return undefined;
  return { ...(hasTools ? { tools: names.restored } : {}), ...(stop.length > 0 ? { stop } : {}) };
}
