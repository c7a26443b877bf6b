import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import { fold } from "../../src/canonical/fold.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import { upstreamDialect } from "../../src/dialects/upstream.ts";
import { stableDigest } from "../../src/lib/hash.ts";
import { isObject, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import { plainFailure, streamCarry } from "../../src/relay/carry.ts";
import { anyClient } from "./answer-stream.ts";
import type { Fixture } from "./corpus.ts";
import { readRequest } from "./requests.ts";
import { frameAll } from "./slicing.ts";
import { decoderOptions } from "./streams.ts";

/*
 * What a recorded exchange becomes in another format, as a text that is stored and compared: the request as it would be sent to
 * a provider of that format, and the answer as a client of that format would get it, each with what was lost. Long texts and
 * long streams are cut in the middle; a digest stands for what is left out, so that no change of it goes unnoticed.
 */

/** The model that requests are written for, by format: one that can do most of what its format can say. */
const targets = {
  "openai-chat": { issuer: "openai", kind: "openai", model: "gpt-5.6", traits: {} },
  "openai-responses": { issuer: "openai", kind: "openai", model: "gpt-5.6-sol", traits: {} },
  "anthropic-messages": {
    issuer: "anthropic",
    kind: "anthropic",
    model: "claude-sonnet-4-6",
    traits: { structuredOutput: "native" },
  },
  gemini: { issuer: "gemini", kind: "gemini", model: "gemini-3.5-flash", traits: {} },
} as const satisfies Readonly<Record<ClientDialectId, WriteOptions>>;

const TEXT_MAX = 160;
const FRAMES_MAX = 24;

/** Request and answer of a recording in the format `to`. */
export function goldenText(fixture: Fixture, from: ClientDialectId, to: ClientDialectId): string {
  return `${[...requestLines(fixture, from, to), ...answerLines(fixture, from, to)].join("\n")}\n`;
}

/** What of a recorded request is lost on the way to another format; undefined where there is no request or it is refused. */
export function goldenLosses(
  fixture: Fixture,
  from: ClientDialectId,
  to: ClientDialectId,
): readonly Loss[] | undefined {
  const written = writeFor(fixture, from, to);
  return written === undefined || "refused" in written ? undefined : written.losses;
}

type Refused = { readonly refused: Failure };

function writeFor(fixture: Fixture, from: ClientDialectId, to: ClientDialectId): WrittenRequest | Refused | undefined {
  const { request } = fixture;
  if (request === null || !isObject(request.body)) return undefined;
  const isNamed = "model" in request.body || from === "gemini";
  const body = isNamed ? request.body : { model: "recorded-model", ...request.body };
  const path = from === "gemini" ? { path: request.path.split("?")[0] ?? "" } : {};
  const read = readRequest(from, body, { ...path, headers: request.headers });
  if (!read.ok) return { refused: read.error };
  const options = targets[to];
  const written = upstreamDialect(to).writeRequest?.({ ...read.value, model: options.model }, options);
  if (written === undefined) throw new Error(`${to} cannot be written`);
  return written.ok ? written.value : { refused: written.error };
}

function requestLines(fixture: Fixture, from: ClientDialectId, to: ClientDialectId): string[] {
  const written = writeFor(fixture, from, to);
  if (written === undefined) return [];
  if ("refused" in written) return ["# request refused", failureLine(written.refused), ""];
  const { headers, body, losses, restore } = written;
  return [
    "# request",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...documentLines(body),
    ...losses.map(lossLine),
    ...[...(restore?.tools ?? [])].map(([as, tool]) => `restore tool ${as}: ${line(tool)}`),
    ...(restore?.stop === undefined ? [] : [`restore stop ${line(restore.stop)}`]),
    ...(restore?.jsonTool === undefined ? [] : [`restore json tool ${restore.jsonTool}`]),
    "",
  ];
}

function answerLines(fixture: Fixture, from: ClientDialectId, to: ClientDialectId): string[] {
  const { status, body, extension, headers } = fixture.response;
  if (status >= 400) {
    const failure = dialects[from].upstream.readError({ status, headers, body });
    return ["# error", ...errorLines(failure, to)];
  }
  const isStream = fixture.stream && (extension === "sse" || from === "gemini");
  return isStream ? streamLines(fixture, from, to) : plainLines(body, from, to);
}

function plainLines(bytes: Buffer, from: ClientDialectId, to: ClientDialectId): string[] {
  const read = dialects[from].upstream.readResponse(parseJson(bytes.toString()) ?? null, decoderOptions);
  if (!read.ok) return ["# error in an answer", ...errorLines(read.error, to)];
  const failed = plainFailure("translate", read.value);
  if (failed !== undefined) return ["# failed answer", ...errorLines(failed, to)];
  const { losses } = read.value;
  const written = dialects[to].client.writeResponse(read.value, anyClient(to));
  return ["# answer", ...documentLines(written), ...losses.map(lossLine)];
}

function streamLines(fixture: Fixture, from: ClientDialectId, to: ClientDialectId): string[] {
  const { body, extension } = fixture.response;
  const decoder = dialects[from].upstream.decoder(decoderOptions);
  const client = dialects[to].client;
  const carry = streamCarry("translate", client, anyClient(to), {
    withhold: { usageFrame: false },
    inputEstimate: undefined,
  });
  const { frames } = frameAll(extension === "json" ? "json-array" : "sse", [body]);
  const written: string[] = [];
  const events = frames.flatMap((frame) => {
    const read = frame.payload === undefined ? [] : (decoder.step(frame.payload) ?? []);
    written.push(text(carry.carry(frame, read)));
    return read;
  });
  const end = decoder.end();
  written.push(...carry.close(end.events, new Uint8Array()).map(text));
  const all = [...events, ...end.events];
  const failed = all.map((event) => carry.failureOf(event)).find((failure) => failure !== undefined);
  if (failed !== undefined) written.push(carry.failure(failed) ?? "(the connection is cut)\n\n");
  return ["# stream", ...cutFrames(written.join("")), ...fold(all).losses.map(lossLine)];
}

function text(bytes: Uint8Array | string | undefined): string {
  return bytes === undefined ? "" : typeof bytes === "string" ? bytes : Buffer.from(bytes).toString();
}

function errorLines(failure: Failure, to: ClientDialectId): string[] {
  const context = { agent: "other", requestId: decoderOptions.requestId, framing: "sse" } as const;
  const { status, headers, body } = dialects[to].client.writeError(failure, context);
  const named = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${failureLine(failure)}`, `status ${status}`, ...named, line(body)];
}

function failureLine({ class: kind, code, message }: Failure): string {
  return `failure ${kind} ${code}: ${shorten(message)}`;
}

function lossLine({ path, reason, detail }: Loss): string {
  return `loss ${reason} ${path}${detail === undefined ? "" : `: ${shorten(detail)}`}`;
}

/** A member per line; the elements of the long lists (messages, contents, tools) have lines of their own. */
function documentLines(body: JsonObject): string[] {
  return Object.entries(body).flatMap(([key, value]) =>
    Array.isArray(value) && value.length > 0 && value.every(isObject)
      ? [`${key}:`, ...value.map((each) => `  ${line(each)}`)]
      : [`${key}: ${line(value)}`],
  );
}

function line(value: unknown): string {
  return (
    JSON.stringify(value, (_key, each: unknown) => (typeof each === "string" ? shorten(each) : each)) ?? "undefined"
  );
}

function shorten(value: string): string {
  return value.length <= TEXT_MAX
    ? value
    : `${value.slice(0, TEXT_MAX / 2).toWellFormed()}…${value.length} ${stableDigest(value)}`;
}

/** Frames one per line; of a long stream the beginning, the end and a digest of what is between. */
function cutFrames(stream: string): string[] {
  const frames = stream.split(/\r?\n\r?\n/).filter((frame) => frame !== "");
  const lines = frames.map((frame) => frame.split(/\r?\n/).map(frameLine).join(" | "));
  if (lines.length <= FRAMES_MAX) return lines;
  const between = lines.slice(FRAMES_MAX / 2, -FRAMES_MAX / 2);
  const digest = stableDigest(frames.slice(FRAMES_MAX / 2, -FRAMES_MAX / 2).join("\n"));
  return [...lines.slice(0, FRAMES_MAX / 2), `… ${between.length} frames ${digest}`, ...lines.slice(-FRAMES_MAX / 2)];
}

function frameLine(field: string): string {
  const data = /^data: (\{.*\})$/s.exec(field)?.[1];
  const value: Json | undefined = data === undefined ? undefined : parseJson(data);
  return value === undefined ? field : `data: ${line(value)}`;
}
