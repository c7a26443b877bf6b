import type { Effort } from "../../canonical/request.ts";

/** How a model is told how much to reason. */
export type EffortControl = {
  /**
   * `reasoning_effort` alone; `thinking` says whether to reason at all (`{"type":"disabled"}`) with `reasoning_effort` for how
   * much; `reasoning` is OpenRouter's object.
   */
  readonly by: "reasoning_effort" | "thinking" | "reasoning";
  /** Weakest first; empty where there is only on and off. */
  readonly efforts: readonly Effort[];
};

const lowToHigh = ["low", "medium", "high"] as const;
const every = ["minimal", ...lowToHigh, "xhigh", "max"] as const;
const gptOss = { model: /gpt-oss/, by: "reasoning_effort", efforts: lowToHigh } as const;
const openModels = /gpt-oss|deepseek|glm|kimi|minimax|qwen-?3/;

/** By kind of provider, then by model; the first match counts. What has no row is not told. */
const controls: { readonly [kind: string]: readonly (EffortControl & { readonly model: RegExp })[] } = {
  // DeepSeek itself maps what it does not have to low, high and max.
  deepseek: [{ model: /./, by: "thinking", efforts: ["none", ...every] }],
  zai: [
    { model: /glm-5\.2/, by: "thinking", efforts: ["none", ...every] },
    { model: /glm-5\.\d/, by: "thinking", efforts: ["low", "high", "max"] },
    { model: /glm-(4\.[5-9]|5)/, by: "thinking", efforts: ["none"] },
  ],
  moonshot: [{ model: /kimi-k2\.[5-9]/, by: "thinking", efforts: ["none"] }],
  xai: [
    { model: /grok-3-mini/, by: "reasoning_effort", efforts: ["low", "high"] },
    { model: /grok-4\.3/, by: "reasoning_effort", efforts: ["none", ...lowToHigh] },
    { model: /grok-(4\.[5-9]|[5-9])/, by: "reasoning_effort", efforts: lowToHigh },
  ],
  gemini: [{ model: /gemini-(2\.5|[3-9])/, by: "reasoning_effort", efforts: ["minimal", ...lowToHigh] }],
  perplexity: [
    { model: /sonar-(deep-research|reasoning)/, by: "reasoning_effort", efforts: ["minimal", ...lowToHigh] },
  ],
  openrouter: [{ model: /./, by: "reasoning", efforts: ["none", "minimal", ...lowToHigh, "xhigh"] }],
  groq: [gptOss, { model: /qwen-?3/, by: "reasoning_effort", efforts: ["none"] }],
  cerebras: [gptOss, { model: /glm/, by: "reasoning_effort", efforts: ["none"] }],
  fireworks: [{ model: openModels, by: "reasoning_effort", efforts: ["none", ...lowToHigh] }],
  ollama: [{ model: openModels, by: "reasoning_effort", efforts: ["none", ...lowToHigh] }],
};

/** `model` without vendor folders. Undefined: the model cannot be told, as far as is known. */
export function effortControl(kind: string, model: string): EffortControl | undefined {
  const rows = (Object.hasOwn(controls, kind) ? controls[kind] : undefined) ?? [gptOss];
  return rows.find((row) => row.model.test(model));
}

const order: readonly Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

export function isEffort(text: string): text is Effort {
  return order.some((effort) => effort === text);
}

/**
 * The nearest effort that is taken: the strongest that is no stronger than what was asked, so that nobody pays for more
 * reasoning than they wanted; or the weakest there is. Being told to reason never turns into not reasoning. Undefined where
 * nothing is taken.
 */
export function nearestEffort(asked: Effort, taken: readonly Effort[]): Effort | undefined {
  if (taken.includes(asked)) return asked;
  const choices = asked === "none" ? taken : taken.filter((effort) => effort !== "none");
  return choices.findLast((effort) => order.indexOf(effort) < order.indexOf(asked)) ?? choices[0];
}
