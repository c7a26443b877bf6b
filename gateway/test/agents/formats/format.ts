import type { ClientDialectId } from "../../../src/canonical/dialect-id.ts";
import type { JsonObject } from "../../../src/lib/json.ts";

/** A provider's API as far as these tests play it: what it was asked, and what it answers, as it stands on the wire. */
export type Format = {
  readonly dialect: ClientDialectId;
  /** The catalogue row of the provider that is played, and where its API begins. */
  readonly kind: string;
  readonly basePath: string;
  readonly model: string;
  /** Whether a request asks for a streamed answer; `target` is path and query. */
  readonly isStreamed: (target: string, body: JsonObject) => boolean;
  /** What the provider would refuse the request for. */
  readonly brokenRules: (body: JsonObject) => readonly string[];
  readonly readTurn: (body: JsonObject) => Turn;
  /** Server-sent events, one by one, each with its empty line. */
  readonly callStream: (call: Call) => readonly string[];
  readonly textStream: (text: string) => readonly string[];
  /** The same answer as one body, for a request that asks for no stream. */
  readonly textBody: (text: string) => JsonObject;
  readonly rateLimit: (retryAfterSeconds: number) => ErrorResponse;
  readonly errors: Readonly<Record<ErrorName, ErrorResponse>>;
};

/** A call of a tool; `id` is "" in a format without ids. */
export type Call = { readonly id: string; readonly name: string; readonly arguments: JsonObject };

/** What a request holds of tools. */
export type Turn = {
  readonly tools: readonly string[];
  readonly calls: readonly Call[];
  readonly results: readonly { readonly callId: string; readonly text: string }[];
};

export type ErrorName = "wrong-key" | "server-error" | "overloaded" | "context-length";
export type ErrorResponse = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: JsonObject;
};

/** An event of a stream; without a name it is data alone. */
export function sse(data: JsonObject | string, name?: string): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`;
}

/** The text in two pieces, so that it really arrives as a stream. */
export function halves(text: string): readonly [string, string] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}
