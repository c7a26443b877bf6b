/** One line of the report: a figure against its budget, what it was computed from beside it. */
export type Row = {
  readonly name: string;
  readonly measured: number | undefined;
  readonly unit: "×" | "ms" | "MiB" | "KB";
  /** `most`: the figure may not exceed it. Undefined: shown for information. */
  readonly budget: { readonly most: number } | { readonly least: number } | undefined;
  readonly absolutes: string;
};

export function row(
  name: string,
  measured: number | undefined,
  unit: Row["unit"],
  budget: Row["budget"],
  absolutes: string,
): Row {
  return { name, measured, unit, budget, absolutes };
}

export function verdict({ measured, budget }: Row): "ok" | "over" | "under" | "" {
  if (measured === undefined || budget === undefined) return "";
  if ("most" in budget) return measured <= budget.most ? "ok" : "over";
  return measured >= budget.least ? "ok" : "under";
}

/** The row as a line of the table. */
export function formatRow(each: Row): string {
  const { name, measured, unit, budget } = each;
  const figure = measured === undefined ? "–" : `${round(measured)} ${unit}`;
  const limit = budget === undefined ? "" : "most" in budget ? `≤ ${budget.most}` : `≥ ${budget.least}`;
  return `${name.padEnd(48)}${figure.padStart(10)}  ${limit.padEnd(8)}${verdict(each).padEnd(6)}${each.absolutes}`;
}

export const tableHead = `${"".padEnd(48)}${"measured".padStart(10)}  ${"budget".padEnd(8)}`;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Three digits: more would be noise. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
