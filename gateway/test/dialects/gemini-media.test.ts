import assert from "node:assert/strict";
import { test } from "node:test";
import { readInlineData } from "../../src/dialects/gemini/media.ts";

test("inline data in the alphabet for URLs, as the Python SDK writes it, becomes base64 that every API reads", () => {
  const bytes = Buffer.from([0xfb, 0xef, 0xbe, 0xff, 0xff]);
  for (const data of [bytes.toString("base64url"), bytes.toString("base64").replaceAll("=", "")]) {
    const { source } = readInlineData({ mimeType: "application/pdf", data }, {});
    assert.deepEqual(source, { by: "base64", data: "++++//8" });
  }
  const padded = readInlineData({ mimeType: "image/png", data: "-_-_-w==" }, {});
  assert.deepEqual(padded.source, { by: "base64", data: "+/+/+w==" });
});
