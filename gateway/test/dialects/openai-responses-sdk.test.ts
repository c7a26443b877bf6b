import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import type { Response as SdkResponse } from "openai/resources/responses/responses";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { parseJson } from "../../src/lib/json.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { decoderOptions, decodeStream, encodeEvents, responsesClient } from "../support/openai-responses.ts";

/** What a program gets from an answer; the official SDK and our own reading must agree on it. */
type Seen = {
  readonly text: string;
  readonly refusal: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly text: string }[];
  readonly annotations: number;
  readonly status: string;
  readonly usage: {
    readonly input: number;
    readonly cached: number;
    readonly output: number;
    readonly reasoning: number;
  };
};

const answers = fixtures("openai-responses").filter(({ response }) => response.status === 200);
const streams = answers.filter(({ response, name }) => response.extension === "sse" && name !== "stream-failed");
const plains = answers.filter(({ response }) => response.extension === "json");

/** Recordings that the SDK's strict helper refuses or misreads: events that it does not know, an empty `output_text` on the wire. */
const notForTheHelper = new Set(["bedrock-stream-raw-reasoning", "stream-apply-patch", "openrouter-stream-reasoning"]);

/** A sample whose authors cut its deltas short; the text of its last event contradicts them. */
const shortened = "stream-shell";

describe("the official SDK and the decoder read the same from recorded streams", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const decoded = decodeStream(fixture.response.body);
      assert.equal(decoded.outcome, "complete");
      const read = notForTheHelper.has(fixture.name) ? iterate : accumulate;
      const theirs = seenBySdk(await read(fixture.response.body));
      const text = fixture.name === shortened ? "The command ran successfully." : theirs.text;
      assert.deepEqual(seenByUs(fold(decoded.events)), { ...theirs, text });
    });
  }
});

describe("the strict helper reads the same from a stream that the encoder wrote again", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const { events } = decodeStream(fixture.response.body);
      const again = await accumulate(encodeEvents(events));
      assert.deepEqual(seenBySdk(again), seenByUs(fold(events)));
    });
  }
});

describe("the official SDK and readResponse read the same from recorded plain answers", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      const response = readPlain(fixture);
      const theirs = seenBySdk(await create(fixture.response.body.toString("utf8")));
      assert.deepEqual(seenByUs(response), theirs);
      if (theirs.status === "queued") return; // Not an answer yet: only passed on, never written.
      const written = openaiResponses.client.writeResponse(response, responsesClient());
      assert.deepEqual(seenBySdk(await create(JSON.stringify(written))), theirs, "written again");
      assert.deepEqual(seenBySdk(await accumulate(encodeEvents(unfold(response)))), theirs, "as a stream");
    });
  }
});

describe("a plain answer is what a stream of it ends with", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const response = fold(decodeStream(fixture.response.body).events);
      const client = responsesClient();
      const streamed = await iterate(encodeEvents(unfold(response), client));
      assert.deepEqual(streamed, openaiResponses.client.writeResponse(response, client));
    });
  }
});

describe("the SDK's exception classes", () => {
  const classes: readonly (readonly [Failure, new (...parameters: never[]) => Error, string | null])[] = [
    [failure("invalid_parameter", "no"), OpenAI.BadRequestError, "invalid_parameter"],
    [failure("context_length_exceeded", "no"), OpenAI.BadRequestError, "context_length_exceeded"],
    [failure("invalid_gateway_key", "no"), OpenAI.AuthenticationError, "invalid_api_key"],
    [failure("project_mismatch", "no"), OpenAI.PermissionDeniedError, "project_mismatch"],
    [failure("model_not_found", "no"), OpenAI.NotFoundError, "model_not_found"],
    [failure("provider_conflict", "no"), OpenAI.ConflictError, "provider_conflict"],
    [failure("provider_rate_limited", "no", { retryAfterMs: 1500 }), OpenAI.RateLimitError, "rate_limit_exceeded"],
    [failure("provider_quota_exhausted", "no"), OpenAI.RateLimitError, "insufficient_quota"],
    [failure("provider_overloaded", "no"), OpenAI.InternalServerError, "server_overloaded"],
    [failure("provider_timeout", "no"), OpenAI.InternalServerError, "provider_timeout"],
    [failure("internal", "no"), OpenAI.InternalServerError, "internal"],
  ];
  for (const [of, expected, code] of classes) {
    test(`${of.code} is a ${expected.name}`, async () => {
      const written = openaiResponses.client.writeError(of, { agent: "other", requestId: "req_1", framing: "sse" });
      const answer = () => new Response(JSON.stringify(written.body), { status: written.status });
      await assert.rejects(
        async () => sdk(answer).responses.create({ model: "gpt-5", input: "Hello" }),
        (error) => error instanceof expected && error instanceof OpenAI.APIError && error.code === code,
      );
    });
  }

  test("a failure in mid-stream leaves the helper with a failed response that has the text so far", async () => {
    const text = encodeEvents([
      { type: "start", id: "resp_1", model: "m", createdAt: 1 },
      { type: "block-start", candidate: 0, block: 0, kind: "text", initial: { type: "text", text: "" } },
      { type: "text-delta", candidate: 0, block: 0, text: "half an ans" },
      { type: "error", failure: failure("provider_interrupted", "The stream broke off.") },
    ]);
    const response = await accumulate(text);
    assert.equal(response.status, "failed");
    assert.equal(response.error?.message, "The stream broke off.");
    assert.equal(response.output_text, "half an ans");
  });

  test("a failure before the response began is raised", async () => {
    const text = encodeEvents([{ type: "error", failure: failure("provider_overloaded", "Too busy.") }]);
    await assert.rejects(
      accumulate(text),
      (error) => error instanceof OpenAI.APIError && /Too busy/.test(error.message),
    );
  });
});

