import { asObject, parseJson } from "../lib/json.ts";
import type { AttemptRecord, ExchangeRecord } from "./record.ts";

/*
 * Records as JSON lines, for log collectors and from a worker to its primary. What is absent, empty or zero by default is left
 * out, never written as null; the lines of a busy gateway are its largest output next to the answers themselves, and making
 * them is the largest part of what a record costs. Hence few and large templates.
 */

export function toJsonLine(record: ExchangeRecord): string {
  const { operation, stream, status, end } = record;
  let line = `{"type":"exchange","requestId":${quoted(record.requestId)},"startedAt":"${record.startedAt}","operation":"${operation}"`;
  if (record.dialect !== undefined) line += `,"dialect":"${record.dialect}"`;
  if (record.agent !== "other") line += `,"agent":${quoted(record.agent)}`;
  line += `${text("keyId", record.keyId)}${text("project", record.project)}${text("session", record.session)}`;
  line += `,"model":${quoted(record.model)}${text("provider", record.provider)}${text("upstreamModel", record.upstreamModel)}`;
  line += `,"stream":${stream},"status":${status},"end":"${end}"${time("firstByteMs", record.firstByteMs)}`;
  line += `${time("firstTokenMs", record.firstTokenMs)},"totalMs":${milliseconds(record.totalMs)}`;
  for (const [index, attempt] of record.attempts.entries())
    line += `${index === 0 ? ',"attempts":[' : ","}${attemptText(attempt)}`;
  if (record.attempts.length > 0) line += "]";
  if (record.usage !== undefined) line += `,"usage":${JSON.stringify(record.usage)}`;
  if (record.finish.length > 0) line += `,"finish":["${record.finish.join('","')}"]`;
  line += `${list("toolCalls", record.toolCalls)}${list("losses", record.losses)}`;
  line += `,"requestBytes":${record.requestBytes},"responseBytes":${record.responseBytes}`;
  if (record.unreadableFrames > 0) line += `,"unreadableFrames":${record.unreadableFrames}`;
  return `${line}${json("failure", record.failure)}}\n`;
}

/** Said among the records, where some are missing. */
export function droppedLine(dropped: number): string {
  return `${JSON.stringify({ type: "records-dropped", count: dropped })}\n`;
}

export type ReadLine =
  | { readonly kind: "record"; readonly record: ExchangeRecord }
  | { readonly kind: "dropped"; readonly count: number };

/** What was left out of a line because it is the usual. */
const usual = { agent: "other", attempts: [], finish: [], toolCalls: [], losses: [], unreadableFrames: 0 };

/** Reads a line that `toJsonLine` or `droppedLine` of another process has made; undefined for any other. */
export function readJsonLine(line: string): ReadLine | undefined {
  const said = asObject(parseJson(line));
  if (said?.["type"] === "records-dropped") return { kind: "dropped", count: Number(said["count"]) };
  if (said?.["type"] !== "exchange") return undefined;
  const { type: _type, ...members } = said;
  const record = { ...usual, ...members } as unknown as ExchangeRecord;
  return {
    kind: "record",
    record: { ...record, attempts: record.attempts.map((each) => ({ ...each, edits: each.edits ?? [] })) },
  };
}

function attemptText(attempt: AttemptRecord): string {
  const { credential, carry } = attempt;
  let line = `{"provider":${quoted(attempt.provider)},"model":${quoted(attempt.model)}`;
  if (attempt.dialect !== undefined) line += `,"dialect":"${attempt.dialect}"`;
  line += `,"credential":"${credential}","carry":{"request":"${carry.request}","response":"${carry.response}"}`;
  line += `${list("edits", attempt.edits)},"startedMs":${milliseconds(attempt.startedMs)}${time("headersMs", attempt.headersMs)}`;
  line += `,"endedMs":${milliseconds(attempt.endedMs)}`;
  if (attempt.status !== undefined) line += `,"status":${attempt.status}`;
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

function time(key: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${key}":${milliseconds(value)}`;
}

/** `.001` to `.999`, without closing zeros. */
const thousandths = Array.from({ length: 1000 }, (_, index) => String(index / 1000).slice(1));

/** To the microsecond. Integers become text at a fraction of what the shortest spelling of a fraction costs. */
function milliseconds(value: number): string {
  const microseconds = Math.round(value * 1000);
  const whole = Math.floor(microseconds / 1000);
  return `${whole}${thousandths[microseconds - whole * 1000] ?? ""}`;
}

function list(key: string, value: readonly unknown[]): string {
  return value.length === 0 ? "" : `,"${key}":${JSON.stringify(value)}`;
}

function json(key: string, value: object | undefined): string {
  return value === undefined ? "" : `,"${key}":${JSON.stringify(value)}`;
}
