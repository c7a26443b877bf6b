import type { Comparison } from "./fidelity/answers.ts";
import { manyAnswers } from "./fidelity/answers.ts";
import type { RequestCheck, RequestProblem } from "./fidelity/requests.ts";
import type { Difference } from "./fidelity/seen.ts";
import { asArray, asObject, asString, parseJson, type JsonObject } from "../gateway/src/lib/json.ts";

/** Differences that are no fault of a translation, each with why. They are listed in every report, with the recordings. */
export type FidelityException = {
  readonly name: string;
  readonly reason: string;
  /** Whether it excuses this difference of this comparison. As narrow as the reason: what was expected instead is checked too. */
  readonly excuses: (difference: Difference, comparison: Comparison) => boolean;
};

export const fidelityExceptions: readonly FidelityException[] = [
  {
    name: "one-answer",
    reason:
      "The recorded request asked for several answers. Messages and Responses have one: their clients cannot ask for more, and get the first.",
    excuses: ({ path, actual }, { client, candidates }) =>
      candidates > 1 && !manyAnswers.has(client) && /^answers\[[1-9]\d*\]$/.test(path) && actual === undefined,
  },
  {
    name: "input-estimate",
    reason:
      "The provider reported no usage at all. A Messages stream begins with the prompt's tokens, so its client was given our estimate, and no count came to replace it.",
    excuses: ({ path }, { client, recording, expected }) =>
      path === "usage.input" && client === "anthropic-messages" && recording.stream && isUncounted(expected),
  },
  {
    name: "reasoning-beside-output",
    reason:
      "The provider counts reasoning beside `completion_tokens`, which its own `total_tokens` shows; every format translated to counts it within the output.",
    excuses: ({ path, actual }, comparison) => {
      const usage = lastUsage(comparison);
      return (
        path === "usage.output" &&
        usage !== undefined &&
        actual === number(usage, "total_tokens") - number(usage, "prompt_tokens")
      );
    },
  },
  {
    name: "cached-beside-input",
    reason:
      "The provider reports more cached tokens than prompt tokens, so it counts them beside the prompt; every format translated to counts them within the input.",
    excuses: ({ path, expected, actual }, { expected: seen }) =>
      path === "usage.input" &&
      !("failed" in seen) &&
      seen.usage.cached > seen.usage.input &&
      actual === Number(expected) + seen.usage.cached,
  },
  {
    name: "vendor-counters",
    reason:
      "The provider reports cached tokens or all usage under names of its own (`num_cached_tokens`, top-level `cached_tokens`, `x_groq.usage`), which the SDK hands out but OpenAI's format does not know. A translation says them in the client's own words.",
    excuses: ({ path, expected, actual }, comparison) =>
      path.startsWith("usage.") && expected === 0 && vendorCounters(comparison, path).includes(Number(actual)),
  },
  {
    name: "choice-error",
    reason:
      "OpenRouter reports on the choice itself that the model broke off. To the SDK that is text; the gateway takes it for the failure it is, so that another provider can be asked.",
    excuses: ({ path }, { recording, upstream }) =>
      path === "failed" &&
      upstream === "openai-chat" &&
      choicesIn(recording.response.body).some((choice) => asObject(choice["error"]) !== undefined),
  },
  {
    name: "no-terminal",
    reason:
      "The recorded stream ends without a finish reason. Nothing tells it from a connection that broke, so it is an error and never a success; the SDK does not look.",
    excuses: ({ path, actual }, { recording, upstream }) =>
      path === "failed" &&
      upstream === "gemini" &&
      recording.stream &&
      !/finishReason|blockReason/.test(recording.response.body) &&
      asString(actual)?.includes("stream ended before") === true,
  },
  {
    name: "argument-pieces",
    reason:
      "Gemini streamed a call's arguments in pieces (`partialArgs`). Its SDK hands out the pieces; the other formats have whole arguments, which the gateway puts together (and its own tests hold to the pieces).",
    excuses: ({ path }, { recording, upstream, client }) =>
      upstream === "gemini" &&
      client !== "gemini" &&
      path.includes(".calls[") &&
      recording.response.body.includes('"partialArgs"'),
  },
  {
    name: "spoken-answer",
    reason: "The answer is audio, for which Messages has no place: its client reads the transcript.",
    excuses: ({ path, expected, actual }, { client, recording }) =>
      client === "anthropic-messages" &&
      path === "answers[0].text" &&
      expected === "" &&
      /"audio":\s*\{/.test(recording.response.body) &&
      typeof actual === "string",
  },
  {
    name: "sdk-refuses-recording",
    reason:
      "The provider's SDK refuses what was recorded: events without their names, two messages in one stream, a last event without its blank line. The gateway reads what is there.",
    excuses: ({ path, expected, actual }) =>
      path === "failed" &&
      actual === false &&
      /Unexpected event order|Incomplete JSON segment|without sending any chunks/.test(asString(expected) ?? ""),
  },
  {
    name: "explained-refusal",
    reason:
      "Anthropic explains a refusal beside the content (`stop_details.explanation`). OpenAI's formats have `refusal` for that, which their clients show as what was said.",
    excuses: ({ path, expected, actual }, { upstream, client, recording }) => {
      const said = /"explanation"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(recording.response.body)?.[1];
      const isShown = upstream === "anthropic-messages" && client.startsWith("openai-") && path === "answers[0].text";
      return isShown && said !== undefined && actual === `${asString(expected) ?? ""}${JSON.parse(said)}`;
    },
  },
  {
    name: "shortened-deltas",
    reason:
      "The project that keeps this file cut its deltas short; the whole text stands in the last event only, and what was streamed cannot be taken back.",
    excuses: ({ path, expected, actual }, { recording, upstream }) =>
      upstream === "openai-responses" &&
      recording.stream &&
      recording.request === null &&
      path === "answers[0].text" &&
      (asString(expected) ?? "").length > (asString(actual) ?? "").length,
  },
];

/** Requests that another format cannot say, each with why. The client gets the gateway's refusal, which tells it what to do. */
export type RequestException = {
  readonly name: string;
  readonly reason: string;
  readonly excuses: (problem: RequestProblem, check: RequestCheck) => boolean;
};

export const requestExceptions: readonly RequestException[] = [
  {
    name: "refused-by-its-provider",
    reason: "The request is malformed: the provider that it was recorded with answered 4xx as well.",
    excuses: ({ kind }, { recording }) => kind === "unread" && recording.response.status >= 400,
  },
  refusal(
    "nothing-to-answer",
    "The request has no content at all, or only an empty text, which the target does not take.",
    [/nothing to answer/i, /nothing in it that can be sent/, /^Nothing in /],
  ),
  refusal("several-answers", "The request asks for several answers, and the target gives one.", [
    /at most 1 answer/,
    /gives one answer per request/,
  ]),
  refusal("file-of-another-provider", "A file that was uploaded can be read only by the provider that stores it.", [
    /uploaded to another provider/,
    /only the provider (where|that)/,
    /given by the id of a file/,
  ]),
  refusal(
    "state-of-another-provider",
    "Conversations, responses and contents that a provider stores exist there only; so does its background mode.",
    [
      /names (a conversation|content) that this provider does not have/,
      /cannot continue a stored response/,
      /no stored conversations/,
      /is known to Google only/,
      /background/,
    ],
  ),
  refusal("medium-not-taken", "The target's models take or give no such medium, or not by reference.", [
    /take(s)? no (audio|video)/,
    /contains (audio|video) in messages, which the Responses API/,
    /answer in text only/,
    /is given by its bytes; this one is given by a URL/,
    /take PDF and plain text as documents/,
  ]),
  refusal("approval-of-calls", "Only OpenAI's Responses API asks the client before an MCP server's tools are called.", [
    /approval/,
  ]),
  refusal("tool-of-another-provider", "The request demands a tool that the target's provider does not have.", [
    /cannot be demanded/,
  ]),
];

function refusal(name: string, reason: string, words: readonly RegExp[]): RequestException {
  return { name, reason, excuses: ({ kind, said }) => kind === "refused" && words.some((each) => each.test(said)) };
}

function isUncounted(seen: Comparison["expected"]): boolean {
  return !("failed" in seen) && seen.usage.input === 0 && seen.usage.output === 0 && seen.usage.cached === 0;
}

/** The bodies of an answer: the one document, or every payload of a stream. */
function documents(body: string): JsonObject[] {
  const whole = asObject(parseJson(body.trim()));
  if (whole !== undefined) return [whole];
  return body.split(/\r?\n/).flatMap((line) => {
    const payload = line.startsWith("data:") ? asObject(parseJson(line.slice(5))) : undefined;
    return payload === undefined ? [] : [payload];
  });
}

function choicesIn(body: string): JsonObject[] {
  return documents(body).flatMap((each) => (asArray(each["choices"]) ?? []).map((choice) => asObject(choice) ?? {}));
}

function lastUsage({ recording, upstream }: Comparison): JsonObject | undefined {
  if (upstream !== "openai-chat") return undefined;
  return documents(recording.response.body)
    .map((each) => asObject(each["usage"]))
    .findLast((usage) => usage !== undefined);
}

function number(object: JsonObject, key: string): number {
  const value = object[key];
  return typeof value === "number" ? value : 0;
}

const ownNames: { readonly [path: string]: readonly string[] } = {
  "usage.input": ["prompt_tokens"],
  "usage.output": ["completion_tokens"],
  "usage.cached": ["num_cached_tokens", "cached_tokens", "prompt_cache_hit_tokens"],
};

function vendorCounters(comparison: Comparison, path: string): number[] {
  const usage = path === "usage.cached" ? lastUsage(comparison) : undefined;
  const groq = documents(comparison.recording.response.body).map((each) =>
    asObject(asObject(each["x_groq"])?.["usage"]),
  );
  const counted = [usage, ...groq].filter((each) => each !== undefined);
  return counted.flatMap((each) => (ownNames[path] ?? []).map((name) => number(each, name)));
}
