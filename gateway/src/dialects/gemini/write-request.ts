import type { Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import { clamped, dropped, emulated, notPortable } from "../../translation/limits.ts";
import { mapToolNames } from "../../translation/tool-names.ts";
import type { Restore, WriteOptions, WrittenRequest } from "../dialect.ts";
import { modelFacts } from "./models.ts";
import { writeContents } from "./write-contents.ts";
import { writeGenerationConfig } from "./write-config.ts";
import { writeTools } from "./write-tools.ts";
import { isReadable, lose, loseGiven, refuse, type Writing } from "./writing.ts";

/**
 * A `GenerateContentRequest` for the Gemini API or, where the provider's kind is `vertex`, for Vertex AI; both take the model and
 * the choice of streaming from the path. Fails where leaving something out would change what is asked: media that Gemini cannot
 * get at, conversations kept elsewhere, more candidates than the model gives.
 */
export function writeRequest(request: CanonicalRequest, options: WriteOptions): Result<WrittenRequest, Failure> {
  const model = modelFacts(options.model);
  const writing: Writing = {
    request,
    options,
    model,
    isVertex: options.kind === "vertex",
    isOwn: request.source === "gemini",
    names: mapToolNames(request, {
      pattern: /[A-Za-z0-9_.:-]/,
      first: /[A-Za-z_]/,
      lengthMax: model.functionNameLengthMax,
    }),
    callNames: new Map(),
    losses: [],
    failure: undefined,
  };
  const tools = writeTools(writing);
  const config = writeGenerationConfig(writing, tools.tools !== undefined);
  const contents = writeContents(writing);
  const { toolConfig: _toolConfig, generationConfig: _generationConfig, ...extras } = request.extras.gemini ?? {};
  const body = compact({
    ...extras,
    systemInstruction: writeInstructions(request, config.instruction),
    contents,
    ...tools,
    generationConfig: config.generationConfig,
    safetySettings: request.safety?.settings,
    cachedContent: request.cache.cachedContent,
    labels: writeLabels(writing),
    serviceTier: writeTier(writing),
    ...writeState(writing),
  });
  loseOthers(writing);
  if (writing.failure !== undefined) return fail(writing.failure);
  return ok(compact({ headers: {}, body, losses: writing.losses, restore: restoreOf(writing, config.stopLeft) }));
}

/** Text only; a system instruction's role is ignored. `more` stands in for a setting that the model lacks. */
function writeInstructions(request: CanonicalRequest, more: string | undefined): JsonObject | undefined {
  const texts = [...request.instructions.map(({ text }) => text), ...(more === undefined ? [] : [more])];
  const parts = texts.filter((text) => text !== "").map((text): JsonObject => ({ text }));
  return parts.length === 0 ? undefined : { parts };
}

/** Vertex AI bills by labels: https://cloud.google.com/resource-manager/docs/labels-overview#requirements */
const LABEL_LENGTH_MAX = 63;
const LABELS_MAX = 64;

/** Labels as they came; on Vertex AI the metadata of other clients too. */
function writeLabels(writing: Writing): JsonObject | undefined {
  const { endUser, safetyId, metadata, labels } = writing.request.identity;
  loseGiven(writing, dropped, { "identity.safetyId": safetyId });
  if (!writing.isVertex) {
    loseGiven(writing, dropped, { "identity.endUser": endUser, "identity.metadata": metadata });
    return labels;
  }
  const entries = Object.entries({ ...metadata, ...(endUser === undefined ? {} : { user: endUser }) });
  const bent = entries.slice(0, LABELS_MAX).map(([key, value]) => [label(key), label(value)] as const);
  const isSame = bent.length === entries.length && bent.every(([key, value], at) => isEqual(entries[at], key, value));
  if (!isSame) lose(writing, clamped("identity", "labels are lower-case letters, digits, _ and -, at most 63"));
  const written = { ...Object.fromEntries(bent), ...labels };
  return Object.keys(written).length === 0 ? undefined : written;
}

function label(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "_")
    .slice(0, LABEL_LENGTH_MAX);
}

function isEqual(entry: readonly [string, string] | undefined, key: string, value: string): boolean {
  return entry !== undefined && entry[0] === key && entry[1] === value;
}

