import type { CanonicalEvent } from "../../canonical/event.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import type { CanonicalResponse } from "../../canonical/response.ts";
import type { FramePayload } from "../../framing/framer.ts";
import { asString, isObject, parseJson, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { Decoder, DecoderOptions, ErrorAnswer, UpstreamDialect, WrittenRequest } from "../dialect.ts";

/**
 * The canonical form as a wire format, which only the built-in demo speaks: the request is the canonical request as JSON,
 * a plain answer the canonical response, a stream canonical events as NDJSON, an error `{"error": Failure}`. Both ends are
 * this process, so that the reader trusts the shape of what parses and checks only what a cut can break.
 */
export const canonicalDialect: UpstreamDialect = { id: "canonical", writeRequest, readResponse, decoder, readError };

function writeRequest(request: CanonicalRequest): Result<WrittenRequest, Failure> {
  return ok({ headers: {}, body: request as unknown as JsonObject, losses: [] });
}

function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  if (isObject(body) && Array.isArray(body["candidates"])) {
    // The demo is pure and knows no ids; the exchange's own makes each answer another one.
    return ok({ ...(body as unknown as CanonicalResponse), id: options.requestId });
  }
  return fail(failure("provider_bad_response", "The demo's answer is not a canonical response."));
}

type State = { finishes: number; ended: boolean; failed: boolean };

function decoder(options: DecoderOptions): Decoder {
  const state: State = { finishes: 0, ended: false, failed: false };
  return {
    isTerminal() {
      return state.ended;
    },
    step(payload) {
      const event = readEvent(payload);
      if (event === undefined) return undefined;
      if (event.type === "error") state.failed = true;
      if (event.type === "end") state.ended = true;
      return [event.type === "start" ? { ...event, id: options.requestId } : event];
    },
    end() {
      if (state.failed) return { events: [], outcome: "upstream-failed" };
      if (state.ended) return { events: [], outcome: "complete" };
      const cut = failure("provider_interrupted", "The demo's stream ended before the answer did.");
      return { events: [{ type: "error", failure: cut }], outcome: "truncated" };
    },
  };
}

function readEvent(payload: FramePayload): CanonicalEvent | undefined {
  const value = parseJson(payload.data);
  if (!isObject(value) || asString(value["type"]) === undefined) return undefined;
  return value as unknown as CanonicalEvent;
}

function readError(answer: ErrorAnswer): Failure {
  const body = parseJson(Buffer.from(answer.body).toString("utf8"));
  const reported = isObject(body) && isObject(body["error"]) ? body["error"] : undefined;
  if (reported === undefined) return failure("provider_error", `The demo answered ${answer.status}.`);
  const upstream = { dialect: "canonical" as const, status: answer.status };
  return { ...(reported as unknown as Failure), upstream };
}
