import type { CacheMark } from "../../canonical/block.ts";
import { asArray, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { clamped } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

/** The API's own limit, over tools, system and messages together. */
export const CACHE_MARKS_MAX = 4;

const ttls = { "5m": "5m", "30m": "5m", "1h": "1h", "12h": "1h" } as const;

/** `cache_control`. OpenAI's times to live become the nearest that there is. */
export function writeCacheMark(mark: CacheMark | undefined): JsonObject | undefined {
  if (mark === undefined) return undefined;
  return compact({ type: "ephemeral", ttl: mark.ttl === undefined ? undefined : ttls[mark.ttl] });
}

/** The parts of a body that marks may stand on. All objects in it were made by the writer, so that they may be changed. */
export type MarkedBody = {
  readonly system: readonly JsonObject[];
  readonly tools: readonly JsonObject[];
  readonly messages: readonly JsonObject[];
};

/** Brings the marks of a finished body to what the API takes: at most four, the longer-lived first. */
export function settleCacheMarks(writing: Writing, body: MarkedBody): void {
  const holders = [...body.tools, ...body.system, ...body.messages.flatMap(contentOf)].flatMap(withNested);
  let marked = holders.filter((holder) => isObject(holder["cache_control"]));
  if (marked.length === 0 && isInjected(writing)) {
    inject(body);
    return;
  }
  const room = CACHE_MARKS_MAX - (writing.request.cache.autoMark === undefined ? 0 : 1);
  if (marked.length > room) {
    lose(writing, clamped("cache", `the last ${room} of ${marked.length} marks are kept`));
    for (const holder of marked.slice(0, marked.length - room)) delete holder["cache_control"];
    marked = marked.slice(-room);
  }
  shortenLateMarks(writing, marked);
}

/** What a mark covers begins with what the marks before it cover, so a longer life cannot begin later. */
function shortenLateMarks(writing: Writing, marked: readonly JsonObject[]): void {
  const firstShort = marked.findIndex((holder) => ttlOf(holder) !== "1h");
  const late = firstShort < 0 ? [] : marked.slice(firstShort).filter((holder) => ttlOf(holder) === "1h");
  for (const holder of late) holder["cache_control"] = { type: "ephemeral", ttl: "5m" };
  if (late.length > 0) lose(writing, clamped("cache", "marks of an hour behind shorter ones became short themselves"));
}

function ttlOf(holder: JsonObject): Json | undefined {
  const mark = holder["cache_control"];
  return isObject(mark) ? mark["ttl"] : undefined;
}

/** Anthropic itself and the clouds that have its models; imitators of the format may not know the field. */
const cachingKinds: ReadonlySet<string> = new Set(["anthropic", "vertex", "bedrock"]);

/**
 * OpenAI caches prompts without being asked, Anthropic only where a mark stands: without one, a client that was written for
 * OpenAI would pay the full price for every turn of its conversation.
 */
function isInjected({ request, options }: Writing): boolean {
  const isFromOpenai = request.source === "openai-chat" || request.source === "openai-responses";
  return isFromOpenai && request.cache.mode !== "explicit" && cachingKinds.has(options.kind);
}

/** One mark behind what stays the same in all conversations, one behind what the next turn will read again. */
function inject({ system, tools, messages }: MarkedBody): void {
  const lastUser = messages.findLast(({ role }) => role === "user");
  const ends = [system.at(-1) ?? tools.at(-1), lastUser === undefined ? undefined : contentOf(lastUser).at(-1)];
  for (const holder of ends) {
    if (holder !== undefined) holder["cache_control"] = { type: "ephemeral" };
  }
}

function contentOf(message: JsonObject): JsonObject[] {
  return (asArray(message["content"]) ?? []).filter(isObject);
}

/** A block, and the blocks of a tool result before it: a mark on the result comes after those inside. */
function withNested(holder: JsonObject): JsonObject[] {
  return holder["type"] === "tool_result" ? [...contentOf(holder), holder] : [holder];
}
