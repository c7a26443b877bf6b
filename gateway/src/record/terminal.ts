import type { ExchangeRecord } from "./record.ts";

/** Wraps text in a colour; the identity where the terminal has none. */
export type Paint = (colour: "green" | "yellow" | "red" | "dim", text: string) => string;

/**
 * A record as one readable line:
 * `14:02:11  ✓ 200  claude-sonnet-4-6 → anthropic  1,204 → 310 tok  first 412 ms  total 5.3 s  claude-code`
 */
export function toTerminalLine(record: ExchangeRecord, paint: Paint): string {
  const parts = [
    paint("dim", record.startedAt.slice(11, 19)),
    `${mark(record, paint)} ${record.status}`,
    subject(record),
    usageText(record),
    timing(record),
    record.agent === "other" ? "" : record.agent,
    outcome(record, paint),
  ];
  return `${parts.filter((part) => part !== "").join("  ")}\n`;
}

function mark(record: ExchangeRecord, paint: Paint): string {
  if (record.end === "complete") return paint("green", "✓");
  return record.end === "cancelled" ? paint("yellow", "○") : paint("red", "✕");
}

function subject(record: ExchangeRecord): string {
  if (record.model === "") return record.operation;
  const { provider, upstreamModel, model } = record;
  if (provider === undefined) return model;
  const renamed = upstreamModel === undefined || model.endsWith(upstreamModel) ? "" : `/${upstreamModel}`;
  return model.startsWith(`${provider}::`) ? model : `${model} → ${provider}${renamed}`;
}

function usageText({ usage }: ExchangeRecord): string {
  if (usage === undefined) return "";
  const cached = usage.cacheRead > 0 ? ` (${grouped(usage.cacheRead)} cached)` : "";
  return `${grouped(usage.inputTotal)}${cached} → ${grouped(usage.outputTotal)} tok`;
}

function timing(record: ExchangeRecord): string {
  const first = record.stream && record.firstTokenMs !== undefined ? `first ${duration(record.firstTokenMs)}  ` : "";
  const attempts = record.attempts.length > 1 ? `  ${record.attempts.length} attempts` : "";
  return `${first}total ${duration(record.totalMs)}${attempts}`;
}

function outcome(record: ExchangeRecord, paint: Paint): string {
  if (record.end === "complete") return "";
  const what = record.failure === undefined ? record.end : `${record.failure.code}: ${record.failure.message}`;
  return `${paint(record.end === "cancelled" ? "yellow" : "red", what)}  ${paint("dim", record.requestId)}`;
}

function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
