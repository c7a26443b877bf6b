import type { CacheMark } from "../../canonical/block.ts";
import type { ClientDialectId } from "../../canonical/dialect-id.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import type { JsonObject } from "../../lib/json.ts";
import { clamped } from "../../translation/limits.ts";
import type { ToolNames } from "../../translation/tool-names.ts";
import type { WriteOptions } from "../dialect.ts";
import { bareModel, modelFacts, type ModelFacts } from "./models.ts";
import { vendorOf, type Feature, type Vendor } from "./vendors.ts";

/** Where a request goes, as far as its writing depends on it. */
export type Target = {
  readonly options: WriteOptions;
  readonly vendor: Vendor;
  /** Without vendor folders, in lower case. */
  readonly model: string;
  readonly facts: ModelFacts;
  readonly customTools: boolean;
};

/**
 * The writing of one request. Writers go on after something that cannot be said with whatever makes sense; the first such thing
 * is the failure that the client is told.
 */
export type Writing = {
  readonly target: Target;
  /** The client speaks this format itself: what only it can have said is written as it said it, whatever the provider. */
  readonly isNative: boolean;
  readonly names: ToolNames;
  /** Names of custom tools that are declared as such, as they are sent. */
  readonly customNames: ReadonlySet<string>;
  readonly losses: Loss[];
  /** Parts with a cache mark, in the order of the request. */
  readonly marked: JsonObject[];
  /** What is being written, as the client calls it, for failures: `messages[3]`. */
  place: string;
  failure: Failure | undefined;
};

export function targetOf(options: WriteOptions): Target {
  const vendor = vendorOf(options.kind);
  const facts = modelFacts(options.model);
  const customTools = vendor.customTools && facts.customTools;
  return { options, vendor, model: bareModel(options.model), facts, customTools };
}

export function openWriting(request: CanonicalRequest, target: Target, names: ToolNames): Writing {
  const isNative = request.source === "openai-chat";
  const customNames = new Set(
    request.tools.flatMap((tool) =>
      tool.type === "custom" && target.customTools ? [names.sent(tool.name, tool.namespace)] : [],
    ),
  );
  return { target, isNative, names, customNames, losses: [], marked: [], place: "", failure: undefined };
}

/** How each format calls the message or item that a turn came from. */
export const places = {
  "openai-chat": (boundary) => `messages[${boundary}]`,
  "openai-responses": (boundary) => `input[${boundary}]`,
  "anthropic-messages": (boundary) => `messages.${boundary}`,
  gemini: (boundary) => `contents[${boundary}]`,
} as const satisfies Record<ClientDialectId, (boundary: number) => string>;

export function lose(writing: Writing, loss: Loss): void {
  writing.losses.push(loss);
}

/** What the provider cannot be told and the client cannot do without. `message` says what to do instead. */
export function refuse(writing: Writing, param: string, message: string): void {
  writing.failure ??= failure("unsupported_parameter", message, { param });
}

export function takes(writing: Writing, feature: Feature): boolean {
  return writing.isNative || writing.target.vendor.takes.includes(feature);
}

const MARKS_MAX = 4;
const LONG_TTLS: readonly (string | undefined)[] = ["1h", "12h"];

/** Puts a cache mark on a part that is about to be written, where the target knows marks. */
export function mark(writing: Writing, part: JsonObject, cache: CacheMark | undefined): JsonObject {
  if (cache === undefined || writing.marked.includes(part)) return part;
  const member = markMember(writing, cache);
  if (member === undefined) return part;
  const marked: JsonObject = { ...part, ...member };
  writing.marked.push(marked);
  return marked;
}

/** Caching changes no answer, so a target that cannot be told about it is simply not told. */
function markMember({ target, isNative }: Writing, { ttl, source }: CacheMark): JsonObject | undefined {
  const isLong = LONG_TTLS.includes(ttl);
  const { facts, vendor, model } = target;
  if (vendor.cacheMarks === "breakpoints") {
    if (!facts.cacheBreakpoints) return undefined;
    // Five minutes are less than what a mark without a ttl gets.
    const lifetime = isLong ? "12h" : ttl === "30m" ? ttl : undefined;
    return { prompt_cache_breakpoint: { mode: "explicit", ...(lifetime === undefined ? {} : { ttl: lifetime }) } };
  }
  const isKnown = vendor.cacheMarks === "cache_control" && /^(claude|gemini)/.test(model);
  if (!isKnown && !(isNative && source === "anthropic")) return undefined;
  const lifetime = isLong ? "1h" : ttl === "5m" ? ttl : undefined;
  return { cache_control: { type: "ephemeral", ...(lifetime === undefined ? {} : { ttl: lifetime }) } };
}

/** The last marks are those that the next request of a conversation will find again. */
export function limitMarks(writing: Writing): void {
  const excess = writing.marked.length - MARKS_MAX;
  if (excess <= 0) return;
  for (const part of writing.marked.slice(0, excess)) {
    delete part["prompt_cache_breakpoint"];
    delete part["cache_control"];
  }
  lose(writing, clamped("cache", `the last ${MARKS_MAX} of ${writing.marked.length} marks`));
}
