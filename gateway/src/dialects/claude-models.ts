import type { AnthropicEffort } from "../translation/reasoning.ts";

export type ThinkingType = "adaptive" | "enabled" | "disabled" | "between_tools";

/*
 * What the generations of Claude models take, wherever they are served: the same models are behind the Messages API, and behind
 * the Converse API of Bedrock.
 */

/** What a generation of models takes; everything else is answered with a 400. */
export type ClaudeFacts = {
  /** Upper limit of `max_tokens`; absent: not known, so nothing is lowered. */
  readonly outputTokensMax?: number;
  /** `max_tokens` for clients that set no limit: the API wants one. */
  readonly outputTokensDefault: number;
  /** Accepted values of `thinking.type`; none: the model does not think. */
  readonly thinking: readonly ThinkingType[];
  /** Accepted values of `output_config.effort`. */
  readonly efforts: readonly AnthropicEffort[];
  /** Whether `thinking.display` is known. */
  readonly display: boolean;
  /** Temperature, top_p and top_k: `one` of temperature and top_p at a time, `both`, or `none` but the defaults. */
  readonly sampling: "both" | "one" | "none";
  /** Whether the conversation may end with the beginning of the answer. */
  readonly prefill: boolean;
  /** Whether `tool_choice` may be `any` or `tool`. */
  readonly forcedTools: boolean;
  /** Whether messages may have the role `system`. */
  readonly systemTurns: boolean;
  /** Whether `output_config.format` and strict tools are known. */
  readonly structuredOutput: boolean;
  readonly toolNameLengthMax: number;
  readonly apiVersion: ApiVersion;
};

/** `2026-10-21` has no sampling parameters. */
export type ApiVersion = "2023-06-01" | "2026-10-21";

const allEfforts = ["low", "medium", "high", "xhigh", "max"] as const;

/** Thinking is always on and adapts; neither sampling, prefill nor forced tools. */
const alwaysThinking: ClaudeFacts = {
  outputTokensMax: 128_000,
  outputTokensDefault: 128_000,
  thinking: ["adaptive"],
  efforts: allEfforts,
  display: true,
  sampling: "none",
  prefill: false,
  forcedTools: false,
  systemTurns: true,
  structuredOutput: true,
  toolNameLengthMax: 128,
  apiVersion: "2026-10-21",
};

const adaptive: ClaudeFacts = { ...alwaysThinking, thinking: ["adaptive", "disabled"], forcedTools: true };

/** Thinking by budget, up to the generation of 4.5. */
const manual: ClaudeFacts = {
  ...adaptive,
  outputTokensMax: 64_000,
  outputTokensDefault: 64_000,
  thinking: ["enabled", "disabled"],
  efforts: [],
  sampling: "one",
  prefill: true,
  systemTurns: false,
};

const unstructured: ClaudeFacts = { ...manual, structuredOutput: false };

const claude3: ClaudeFacts = {
  ...unstructured,
  outputTokensMax: 4096,
  outputTokensDefault: 4096,
  thinking: [],
  display: false,
  sampling: "both",
  toolNameLengthMax: 64,
};

/**
 * By a pattern in the model's id, the first that matches. Ids come with prefixes and suffixes of the clouds
 * (`us.anthropic.claude-opus-4-6-v1:0`, `claude-sonnet-4-5@20250929`) and with dots for dashes (`anthropic/claude-opus-4.6`).
 *
 * Sources: Anthropic's model overviews and migration guides (limits, thinking types, efforts, prefill, forced tools, system
 * messages), and recorded refusals: `xhigh` by Opus 4.6, prefill by Sonnet 5. Where sources disagree (Sonnet 5 and system
 * messages), what every model accepts is assumed.
 */
const generations: readonly { readonly pattern: RegExp; readonly facts: ClaudeFacts }[] = [
  { pattern: version("(fable|mythos)-5-[12]"), facts: alwaysThinking },
  { pattern: version("opus-5-5"), facts: alwaysThinking },
  { pattern: version("sonnet-5-5"), facts: { ...alwaysThinking, thinking: ["adaptive", "between_tools"] } },
  { pattern: version("haiku-5-5"), facts: adaptive },
  { pattern: version("(fable|mythos)-5"), facts: { ...alwaysThinking, forcedTools: true } },
  { pattern: version("opus-(5|4-8)"), facts: adaptive },
  { pattern: version("(sonnet-5|opus-4-7)"), facts: { ...adaptive, systemTurns: false } },
  {
    pattern: version("mythos-preview"),
    facts: { ...alwaysThinking, efforts: ["low", "medium", "high", "max"], forcedTools: true, systemTurns: false },
  },
  {
    pattern: version("(opus|sonnet)-4-6"),
    facts: {
      ...adaptive,
      thinking: ["adaptive", "enabled", "disabled"],
      efforts: ["low", "medium", "high", "max"],
      sampling: "one",
      systemTurns: false,
    },
  },
  { pattern: version("opus-4-5"), facts: { ...manual, efforts: ["low", "medium", "high"] } },
  { pattern: version("(sonnet|haiku)-4-5"), facts: manual },
  { pattern: version("opus-4-1"), facts: { ...manual, outputTokensMax: 32_000, outputTokensDefault: 32_000 } },
  { pattern: version("(sonnet-4|4-sonnet)(-0)?"), facts: unstructured },
  {
    pattern: version("(opus-4|4-opus)(-0)?"),
    facts: { ...unstructured, outputTokensMax: 32_000, outputTokensDefault: 32_000 },
  },
  { pattern: version("3-7-sonnet"), facts: { ...unstructured, display: false, sampling: "both" } },
  { pattern: /claude-3-5/, facts: { ...claude3, outputTokensMax: 8192, outputTokensDefault: 8192 } },
  { pattern: /claude-([23]|instant)/, facts: claude3 },
];

/** A whole version: a date or a cloud's suffix may follow, but not another number. */
function version(text: string): RegExp {
  return new RegExp(`claude-${text}(?!\\d|-\\d{1,2}(?!\\d))`);
}

/** A model that is not in the table is probably newer: what the newest accept, and Claude Code's limit for such ids. */
const unknownClaude: ClaudeFacts = withoutLimit({ ...alwaysThinking, systemTurns: false }, 32_000);

/** Other vendors' models behind an endpoint of this format: the API as it was when they imitated it. */
const otherVendor: ClaudeFacts = {
  ...withoutLimit({ ...unstructured, display: false, sampling: "both" }, 4096),
  toolNameLengthMax: 64,
  apiVersion: "2023-06-01",
};

/** The facts of a model, by its id as the provider knows it. */
export function claudeFacts(model: string): ClaudeFacts {
  const id = model.toLowerCase().replaceAll(".", "-");
  const generation = generations.find(({ pattern }) => pattern.test(id));
  return generation?.facts ?? (id.includes("claude") ? unknownClaude : otherVendor);
}

function withoutLimit(facts: ClaudeFacts, outputTokensDefault: number): ClaudeFacts {
  const { outputTokensMax: _outputTokensMax, ...rest } = facts;
  return { ...rest, outputTokensDefault };
}
