import type { CacheMark } from "../../canonical/block.ts";
import { isObject, type JsonObject } from "../../lib/json.ts";
import { clamped, dropped } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

/** The limit of Claude and Nova models, over tools, system and messages together. */
export const CACHE_POINTS_MAX = 4;

/** The block that stands behind what a mark is on; nothing where the model caches by itself or not at all. */
export function cachePoint(writing: Writing, mark: CacheMark | undefined, path: string): JsonObject[] {
  if (mark === undefined) return [];
  if (!writing.facts.caching) {
    lose(writing, dropped(`${path}.cache`));
    return [];
  }
  const isLong = mark.ttl === "1h" || mark.ttl === "12h";
  if (isLong && !writing.facts.longCaching) lose(writing, clamped(`${path}.cache`, `${mark.ttl} became five minutes`));
  return [pointOf(isLong && writing.facts.longCaching)];
}

function pointOf(isLong: boolean): JsonObject {
  return { cachePoint: isLong ? { type: "default", ttl: "1h" } : { type: "default" } };
}

/** The lists that points may stand in, in the order in which the model reads them; all of them were made by the writer. */
export type PointedBody = {
  readonly tools: JsonObject[];
  readonly system: JsonObject[];
  readonly contents: readonly JsonObject[][];
  /** The content of the user's last message, if there is one. */
  readonly lastUser: JsonObject[] | undefined;
};

/** Brings the points of a finished body to what the models take: the last four, none behind another, the longer-lived first. */
export function settleCachePoints(writing: Writing, body: PointedBody): void {
  const lists = [body.tools, body.system, ...body.contents];
  const count = lists.flat().filter(isPoint).length;
  if (count === 0) {
    inject(writing, body);
    return;
  }
  if (count > CACHE_POINTS_MAX) {
    lose(writing, clamped("cache", `the last ${CACHE_POINTS_MAX} of ${count} marks are kept`));
  }
  let surplus = count - CACHE_POINTS_MAX;
  let hasShort = false;
  let isShortened = false;
  for (const list of lists) {
    const kept = list.filter((each) => !isPoint(each) || (surplus -= 1) < 0);
    const settled = kept.map((each) => {
      if (!isPoint(each)) return each;
      const isLong = isLongPoint(each);
      isShortened ||= isLong && hasShort;
      hasShort ||= !isLong;
      return isLong && hasShort ? pointOf(false) : each;
    });
    list.splice(0, list.length, ...settled);
  }
  if (isShortened) lose(writing, clamped("cache", "marks of an hour behind shorter ones became short themselves"));
}

function isPoint(block: JsonObject): boolean {
  return block["cachePoint"] !== undefined;
}

function isLongPoint(block: JsonObject): boolean {
  const point = block["cachePoint"];
  return isObject(point) && point["ttl"] === "1h";
}

/**
 * OpenAI caches prompts without being asked, Claude models only where a point stands: without one, a client that was written
 * for OpenAI would pay the full price for every turn of its conversation. One point stands behind what stays the same in all
 * conversations, one behind what the next turn will read again.
 */
function inject({ request, facts }: Writing, { tools, system, lastUser }: PointedBody): void {
  const isFromOpenai = request.source === "openai-chat" || request.source === "openai-responses";
  if (!isFromOpenai || request.cache.mode === "explicit" || facts.claude === undefined || !facts.caching) return;
  if (system.length > 0) system.push(pointOf(false));
  else if (tools.length > 0) tools.push(pointOf(false));
  lastUser?.push(pointOf(false));
}
