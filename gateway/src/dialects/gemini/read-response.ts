import { failure, type Failure } from "../../canonical/failure.ts";
import { fold } from "../../canonical/fold.ts";
import type { CanonicalResponse } from "../../canonical/response.ts";
import { asObject, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { DecoderOptions } from "../dialect.ts";
import { endAnswer, openAnswer, readPromptBlock, stepChunk } from "./decoder.ts";
import { field, list, rest, spellings } from "./fields.ts";
import { readInBandError } from "./read-error.ts";

const known = spellings(["candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId", "createTime"]);

/**
 * A plain `GenerateContentResponse`. It is read as a stream of one chunk, so that both forms of an answer mean the same; the
 * chunks of a streamed array that somebody collected are accepted as well. A refused prompt is an answer with
 * `promptBlock` and one empty candidate. Fails on an error in disguise and on a body with neither candidates nor feedback.
 */
export function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  const chunks = list(body).filter(isObject);
  for (const chunk of chunks) {
    const error = field(chunk, "error");
    if (error !== undefined) return fail(readInBandError(error));
  }
  const hasAnswer = chunks.some(
    (chunk) => list(field(chunk, "candidates")).some(isObject) || isObject(field(chunk, "promptFeedback")),
  );
  if (!hasAnswer) return fail(failure("provider_bad_response", NO_ANSWER));
  const state = openAnswer(options);
  const events = chunks.flatMap((chunk) => stepChunk(state, chunk));
  events.push(...endAnswer(state, "plain").events);
  const folded = fold(events);
  const unread: JsonObject = Object.assign({}, ...chunks.map((chunk) => rest(chunk, known)));
  return ok({
    ...folded,
    ...promptBlock(chunks),
    extras: Object.keys(unread).length === 0 ? {} : { gemini: unread },
  });
}

const NO_ANSWER =
  "The provider answered with success, but without any candidate and without saying why. Nothing can be made of that; send the request again.";

function promptBlock(chunks: readonly Json[]): Pick<CanonicalResponse, "promptBlock"> {
  for (const chunk of chunks) {
    const feedback = isObject(chunk) ? asObject(field(chunk, "promptFeedback")) : undefined;
    const block = feedback === undefined ? undefined : readPromptBlock(feedback);
    if (feedback !== undefined && block !== undefined) {
      return { promptBlock: { ...block, ...compact({ ratings: field(feedback, "safetyRatings") }) } };
    }
  }
  return {};
}
