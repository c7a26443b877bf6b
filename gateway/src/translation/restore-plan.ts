/** What a writer did to a request that shows in the answer; `restore.ts` undoes it on canonical events. */
export type Restore = {
  /** Tool names as sent, by what the client declared; only those that differ, and custom tools that were sent as functions. */
  readonly tools?: ReadonlyMap<string, RestoredTool>;
  /** Stop sequences that the target cannot take: the answer is cut at the first of them. */
  readonly stop?: readonly string[];
  /** A forced tool that stands for structured output: its arguments are the answer's text. */
  readonly jsonTool?: string;
};

/** A tool as the client declared it. */
export type RestoredTool = {
  readonly name: string;
  readonly namespace?: string;
  /** `custom`: sent as a function with one string argument `input`, to be unwrapped. */
  readonly kind: "function" | "custom";
};
