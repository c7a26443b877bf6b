import { failure, type Failure } from "../../canonical/failure.ts";
import type { CanonicalResponse } from "../../canonical/response.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { DecoderOptions } from "../dialect.ts";
import { readFinish } from "./finish.ts";
import { readBlocks } from "./read-blocks.ts";
import { readUsage } from "./usage.ts";

/** Members of an answer that the canonical response holds; the rest (`metrics`, `trace`, `performanceConfig`) becomes extras. */
const knownKeys: ReadonlySet<string> = new Set([
  "output",
  "stopReason",
  "usage",
  "serviceTier",
  "additionalModelResponseFields",
]);

/** A `ConverseResponse`. It has neither an id nor the model's name, so both are the exchange's own. */
export function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  const content = asArray(asObject(asObject(asObject(body)?.["output"])?.["message"])?.["content"]);
  if (!isObject(body) || content === undefined) return fail(failure("provider_bad_response", NO_MESSAGE));
  const blocks = readBlocks(content, { provider: options.issuer });
  const hasToolCall = blocks.some((block) => block.type === "tool-call");
  const usage = asObject(body["usage"]);
  const rest: JsonObject = Object.fromEntries(Object.entries(body).filter(([key]) => !knownKeys.has(key)));
  return ok(
    compact({
      id: options.requestId,
      model: options.model ?? "",
      createdAt: options.createdAt,
      candidates: [{ index: 0, blocks, finish: readFinish(body, hasToolCall) }],
      usage: usage === undefined ? undefined : readUsage(usage),
      tier: readTier(body),
      losses: [],
      extras: Object.keys(rest).length === 0 ? {} : { "bedrock-converse": rest },
    }),
  );
}

const NO_MESSAGE = "The provider answered with success, but not with a message. Send the request again.";

/** The tier that served the request. */
export function readTier(wire: JsonObject): string | undefined {
  return asString(asObject(wire["serviceTier"])?.["type"]);
}
