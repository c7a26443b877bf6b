import type { TokenLogprob } from "../../canonical/block.ts";
import { asArray, asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";

/** `logprobs.content`; undefined when it lists no token. */
export function readLogprobs(value: Json | undefined): TokenLogprob[] | undefined {
  const tokens = (asArray(value) ?? []).flatMap((each) => readLogprob(each) ?? []);
  return tokens.length === 0 ? undefined : tokens;
}

function readLogprob(value: Json): TokenLogprob | undefined {
  const source = asObject(value);
  const token = readToken(source);
  if (source === undefined || token === undefined) return undefined;
  const top = (asArray(source["top_logprobs"]) ?? []).flatMap((each) => readToken(asObject(each)) ?? []);
  return asArray(source["top_logprobs"]) === undefined ? token : { ...token, top };
}

function readToken(source: JsonObject | undefined): Omit<TokenLogprob, "top"> | undefined {
  const token = asString(source?.["token"]);
  const logprob = asNumber(source?.["logprob"]);
  if (source === undefined || token === undefined || logprob === undefined) return undefined;
  const bytes = asArray(source["bytes"])?.flatMap((byte) => asNumber(byte) ?? []);
  return compact({ token, logprob, bytes: source["bytes"] === null ? null : bytes });
}

export function writeLogprobs(tokens: readonly TokenLogprob[]): JsonObject {
  return { content: tokens.map(writeLogprob), refusal: null };
}

function writeLogprob(token: TokenLogprob): JsonObject {
  return { ...writeToken(token), top_logprobs: (token.top ?? []).map(writeToken) };
}

function writeToken(token: Omit<TokenLogprob, "top">): JsonObject {
  const bytes = token.bytes === undefined || token.bytes === null ? null : [...token.bytes];
  return { token: token.token, logprob: token.logprob, bytes };
}
