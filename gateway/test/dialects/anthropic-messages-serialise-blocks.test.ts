import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Block } from "../../src/canonical/block.ts";
import type { BlockStart, CanonicalEvent } from "../../src/canonical/event.ts";
import {
  flush,
  serialise,
  serialiser,
  type SerialEvent,
} from "../../src/dialects/anthropic-messages/serialise-blocks.ts";

describe("serialise-blocks", () => {
  const tool = (block: number): BlockStart => ({
    type: "block-start",
    candidate: 0,
    block,
    kind: "tool-call",
    initial: { type: "tool-call", id: `t${block}`, name: "f", kind: "function", argumentsText: "" },
  });
  const text = (block: number): BlockStart => ({
    type: "block-start",
    candidate: 0,
    block,
    kind: "text",
    initial: { type: "text", text: "" },
  });
  const args = (block: number, value: string): CanonicalEvent => ({
    type: "arguments-delta",
    candidate: 0,
    block,
    text: value,
  });
  const words = (block: number, value: string): CanonicalEvent => ({
    type: "text-delta",
    candidate: 0,
    block,
    text: value,
  });
  const stop = (block: number, final?: Block): CanonicalEvent => ({
    type: "block-stop",
    candidate: 0,
    block,
    ...(final === undefined ? {} : { final }),
  });

  const rows: readonly (readonly [string, readonly CanonicalEvent[], string])[] = [
    [
      "interleaved arguments of two calls become two blocks in one piece",
      [tool(0), args(0, '{"a'), tool(1), args(1, '{"b'), args(0, '":1}'), args(1, '":2}'), stop(0), stop(1)],
      '0[{"a|":1}] 1[{"b|":2}]',
    ],
    [
      "a call whose arguments are complete makes room before it stops",
      [tool(0), args(0, '{"a":"}"}'), tool(1), args(1, "{}"), stop(0), stop(1)],
      '0[{"a":"}"}] 1[{}]',
    ],
    [
      "brackets in strings do not complete a call",
      [tool(0), args(0, '{"a":"\\"}'), tool(1), args(1, "{}"), args(0, '"}'), stop(0), stop(1)],
      '0[{"a":"\\"}|"}] 1[{}]',
    ],
    [
      "text makes room for a call and goes on in a new block",
      [text(0), words(0, "a"), tool(1), args(1, "{}"), words(0, "b"), stop(1), stop(0)],
      "0[a] 1[{}] 0[b]",
    ],
    [
      "text waits for a call that is not complete",
      [tool(0), args(0, "{"), text(1), words(1, "x"), words(1, "y"), args(0, "}"), stop(0), stop(1)],
      "0[{|}] 1[x|y]",
    ],
    [
      "a block that stopped while it waited is written whole",
      [tool(0), args(0, "{"), tool(1), args(1, "{}"), stop(1), text(2), words(2, "t"), stop(2), args(0, "}"), stop(0)],
      "0[{|}] 1[{}] 2[t]",
    ],
    ["a call without arguments opens at its stop", [tool(0), stop(0)], "0[]"],
    [
      "a call without arguments stays before a later one that has some",
      [tool(0), tool(1), args(1, '{"b'), args(1, '":2}'), stop(0), stop(1)],
      '0[] 1[{"b|":2}]',
    ],
    [
      "a call whose arguments come late is still in one piece, before a later call",
      [tool(0), tool(1), args(1, "{}"), args(0, '{"a":1}'), stop(0), stop(1)],
      '0[{"a":1}] 1[{}]',
    ],
    ["empty text is never a block", [text(0), words(0, ""), stop(0), tool(1), args(1, "{}"), stop(1)], "1[{}]"],
    ["what only the final block has is content", [text(0), stop(0, { type: "text", text: "all" })], "0[all]"],
    [
      "space after complete arguments is nothing",
      [tool(0), args(0, "{}"), text(1), words(1, "x"), args(0, " \n"), stop(0), stop(1)],
      "0[{}] 1[x]",
    ],
    [
      "other text after complete arguments is a conflict",
      [tool(0), args(0, "{}"), text(1), words(1, "x"), args(0, "{}")],
      "0[{}] 1[x conflict]",
    ],
    [
      "what waits is written at the end even if nothing stopped",
      [tool(0), args(0, "{"), tool(1), args(1, "{}")],
      "0[{] 1[{}]",
    ],
  ];
  for (const [name, events, expected] of rows) {
    test(name, () => {
      assert.equal(picture(serialiseAll(events)), expected);
    });
  }

  test("waiting text has a maximum", () => {
    const before = [tool(0), args(0, "{"), text(1)];
    const atMaximum = [...before, words(1, "12345678")];
    const wait = (events: readonly CanonicalEvent[]) => serialiseAll(events, 8).some(({ type }) => type === "conflict");
    assert.equal(wait(atMaximum), false);
    assert.equal(wait([...atMaximum, words(1, "9")]), true);
  });

  test("whatever the interleaving: one block open at a time, nothing lost, nothing out of order", () => {
    const step = fc.record({
      block: fc.integer({ min: 0, max: 3 }),
      text: fc.constantFrom("a", "b", "cd"),
      stops: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const events: CanonicalEvent[] = [text(0), tool(1), tool(2), text(3), args(1, '{"k":"'), args(2, '{"k":"')];
        const stopped = new Set<number>();
        const expected = ["", '{"k":"', '{"k":"', ""];
        for (const { block, text: value, stops } of steps) {
          if (stopped.has(block)) continue;
          events.push(block === 1 || block === 2 ? args(block, value) : words(block, value));
          expected[block] += value;
          if (!stops) continue;
          stopped.add(block);
          events.push(stop(block));
        }
        const written = ["", "", "", ""];
        for (const piece of picture(serialiseAll(events))
          .split(" ")
          .filter((each) => each !== "")) {
          const content = /^(\d)\[(.*)\]$/.exec(piece);
          assert.ok(content !== null, piece);
          written[Number(content[1])] += (content[2] ?? "").replaceAll("|", "");
        }
        assert.deepEqual(written, expected);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  function serialiseAll(events: readonly CanonicalEvent[], max?: number): SerialEvent[] {
    const state = serialiser(max);
    const written = events.flatMap((event) => ("block" in event ? serialise(state, event) : []));
    return [...written, ...flush(state)];
  }

  /** `0[a|b] 1[c]`: block numbers with their pieces; an unbalanced bracket shows two blocks open at once. */
  function picture(events: readonly SerialEvent[]): string {
    let drawn = "";
    for (const event of events) {
      if (event.type === "open") drawn += `${drawn === "" ? "" : " "}${event.start.block}[`;
      else if (event.type === "close") drawn += "]";
      else if (event.type === "conflict") drawn += " conflict";
      else drawn += `${drawn.endsWith("[") ? "" : "|"}${"text" in event.event ? event.event.text : event.event.type}`;
    }
    return drawn;
  }
});
