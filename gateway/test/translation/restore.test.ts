import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Block } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { Candidate, CanonicalResponse, Finish } from "../../src/canonical/response.ts";
import type { Restore } from "../../src/translation/restore-plan.ts";
import { restoreResponse, restoring } from "../../src/translation/restore.ts";
import { unwrapInput, wrapInput } from "../../src/translation/custom-tools.ts";
import { checkEvents } from "../support/events.ts";
import { answer, everySlicing, sliced, text, toolCall } from "./answers.ts";

function restored(events: readonly CanonicalEvent[], restore: Restore): CanonicalEvent[] {
  const stage = restoring(restore);
  const shown = events.flatMap((event) => stage.step(event));
  assert.equal(checkEvents(shown), undefined);
  return shown;
}

function candidate(events: readonly CanonicalEvent[], restore: Restore): { blocks: readonly Block[]; finish: Finish } {
  const [only] = fold(restored(events, restore)).candidates;
  assert.ok(only);
  return only;
}

function deltaTexts(events: readonly CanonicalEvent[]): string[] {
  return events.flatMap((event) =>
    event.type === "text-delta" || event.type === "arguments-delta" ? [event.text] : [],
  );
}

const tools: Restore["tools"] = new Map([
  ["docs__search", { name: "search", namespace: "docs", kind: "function" }],
  ["apply_patch", { name: "apply_patch", kind: "custom" }],
]);

test("events that nothing was done to pass as they are", () => {
  const events = answer([text("a", "b"), toolCall("other", '{"a":', "1}")], "tool-calls");
  const stage = restoring({ tools });
  assert.ok(events.every((event) => event.type === "finish" || stage.step(event)[0] === event));
  assert.deepEqual(restored(events, { tools, jsonTool: "json_output", stop: ["zzz"] }), events);
});

test("a call gets its name and namespace back", () => {
  const { blocks, finish } = candidate(answer([toolCall("docs__search", '{"q":1}')], "tool-calls"), { tools });
  assert.deepEqual(blocks, [
    { type: "tool-call", id: "c1", name: "search", namespace: "docs", kind: "function", argumentsText: '{"q":1}' },
  ]);
  assert.equal(finish.reason, "tool-calls");
});

test("a custom tool's call is unwrapped, also where its arguments come with its start or as a whole", () => {
  const argumentsText = wrapInput("a\nb😀");
  const whole: Block = { type: "tool-call", id: "c1", name: "apply_patch", kind: "function", argumentsText };
  const unwrapped: Block = {
    type: "tool-call",
    id: "c1",
    name: "apply_patch",
    kind: "custom",
    argumentsText: "a\nb😀",
  };
  const atStart = answer([{ initial: whole, pieces: [] }], "tool-calls");
  const atEnd = answer([{ ...toolCall("apply_patch", argumentsText), final: whole }], "tool-calls");
  for (const events of [atStart, atEnd]) {
    assert.deepEqual(candidate(events, { tools }).blocks, [unwrapped]);
    assert.equal(deltaTexts(restored(events, { tools })).join(""), "a\nb😀");
  }
});

test("a call that is custom already keeps its text", () => {
  const call: Block = { type: "tool-call", id: "c1", name: "apply_patch", kind: "custom", argumentsText: "" };
  const { blocks } = candidate(answer([{ initial: call, pieces: ['{"input":"x"}'] }]), { tools });
  assert.deepEqual(blocks, [{ ...call, argumentsText: '{"input":"x"}' }]);
});

test("a custom call's input is the same however its arguments are cut, and no delta ends in half a character", () => {
  const property = fc.property(sliced(fc.string({ unit: "grapheme" }).map(wrapInput)), ({ whole, pieces }) => {
    const deltas = deltaTexts(restored(answer([toolCall("apply_patch", ...pieces)]), { tools }));
    assert.equal(deltas.join(""), unwrapInput(whole));
    assert.ok(deltas.every((delta) => delta.isWellFormed() && delta !== ""));
  });
  fc.assert(property, { numRuns: 300 });
});

test("the call of the json tool is the answer's text, and the answer has stopped", () => {
  const restore: Restore = { jsonTool: "json_output" };
  const final: Block = { type: "tool-call", id: "c1", name: "json_output", kind: "function", argumentsText: '{"a":1}' };
  for (const written of [toolCall("json_output", '{"a"', ":1}"), { ...toolCall("json_output", '{"a":1}'), final }]) {
    const { blocks, finish } = candidate(answer([written], "tool-calls"), restore);
    assert.deepEqual(blocks, [{ type: "text", text: '{"a":1}' }]);
    assert.deepEqual(finish, { reason: "stop", native: "" });
  }
});

