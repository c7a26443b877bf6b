import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { asObject, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { fidelityDocument } from "../support/fidelity-document.ts";
import { answerFeatures } from "../support/fidelity-answers.ts";
import { requestFeatures } from "../support/fidelity-requests.ts";
import { answerCell, requestCell } from "../support/fidelity-matrix.ts";
import { clientDialectIds } from "../support/streams.ts";

/*
 * The published matrix of what survives between which formats: computed here, compared with docs/fidelity.md. UPDATE=1 writes
 * the document again.
 */

const docs = join(import.meta.dirname, "../../../docs");
const pairs = clientDialectIds.flatMap((from) =>
  clientDialectIds.filter((to) => to !== from).map((to) => ({ from, to })),
);

describe("nothing changes on the way without being reported", () => {
  for (const { from, to } of pairs) {
    for (const feature of requestFeatures) {
      test(`${feature.name}, asked in ${from} for ${to}`, () => {
        const { fate, detail } = requestCell(feature, from, to);
        assert.notEqual(fate, "changed", detail ?? "");
      });
    }
    for (const feature of answerFeatures) {
      test(`${feature.name}, answered in ${from} to ${to}: whole and streamed say the same`, () => {
        const { fate, detail } = answerCell(feature, from, to);
        assert.notEqual(fate, "changed", detail ?? "");
      });
    }
  }
});

test("every feature can be said in some format", () => {
  for (const feature of requestFeatures) {
    assert.ok(
      pairs.some(({ from, to }) => requestCell(feature, from, to).fate !== "unsaid"),
      feature.name,
    );
  }
  for (const feature of answerFeatures) {
    assert.ok(
      pairs.some(({ from, to }) => answerCell(feature, from, to).fate !== "unsaid"),
      feature.name,
    );
  }
});

test("what every conversation is made of is carried between all formats", () => {
  const asked = ["text", "system prompt", "tools", "tool choice", "tool results", "parallel tool results", "images"];
  const answered = [
    "text",
    "tool calls",
    "parallel tool calls",
    "thinking",
    "thinking state",
    "refusals",
    "stopped by length",
  ];
  for (const { from, to } of pairs) {
    for (const feature of requestFeatures.filter(({ name }) => asked.includes(name))) {
      assert.equal(requestCell(feature, from, to).fate, "carried", `${feature.name}, ${from} > ${to}`);
    }
    for (const feature of answerFeatures.filter(({ name }) => answered.includes(name))) {
      assert.equal(answerCell(feature, from, to).fate, "carried", `${feature.name}, ${from} > ${to}`);
    }
  }
});

test("docs/fidelity.md is current", () => {
  const written = fidelityDocument({ answers: results("answers"), requests: results("requests") });
  const file = join(docs, "fidelity.md");
  if (process.env["UPDATE"] === "1") writeFileSync(file, written);
  assert.equal(readFileSync(file, "utf8"), written, "UPDATE=1 writes it again");
});

/** What the last full run of `npm run fidelity -- FILE [--requests] --json docs/fidelity/….json` found. */
function results(name: "answers" | "requests"): JsonObject {
  const summary = asObject(parseJson(readFileSync(join(docs, "fidelity", `${name}.json`), "utf8")));
  assert.ok(summary !== undefined, `docs/fidelity/${name}.json`);
  return summary;
}
