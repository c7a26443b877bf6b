import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { describe, test } from "node:test";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { fold } from "../../src/canonical/fold.ts";
import { bedrockConverse } from "../../src/dialects/bedrock-converse/index.ts";
import { signatureHeaders } from "../../src/providers/sigv4.ts";
import { parseJson } from "../../src/lib/json.ts";
import { awsEvent, awsException } from "../support/aws-messages.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { gatewayFetch } from "../support/gateway-fetch.ts";
import { loopClients } from "../support/loop-clients.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { jsonAnswer, type RecordedCall, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";
import { frameAll } from "../support/slicing.ts";
import { clientDialectIds, decodeFrames } from "../support/streams.ts";

/* Amazon Bedrock behind the whole gateway: signed requests, binary streams, exceptions in the middle of them. */

const MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const yaml = `providers:\n  bedrock: { region: us-east-1, models: ["us.*", { id: mine, upstream_id: "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x-v1:0" }] }\n`;
const environment = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG" };

const open = (script: Script, more = "") => stage({ yaml: yaml + more, environment, script });

const playing =
  (...scripts: (readonly Step[])[]): Script =>
  (_call, index) =>
    scripts[Math.min(index, scripts.length - 1)] ?? [];

const eventStream: Step = {
  headers: { "content-type": "application/vnd.amazon.eventstream", "x-amzn-requestid": "aws-1" },
};
const start = awsEvent("messageStart", { role: "assistant" });
const text = (said: string) => awsEvent("contentBlockDelta", { contentBlockIndex: 0, delta: { text: said } });
const stop = Buffer.concat([
  awsEvent("contentBlockStop", { contentBlockIndex: 0 }),
  awsEvent("messageStop", { stopReason: "end_turn" }),
]);
const metadata = awsEvent("metadata", {
  usage: { inputTokens: 7, outputTokens: 2, totalTokens: 9 },
  metrics: { latencyMs: 1 },
});
const whole: readonly Step[] = [
  eventStream,
  { data: Buffer.concat([start, text("Hello"), stop, metadata]) },
  { end: true },
];

const answer = (content: readonly object[], stopReason = "end_turn") =>
  jsonAnswer({
    metrics: { latencyMs: 1 },
    output: { message: { role: "assistant", content } },
    stopReason,
    usage: { inputTokens: 7, outputTokens: 2, totalTokens: 9 },
  });
