import { parseJson, type Json } from "../../gateway/src/lib/json.ts";

/** What a program gets of an answer through an official SDK, whatever the format: the things that fidelity is measured by. */
export type Seen =
  | { readonly answers: readonly SeenAnswer[]; readonly usage: SeenUsage }
  /** The SDK raised an error, or the answer says that it failed. `said`: its words, for people. */
  | { readonly failed: true; readonly said: string };

export type SeenAnswer = {
  /** Everything visible, refusals included, reasoning not. */
  readonly text: string;
  readonly calls: readonly SeenCall[];
  readonly finish: FinishClass;
};

/** Arguments as a JSON value; a text that is no JSON stays a text. */
export type SeenCall = { readonly name: string; readonly arguments: Json };

/** What a program branches on. Every format tells these apart, most of them by several words. */
export type FinishClass = "stop" | "tool-calls" | "length" | "filtered";

/** Tokens, inclusive: input has what was read from caches and written to them, output has reasoning. */
export type SeenUsage = { readonly input: number; readonly output: number; readonly cached: number };

export const noUsage: SeenUsage = { input: 0, output: 0, cached: 0 };

/** An answer that calls tools and ends in the ordinary way has ended for the calls: not every format says so. */
export function seenAnswer(text: string, calls: readonly SeenCall[], finish: FinishClass): SeenAnswer {
  return { text, calls, finish: finish === "stop" && calls.length > 0 ? "tool-calls" : finish };
}

/** No text at all is how some models call a tool that takes no arguments. */
export function argumentsOf(text: string): Json {
  return text.trim() === "" ? {} : (parseJson(text) ?? text);
}

/** A token count, which a provider may leave out or send as null. */
export function count(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}

export type Difference = {
  readonly path: string;
  readonly expected: Json | undefined;
  readonly actual: Json | undefined;
};

/** Every place where two readings differ, in order; `answers[0].calls[1].arguments.city`. */
export function differences(expected: Seen, actual: Seen): Difference[] {
  if ("failed" in expected || "failed" in actual) {
    if ("failed" in expected && "failed" in actual) return [];
    return [{ path: "failed", expected: saidBy(expected), actual: saidBy(actual) }];
  }
  return compare(expected, actual, "");
}

function saidBy(seen: Seen): Json {
  return "failed" in seen ? seen.said : false;
}

function compare(expected: unknown, actual: unknown, path: string): Difference[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    return Array.from({ length }, (_, index) => compare(expected[index], actual[index], `${path}[${index}]`)).flat();
  }
  if (isRecord(expected) && isRecord(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    return [...keys].flatMap((key) => compare(expected[key], actual[key], path === "" ? key : `${path}.${key}`));
  }
  return expected === actual ? [] : [{ path, expected: toJson(expected), actual: toJson(actual) }];
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Everything in a reading is a JSON value, or absent. */
function toJson(value: unknown): Json | undefined {
  return value === undefined ? undefined : parseJson(JSON.stringify(value));
}
