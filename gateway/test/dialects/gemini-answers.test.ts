import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FailureCode } from "../../src/canonical/failure.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { asObject, parseJson, type Json } from "../../src/lib/json.ts";
import { fixture, fixtures } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { decodeChunks, decoderOptions, geminiClient, readPlain } from "../support/gemini.ts";

const { client, upstream } = gemini;
const recorded = fixtures("gemini");

describe("readResponse", () => {
  test("a plain answer means the same as a stream of one chunk", () => {
    for (const each of recorded.filter(({ response, stream }) => response.status === 200 && !stream)) {
      const body = parseJson(each.response.body.toString());
      assert.ok(body !== undefined);
      const { promptBlock: _promptBlock, extras: _extras, ...plain } = readPlain(body);
      assert.equal(checkEvents(unfold(plain as CanonicalResponse)), undefined, each.name);
      const { extras: _none, ...streamed } = fold(decodeChunks([body]).events);
      if (each.name !== "plain-blocked-without-reason") assert.deepEqual(plain, streamed, each.name);
    }
  });

  test("a refused prompt is an answer", () => {
    const read = readPlain(
      parseJson(fixture("gemini", "vertex-plain-prompt-blocked").response.body.toString()) ?? null,
    );
    assert.deepEqual(read.promptBlock, {
      reason: "MODEL_ARMOR",
      message: "The prompt violated Prompt Injection and Jailbreak filters.",
    });
    assert.equal(read.candidates[0]?.finish.reason, "content-filter");
    assert.deepEqual(read.candidates[0].blocks, []);
    const written = client.writeResponse(read, geminiClient());
    assert.equal(written["candidates"], undefined);
    assert.deepEqual(asObject(written["promptFeedback"])?.["blockReason"], "MODEL_ARMOR");
    const forCli = client.writeResponse(read, geminiClient({ agent: "gemini-cli" }));
    assert.equal(forCli["promptFeedback"], undefined);
    assert.deepEqual(forCli["candidates"], [
      {
        finishReason: "MODEL_ARMOR",
        finishMessage: "The prompt violated Prompt Injection and Jailbreak filters.",
        index: 0,
      },
    ]);
  });

  const failing: readonly [string, Json, FailureCode][] = [
    ["an error", { error: { code: 500, message: "x", status: "INTERNAL" } }, "provider_error"],
    [
      "an error in an array",
      [{ error: { code: 429, message: "x", status: "RESOURCE_EXHAUSTED" } }],
      "provider_rate_limited",
    ],
    ["nothing", {}, "provider_bad_response"],
    ["text", "hello", "provider_bad_response"],
    ["another format's answer", { choices: [] }, "provider_bad_response"],
  ];
  for (const [name, body, code] of failing) {
    test(`${name} with status 200 is a failure`, () => {
      const read = upstream.readResponse(body, decoderOptions);
      assert.ok(!read.ok);
      assert.equal(read.error.code, code);
    });
  }
});
