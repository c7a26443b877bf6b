import { GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import { asArray, asObject, asString, type Json, type JsonObject } from "../../gateway/src/lib/json.ts";
import type { Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import type { Asked, Sdk } from "./sdk.ts";
import {
  count,
  noUsage,
  seenAnswer,
  type FinishClass,
  type Seen,
  type SeenAnswer,
  type SeenCall,
  type SeenUsage,
} from "./seen.ts";

/** The SDK puts nothing together: a program iterates and adds up, so both readings are that. */
export const geminiSdk: Sdk = { strict: read, lenient: read };

async function read(fetch: Fetch, { stream, candidates }: Asked): Promise<Seen> {
  const { models } = new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: "http://gateway.test", fetch } });
  const request = { model: "recorded-model", contents: "hi", config: { candidateCount: candidates } };
  if (!stream) return seenIn([await models.generateContent(request)]);
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of await models.generateContentStream(request)) chunks.push(chunk);
  return seenIn(chunks);
}

function seenIn(responses: readonly GenerateContentResponse[]): Seen {
  // The SDK's objects are classes with getters; what was on the wire is what a copy through JSON has.
  const chunks = responses.map((each) => asObject(JSON.parse(JSON.stringify(each)) as Json) ?? {});
  const candidates = chunks.flatMap((chunk) =>
    (asArray(chunk["candidates"]) ?? []).map((each) => asObject(each) ?? {}),
  );
  const byIndex = Map.groupBy(candidates, (candidate) => count(candidate["index"]));
  const answers = [...byIndex.entries()].toSorted(([left], [right]) => left - right).map(([, each]) => answerOf(each));
  // Chunks before the last may say only what kind of traffic this is.
  const counted = chunks.map((chunk) => asObject(chunk["usageMetadata"]) ?? {});
  const usage = counted.findLast((each) => counters.some((counter) => each[counter] !== undefined));
  const failed = candidates.find((candidate) => failures.has(asString(candidate["finishReason"]) ?? ""));
  if (failed !== undefined) return { failed: true, said: asString(failed["finishReason"]) ?? "" };
  // A prompt that was blocked has no candidates; to every other format it is an empty answer that was filtered.
  return { answers: answers.length === 0 ? [seenAnswer("", [], "filtered")] : answers, usage: usageOf(usage) };
}

const counters = ["promptTokenCount", "candidatesTokenCount"];

/** The words for a call that could not be read: no answer to a program, in any format. */
const failures: ReadonlySet<string> = new Set(["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"]);

function answerOf(chunks: readonly JsonObject[]): SeenAnswer {
  const parts = chunks.flatMap((chunk) => asArray(asObject(chunk["content"])?.["parts"]) ?? []);
  const each = parts.map((part) => asObject(part) ?? {});
  const text = each.map((part) => (part["thought"] === true ? "" : (asString(part["text"]) ?? ""))).join("");
  const reason = chunks.findLast((chunk) => chunk["finishReason"] !== undefined)?.["finishReason"];
  return seenAnswer(text, each.flatMap(callOf), finishes[asString(reason) ?? count(reason)] ?? "stop");
}

function callOf(part: JsonObject): SeenCall[] {
  const call = asObject(part["functionCall"]);
  return call === undefined ? [] : [{ name: asString(call["name"]) ?? "", arguments: call["args"] ?? {} }];
}

const finishes: Readonly<Record<string, FinishClass>> = {
  MAX_TOKENS: "length",
  // Vertex AI's numbers for the names, which the SDK passes on.
  "2": "length",
  SAFETY: "filtered",
  RECITATION: "filtered",
  BLOCKLIST: "filtered",
  PROHIBITED_CONTENT: "filtered",
  SPII: "filtered",
  IMAGE_SAFETY: "filtered",
  IMAGE_PROHIBITED_CONTENT: "filtered",
  IMAGE_RECITATION: "filtered",
  IMAGE_OTHER: "filtered",
};

function usageOf(value: unknown): SeenUsage {
  const usage = asObject(value);
  if (usage === undefined) return noUsage;
  return {
    input: count(usage["promptTokenCount"]) + count(usage["toolUsePromptTokenCount"]),
    output: count(usage["candidatesTokenCount"]) + count(usage["thoughtsTokenCount"]),
    cached: count(usage["cachedContentTokenCount"]),
  };
}
