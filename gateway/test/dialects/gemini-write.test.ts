import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Block } from "../../src/canonical/block.ts";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalRequest, Turn } from "../../src/canonical/request.ts";
import type { WriteOptions } from "../../src/dialects/dialect.ts";
import { writeRequest } from "../../src/dialects/gemini/write-request.ts";
import { type JsonObject } from "../../src/lib/json.ts";
import {
  asJson,
  brokenRule,
  call,
  contentsOf,
  hello,
  model25,
  model3,
  partsOf,
  readAs,
  recordedRequests,
  requestOf,
  result,
  signature,
  text,
  unaccounted,
  writeOptions,
  written,
} from "../support/gemini-write.ts";

const clients: readonly ClientDialectId[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];
const models = ["gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-pro-preview", "gemini-3.8-flash"];
const kinds = ["gemini", "vertex"];
/** Recordings that cannot be translated, by what the client is told. */
const refused: Readonly<Record<string, RegExp>> = {
  "openai-plain-n2": /at most 1 answer/,
  "openai-status-401": /at most 1 answer/,
  "openai-stream-n2": /at most 1 answer/,
  "openai-stream-n2-tools": /at most 1 answer/,
  "plain-queued": /in the background/,
  "stream-background": /in the background/,
  "error-400": /nothing to answer/,
};

describe("recorded requests", () => {
  for (const dialect of clients) {
    for (const { name, request } of recordedRequests(dialect)) {
      test(`${dialect}/${name} is written whole and as Google takes it`, () => {
        for (const model of models) {
          for (const kind of kinds) {
            const result = writeRequest(request, writeOptions(model, { kind, issuer: kind }));
            if (!result.ok) {
              assert.match(result.error.message, refused[name] ?? /^$/, `${model}: ${result.error.message}`);
              continue;
            }
            assert.equal(brokenRule(result.value, model), undefined, `${model} ${kind}`);
            assert.deepEqual(unaccounted(request, result.value), [], `${model} ${kind}`);
            assert.deepEqual(written(request, writeOptions(model, { kind, issuer: kind })), result.value);
          }
        }
      });
    }
  }
});

describe("requests of Gemini's own clients", () => {
  for (const { name, request, provider, status } of recordedRequests("gemini")) {
    if (status !== 200) continue;
    test(`${name} reads the same after it was written`, () => {
      const options = writeOptions(request.model, { kind: provider, issuer: provider });
      const { body, losses } = written(request, options);
      assert.deepEqual(losses, []);
      const path = `/v1beta/models/${request.model}:${request.stream ? "streamGenerateContent" : "generateContent"}`;
      assert.deepEqual(asJson(readAs("gemini", body, path)), asJson(request));
    });
  }
});

/** The longer conversation begins as the shorter one; only its last content may go on. */
function assertGrows(shorter: JsonObject[], longer: JsonObject[]): void {
  const last = shorter.length - 1;
  assert.deepEqual(longer.slice(0, last), shorter.slice(0, last));
  const parts = partsOf(shorter[last]);
  assert.equal(longer[last]?.["role"], shorter[last]?.["role"]);
  assert.deepEqual(partsOf(longer[last]).slice(0, parts.length), parts);
}

function assertStable(request: CanonicalRequest, options: WriteOptions): void {
  const whole = contentsOf(written(request, options));
  for (const [index, turn] of request.turns.entries()) {
    // A request ends with what the user says; the answer to it is what the next turn holds.
    const next = request.turns[index + 1];
    if (turn.role !== "user" || (next !== undefined && next.role !== "assistant")) continue;
    const shorter = writeRequest({ ...request, turns: request.turns.slice(0, index + 1) }, options);
    if (shorter.ok) assertGrows(contentsOf(shorter.value), whole);
  }
}

describe("a growing conversation keeps what was written", () => {
  test("in recordings of all four formats", () => {
    for (const { request, name } of clients.flatMap(recordedRequests)) {
      if (refused[name] !== undefined) continue;
      for (const model of [model25, model3]) assertStable(request, writeOptions(model));
    }
  });

  test("whatever turns follow each other", () => {
    const said = fc.constantFrom("", "a", " ").map(text);
    const id = fc.constantFrom("1", "2", "3");
    const blocks = {
      user: fc.oneof(
        said,
        id.map((each) => result(each, text(each))),
      ),
      assistant: fc.oneof(
        said,
        id.map((each) => call(each)),
        fc.constant<Block>({ type: "reasoning", summary: ["r"], opaque: signature("gemini") }),
      ),
      system: said,
    };
    const turn = fc
      .constantFrom("user" as const, "assistant" as const, "system" as const)
      .chain((role) =>
        fc.array(blocks[role], { maxLength: 4 }).map((each): Turn => ({ role, blocks: each, boundary: 0 })),
      );
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 7 }), fc.constantFrom(model25, model3), (turns, model) => {
        const request = requestOf({ turns: [hello, ...turns] });
        const all = writeRequest(request, writeOptions(model));
        if (all.ok) assert.equal(brokenRule(all.value, model), undefined);
        if (all.ok) assertStable(request, writeOptions(model));
      }),
      { numRuns: 400 },
    );
  });
});
