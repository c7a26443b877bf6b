import { failure, type Failure } from "../../canonical/failure.ts";
import type { CandidateMeta, CanonicalResponse } from "../../canonical/response.ts";
import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { DecoderOptions } from "../dialect.ts";
import { readInBandError } from "./errors.ts";
import { readFinish } from "./finish.ts";
import { otherMembers, readBlocks } from "./read-blocks.ts";
import { readUsage } from "./usage.ts";

/** Members of a message that the canonical response holds; the rest (`diagnostics`, `context_management`…) becomes extras. */
const knownKeys = [
  "id",
  "type",
  "role",
  "model",
  "content",
  "stop_reason",
  "stop_sequence",
  "stop_details",
  "container",
  "usage",
];

/** A plain answer. Proxies send errors with status 200 too; a body without `content` is no answer. */
export function readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure> {
  if (!isObject(body)) return fail(notAMessage("its body is not a JSON object"));
  if (isError(body)) return fail(readInBandError(body));
  const content = asArray(body["content"]);
  if (content === undefined) return fail(notAMessage("its body has no `content`"));
  const blocks = readBlocks(content, { issuer: { provider: options.issuer }, opensEnvelopes: false });
  const usage = asObject(body["usage"]);
  const rest = otherMembers(body, knownKeys);
  return ok(
    compact({
      id: asString(body["id"]) ?? options.requestId,
      model: asString(body["model"]) ?? "",
      createdAt: options.createdAt,
      candidates: [
        {
          index: 0,
          blocks,
          finish: readFinish(
            body,
            blocks.some((block) => block.type === "tool-call"),
          ),
          ...readMeta(body),
        },
      ],
      usage: usage === undefined ? undefined : readUsage(usage),
      tier: readServedTier(usage),
      speed: asString(usage?.["speed"]),
      losses: [],
      extras: rest === undefined ? {} : { "anthropic-messages": rest },
    }),
  );
}

/** The container of the answer's code runs, null where it ran none. */
export function readMeta(wire: JsonObject): { readonly meta?: CandidateMeta } {
  const { container } = wire;
  return isObject(container) ? { meta: { container } } : {};
}

/** Whether a body or event reports an error. */
export function isError(body: JsonObject): boolean {
  return body["type"] === "error" || (body["content"] === undefined && isObject(body["error"]));
}

/** The tier that served the request. Anthropic's `standard` is what the others call `default`. */
export function readServedTier(usage: JsonObject | undefined): string | undefined {
  const tier = asString(usage?.["service_tier"]);
  return tier === "standard" ? "default" : tier;
}

function notAMessage(reason: string): Failure {
  return failure("provider_bad_response", `The provider answered with success, but not with a message: ${reason}.`);
}
