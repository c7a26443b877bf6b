import type { CanonicalRequest } from "../../canonical/request.ts";
import { stableDigest } from "../../lib/hash.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { qualifiesForStrict } from "../../translation/json-schema.ts";
import { clamped, dropped, emulated, notPortable } from "../../translation/limits.ts";
import { textPart } from "./write-parts.ts";
import { writeJsonSchema } from "./write-tools.ts";
import { lose, refuse, takes, type Writing } from "./writing.ts";

export type WrittenFormat = {
  readonly members: JsonObject;
  /** What the model has to be told besides. */
  readonly instruction: string | undefined;
};

/** `response_format`. Providers that have only JSON mode are given the schema as an instruction. */
export function writeFormat(writing: Writing, request: CanonicalRequest): WrittenFormat {
  const { format } = request.output;
  const { formats } = writing.target.vendor;
  switch (format?.type) {
    case undefined:
      return noFormat;
    case "text":
      return writing.isNative ? formatOf({ type: "text" }) : noFormat;
    case "json":
      return formats === "json_schema" && !writing.isNative ? anyObject(writing) : writeJsonMode(writing, request);
    case "json-schema":
      return formats === "json_object" && !writing.isNative
        ? describedSchema(writing, format)
        : formatOf({ type: "json_schema", json_schema: writeSchemaFormat(writing, format) });
  }
}

const noFormat: WrittenFormat = { members: {}, instruction: undefined };

function formatOf(response_format: JsonObject, instruction?: string): WrittenFormat {
  return { members: { response_format }, instruction };
}

/** OpenAI refuses JSON mode where nothing in the prompt says JSON; other formats do not make their clients say it. */
function writeJsonMode(writing: Writing, { source, instructions }: CanonicalRequest): WrittenFormat {
  const isSaid =
    writing.isNative || source === "openai-responses" || instructions.some(({ text }) => /json/i.test(text));
  return formatOf({ type: "json_object" }, isSaid ? undefined : "Respond with a single JSON object.");
}

function anyObject(writing: Writing): WrittenFormat {
  lose(writing, emulated("output.format", "a schema of any object"));
  return formatOf({ type: "json_schema", json_schema: { name: "response", schema: { type: "object" } } });
}

type SchemaFormat = Extract<NonNullable<CanonicalRequest["output"]["format"]>, { readonly type: "json-schema" }>;

function describedSchema(writing: Writing, { schema, description }: SchemaFormat): WrittenFormat {
  lose(writing, emulated("output.format", "the schema as an instruction"));
  const about = description === undefined ? "" : ` (${description})`;
  const instruction = `Respond with a single JSON object${about} and nothing else. It must match this JSON Schema:\n${JSON.stringify(schema)}`;
  return formatOf({ type: "json_object" }, instruction);
}

/** Without a word on it, the answer is held to its schema wherever that is possible. */
function writeSchemaFormat(writing: Writing, { name, description, schema, strict }: SchemaFormat): JsonObject {
  if (writing.isNative) return compact({ name, description, schema, strict });
  const isStrict = (strict ?? true) && qualifiesForStrict(schema, "openai-strict");
  if (strict === true && !isStrict) lose(writing, dropped("output.format.strict"));
  const adapted = writeJsonSchema(writing, schema, isStrict ? "openai-strict" : "openai", "output.format");
  return compact({ name: name ?? "response", description, schema: adapted, strict: isStrict });
}

/** The settings that say neither what nor how to answer, and those that Chat knows nothing of. */
export function writeSettings(writing: Writing, request: CanonicalRequest): JsonObject {
  refuseState(writing, request);
  loseUnknown(writing, request);
  return compact({
    ...writeOutput(writing, request),
    ...writeCache(writing, request),
    ...writeIdentity(writing, request),
    service_tier: writeTier(writing, request),
    moderation: writeModeration(writing, request),
    store: writeStore(writing, request),
    prediction: writePrediction(request),
  });
}

function writeOutput(writing: Writing, { output }: CanonicalRequest): JsonObject {
  const { verbosity, modalities, audio, image, taskBudget } = output;
  const { vendor, facts } = writing.target;
  const isVerbose = takes(writing, "verbosity") && (writing.isNative || facts.verbosity || !vendor.developerRole);
  if (verbosity !== undefined && !isVerbose) lose(writing, dropped("output.verbosity"));
  if (image !== undefined) lose(writing, dropped("output.image"));
  if (taskBudget !== undefined) lose(writing, dropped("output.taskBudget"));
  if (!writing.isNative) {
    // Voices and modalities go by other names everywhere.
    if (modalities?.some((modality) => modality !== "text")) lose(writing, dropped("output.modalities"));
    if (audio !== undefined) lose(writing, dropped("output.audio"));
  }
  return {
    verbosity: isVerbose ? verbosity : undefined,
    modalities: writing.isNative && modalities !== undefined ? [...modalities] : undefined,
    audio: writing.isNative ? audio : undefined,
  };
}

