import { failure, type Failure, type FailureCode } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest, Turn } from "../../canonical/request.ts";
import { mapToolNames, type ToolNames } from "../../translation/tool-names.ts";
import type { WriteOptions } from "../dialect.ts";
import { modelFacts, type ModelFacts } from "./models.ts";

/** A request being written. */
export type Writing = {
  readonly request: CanonicalRequest;
  readonly options: WriteOptions;
  readonly facts: ModelFacts;
  readonly names: ToolNames;
  /** Names of documents so far; the API wants them different. */
  readonly documentNames: Set<string>;
  readonly losses: Loss[];
  /** The first thing that cannot be sent at all. */
  failure: Failure | undefined;
};

/** Where a block stands. */
export type Place = {
  readonly role: Turn["role"];
  /** Of the block, in canonical words; for losses. */
  readonly path: string;
  /** Of the turn, as the client named it; for refusals. */
  readonly param: string;
};

const TOOL_NAME_LENGTH_MAX = 64;

export function openWriting(request: CanonicalRequest, options: WriteOptions): Writing {
  return {
    request,
    options,
    facts: modelFacts(options.model),
    names: mapToolNames(request, { pattern: /[a-zA-Z0-9_-]/, lengthMax: TOOL_NAME_LENGTH_MAX }),
    documentNames: new Set(),
    losses: [],
    failure: undefined,
  };
}

export function lose(writing: Writing, ...losses: readonly Loss[]): void {
  writing.losses.push(...losses);
}

/** Something without which the answer would be to another question. `message` says what to do instead. */
export function refuse(writing: Writing, code: FailureCode, message: string, param?: string): void {
  writing.failure ??= failure(code, message, param === undefined ? {} : { param });
}

const conversationKeys = {
  "openai-chat": "messages",
  "openai-responses": "input",
  "anthropic-messages": "messages",
  gemini: "contents",
} as const satisfies Record<CanonicalRequest["source"], string>;

/** The conversation, or a turn of it, as the client named it. */
export function conversationParam({ source }: CanonicalRequest, turn?: Turn): string {
  const key = conversationKeys[source];
  return turn === undefined ? key : `${key}[${turn.boundary}]`;
}