function sdk(answer: () => Response): OpenAI {
  return new OpenAI({
    apiKey: "dragoman",
    baseURL: "http://gateway.invalid/v1",
    maxRetries: 0,
    fetch: () => Promise.resolve(answer()),
  });
}

function sse(body: Uint8Array | string): () => Response {
  return () => new Response(Buffer.from(body), { headers: { "content-type": "text/event-stream" } });
}

/** The strict helper: it checks every identity, index and type. */
async function accumulate(body: Uint8Array | string): Promise<SdkResponse> {
  const response = await sdk(sse(body)).responses.stream({ model: "gpt-5", input: "Hello" }).finalResponse();
  assert.equal(response.output_text, seenBySdk(response).text);
  return response;
}

/** Plain iteration: the response object of the last lifecycle event. */
async function iterate(body: Uint8Array | string): Promise<SdkResponse> {
  let last: SdkResponse | undefined;
  for await (const event of await sdk(sse(body)).responses.create({ model: "gpt-5", input: "Hello", stream: true })) {
    if ("response" in event) last = event.response;
  }
  assert.ok(last !== undefined);
  return last;
}

async function create(body: string): Promise<SdkResponse> {
  const answer = () => new Response(body, { headers: { "content-type": "application/json" } });
  return sdk(answer).responses.create({ model: "gpt-5", input: "Hello" });
}

function readPlain(fixture: Fixture): CanonicalResponse {
  const body = parseJson(fixture.response.body.toString("utf8"));
  const read = openaiResponses.upstream.readResponse(body ?? null, decoderOptions);
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

function seenBySdk(response: SdkResponse): Seen {
  const seen = { text: "", refusal: "", reasoning: "", annotations: 0 };
  const calls: { id: string; name: string; text: string }[] = [];
  for (const item of response.output) {
    if (item.type === "function_call") calls.push({ id: item.call_id, name: item.name, text: item.arguments });
    if (item.type === "custom_tool_call") calls.push({ id: item.call_id, name: item.name, text: item.input });
    if (item.type === "reasoning") {
      for (const part of [...(item.summary ?? []), ...(item.content ?? [])]) seen.reasoning += part.text;
    }
    if (item.type !== "message") continue;
    for (const part of item.content) {
      if (part.type === "refusal") seen.refusal += part.refusal;
      else {
        seen.text += part.text;
        seen.annotations += part.annotations?.length ?? 0;
      }
    }
  }
  const { usage } = response;
  return {
    ...seen,
    calls,
    status: response.status ?? "",
    usage: {
      input: usage?.input_tokens ?? 0,
      cached: usage?.input_tokens_details?.cached_tokens ?? 0,
      output: usage?.output_tokens ?? 0,
      reasoning: usage?.output_tokens_details?.reasoning_tokens ?? 0,
    },
  };
}

function seenByUs(response: CanonicalResponse): Seen {
  const seen = { text: "", refusal: "", reasoning: "", annotations: 0 };
  const calls: { id: string; name: string; text: string }[] = [];
  const [candidate] = response.candidates;
  for (const block of candidate?.blocks ?? []) {
    if (block.type === "text") {
      seen.text += block.text;
      seen.annotations += block.citations?.length ?? 0;
    }
    if (block.type === "refusal") seen.refusal += block.text;
    if (block.type === "reasoning") seen.reasoning += [...block.summary, ...(block.raw ?? [])].join("");
    if (block.type === "tool-call" && block.kind !== "builtin") {
      calls.push({ id: block.id, name: block.name, text: block.argumentsText });
    }
  }
  const { reason, native } = candidate?.finish ?? { reason: "error", native: "" };
  return {
    ...seen,
    calls,
    status: reason === "length" || reason === "content-filter" ? "incomplete" : native,
    usage: {
      input: response.usage?.inputTotal ?? 0,
      cached: response.usage?.cacheRead ?? 0,
      output: response.usage?.outputTotal ?? 0,
      reasoning: response.usage?.reasoning ?? 0,
    },
  };
}
