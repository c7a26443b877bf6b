import type { Failure } from "../../canonical/failure.ts";
import { fold } from "../../canonical/fold.ts";
import type { CanonicalResponse } from "../../canonical/response.ts";
import { asArray, asString, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { DecoderOptions } from "../dialect.ts";
import { finish, openDecoder } from "./decoder.ts";
import type { Sink } from "./decoder-items.ts";
import { readFailedResponse, readInBandError, unreadableAnswer } from "./errors.ts";
import { echoedSettings } from "./head.ts";

/** Members of a response object that the canonical response has names for, or that only repeat the request. */
const known = new Set([
  ...echoedSettings,
  "id",
  "object",
  "created_at",
  "completed_at",
  "status",
  "error",
  "incomplete_details",
  "model",
  "output",
  "usage",
]);

/**
 * A plain answer, read as the last event of a stream whose other events were left out: one reading of items for both.
 */
export function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  if (!isObject(body)) return fail(unreadableAnswer());
  const error = readInBandError(body);
  if (body["status"] === "failed") return fail(readFailedResponse(body));
  if (error !== undefined) return fail(error);
  if (asArray(body["output"]) === undefined && asString(body["status"]) === undefined) return fail(unreadableAnswer());
  const events: Sink = [];
  finish(openDecoder(options), { response: body }, events);
  return ok({ ...fold(events), extras: extras(body) });
}

function extras(body: JsonObject): CanonicalResponse["extras"] {
  const rest = Object.fromEntries(Object.entries(body).filter(([key]) => !known.has(key)));
  return Object.keys(rest).length === 0 ? {} : { "openai-responses": rest };
}
