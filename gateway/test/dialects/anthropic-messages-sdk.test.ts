import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { writeCitation } from "../../src/dialects/anthropic-messages/citations.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { decoderOptions, decodeStream, encodeEvents, messagesClient } from "../support/anthropic-messages.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";

/** What a person or program gets from an answer; the official SDK and our own reading must agree on it. */
type Seen = {
  readonly text: string;
  readonly thinking: string;
  readonly signatures: readonly string[];
  readonly tools: readonly { readonly id: string; readonly name: string; readonly input: Json }[];
  /** As the wire has them, without members that are null. */
  readonly citations: readonly Json[];
  readonly stopReason: string | null;
  readonly usage: {
    readonly input: number;
    readonly output: number;
    readonly cacheRead: number;
    readonly cacheWrite: number;
  };
};

const answers = fixtures("anthropic-messages").filter(({ response }) => response.status === 200);
const streams = answers.filter(({ response, name }) => response.extension === "sse" && !isBroken(name));
const plains = answers.filter(({ response, name }) => response.extension === "json" && !name.includes("error"));

/** Streams that end in an error or too early, for which the SDK throws. */
function isBroken(name: string): boolean {
  return name.startsWith("stream-error") || name.startsWith("stream-truncated");
}

describe("the official SDK and the decoder read the same from recorded streams", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const decoded = decodeStream(fixture.response.body);
      assert.equal(decoded.outcome, "complete");
      const seen = seenByUs(fold(decoded.events));
      assert.deepEqual(seen, await streamSeenBySdk(named(fixture)));
    });
  }
});

describe("the official SDK reads the same from a stream that the encoder wrote again", () => {
  for (const fixture of streams) {
    test(fixture.name, async () => {
      const { events } = decodeStream(fixture.response.body);
      const again = await streamSeenBySdk(encodeEvents(events));
      assert.deepEqual(again, await streamSeenBySdk(named(fixture)));
    });
  }
});

describe("the official SDK and readResponse read the same from recorded plain answers", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      const response = readPlain(fixture);
      const theirs = await plainSeenBySdk(fixture.response.body.toString("utf8"));
      assert.deepEqual(seenByUs(response), theirs);
      const written = anthropicMessages.client.writeResponse(response, messagesClient());
      assert.deepEqual(await plainSeenBySdk(JSON.stringify(written)), theirs, "written again");
      assert.deepEqual(await streamSeenBySdk(encodeEvents(unfold(response))), theirs, "as a stream");
    });
  }
});

describe("the official SDK throws for streams that did not end well, also when written again", () => {
  const broken = answers.filter(({ name }) => isBroken(name));
  for (const fixture of broken) {
    test(fixture.name, async () => {
      const encoded = encodeEvents(decodeStream(fixture.response.body).events);
      await assert.rejects(streamSeenBySdk(named(fixture)));
      await assert.rejects(streamSeenBySdk(encoded), (error) => error instanceof Anthropic.APIError);
      assert.ok(!encoded.includes("message_stop"), "no terminal after an error");
    });
  }
});

describe("the official SDK's exception classes for our errors", () => {
  const rows: readonly (readonly [Failure, new (...args: never[]) => Error])[] = [
    [failure("invalid_parameter", "no"), Anthropic.BadRequestError],
    [failure("invalid_gateway_key", "no"), Anthropic.AuthenticationError],
    [failure("model_not_allowed", "no"), Anthropic.PermissionDeniedError],
    [failure("model_not_found", "no"), Anthropic.NotFoundError],
    [failure("provider_conflict", "no"), Anthropic.ConflictError],
    [failure("provider_rate_limited", "no"), Anthropic.RateLimitError],
    [failure("provider_overloaded", "no"), Anthropic.InternalServerError],
    [failure("provider_error", "no"), Anthropic.InternalServerError],
    [failure("internal", "no"), Anthropic.InternalServerError],
  ];
  for (const [of, expected] of rows) {
    test(`${of.code} is ${expected.name}`, async () => {
      const written = anthropicMessages.client.writeError(of, messagesClient());
      const client = sdk(JSON.stringify(written.body), written.status, {
        "content-type": "application/json",
        ...written.headers,
      });
      await assert.rejects(client.messages.create(params), (error) => {
        assert.ok(error instanceof expected && error instanceof Anthropic.APIError);
        assert.equal(error.status, written.status);
        assert.equal(error.requestID, "req_TEST");
        assert.match(error.message, /no/);
        return true;
      });
    });
  }
});

