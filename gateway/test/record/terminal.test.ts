import assert from "node:assert/strict";
import { test } from "node:test";
import { toTerminalLine } from "../../src/record/terminal.ts";
import { exchangeRecord } from "../support/record.ts";

test("a line for people", () => {
  const plain = toTerminalLine(exchangeRecord(), (_colour, text) => text);
  assert.equal(plain, "14:02:11  ✓ 200  gpt-4o → openai  1,204 (1,000 cached) → 31 tok  total 3.1 ms\n");
  const failed = toTerminalLine(
    {
      ...exchangeRecord({ requestId: "req_9" }),
      end: "truncated",
      usage: undefined,
      stream: true,
      failure: { class: "truncated", code: "provider_interrupted", message: "It broke." },
    },
    (_colour, text) => text,
  );
  assert.equal(
    failed,
    "14:02:11  ✕ 200  gpt-4o → openai  first 2.0 ms  total 3.1 ms  provider_interrupted: It broke.  req_9\n",
  );
});
