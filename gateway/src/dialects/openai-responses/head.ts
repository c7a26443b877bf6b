import { failure, type Failure } from "../../canonical/failure.ts";
import {
  asArray,
  asBoolean,
  asNumber,
  asObject,
  asString,
  compact,
  isObject,
  type Json,
  type JsonObject,
} from "../../lib/json.ts";
import { fail, ok, type Result } from "../../lib/result.ts";
import type { Echo, Head } from "../dialect.ts";
import { member, type WireRequest } from "../wire-request.ts";

/** What routing needs, from the top-level spans alone. Values that only a provider can judge are left to it. */
export function readHead(wire: WireRequest): Result<Head, Failure> {
  const model = member(wire, "model") ?? null;
  if (model !== null && typeof model !== "string") return fail(wrongType("model", "a string"));
  const stream = member(wire, "stream") ?? null;
  if (stream !== null && typeof stream !== "boolean") return fail(wrongType("stream", "true or false"));
  const problem = inputProblem(wire);
  if (problem !== undefined) return fail(problem);
  return ok(
    compact({
      model: model ?? "",
      stream: stream ?? false,
      maxTokens: asNumber(member(wire, "max_output_tokens")),
      candidates: 1,
      includeUsage: true,
      sessionKey: nonEmpty(member(wire, "prompt_cache_key")) ?? nonEmpty(member(wire, "user")),
    }),
  );
}

/**
 * The settings that a response object repeats, with the API's defaults where the request is silent, and the tools that a
 * translated answer's calls must be matched with.
 */
export function readEcho(wire: WireRequest): Echo {
  const echo: JsonObject = {};
  for (const [key, setting] of Object.entries(settings)) {
    const value = member(wire, key);
    echo[key] = value !== undefined && setting.accepts(value) ? setting.complete(value) : setting.fallback;
  }
  const additional = additionalTools(wire);
  if (additional.length > 0) echo[ADDITIONAL_TOOLS] = additional;
  return echo;
}

/** Tools declared inside the input; kept for reading calls, and not one of the settings that answers repeat. */
export const ADDITIONAL_TOOLS = "additional_tools";

type Setting = {
  readonly accepts: (value: Json) => boolean;
  readonly complete: (value: Json) => Json;
  readonly fallback: Json;
};

const settings: { readonly [key: string]: Setting } = {
  background: plain(asBoolean, false),
  instructions: plain((value) => asString(value) ?? asArray(value), null),
  max_output_tokens: plain(asNumber, null),
  max_tool_calls: plain(asNumber, null),
  metadata: plain(asObject, {}),
  parallel_tool_calls: plain(asBoolean, true),
  previous_response_id: plain(asString, null),
  prompt_cache_key: plain(asString, null),
  reasoning: completed({ effort: null, summary: null }),
  safety_identifier: plain(asString, null),
  service_tier: plain(asString, "auto"),
  store: plain(asBoolean, true),
  temperature: plain(asNumber, 1),
  text: completed({ format: { type: "text" } }),
  tool_choice: plain((value) => asString(value) ?? asObject(value), "auto"),
  tools: plain(asArray, []),
  top_logprobs: plain(asNumber, 0),
  top_p: plain(asNumber, 1),
  truncation: plain(asString, "disabled"),
  user: plain(asString, null),
};

/** The keys of the echo that a response object carries. */
export const echoedSettings: readonly string[] = Object.keys(settings);

function plain(read: (value: Json) => Json | undefined, fallback: Json): Setting {
  return { accepts: (value) => read(value) !== undefined, complete: (value) => value, fallback };
}

/** An object whose absent members have defaults of their own. */
function completed(fallback: JsonObject): Setting {
  return { accepts: isObject, complete: (value) => ({ ...fallback, ...asObject(value) }), fallback };
}

const QUOTE = 0x22;
const BRACKET = 0x5b;

/** `input` is judged by its first byte: it is the bulk of the body, and parsing it is not routing's business. */
function inputProblem(wire: WireRequest): Failure | undefined {
  const span = wire.scan.members.get("input");
  if (span !== undefined) {
    const first = wire.raw[span.start];
    if (first === QUOTE || first === BRACKET) return undefined;
  }
  const elsewhere = ["prompt", "previous_response_id", "conversation"].some((key) => isPresent(wire, key));
  if (span !== undefined && isPresent(wire, "input")) return wrongType("input", "a string or an array of items");
  if (elsewhere) return undefined;
  return failure(
    "missing_parameter",
    "The request has no `input`. Send the text of the user, or an array of input items, as `input`.",
    { param: "input" },
  );
}

function isPresent(wire: WireRequest, key: string): boolean {
  return (member(wire, key) ?? null) !== null;
}

/** Codex declares tools in `additional_tools` items of the input. The input is parsed only where its bytes name them. */
function additionalTools(wire: WireRequest): Json[] {
  const span = wire.scan.members.get("input");
  if (span === undefined || wire.raw[span.start] !== BRACKET) return [];
  if (!latin1.decode(wire.raw.subarray(span.start, span.end)).includes('"additional_tools"')) return [];
  const items = asArray(member(wire, "input")) ?? [];
  return items
    .map(asObject)
    .filter((item) => item?.["type"] === "additional_tools")
    .flatMap((item) => asArray(item?.["tools"]) ?? []);
}

/** One character per byte: enough to look for ASCII, and several times faster than decoding UTF-8. */
const latin1 = new TextDecoder("latin1");

function nonEmpty(value: Json | undefined): string | undefined {
  const text = asString(value);
  return text === "" ? undefined : text;
}

function wrongType(param: string, expected: string): Failure {
  return failure("invalid_parameter", `\`${param}\` must be ${expected}.`, { param });
}
