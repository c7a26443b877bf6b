import { clientDialectIds } from "../../gateway/test/support/streams.ts";
import type { Row } from "./row.ts";

/** The figures of a run: by pair, by exception, and every difference that nothing excuses. */
export type Summary = {
  readonly mode: "answers" | "requests";
  readonly seed: number;
  readonly recordings: number;
  readonly total: Counts;
  readonly pairs: readonly ({ readonly from: string; readonly to: string } & Counts)[];
  readonly exceptions: readonly {
    readonly name: string;
    readonly reason: string;
    readonly comparisons: number;
    readonly ids: readonly string[];
  }[];
  readonly differences: readonly Row[];
};

export type Counts = { readonly equal: number; readonly excepted: number; readonly different: number };

export function summarise(
  rows: readonly Row[],
  run: Pick<Summary, "mode" | "seed">,
  table: readonly { readonly name: string; readonly reason: string }[],
): Summary {
  const pairs = clientDialectIds.flatMap((from) =>
    clientDialectIds.flatMap((to) => {
      const own = rows.filter((row) => row.from === from && row.to === to);
      return own.length === 0 ? [] : [{ from, to, ...counts(own) }];
    }),
  );
  const exceptions = table.flatMap(({ name, reason }) => {
    const own = rows.filter((row) => row.exceptions.includes(name));
    return own.length === 0
      ? []
      : [{ name, reason, comparisons: own.length, ids: [...new Set(own.map(({ id }) => id))].toSorted() }];
  });
  const differences = rows.filter(({ outcome }) => outcome === "different");
  const recordings = new Set(rows.map(({ id }) => id)).size;
  return { ...run, recordings, total: counts(rows), pairs, exceptions, differences };
}

function counts(rows: readonly Row[]): Counts {
  const count = (outcome: Row["outcome"]) => rows.filter((row) => row.outcome === outcome).length;
  return { equal: count("equal"), excepted: count("excepted"), different: count("different") };
}

/** How much of what nothing excuses came out right, in percent; 100 for nothing at all. */
export function share({ equal, different }: Counts): number {
  return equal + different === 0 ? 100 : (100 * equal) / (equal + different);
}

/** Rounded down: one difference among thousands is not 100 %. */
export function percent(counts: Counts): string {
  return `${(Math.floor(share(counts) * 100) / 100).toFixed(2)} %`;
}

const IDS_SHOWN = 8;

export function render(summary: Summary): string {
  const { total, pairs, mode, recordings, seed } = summary;
  const width = 22;
  const columns = clientDialectIds.map((to) => to.padStart(width)).join("");
  const lines = clientDialectIds.map((from) => {
    const cells = clientDialectIds.map((to) => {
      const pair = pairs.find((each) => each.from === from && each.to === to);
      return (pair === undefined ? "–" : cell(pair)).padStart(width);
    });
    return from.padEnd(width) + cells.join("");
  });
  const corner = mode === "answers" ? "provider, client" : "client, provider";
  return [
    `${recordings} recordings, seed ${seed}: equal/compared (+ excepted)`,
    "",
    corner.padEnd(width) + columns,
    ...lines,
    "",
    `${percent(total)}: ${total.equal} equal, ${total.different} different, ${total.excepted} excepted`,
    ...section("Exceptions", summary.exceptions.map(renderException)),
    ...section("Differences", summary.differences.map(renderDifference)),
    "",
  ].join("\n");
}

function cell(counts: Counts): string {
  const compared = counts.equal + counts.different;
  return `${counts.equal}/${compared}${counts.excepted > 0 ? ` (+${counts.excepted})` : ""}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function renderException({ name, reason, comparisons, ids }: Summary["exceptions"][number]): string {
  const more = ids.length > IDS_SHOWN ? `, and ${ids.length - IDS_SHOWN} more` : "";
  return `  ${comparisons} × ${name}: ${reason}\n      ${ids.slice(0, IDS_SHOWN).join(", ")}${more}`;
}

function renderDifference({ id, from, to, problem }: Row): string {
  const { path, expected, actual } = problem ?? { path: "" };
  const values = expected === undefined && actual === undefined ? "" : `: ${shown(expected)} became ${shown(actual)}`;
  return `  ${id}  ${from}>${to}  ${path}${values}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 160 ? text : `${text.slice(0, 157)}...`;
}
