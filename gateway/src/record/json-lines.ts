import type { ExchangeRecord } from "./record.ts";

/** A record as one line of JSON: what log collectors read. Absent values are left out, never written as null. */
export function toJsonLine(record: ExchangeRecord): string {
  // Spliced, because spreading some thirty members into a new object costs as much as writing them.
  return `{"type":"exchange",${JSON.stringify(record).slice(1)}\n`;
}

/** Said in the stream of records itself, so that a gap is never silent. */
export function droppedLine(dropped: number): string {
  return `${JSON.stringify({ type: "records-dropped", count: dropped })}\n`;
}
