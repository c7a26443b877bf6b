import type { AttemptRecord, ExchangeRecord } from "./record.ts";

/*
 * Records as JSON lines, for log collectors. What is absent, empty or zero by default is left out, never written as null; the
 * lines of a busy gateway are its largest output next to the answers themselves.
 */

export function toJsonLine(record: ExchangeRecord): string {
  let line = `{"type":"exchange","requestId":${quoted(record.requestId)},"startedAt":${quoted(record.startedAt)}`;
  line += `,"operation":${quoted(record.operation)}`;
  line += text("dialect", record.dialect) + text("agent", record.agent === "other" ? undefined : record.agent);
  line += text("keyId", record.keyId) + text("project", record.project) + text("session", record.session);
  line += `,"model":${quoted(record.model)}${text("provider", record.provider)}`;
  line += text("upstreamModel", record.upstreamModel);
  line += `,"stream":${record.stream},"status":${record.status},"end":"${record.end}"`;
  line += number("firstByteMs", record.firstByteMs) + number("firstTokenMs", record.firstTokenMs);
  line += number("totalMs", record.totalMs);
  if (record.attempts.length > 0) line += `,"attempts":[${record.attempts.map(attemptText).join(",")}]`;
  line += json("usage", record.usage) + list("finish", record.finish) + list("toolCalls", record.toolCalls);
  line += list("losses", record.losses);
  line += number("requestBytes", record.requestBytes) + number("responseBytes", record.responseBytes);
  if (record.unreadableFrames > 0) line += number("unreadableFrames", record.unreadableFrames);
  return `${line}${json("failure", record.failure)}}\n`;
}

/** Said in the stream of records itself, so that a gap is never silent. */
export function droppedLine(dropped: number): string {
  return `${JSON.stringify({ type: "records-dropped", count: dropped })}\n`;
}

function attemptText(attempt: AttemptRecord): string {
  let line = `{"provider":${quoted(attempt.provider)},"model":${quoted(attempt.model)}`;
  line += `${text("dialect", attempt.dialect)},"credential":"${attempt.credential}"`;
  line += `,"carry":{"request":"${attempt.carry.request}","response":"${attempt.carry.response}"}`;
  line += list("edits", attempt.edits) + number("startedMs", attempt.startedMs);
  line +=
    number("headersMs", attempt.headersMs) + number("endedMs", attempt.endedMs) + number("status", attempt.status);
  return `${line}${text("upstreamRequestId", attempt.upstreamRequestId)}${json("failure", attempt.failure)}}`;
}

/** Characters that stand in JSON as themselves; most of what a record says has no others. */
const PLAIN = /^[\w .,:;/@+*()[\]{}<>=#%&!?'~^|-]*$/;

function quoted(value: string): string {
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}

function text(key: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${key}":${quoted(value)}`;
}

function number(key: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${key}":${value}`;
}

function list(key: string, value: readonly unknown[]): string {
  return value.length === 0 ? "" : `,"${key}":${JSON.stringify(value)}`;
}

function json(key: string, value: object | undefined): string {
  return value === undefined ? "" : `,"${key}":${JSON.stringify(value)}`;
}