function readPlain(fixture: Fixture): CanonicalResponse {
  const body = JSON.parse(fixture.response.body.toString("utf8")) as Json;
  const read = anthropicMessages.upstream.readResponse(body, decoderOptions);
  assert.ok(read.ok);
  return read.value;
}

/** Our decoder does without event names, the SDK does not. */
function named(fixture: Fixture): string {
  const text = fixture.response.body.toString("utf8");
  if (text.includes("event:")) return text;
  return text.replace(
    /^data: (.*)$/gm,
    (line, data: string) => `event: ${(JSON.parse(data) as { type: string }).type}\n${line}`,
  );
}

const params = { model: "claude-test", max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }] };

function sdk(body: string, status = 200, headers: Record<string, string> = {}): Anthropic {
  const answer = () => Promise.resolve(new Response(body, { status, headers }));
  return new Anthropic({
    apiKey: "test",
    baseURL: "http://gateway.test",
    maxRetries: 0,
    logLevel: "off",
    fetch: answer,
  });
}

async function streamSeenBySdk(body: string): Promise<Seen> {
  const client = sdk(body, 200, { "content-type": "text/event-stream" });
  return seenInMessage(await client.messages.stream(params).finalMessage());
}

async function plainSeenBySdk(body: string): Promise<Seen> {
  return seenInMessage(await sdk(body, 200, { "content-type": "application/json" }).messages.create(params));
}

function seenInMessage(message: Anthropic.Message): Seen {
  const blocks = message.content;
  const { usage } = message;
  const cacheRead = usage.cache_read_input_tokens ?? 0;
  const cacheWrite = usage.cache_creation_input_tokens ?? 0;
  return {
    text: blocks.map((block) => (block.type === "text" ? block.text : "")).join("|"),
    thinking: blocks.map((block) => (block.type === "thinking" ? block.thinking : "")).join(""),
    signatures: blocks.flatMap((block) =>
      block.type === "thinking" ? [block.signature] : block.type === "redacted_thinking" ? [block.data] : [],
    ),
    tools: blocks.flatMap((block) =>
      block.type === "tool_use" || block.type === "server_tool_use"
        ? [{ id: block.id, name: block.name, input: block.input as Json }]
        : [],
    ),
    citations: blocks.flatMap((block) => (block.type === "text" ? (block.citations ?? []).map(withoutNulls) : [])),
    stopReason: message.stop_reason,
    usage: { input: usage.input_tokens + cacheRead + cacheWrite, output: usage.output_tokens, cacheRead, cacheWrite },
  };
}

function seenByUs(response: CanonicalResponse): Seen {
  const candidate = response.candidates[0] ?? { blocks: [], finish: { reason: "other", native: "" } };
  const { blocks } = candidate;
  return {
    text: blocks.map((block) => (block.type === "text" ? block.text : "")).join("|"),
    thinking: blocks.map((block) => (block.type === "reasoning" ? block.summary.join("") : "")).join(""),
    signatures: blocks.flatMap((block) => (block.type === "reasoning" ? [block.opaque?.value ?? ""] : [])),
    tools: blocks.flatMap((block) => {
      if (block.type === "tool-call") {
        return [{ id: block.id, name: block.name, input: JSON.parse(block.argumentsText) as Json }];
      }
      const native: JsonObject | undefined = block.type === "server-tool" ? asObject(block.native.value) : undefined;
      return native?.["type"] === "server_tool_use"
        ? [{ id: native["id"] as string, name: native["name"] as string, input: native["input"] ?? {} }]
        : [];
    }),
    citations: blocks.flatMap((block) =>
      block.type === "text" ? (block.citations ?? []).map((citation) => withoutNulls(writeCitation(citation))) : [],
    ),
    stopReason: candidate.finish.native === "" ? null : candidate.finish.native,
    usage: {
      input: response.usage?.inputTotal ?? 0,
      output: response.usage?.outputTotal ?? 0,
      cacheRead: response.usage?.cacheRead ?? 0,
      cacheWrite: response.usage?.cacheWrite ?? 0,
    },
  };
}

function withoutNulls(citation: object | Json | undefined): Json {
  const members = Object.entries(citation ?? {}).filter(([, value]) => value !== null);
  return Object.fromEntries(members) as JsonObject;
}
