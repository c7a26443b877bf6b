import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Turn } from "../../src/canonical/request.ts";
import { mapToolCallIds } from "../../src/translation/tool-ids.ts";
import { pairToolResults } from "../../src/translation/tool-pairing.ts";
import { assistant, call, conversation, result, show, user } from "./conversations.ts";

const messages = { valid: /^[a-zA-Z0-9_-]+$/, lengthMax: 64, prefix: "toolu_" };
const chat = { valid: /^/, lengthMax: 64, prefix: "call_" };

function callIds(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ blocks }) => blocks.flatMap((block) => (block.type === "tool-call" ? [block.id] : [])));
}

function resultIds(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ blocks }) => blocks.flatMap((block) => (block.type === "tool-result" ? [block.callId] : [])));
}

test("ids that the target takes stay, and with them the turns", () => {
  const turns = [assistant(call("toolu_1")), user(result("toolu_1"))];
  mapToolCallIds(turns, messages).forEach((turn, index) => assert.equal(turn, turns[index]));
});

test("an id that the target refuses becomes the same new one in call and result, and a.b is not a:b", () => {
  const turns = mapToolCallIds(
    [assistant(call("functions.Bash:0"), call("a.b"), call("a:b")), user(result("functions.Bash:0"), result("a:b"))],
    messages,
  );
  const ids = callIds(turns);
  assert.deepEqual(resultIds(turns), [ids[0], ids[2]]);
  assert.equal(new Set(ids).size, 3);
  for (const id of ids) assert.match(id, /^toolu_[a-z0-9]{13}$/);
});

test("an id of 83 characters is shortened the same way in call and result", () => {
  const long = "x".repeat(83);
  const turns = mapToolCallIds([assistant(call(long)), user(result(long))], chat);
  assert.deepEqual(callIds(turns), resultIds(turns));
  assert.ok(callIds(turns).every((id) => id.length <= 64));
});

test("a model that always says call_0 gets its results back in order, also in later turns", () => {
  const turns = mapToolCallIds(
    [
      assistant(call("call_0"), call("call_0")),
      user(result("call_0", "first"), result("call_0", "second")),
      assistant(call("call_0")),
      user(result("call_0", "third")),
    ],
    chat,
  );
  assert.equal(
    show(turns),
    "assistant: call call_0, call call_0_2\nuser: result call_0 first, result call_0_2 second\n" +
      "assistant: call call_0_3\nuser: result call_0_3 third",
  );
});

test("a result belongs to the latest call of its id, also where an earlier one has none", () => {
  const turns = mapToolCallIds([assistant(call("0")), user("stop"), assistant(call("0")), user(result("0"))], chat);
  assert.deepEqual(resultIds(turns), ["0_2"]);
});

test("a repeated id does not take the name of another call", () => {
  const turns = mapToolCallIds([assistant(call("a"), call("a"), call("a_2"))], chat);
  assert.deepEqual(callIds(turns), ["a", "a_2", "a_2_2"]);
});

test("ids are good, unique, the same for call and result, and stay when the conversation goes on", () => {
  fc.assert(
    fc.property(conversation, fc.constantFrom(messages, chat), (broken, rule) => {
      const turns = pairToolResults(broken).turns;
      const mapped = mapToolCallIds(turns, rule);
      const ids = callIds(mapped);
      assert.equal(new Set(ids).size, ids.length);
      for (const id of ids) assert.ok(id.length <= rule.lengthMax && rule.valid.test(id), id);
      for (const [index, { role, blocks }] of mapped.entries()) {
        if (role === "user")
          assert.deepEqual(resultIds([{ role, blocks, boundary: 0 }]), answeredBy(mapped[index - 1]));
      }
      for (let length = 0; length < turns.length; length += 1) {
        assert.deepEqual(mapToolCallIds(turns.slice(0, length), rule), mapped.slice(0, length));
      }
    }),
    { numRuns: 300 },
  );
});

function answeredBy(turn: Turn | undefined): string[] {
  return turn?.role === "assistant" ? callIds([turn]) : [];
}
