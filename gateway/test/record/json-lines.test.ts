import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { droppedLine, readJsonLine, toJsonLine } from "../../src/record/json-lines.ts";
import type { ExchangeRecord } from "../../src/record/record.ts";

const attempt = {
  provider: "openai",
  model: "gpt-4o",
  dialect: "openai-chat",
  credential: "managed",
  carry: { request: "verbatim", response: "verbatim" },
  edits: ["model: x"],
  startedMs: 0.5,
  headersMs: 10,
  endedMs: 12.25,
  status: 200,
  upstreamRequestId: "up-1",
  failure: undefined,
} as const;

const record: ExchangeRecord = {
  requestId: "req_1",
  startedAt: "2026-01-01T00:00:00.000Z",
  operation: "chat-completions",
  dialect: "openai-chat",
  agent: "codex",
  keyId: "k",
  project: "p",
  session: "s",
  model: "gpt-4o",
  provider: "openai",
  upstreamModel: "gpt-4o",
  stream: true,
  status: 200,
  end: "complete",
  firstByteMs: 1,
  firstTokenMs: 2,
  totalMs: 3.5,
  attempts: [attempt],
  usage: { inputTotal: 1, cacheRead: 0, cacheWrite: 0, outputTotal: 2 },
  finish: ["stop"],
  toolCalls: ["read"],
  losses: [{ path: "sampling.seed", reason: "unsupported" }],
  requestBytes: 5,
  responseBytes: 6,
  unreadableFrames: 1,
  failure: { class: "server", code: "provider_error", message: 'said "no"\n' },
};

test("a line says everything that the record says", () => {
  const { failure: _absent, ...said } = attempt;
  assert.deepEqual(JSON.parse(toJsonLine(record)), { type: "exchange", ...record, attempts: [said] });
});

test("what is absent, empty or the usual is left out", () => {
  const quiet: ExchangeRecord = {
    ...record,
    agent: "other",
    keyId: undefined,
    attempts: [],
    toolCalls: [],
    losses: [],
    unreadableFrames: 0,
    failure: undefined,
  };
  const line: object = JSON.parse(toJsonLine(quiet));
  for (const key of ["agent", "keyId", "attempts", "toolCalls", "losses", "unreadableFrames", "failure"]) {
    assert.ok(!(key in line), key);
  }
});

test("whatever a client calls things, a record is one line of JSON", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), (model, session) => {
      const line = toJsonLine({ ...record, model, session });
      assert.equal(line.indexOf("\n"), line.length - 1);
      const said: { model?: string; session?: string } = JSON.parse(line);
      assert.equal(said.model, model);
      assert.equal(said.session, session);
    }),
  );
});

test("another process reads a record from its line as it was", () => {
  const quiet: ExchangeRecord = {
    ...record,
    agent: "other",
    attempts: [],
    finish: [],
    losses: [],
    toolCalls: [],
    unreadableFrames: 0,
  };
  for (const each of [record, quiet, { ...record, attempts: [{ ...attempt, edits: [] }] }]) {
    const read = readJsonLine(toJsonLine(each));
    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify({ kind: "record", record: each })));
  }
  assert.deepEqual(readJsonLine(droppedLine(3)), { kind: "dropped", count: 3 });
  for (const foreign of ["", "{", "[]", '{"type":"other"}']) assert.equal(readJsonLine(foreign), undefined);
});

test("times are written to the microsecond, whatever their size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000_000 }), (microseconds) => {
      const said: { totalMs?: number } = JSON.parse(toJsonLine({ ...record, totalMs: microseconds / 1000 }));
      assert.equal(said.totalMs, microseconds / 1000);
    }),
  );
});