const refusal = (status: number, type: string, message: string): Step[] => [
  {
    headers: { "content-type": "application/json", "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/` },
    status,
  },
  { data: JSON.stringify({ message }) },
  { end: true },
];

const messages = [{ role: "user", content: "hi" }];
const chat = (more: object = {}): MemoryRequest => ({ body: { model: MODEL, messages, ...more } });
const streamed: Readonly<Record<string, MemoryRequest>> = {
  "openai-chat": chat({ stream: true }),
  "openai-responses": { target: "/v1/responses", body: { model: MODEL, stream: true, input: "hi" } },
  "anthropic-messages": { target: "/v1/messages", body: { model: MODEL, stream: true, max_tokens: 9, messages } },
  gemini: {
    target: `/v1beta/models/${MODEL}:streamGenerateContent?alt=sse`,
    body: { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
  },
};

const sha256 = (pieces: readonly (Uint8Array | string)[]) => {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
};
const hmac = (key: Uint8Array | string, said: string) => createHmac("sha256", key).update(said).digest();

/** The signature that AWS would compute of what it was sent. */
function expectedSignature({ method, origin, path, headers, bytes }: RecordedCall): string | undefined {
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(headers["x-amz-date"] ?? "");
  const [year = 0, month = 1, ...rest] = (date ?? []).slice(1).map(Number);
  const signed = { "content-type": headers["content-type"] ?? "" };
  const keys = { accessKeyId: environment.AWS_ACCESS_KEY_ID, secretAccessKey: environment.AWS_SECRET_ACCESS_KEY };
  const scope = { service: "bedrock", region: "us-east-1", wallMs: Date.UTC(year, month - 1, ...rest) };
  return signatureHeaders({ method, origin, path, headers: signed, body: [bytes] }, keys, scope, { sha256, hmac })[
    "authorization"
  ];
}

describe("a request", () => {
  test("is signed as it is sent, its model encoded once in the path", async () => {
    const { ask, upstream, records } = open(playing(answer([{ text: "Hello" }])));
    const { reply } = await ask(chat());
    assert.equal(reply.status, 200);
    const [call] = upstream.calls;
    assert.ok(call !== undefined);
    assert.equal(call.origin, "https://bedrock-runtime.us-east-1.amazonaws.com");
    assert.equal(call.path, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse");
    assert.equal(call.headers["authorization"], expectedSignature(call));
    assert.equal(call.headers["x-amz-date"], "20260101T000000Z");
    assert.equal(call.headers["anthropic-version"], undefined);
    assert.deepEqual(call.json, {
      messages: [{ role: "user", content: [{ text: "hi" }, { cachePoint: { type: "default" } }] }],
    });
    const [record] = records;
    assert.deepEqual(record?.attempts[0]?.carry, { request: "translate", response: "translate" });
    assert.equal(record?.attempts[0]?.dialect, "bedrock-converse");
    assert.deepEqual([record?.usage?.inputTotal, record?.usage?.outputTotal], [7, 2]);
  });

  test("for an ARN has its slash encoded too", async () => {
    const { ask, upstream } = open(playing(whole));
    await ask({ body: { model: "mine", messages, stream: true } });
    const [call] = upstream.calls;
    assert.ok(call !== undefined);
    assert.equal(
      call.path,
      "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x-v1%3A0/converse-stream",
    );
    assert.equal(call.headers["accept"], "application/vnd.amazon.eventstream");
    assert.equal(call.headers["authorization"], expectedSignature(call));
  });

  test("that is repeated is signed anew", async () => {
    const { ask, upstream } = open(
      playing(refusal(503, "ServiceUnavailableException", "busy"), answer([{ text: "Hello" }])),
      "retry: { backoff_base_ms: 4000 }\n",
    );
    const { reply } = await ask(chat());
    assert.equal(reply.status, 200);
    const dates = upstream.calls.map(({ headers }) => headers["x-amz-date"]);
    assert.equal(new Set(dates).size, 2);
    for (const call of upstream.calls) assert.equal(call.headers["authorization"], expectedSignature(call));
  });

  test("with the caller's own API key carries that, and the gateway's keys stay here", async () => {
    const { ask, upstream } = open(playing(answer([{ text: "Hello" }])));
    await ask({ ...chat(), headers: { authorization: "Bearer ABSKQmVkcm9jaw==" } });
    assert.equal(upstream.calls[0]?.headers["authorization"], "Bearer ABSKQmVkcm9jaw==");
    assert.equal(upstream.calls[0]?.headers["x-amz-date"], undefined);
  });

  test("to count tokens is answered here, with an estimate", async () => {
    const { ask, upstream } = open(playing());
    const { reply } = await ask({ target: "/v1/messages/count_tokens", body: { model: MODEL, messages } });
    assert.equal(reply.headers["x-dragoman-estimated"], "true");
    assert.equal(upstream.calls.length, 0);
  });
});

describe("recorded answers reach the official SDKs of all formats", () => {
  for (const recording of fixtures("bedrock-converse").filter(({ response }) => response.status === 200)) {
    const { name, response, stream } = recording;
    for (const client of clientDialectIds) {
      test(`${name} to ${client}`, async () => {
        const type = stream ? "application/vnd.amazon.eventstream" : "application/json";
        const played = open(playing([{ headers: { "content-type": type } }, { data: response.body }, { end: true }]));
        const { user, ask } = loopClients[client];
        const turn = await ask(gatewayFetch(played), MODEL, [user("hi")], stream);
        const { text: said, calls } = expectedTurn(recording);
        assert.equal(turn.text, said);
        assert.deepEqual(
          turn.calls.map((call) => [call.name, call.arguments]),
          calls,
        );
        assert.equal(played.records[0]?.end, "complete");
        assert.ok((played.records[0]?.usage?.outputTotal ?? 0) > 0);
      });
    }
  }
});

/** What a client has to learn of a recording: its text and the tools that it is to call. */
function expectedTurn({ name, response, stream }: Fixture) {
  const whole = stream ? readStream(response.body) : readPlain(response.body);
  const blocks = whole.candidates[0]?.blocks ?? [];
  assert.ok(blocks.length > 0, name);
  return {
    text: blocks.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: blocks.flatMap((block) =>
      block.type === "tool-call" ? [[block.name, parseJson(block.argumentsText || "{}")] as const] : [],
    ),
  };
}

const options = { issuer: "bedrock", candidates: 1, requestId: "r", createdAt: 0 };

function readPlain(body: Buffer): CanonicalResponse {
  const read = bedrockConverse.readResponse(parseJson(body.toString()) ?? null, options);
  assert.ok(read.ok);
  return read.value;
}

function readStream(body: Buffer): CanonicalResponse {
  return fold(decodeFrames({ upstream: bedrockConverse }, frameAll("aws-eventstream", [body]).frames).events);
}

const terminals: Readonly<Record<string, RegExp>> = {
  "openai-chat": /^data: \{"error":/m,
  "openai-responses": /^event: response\.failed$/m,
  "anthropic-messages": /^event: error$/m,
  gemini: /"error":\s*\{/,
};

for (const [dialect, request] of Object.entries(streamed)) {
  describe(`a stream that breaks, for a client that speaks ${dialect}`, () => {
    const broken = terminals[dialect] ?? /$^/;

    test("by an exception before anything was sent: it is tried again", async () => {
      const throttled = [
        eventStream,
        { data: Buffer.concat([start, awsException("throttlingException", "slow down")]) },
        { end: true as const },
      ];
      const { ask, records } = open(playing(throttled, whole));
      const { reply } = await ask(request);
      assert.equal(reply.status, 200);
      assert.match(reply.text, /Hello/);
      assert.doesNotMatch(reply.text, broken);
      assert.deepEqual(
        records[0]?.attempts.map(({ failure }) => failure?.code),
        ["provider_rate_limited", undefined],
      );
    });

    const endings: readonly (readonly [string, readonly Step[], string, string])[] = [
      [
        "by an exception",
        [{ data: awsException("throttlingException", "slow down") }, { end: true }],
        "upstream-failed",
        "provider_rate_limited",
      ],
      [
        "by a message with a wrong checksum",
        [{ data: damaged(text("lo")) }, { data: stop }, { end: true }],
        "unreadable",
        "provider_bad_response",
      ],
      ["by its connection", [{ error: { kind: "reset", detail: "ECONNRESET" } }], "truncated", "provider_interrupted"],
      ["by an end before messageStop", [{ end: true }], "truncated", "provider_interrupted"],
      [
        "in the middle of a message",
        [{ data: text("lo").subarray(0, 30) }, { end: true }],
        "truncated",
        "provider_interrupted",
      ],
    ];
    for (const [name, ending, end, code] of endings) {
      test(`${name} after its beginning was sent: the client is told`, async () => {
        const { ask, records } = open(
          playing([eventStream, { data: Buffer.concat([start, text("Hel")]) }, { waitMs: 10 }, ...ending]),
        );
        const { reply } = await ask(request);
        assert.equal(reply.status, 200);
        assert.match(reply.text, /Hel/);
        assert.match(reply.text, broken);
        assert.doesNotMatch(reply.text, /\[DONE\]|message_stop|response\.completed|"finishReason":"STOP"/);
        assert.deepEqual([records[0]?.end, records[0]?.failure?.code], [end, code]);
      });
    }

    test("only after messageStop: it is whole, and not held up by what does not come", async () => {
      const { ask, records } = open(
        playing([eventStream, { data: Buffer.concat([start, text("Hello"), stop]) }, { stall: true }]),
      );
      const { reply } = await ask(request);
      assert.doesNotMatch(reply.text, broken);
      assert.ok(reply.ended);
      assert.equal(records[0]?.end, "complete");
    });
  });
}

function damaged(message: Buffer): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt8(copy.readUInt8(copy.length - 6) ^ 1, copy.length - 6);
  return copy;
}

describe("a refusal", () => {
  const expired = refusal(
    403,
    "InvalidSignatureException",
    "Signature expired: 20251117T063822Z is now earlier than 20251117T063849Z",
  );

  test("of the gateway's own signature is the gateway's failure, and says nothing of the account", async () => {
    const { ask, records } = open(playing(expired));
    const { reply } = await ask(chat());
    assert.equal(reply.status, 502);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_rejected_managed_credential");
    assert.doesNotMatch(reply.text, /Signature/);
    assert.equal(records[0]?.attempts.length, 1);
    assert.equal(records[0]?.attempts[0]?.failure?.code, "provider_rejected_credential");
  });

  test("of the caller's own key is the caller's", async () => {
    const denied = refusal(
      403,
      "AccessDeniedException",
      "You don't have access to the model with the specified model ID.",
    );
    const { ask } = open(playing(denied));
    const { reply } = await ask({ ...chat(), headers: { authorization: "Bearer ABSKQmVkcm9jaw==" } });
    assert.equal(reply.status, 403);
    assert.match(reply.text, /access to the model/);
  });

  test("by throttling is tried again, and then told as what it is", async () => {
    const { ask, records } = open(
      playing(refusal(429, "ThrottlingException", "Too many tokens, please wait before trying again.")),
    );
    const { reply } = await ask(chat());
    assert.equal(reply.status, 429);
    assert.match(reply.text, /Too many tokens/);
    assert.equal(records[0]?.attempts.length, 3);
    assert.equal(records[0]?.attempts[0]?.upstreamRequestId, undefined);
  });

  test("of the model's name is one of the model's name", async () => {
    const { ask } = open(playing(refusal(400, "ValidationException", "The provided model identifier is invalid.")));
    const { reply } = await ask({ target: "/v1/messages", body: { model: MODEL, max_tokens: 9, messages } });
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_model_not_found");
    assert.match(reply.text, /model identifier is invalid/);
  });

  test("of what cannot be translated does not reach Bedrock", async () => {
    const { ask, upstream } = open(playing());
    const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
    const { reply } = await ask(chat({ messages: [{ role: "user", content: [image] }] }));
    assert.equal(reply.status, 400);
    assert.match(reply.text, /does not fetch media from the web/);
    assert.equal(upstream.calls.length, 0);
  });
});
