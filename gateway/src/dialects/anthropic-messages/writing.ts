import { failure, type Failure, type FailureCode } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest, Turn } from "../../canonical/request.ts";
import { mapToolNames, type ToolNames } from "../../translation/tool-names.ts";
import { claudeFacts, type ClaudeFacts } from "../claude-models.ts";
import type { WriteOptions } from "../dialect.ts";

export const DIALECT = "anthropic-messages" as const;

/** A request being written. */
export type Writing = {
  readonly request: CanonicalRequest;
  readonly options: WriteOptions;
  readonly facts: ClaudeFacts;
  /**
   * The client speaks this format itself, for this model: what it said is written again as it was, also where the model will
   * refuse it, because that is what the untouched bytes would have said.
   */
  readonly isNative: boolean;
  readonly names: ToolNames;
  readonly losses: Loss[];
  /** Betas that what was written needs. */
  readonly betas: Set<string>;
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

export function openWriting(request: CanonicalRequest, options: WriteOptions): Writing {
  const facts = claudeFacts(options.model);
  const isNative = request.source === DIALECT;
  return {
    request,
    options,
    facts,
    isNative,
    names: isNative ? unchangedNames : toolNames(request, facts),
    losses: [],
    betas: new Set(),
    failure: undefined,
  };
}

const unchangedNames: ToolNames = { sent: (name) => name, restored: new Map() };

function toolNames(request: CanonicalRequest, { toolNameLengthMax }: ClaudeFacts): ToolNames {
  return mapToolNames(request, { pattern: /[a-zA-Z0-9_-]/, lengthMax: toolNameLengthMax });
}

/** Whether messages may have the role `system`. The clouds that resell the models do not have it. */
export function takesSystemTurns({ facts, options }: Writing): boolean {
  return facts.systemTurns && options.kind === "anthropic";
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
