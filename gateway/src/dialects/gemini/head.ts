import { failure, type Failure } from "../../canonical/failure.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { Echo, Head } from "../dialect.ts";
import { member, type WireRequest } from "../wire-request.ts";
import { field, number } from "./fields.ts";

const STREAM_SUFFIX = ":streamGenerateContent";
const COUNT_TOKENS_SUFFIX = ":countTokens";

/**
 * The model stands in the path, streaming is an operation of its own, the rest is in `generationConfig`. No member of the body
 * names a conversation.
 */
export function readHead(wire: WireRequest): Result<Head, Failure> {
  const missing = missingContents(wire);
  if (missing !== undefined) return fail(missing);
  const config = generationConfig(wire);
  return ok({
    model: wire.pathModel,
    stream: wire.path.endsWith(STREAM_SUFFIX),
    candidates: number(field(config, "candidateCount")) ?? 1,
    includeUsage: true,
    ...compact({ maxTokens: number(field(config, "maxOutputTokens")) }),
  });
}

/** Thoughts are shown to those only who asked for them. */
export function readEcho(wire: WireRequest): Echo {
  const thinking = asObject(field(generationConfig(wire), "thinkingConfig")) ?? {};
  return { includeThoughts: field(thinking, "includeThoughts") === true };
}

export function showsThoughts(echo: Echo): boolean {
  return echo["includeThoughts"] === true;
}

function generationConfig(wire: WireRequest): JsonObject {
  return asObject(member(wire, "generationConfig") ?? member(wire, "generation_config")) ?? {};
}

const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** Looks at the first byte only: the conversation may be megabytes, and routing does not need it. */
function missingContents(wire: WireRequest): Failure | undefined {
  const { members } = wire.scan;
  const isCount = wire.path.endsWith(COUNT_TOKENS_SUFFIX);
  if (isCount && (members.has("generateContentRequest") || members.has("generate_content_request"))) return undefined;
  const span = members.get("contents");
  if (span === undefined) {
    return failure(
      "missing_parameter",
      "`contents` is missing. It holds the conversation: a list of `{role, parts}`, of which the last is usually the user's.",
      { param: "contents" },
    );
  }
  const first = wire.raw[span.start];
  if (first === OPEN_BRACKET || first === OPEN_BRACE) return undefined;
  return failure("invalid_parameter", "`contents` must be a list of `{role, parts}`.", { param: "contents" });
}
