import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import { asObject, type Json } from "../../gateway/src/lib/json.ts";

/** A line of a recordings file, as far as fidelity is concerned. */
export type Recording = {
  readonly id: string;
  readonly provider: string;
  readonly api: string;
  readonly stream: boolean;
  readonly model: string | null;
  readonly tags: readonly string[];
  /** Null for fixtures that have an answer only. */
  readonly request: {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Parsed where `body_encoding` is `json`. */
    readonly body: Json;
    readonly body_encoding: string | null;
  } | null;
  readonly response: {
    readonly status: number;
    readonly body: string;
    readonly body_encoding: string;
    readonly body_kind: string;
    readonly fidelity: string;
  };
};

/** The formats of conversation among the recorded APIs. */
export const dialectOfApi: Readonly<Record<string, ClientDialectId>> = {
  chat: "openai-chat",
  responses: "openai-responses",
  messages: "anthropic-messages",
  generateContent: "gemini",
  streamGenerateContent: "gemini",
};

/** The recordings of conversations in a file of gzipped JSON lines, in its order; `share` says which of them: every n-th from k on. */
export async function* readRecordings(
  file: string,
  share: { readonly first: number; readonly step: number } = { first: 0, step: 1 },
): AsyncGenerator<Recording> {
  let index = -1;
  for await (const line of createInterface({
    input: createReadStream(file).pipe(createGunzip()),
    crlfDelay: Infinity,
  })) {
    // The API is looked up before the line is parsed: most of a worker's lines belong to others.
    const api = /"api":\s*"([^"]+)"/.exec(line)?.[1] ?? "";
    if (dialectOfApi[api] === undefined) continue;
    index += 1;
    if (index % share.step === share.first) yield JSON.parse(line) as Recording;
  }
}

/** Whether an answer can be held against what clients make of it: a success, and whole as far as its tags know. */
export function isWholeSuccess({ response, tags }: Recording): boolean {
  return response.status === 200 && response.body_kind !== "empty" && !tags.includes("sse_truncated");
}

export function responseBytes({ response }: Recording): Buffer {
  return Buffer.from(response.body, response.body_encoding === "base64" ? "base64" : "utf8");
}

/** How many answers the recorded request asked for. */
export function candidatesOf({ request }: Recording): number {
  const body = asObject(request?.body);
  const asked = body?.["n"] ?? asObject(body?.["generationConfig"])?.["candidateCount"];
  return typeof asked === "number" && asked > 1 ? asked : 1;
}
