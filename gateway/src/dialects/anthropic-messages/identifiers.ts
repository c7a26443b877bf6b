import { stableDigest } from "../../lib/hash.ts";

/** Anthropic accepts tool-call ids of these characters; other formats' clients and stores limit them to 64. */
const VALID_CALL_ID = /^[a-zA-Z0-9_-]{1,64}$/;

/**
 * A tool-call id that Messages clients accept. A pure function of the id, so that a call and its result agree without memory; a
 * digest rather than a replacement of characters, so that `a.b` and `a:b` stay different.
 */
export function writeCallId(id: string): string {
  return VALID_CALL_ID.test(id) ? id : `toolu_${stableDigest(id)}`;
}

/** The same within one answer: providers that call everything `call_0` get `_2`, `_3`… appended, in order. */
export function uniqueCallId(id: string, used: Set<string>): string {
  const written = writeCallId(id);
  let unique = written;
  for (let repetition = 2; used.has(unique); repetition += 1) unique = `${written}_${repetition}`;
  used.add(unique);
  return unique;
}

/** A message id as Anthropic's look, from whatever the provider calls its answer. */
export function writeMessageId(id: string, requestId: string): string {
  if (id.startsWith("msg_")) return id;
  const core = (id === "" ? requestId : id).replace(/^(chatcmpl-|resp_|gen-|req_)/, "");
  return `msg_${core}`;
}

/** A tool's name with its namespace, as function-only formats carry it. */
export function writeToolName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}
