import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { Decoder } from "../../src/dialects/dialect.ts";
import type { FramePayload } from "../../src/framing/framer.ts";
import { restoredDecoder } from "../../src/relay/restored-decoder.ts";
import { checkEvents } from "../support/events.ts";
import { answer, text, toolCall } from "./answers.ts";

/** A decoder whose frames are numbers of events to give out; without its last event the stream was cut. */
function scripted(events: readonly CanonicalEvent[]): Decoder {
  let at = 0;
  return {
    step(payload) {
      if (payload.data === "unreadable") return undefined;
      const next = events.slice(at, at + Number(payload.data));
      at += next.length;
      return next;
    },
    end: () => {
      const left = events.slice(at);
      return { events: left, outcome: left.at(-1)?.type === "error" ? "truncated" : "complete" };
    },
    isTerminal() {
      return events.slice(0, at).some(({ type }) => type === "finish");
    },
  };
}

const frame = (data: string): FramePayload => ({ event: "", data });
const options = { candidates: 1, inputTokens: () => 42 };

test("without anything to restore the decoder is itself", () => {
  const decoder = scripted([]);
  assert.equal(restoredDecoder(decoder, undefined, options), decoder);
});

test("frames nobody can read stay so, and the end brings what was held back", () => {
  const decoder = restoredDecoder(scripted(answer([text("ab", "c")])), { stop: ["cd"] }, options);
  assert.equal(decoder.step(frame("unreadable")), undefined);
  const first = decoder.step(frame("4")) ?? [];
  assert.deepEqual(
    first.flatMap((event) => (event.type === "text-delta" ? [event.text] : [])),
    ["ab"],
  );
  const { events, outcome } = decoder.end();
  assert.equal(checkEvents([...first, ...events]), undefined);
  assert.deepEqual(fold([...first, ...events]).candidates[0]?.blocks, [{ type: "text", text: "abc" }]);
  assert.deepEqual([outcome, decoder.isStopped?.(), decoder.isTerminal()], ["complete", false, false]);
});

test("at a stop sequence the answer ends with estimated usage, whatever the provider does afterwards", () => {
  const broken: CanonicalEvent[] = answer([text("twelve chars", "STOP", "more", "and more")]).slice(0, 6);
  const decoder = restoredDecoder(scripted(broken), { stop: ["STOP"] }, options);
  const events = decoder.step(frame("5")) ?? [];
  assert.equal(checkEvents(events), undefined);
  assert.deepEqual(events.map(({ type }) => type).slice(-4), ["block-stop", "usage", "finish", "end"]);
  const { candidates, usage } = fold(events);
  assert.deepEqual(candidates[0]?.finish, { reason: "stop-sequence", native: "", stopSequence: "STOP" });
  assert.deepEqual(usage, { inputTotal: 42, cacheRead: 0, cacheWrite: 0, outputTotal: 4, estimated: true });
  assert.deepEqual([decoder.isStopped?.(), decoder.isTerminal()], [true, true]);
  assert.deepEqual(decoder.step(frame("5")), []);
  assert.deepEqual(decoder.end(), { events: [], outcome: "complete" });
});

test("a prompt that the provider has counted is not estimated", () => {
  const [start, ...rest] = answer([text("a!b")]);
  assert.ok(start);
  const counted: CanonicalEvent = { type: "usage", usage: { inputTotal: 7, cacheRead: 3 } };
  const decoder = restoredDecoder(scripted([start, counted, ...rest]), { stop: ["!"] }, options);
  const usage = fold(decoder.step(frame("9")) ?? []).usage;
  assert.deepEqual([usage?.inputTotal, usage?.cacheRead, usage?.estimated], [7, 3, true]);
});

test("a stream that breaks before a stop sequence has failed", () => {
  const failure = { class: "truncated", code: "provider_interrupted", message: "m" } as const;
  const events: CanonicalEvent[] = [...answer([toolCall("x", "{")]).slice(0, 3), { type: "error", failure }];
  const decoder = restoredDecoder(scripted(events), { stop: ["!"] }, options);
  decoder.step(frame("3"));
  assert.deepEqual(decoder.end(), { events: [{ type: "error", failure }], outcome: "truncated" });
});
