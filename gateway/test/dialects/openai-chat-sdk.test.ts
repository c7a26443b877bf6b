import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI, { type APIError } from "openai";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import { failure, failureStatus, type FailureCode } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { writeFinish } from "../../src/dialects/openai-chat/finish.ts";
import { asObject, asString, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { chatClient, decodeStream, encodeEvents, optionsFor } from "../support/openai-chat.ts";

/** What a person or program gets from an answer; the official SDK and our own reading must agree on it. */
type Seen = { readonly choices: readonly SeenChoice[]; readonly usage: SeenUsage | undefined };
type SeenChoice = {
  readonly text: string;
  readonly refusal: string;
  readonly tools: readonly { readonly name: string; readonly arguments: string }[];
  readonly finish: string;
  readonly logprobs: number;
  readonly audio: { readonly data: string; readonly transcript: string } | undefined;
  readonly annotations: number;
};
type SeenUsage = {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
};

const answers = fixtures("openai-chat").filter(({ response, name }) => response.status === 200 && !fails(name));
const streams = answers.filter(({ response }) => response.extension === "sse");
const plains = answers.filter(({ response }) => response.extension === "json");

/** Answers that are errors or break off, for which the SDK throws or shows half an answer. */
function fails(name: string): boolean {
  return /error|done-without-answer/.test(name);
}

/** Recorded streams that the SDK's strict helper rejects. The encoder has to mend what it complains of. */
const rejectedBySdk: { readonly [name: string]: RegExp } = {
  "gemini-stream-tool-no-index": /invalid tool call index/,
  "mistral-stream-parallel-no-index": /invalid tool call index/,
  "snowflake-stream-no-finish": /missing finish_reason/,
  "openai-stream-audio-no-finish": /choices is not iterable/,
};

/** Where the provider's usage is not what OpenAI's fields mean: see `usage.ts`. */
const correctedUsage: { readonly [name: string]: Partial<SeenUsage> } = {
  "azure-grok-cached-beside-prompt": { input: 447 + 539 },
  "copilot-stream-reasoning-text": { output: 31 + 92, reasoning: 92 },
  "gemini-plain-signature-empty-id": { output: 109 - 35, reasoning: 109 - 35 - 12 },
  "xai-plain-reasoning-beside-completion": { output: 27 + 350 },
  "xai-stream-parallel-tools": { output: 68 + 136 },
};

describe("the official SDK and the decoder read the same from recorded streams", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const { events, outcome } = decodeStream(fixture.response.body, optionsFor(fixture));
      assert.equal(outcome, "complete");
      const raw = await rawSeenBySdk(fixture.response.body);
      assert.deepEqual(seenByUs(fold(events)), corrected(fixture.name, raw));
      const complaint = rejectedBySdk[fixture.name];
      if (complaint === undefined) {
        assert.deepEqual(
          corrected(fixture.name, await helperSeenBySdk(fixture.response.body)),
          corrected(fixture.name, raw),
        );
      } else {
        await assert.rejects(helperSeenBySdk(fixture.response.body), complaint);
      }
    });
  }
});

describe("the official SDK's strict helper reads the same from a stream that the encoder wrote again", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const { events } = decodeStream(fixture.response.body, optionsFor(fixture));
      const written = encodeEvents(events, chatClient({ includeUsage: true }));
      assert.deepEqual(await helperSeenBySdk(written), seenByUs(fold(events)));
    });
  }
});

describe("the official SDK and readResponse read the same from recorded plain answers", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      const sdk = seenInCompletion(await createWithSdk(fixture.response.body));
      assert.deepEqual(seenByUs(readPlain(fixture)), corrected(fixture.name, sdk));
    });
  }
});

describe("the official SDK reads the same from a plain answer that we wrote again", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      const response = readPlain(fixture);
      const written = JSON.stringify(openaiChat.client.writeResponse(response, chatClient()));
      assert.deepEqual(seenInCompletion(await createWithSdk(written)), seenByUs(response));
    });
  }
});

describe("the official SDK's strict helper reads a plain answer that was asked for as a stream", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      const response = readPlain(fixture);
      const written = encodeEvents(unfold(response), chatClient({ includeUsage: true }));
      assert.deepEqual(await helperSeenBySdk(written), seenByUs(response));
    });
  }
});

test("the SDK raises the error that ends a stream, and no [DONE] makes it a success", async () => {
  for (const fixture of fixtures("openai-chat").filter(({ name }) => /openrouter-stream-(error|done)/.test(name))) {
    const { events, outcome } = decodeStream(fixture.response.body, optionsFor(fixture));
    assert.notEqual(outcome, "complete", fixture.name);
    const written = encodeEvents(events);
    assert.ok(!written.includes("[DONE]"), fixture.name);
    await assert.rejects(helperSeenBySdk(written), OpenAI.APIError, fixture.name);
  }
});

