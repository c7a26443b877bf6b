import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import { seededRandom } from "../../gateway/test/support/random.ts";
import { frameAll } from "../../gateway/test/support/slicing.ts";
import { clientDialectIds } from "../../gateway/test/support/streams.ts";
import { openPipeline, type Pipeline } from "./pipeline.ts";
import { candidatesOf, dialectOfApi, responseBytes, type Recording } from "./recording.ts";
import { answering, reading, type Asked } from "./sdk.ts";
import { sdks } from "./sdks.ts";
import { differences, type Difference, type Seen } from "./seen.ts";

/** One recording for a client of one format: how what it gets differs from what the provider's own client gets. */
export type Comparison = {
  readonly recording: Recording;
  readonly upstream: ClientDialectId;
  readonly client: ClientDialectId;
  readonly candidates: number;
  readonly expected: Seen;
  readonly actual: Seen;
  readonly differences: readonly Difference[];
};

export type Comparer = (recording: Recording, clients: readonly ClientDialectId[]) => Promise<Comparison[]>;

/** Compares recordings one after another; the same seed cuts their bytes at the same places. */
export function openComparer(seed: number): Comparer {
  const pipelines = new Map<ClientDialectId, Pipeline>();
  return async (recording, clients) => {
    const upstream = dialectOfApi[recording.api];
    if (upstream === undefined) throw new Error(`${recording.id} is no conversation`);
    const pipeline = pipelines.get(upstream) ?? openPipeline(upstream);
    pipelines.set(upstream, pipeline);
    const comparisons: Comparison[] = [];
    for (const client of clients) comparisons.push(await compare(pipeline, recording, upstream, client, seed));
    return comparisons;
  };
}

async function compare(
  pipeline: Pipeline,
  recording: Recording,
  upstream: ClientDialectId,
  client: ClientDialectId,
  seed: number,
): Promise<Comparison> {
  const candidates = candidatesOf(recording);
  const answer = answerOf(recording, upstream);
  const asked: Asked = { stream: recording.stream, candidates };
  const direct = answering(answer.body, answer.contentType);
  const expected = await reading(sdks[upstream].lenient(direct, asked));
  const random = seededRandom(seed + clientDialectIds.indexOf(client) + answer.body.length);
  const through = pipeline.fetch({ ...answer, random });
  // Bytes that pass untouched offend the strict helper wherever the provider's did: they are read as the recording was.
  const read = upstream === client ? sdks[client].lenient : sdks[client].strict;
  const actual = await reading(read(through, { ...asked, candidates: manyAnswers.has(client) ? candidates : 1 }));
  return { recording, upstream, client, candidates, expected, actual, differences: differences(expected, actual) };
}

/** The formats in which a client can ask for several answers. */
export const manyAnswers: ReadonlySet<ClientDialectId> = new Set(["openai-chat", "gemini"]);

function answerOf(recording: Recording, upstream: ClientDialectId): { body: Buffer; contentType: string } {
  const body = responseBytes(recording);
  if (!recording.stream || recording.response.body_kind === "json") {
    // The SDK always asks for events, and so does the gateway; what was recorded without is put into that frame.
    if (upstream === "gemini" && recording.stream) return { body: asEvents(body), contentType: "text/event-stream" };
    return { body, contentType: "application/json" };
  }
  return { body, contentType: "text/event-stream" };
}

function asEvents(body: Buffer): Buffer {
  const payloads = frameAll("json-array", [body]).frames.flatMap(({ payload }) => payload?.data ?? []);
  const events = payloads.map((data) => `data: ${JSON.stringify(JSON.parse(data))}\r\n\r\n`);
  return Buffer.from(events.join(""));
}
