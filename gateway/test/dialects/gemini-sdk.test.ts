import { ApiError, GoogleGenAI, type Candidate, type GenerateContentResponse } from "@google/genai";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { failure } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, parseJson, type Json } from "../../src/lib/json.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { decodePayloads, decoderOptions, encodeEvents, geminiClient, payloadsOf } from "../support/gemini.ts";

/** What a program gets from an answer; the official SDK and our own reading must agree on it. */
type Seen = {
  readonly candidates: readonly SeenCandidate[];
  readonly usage: readonly (number | undefined)[];
};

type SeenCandidate = {
  readonly text: string;
  readonly thoughts: string;
  readonly signatures: readonly string[];
  readonly calls: readonly { readonly id: string | undefined; readonly name: string; readonly args: unknown }[];
  readonly code: readonly unknown[];
  readonly media: readonly unknown[];
  readonly serverTools: readonly unknown[];
  readonly finishReason: string | undefined;
  readonly grounding: unknown;
};

const answers = fixtures("gemini").filter(({ response }) => response.status === 200);
const streams = answers.filter(({ stream, name }) => stream && name !== "stream-without-finish");
const plains = answers.filter(({ stream }) => !stream);
/** The SDK hands out pieces of arguments as they come; putting them together is the gateway's own work. */
const isPartial = (fixture: Fixture) => fixture.name.includes("partial-arguments");
/** A stream cannot say `promptFeedback` again: the events know a refused candidate only. */
const isBlocked = (fixture: Fixture) => fixture.name.includes("blocked");

describe("the official SDK and the decoder read the same from recorded streams", () => {
  for (const fixture of streams.filter((each) => !isPartial(each))) {
    test(fixture.name, async () => {
      const decoded = decodePayloads(payloadsOf(fixture));
      assert.equal(decoded.outcome, "complete");
      assert.deepEqual(seenByUs(fold(decoded.events)), await streamSeenBySdk(sseOf(fixture)));
    });
  }
});

describe("the official SDK reads the same from a stream that the encoder wrote again", () => {
  for (const fixture of streams.filter((each) => !isBlocked(each))) {
    test(fixture.name, async () => {
      const { events } = decodePayloads(payloadsOf(fixture));
      const again = await streamSeenBySdk(encodeEvents(events));
      assert.deepEqual(again, seenByUs(fold(events)));
      if (!isPartial(fixture)) assert.deepEqual(again, await streamSeenBySdk(sseOf(fixture)));
    });
  }
});

describe("the official SDK and readResponse read the same from recorded plain answers", () => {
  for (const fixture of plains) {
    test(fixture.name, async () => {
      assert.deepEqual(seenByUs(readPlain(fixture)), await plainSeenBySdk(fixture.response.body.toString()));
    });
  }
});

describe("the official SDK reads the same from an answer that we wrote again", () => {
  for (const fixture of plains) {
    test(`${fixture.name}, plain`, async () => {
      const written = JSON.stringify(gemini.client.writeResponse(readPlain(fixture), geminiClient()));
      assert.deepEqual(await plainSeenBySdk(written), await plainSeenBySdk(fixture.response.body.toString()));
    });
    if (isBlocked(fixture)) continue;
    test(`${fixture.name}, as a stream`, async () => {
      const text = encodeEvents(unfold(readPlain(fixture)));
      assert.deepEqual(await streamSeenBySdk(text), await plainSeenBySdk(fixture.response.body.toString()));
    });
  }
});

describe("the official SDK throws ApiError for what we write as errors", () => {
  const exhausted = failure("provider_rate_limited", "Slow down.", { retryAfterMs: 1500 });
  const context = { agent: "other", requestId: "req_TEST", framing: "sse" } as const;

  test("as an answer", async () => {
    const written = gemini.client.writeError(exhausted, context);
    await assert.rejects(generate(JSON.stringify(written.body), "application/json", written.status), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.status, 429);
      assert.match(error.message, /Slow down\./);
      return true;
    });
  });

  test("in a stream, after what was written before", async () => {
    const encoder = gemini.client.encoder(geminiClient());
    const { events } = decodePayloads(payloadsOf(fixtureNamed("stream-text")).slice(0, 2));
    const text = events.map((event) => (event.type === "error" ? "" : encoder.write(event))).join("");
    await assert.rejects(streamSeenBySdk(text + (encoder.failure(exhausted) ?? "")), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.status, 429);
      return true;
    });
  });
});

test("a chat of the official SDK keeps its history across keep-alives and the finish chunk", async () => {
  const encoder = gemini.client.encoder(geminiClient());
  const { events } = decodePayloads(payloadsOf(fixtureNamed("stream-thoughts")));
  const text = events
    .map((event) => encoder.write(event) + (event.type === "start" ? encoder.keepAlive() : ""))
    .join("");
  const chat = sdk(text, "text/event-stream").chats.create({ model: "gemini-test" });
  for await (const chunk of await chat.sendMessageStream({ message: "hello" })) assert.ok(chunk.candidates);
  const history = chat.getHistory(true);
  assert.ok(history.length > 1, "the SDK took the answer for invalid");
});

function fixtureNamed(name: string): Fixture {
  const found = streams.find((each) => each.name === name);
  assert.ok(found);
  return found;
}

function readPlain(fixture: Fixture): CanonicalResponse {
  const body = parseJson(fixture.response.body.toString());
  assert.ok(body !== undefined);
  const read = gemini.upstream.readResponse(body, decoderOptions);
  assert.ok(read.ok);
  return read.value;
}

