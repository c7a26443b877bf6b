import assert from "node:assert/strict";
import { openOpaque, sealOpaque } from "../../src/canonical/envelope.ts";
import { FrameTooLargeError, type FramingId } from "../../src/framing/framer.ts";
import { JSON_DEPTH_MAX, scanObject } from "../../src/framing/json-scan.ts";
import { spliceObject, type Edit } from "../../src/framing/json-splice.ts";
import { formReader, type FormEvent } from "../../src/framing/multipart.ts";
import { isObject, parseJson, type Json } from "../../src/lib/json.ts";
import { readAnswer } from "../framing/answers.ts";
import { checkConservation } from "../framing/check.ts";
import type { Random } from "../support/random.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { arbitraryJson } from "./mutate.ts";
import type { SeedTable } from "./seeds.ts";
import type { Target } from "./target.ts";

/** What reads bytes before anyone knows what they mean. */
export function byteTargets(seeds: SeedTable): Target[] {
  const requests = seeds.dialects["openai-chat"].requests;
  const framings = ["sse", "json-array", "ndjson", "aws-eventstream"] as const;
  return [
    ...framings.map((framing): Target => ({
      name: `framing/${framing}`,
      seeds: seeds.framings[framing],
      run: (input, random) => checkFramer(framing, input, random),
    })),
    { name: "framing/json-scan", seeds: requests, run: checkScan },
    { name: "framing/json-splice", seeds: requests, run: checkSplice },
    { name: "framing/http-response", seeds: seeds.connections, run: checkAnswer },
    { name: "framing/multipart", seeds: seeds.forms, run: checkForm },
    { name: "canonical/envelope", seeds: seeds.forms, run: checkEnvelope },
  ];
}

function cuts(input: Uint8Array, random: Random): number[] {
  return Array.from({ length: random.below(6) }, () => random.below(input.length + 1));
}

function checkFramer(framing: FramingId, input: Uint8Array, random: Random): string | undefined {
  checkConservation(framing, input, cuts(input, random));
  try {
    frameAll(framing, cut(input, cuts(input, random)), 1 + random.below(200));
  } catch (error) {
    // The one thing that a framer may throw.
    if (!(error instanceof FrameTooLargeError)) throw error;
  }
  return undefined;
}

/** However an answer is cut, it is the same answer, and never longer than what came. Of less than a line nobody can tell what it is. */
function checkAnswer(input: Uint8Array, random: Random): string | undefined {
  const options = { method: random.pick(["POST", "HEAD"]), headBytesMax: 16 + random.below(600) };
  const whole = readAnswer([input], options);
  if (whole.body.length > input.length) return `a body of ${whole.body.length} bytes out of ${input.length}`;
  assert.deepEqual(readAnswer(cut(input, cuts(input, random)), options), whole);
  return undefined;
}

/** Whatever a parser takes for an object of a depth that is allowed the scan takes too, with the same members. */
function checkScan(input: Uint8Array): string | undefined {
  const scan = scanObject(input);
  const text = Buffer.from(input).toString("utf8");
  const parsed = parseJson(text);
  if (!scan.ok) {
    if (!isObject(parsed) || scan.error.kind === "too-deep") return undefined;
    return `a valid object was refused: ${scan.error.message}`;
  }
  if (parsed === undefined) return undefined; // Strings are left to the parser.
  if (!isObject(parsed)) return "what is no object was taken for one";
  const { members, depth } = scan.value;
  if (depth > JSON_DEPTH_MAX) return `depth ${depth} was let through`;
  const valid = Buffer.from(text).equals(input);
  if (!valid) return undefined;
  const missing = Object.keys(parsed).filter((key) => !members.has(key));
  if (missing.length > 0 || members.size !== Object.keys(parsed).length) return `members differ: ${missing.join()}`;
  for (const [key, { start, end }] of members) {
    const span = parseJson(Buffer.from(input.subarray(start, end)).toString("utf8"));
    if (scan.value.duplicates.includes(key)) continue;
    if (JSON.stringify(span) !== JSON.stringify(parsed[key])) return `the span of ${key} is another value`;
  }
  return undefined;
}

/** What edits leave is what the same changes of the parsed object leave. */
function checkSplice(input: Uint8Array, random: Random): string | undefined {
  const scan = scanObject(input);
  const parsed = parseJson(Buffer.from(input).toString("utf8"));
  if (!scan.ok || !isObject(parsed) || scan.value.duplicates.length > 0) return undefined;
  const keys = [...scan.value.members.keys(), "new", "model"];
  const expected = new Map<string, Json | undefined>(Object.entries(parsed));
  const edits: Edit[] = [];
  for (const key of new Set(keys)) {
    const kind = random.pick(["none", "none", "replace", "insert", "remove"]);
    const value = arbitraryJson(random, 2);
    if (kind === "replace" || kind === "insert") {
      edits.push({ kind, key, value: JSON.stringify(value) });
      if (kind === "insert" || expected.has(key)) expected.set(key, value);
    } else if (kind === "remove") {
      edits.push({ kind, key });
      expected.delete(key);
    }
  }
  const written = Buffer.concat(spliceObject(input, scan.value, edits)).toString("utf8");
  const again = parseJson(written);
  if (!isObject(again)) return `edits ${JSON.stringify(edits)} broke the object`;
  const sorted = (entries: Iterable<[string, Json | undefined]>): string =>
    JSON.stringify([...entries].toSorted(([left], [right]) => (left < right ? -1 : 1)));
  return sorted(Object.entries(again)) === sorted(expected) ? undefined : `edits ${JSON.stringify(edits)} went wrong`;
}

function checkForm(input: Uint8Array, random: Random): string | undefined {
  const whole = readForm([input]);
  const sliced = readForm(cut(input, cuts(input, random)));
  assert.equal(sliced.problem, whole.problem, "the verdict depends on how the bytes were cut");
  if (whole.problem === undefined) {
    assert.ok(whole.bytes.equals(input), "bytes were lost");
    assert.ok(sliced.bytes.equals(input), "bytes were lost when cut");
    assert.equal(sliced.parts, whole.parts);
  }
  return undefined;
}

function readForm(pieces: readonly Uint8Array[]): { problem: string | undefined; bytes: Buffer; parts: string } {
  const reader = formReader("x");
  const events: FormEvent[] = [];
  const say = (problem: string | undefined) => ({
    problem,
    bytes: Buffer.concat(events.flatMap((event) => ("bytes" in event ? [event.bytes] : []))),
    parts: JSON.stringify(events.filter(({ kind }) => kind === "part" || kind === "part-end")),
  });
  for (const piece of pieces) {
    const read = reader.push(piece);
    if (!read.ok) return say(read.error);
    events.push(...read.value);
  }
  const end = reader.end();
  if (!end.ok) return say(end.error);
  events.push(...end.value);
  return say(undefined);
}

/** Nothing that was not sealed opens, and what is sealed opens as it was. */
function checkEnvelope(input: Uint8Array, random: Random): string | undefined {
  const text = Buffer.from(input).toString("utf8");
  const opened = openOpaque(random.pick([text, `dg1.${text}`, `dg1.anthropic.signature.${text}`]));
  if (opened !== undefined && openOpaque(sealOpaque(opened))?.value !== opened.value)
    return "it opens as something else";
  const value = {
    issuer: { provider: random.pick(["a", "a.b", "x-1"]) },
    kind: "openai.reasoning",
    value: text,
  } as const;
  const again = openOpaque(sealOpaque(value));
  assert.deepEqual(again, value);
  return undefined;
}