test("beside the json tool a real call is still one, and a length is still a length", () => {
  const restore: Restore = { jsonTool: "json_output" };
  const both = candidate(answer([toolCall("json_output", "{}"), toolCall("other", "{}")], "tool-calls"), restore);
  assert.equal(both.finish.reason, "tool-calls");
  assert.equal(candidate(answer([toolCall("json_output", '{"a')], "length"), restore).finish.reason, "length");
});

const stopCases: Record<
  string,
  readonly [stop: string[], blocks: string[], expected: string, found: string | undefined]
> = {
  "in one delta": [["END"], ["abcENDdef"], "abc", "END"],
  "over two deltas": [["END"], ["abcEN", "Ddef"], "abc", "END"],
  "at once": [["END"], ["END"], "", "END"],
  "what only begins like it is text": [["END"], ["abcEN", "abc"], "abcENabc", undefined],
  "what begins like it at the end is text": [["END"], ["abcEN"], "abcEN", undefined],
  "after a false start": [["aab"], ["aa", "ab"], "a", "aab"],
  "the first that is complete counts": [["abcd", "bc"], ["xabcd"], "xa", "bc"],
  "of two complete at once the longer counts": [["c", "abc"], ["xabc"], "x", "abc"],
  "empty sequences are none": [["", "b"], ["ab"], "a", "b"],
  "white space": [["\n\n"], ["a\n", "\nb"], "a", "\n\n"],
  "outside the basic plane": [["😀"], ["a😀", "b"], "a", "😀"],
};

for (const [name, [stop, pieces, expected, found]] of Object.entries(stopCases)) {
  test(`stop: ${name}`, () => {
    for (const cut of [pieces, ...everySlicing(pieces.join(""))]) {
      const { blocks, finish } = candidate(answer([text(...cut)]), { stop });
      assert.deepEqual(blocks, [{ type: "text", text: expected }]);
      const whole: Finish = { reason: "stop", native: "native" };
      assert.deepEqual(
        finish,
        found === undefined ? whole : { reason: "stop-sequence", native: "", stopSequence: found },
      );
    }
  });
}

test("stop: nothing of the candidate follows, usage and end do", () => {
  const events = answer([text("a!b"), text("c"), toolCall("other", "{}")], "tool-calls");
  assert.deepEqual(
    restored(events, { stop: ["!"] }).map(({ type }) => type),
    ["start", "block-start", "text-delta", "block-stop", "finish", "usage", "end"],
  );
});

test("stop: reasoning and arguments are not looked at, and a block that is open is closed", () => {
  const [start, ...rest] = answer([text("a", "!")]);
  const reasoning: CanonicalEvent[] = [
    { type: "block-start", candidate: 0, block: 1, kind: "reasoning", initial: { type: "reasoning", summary: [] } },
    { type: "reasoning-delta", candidate: 0, block: 1, channel: "summary", part: 0, text: "!" },
  ];
  assert.ok(start);
  const { blocks } = candidate([start, ...rest.slice(0, 1), ...reasoning, ...rest.slice(1)], { stop: ["!"] });
  assert.deepEqual(blocks, [
    { type: "text", text: "a" },
    { type: "reasoning", summary: ["!"] },
  ]);
  const call = candidate(answer([toolCall("other", '{"a":"!"}')], "tool-calls"), { stop: ["!"] });
  assert.equal(call.finish.reason, "tool-calls");
});

test("stop: a text that comes as a whole at its end is cut as well", () => {
  const final: Block = { type: "text", text: "ab!c" };
  const { blocks } = candidate(answer([{ initial: { type: "text", text: "" }, pieces: [], final }]), { stop: ["!"] });
  assert.deepEqual(blocks, [{ type: "text", text: "ab" }]);
});

test("stop: log probabilities stay with their text", () => {
  const token = (value: string) => ({ token: value, logprob: -1 });
  const events = answer([text("a", "b", "!", "c")]).map((event) =>
    event.type === "text-delta" ? { ...event, logprobs: [token(event.text)] } : event,
  );
  assert.deepEqual(candidate(events, { stop: ["b!"] }).blocks, [{ type: "text", text: "a", logprobs: [token("a")] }]);
  const atOnce = answer([text("ab!c")]).map((event) =>
    event.type === "text-delta" ? { ...event, logprobs: ["a", "b", "!", "c"].map(token) } : event,
  );
  assert.deepEqual(candidate(atOnce, { stop: ["!"] }).blocks, [
    { type: "text", text: "ab", logprobs: ["a", "b"].map(token) },
  ]);
  const uncut = candidate(events, { stop: ["!!"] }).blocks;
  assert.deepEqual(uncut, [{ type: "text", text: "ab!c", logprobs: ["a", "b", "!", "c"].map(token) }]);
});

