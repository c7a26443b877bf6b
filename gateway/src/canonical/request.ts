import type { Json, JsonObject } from "../lib/json.ts";
import type { Block, CacheMark, Extras, Opaque, TextBlock, ToolKind } from "./block.ts";
import type { ClientDialectId, DialectId } from "./dialect-id.ts";
import type { CacheTtl } from "./usage.ts";

/** A conversation request in no vendor's format. Turns keep the client's message boundaries, so that nothing is merged twice. */
export type CanonicalRequest = {
  readonly source: ClientDialectId;
  readonly model: string;
  readonly stream: boolean;
  /** Leading system or developer text, one entry per source message or block; never joined. */
  readonly instructions: readonly SystemBlock[];
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  /** Absent: the provider's default. */
  readonly toolChoice?: ToolChoice;
  /** Absent: the provider's default (true everywhere). */
  readonly parallelToolCalls?: boolean;
  readonly maxToolCalls?: number;
  readonly sampling: Sampling;
  readonly reasoning: Reasoning;
  readonly output: Output;
  readonly cache: CacheOptions;
  readonly identity: {
    readonly endUser?: string;
    readonly safetyId?: string;
    readonly metadata?: { readonly [key: string]: string };
    readonly labels?: { readonly [key: string]: string };
  };
  readonly tier?: "auto" | "default" | "flex" | "priority" | "fast" | "ultrafast" | "scale";
  readonly speed?: "standard" | "fast";
  readonly safety?: { readonly settings?: Json; readonly moderation?: Json };
  readonly state?: {
    readonly previousResponseId?: string;
    readonly conversation?: Json;
    readonly store?: boolean;
    readonly background?: boolean;
    readonly container?: Json;
    readonly continuation?: Opaque;
  };
  readonly contextManagement?: Json;
  readonly prediction?: string | readonly TextBlock[];
  readonly include?: readonly string[];
  readonly headers: { readonly anthropicVersion?: string; readonly betas: readonly string[] };
  readonly extras: Extras;
};

export type SystemBlock = {
  readonly text: string;
  readonly authority: "system" | "developer";
  readonly cache?: CacheMark;
  readonly name?: string;
  readonly extras?: Extras;
};

export type Turn = {
  /** `system` is a mid-conversation instruction, which keeps its position. */
  readonly role: "user" | "assistant" | "system";
  readonly authority?: "system" | "developer";
  readonly blocks: readonly Block[];
  readonly id?: string;
  readonly name?: string;
  readonly status?: string;
  readonly phase?: string;
  readonly clearAt?: string;
  readonly effortFromHere?: string;
  readonly toolsFromHere?: { readonly add: readonly Tool[]; readonly remove: readonly ToolReference[] };
  /** Index of the first source message or item that this turn came from. */
  readonly boundary: number;
  readonly extras?: Extras;
};

export type Sampling = {
  /** Includes reasoning tokens. */
  readonly maxTokens?: number;
  /** On the source's own scale, see `temperatureMax`. */
  readonly temperature?: number;
  /** Upper bound of the source format's temperature range. */
  readonly temperatureMax: 1 | 2;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly logitBias?: { readonly [token: string]: number };
  readonly stop?: readonly string[];
  /** `n`, `candidateCount`. */
  readonly candidates?: number;
  readonly logprobs?: { readonly top: number };
};

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

export type Reasoning = {
  readonly mode: "default" | "off" | "auto" | "budget" | "between-tools";
  readonly effort?: Effort;
  readonly budgetTokens?: number;
  readonly visible?: "none" | "auto" | "concise" | "detailed" | "updates";
  readonly openai?: { readonly mode?: string; readonly context?: string };
  readonly binding?: "error" | "drop-block";
};

export type Output = {
  readonly format?:
    | { readonly type: "text" }
    | { readonly type: "json" }
    | {
        readonly type: "json-schema";
        readonly name?: string;
        readonly description?: string;
        readonly schema: JsonObject;
        readonly strict?: boolean | null;
      };
  readonly verbosity?: "low" | "medium" | "high";
  readonly modalities?: readonly string[];
  readonly audio?: Json;
  readonly image?: Json;
  readonly taskBudget?: Json;
};

export type CacheOptions = {
  readonly key?: string;
  readonly mode?: "implicit" | "explicit";
  readonly ttl?: CacheTtl;
  readonly retention?: string;
  readonly autoMark?: CacheMark;
  readonly cachedContent?: string;
  readonly prewarm?: boolean;
};

export type FunctionTool = {
  readonly type: "function";
  readonly name: string;
  readonly namespace?: string;
  readonly description?: string;
  readonly schema?: JsonObject;
  /** Absent, null, false and true mean four things in Responses; see translation of `strict`. */
  readonly strict?: boolean | null;
  readonly outputSchema?: JsonObject;
  readonly examples?: readonly Json[];
  readonly deferLoading?: boolean;
  readonly allowedCallers?: readonly string[];
  readonly async?: boolean;
  readonly eagerStreaming?: boolean | null;
  readonly cache?: CacheMark;
  readonly extras?: Extras;
};

export type CustomTool = {
  readonly type: "custom";
  readonly name: string;
  readonly namespace?: string;
  readonly description?: string;
  readonly grammar?: { readonly syntax: string; readonly definition: string };
  readonly deferLoading?: boolean;
  readonly extras?: Extras;
};

export type BuiltinTool = {
  readonly type: "builtin";
  /** `web_search`, `code_execution`, `mcp`, `computer`…: a common name; `native` is the source's own declaration. */
  readonly tool: string;
  readonly name?: string;
  readonly native: { readonly dialect: DialectId; readonly value: Json };
  readonly cache?: CacheMark;
};

export type Tool = FunctionTool | CustomTool | BuiltinTool;

export type ToolReference = { readonly kind: ToolKind | "mcp"; readonly name: string; readonly server?: string };

export type ToolChoice =
  | { readonly type: "auto" | "none" | "required" }
  | { readonly type: "tool"; readonly tool: ToolReference }
  | { readonly type: "allowed"; readonly mode: "auto" | "required"; readonly tools: readonly ToolReference[] };
