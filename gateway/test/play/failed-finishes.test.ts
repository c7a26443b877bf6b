import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fourProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { sseAnswer, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/* A model that could not write its tool call has not answered: Gemini has a word for that, no other format has. */

const event = (value: object) => `data: ${JSON.stringify(value)}\r\n\r\n`;
const part = (text: string) => event({ candidates: [{ content: { parts: [{ text }], role: "model" }, index: 0 }] });
const finish = (finishReason: string) =>
  event({ candidates: [{ finishReason, index: 0 }], usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 } });
const malformed = finish("MALFORMED_FUNCTION_CALL");

/** Gemini's endpoint that imitates OpenAI's would answer Chat clients otherwise. */
const yaml = fourProviders.replace("models: [gemini-2.5-flash]", "dialects: [gemini], models: [gemini-2.5-flash]");

const playing =
  (...scripts: (readonly Step[])[]): Script =>
  (_call, index) =>
    scripts[Math.min(index, scripts.length - 1)] ?? [];

const messages = [{ role: "user", content: "hi" }];
const clients: readonly (readonly [string, MemoryRequest, RegExp])[] = [
  ["openai-chat", { body: { model: "gemini-2.5-flash", stream: true, messages } }, /^data: \{"error":/m],
  [
    "openai-responses",
    { target: "/v1/responses", body: { model: "gemini-2.5-flash", stream: true, input: "hi" } },
    /^event: response\.failed$/m,
  ],
  [
    "anthropic-messages",
    { target: "/v1/messages", body: { model: "gemini-2.5-flash", stream: true, max_tokens: 9, messages } },
    /^event: error$/m,
  ],
];

for (const [dialect, request, error] of clients) {
  describe(`a malformed tool call of Gemini, streamed to a client that speaks ${dialect}`, () => {
    test("is tried again while nothing has been sent, and the client sees only the good answer", async () => {
      const { ask, records } = stage({
        yaml,
        script: playing(sseAnswer([malformed]), sseAnswer([part("Hello"), finish("STOP")])),
      });
      const { reply } = await ask(request);
      assert.equal(reply.status, 200);
      assert.match(reply.text, /Hello/);
      assert.doesNotMatch(reply.text, error);
      assert.deepEqual(
        records[0]?.attempts.map((attempt) => attempt.failure?.code),
        ["provider_bad_response", undefined],
      );
      assert.deepEqual(records[0]?.finish, ["stop"]);
    });

    test("is told in the stream once something has been sent, and is charged", async () => {
      const script = playing([
        { headers: { "content-type": "text/event-stream" } },
        { data: part("Hel") },
        { waitMs: 10 },
        { data: malformed },
        { end: true },
      ]);
      const { ask, records } = stage({ yaml, script });
      const { reply } = await ask(request);
      assert.equal(reply.status, 200);
      assert.ok(reply.ended);
      assert.match(reply.text, error);
      assert.doesNotMatch(reply.text, /\[DONE\]|message_stop|response\.completed/);
      assert.equal(records[0]?.end, "upstream-failed");
      assert.equal(records[0]?.usage?.inputTotal, 7);
    });
  });
}

test("a malformed tool call passes untouched to a client that speaks Gemini's own format", async () => {
  const all = part("Hel") + malformed;
  const { ask, records } = stage({ yaml, script: playing(sseAnswer([all])) });
  const body = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
  const { reply } = await ask({ target: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body });
  assert.equal(reply.text, all);
  assert.equal(records[0]?.end, "complete");
  assert.deepEqual(records[0]?.finish, ["malformed-tool-call"]);
});
