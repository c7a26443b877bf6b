import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExchangeRecord } from "../../src/record/record.ts";
import { toTerminalLine } from "../../src/record/terminal.ts";

const record = (requestId: string): ExchangeRecord => ({
  requestId,
  startedAt: "2026-01-01T14:02:11.000Z",
  operation: "chat-completions",
  dialect: "openai-chat",
  agent: "other",
  keyId: undefined,
  project: undefined,
  session: undefined,
  model: "gpt-4o",
  provider: "openai",
  upstreamModel: "gpt-4o",
  stream: false,
  status: 200,
  end: "complete",
  firstByteMs: 1,
  firstTokenMs: 2,
  totalMs: 3.14,
  attempts: [],
  usage: { inputTotal: 1204, cacheRead: 1000, cacheWrite: 0, outputTotal: 31 },
  finish: ["stop"],
  toolCalls: [],
  losses: [],
  requestBytes: 1,
  responseBytes: 1,
  unreadableFrames: 0,
  failure: undefined,
});

test("a line for people", () => {
  const plain = toTerminalLine(record("r"), (_colour, text) => text);
  assert.equal(plain, "14:02:11  ✓ 200  gpt-4o → openai  1,204 (1,000 cached) → 31 tok  total 3.1 ms\n");
  const failed = toTerminalLine(
    {
      ...record("req_9"),
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
