import type { ExchangeRecord } from "../../src/record/record.ts";

/** A record of an ordinary answer, but for what is given. */
export function exchangeRecord(more: Partial<ExchangeRecord> = {}): ExchangeRecord {
  return {
    requestId: "req_1",
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
    ...more,
  };
}
