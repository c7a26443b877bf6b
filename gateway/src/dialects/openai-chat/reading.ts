import type { CacheMark } from "../../canonical/block.ts";
import type { Failure } from "../../canonical/failure.ts";
import type { CacheTtl } from "../../canonical/usage.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { missing, wrongType } from "./head.ts";

/**
 * The reading of one request. Readers go on after a mistake with whatever makes sense, and the first mistake is the one that
 * the client is told: every reader can then simply return what it read.
 */
export type Reading = { failure: Failure | undefined };

export function refuse(reading: Reading, param: string, expected: string): void {
  reading.failure ??= wrongType(param, expected);
}

export function refuseMissing(reading: Reading, param: string, advice: string): void {
  reading.failure ??= missing(param, advice);
}

/** A member that OpenAI's SDKs may send as null for "not set". */
export function isAbsent(value: Json | undefined): value is null | undefined {
  return value === undefined || value === null;
}

export function optionalNumber(reading: Reading, source: JsonObject, key: string): number | undefined {
  const value = source[key];
  if (isAbsent(value)) return undefined;
  const number = asNumber(value);
  if (number === undefined) refuse(reading, key, "a number");
  return number;
}

export function optionalString(reading: Reading, source: JsonObject, key: string): string | undefined {
  const value = source[key];
  if (isAbsent(value)) return undefined;
  const text = asString(value);
  if (text === undefined) refuse(reading, key, "a string");
  return text;
}

export function optionalBoolean(reading: Reading, source: JsonObject, key: string): boolean | undefined {
  const value = source[key];
  if (isAbsent(value)) return undefined;
  if (typeof value === "boolean") return value;
  refuse(reading, key, "true or false");
  return undefined;
}

/** The members that the canonical form has no name for, for the writer of this format; undefined when there are none. */
export function otherMembers(source: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const others = Object.entries(source).filter(([key, value]) => !known.has(key) && !isAbsent(value));
  return others.length === 0 ? undefined : Object.fromEntries(others);
}

const ttls: { readonly [T in CacheTtl]: T } = { "5m": "5m", "1h": "1h", "30m": "30m", "12h": "12h" };

export function readTtl(value: Json | undefined): CacheTtl | undefined {
  const text = asString(value);
  return text !== undefined && isTtl(text) ? text : undefined;
}

function isTtl(text: string): text is CacheTtl {
  return Object.hasOwn(ttls, text);
}

/** `prompt_cache_breakpoint` (OpenAI), or `cache_control`, which clients of OpenRouter and others send to Claude models. */
export function readCacheMark(part: JsonObject): CacheMark | undefined {
  const breakpoint = asObject(part["prompt_cache_breakpoint"]);
  if (breakpoint !== undefined) return compact({ source: "openai" as const, ttl: readTtl(breakpoint["ttl"]) });
  const control = asObject(part["cache_control"]);
  return control === undefined ? undefined : compact({ source: "anthropic" as const, ttl: readTtl(control["ttl"]) });
}
