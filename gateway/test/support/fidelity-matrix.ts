import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { CanonicalResponse } from "../../src/canonical/response.ts";
import type { ClientContext, WriteOptions } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { upstreamDialect } from "../../src/dialects/upstream.ts";
import { parseJson, type JsonObject } from "../../src/lib/json.ts";
import { anyClient } from "./answer-stream.ts";
import type { AnswerFeature } from "./fidelity-answers.ts";
import type { RequestFeature } from "./fidelity-requests.ts";
import { readBody } from "./requests.ts";
import { frameAll } from "./slicing.ts";
import { decodeFrames, decoderOptions } from "./streams.ts";

/*
 * What becomes of a feature on its way from one format to another. Nothing here is an opinion: the feature is written in the
 * one format, translated by the code that translates traffic, read in the other format, and looked for.
 */

/**
 * `carried`: found again as it was. `emulated`, `clamped`: said in other words or within bounds, and reported as that. `lost`:
 * reported as not carried. `refused`: the request is answered with an error that says so. `unsaid`: the client's format has
 * no way to say it. `changed`: neither found again nor reported, which a test does not let pass.
 */
export type Fate = "carried" | "emulated" | "clamped" | "lost" | "refused" | "unsaid" | "changed";
export type Cell = { readonly fate: Fate; readonly detail?: string };

const empty: CanonicalRequest = {
  source: "openai-chat",
  model: "m",
  stream: false,
  instructions: [],
  turns: [{ role: "user", blocks: [{ type: "text", text: "Hi" }], boundary: 0 }],
  tools: [],
  sampling: { temperatureMax: 2 },
  reasoning: { mode: "default" },
  output: {},
  cache: {},
  identity: {},
  headers: { betas: [] },
  extras: {},
};

/** How a client of each format is imitated: by the writer of its own format, for models that between them take what it can say. */
const speakers: Readonly<Record<ClientDialectId, readonly WriteOptions[]>> = {
  "openai-chat": [
    { issuer: "client", kind: "openai-compatible", model: "m", traits: {} },
    { issuer: "client", kind: "openai", model: "gpt-5.6", traits: {} },
  ],
  "openai-responses": [{ issuer: "client", kind: "openai", model: "m", traits: {} }],
  "anthropic-messages": ["claude-opus-4-6", "claude-haiku-4-5"].map((model) => ({
    issuer: "client",
    kind: "anthropic",
    model,
    traits: {},
  })),
  gemini: ["gemini-3.5-flash", "gemini-2.5-flash"].map((model) => ({
    issuer: "client",
    kind: "gemini",
    model,
    traits: {},
  })),
};

/** Models of each format that between them take what the format can say: some only reason, others only sample. */
const models: Readonly<Record<ClientDialectId, readonly WriteOptions[]>> = {
  "openai-chat": ["gpt-5.6", "gpt-4.1"].map((model) => ({ issuer: "openai", kind: "openai", model, traits: {} })),
  "openai-responses": ["gpt-5.6-sol", "gpt-4.1"].map((model) => ({
    issuer: "openai",
    kind: "openai",
    model,
    traits: {},
  })),
  "anthropic-messages": ["claude-opus-4-6", "claude-haiku-4-5"].map((model) => ({
    issuer: "anthropic",
    kind: "anthropic",
    model,
    traits: { structuredOutput: "native" },
  })),
  gemini: ["gemini-3.5-flash", "gemini-2.5-flash"].map((model) => ({
    issuer: "gemini",
    kind: "gemini",
    model,
    traits: {},
  })),
};

const best: readonly Fate[] = ["carried", "emulated", "clamped", "changed", "lost", "refused", "unsaid"];

/** What becomes of a feature that a client of format `from` asks of a provider of format `to`; the best that its models do. */
export function requestCell(feature: RequestFeature, from: ClientDialectId, to: ClientDialectId): Cell {
  const asked = saidBy(feature, from);
  if (asked === undefined) return { fate: "unsaid" };
  const cells = models[to].map((options) => requestFate(feature, asked, to, options));
  return cells.toSorted((left, right) => best.indexOf(left.fate) - best.indexOf(right.fate))[0] ?? { fate: "unsaid" };
}

