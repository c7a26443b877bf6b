import assert from "node:assert/strict";
import { test } from "node:test";
import type { Opaque } from "../../src/canonical/block.ts";
import { openOpaque, sealOpaque } from "../../src/canonical/envelope.ts";

const values: Opaque[] = [
  { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "EqQBCkYIAxgCKkD+/=" },
  { issuer: { provider: "vertex.europe.west-1" }, kind: "gemini.thought-signature", value: "añ😀\u0000\uFEFF" },
  { issuer: { provider: "openai" }, kind: "openai.reasoning", value: "" },
  { issuer: { provider: "openai" }, kind: "openai.reasoning", value: `${"x".repeat(100_000)}é` },
];

test("what is sealed opens to the same value, whatever its text and its provider's id", () => {
  for (const value of values) assert.deepEqual(openOpaque(sealOpaque(value)), value);
});

test("an envelope uses only characters that survive headers, URLs and JSON", () => {
  for (const value of values) assert.match(sealOpaque(value), /^[A-Za-z0-9._-]+$/);
});

test("a text that is not an envelope is native to its format and stays closed", () => {
  const texts = [
    "",
    "gAAAAABo8x",
    "dg1.",
    "dg1.openai.reasoning",
    "dg1.openai.reasoning.",
    "dg1.openai.reasoning..eA",
    "dg1.openai.unknown.openai.eA",
    "dg1.openai.reasoning.openai.e",
    "dg1.openai.reasoning.openai.e+==",
    "dg1.openai.reasoning.openai._w",
    "dg1.constructor.name.openai.eA",
  ];
  for (const text of texts) assert.equal(openOpaque(text), undefined, text);
});
