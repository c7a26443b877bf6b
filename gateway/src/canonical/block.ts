import type { Json, JsonObject } from "../lib/json.ts";
import type { DialectId } from "./dialect-id.ts";
import type { CacheTtl } from "./usage.ts";

/** Fields of the source format that the canonical form has no name for; written back to the same format only. */
export type Extras = { readonly [D in DialectId]?: JsonObject };

/**
 * Who made an opaque value and is therefore the only one that may read it. `family`: the format of the answer that it came in,
 * where that is not the format of the vendor who can make such values (a reseller's Chat answer with Claude's signature).
 */
export type Issuer = { readonly provider: string; readonly family?: string; readonly account?: string };

/** Provider-bound data, never inspected, only routed back to its issuer. */
export type Opaque = {
  readonly issuer: Issuer;
  readonly kind:
    | "anthropic.signature"
    | "anthropic.redacted"
    | "anthropic.compaction"
    | "anthropic.encrypted"
    /** The whole reasoning item as JSON text: id, encrypted_content, summary. */
    | "openai.reasoning"
    | "openai.compaction"
    | "openai.program"
    | "gemini.thought-signature"
    | "gemini.continuation";
  readonly value: string;
};

export type CacheMark = { readonly ttl?: CacheTtl; readonly source: "anthropic" | "openai" };

type BlockBase = {
  readonly cache?: CacheMark;
  /** Gemini attaches a thought signature to any part. */
  readonly signature?: Opaque;
  readonly extras?: Extras;
};

export type TextBlock = BlockBase & {
  readonly type: "text";
  readonly text: string;
  readonly citations?: readonly Citation[];
  readonly logprobs?: readonly TokenLogprob[];
};

export type RefusalBlock = BlockBase & { readonly type: "refusal"; readonly text: string };

export type ReasoningBlock = BlockBase & {
  readonly type: "reasoning";
  /** Readable summary parts; a part may be "". */
  readonly summary: readonly string[];
  /** Raw reasoning text (`reasoning_text`, `reasoning_content`), where the provider shows it. */
  readonly raw?: readonly string[];
  readonly opaque?: Opaque;
  readonly redacted?: boolean;
  readonly itemId?: string;
  readonly status?: string;
};

export type MediaSource =
  | { readonly by: "base64"; readonly data: string }
  | { readonly by: "url"; readonly url: string }
  | { readonly by: "file"; readonly id: string; readonly issuer: Issuer }
  | { readonly by: "text"; readonly text: string }
  | { readonly by: "blocks"; readonly blocks: readonly Block[] }
  /** A previous audio answer, by its id. */
  | { readonly by: "reference"; readonly id: string };

export type MediaBlock = BlockBase & {
  readonly type: "media";
  readonly kind: "image" | "document" | "audio" | "video" | "file";
  readonly source: MediaSource;
  readonly mimeType?: string;
  readonly filename?: string;
  readonly title?: string;
  readonly context?: string;
  /** Whether the model is asked to cite this document. */
  readonly citations?: boolean;
  readonly detail?: "auto" | "low" | "high" | "original";
  readonly resolution?: string;
  readonly video?: Json;
  readonly transcript?: string;
  readonly expiresAt?: number;
};

export type ToolKind = "function" | "custom" | "builtin";

export type ToolCallBlock = BlockBase & {
  readonly type: "tool-call";
  readonly id: string;
  readonly name: string;
  readonly namespace?: string;
  readonly toolset?: string;
  readonly kind: ToolKind;
  /** The exact text from the model: JSON for functions (it may be invalid), free text for custom tools. */
  readonly argumentsText: string;
  readonly itemId?: string;
  readonly caller?: Json;
  readonly async?: boolean;
  readonly status?: string;
};

export type ToolResultBlock = BlockBase & {
  readonly type: "tool-result";
  readonly callId: string;
  readonly name?: string;
  readonly kind: ToolKind;
  readonly content: readonly Block[];
  /** Gemini's response object. */
  readonly structured?: Json;
  readonly isError?: boolean;
  readonly status?: string;
  readonly scheduling?: string;
  readonly willContinue?: boolean;
  readonly caller?: Json;
};

/** Web search, code execution, MCP, file search, image generation… run by the provider. `native` is authoritative for its own dialect. */
export type ServerToolBlock = BlockBase & {
  readonly type: "server-tool";
  readonly phase: "call" | "result" | "listing" | "approval-request" | "approval-response";
  readonly tool: string;
  readonly id: string;
  readonly serverName?: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly isError?: boolean;
  readonly status?: string;
  readonly native: { readonly dialect: DialectId; readonly value: Json };
};

export type SearchResultBlock = BlockBase & {
  readonly type: "search-result";
  readonly source: string;
  readonly title: string;
  readonly content: readonly TextBlock[];
  readonly citations?: boolean;
};

export type CodeBlock = BlockBase & {
  readonly type: "code";
  readonly phase: "code" | "result";
  readonly id?: string;
  readonly language?: string;
  readonly code?: string;
  readonly outcome?: string;
  readonly output?: string;
};

export type CompactionBlock = BlockBase & {
  readonly type: "compaction";
  readonly text?: string | null;
  readonly opaque?: Opaque;
  readonly native: { readonly dialect: DialectId; readonly value: Json };
};

/** Anything of a source format that this version does not know. */
export type OpaqueBlock = BlockBase & {
  readonly type: "opaque";
  readonly dialect: DialectId;
  readonly nativeType: string;
  readonly value: Json;
};

export type Block =
  | TextBlock
  | RefusalBlock
  | ReasoningBlock
  | MediaBlock
  | ToolCallBlock
  | ToolResultBlock
  | ServerToolBlock
  | SearchResultBlock
  | CodeBlock
  | CompactionBlock
  | OpaqueBlock;

/** `start` and `end` are UTF-16 offsets into the block's text unless the citation says otherwise. */
export type Citation =
  | {
      readonly type: "url";
      readonly url: string;
      readonly title?: string;
      readonly start?: number;
      readonly end?: number;
      readonly citedText?: string;
      readonly encrypted?: string;
    }
  | {
      readonly type: "document";
      readonly document: number;
      readonly title?: string | null;
      readonly unit: "char" | "page" | "block";
      readonly start: number;
      readonly end: number;
      readonly citedText: string;
      readonly fileId?: string | null;
    }
  | {
      readonly type: "search-result";
      readonly index: number;
      readonly source: string;
      readonly title: string | null;
      readonly startBlock: number;
      readonly endBlock: number;
      readonly citedText: string;
    }
  | {
      readonly type: "file";
      readonly fileId: string;
      readonly filename?: string;
      readonly index?: number;
      readonly containerId?: string;
      readonly start?: number;
      readonly end?: number;
    }
  | {
      readonly type: "grounding";
      readonly chunk: Json;
      /** Gemini counts UTF-8 bytes. */
      readonly segment: {
        readonly start: number;
        readonly end: number;
        readonly part?: number;
        readonly text?: string;
      };
      readonly confidence?: number;
    }
  | {
      readonly type: "recitation";
      readonly uri?: string;
      readonly license?: string;
      readonly title?: string;
      readonly start?: number;
      readonly end?: number;
    }
  /** A citation kind this version does not know, kept for its own dialect. */
  | { readonly type: "native"; readonly dialect: DialectId; readonly value: Json };

export type TokenLogprob = {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
  readonly top?: readonly {
    readonly token: string;
    readonly logprob: number;
    readonly bytes?: readonly number[] | null;
  }[];
};
