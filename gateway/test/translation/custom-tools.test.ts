import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { finishInput, openCustomInput, readInput } from "../../src/translation/custom-input.ts";
import { asFunctionTool, unwrapInput, wrapInput } from "../../src/translation/custom-tools.ts";
import { everySlicing, sliced } from "./answers.ts";

const unwrapped: Record<string, readonly [argumentsText: string, input: string]> = {
  "the wrapper as asked for": ['{"input":"*** Begin Patch\\n+a\\t\\"b\\"\\n"}', '*** Begin Patch\n+a\t"b"\n'],
  "spaces around everything": [' {\n  "input" : "x" }\n', "x"],
  "characters outside the basic plane, escaped or not": ['{"input":"\\ud83d\\ude00 😀"}', "😀 😀"],
  "an empty input": ['{"input":""}', ""],
  "line ends that the model forgot to escape": ['{"input":"a\nb"}', "a\nb"],
  "escapes that JSON does not have": ['{"input":"\\d+ \\😀 \\u12g"}', "\\d+ \\😀 \\u12g"],
  "a lone half of a pair": ['{"input":"\\ud83d!"}', "\ud83d!"],
  "another member first": ['{"note":"n","input":"x"}', "x"],
  "another member behind": ['{"input":"x","note":"n"}', "x"],
  "a bare JSON string": ['"just \\"this\\""', 'just "this"'],
  "bare text": ["*** Begin Patch", "*** Begin Patch"],
  "other keys only": ['{"patch":"x"}', '{"patch":"x"}'],
  "an input that is no text": ['{"input":5}', '{"input":5}'],
  "arguments cut off inside": ['{"input":"abc\\u00', "abc"],
  "much white space": [`{${" ".repeat(100)}"input":"x"}`, "x"],
  nothing: ["", ""],
};

for (const [name, [argumentsText, input]] of Object.entries(unwrapped)) {
  test(`unwrap: ${name}, however it is cut`, () => {
    assert.equal(unwrapInput(argumentsText), input);
    for (const pieces of everySlicing(argumentsText)) assert.equal(inPieces(pieces).join(""), input);
  });
}

function inPieces(pieces: readonly string[]): string[] {
  const state = openCustomInput();
  return [...pieces.map((piece) => readInput(state, piece)), finishInput(state)];
}

const someText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("😀", '\\"', "\\u00e9", "\ud83d", "\ude00", "a\\"),
);
const someInput = fc.array(someText, { maxLength: 5 }).map((parts) => parts.join(""));
/** JSON as models write it, with any character escaped or not, and things that are nearly JSON. */
const someArguments = fc.oneof(
  someInput.map(wrapInput),
  someInput.map((input) => `{ "input": "${Array.from(input, escaped).join("")}"}`),
  someInput.map((input) => `{"input":"${input}"}`),
  someInput,
);

function escaped(character: string): string {
  return character
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

test("unwrap: every slicing gives the same input, and no piece ends in half a character", () => {
  fc.assert(
    fc.property(sliced(someArguments), ({ whole, pieces }) => {
      const given = inPieces(pieces);
      const expected = unwrapInput(whole);
      assert.equal(given.join(""), expected);
      if (expected.isWellFormed()) for (const piece of given) assert.ok(piece.isWellFormed(), JSON.stringify(given));
    }),
    { numRuns: 1000 },
  );
});

test("unwrap undoes wrap", () => {
  fc.assert(fc.property(someInput, (input) => assert.equal(unwrapInput(wrapInput(input)), input)));
});

test("unwrap reads a long input in time that grows with its length only", () => {
  const state = openCustomInput();
  const piece = "x".repeat(10);
  let length = readInput(state, '{"input":"').length;
  for (let count = 0; count < 100_000; count += 1) length += readInput(state, piece).length;
  assert.equal(length + readInput(state, '"}').length + finishInput(state).length, 1_000_000);
});

test("a custom tool becomes a function that says its grammar", () => {
  const tool = asFunctionTool({
    type: "custom",
    name: "apply_patch",
    namespace: "code",
    description: "Edits files.",
    grammar: { syntax: "lark", definition: "start: patch" },
  });
  assert.deepEqual(tool, {
    type: "function",
    name: "apply_patch",
    namespace: "code",
    description: "Edits files.\n\nInput format (lark grammar):\nstart: patch",
    schema: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
  });
  assert.equal("description" in asFunctionTool({ type: "custom", name: "x" }), false);
});
