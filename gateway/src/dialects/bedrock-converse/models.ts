import { claudeFacts, type ClaudeFacts } from "../claude-models.ts";

/**
 * What a family of models takes through the Converse API, which is the same for all of them on paper only: much of it is
 * answered with a ValidationException by those that lack it.
 */
export type ModelFacts = {
  /** Facts of Claude models, which take more, by generation. */
  readonly claude: ClaudeFacts | undefined;
  /** Whether `cachePoint` is known. */
  readonly caching: boolean;
  /** Whether a cache point may live for an hour. */
  readonly longCaching: boolean;
  /** `toolChoice`: any tool or a certain one, any tool, or only `auto`. */
  readonly forcing: "tool" | "any" | "none";
  /** Whether the conversation may end with the beginning of the answer. */
  readonly prefill: boolean;
  /** Whether a tool's result may have a status, and pictures in it. */
  readonly richResults: boolean;
  /** Documents, their citations and search results as the models of Anthropic know them. */
  readonly documents: boolean;
  readonly video: boolean;
  readonly audio: boolean;
  /** How the model is told to think, among the additional fields. */
  readonly reasoning: "claude" | "nova" | "effort" | "config" | "none";
  /** Path of top_k among the additional fields; none: not known. */
  readonly topK: readonly string[] | undefined;
  /** `outputConfig.textFormat` */
  readonly structuredOutput: boolean;
  /** What the model itself takes as an id of a call; the API takes `.` and `:` too, and some models mean something by them. */
  readonly callId: RegExp;
};

const STRICT_CALL_ID = /^[a-zA-Z0-9_-]+$/;

const other: ModelFacts = {
  claude: undefined,
  caching: false,
  longCaching: false,
  forcing: "any",
  prefill: false,
  richResults: false,
  documents: false,
  video: false,
  audio: false,
  reasoning: "none",
  topK: undefined,
  structuredOutput: false,
  // Recorded with Kimi: `functions.get_temperature:0`.
  callId: /^[a-zA-Z0-9_.:-]+$/,
};

const nova: ModelFacts = {
  ...other,
  caching: true,
  forcing: "tool",
  prefill: true,
  richResults: true,
  video: true,
  topK: ["inferenceConfig", "topK"],
  callId: STRICT_CALL_ID,
};

const openWeight: ModelFacts = { ...other, structuredOutput: true };

/**
 * By a pattern in the model's id, the first that matches. An ARN of an inference profile of one's own says nothing about its
 * model; that is `other`.
 *
 * Sources: the SDK's notes on single fields, AWS's tables of supported models and features, and recorded requests that were
 * accepted: `reasoningConfig` of Nova 2, `reasoning_effort` of gpt-oss, `reasoning_config` of Qwen, `textFormat` of Gemma,
 * MiniMax and Claude.
 */
const families: readonly { readonly pattern: RegExp; readonly facts: ModelFacts }[] = [
  { pattern: /nova-2/, facts: { ...nova, reasoning: "nova", audio: true } },
  { pattern: /nova-/, facts: nova },
  { pattern: /gpt-oss/, facts: { ...openWeight, reasoning: "effort" } },
  { pattern: /qwen3/, facts: { ...openWeight, reasoning: "config" } },
  { pattern: /gemma-3|minimax|kimi|moonshot|deepseek\.v3|nemotron|magistral|ministral/, facts: openWeight },
  { pattern: /voxtral/, facts: { ...openWeight, audio: true } },
  { pattern: /llama|titan|deepseek\.r1/, facts: { ...other, forcing: "none" } },
];

/** The facts of a model, by its id as Bedrock knows it (`us.anthropic.claude-sonnet-4-6`, an ARN that ends with one). */
export function modelFacts(model: string): ModelFacts {
  const id = model.toLowerCase();
  if (id.includes("claude")) return ofClaude(claudeFacts(id), id);
  return families.find(({ pattern }) => pattern.test(id))?.facts ?? other;
}

function ofClaude(claude: ClaudeFacts, id: string): ModelFacts {
  return {
    claude,
    caching: !/claude-(v2|instant|3-(opus|sonnet|haiku|5-sonnet))/.test(id),
    // The hour came with the generation that also has structured output.
    longCaching: claude.structuredOutput,
    forcing: claude.forcedTools ? "tool" : "none",
    prefill: claude.prefill,
    richResults: true,
    documents: true,
    video: false,
    audio: false,
    reasoning: "claude",
    topK: ["top_k"],
    structuredOutput: claude.structuredOutput,
    callId: STRICT_CALL_ID,
  };
}
