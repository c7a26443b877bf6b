import { failure, type Failure } from "../../canonical/failure.ts";
import { fold } from "../../canonical/fold.ts";
import type { CanonicalResponse } from "../../canonical/response.ts";
import { asArray, asObject, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { DecoderOptions } from "../dialect.ts";
import { errorIn, openAnswer, readChoices, startAnswer } from "./answer.ts";
import { finishChoice } from "./choice.ts";
import { readInBandError } from "./errors.ts";
import { readUsage } from "./usage.ts";

/** Top-level members of an answer that the canonical response has names for. */
const known = new Set([
  "id",
  "object",
  "created",
  "model",
  "choices",
  "usage",
  "service_tier",
  "system_fingerprint",
  "moderation",
]);

/**
 * A plain Chat answer. A message is read as one delta that has everything, so that plain and streamed answers cannot be
 * understood differently. Fails on an error in a 200 answer, and on a body that is not an answer.
 */
export function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  const source = asObject(Array.isArray(body) ? body[0] : body);
  if (source === undefined) return fail(notAnAnswer("its body is not a JSON object"));
  const error = errorIn(source);
  if (error !== undefined) return fail(readInBandError(error));
  const choices = asArray(source["choices"]) ?? [];
  if (choices.length === 0) return fail(notAnAnswer("its body has no choices"));
  const answer = openAnswer(options);
  startAnswer(answer, source);
  readChoices(answer, choices, "message");
  if (answer.failure !== undefined) return fail(answer.failure);
  if (!choices.some(saysSomething)) return fail(notAnAnswer("its choices have neither message nor finish reason"));
  for (const choice of answer.choices.values()) finishChoice(choice, answer.context);
  const extras = unknownMembers(source);
  return ok(
    compact({
      ...fold(answer.context.events),
      usage: readUsage(source["usage"]),
      moderation: source["moderation"] ?? undefined,
      extras: Object.keys(extras).length === 0 ? {} : { "openai-chat": extras },
    }),
  );
}

function saysSomething(choice: Json): boolean {
  const source = asObject(choice);
  return asObject(source?.["message"]) !== undefined || Boolean(source?.["finish_reason"]);
}

function unknownMembers(source: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(source).filter(([key]) => !known.has(key)));
}

function notAnAnswer(why: string): Failure {
  return failure(
    "provider_bad_response",
    `The provider answered with success, but ${why}. Check that its base URL points to an OpenAI-compatible API.`,
  );
}
