import { failure, type Failure } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { dropped } from "../../translation/limits.ts";
import { mapToolCallIds } from "../../translation/tool-ids.ts";
import { mapToolNames } from "../../translation/tool-names.ts";
import { pairToolResults } from "../../translation/tool-pairing.ts";
import type { WriteOptions, WrittenRequest } from "../dialect.ts";
import { modelFacts } from "./models.ts";
import { writeInput } from "./write-input.ts";
import {
  writeCache,
  writeExtras,
  writeIdentity,
  writeInclude,
  writeReasoning,
  writeSampling,
  writeService,
  writeText,
  writtenEffort,
} from "./write-settings.ts";
import { writeTools, writeToolSettings } from "./write-tools.ts";
import type { Writing } from "./writing.ts";

/**
 * A canonical request for the Responses API. Fails on what would change the question: several candidates, audio and video,
 * files and histories that another provider keeps.
 */
export function writeRequest(request: CanonicalRequest, options: WriteOptions): Result<WrittenRequest, Failure> {
  const refused = refuseCandidates(request);
  if (refused !== undefined) return fail(refused);
  const writing = openWriting(request, options);
  const body = writeBody(writing);
  const [problem] = writing.failures;
  if (problem !== undefined) return fail(problem);
  for (const key of options.traits.dropKeys ?? []) delete body[key];
  return ok({
    headers: {},
    body,
    losses: allLosses(writing),
    ...compact({ restore: restoreOf(request, writing) }),
  });
}

/** One answer is all that this API gives to one request. */
function refuseCandidates(request: CanonicalRequest): Failure | undefined {
  const { candidates } = request.sampling;
  if (candidates === undefined || candidates <= 1) return undefined;
  const param = request.source === "gemini" ? "generationConfig.candidateCount" : "n";
  const message = `\`${param}\` is ${candidates}, but the provider's Responses API gives one answer per request. Send ${candidates} requests, or route this one to a provider that takes \`${param}\`.`;
  return failure("unsupported_parameter", message, { param });
}

/** Characters of `call_id` that may be used: any, but no more than this. */
const CALL_ID_LENGTH_MAX = 64;
const CALL_ID = { valid: /^[^]+$/, lengthMax: CALL_ID_LENGTH_MAX, prefix: "call_" };
const TOOL_NAME = { pattern: /[A-Za-z0-9_-]/, lengthMax: 64, customTools: "native" as const };

type OpenWriting = Writing & { readonly names: ReturnType<typeof mapToolNames> | undefined };

function openWriting(request: CanonicalRequest, options: WriteOptions): OpenWriting {
  const isNative = request.source === "openai-responses";
  const paired = mayStandAlone(request) ? { turns: request.turns, losses: [] } : pairToolResults(request.turns);
  const turns = mapToolCallIds(paired.turns, CALL_ID);
  // The client's own names are in this format already, and so are its namespaces.
  const names = isNative ? undefined : mapToolNames(request, TOOL_NAME);
  return {
    request: { ...request, turns },
    givenTurns: request.turns,
    options,
    facts: modelFacts(options.model),
    isNative,
    nameOf: (name) => names?.sent(name) ?? name,
    names,
    losses: [...paired.losses],
    failures: [],
    lostMarks: 0,
  };
}

/** Whether calls and results may stand alone: the provider has kept their counterparts, or the results are still to come. */
function mayStandAlone({ source, state, turns }: CanonicalRequest): boolean {
  if (source !== "openai-responses") return false;
  if (state?.previousResponseId !== undefined || state?.conversation !== undefined) return true;
  return turns.some((turn) =>
    turn.blocks.some(
      (block) =>
        (block.type === "opaque" && block.nativeType === "item_reference") ||
        (block.type === "tool-call" && block.async === true),
    ),
  );
}

function writeBody(writing: Writing): JsonObject {
  const { request, options, isNative } = writing;
  const effort = writtenEffort(writing);
  const { instructions, input } = writeInput(writing);
  if (input.length === 0 && !isNative) {
    writing.failures.push(
      failure("invalid_parameter", "The request has no messages that could be sent to the provider."),
    );
  }
  const tools = writeTools(writing, request.tools, "tools");
  const hasTools = tools.length > 0 || input.some((item) => item["type"] === "additional_tools");
  return {
    model: options.model,
    ...compact({
      instructions,
      input: input.length === 0 ? undefined : [...input],
      tools: tools.length === 0 ? undefined : tools,
    }),
    ...writeToolSettings(writing, hasTools),
    ...writeReasoning(writing, effort),
    ...writeText(writing),
    ...writeSampling(writing, effort),
    ...writeCache(writing),
    ...writeIdentity(writing),
    ...writeService(writing),
    ...writeInclude(writing, effort),
    ...(request.stream ? { stream: true } : {}),
    ...writeExtras(writing),
  };
}

function allLosses(writing: Writing): readonly Loss[] {
  const { losses, lostMarks } = writing;
  if (lostMarks === 0) return losses;
  return [...losses, dropped("cache", `${lostMarks} cache marks: the model caches by itself`)];
}

function restoreOf(request: CanonicalRequest, { names }: OpenWriting): WrittenRequest["restore"] {
  const { stop } = request.sampling;
  const restore = compact({
    tools: names === undefined || names.restored.size === 0 ? undefined : names.restored,
    stop: stop === undefined || stop.length === 0 ? undefined : stop,
  });
  return Object.keys(restore).length === 0 ? undefined : restore;
}
