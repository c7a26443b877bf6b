import type { ExchangeRecord } from "./record.ts";

/** A record as one line of JSON: what log collectors read. Absent values are left out, never written as null. */
export function toJsonLine(record: ExchangeRecord): string {
  return `${JSON.stringify({ type: "exchange", ...record })}\n`;
}

/** Said in the stream of records itself, so that a gap is never silent. */
export function droppedLine(dropped: number): string {
  return `${JSON.stringify({ type: "records-dropped", count: dropped })}\n`;
}
