import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/bedrock-converse/write-request.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/converse-rules.ts";
import { messagesOf, models, optionsFor, withoutPoints } from "../support/converse-write.ts";
import { seededRandom } from "../support/random.ts";
import { readBody, readFixtures } from "../support/requests.ts";
import { brokenRequests } from "../support/broken-requests.ts";
import { clientDialectIds } from "../support/streams.ts";

/* Every recorded request of the four client formats, and made-up ones, to every family of models behind the Converse API. */

/** What no Converse model can be sent. */
const DOCUMENTED =
  /does not fetch media|by an id, which only|takes no (audio|video)|takes (image|documents|video|audio) as|answers in text only|does not have|cannot fill a cache|nothing in it|must be 1 or more|only the provider which made it|of text alone/;

for (const dialect of clientDialectIds) {
  describe(`recorded ${dialect} requests are sound requests of the Converse API`, () => {
    for (const { name, request } of readFixtures(dialect)) {
      test(name, () => {
        for (const model of models) {
          const written = writeRequest(request, optionsFor(model));
          if (!written.ok) {
            assert.match(written.error.message, DOCUMENTED);
            continue;
          }
          const { body, losses } = written.value;
          assert.deepEqual(brokenRules(body, model), [], model);
          checkKept(request, body, losses);
        }
      });
    }
  });
}

/** Every block is there, or a loss names it. */
function checkKept(request: CanonicalRequest, body: JsonObject, losses: readonly Loss[]): void {
  const wire = JSON.stringify(body["messages"]);
  for (const [index, turn] of request.turns.entries()) {
    for (const [position, block] of turn.blocks.entries()) {
      const path = `turns[${index}].blocks[${position}]`;
      if (losses.some((loss) => loss.path.startsWith(path))) continue;
      if (block.type === "text") assert.ok(wire.includes(JSON.stringify(block.text.trimEnd()).slice(1, -1)), path);
      if (block.type === "tool-call") assert.ok(wire.includes('"toolUse"'), path);
      if (block.type === "tool-result") assert.ok(wire.includes('"toolResult"'), path);
      if (block.type === "reasoning") assert.ok(wire.includes('"reasoningContent"'), path);
      if (block.type === "media") assert.match(wire, /"(image|document|video|audio)"/, path);
    }
  }
}

describe("what an assistant turn follows never changes when the conversation goes on", () => {
  for (const model of models) {
    test(model, () => {
      const random = seededRandom(20_261_120);
      for (let round = 0; round < 60; round += 1) {
        const request = readBody("openai-chat", { model, messages: generated(random), tools: [tool] });
        assert.ok(request !== undefined);
        checkPrefixes(request, model);
      }
      for (const dialect of clientDialectIds) {
        for (const { request } of readFixtures(dialect)) checkPrefixes(request, model);
      }
    });
  }
});

const tool: Json = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };

function generated(random: ReturnType<typeof seededRandom>): Json[] {
  const messages: Json[] = [{ role: "user", content: "begin" }];
  for (let step = 0; step < 8; step += 1) {
    const ids = Array.from({ length: random.below(3) }, (_, index) =>
      random.pick([`c${step}_${index}`, "call_0", "a.b"]),
    );
    const calls = ids.map((id): Json => ({ id, type: "function", function: { name: "f", arguments: "{}" } }));
    messages.push(
      calls.length === 0
        ? { role: "assistant", content: random.pick(["text", "text ", "more"]) }
        : { role: "assistant", content: null, tool_calls: calls },
    );
    for (const id of ids) {
      if (random.below(4) > 0)
        messages.push({ role: "tool", tool_call_id: id, content: random.pick(["ok", "", "later"]) });
    }
    if (random.below(3) === 0) messages.push({ role: "system", content: `rule ${step}` });
    if (ids.length === 0 || random.below(2) === 0)
      messages.push({ role: "user", content: random.pick(["next", "", "more"]) });
  }
  return messages;
}

/** Clients send what there is whenever it is the model's turn, so a conversation is cut before every assistant turn. */
function checkPrefixes(request: CanonicalRequest, model: string): void {
  let before: string[] = [];
  for (const [index, turn] of [...request.turns, undefined].entries()) {
    const isTurnOfModel = turn === undefined || turn.role === "assistant";
    const last = request.turns.slice(0, index).findLast(({ role }) => role !== "system");
    if (!isTurnOfModel || last?.role !== "user") continue;
    const written = writeRequest({ ...request, turns: request.turns.slice(0, index) }, optionsFor(model));
    if (!written.ok) continue;
    assert.deepEqual(brokenRules(written.value.body, model), []);
    const messages = messagesOf(written.value).map((message) => JSON.stringify(withoutPoints(message)));
    assert.deepEqual(messages.slice(0, before.length), before);
    before = messages;
  }
}

describe("broken requests are refused or repaired, never thrown at", () => {
  for (const dialect of clientDialectIds) {
    test(dialect, () => {
      for (const { request, model } of brokenRequests(dialect, models)) {
        const written = writeRequest(request, optionsFor(model));
        if (written.ok) assert.deepEqual(brokenRules(written.value.body, model), [], model);
      }
    });
  }
});

test("the same request gives the same bytes", () => {
  for (const dialect of clientDialectIds) {
    for (const { request } of readFixtures(dialect).slice(0, 10)) {
      const write = () => JSON.stringify(writeRequest(request, optionsFor(models[0])));
      assert.equal(write(), write());
    }
  }
});
