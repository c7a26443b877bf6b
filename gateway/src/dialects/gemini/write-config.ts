import type { Output } from "../../canonical/request.ts";
import { asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { adaptSchema, type SchemaTarget } from "../../translation/json-schema.ts";
import { clampNumber, clamped, dropped, emulated } from "../../translation/limits.ts";
import { writeThinking } from "./write-thinking.ts";
import { lose, loseAll, loseGiven, refuse, type Writing } from "./writing.ts";

export type WrittenConfig = {
  readonly generationConfig: JsonObject | undefined;
  /** What a setting that the model lacks becomes: one more text of the system instruction. */
  readonly instruction: string | undefined;
  /** Stop sequences above the maximum, for the gateway to look for. */
  readonly stopLeft: readonly string[];
};

const STOP_SEQUENCES_MAX = 5;

/** `generationConfig`; `hasTools`: the request declares any. */
export function writeGenerationConfig(writing: Writing, hasTools: boolean): WrittenConfig {
  const { request, isOwn } = writing;
  const own = asObject(request.extras.gemini?.["generationConfig"]);
  const stop = request.sampling.stop ?? [];
  const stopLeft = stop.slice(STOP_SEQUENCES_MAX);
  if (stopLeft.length > 0) {
    lose(writing, emulated("sampling.stop", `${stopLeft.length} of ${stop.length} are looked for by the gateway`));
  }
  const { instruction, ...format } = writeFormat(writing, asString(own?.["responseMimeType"]), hasTools);
  loseGiven(writing, dropped, {
    "output.verbosity": request.output.verbosity,
    "output.taskBudget": request.output.taskBudget,
    "sampling.logitBias": request.sampling.logitBias,
  });
  const generationConfig = compact({
    ...own,
    ...writeSampling(writing),
    stopSequences: stop.length === 0 ? undefined : stop.slice(0, STOP_SEQUENCES_MAX),
    ...format,
    ...writeModalities(writing),
    imageConfig: isOwn ? request.output.image : undefined,
    thinkingConfig: writeThinking(writing),
  });
  return {
    generationConfig: Object.keys(generationConfig).length === 0 ? undefined : generationConfig,
    instruction,
    stopLeft,
  };
}

const LOGPROBS_MAX = 20;

/** Temperatures mean the same on all scales: 0.7 is 0.7, whether it could have been 1 or 2 at most. */
function writeSampling(writing: Writing): JsonObject {
  const { sampling } = writing.request;
  const { logprobs, seed, presencePenalty, frequencyPenalty } = sampling;
  return compact({
    maxOutputTokens: writeMaxTokens(writing),
    ...writeRandomness(writing),
    seed,
    presencePenalty,
    frequencyPenalty,
    candidateCount: writeCandidates(writing),
    responseLogprobs: logprobs === undefined ? undefined : true,
    logprobs:
      logprobs === undefined || logprobs.top === 0
        ? undefined
        : within(writing, "sampling.logprobs.top", logprobs.top, 1, LOGPROBS_MAX),
  });
}

/** The limit includes thinking tokens here as everywhere. */
function writeMaxTokens(writing: Writing): number | undefined {
  const { maxTokens } = writing.request.sampling;
  // Of Anthropic's clients 0 means to fill the cache only, which is refused with the cache settings.
  if (maxTokens === undefined || maxTokens < 1) return undefined;
  return within(writing, "sampling.maxTokens", maxTokens, 1, writing.model.outputTokensMax ?? maxTokens);
}

function writeRandomness(writing: Writing): JsonObject {
  const { temperature, topP, topK } = writing.request.sampling;
  if (!writing.model.hasSampling) {
    const noSampling = (path: string) => dropped(path, "this model samples as it likes");
    loseGiven(writing, noSampling, {
      "sampling.temperature": temperature,
      "sampling.topP": topP,
      "sampling.topK": topK,
    });
    return {};
  }
  // vLLM's clients write -1, Anthropic's may write 0, for no limit.
  if (topK !== undefined && topK < 1) lose(writing, dropped("sampling.topK", "at least 1"));
  return compact({
    temperature: temperature === undefined ? undefined : within(writing, "sampling.temperature", temperature, 0, 2),
    topP: topP === undefined ? undefined : within(writing, "sampling.topP", topP, 0, 1),
    topK: topK === undefined || topK < 1 ? undefined : topK,
  });
}

function within(writing: Writing, path: string, value: number, minimum: number, maximum: number): number {
  const inside = clampNumber(path, value, minimum, maximum);
  loseAll(writing, inside.losses);
  return inside.value;
}

/** Vertex AI's Gemini 3 models do give several (googleapis/python-genai#1723); a stream has one everywhere. */
const VERTEX_CANDIDATES_MAX = 8;

function writeCandidates(writing: Writing): number | undefined {
  const { request, model, isVertex } = writing;
  const { candidates } = request.sampling;
  if (candidates === undefined || candidates <= 1) return candidates;
  const maximum = request.stream ? 1 : isVertex ? VERTEX_CANDIDATES_MAX : model.candidatesMax;
  if (candidates > maximum) {
    const what = request.stream ? "in a stream" : "for one request";
    refuse(
      writing,
      `This model gives at most ${maximum} answer(s) ${what}, not ${candidates}. Ask for fewer.`,
      request.source === "gemini" ? "candidateCount" : "n",
    );
  }
  return candidates;
}

const mimeTypes = {
  text: "text/plain",
  json: "application/json",
  "json-schema": "application/json",
} as const satisfies {
  readonly [T in NonNullable<Output["format"]>["type"]]: string;
};

type WrittenFormat = {
  readonly responseMimeType?: string;
  readonly responseJsonSchema?: JsonObject;
  readonly responseSchema?: JsonObject;
  readonly instruction?: string;
};

/** `ownMimeType`: what the client itself wrote where it is neither text nor JSON, such as `text/x.enum`. */
function writeFormat(writing: Writing, ownMimeType: string | undefined, hasTools: boolean): WrittenFormat {
  const { model, request } = writing;
  const { format } = request.output;
  // Text is what there is without asking, and not every model knows the question.
  if (format === undefined || (format.type === "text" && !writing.isOwn)) return {};
  if (format.type !== "text" && hasTools && !model.hasJsonWithTools) {
    lose(writing, emulated("output.format", "this model has no JSON output beside tools, so it is asked for in words"));
    return { instruction: inWords(format) };
  }
  const responseMimeType = ownMimeType ?? mimeTypes[format.type];
  if (format.type !== "json-schema") return { responseMimeType };
  const schema = named(writing, format);
  // One of a list of values as bare text is asked for with Google's own kind of schema only.
  if (ownMimeType !== undefined || !model.takesJsonSchema) {
    return { responseMimeType, responseSchema: adapted(writing, schema, "gemini-schema", "output.format.schema") };
  }
  return { responseMimeType, responseJsonSchema: writeSchema(writing, schema, "output.format.schema") };
}

type SchemaFormat = Extract<Output["format"], { readonly type: "json-schema" }>;

/** Gemini has no place for the name and description of a schema but the schema itself. */
function named(writing: Writing, { schema, name, description }: SchemaFormat): JsonObject {
  if (writing.isOwn) return schema;
  return compact({ title: name, description, ...schema });
}

function inWords(format: { readonly type: "json" } | SchemaFormat): string {
  const object = "Respond with a single JSON object and nothing else.";
  return format.type === "json" ? object : `${object} It must fit this JSON Schema:\n${JSON.stringify(format.schema)}`;
}

/** A schema as this model takes it; `path` is that of the schema. What a Gemini client wrote as JSON Schema is accepted as it is. */
export function writeSchema(writing: Writing, schema: JsonObject, path: string): JsonObject {
  const { isOwn, model } = writing;
  if (isOwn && model.takesJsonSchema) return schema;
  return adapted(writing, schema, model.takesJsonSchema ? "gemini-json-schema" : "gemini-schema", path);
}

function adapted(writing: Writing, schema: JsonObject, target: SchemaTarget, path: string): JsonObject {
  const result = adaptSchema(schema, target);
  // Its paths begin with `schema`, which ours stand for.
  for (const loss of result.losses) lose(writing, { ...loss, path: path + loss.path.slice("schema".length) });
  return result.schema;
}

/** Text beside audio is refused. Voices and formats of other vendors are not known here. */
function writeModalities(writing: Writing): JsonObject {
  const { modalities, audio } = writing.request.output;
  if (!writing.isOwn)
    loseGiven(writing, dropped, { "output.audio": audio, "output.image": writing.request.output.image });
  const isSpeech = modalities?.includes("audio") === true && !writing.isOwn;
  if (isSpeech && modalities.length > 1) lose(writing, clamped("output.modalities", "audio only"));
  const written = isSpeech ? ["audio"] : modalities;
  const isDefault = !writing.isOwn && written?.every((modality) => modality === "text") === true;
  return compact({
    responseModalities: isDefault ? undefined : written?.map((modality): Json => modality.toUpperCase()),
    speechConfig: writing.isOwn && isObject(audio) ? audio : undefined,
  });
}
