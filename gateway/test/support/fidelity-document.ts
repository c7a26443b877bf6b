import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import { dialects } from "../../src/dialects/index.ts";
import { asArray, asNumber, asObject, asString, type JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "./corpus.ts";
import { answerFeatures } from "./fidelity-answers.ts";
import { requestFeatures } from "./fidelity-requests.ts";
import { answerCell, requestCell, type Cell } from "./fidelity-matrix.ts";
import { goldenLosses } from "./golden.ts";
import { clientDialectIds } from "./streams.ts";

/*
 * docs/fidelity.md: what survives between which formats. Every cell is computed by the code that translates, the figures come
 * from the last full run of `npm run fidelity`.
 */

const formatNames = {
  "openai-chat": "Chat Completions",
  "openai-responses": "Responses",
  "anthropic-messages": "Messages",
  gemini: "Gemini",
} as const satisfies Readonly<Record<ClientDialectId, string>>;

const words = {
  carried: "carried",
  emulated: "emulated",
  clamped: "bounded",
  lost: "lost",
  refused: "refused",
  unsaid: "",
  changed: "CHANGED",
} as const satisfies Readonly<Record<Cell["fate"], string>>;

const introduction = `# Fidelity

What survives when a client of one format talks to a provider of another. This file is written by the tests
(\`UPDATE=1 node --test gateway/test/check/fidelity-docs.test.ts\`), which also fail when it is out of date: every cell below
was computed by translating a request or an answer with the code that translates traffic, and looking for the feature on the
other side.

- **carried**: found again as it was.
- **emulated**: said in other words, or done by the gateway (a stop sequence that it cuts at, a function in place of a free-form
  tool). Reported.
- **bounded**: lowered to what the model takes. Reported.
- **lost**: the format has no place for it. Reported where it is a request; of an answer the client gets the rest.
- **refused**: the answer would not be the one that was asked for, so the client gets an error that says what to do.
- empty: the format on the left has no way to say it.

"Reported" means: named in the response header \`x-dragoman-translation\` and in the record of the request; with strict
translation such a request is refused instead. Same-format traffic is not in the tables: it passes byte for byte.`;

/** The whole document. `results`: the summaries of full runs of `npm run fidelity`, for answers and for requests. */
export function fidelityDocument(results: { readonly answers: JsonObject; readonly requests: JsonObject }): string {
  const sections = [
    introduction,
    "## Requests",
    "From the client's format (left) to the provider's. Where models of a format differ, the best of them counts.",
    ...clientDialectIds.map(requestTable),
    "## Answers",
    "From the provider's format (left) to the client's, as a whole and as a stream: both are the same.",
    ...clientDialectIds.map(answerTable),
    "## Errors",
    "What a client of each format is told when the provider, whatever its format, answers with an error: the status and the type.",
    errorTable(),
    "## Recorded answers",
    answerFigures(results.answers),
    "## Recorded requests",
    requestFigures(results.requests),
    "## What recorded requests lose",
    "Losses that the golden matrix (`gateway/test/golden`) names, by pair of formats and number of recordings.",
    lossTable(),
  ];
  return `${sections.join("\n\n")}\n`;
}

function requestTable(from: ClientDialectId): string {
  const others = clientDialectIds.filter((id) => id !== from);
  const rows = requestFeatures.map((feature) => ({
    name: feature.name,
    cells: others.map((to) => requestCell(feature, from, to)),
  }));
  return table(from, others, rows);
}

function answerTable(from: ClientDialectId): string {
  const others = clientDialectIds.filter((id) => id !== from);
  const rows = answerFeatures.map((feature) => ({
    name: feature.name,
    cells: others.map((to) => answerCell(feature, from, to)),
  }));
  return table(from, others, rows);
}

/** What programs tell apart: their own mistake, a limit, a provider that is busy, slow or broken. */
const errors = [
  "invalid_parameter",
  "context_length_exceeded",
  "model_not_found",
  "provider_rate_limited",
  "provider_overloaded",
  "provider_timeout",
  "provider_error",
] as const satisfies readonly Failure["code"][];

function errorTable(): string {
  const context = { agent: "other", requestId: "req_1", framing: "sse" } as const;
  const rows = errors.map((code) => {
    const cells = clientDialectIds.map((to) => {
      const { status, body } = dialects[to].client.writeError(failure(code, "No."), context);
      const error = asObject(body["error"]);
      return `${status} \`${asString(error?.["type"]) ?? asString(error?.["status"]) ?? ""}\``;
    });
    return [`\`${code}\``, ...cells];
  });
  return markdown(["Code", ...clientDialectIds.map((id) => formatNames[id])], rows);
}

type FeatureRow = { readonly name: string; readonly cells: readonly Cell[] };

function table(from: ClientDialectId, others: readonly ClientDialectId[], rows: readonly FeatureRow[]): string {
  const said = rows.filter(({ cells }) => cells.some(({ fate }) => fate !== "unsaid"));
  return markdown(
    [`From ${formatNames[from]}`, ...others.map((id) => formatNames[id])],
    said.map(({ name, cells }) => [name, ...cells.map(({ fate }) => words[fate])]),
  );
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function answerFigures(summary: JsonObject): string {
  const text = `${count(summary, "recordings")} recorded answers of real providers went through the whole gateway to a client of each format,
cut into pieces at random. What the client's official SDK made of it equals what the provider's SDK makes of the recording (text,
tool names and arguments, finish class, input, output and cached tokens) in **${percent(asObject(summary["total"]))}** of the comparisons that no
exception below excuses.`;
  return `${text}\n\n${pairFigures(summary, "Provider \\ client")}\n\n${exceptions(summary)}`;
}

function requestFigures(summary: JsonObject): string {
  const text = `${count(summary, "recordings")} recorded requests were written for providers of the other formats. Every message, part and tool is there or
named by a loss, and the rules of the provider's API hold, in **${percent(asObject(summary["total"]))}** of the translations that no exception below excuses.`;
  return `${text}\n\n${pairFigures(summary, "Client \\ provider")}\n\n${exceptions(summary)}`;
}

function pairFigures(summary: JsonObject, corner: string): string {
  const pairs = (asArray(summary["pairs"]) ?? []).map((pair) => asObject(pair) ?? {});
  const rows = clientDialectIds.map((from) => [
    formatNames[from],
    ...clientDialectIds.map((to) => {
      const pair = pairs.find((each) => each["from"] === from && each["to"] === to);
      return pair === undefined ? "–" : `${count(pair, "equal")} of ${count(pair, "equal") + count(pair, "different")}`;
    }),
  ]);
  return markdown([corner, ...clientDialectIds.map((id) => formatNames[id])], rows);
}

function exceptions(summary: JsonObject): string {
  const rows = (asArray(summary["exceptions"]) ?? []).map((each) => {
    const exception = asObject(each) ?? {};
    return [String(count(exception, "comparisons")), asString(exception["reason"]) ?? ""];
  });
  return markdown(["Comparisons", "Excepted, because"], rows);
}

function count(object: JsonObject, key: string): number {
  return asNumber(object[key]) ?? 0;
}

/** Rounded down: one difference among thousands is not 100 %. */
function percent(total: JsonObject | undefined): string {
  const equal = count(total ?? {}, "equal");
  const compared = equal + count(total ?? {}, "different");
  return `${(Math.floor((10_000 * equal) / Math.max(1, compared)) / 100).toFixed(2)} %`;
}

/** By path (places in lists left out) and pair: the number of recordings. */
function lossTable(): string {
  const pairs = clientDialectIds.flatMap((from) =>
    clientDialectIds.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  const found = new Map<string, Map<string, number>>();
  for (const { from, to } of pairs) {
    for (const fixture of fixtures(from)) {
      const losses = goldenLosses(fixture, from, to) ?? [];
      const names = new Set(losses.map(({ path, reason }) => `${path.replace(/\[\d+\]/g, "[]")}|${reason}`));
      for (const name of names) {
        const counts = found.get(name) ?? new Map<string, number>();
        found.set(name, counts.set(`${from} ${to}`, (counts.get(`${from} ${to}`) ?? 0) + 1));
      }
    }
  }
  const rows = [...found]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, counts]) => {
      const [path = "", reason = ""] = name.split("|");
      const where = pairs.flatMap(({ from, to }) => {
        const recordings = counts.get(`${from} ${to}`);
        return recordings === undefined ? [] : [`${formatNames[from]} → ${formatNames[to]} ${recordings}`];
      });
      return [`\`${path}\``, reason, where.join(", ")];
    });
  return markdown(["Path", "Loss", "Recordings"], rows);
}
