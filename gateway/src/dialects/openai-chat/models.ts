import type { Effort } from "../../canonical/request.ts";

/*
 * What OpenAI's models take, told from their ids. Sources: the reference of `reasoning_effort` in OpenAI's API ("all models
 * before gpt-5.1 … do not support none", "gpt-5-pro … only supports high", "xhigh is supported for all models after
 * gpt-5.1-codex-max"), its guides on reasoning, custom tools and prompt caching, and the 400s that models answer with.
 */

/** What a model of OpenAI's takes; of others nothing is known here, and `vendors.ts` says what can be assumed. */
export type ModelFacts = {
  /**
   * A reasoning model (o-series, gpt-5 and later): instructions come from a `developer`, sampling is fixed unless it is told
   * not to reason, `stop` and `max_tokens` are refused.
   */
  readonly reasoning: boolean;
  /** What `reasoning_effort` may say, weakest first; empty: the model has no such setting. */
  readonly efforts: readonly Effort[];
  readonly parallelToolCalls: boolean;
  readonly customTools: boolean;
  readonly verbosity: boolean;
  /** `prompt_cache_breakpoint` and `prompt_cache_options`. */
  readonly cacheBreakpoints: boolean;
  /** Searches the web by itself, and is told how by `web_search_options`. */
  readonly search: boolean;
};

const plain: ModelFacts = {
  reasoning: false,
  efforts: [],
  parallelToolCalls: true,
  customTools: false,
  verbosity: false,
  cacheBreakpoints: false,
  search: false,
};

const gpt5: ModelFacts = { ...plain, reasoning: true, customTools: true, verbosity: true };
const lowToHigh = ["low", "medium", "high"] as const;

/** Generations by the beginning of their ids; the first match counts. */
const generations: readonly { readonly pattern: RegExp; readonly facts: ModelFacts }[] = [
  { pattern: /-search-(preview|api)/, facts: { ...plain, search: true } },
  { pattern: /^gpt-5-chat/, facts: plain },
  { pattern: /^o\d/, facts: { ...plain, reasoning: true, efforts: lowToHigh, parallelToolCalls: false } },
  { pattern: /^(codex-|computer-use)/, facts: { ...plain, reasoning: true, efforts: lowToHigh } },
  { pattern: /^gpt-5-pro/, facts: { ...gpt5, efforts: ["high"] } },
  { pattern: /^gpt-5(\.1)?-codex(?!-max)/, facts: { ...gpt5, efforts: lowToHigh } },
  { pattern: /^gpt-5(?![.\d])/, facts: { ...gpt5, efforts: ["minimal", ...lowToHigh] } },
  { pattern: /^gpt-5\.[1-5]-chat/, facts: { ...gpt5, efforts: ["medium"] } },
  { pattern: /^gpt-5\.[1-5]-codex/, facts: { ...gpt5, efforts: [...lowToHigh, "xhigh"] } },
  { pattern: /^gpt-5\.[1-5]-pro/, facts: { ...gpt5, efforts: ["medium", "high", "xhigh"] } },
  { pattern: /^gpt-5\.1(?!\d)/, facts: { ...gpt5, efforts: ["none", ...lowToHigh] } },
  { pattern: /^gpt-5\.[2-5](?!\d)/, facts: { ...gpt5, efforts: ["none", ...lowToHigh, "xhigh"] } },
  {
    pattern: /^gpt-(5\.([6-9]|\d\d)|[6-9])(?!\d)/,
    facts: { ...gpt5, efforts: ["none", ...lowToHigh, "xhigh", "max"], cacheBreakpoints: true },
  },
];

/** `model` as it is sent; a reseller's prefix (`openai/`) and that of fine-tuned models (`ft:`) do not count. */
export function modelFacts(model: string): ModelFacts {
  const id = bareModel(model).replace(/^ft:/, "");
  return generations.find(({ pattern }) => pattern.test(id))?.facts ?? plain;
}

/** The id without vendor folders, in lower case: `accounts/fireworks/models/Kimi-K2` is `kimi-k2`. */
export function bareModel(model: string): string {
  return model.slice(model.lastIndexOf("/") + 1).toLowerCase();
}