type Tier = NonNullable<CanonicalRequest["tier"]>;

/** `ServiceTier` of the SDK; undefined is the default, which is `auto` elsewhere. */
const tiers = {
  auto: undefined,
  default: "standard",
  flex: "flex",
  priority: "priority",
  fast: "priority",
  ultrafast: "priority",
  scale: "priority",
} as const satisfies Record<Tier, string | undefined>;

function writeTier(writing: Writing): string | undefined {
  const { tier, speed } = writing.request;
  if (speed === "fast") lose(writing, emulated("speed", "sent as the tier `priority`"));
  if (tier === undefined) return speed === "fast" ? "priority" : undefined;
  const written = tiers[tier];
  if (written === "priority" && tier !== "priority") lose(writing, emulated("tier", "sent as `priority`"));
  return written;
}

/** What Gemini keeps of a conversation is its log; conversations kept by others cannot be had from here. */
function writeState(writing: Writing): JsonObject {
  const { previousResponseId, conversation, store, background, container, continuation } = writing.request.state ?? {};
  if (previousResponseId !== undefined || conversation !== undefined) {
    const param = previousResponseId === undefined ? "conversation" : "previous_response_id";
    refuse(writing, `\`${param}\` names a conversation that this provider does not have. Send the whole input.`, param);
  }
  if (background === true) {
    refuse(
      writing,
      "This provider cannot answer in the background. Send the request without `background`.",
      "background",
    );
  }
  loseGiven(writing, dropped, { "state.container": container });
  const ownToken = continuation !== undefined && isReadable(writing, continuation, "gemini.continuation");
  if (continuation !== undefined && !ownToken) lose(writing, notPortable("state.continuation"));
  // Elsewhere `store` keeps an answer to be fetched again; here it is a setting of logging, which other clients do not mean.
  if (!writing.isOwn && store === true) lose(writing, dropped("state.store"));
  return compact({
    store: writing.isOwn ? store : undefined,
    continuationToken: ownToken ? continuation.value : undefined,
  });
}

/** What a Responses client gets without asking the provider for it. */
const answered: ReadonlySet<string> = new Set(["reasoning.encrypted_content", "message.output_text.logprobs"]);

/** Settings that have no counterpart here. */
function loseOthers(writing: Writing): void {
  const { request } = writing;
  const { cache, instructions } = request;
  loseGiven(writing, dropped, {
    maxToolCalls: request.maxToolCalls,
    "safety.moderation": request.safety?.moderation,
    contextManagement: request.contextManagement,
    include: request.include?.find((each) => !answered.has(each)),
    "reasoning.openai": request.reasoning.openai,
    "reasoning.binding": request.reasoning.binding,
    prediction: request.prediction,
    "cache.key": cache.key,
    "cache.mode": cache.mode,
    "cache.ttl": cache.ttl,
    "cache.retention": cache.retention,
    "cache.autoMark": cache.autoMark,
  });
  for (const [index, { cache: mark }] of instructions.entries()) {
    loseGiven(writing, dropped, { [`instructions[${index}].cache`]: mark });
  }
  if (cache.prewarm === true) {
    refuse(
      writing,
      "Gemini cannot fill a cache ahead of a request.",
      request.source === "openai-responses" ? "prompt_cache_options.prewarm" : "max_tokens",
    );
  }
  for (const [dialect, members] of Object.entries(request.extras)) {
    if (dialect === "gemini") continue;
    for (const key of Object.keys(members ?? {})) {
      if (!isUsed(request, key)) lose(writing, dropped(`extras.${dialect}.${key}`));
    }
  }
}

/** Anthropic's clients name a server in one place and say where it is in another; the tool's writer has looked there. */
function isUsed({ tools }: CanonicalRequest, key: string): boolean {
  return key === "mcp_servers" && tools.some((tool) => tool.type === "builtin" && tool.tool === "mcp");
}

function restoreOf({ names }: Writing, stop: readonly string[]): Restore | undefined {
  if (names.restored.size === 0 && stop.length === 0) return undefined;
  return compact({
    tools: names.restored.size === 0 ? undefined : names.restored,
    stop: stop.length === 0 ? undefined : stop,
  });
}