test("stop: what is shown is what stands before the first sequence, for every slicing", () => {
  // Of two letters only, so that sequences begin, repeat and overlap all the time.
  const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 24 });
  const sequence = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 5 });
  const property = fc.property(sliced(letters), sequence, ({ whole, pieces }, stop) => {
    const at = whole.indexOf(stop);
    const { blocks } = candidate(answer([text(...pieces)]), { stop: [stop] });
    assert.deepEqual(blocks, [{ type: "text", text: at < 0 ? whole : whole.slice(0, at) }]);
  });
  fc.assert(property, { numRuns: 1000 });
});

test("stop: of several sequences the one that is complete first counts, for every slicing", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "😀"), maxLength: 16 });
  const sequences = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "😀"), minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  });
  const property = fc.property(sliced(letters), sequences, ({ whole, pieces }, stop) => {
    const deltas = deltaTexts(restored(answer([text(...pieces)]), { stop }));
    assert.equal(deltas.join(""), firstComplete(whole, stop));
    assert.ok(deltas.every((delta) => delta.isWellFormed()));
  });
  fc.assert(property, { numRuns: 1000 });
});

/** The plain way: the shortest beginning that ends in a sequence, without the longest that it ends in. */
function firstComplete(whole: string, stop: readonly string[]): string {
  for (let end = 1; end <= whole.length; end += 1) {
    const head = whole.slice(0, end);
    const lengths = stop.filter((each) => head.endsWith(each)).map((each) => each.length);
    if (lengths.length > 0) return head.slice(0, end - Math.max(...lengths));
  }
  return whole;
}

test("stop: text is not held back longer than it may still become a sequence", () => {
  const stage = restoring({ stop: ["STOP"] });
  const shown = answer([text("hello S", "o what")]).map((event) =>
    stage
      .step(event)
      .flatMap((each) => (each.type === "text-delta" ? [each.text] : []))
      .join(""),
  );
  assert.deepEqual(
    shown.filter((each) => each !== ""),
    ["hello ", "So what"],
  );
});

test("stop: the provider is done with when all candidates are", () => {
  const one = restoring({ stop: ["!"] });
  const two = restoring({ stop: ["!"] }, 2);
  for (const event of answer([text("a!")]).slice(0, 3)) {
    one.step(event);
    two.step(event);
  }
  assert.deepEqual([one.isStopped(), two.isStopped()], [true, false]);
  two.step({ type: "finish", candidate: 1, finish: { reason: "stop", native: "" } });
  assert.equal(two.isStopped(), true);
  const never = restoring({ stop: ["!"] });
  for (const event of answer([text("a")])) never.step(event);
  assert.equal(never.isStopped(), false);
});

const response: CanonicalResponse = {
  id: "r",
  model: "m",
  createdAt: 1,
  usage: { inputTotal: 1, cacheRead: 0, cacheWrite: 0, outputTotal: 2 },
  tier: "flex",
  speed: "fast",
  extras: { "openai-chat": { x: 1 } },
  losses: [{ path: "p", reason: "unsupported" }],
  candidates: [],
};

function plain(blocks: readonly Block[], finish: Finish = { reason: "stop", native: "stop" }): CanonicalResponse {
  const only: Candidate = { index: 0, blocks, finish, meta: { averageLogprobs: -1 } };
  return { ...response, candidates: [only] };
}

test("a whole answer that nothing was done to stays as it is", () => {
  const blocks: Block[] = [
    { type: "reasoning", summary: ["s"], itemId: "rs_1" },
    { type: "text", text: "abc", citations: [{ type: "url", url: "https://x" }] },
    { type: "tool-call", id: "c", name: "other", kind: "function", argumentsText: "{}" },
  ];
  const given = plain(blocks);
  assert.deepEqual(restoreResponse(given, { tools, stop: ["zzz"], jsonTool: "json_output" }), given);
});

test("a whole answer is cut, renamed and unwrapped like a stream; its usage is what was billed", () => {
  const cut = restoreResponse(
    plain([
      { type: "text", text: "ab!c" },
      { type: "text", text: "d" },
    ]),
    { stop: ["!"] },
  );
  assert.deepEqual(cut.candidates[0]?.blocks, [{ type: "text", text: "ab" }]);
  assert.equal(cut.candidates[0]?.finish.stopSequence, "!");
  assert.deepEqual(cut.usage, response.usage);
  const call: Block = {
    type: "tool-call",
    id: "c",
    name: "apply_patch",
    kind: "function",
    argumentsText: wrapInput("x"),
    itemId: "i",
  };
  const renamed = restoreResponse(plain([call]), { tools });
  assert.deepEqual(renamed.candidates[0]?.blocks, [{ ...call, kind: "custom", argumentsText: "x" }]);
  const json = restoreResponse(
    plain([{ ...call, name: "json_output" }], { reason: "tool-calls", native: "tool_use" }),
    {
      jsonTool: "json_output",
    },
  );
  assert.deepEqual(json.candidates[0]?.blocks, [{ type: "text", text: call.argumentsText }]);
  assert.deepEqual(json.candidates[0]?.finish, { reason: "stop", native: "" });
});
