import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Turn } from "../../src/canonical/request.ts";
import { pairToolResults } from "../../src/translation/tool-pairing.ts";
import { assistant, call, conversation, result, show, system, user } from "./conversations.ts";

type Case = { readonly given: readonly Turn[]; readonly expected: string; readonly losses: readonly string[] };

const MOVED = "results stand right after their calls";
const MISSING = "a call without a result";
const ORPHAN = "a result without a call became text";

const cases: Record<string, Case> = {
  "results of two calls in call order pass untouched": {
    given: [user("q"), assistant(call("a"), call("b")), user(result("a"), result("b"))],
    expected: 'user: "q"\nassistant: call a, call b\nuser: result a of a, result b of b',
    losses: [],
  },
  "results in another order follow the calls": {
    given: [assistant(call("a"), call("b")), user(result("b"), result("a"))],
    expected: "assistant: call a, call b\nuser: result a of a, result b of b",
    losses: [`turns[1].blocks: ${MOVED}`],
  },
  "user text between call and result comes behind the result": {
    given: [assistant(call("a")), user("wait"), user(result("a"))],
    expected: 'assistant: call a\nuser: result a of a, "wait"',
    losses: [`turns[1].blocks: ${MOVED}`],
  },
  "text before a result in one turn comes behind it": {
    given: [assistant(call("a")), user("wait", result("a"))],
    expected: 'assistant: call a\nuser: result a of a, "wait"',
    losses: [`turns[1].blocks: ${MOVED}`],
  },
  "an interrupted session gets a result that says there is none": {
    given: [assistant(call("a"), call("b")), user(result("b"), "never mind")],
    expected: 'assistant: call a, call b\nuser: result a! [no result recorded], result b of b, "never mind"',
    losses: [`turns[0].blocks[0]: ${MISSING}`],
  },
  "a call at the end waits for its result": {
    given: [user("q"), assistant(call("a"))],
    expected: 'user: "q"\nassistant: call a',
    losses: [],
  },
  "a call before another assistant turn is answered in between": {
    given: [assistant(call("a")), assistant("on my own"), user("ok")],
    expected: 'assistant: call a\nuser: result a! [no result recorded]\nassistant: "on my own"\nuser: "ok"',
    losses: [`turns[0].blocks[0]: ${MISSING}`],
  },
  "calls of two assistant turns in a row are each answered right after theirs": {
    given: [assistant(call("a")), assistant(call("b")), user(result("a"), result("b"))],
    expected: "assistant: call a\nuser: result a of a\nassistant: call b\nuser: result b of b",
    losses: [`turns[2].blocks: ${MOVED}`],
  },
  "a result that no call asked for becomes text": {
    given: [user(result("z"))],
    expected: 'user: "[tool result z] of z"',
    losses: [`turns[0].blocks[0]: ${ORPHAN}`],
  },
  "an empty result without a call is named": {
    given: [user(result("z", "", { isError: true }))],
    expected: 'user: "[tool result z] [tool error]"',
    losses: [`turns[0].blocks[0]: ${ORPHAN}`],
  },
  "a result in an assistant turn becomes text where it is": {
    given: [assistant(call("a"), result("a")), user(result("a", "real"))],
    expected: 'assistant: call a, "[tool result a] of a"\nuser: result a real',
    losses: [`turns[0].blocks[1]: ${ORPHAN}`],
  },
  "of two results the last counts": {
    given: [assistant(call("a")), user(result("a", "first")), user(result("a", "second"))],
    expected: "assistant: call a\nuser: result a second",
    losses: ["turns[1].blocks[0]: a later result of call a counts"],
  },
  "calls of the same id are answered one by one": {
    given: [assistant(call("0"), call("0")), user(result("0", "first"), result("0", "second"))],
    expected: "assistant: call 0, call 0\nuser: result 0 first, result 0 second",
    losses: [],
  },
  "a result that comes after the next assistant turn becomes text": {
    given: [assistant(call("a")), user("go on"), assistant("ok"), user(result("a"))],
    expected:
      'assistant: call a\nuser: result a! [no result recorded], "go on"\nassistant: "ok"\nuser: "[tool result a] of a"',
    losses: [`turns[0].blocks[0]: ${MISSING}`, `turns[3].blocks[0]: ${ORPHAN}`],
  },
  "a system turn between call and result comes behind the results": {
    given: [assistant(call("a")), system("hurry"), user(result("a"), "and")],
    expected: 'assistant: call a\nuser: result a of a\nsystem: "hurry"\nuser: "and"',
    losses: [`turns[1].blocks: ${MOVED}`],
  },
  "results in several user turns come together": {
    given: [assistant(call("a"), call("b")), user(result("a")), user(result("b"))],
    expected: "assistant: call a, call b\nuser: result a of a, result b of b",
    losses: [],
  },
  "three parallel results, one missing, in another order": {
    given: [assistant(call("a"), call("b"), call("c")), user(result("c"), result("a"))],
    expected: "assistant: call a, call b, call c\nuser: result a of a, result b! [no result recorded], result c of c",
    losses: [`turns[0].blocks[1]: ${MISSING}`, `turns[1].blocks: ${MOVED}`],
  },
};

