import type { BudgetRange, ThinkingLevel } from "../../translation/reasoning.ts";

/** How a model is told how much to think. */
export type Thinking =
  | { readonly by: "none" }
  /** `thinkingBudget` in tokens. */
  | { readonly by: "budget"; readonly range: BudgetRange }
  /** `thinkingLevel`. */
  | { readonly by: "level"; readonly levels: readonly ThinkingLevel[] };

/** What a generation of models takes in a request. */
export type ModelFacts = {
  readonly thinking: Thinking;
  readonly outputTokensMax: number | undefined;
  /** `candidateCount` of a plain answer; a stream has one candidate. */
  readonly candidatesMax: number;
  /** Whether `temperature`, `topP` and `topK` mean anything. */
  readonly hasSampling: boolean;
  /** Whether the conversation may end with a model content, for the answer to go on from there. */
  readonly takesPrefill: boolean;
  readonly functionNameLengthMax: number;
  /** `parametersJsonSchema` and `responseJsonSchema`, rather than Google's own `Schema`. */
  readonly takesJsonSchema: boolean;
  /** Whether function calls come with ids, to be repeated by their responses. */
  readonly hasCallIds: boolean;
  /** Whether the first function call of a step is refused without a `thoughtSignature`. */
  readonly needsSignatures: boolean;
  /** `functionResponse.parts`. */
  readonly hasMediaInResults: boolean;
  /** Function-calling mode `VALIDATED`. */
  readonly hasValidatedMode: boolean;
  /** Google's own tools beside functions in one request. */
  readonly mixesTools: boolean;
  /** `responseMimeType: "application/json"` in a request that has tools. */
  readonly hasJsonWithTools: boolean;
  /** `fileData` with any https address, rather than Google's own and YouTube's. */
  readonly takesUrls: boolean;
  /** `mediaResolution` on a single part. */
  readonly hasPartResolution: boolean;
};

/** The facts of a model, by its id as it is sent. An unknown model is taken for a new one. */
export function modelFacts(model: string): ModelFacts {
  const id = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
  return rows.reduce<ModelFacts>(
    (facts, [pattern, more]) => (pattern.test(id) ? { ...facts, ...more } : facts),
    newest,
  );
}

/** Gemini 3.x as far as its models agree: https://ai.google.dev/gemini-api/docs/gemini-3 */
const newest: ModelFacts = {
  // Every model since 3.1 has these three; which of them have MINIMAL is told by the rows.
  thinking: { by: "level", levels: ["LOW", "MEDIUM", "HIGH"] },
  outputTokensMax: 65_536,
  // "Multiple candidates is not enabled for this model": googleapis/js-genai#1609.
  candidatesMax: 1,
  hasSampling: true,
  takesPrefill: true,
  functionNameLengthMax: 128,
  takesJsonSchema: true,
  hasCallIds: true,
  needsSignatures: true,
  hasMediaInResults: true,
  hasValidatedMode: true,
  mixesTools: true,
  hasJsonWithTools: true,
  takesUrls: true,
  hasPartResolution: true,
};

const generation25: Partial<ModelFacts> = {
  thinking: budgetThinking(0, 24_576, true),
  candidatesMax: 8,
  functionNameLengthMax: 64,
  hasCallIds: false,
  needsSignatures: false,
  hasMediaInResults: false,
  mixesTools: false,
  hasJsonWithTools: false,
  hasPartResolution: false,
};

const generation20: Partial<ModelFacts> = {
  ...generation25,
  thinking: { by: "none" },
  outputTokensMax: 8192,
  takesJsonSchema: false,
  hasValidatedMode: false,
  takesUrls: false,
};

/** From general to special: each row that fits the id adds to those before it. */
const rows: readonly (readonly [id: RegExp, facts: Partial<ModelFacts>])[] = [
  [/^gemini-(1|2\.0|pro(-vision)?$)/, generation20],
  // "Thinking can't be disabled" for Pro: https://ai.google.dev/gemini-api/docs/thinking
  [/^gemini-2\.5/, generation25],
  [/^gemini-2\.5-pro/, { thinking: budgetThinking(128, 32_768, false) }],
  [/^gemini-2\.5-flash-lite/, { thinking: budgetThinking(512, 24_576, true) }],
  [/^gemini-3-pro/, { thinking: { by: "level", levels: ["LOW", "HIGH"] } }],
  [/^gemini-3(\.[156])?-flash/, { thinking: { by: "level", levels: ["MINIMAL", "LOW", "MEDIUM", "HIGH"] } }],
  // Their migration guide: sampling parameters are ignored now and refused by models to come; a last model turn is refused.
  [/^gemini-(3\.5-flash-lite|3\.[6-9]|3\.\d\d|[4-9])/, { hasSampling: false, takesPrefill: false }],
  [/^gemini-.*-image/, { thinking: { by: "none" }, outputTokensMax: 32_768, candidatesMax: 1 }],
  [/^gemini-.*-(tts|native-audio)/, { thinking: { by: "none" }, outputTokensMax: undefined, candidatesMax: 1 }],
  [/^(gemma|learnlm)/, { ...generation20, outputTokensMax: undefined }],
];

function budgetThinking(minimum: number, maximum: number, canBeOff: boolean): Thinking {
  return { by: "budget", range: { minimum, maximum, canBeOff } };
}