function requestFate(
  feature: RequestFeature,
  asked: CanonicalRequest,
  to: ClientDialectId,
  options: WriteOptions,
): Cell {
  const written = upstreamDialect(to).writeRequest?.({ ...asked, model: options.model }, options);
  if (written === undefined) throw new Error(`${to} cannot be written`);
  if (!written.ok) return { fate: "refused", detail: written.error.message };
  const losses = written.value.losses.filter(({ path }) => feature.losses.test(path));
  if (losses.length > 0) return lossCell(losses);
  const again = readBack(to, written.value.body);
  const found = again === undefined ? undefined : feature.find(again);
  return isSame(found, feature.find(asked)) ? { fate: "carried" } : { fate: "changed", detail: shown(found) };
}

const bySeverity = ["unsupported", "opaque-not-portable", "clamped", "emulated", "repaired"] as const;
const fates = {
  unsupported: "lost",
  "opaque-not-portable": "lost",
  clamped: "clamped",
  emulated: "emulated",
  repaired: "carried",
} as const satisfies Readonly<Record<Loss["reason"], Fate>>;

function lossCell(losses: readonly Loss[]): Cell {
  const [worst] = losses.toSorted((left, right) => bySeverity.indexOf(left.reason) - bySeverity.indexOf(right.reason));
  if (worst === undefined) return { fate: "carried" };
  return { fate: fates[worst.reason], ...(worst.detail === undefined ? {} : { detail: worst.detail }) };
}

/** The feature as a client of a format says it, read as the gateway reads it; undefined where the format has no words for it. */
function saidBy(feature: RequestFeature, from: ClientDialectId): CanonicalRequest | undefined {
  const request = { ...empty, source: from, ...feature.request(from) };
  for (const options of speakers[from]) {
    const written = upstreamDialect(from).writeRequest?.(request, options);
    const read = written?.ok === true ? readBack(from, written.value.body) : undefined;
    if (read !== undefined && isSame(feature.find(read), feature.find(request))) return read;
  }
  return undefined;
}

function readBack(dialect: ClientDialectId, body: JsonObject): CanonicalRequest | undefined {
  return readBody(dialect, { model: "m", ...body });
}

/** What becomes of a feature of a provider's answer on its way to a client; a plain answer and a stream must agree. */
export function answerCell(feature: AnswerFeature, from: ClientDialectId, to: ClientDialectId): Cell {
  const response: CanonicalResponse = { ...noAnswer, ...feature.answer };
  const given = readWritten(dialects[from].client.writeResponse(response, clientOf(from)), from);
  if (given === undefined || !isSame(feature.find(given), feature.find(response))) return { fate: "unsaid" };
  const plain = readWritten(dialects[to].client.writeResponse(given, clientOf(to)), to);
  const streamed = readStream(given, to);
  const expected = feature.find(given);
  const isCarried = (again: CanonicalResponse | undefined) =>
    again !== undefined && isSame(feature.find(again), expected);
  if (isCarried(plain) !== isCarried(streamed)) {
    return {
      fate: "changed",
      detail: `plain ${shown(plain && feature.find(plain))}, streamed ${shown(streamed && feature.find(streamed))}`,
    };
  }
  return isCarried(plain) ? { fate: "carried" } : { fate: "lost", detail: shown(plain && feature.find(plain)) };
}

/** A client that asked to see everything: Gemini's thoughts are shown to who asked for them. */
function clientOf(dialect: ClientDialectId): ClientContext {
  return anyClient(dialect, dialect === "gemini" ? { echo: { includeThoughts: true } } : {});
}

const noAnswer: CanonicalResponse = {
  id: "r_1",
  model: "m",
  createdAt: 1_700_000_000,
  candidates: [],
  losses: [],
  extras: {},
};

function readWritten(body: JsonObject, dialect: ClientDialectId): CanonicalResponse | undefined {
  const read = dialects[dialect].upstream.readResponse(parseJson(JSON.stringify(body)) ?? null, decoderOptions);
  return read.ok ? read.value : undefined;
}

function readStream(response: CanonicalResponse, dialect: ClientDialectId): CanonicalResponse {
  const encoder = dialects[dialect].client.encoder(clientOf(dialect));
  const text = unfold(response)
    .map((event) => encoder.write(event))
    .join("");
  return fold(decodeFrames(dialects[dialect], frameAll("sse", [Buffer.from(text)]).frames).events);
}

function isSame(left: unknown, right: unknown): boolean {
  return shown(left) === shown(right);
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? "nothing";
}
