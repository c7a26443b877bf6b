import type { Effort, Output, Reasoning, Sampling } from "../../canonical/request.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { field, list, number, rest, spellings } from "./fields.ts";
import { readSchema } from "./read-tools.ts";

/** `temperature` goes from 0 to 2. */
export function readSampling(config: JsonObject): Sampling {
  const stop = list(field(config, "stopSequences")).filter((each) => typeof each === "string");
  const wantsLogprobs = field(config, "responseLogprobs") === true;
  return {
    temperatureMax: 2,
    ...compact({
      maxTokens: number(field(config, "maxOutputTokens")),
      temperature: number(field(config, "temperature")),
      topP: number(field(config, "topP")),
      topK: number(field(config, "topK")),
      seed: number(field(config, "seed")),
      presencePenalty: number(field(config, "presencePenalty")),
      frequencyPenalty: number(field(config, "frequencyPenalty")),
      stop: stop.length === 0 ? undefined : stop,
      candidates: number(field(config, "candidateCount")),
      logprobs: wantsLogprobs ? { top: number(field(config, "logprobs")) ?? 0 } : undefined,
    }),
  };
}

/** `thinkingBudget`: 0 off, -1 as the model likes, else tokens; or `thinkingLevel`. Without `thinkingConfig` nothing is asked. */
export function readReasoning(config: JsonObject): Reasoning {
  const thinking = asObject(field(config, "thinkingConfig"));
  if (thinking === undefined) return { mode: "default" };
  const budget = number(field(thinking, "thinkingBudget"));
  const level = asString(field(thinking, "thinkingLevel"))?.toUpperCase() ?? "";
  const visible = field(thinking, "includeThoughts") === true ? "auto" : "none";
  return {
    mode: budget === undefined ? "default" : budgetMode(budget),
    visible,
    ...compact({
      budgetTokens: budget !== undefined && budget > 0 ? budget : undefined,
      effort: Object.hasOwn(efforts, level) ? efforts[level] : undefined,
    }),
  };
}

const efforts: Readonly<Record<string, Effort>> = { MINIMAL: "minimal", LOW: "low", MEDIUM: "medium", HIGH: "high" };

function budgetMode(budget: number): Reasoning["mode"] {
  if (budget === 0) return "off";
  return budget < 0 ? "auto" : "budget";
}

export function readOutput(config: JsonObject): Output {
  const modalities = list(field(config, "responseModalities")).filter((each) => typeof each === "string");
  return compact({
    format: readFormat(config),
    modalities: modalities.length === 0 ? undefined : modalities.map((modality) => modality.toLowerCase()),
    audio: field(config, "speechConfig"),
    image: field(config, "imageConfig"),
  });
}

/** `text/x.enum` answers one of the schema's values as bare text; its mime type is kept in the extras. */
function readFormat(config: JsonObject): Output["format"] {
  const mimeType = asString(field(config, "responseMimeType"));
  const schema = readSchema(config, "responseJsonSchema", "responseSchema") ?? asObject(config["_responseJsonSchema"]);
  if (schema !== undefined) return { type: "json-schema", schema, strict: true };
  if (mimeType === "application/json") return { type: "json" };
  return mimeType === "text/plain" ? { type: "text" } : undefined;
}

const known = spellings([
  "maxOutputTokens",
  "temperature",
  "topP",
  "topK",
  "seed",
  "presencePenalty",
  "frequencyPenalty",
  "stopSequences",
  "candidateCount",
  "responseLogprobs",
  "logprobs",
  "thinkingConfig",
  "responseModalities",
  "speechConfig",
  "imageConfig",
  "responseMimeType",
  "responseSchema",
  "responseJsonSchema",
  "_responseJsonSchema",
]);

/** Settings that the canonical form has no name for. */
export function unreadConfig(config: JsonObject): JsonObject | undefined {
  const mimeType = asString(field(config, "responseMimeType"));
  const isOddMimeType = mimeType !== undefined && mimeType !== "application/json" && mimeType !== "text/plain";
  const others = rest(config, known);
  return isOddMimeType ? { responseMimeType: mimeType, ...others } : others;
}
