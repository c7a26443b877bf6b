/** One line of the report: a figure against its budget, what it was computed from beside it. */
export type Row = {
  readonly name: string;
  readonly measured: number | undefined;
  readonly unit: "×" | "ms" | "MiB" | "KB";
  /** `most`: the figure may not exceed it. Undefined: shown for information. */
  readonly budget: { readonly most: number } | { readonly least: number } | undefined;
  readonly absolutes: string;
};

export function verdict({ measured, budget }: Row): "ok" | "over" | "under" | "" {
  if (measured === undefined || budget === undefined) return "";
  if ("most" in budget) return measured <= budget.most ? "ok" : "over";
  return measured >= budget.least ? "ok" : "under";
}

/** The row as a line of the table. */
export function formatRow(each: Row): string {
  const { name, measured, unit, absolutes } = each;
  const figure = measured === undefined ? "–" : `${round(measured)} ${unit}`;
  return `${name.padEnd(48)}${figure.padStart(10)}  ${limitOf(each).padEnd(8)}${verdict(each).padEnd(6)}${absolutes}`;
}

function limitOf({ budget }: Row): string {
  if (budget === undefined) return "";
  return "most" in budget ? `≤ ${budget.most}` : `≥ ${budget.least}`;
}

/** The rows as a page of documentation. `machine`: a sentence. */
export function toPage(rows: readonly Row[], machine: string): string {
  const lines = rows.map((each) => {
    const { name, measured, unit, absolutes } = each;
    const figure = measured === undefined ? "–" : `${round(measured)} ${unit}`;
    return `| ${name} | ${figure} | ${limitOf(each)} | ${verdict(each)} | ${absolutes} |`;
  });
  return `${PAGE_HEAD}\n${machine}\n\n| | Measured | Budget | | From |\n|---|---:|---:|---|---|\n${lines.join("\n")}\n`;
}

const PAGE_HEAD = `# Performance

What the gateway costs beyond passing bytes on: the figures of one run of \`npm run bench\`, written by \`--write\`. Keys are checked,
models resolved and every request is recorded. CPU time is the operating system's count for the whole process, threads and all. The
yardsticks run in the same minutes on the same core: the bare relay is \`node:http\` and \`undici\` with nothing between them
(\`bench/bare-relay.ts\`), nginx a plain reverse proxy. Ratios are what counts; absolute times belong to this machine.
`;

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
