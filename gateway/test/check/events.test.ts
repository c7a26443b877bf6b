import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BlockKind, CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import { checkEvents } from "../support/events.ts";

const start: CanonicalEvent = { type: "start", id: "1", model: "m", createdAt: 0 };
const end: CanonicalEvent = { type: "end" };
const error: CanonicalEvent = { type: "error", failure: failure("internal", "broken") };
const text = (block = 0, candidate = 0): CanonicalEvent => ({ type: "text-delta", candidate, block, text: "x" });
const stop = (block = 0, candidate = 0): CanonicalEvent => ({ type: "block-stop", candidate, block });
const finish = (candidate = 0): CanonicalEvent => ({
  type: "finish",
  candidate,
  finish: { reason: "stop", native: "stop" },
});
const open = (block = 0, candidate = 0, kind: BlockKind = "text"): CanonicalEvent => ({
  type: "block-start",
  candidate,
  block,
  kind,
  initial: { type: "text", text: "" },
});

const valid: readonly (readonly [string, readonly CanonicalEvent[]])[] = [
  ["an empty answer", [start, end]],
  ["a text", [start, open(), text(), stop(), finish(), end]],
  ["overlapping blocks", [start, open(0), open(1), text(0), text(1), stop(1), stop(0), finish(), end]],
  ["two candidates", [start, open(0, 1), open(0, 0), stop(0, 0), finish(0), stop(0, 1), finish(1), end]],
  ["usage after the finish", [start, finish(), { type: "usage", usage: {} }, end]],
  ["an error within a block", [start, open(), text(), error]],
  ["an error after the finish", [start, open(), stop(), finish(), error]],
];

const invalid: readonly (readonly [string, readonly CanonicalEvent[], RegExp])[] = [
  ["nothing", [], /no events/],
  ["no start", [open(), end], /event 0 .*first event must be `start`/],
  ["two starts", [start, start, end], /event 1 .*second `start`/],
  ["no end", [start, finish()], /last event must be/],
  ["something after the end", [start, end, { type: "ping" }], /followed by ping/],
  ["end and error", [start, end, error], /followed by error/],
  ["a gap in the block numbers", [start, open(1), end], /leaves a gap/],
  ["a block started twice", [start, open(), open(), end], /starts twice/],
  ["a delta without a block", [start, text(), end], /has not started/],
  ["a delta after its block", [start, open(), stop(), text(), end], /event 3 .*has stopped/],
  ["a delta of another candidate", [start, open(), text(0, 1), end], /candidate 1 block 0 has not started/],
  ["a block stopped twice", [start, open(), stop(), stop(), end], /stops twice/],
  ["a finish within a block", [start, open(), finish(), end], /finishes while its block 0 is open/],
  ["two finishes", [start, finish(), finish(), end], /finishes twice/],
  ["a block after the finish", [start, finish(), open(), end], /starts after the candidate has finished/],
  ["an end without a finish", [start, open(), stop(), end], /candidate 0 has not finished/],
  ["an initial block of another kind", [start, open(0, 0, "refusal"), end], /of kind refusal/],
  [
    "a delta of another kind",
    [start, open(), { type: "refusal-delta", candidate: 0, block: 0, text: "" }, end],
    /text/,
  ],
];

describe("checkEvents", () => {
  for (const [name, events] of valid) test(`accepts ${name}`, () => assert.equal(checkEvents(events), undefined));
  for (const [name, events, words] of invalid) {
    test(`refuses ${name}`, () => assert.match(checkEvents(events) ?? "", words));
  }
});