for (const [name, { given, expected, losses }] of Object.entries(cases)) {
  test(`pairing: ${name}`, () => {
    const paired = pairToolResults(given);
    assert.equal(show(paired.turns), expected);
    assert.deepEqual(
      paired.losses.map(({ path, detail }) => `${path}: ${detail}`),
      losses,
    );
    assert.ok(paired.losses.every(({ reason }) => reason === "repaired"));
  });
}

test("pairing: turns that need nothing are the same objects", () => {
  const turns = [user("q"), assistant(call("a")), user(result("a"), "and"), assistant("done")];
  pairToolResults(turns).turns.forEach((each, index) => assert.equal(each, turns[index]));
});

test("pairing: an orphan's picture stays, and its cache mark moves to its last block", () => {
  const picture = { type: "media", kind: "image", source: { by: "url", url: "https://x/y.png" } } as const;
  const cache = { source: "anthropic" } as const;
  const orphan = { ...result("z"), content: [picture], cache };
  const [only] = pairToolResults([user(orphan)]).turns;
  assert.deepEqual(only?.blocks, [
    { type: "text", text: "[tool result z]" },
    { ...picture, cache },
  ]);
});

/** What every provider checks: results stand first in the turn after the calls, in their order, and nowhere else. */
function pairingProblem(turns: readonly Turn[]): string | undefined {
  for (const [index, { role, blocks }] of turns.entries()) {
    const previous = turns[index - 1];
    const asked = previous?.role === "assistant" ? previous.blocks.filter((block) => block.type === "tool-call") : [];
    const given = blocks.filter((block) => block.type === "tool-result");
    if (asked.length > 0 && role !== "user") return `turn ${index} is a ${role} turn where results must be`;
    const inFront = blocks.slice(0, asked.length);
    const answered = inFront.map((block) => (block.type === "tool-result" ? block.callId : "other"));
    if (answered.join() !== asked.map(({ id }) => id).join())
      return `turn ${index} does not answer the calls before it`;
    if (given.length !== asked.length) return `turn ${index} has results that nobody asked for`;
  }
  return undefined;
}

test("pairing: whatever a client sends, calls are answered right after and nothing else is", () => {
  fc.assert(
    fc.property(conversation, (turns) => {
      const paired = pairToolResults(turns);
      assert.equal(pairingProblem(paired.turns), undefined, show(paired.turns));
      // What was repaired needs no more repairs.
      const again = pairToolResults(paired.turns);
      assert.equal(show(again.turns), show(paired.turns));
      assert.deepEqual(again.losses, []);
    }),
    { numRuns: 500 },
  );
});

test("pairing: text stays, in its order, and every result is there or named by a loss", () => {
  const texts = (turns: readonly Turn[]) =>
    turns.flatMap(({ blocks }) => blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])));
  const results = (turns: readonly Turn[]) =>
    turns.flatMap(({ blocks }) => blocks).filter(({ type }) => type === "tool-result");
  fc.assert(
    fc.property(conversation, (turns) => {
      const paired = pairToolResults(turns);
      const own = texts(paired.turns).filter((text) => !text.startsWith("[tool result "));
      assert.deepEqual(own, texts(turns));
      const missing = paired.losses.filter(({ detail }) => detail === MISSING).length;
      const gone = paired.losses.filter(({ detail }) => detail !== MISSING && detail !== MOVED).length;
      assert.equal(results(paired.turns).length, results(turns).length + missing - gone);
    }),
    { numRuns: 500 },
  );
});

test("pairing: what an assistant turn follows stays as it is when the conversation goes on", () => {
  fc.assert(
    fc.property(conversation, (turns) => {
      const whole = pairToolResults(turns).turns;
      for (const [index, { role }] of turns.entries()) {
        if (role !== "assistant" || turns[index - 1]?.role === "assistant") continue;
        const before = pairToolResults(turns.slice(0, index)).turns;
        assert.deepEqual(before, whole.slice(0, before.length));
      }
    }),
    { numRuns: 300 },
  );
});