describe("a failure raises the SDK's own exception class", () => {
  const classes: readonly (readonly [FailureCode, new (...parts: never[]) => APIError, string])[] = [
    ["invalid_parameter", OpenAI.BadRequestError, "invalid_parameter"],
    ["context_length_exceeded", OpenAI.BadRequestError, "context_length_exceeded"],
    ["content_policy_violation", OpenAI.BadRequestError, "content_policy_violation"],
    ["invalid_gateway_key", OpenAI.AuthenticationError, "invalid_api_key"],
    ["model_not_allowed", OpenAI.PermissionDeniedError, "model_not_allowed"],
    ["model_not_found", OpenAI.NotFoundError, "model_not_found"],
    ["provider_conflict", OpenAI.ConflictError, "provider_conflict"],
    ["provider_rate_limited", OpenAI.RateLimitError, "rate_limit_exceeded"],
    ["provider_quota_exhausted", OpenAI.RateLimitError, "insufficient_quota"],
    ["provider_rejected_managed_credential", OpenAI.InternalServerError, "provider_rejected_managed_credential"],
    ["provider_unreachable", OpenAI.InternalServerError, "provider_unreachable"],
    ["gateway_overloaded", OpenAI.InternalServerError, "gateway_overloaded"],
    ["provider_timeout", OpenAI.InternalServerError, "provider_timeout"],
  ];
  for (const [code, expected, wireCode] of classes) {
    test(code, async () => {
      const reason = failure(code, "What happened, why, and what to do.", { param: "model" });
      const { status, headers, body } = openaiChat.client.writeError(reason, {
        agent: "other",
        requestId: "req_TEST",
        framing: "sse",
      });
      assert.equal(status, failureStatus(reason));
      const error = await createWithSdk(JSON.stringify(body), status, headers).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof expected, `${code} became ${String(error)}`);
      assert.equal(error.code, wireCode);
      assert.equal(error.param, "model");
      assert.match(error.message, /What happened/);
    });
  }
});

function readPlain(fixture: Fixture): CanonicalResponse {
  const body = parseJson(fixture.response.body.toString("utf8"));
  assert.ok(body !== undefined);
  const result = openaiChat.upstream.readResponse(body, optionsFor(fixture));
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  return result.value;
}

function corrected(name: string, seen: Seen): Seen {
  if (seen.usage === undefined) return seen;
  return { ...seen, usage: { ...seen.usage, ...correctedUsage[name] } };
}

function seenByUs(response: CanonicalResponse): Seen {
  const { usage } = response;
  return {
    choices: response.candidates.map(({ blocks, finish }) => {
      const tools = blocks.flatMap((block) => (block.type === "tool-call" ? [block] : []));
      const texts = blocks.flatMap((block) => (block.type === "text" ? [block] : []));
      const refusal = blocks.map((block) => (block.type === "refusal" ? block.text : "")).join("");
      const audio = blocks.find((block) => block.type === "media");
      return {
        text: texts.map(({ text }) => text).join(""),
        refusal,
        tools: tools.map(({ name, argumentsText }) => ({ name, arguments: argumentsText || "{}" })),
        finish: writeFinish(finish, { toolCalls: tools.length > 0, refusal: refusal !== "", legacyFunctions: false }),
        logprobs: texts.flatMap(({ logprobs }) => logprobs ?? []).length,
        audio:
          audio?.source.by === "base64" ? { data: audio.source.data, transcript: audio.transcript ?? "" } : undefined,
        annotations: texts.flatMap(({ citations }) => citations ?? []).length,
      };
    }),
    usage:
      usage === undefined
        ? undefined
        : {
            input: usage.inputTotal,
            output: usage.outputTotal,
            cached: usage.cacheRead,
            reasoning: usage.reasoning ?? 0,
          },
  };
}

function seenInCompletion(completion: ChatCompletion): Seen {
  return {
    choices: completion.choices.map(({ message, finish_reason, logprobs }) => {
      const legacy = message.function_call;
      const calls = (message.tool_calls ?? []).flatMap((call) => (call.type === "function" ? [call.function] : []));
      const tools = legacy?.name ? [...calls, legacy] : calls;
      const audio = message.audio?.data ? message.audio : undefined;
      return {
        // Mistral and Cloudflare send what is no string; their texts are compared as what they mean.
        text: plainText(message.content),
        refusal: message.refusal ?? "",
        tools: tools.map((call) => ({ name: call.name, arguments: call.arguments })),
        finish: expectedFinish(finish_reason, tools.length > 0),
        logprobs: logprobs?.content?.length ?? 0,
        audio: audio === undefined ? undefined : { data: audio.data, transcript: audio.transcript },
        annotations: message.annotations?.length ?? 0,
      };
    }),
    usage: seenUsage(completion.usage),
  };
}

