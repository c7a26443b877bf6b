/*
 * What providers of this format do differently, by the kind of provider. Sources: their API references, the checks in their
 * own SDKs, and issues of clients that met the 400 (Mistral 3230 "Unexpected role 'user' after role 'tool'", Moonshot
 * "reasoning_content is missing in assistant tool call message", DeepSeek "must be passed back to the API", Qwen's template
 * "System message must be at the beginning").
 *
 * These facts apply to what comes from other formats. A client that speaks Chat itself knows its provider; what it sent is
 * written as it sent it.
 */

/** Optional members of a request that not every provider takes. */
export type Feature =
  | "seed"
  | "penalties"
  | "top-k"
  | "candidates"
  | "logprobs"
  | "parallel-tool-calls"
  | "allowed-tools"
  | "strict-tools"
  | "user"
  | "safety-identifier"
  | "metadata"
  | "store"
  | "moderation"
  | "service-tier"
  | "verbosity"
  | "cache-key"
  | "file-ids"
  | "document-urls"
  | "videos";

export type Vendor = {
  readonly takes: readonly Feature[];
  /** Whether there is a role `developer` beside `system`. */
  readonly developerRole: boolean;
  /** Whether free-form tools exist, for models that know them. */
  readonly customTools: boolean;
  /** Where system messages may stand: anywhere, only before the conversation, or only as the one first message. */
  readonly instructions: "anywhere" | "leading" | "single";
  /** Whether content may be a list of parts where all of it is text. Everybody takes lists with pictures. */
  readonly textParts: boolean;
  /** Of `max_completion_tokens` and `max_tokens`, which one limits the answer. The provider's trait wins. */
  readonly maxTokensField: "max_completion_tokens" | "max_tokens";
  /** How many stop sequences are taken. */
  readonly stopMax: number;
  readonly temperatureMax: number;
  /** Models that sample in their own way only. */
  readonly fixedSampling: RegExp | undefined;
  readonly seedField: "seed" | "random_seed";
  /** Kinds of structured output. */
  readonly formats: "both" | "json_object" | "json_schema";
  /** `auto`: calls can be neither forced nor forbidden. */
  readonly toolChoices: "all" | "auto";
  /** How cache marks of other formats are written. */
  readonly cacheMarks: "breakpoints" | "cache_control" | "none";
  /** Where the reasoning of earlier turns goes. */
  readonly replay: Replay | undefined;
  /** Text for assistant turns whose reasoning is not known, where the provider refuses a turn without. */
  readonly missingReasoning: MissingReasoning | undefined;
  /** Whether an assistant has to speak between tool results and the user. */
  readonly bridgesToolResults: boolean;
  /** Length of tool call ids where it is fixed; they are then of letters and digits alone. */
  readonly toolCallIdLength: number | undefined;
};

export type Replay = {
  readonly as: "reasoning_content" | "reasoning" | "reasoning_details" | "thinking_parts";
  /** Models that know what to do with it; absent: all. */
  readonly models?: RegExp;
};

export type MissingReasoning = { readonly models: RegExp; readonly turns: "all" | "with-calls"; readonly text: string };

/** Models that were trained to see their own earlier reasoning as plain text, whoever serves them. */
const replaying = /deepseek|kimi|glm|minimax|mimo|qwen-?3|gpt-oss|nemotron|step-?3/;

const classic: readonly Feature[] = ["seed", "penalties", "candidates", "logprobs", "parallel-tool-calls", "user"];

/** A server of which nothing is known gets the forms that every server takes. */
const unknown: Vendor = {
  takes: classic,
  developerRole: false,
  customTools: false,
  instructions: "single",
  textParts: false,
  maxTokensField: "max_tokens",
  stopMax: 4,
  temperatureMax: 2,
  fixedSampling: undefined,
  seedField: "seed",
  formats: "both",
  toolChoices: "all",
  cacheMarks: "none",
  replay: { as: "reasoning_content", models: replaying },
  missingReasoning: undefined,
  bridgesToolResults: false,
  toolCallIdLength: undefined,
};

const hosted: Vendor = { ...unknown, instructions: "anywhere", textParts: true };

