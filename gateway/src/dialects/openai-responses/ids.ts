import { stableDigest } from "../../lib/hash.ts";

/** The id prefix that OpenAI's API validates for each type of item that we make ourselves. */
const itemPrefixes = {
  message: "msg",
  reasoning: "rs",
  function_call: "fc",
  custom_tool_call: "ctc",
  web_search_call: "ws",
  image_generation_call: "ig",
} as const;

export type MadeItemType = keyof typeof itemPrefixes;

/** Prefixes of other formats' ids, which say nothing in a `resp_` id. */
const FOREIGN_PREFIX = /^(chatcmpl-|cmpl-|msg_|gen-|req_|resp-)/;

/** The id of a response in this format: its own where it is one already, else `resp_` and the core of the foreign id. */
export function responseId(id: string): string {
  if (id.startsWith("resp_")) return id;
  const core = id.replace(FOREIGN_PREFIX, "").replace(/[^A-Za-z0-9_-]/g, "_");
  return `resp_${core === "" ? stableDigest(id) : core}`;
}

/** The id of an item that has none of its own: the same for the same response and position, streamed or plain. */
export function itemId(type: MadeItemType, response: string, index: number): string {
  return `${itemPrefixes[type]}_${stableDigest(`${response}:${index}`)}`;
}

/** `id`, or `id` with the first free suffix `_2`, `_3`…; the result is taken from then on. */
export function takeId(taken: Set<string>, id: string): string {
  let free = id;
  for (let count = 2; taken.has(free); count += 1) free = `${id}_${count}`;
  taken.add(free);
  return free;
}
