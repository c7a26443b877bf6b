import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkSize } from "./bounded.ts";
import { fuzzOne, inputOf, INPUT_MS_MAX, readTargets } from "./fuzz.ts";
import type { Target } from "./target.ts";

/* A sample of what `npm run prove` runs at full size. */

const SEED = 20_261_120;
const INPUTS = 20_000;

const targets = readTargets();

describe(`fuzz: ${INPUTS} inputs of seed ${SEED}`, () => {
  for (const [offset, { name }] of targets.entries()) {
    test(`${name} takes whatever comes`, () => {
      for (let index = offset; index < INPUTS; index += targets.length) {
        const finding = fuzzOne(targets, SEED, index);
        const input = finding && JSON.stringify(Buffer.from(finding.input).toString("latin1"));
        assert.equal(finding?.problem, undefined, `input ${index} of seed ${SEED}, shortened: ${input}`);
      }
    });
  }
});

describe("the fuzzer itself", () => {
  const seeds = { form: "json", samples: [Buffer.from('{"a":[1,{"b":"some text"}],"c":null}')] } as const;
  const only = (run: Target["run"]): Target[] => [{ name: "bad", seeds, run }];
  const firstFinding = (run: Target["run"]) => {
    for (let index = 0; index < 500; index += 1) {
      const finding = fuzzOne(only(run), 1, index);
      if (finding !== undefined) return finding;
    }
    return undefined;
  };

  test("makes the same input again for the same seed and number, and others for others", () => {
    const input = (seed: number, index: number) => inputOf(targets, seed, index).input.toString("latin1");
    for (let index = 0; index < 300; index += 1) assert.equal(input(3, index), input(3, index));
    const different = new Set(Array.from({ length: 300 }, (_, index) => input(3, index * targets.length)));
    assert.ok(different.size > 250, String(different.size));
    assert.notEqual(input(3, 0), input(4, 0));
  });

  test("finds a throw, and shortens the input to what throws", () => {
    const finding = firstFinding((input) => {
      if (Buffer.from(input).includes("{}")) throw new Error("cannot take it");
      return undefined;
    });
    assert.match(finding?.problem ?? "", /cannot take it/);
    assert.equal(Buffer.from(finding?.input ?? []).toString(), "{}");
  });

  test("finds what takes too long", { timeout: 60_000 }, () => {
    const wait = new Int32Array(new SharedArrayBuffer(4));
    const finding = firstFinding((input) => {
      if (input.length > 0) Atomics.wait(wait, 0, 0, input.length > 30 ? INPUT_MS_MAX + 20 : 0);
      return undefined;
    });
    assert.match(finding?.problem ?? "", /took \d+ ms/);
  });

  test("finds what grows out of proportion", () => {
    assert.equal(checkSize(1000, "it", 200_000), undefined);
    assert.match(checkSize(1000, "it", 1000 * 1000) ?? "", /1000000 long/);
  });

  test("reaches depth, repeated keys, lone surrogates and cut streams", () => {
    const texts = Array.from({ length: 3_000 }, (_, index) => inputOf(targets, 5, index).input.toString());
    for (const [what, pattern] of [
      ["depth", /(?:\[|\{"items":){100}/],
      ["a repeated key", /\{("[^"]+"):[^,]*,\1:/],
      ["a lone surrogate", /\\ud83d(?!\\u)/],
      ["a huge number", /1e999|123456789012345678901234567890/],
      ["a prototype's name", /"__proto__":/],
    ] as const) {
      assert.ok(
        texts.some((text) => pattern.test(text)),
        `no input has ${what}`,
      );
    }
  });
});