const openai: Vendor = {
  ...hosted,
  takes: [
    ...classic,
    "allowed-tools",
    "strict-tools",
    "safety-identifier",
    "metadata",
    "store",
    "moderation",
    "service-tier",
    "verbosity",
    "cache-key",
    "file-ids",
  ],
  developerRole: true,
  customTools: true,
  maxTokensField: "max_completion_tokens",
  cacheMarks: "breakpoints",
  // Chat never takes reasoning; OpenAI's models remember it in Responses only.
  replay: undefined,
};

/** The models of these servers come with templates that allow a single system message, at the beginning. */
const local: Vendor = { ...unknown, textParts: true, takes: [...classic, "top-k"] };

const vendors: { readonly [kind: string]: Vendor } = {
  openai,
  "azure-openai": {
    ...openai,
    takes: openai.takes.filter((feature) => !["safety-identifier", "moderation", "service-tier"].includes(feature)),
    replay: { as: "reasoning_content", models: replaying },
  },
  gemini: { ...hosted, takes: ["candidates"], replay: undefined },
  xai: {
    ...hosted,
    takes: ["seed", "candidates", "logprobs", "parallel-tool-calls", "user"],
    maxTokensField: "max_completion_tokens",
    // Its reasoning models, which are all it has, refuse `stop` and the penalties.
    stopMax: 0,
    replay: undefined,
  },
  mistral: {
    ...hosted,
    takes: ["seed", "penalties", "candidates", "parallel-tool-calls", "strict-tools"],
    instructions: "leading",
    temperatureMax: 1.5,
    seedField: "random_seed",
    replay: { as: "thinking_parts", models: /magistral|mistral-(small|medium)/ },
    bridgesToolResults: true,
    toolCallIdLength: 9,
  },
  deepseek: {
    ...hosted,
    takes: ["penalties"],
    textParts: false,
    stopMax: 16,
    formats: "json_object",
    replay: { as: "reasoning_content" },
    missingReasoning: { models: /./, turns: "all", text: "" },
  },
  moonshot: {
    ...hosted,
    takes: ["penalties", "candidates", "cache-key", "safety-identifier", "videos"],
    textParts: false,
    temperatureMax: 1,
    fixedSampling: /kimi-k(2\.[5-9]|[3-9])/,
    replay: { as: "reasoning_content" },
    // An empty text counts as missing.
    missingReasoning: {
      models: /kimi-k(2\.[5-9]|2-thinking|[3-9])/,
      turns: "with-calls",
      text: "[no reasoning recorded]",
    },
  },
  zai: {
    ...hosted,
    takes: ["videos"],
    temperatureMax: 1,
    stopMax: 1,
    formats: "json_object",
    toolChoices: "auto",
    replay: { as: "reasoning_content" },
  },
  perplexity: {
    ...hosted,
    takes: ["penalties", "top-k"],
    instructions: "leading",
    formats: "json_schema",
    replay: undefined,
  },
  groq: {
    ...hosted,
    takes: ["seed", "parallel-tool-calls", "user"],
    maxTokensField: "max_completion_tokens",
    replay: { as: "reasoning", models: /gpt-oss|qwen/ },
  },
  cerebras: {
    ...hosted,
    takes: ["seed", "logprobs", "parallel-tool-calls", "user", "strict-tools"],
    maxTokensField: "max_completion_tokens",
    replay: { as: "reasoning", models: replaying },
  },
  together: { ...hosted, takes: ["seed", "penalties", "candidates", "logprobs", "top-k"] },
  fireworks: { ...hosted, takes: [...classic, "top-k"] },
  openrouter: {
    ...hosted,
    takes: [
      "seed",
      "penalties",
      "top-k",
      "logprobs",
      "parallel-tool-calls",
      "strict-tools",
      "user",
      "verbosity",
      "document-urls",
      "videos",
    ],
    cacheMarks: "cache_control",
    replay: { as: "reasoning_details" },
  },
  ollama: { ...local, takes: ["seed", "penalties"], replay: { as: "reasoning", models: replaying } },
  vllm: { ...local, takes: [...local.takes, "videos"], replay: { as: "reasoning", models: replaying } },
  lmstudio: { ...local, formats: "json_schema" },
  llamacpp: local,
};

export function vendorOf(kind: string): Vendor {
  return (Object.hasOwn(vendors, kind) ? vendors[kind] : undefined) ?? unknown;
}