/** The SDK asks for SSE always, and fails on a last event without its blank line. */
function sseOf(fixture: Fixture): string {
  return payloadsOf(fixture)
    .map(({ data }) => `data: ${JSON.stringify(parseJson(data))}\r\n\r\n`)
    .join("");
}

function sdk(body: string, contentType: string, status = 200): GoogleGenAI {
  const respond = async () => new Response(body, { status, headers: { "content-type": contentType } });
  return new GoogleGenAI({ apiKey: "test", httpOptions: { baseUrl: "http://gateway.test", fetch: respond } });
}

function generate(body: string, contentType: string, status = 200): Promise<GenerateContentResponse> {
  return sdk(body, contentType, status).models.generateContent({ model: "gemini-test", contents: "hello" });
}

async function plainSeenBySdk(body: string): Promise<Seen> {
  return seenInChunks([await generate(body, "application/json")]);
}

async function streamSeenBySdk(text: string): Promise<Seen> {
  const client = sdk(text, "text/event-stream");
  const chunks: GenerateContentResponse[] = [];
  for await (const chunk of await client.models.generateContentStream({ model: "gemini-test", contents: "hello" })) {
    chunks.push(chunk);
  }
  return seenInChunks(chunks);
}

const numberedReasons = ["", "STOP", "MAX_TOKENS"];

function seenInChunks(chunks: readonly GenerateContentResponse[]): Seen {
  const blocked = chunks.find(
    ({ promptFeedback }) => promptFeedback?.blockReason ?? promptFeedback?.blockReasonMessage,
  );
  const byIndex = Map.groupBy(
    chunks.flatMap(({ candidates }) => candidates ?? []),
    ({ index }) => index ?? 0,
  );
  const candidates = [...byIndex.values()].map(seenCandidate);
  const refused = seenCandidate([]);
  const word = blocked?.promptFeedback?.blockReason ?? "BLOCK_REASON_UNSPECIFIED";
  const usage = chunks.findLast(({ usageMetadata }) => usageMetadata?.promptTokenCount !== undefined)?.usageMetadata;
  return {
    candidates: blocked !== undefined && candidates.length === 0 ? [{ ...refused, finishReason: word }] : candidates,
    usage: [
      (usage?.promptTokenCount ?? 0) + (usage?.toolUsePromptTokenCount ?? 0),
      usage?.cachedContentTokenCount ?? 0,
      (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
      usage?.thoughtsTokenCount,
    ],
  };
}

function seenCandidate(chunks: readonly Candidate[]): SeenCandidate {
  const parts = chunks.flatMap(({ content }) => content?.parts ?? []);
  const reason: unknown = chunks.findLast(({ finishReason }) => finishReason !== undefined)?.finishReason;
  return {
    text: parts.map((part) => (part.thought === true ? "" : (part.text ?? ""))).join(""),
    thoughts: parts.map((part) => (part.thought === true ? (part.text ?? "") : "")).join(""),
    signatures: parts.flatMap((part) => part.thoughtSignature ?? []),
    calls: parts.flatMap(({ functionCall }) =>
      functionCall === undefined
        ? []
        : [{ id: functionCall.id, name: functionCall.name ?? "", args: functionCall.args ?? {} }],
    ),
    code: parts.flatMap((part) => part.executableCode ?? part.codeExecutionResult ?? []).map(plain),
    media: parts.flatMap((part) => part.inlineData ?? []).map(plain),
    serverTools: parts.flatMap((part) => part.toolCall ?? part.toolResponse ?? []).map(plain),
    finishReason:
      typeof reason === "number" ? numberedReasons[reason] : typeof reason === "string" ? reason : undefined,
    grounding: plain(chunks.findLast(({ groundingMetadata }) => groundingMetadata !== undefined)?.groundingMetadata),
  };
}

/** Without the classes and absent members of the SDK's objects. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

function seenByUs(response: CanonicalResponse): Seen {
  const { usage } = response;
  return {
    candidates: response.candidates.map(({ blocks, finish, meta }) => ({
      text: blocks.map((block) => (block.type === "text" ? block.text : "")).join(""),
      thoughts: blocks.map((block) => (block.type === "reasoning" ? block.summary.join("") : "")).join(""),
      signatures: blocks.flatMap((block) => signatureOf(block) ?? []),
      calls: blocks.flatMap((block) =>
        block.type === "tool-call"
          ? [
              {
                id: block.id.startsWith("gc_") ? undefined : block.id,
                name: block.name,
                args: JSON.parse(block.argumentsText),
              },
            ]
          : [],
      ),
      code: blocks.flatMap((block) => (block.type === "code" ? [codeOf(block)] : [])),
      media: blocks.flatMap((block) =>
        block.type === "media" && block.source.by === "base64"
          ? [{ data: block.source.data, mimeType: block.mimeType }]
          : [],
      ),
      serverTools: blocks.flatMap((block) => (block.type === "server-tool" ? [nativeOf(block.native.value)] : [])),
      finishReason: finish.native === "" ? undefined : finish.native,
      grounding: plain(meta?.grounding),
    })),
    usage: [usage?.inputTotal ?? 0, usage?.cacheRead ?? 0, usage?.outputTotal ?? 0, usage?.reasoning],
  };
}

function signatureOf(block: Block): string | undefined {
  return block.type === "reasoning" ? block.opaque?.value : block.signature?.value;
}

function codeOf(block: Extract<Block, { readonly type: "code" }>): unknown {
  const { id, language, code, outcome, output } = block;
  return plain(block.phase === "code" ? { id, language, code } : { id, outcome, output });
}

function nativeOf(value: Json): Json | undefined {
  const part = asObject(value);
  return part?.["toolCall"] ?? part?.["toolResponse"];
}
