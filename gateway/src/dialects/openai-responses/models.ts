import type { Effort } from "../../canonical/request.ts";

/** What a generation of models takes. Where nothing is known of a model, the client's wish is sent as it is. */
export type ModelFacts = {
  /** False: it refuses `reasoning` and encrypted reasoning ("Encrypted content is not supported with this model"). */
  readonly reasons: boolean | "unknown";
  /** Absent: unknown, or none. From the lowest to the highest. */
  readonly efforts?: readonly Effort[];
  /** Whether `temperature`, `top_p` and logprobs are taken: reasoning models refuse them while they reason. */
  readonly samples: "always" | "without-reasoning" | "never";
  /** The effort when none is asked for is `none`. */
  readonly restsByDefault: boolean;
  /** `prompt_cache_breakpoint` and `prompt_cache_options`, since gpt-5.6. */
  readonly cacheBreakpoints: boolean;
  /** `text.verbosity`, since gpt-5. */
  readonly verbosity: boolean;
  /** Who speaks in instructions: OpenAI's own reasoning models know `developer`, other servers often `system` only. */
  readonly instructionRole: "developer" | "system";
};

type Row = { readonly pattern: RegExp; readonly facts: ModelFacts };

/** OpenAI's models by their ids; the first match counts. Efforts and sampling as the API's error messages name them. */
const rows: readonly Row[] = [
  { pattern: /^(gpt-[34]|gpt-5-chat|chatgpt-|gpt-audio|davinci|babbage)/, facts: plain() },
  { pattern: /^gpt-5\.\d+-chat/, facts: reasoning(["medium"]) },
  { pattern: /^gpt-5-pro/, facts: reasoning(["high"]) },
  { pattern: /^gpt-5-codex/, facts: reasoning(["low", "medium", "high"]) },
  { pattern: /^gpt-5($|-)/, facts: reasoning(["minimal", "low", "medium", "high"]) },
  { pattern: /^gpt-5\.1-codex-max/, facts: reasoning(["low", "medium", "high", "xhigh"]) },
  { pattern: /^gpt-5\.1-codex/, facts: reasoning(["low", "medium", "high"]) },
  { pattern: /^gpt-5\.1(?!\d)/, facts: resting(["none", "low", "medium", "high"]) },
  { pattern: /^gpt-5\.[2-5]-pro/, facts: reasoning(["medium", "high", "xhigh"]) },
  { pattern: /^gpt-5\.[2-5]-codex/, facts: reasoning(["low", "medium", "high", "xhigh"]) },
  { pattern: /^gpt-5\.[2-4](?!\d)/, facts: resting(["none", "low", "medium", "high", "xhigh"]) },
  { pattern: /^gpt-5\.5(?!\d)/, facts: sampling(["none", "low", "medium", "high", "xhigh"]) },
  {
    pattern: /^gpt-(5\.\d|[6-9]|\d\d)/,
    facts: { ...sampling(["none", "low", "medium", "high", "xhigh", "max"]), cacheBreakpoints: true },
  },
  { pattern: /^o\d.*deep-research/, facts: { ...reasoning(["medium"]), verbosity: false } },
  { pattern: /^(o\d|codex-mini|computer-use)/, facts: { ...reasoning(["low", "medium", "high"]), verbosity: false } },
  // Open weights, run by servers that sample as they are told.
  { pattern: /^gpt-oss/, facts: { ...unknown(), efforts: ["low", "medium", "high"] } },
];

/** The facts of a model by its id as sent, with or without `openai/` in front of it. */
export function modelFacts(model: string): ModelFacts {
  const id = model.toLowerCase().replace(/^(openai[/.]|ft:)/, "");
  return rows.find(({ pattern }) => pattern.test(id))?.facts ?? unknown();
}

/** The effort that the model has for the one asked for: the same, else the next higher, else its highest. */
export function nearestEffort(facts: ModelFacts, effort: Effort): Effort {
  const { efforts } = facts;
  if (efforts === undefined || efforts.includes(effort)) return effort;
  const wanted = order.indexOf(effort);
  return efforts.find((each) => order.indexOf(each) >= wanted) ?? efforts.at(-1) ?? effort;
}

const order: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

function reasoning(efforts: readonly Effort[]): ModelFacts {
  return {
    reasons: true,
    efforts,
    samples: "never",
    restsByDefault: false,
    cacheBreakpoints: false,
    verbosity: true,
    instructionRole: "developer",
  };
}

/** Models that can be told not to reason, and sample then. */
function sampling(efforts: readonly Effort[]): ModelFacts {
  return { ...reasoning(efforts), samples: "without-reasoning" };
}

/** Models that do not reason until they are told to. */
function resting(efforts: readonly Effort[]): ModelFacts {
  return { ...sampling(efforts), restsByDefault: true };
}

function plain(): ModelFacts {
  return {
    reasons: false,
    samples: "always",
    restsByDefault: false,
    cacheBreakpoints: false,
    verbosity: false,
    instructionRole: "system",
  };
}

function unknown(): ModelFacts {
  return { ...plain(), reasons: "unknown", verbosity: true };
}