/** Caching changes no answer, so who cannot be told of it is not told; but cached content is part of the prompt. */
function writeCache(writing: Writing, { cache }: CanonicalRequest): JsonObject {
  const { key, mode, ttl, retention, cachedContent } = cache;
  const { vendor, facts } = writing.target;
  if (cachedContent !== undefined) {
    const message = `The cached content \`${cachedContent}\` is known to Google only, and this model is served by \`${writing.target.options.issuer}\`. Send the content itself.`;
    refuse(writing, "cachedContent", message);
  }
  const hasOptions = writing.isNative || facts.cacheBreakpoints;
  const lifetime = writing.isNative || ttl === "30m" ? ttl : undefined;
  const options: JsonObject = hasOptions ? compact({ mode, ttl: lifetime }) : {};
  return {
    prompt_cache_key: takes(writing, "cache-key") ? key : undefined,
    prompt_cache_options: Object.keys(options).length === 0 ? undefined : options,
    prompt_cache_retention: writing.isNative || vendor.developerRole ? retention : undefined,
  };
}

const SAFETY_ID_LENGTH_MAX = 128;

function writeIdentity(writing: Writing, { identity, state }: CanonicalRequest): JsonObject {
  const { endUser, safetyId, metadata, labels } = identity;
  if (labels !== undefined) lose(writing, dropped("identity.labels"));
  if (writing.isNative) return { user: endUser, safety_identifier: safetyId, metadata: metadata && { ...metadata } };
  // Chat keeps metadata with stored answers and refuses it without.
  const keepsMetadata = takes(writing, "metadata") && state?.store === true;
  if (metadata !== undefined && !keepsMetadata) lose(writing, dropped("identity.metadata"));
  const kept = keepsMetadata && metadata !== undefined ? { ...metadata } : undefined;
  const person = safetyId ?? endUser;
  if (person === undefined) return { metadata: kept };
  if (takes(writing, "safety-identifier")) {
    const both = safetyId !== undefined && takes(writing, "user") ? endUser : undefined;
    return { safety_identifier: shortId(writing, person), user: both, metadata: kept };
  }
  if (takes(writing, "user")) return { user: endUser ?? safetyId, metadata: kept };
  lose(writing, dropped(safetyId === undefined ? "identity.endUser" : "identity.safetyId"));
  return { metadata: kept };
}

/** Claude Code's user id is a JSON text of several ids; the same user always gets the same digest. */
function shortId(writing: Writing, id: string): string {
  if (id.length <= SAFETY_ID_LENGTH_MAX) return id;
  lose(writing, clamped("identity.endUser", "a digest of it"));
  return `user_${stableDigest(id)}`;
}

function writeTier(writing: Writing, { tier, speed }: CanonicalRequest): string | undefined {
  if (writing.isNative) return tier;
  const asked = speed === "fast" ? speed : tier;
  if (asked === undefined) return undefined;
  if (!takes(writing, "service-tier")) {
    if (asked !== "auto" && asked !== "default") lose(writing, dropped(speed === "fast" ? "speed" : "tier"));
    return undefined;
  }
  if (asked !== "ultrafast") return asked;
  lose(writing, clamped("tier", "ultrafast became fast"));
  return "fast";
}

function writeModeration(writing: Writing, { safety }: CanonicalRequest): JsonObject["moderation"] {
  if (safety?.moderation === undefined || takes(writing, "moderation")) return safety?.moderation;
  lose(writing, dropped("safety.moderation"));
  return undefined;
}

/** Nothing is stored in Chat unless it is asked for. */
function writeStore(writing: Writing, { state }: CanonicalRequest): boolean | undefined {
  if (writing.isNative) return state?.store;
  if (state?.store !== true) return undefined;
  if (takes(writing, "store")) return true;
  lose(writing, dropped("state.store"));
  return undefined;
}

function writePrediction({ prediction }: CanonicalRequest): JsonObject | undefined {
  if (prediction === undefined) return undefined;
  const content = typeof prediction === "string" ? prediction : prediction.map(({ text }) => textPart(text));
  return { type: "content", content };
}

/** A conversation that is kept elsewhere cannot be continued from here. */
function refuseState(writing: Writing, { state }: CanonicalRequest): void {
  const { issuer } = writing.target.options;
  const said = `The provider \`${issuer}\` speaks Chat Completions, which`;
  if (state?.previousResponseId !== undefined) {
    const message = `${said} cannot continue a stored response. Send the whole conversation in \`input\`.`;
    refuse(writing, "previous_response_id", message);
  }
  if (state?.conversation !== undefined) {
    refuse(writing, "conversation", `${said} has no stored conversations. Send the whole conversation in \`input\`.`);
  }
  if (state?.background === true) {
    refuse(writing, "background", `${said} has no background mode. Leave \`background\` out, and stream the answer.`);
  }
}

/** What of `include` Chat answers without being asked, or does not have for models that have it elsewhere. */
const harmlessIncludes: readonly string[] = ["message.output_text.logprobs", "reasoning.encrypted_content"];

function loseUnknown(writing: Writing, request: CanonicalRequest): void {
  const { state, source, extras } = request;
  if (state?.container !== undefined) lose(writing, dropped("state.container"));
  if (state?.continuation !== undefined) lose(writing, notPortable("state.continuation"));
  if (request.contextManagement !== undefined) lose(writing, dropped("contextManagement"));
  if (request.maxToolCalls !== undefined) lose(writing, dropped("maxToolCalls"));
  if (request.include?.some((each) => !harmlessIncludes.includes(each))) lose(writing, dropped("include"));
  if (writing.isNative) return;
  for (const key of Object.keys(extras[source] ?? {})) lose(writing, dropped(`extras.${source}.${key}`));
}
