import fc from "fast-check";
import type { Block } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { FinishReason } from "../../src/canonical/response.ts";

/** A block of an answer: what it starts with, and the pieces in which its text or arguments come. */
export type Written = { readonly initial: Block; readonly pieces: readonly string[]; readonly final?: Block };

export function text(...pieces: string[]): Written {
  return { initial: { type: "text", text: "" }, pieces };
}

export function toolCall(name: string, ...pieces: string[]): Written {
  return { initial: { type: "tool-call", id: "c1", name, kind: "function", argumentsText: "" }, pieces };
}

/** The events of an answer with one candidate, block after block. */
export function answer(blocks: readonly Written[], reason: FinishReason = "stop"): CanonicalEvent[] {
  return [
    { type: "start", id: "r", model: "m", createdAt: 1 },
    ...blocks.flatMap((written, block) => blockEvents(written, block)),
    { type: "usage", usage: { inputTotal: 7, outputTotal: 9 } },
    { type: "finish", candidate: 0, finish: { reason, native: "native" } },
    { type: "end" },
  ];
}

function blockEvents({ initial, pieces, final }: Written, block: number): CanonicalEvent[] {
  const kind = initial.type === "text" ? "text" : "tool-call";
  const type = kind === "text" ? "text-delta" : "arguments-delta";
  return [
    { type: "block-start", candidate: 0, block, kind, initial },
    ...pieces.map((piece): CanonicalEvent => ({ type, candidate: 0, block, text: piece })),
    { type: "block-stop", candidate: 0, block, ...(final === undefined ? {} : { final }) },
  ];
}

/** `whole` with some way to cut it into pieces. */
export function sliced(
  whole: fc.Arbitrary<string>,
): fc.Arbitrary<{ readonly whole: string; readonly pieces: readonly string[] }> {
  return whole.chain((value) =>
    fc.array(fc.nat({ max: value.length }), { maxLength: 6 }).map((cuts) => {
      const sorted = cuts.toSorted((left, right) => left - right);
      return { whole: value, pieces: [0, ...sorted].map((start, index) => value.slice(start, sorted[index])) };
    }),
  );
}

/** Every way to cut a short text in two, and each unit alone. */
export function everySlicing(whole: string): string[][] {
  const cuts = Array.from({ length: whole.length + 1 }, (_, at) => [whole.slice(0, at), whole.slice(at)]);
  return [...cuts, whole.split("")];
}
