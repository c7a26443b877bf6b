import type { ClientDialectId, DialectId } from "../../src/canonical/dialect-id.ts";
import { asArray, asObject, isObject, type Json } from "../../src/lib/json.ts";
import { awsEvent, awsException } from "../support/aws-messages.ts";
import { fixtures } from "../support/corpus.ts";
import { oddAnswers, randomAnswer } from "../support/random-answers.ts";
import { seededRandom } from "../support/random.ts";
import { frameAll } from "../support/slicing.ts";
import { clientDialectIds, streamFixtures } from "../support/streams.ts";

/** What inputs are made from. `json`: one document; `sse`: a stream of documents; `bytes`: neither. */
export type Seeds = { readonly form: "json" | "sse" | "bytes"; readonly samples: readonly Uint8Array[] };

/** The formats that providers speak and that there are recordings of. */
export type RecordedDialectId = Exclude<DialectId, "canonical">;

export type DialectSeeds = {
  readonly requests: Seeds;
  readonly answers: Seeds;
  readonly streams: Seeds;
  readonly errors: Seeds;
};

export type SeedTable = {
  readonly dialects: Readonly<Record<RecordedDialectId, DialectSeeds>>;
  readonly schemas: Seeds;
  /** Whole bodies as they come off the wire, for each framing. */
  readonly framings: {
    readonly sse: Seeds;
    readonly "json-array": Seeds;
    readonly ndjson: Seeds;
    readonly "aws-eventstream": Seeds;
  };
  readonly forms: Seeds;
  /** Answers of HTTP, head and body, good and bad. */
  readonly connections: Seeds;
};

/** Larger samples say nothing more, and most of the time would go into them. */
const SAMPLE_BYTES_MAX = 6_000;

/** The recordings, sorted by what they are samples of. */
export function readSeeds(): SeedTable {
  const table: SeedTable["dialects"] = {
    "openai-chat": seedsOf("openai-chat", clientStreams("openai-chat")),
    "openai-responses": seedsOf("openai-responses", clientStreams("openai-responses")),
    "anthropic-messages": seedsOf("anthropic-messages", clientStreams("anthropic-messages")),
    gemini: seedsOf("gemini", clientStreams("gemini")),
    "bedrock-converse": seedsOf("bedrock-converse", bedrockStreams()),
  };
  const streams = clientDialectIds.flatMap((id) => table[id].streams.samples);
  const arrays = streamFixtures("gemini").filter(({ framing }) => framing === "json-array");
  const lines = clientDialectIds.flatMap((id) => table[id].answers.samples);
  return {
    dialects: table,
    schemas: seeds("json", schemaSamples(clientDialectIds.flatMap((id) => table[id].requests.samples))),
    framings: {
      sse: seeds("sse", streams),
      "json-array": seeds(
        "bytes",
        arrays.map(({ response }) => response.body),
      ),
      ndjson: seeds("bytes", [Buffer.concat(lines.slice(0, 3).flatMap((line) => [line, Buffer.from("\n")]))]),
      "aws-eventstream": seeds("bytes", awsSamples()),
    },
    forms: seeds("bytes", formSamples),
    connections: seeds("bytes", connectionSamples()),
  };
}

const RANDOM_ANSWERS = 40;

function connectionSamples(): Uint8Array[] {
  const random = seededRandom(1);
  const some = Array.from({ length: RANDOM_ANSWERS }, () => randomAnswer(random));
  return [...oddAnswers(), ...some].map(({ text }) => Buffer.from(text, "latin1"));
}

function seeds(form: Seeds["form"], all: readonly Uint8Array[]): Seeds {
  const small = all.filter((sample) => sample.length <= SAMPLE_BYTES_MAX);
  const samples = small.length > 0 ? small : all.map((sample) => sample.subarray(0, SAMPLE_BYTES_MAX));
  if (samples.length === 0) throw new Error("nothing to make inputs from");
  return { form, samples };
}

function clientStreams(id: ClientDialectId): Uint8Array[] {
  return streamFixtures(id).map(({ framing, response }) =>
    framing === "sse" ? response.body : asEvents(framing, response.body),
  );
}

function bedrockStreams(): Uint8Array[] {
  const streams = fixtures("bedrock-converse").filter(({ response }) => response.extension === "bin");
  return streams.map(({ response }) => asEvents("aws-eventstream", response.body));
}

