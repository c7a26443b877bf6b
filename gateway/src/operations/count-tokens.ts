import { isObject, type Json, type JsonObject } from "../lib/json.ts";

/*
 * An estimate of a prompt's tokens for models that offer no counting. Calibrated on nothing finer than what all tokenizers
 * have in common: about four characters of Latin text to a token, about one and a half of other scripts.
 */

const LATIN_CHARACTERS_PER_TOKEN = 4;
const OTHER_CHARACTERS_PER_TOKEN = 1.5;
/** What vendors charge for a picture or a page is of this order, whatever its bytes. */
const TOKENS_PER_ATTACHMENT = 1_500;
/** Role, separators and the like. */
const TOKENS_PER_MESSAGE = 4;

/** Members whose strings are not text: encoded bytes, opaque state, addresses of files. */
const attachmentKeys = new Set(["data", "file_data", "image_url", "file_uri", "fileUri", "url"]);
const ignoredKeys = new Set(["signature", "thoughtSignature", "thought_signature", "encrypted_content", "model", "id"]);

/** Tokens of a request body in any client format: all text in it, tools and schemas included. Always at least 1. */
export function estimateTokens(body: JsonObject): number {
  let latin = 0;
  let other = 0;
  let fixed = 0;
  // A stack of our own: a body may be nested as deeply as the scan allows, and nothing here should depend on that.
  const open: { readonly key: string; readonly value: Json | undefined }[] = [{ key: "", value: body }];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const { key, value } = item;
    if (ignoredKeys.has(key)) continue;
    if (typeof value === "string") {
      if (attachmentKeys.has(key)) {
        fixed += TOKENS_PER_ATTACHMENT;
        continue;
      }
      const wide = value.length - value.replace(/[\u0250-\uffff]/g, "").length;
      latin += value.length - wide;
      other += wide;
    } else if (Array.isArray(value)) {
      for (const element of value) open.push({ key, value: element });
    } else if (isObject(value)) {
      if ("role" in value) fixed += TOKENS_PER_MESSAGE;
      for (const [name, inner] of Object.entries(value)) {
        if (isObject(inner) || Array.isArray(inner) || typeof inner === "string")
          open.push({ key: name, value: inner });
      }
    }
  }
  return Math.max(1, Math.ceil(fixed + latin / LATIN_CHARACTERS_PER_TOKEN + other / OTHER_CHARACTERS_PER_TOKEN));
}

/** The answer of each counting operation. */
export const countAnswers = {
  "count-tokens-anthropic": (tokens: number): JsonObject => ({ input_tokens: tokens }),
  "count-tokens-responses": (tokens: number): JsonObject => ({ object: "response.input_tokens", input_tokens: tokens }),
  "count-tokens-gemini": (tokens: number): JsonObject => ({ totalTokens: tokens }),
} as const;

/** Whether an operation counts tokens, so that there is an answer to write for it. */
export function isCounting(id: string): id is keyof typeof countAnswers {
  return Object.hasOwn(countAnswers, id);
}