function plainText(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === null || content === undefined) return "";
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map((part: JsonObject) => (part["type"] === "text" ? (asString(part["text"]) ?? "") : "")).join("");
}

/** Words and omissions of single providers, said in OpenAI's terms. */
function expectedFinish(native: string | null | undefined, hasTools: boolean): string {
  const reason = native === "eos" || !native ? "stop" : native;
  return hasTools && reason !== "length" && reason !== "content_filter" ? "tool_calls" : reason;
}

function seenUsage(usage: ChatCompletion["usage"]): SeenUsage | undefined {
  if (usage === undefined || usage === null) return undefined;
  const cached = asObject(usage)?.["prompt_cache_hit_tokens"] ?? asObject(usage)?.["cached_tokens"];
  return {
    input: usage.prompt_tokens,
    output: usage.completion_tokens,
    cached: usage.prompt_tokens_details?.cached_tokens ?? (typeof cached === "number" ? cached : 0),
    reasoning: usage.completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

/** The SDK's own stream parser and the plainest accumulation that the format's description allows. */
async function rawSeenBySdk(body: Uint8Array | string): Promise<Seen> {
  const stream = await sdk(body, 200, { "content-type": "text/event-stream" }).chat.completions.create({
    ...question,
    stream: true,
  });
  const choices: {
    text: string;
    refusal: string;
    tools: { name: string; arguments: string }[];
    finish: string;
    logprobs: number;
    data: string;
    transcript: string;
  }[] = [];
  let usage: ChatCompletion["usage"];
  for await (const chunk of stream) {
    usage = usageOf(chunk) ?? usage;
    for (const { index, delta, finish_reason, logprobs } of chunk.choices ?? []) {
      const choice = (choices[index] ??= {
        text: "",
        refusal: "",
        tools: [],
        finish: "",
        logprobs: 0,
        data: "",
        transcript: "",
      });
      choice.text += delta?.content ?? "";
      choice.refusal += delta?.refusal ?? "";
      choice.finish = finish_reason ?? choice.finish;
      choice.logprobs += logprobs?.content?.length ?? 0;
      const audio = asObject(asObject(delta)?.["audio"]);
      choice.data += asString(audio?.["data"]) ?? "";
      choice.transcript += asString(audio?.["transcript"]) ?? "";
      for (const call of delta?.tool_calls ?? []) {
        const place = call.index ?? choice.tools.length;
        const tool = (choice.tools[place] ??= { name: "", arguments: "" });
        tool.name ||= call.function?.name ?? "";
        tool.arguments += call.function?.arguments ?? "";
      }
    }
  }
  return {
    choices: choices.map(({ text, refusal, tools, finish, logprobs, data, transcript }) => ({
      text,
      refusal,
      tools,
      finish: expectedFinish(finish, tools.length > 0),
      logprobs,
      audio: data === "" ? undefined : { data, transcript },
      annotations: 0,
    })),
    usage: seenUsage(usage),
  };
}

function usageOf(chunk: ChatCompletionChunk): ChatCompletion["usage"] {
  return chunk.usage ?? undefined;
}

async function helperSeenBySdk(body: Uint8Array | string): Promise<Seen> {
  const runner = sdk(body, 200, { "content-type": "text/event-stream" }).chat.completions.stream({
    ...question,
    stream_options: { include_usage: true },
  });
  return seenInCompletion(await runner.finalChatCompletion());
}

async function createWithSdk(
  body: Uint8Array | string,
  status = 200,
  headers: { readonly [name: string]: string } = {},
): Promise<ChatCompletion> {
  return sdk(body, status, { ...headers, "content-type": "application/json" }).chat.completions.create(question);
}

const question = { model: "test-model", messages: [{ role: "user" as const, content: "Hello" }] };

/** A client whose server always answers the same. */
function sdk(body: Uint8Array | string, status: number, headers: { readonly [name: string]: string }): OpenAI {
  const bytes = Buffer.from(body);
  const fetch = () => Promise.resolve(new Response(bytes, { status, headers }));
  return new OpenAI({ apiKey: "test", baseURL: "http://gateway.test/v1", maxRetries: 0, fetch });
}
