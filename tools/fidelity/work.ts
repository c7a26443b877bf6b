import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import { clientDialectIds } from "../../gateway/test/support/streams.ts";
import { fidelityExceptions, requestExceptions } from "../fidelity-exceptions.ts";
import { openComparer, type Comparison } from "./answers.ts";
import { dialectOfApi, isWholeSuccess, readRecordings, type Recording } from "./recording.ts";
import { checkRequest, type RequestCheck } from "./requests.ts";
import type { Job, Row } from "./row.ts";

/** Does its share of a job, row by row. */
export async function* work(job: Job): AsyncGenerator<Row> {
  const compare = openComparer(job.seed);
  const ids = job.ids === undefined ? undefined : new Set(job.ids);
  for await (const recording of readRecordings(job.file, job.share)) {
    if (ids !== undefined && !ids.has(recording.id)) continue;
    if (job.mode === "requests") yield* requestRows(job, recording);
    else if (isWholeSuccess(recording)) {
      const clients = clientDialectIds.filter((client) => isWanted(job, dialectOfApi[recording.api], client));
      for (const comparison of await compare(recording, clients)) yield answerRow(comparison);
    }
  }
}

function isWanted({ only }: Job, from: ClientDialectId | undefined, to: ClientDialectId): boolean {
  return only === undefined || only === `${from}>${to}`;
}

function answerRow(comparison: Comparison): Row {
  const { recording, upstream, client, differences } = comparison;
  const excused = differences.map((each) =>
    fidelityExceptions.find((exception) => exception.excuses(each, comparison)),
  );
  const problem = differences[excused.indexOf(undefined)];
  return rowOf(recording, { from: upstream, to: client }, excused, problem);
}

function requestRows(job: Job, recording: Recording): Row[] {
  const from = dialectOfApi[recording.api];
  const checks = checkRequest(recording, (to) => isWanted(job, from, to));
  return [...Map.groupBy(checks, ({ to }) => to).values()].map(requestRow);
}

/** One row for all generations of models: a request has to be right for each. */
function requestRow(checks: readonly RequestCheck[]): Row {
  const found = checks.flatMap((check) => check.problems.map((problem) => ({ check, problem })));
  const excused = found.map(({ check, problem }) => requestExceptions.find((each) => each.excuses(problem, check)));
  const worst = found[excused.indexOf(undefined)];
  const [first] = checks;
  if (first === undefined) throw new Error("a group of checks is never empty");
  const problem = worst && { path: `${worst.problem.kind} (${worst.check.model})`, actual: worst.problem.said };
  return rowOf(first.recording, first, excused, problem);
}

function rowOf(
  { id, provider }: Recording,
  { from, to }: { readonly from: ClientDialectId; readonly to: ClientDialectId },
  excused: readonly ({ readonly name: string } | undefined)[],
  problem: Row["problem"],
): Row {
  const exceptions = [...new Set(excused.flatMap((each) => each?.name ?? []))];
  const outcome = problem !== undefined ? "different" : exceptions.length > 0 ? "excepted" : "equal";
  return { id, provider, from, to, outcome, exceptions, ...(problem === undefined ? {} : { problem }) };
}