function seedsOf(id: RecordedDialectId, streams: readonly Uint8Array[]): DialectSeeds {
  const all = fixtures(id);
  const bodies = all.flatMap(({ request }) => (request === null ? [] : [jsonBytes(request.body)]));
  const plain = all.filter(({ stream, response }) => !stream && response.extension === "json" && response.status < 400);
  const failed = all.filter(({ response }) => response.status >= 400);
  return {
    requests: seeds("json", bodies),
    answers: seeds(
      "json",
      plain.map(({ response }) => response.body),
    ),
    streams: seeds("sse", streams.map(shortened)),
    errors: seeds(
      "json",
      failed.map(({ response }) => response.body),
    ),
  };
}

/** Decoders are given frames, whatever cut them: every stream is kept as events. */
function asEvents(framing: "json-array" | "ndjson" | "aws-eventstream", body: Uint8Array): Buffer {
  const payloads = frameAll(framing, [body]).frames.flatMap(({ payload }) => payload ?? []);
  const texts = payloads.map(({ event, data }) => {
    const name = event === "" ? "" : `event: ${event}\n`;
    return `${name}data: ${data.replaceAll(/\s*\n\s*/g, " ")}\n\n`;
  });
  return Buffer.from(texts.join(""));
}

/** A long stream by its beginning and its end. */
function shortened(body: Uint8Array): Uint8Array {
  if (body.length <= SAMPLE_BYTES_MAX) return body;
  const frames = frameAll("sse", [body]).frames.map(({ bytes }) => bytes);
  const tail = frames.slice(-6);
  const head: Uint8Array[] = [];
  let length = tail.reduce((sum, bytes) => sum + bytes.length, 0);
  for (const bytes of frames.slice(0, -6)) {
    length += bytes.length;
    if (length > SAMPLE_BYTES_MAX) break;
    head.push(bytes);
  }
  return Buffer.concat([...head, ...tail]);
}

function jsonBytes(value: Json): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** The schemas of the tools that the recorded requests declare, and what they do not use. */
function schemaSamples(requests: readonly Uint8Array[]): Buffer[] {
  const found = requests.flatMap((request) => {
    const body = asObject(JSON.parse(Buffer.from(request).toString()));
    return (asArray(body?.["tools"]) ?? []).flatMap((tool) => {
      const given = asObject(tool);
      const inner = asObject(given?.["function"]);
      const schema = inner?.["parameters"] ?? given?.["parameters"] ?? given?.["input_schema"];
      return isObject(schema) ? [jsonBytes(schema)] : [];
    });
  });
  return [...found, ...hardSchemas.map(jsonBytes)];
}

const hardSchemas: readonly Json[] = [
  {
    type: "object",
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, v: { const: 1 } } } },
    properties: { properties: { type: ["string", "null"] }, list: { $ref: "#/$defs/node" } },
    required: ["list"],
    additionalProperties: { type: "integer" },
    propertyNames: { pattern: "^a" },
  },
  {
    allOf: [{ $ref: "#/definitions/a" }, { properties: { b: { oneOf: [{ type: "string" }, { enum: [1, null] }] } } }],
    definitions: { a: { allOf: [{ $ref: "#/definitions/a" }, { $ref: "#" }] } },
  },
  {
    type: "array",
    prefixItems: [{ type: "number" }],
    items: false,
    if: { minItems: 1 },
    else: { maxItems: 2 },
    not: { type: "null" },
    patternProperties: { "^x": true },
  },
];

function awsSamples(): Buffer[] {
  const message = Buffer.concat([
    awsEvent("messageStart", { role: "assistant" }),
    awsEvent("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Hello" } }),
    awsEvent("messageStop", { stopReason: "end_turn" }),
  ]);
  const recorded = fixtures("bedrock-converse").filter(({ response }) => response.extension === "bin");
  return [
    ...recorded.map(({ response }) => response.body),
    message,
    Buffer.concat([message, awsException("throttlingException", "slow down")]),
  ];
}

/** Of the boundary `x`. */
const formSamples = [
  '--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--\r\n-x\r\n--x--\r\n',
  '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--x--',
].map((text) => Buffer.from(text));
