import { isUtf8 } from "node:buffer";
import { failure, type Failure } from "../canonical/failure.ts";
import { wireRequest, type WireRequest } from "../dialects/wire-request.ts";
import { JSON_DEPTH_MAX, scanObject, type ScanProblem } from "../framing/json-scan.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { Match } from "./table.ts";

/**
 * Keys that decide what a request is, or what it may cost: a second one could make a provider see another request than was
 * authorised and budgeted.
 */
const decidingKeys = [
  "model",
  "stream",
  "messages",
  "input",
  "contents",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "n",
  "generationConfig",
] as const;

/** A JSON body as it came in, scanned once; nothing is parsed yet. */
export function readWire(
  match: Match,
  query: URLSearchParams,
  headers: { readonly [name: string]: string | undefined },
  raw: Uint8Array,
): Result<WireRequest, Failure> {
  if (!isUtf8(raw)) return fail(failure("invalid_utf8", "The request body is not valid UTF-8."));
  const scanned = scanObject(raw, { depthMax: JSON_DEPTH_MAX });
  if (!scanned.ok) return fail(scanFailure(scanned.error));
  const scan = scanned.value;
  const { duplicates } = scan;
  const repeated = duplicates.length === 0 ? undefined : decidingKeys.find((key) => duplicates.includes(key));
  if (repeated !== undefined) {
    const message = `The request body has the key "${repeated}" more than once. Send it once.`;
    return fail(failure("duplicate_key", message, { param: repeated }));
  }
  return ok(wireRequest({ path: match.path, pathModel: match.subject, query, headers, raw, scan }));
}

function scanFailure(problem: ScanProblem): Failure {
  switch (problem.kind) {
    case "too-deep":
      return failure("json_too_deep", problem.message);
    case "empty":
      return failure("invalid_json", "The request has no body. Send a JSON object.");
    case "not-json":
    case "not-object":
      return failure("invalid_json", problem.message);
    default:
      return problem.kind satisfies never;
  }
}
