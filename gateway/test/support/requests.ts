import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { failure, type Failure } from "../../src/canonical/failure.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { dialects } from "../../src/dialects/index.ts";
import { wireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import { fail, type Result } from "../../src/lib/result.ts";
import { fixtures } from "./corpus.ts";

/** A recorded request, read by its own dialect. */
export type ReadFixture = {
  readonly name: string;
  readonly dialect: ClientDialectId;
  readonly body: JsonObject;
  readonly request: CanonicalRequest;
};

/** All recorded requests of a dialect that it can read. Vertex AI's name no model in the body, so they are given one. */
export function readFixtures(dialect: ClientDialectId): ReadFixture[] {
  return fixtures(dialect).flatMap(({ name, request }): ReadFixture[] => {
    if (request === null || !isObject(request.body)) return [];
    const path = request.path.split("?")[0] ?? "";
    const body = dialect === "anthropic-messages" ? { model: "claude-sonnet-4-5", ...request.body } : request.body;
    const read = readBody(dialect, body, { path, headers: request.headers });
    return read === undefined ? [] : [{ name, dialect, body, request: read }];
  });
}

const defaultPaths: Readonly<Record<ClientDialectId, string>> = {
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
  "anthropic-messages": "/v1/messages",
  gemini: "/v1beta/models/gemini-test:generateContent",
};

type BodyContext = { readonly path?: string; readonly headers?: Readonly<Record<string, string>> };

/** A body as its dialect reads it, or undefined where it refuses it. */
export function readBody(
  dialect: ClientDialectId,
  body: JsonObject,
  more: BodyContext = {},
): CanonicalRequest | undefined {
  const read = readRequest(dialect, body, more);
  return read.ok ? read.value : undefined;
}

/** The same, with why it is refused. */
export function readRequest(
  dialect: ClientDialectId,
  body: JsonObject,
  more: BodyContext = {},
): Result<CanonicalRequest, Failure> {
  const raw = new TextEncoder().encode(JSON.stringify(body));
  const scan = scanObject(raw);
  if (!scan.ok) return fail(failure("invalid_json", scan.error.message));
  const path = more.path ?? defaultPaths[dialect];
  return dialects[dialect].client.readRequest(
    wireRequest({
      path,
      pathModel: /models\/([^:]+):/.exec(path)?.[1] ?? "",
      query: new URLSearchParams(),
      headers: more.headers ?? {},
      raw,
      scan: scan.value,
    }),
  );
}
