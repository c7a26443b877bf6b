import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { ADDRESS_VARIABLE } from "./gateway-address.ts";
import { keyText, type GatewayKey } from "./gateway-key.ts";

/** How commands reach a gateway: the platform's own `fetch`, or a test's. */
export type Fetch = typeof fetch;

/** A gateway that answers: its root without version, the key for it, and the models it lists. */
export type ReachedGateway = { readonly url: string; readonly key: GatewayKey; readonly models: readonly string[] };

const HEALTH_TIMEOUT_MS = 3_000;
const TEST_CALL_TIMEOUT_MS = 60_000;
const ERROR_CHARACTERS_MAX = 600;

/** Asks /health, then for the models, which also proves the key where the gateway insists on one. Fails with lines to show. */
export async function reachGateway(
  fetch: Fetch,
  url: string,
  key: GatewayKey,
): Promise<Result<ReachedGateway, string>> {
  const health = await getJson(fetch, `${url}/health`, {});
  if (!health.ok) return fail(unreachable(url, health.error));
  // One that asks even here for a key says below whether ours is good.
  const isGateway = health.value.status === 401 || asObject(health.value.body)?.["status"] === "ok";
  if (!isGateway) {
    return fail(unreachable(url, `what answers there is not a gateway (status ${health.value.status})`));
  }
  const listed = await getJson(fetch, `${url}/v1/models`, { authorization: `Bearer ${keyText(key)}` });
  if (!listed.ok) return fail(unreachable(url, listed.error));
  if (listed.value.status !== 200)
    return fail(`${errorMessage(listed.value.body, listed.value.status)}\n${keyHint(key)}`);
  return ok({ url, key, models: modelIds(listed.value.body) });
}

/** One small request in a client's own format. */
export type TestCall = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
};

/** Makes it, and answers with undefined or with what the gateway said instead of a success. */
export async function makeTestCall(fetch: Fetch, url: string, call: TestCall): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}${call.path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...call.headers },
      body: JSON.stringify(call.body),
      redirect: "error",
      signal: AbortSignal.timeout(TEST_CALL_TIMEOUT_MS),
    });
    const body = parseJson(await answer.text());
    return answer.ok ? undefined : errorMessage(body, answer.status);
  } catch (error) {
    return causeOf(error);
  }
}

/** The sentence of an error in any of the gateway's formats, on one line. */
export function errorMessage(body: unknown, status: number): string {
  const first: unknown = Array.isArray(body) ? body[0] : body;
  const message = asString(asObject(asObject(first)?.["error"])?.["message"]) ?? "the answer has no message";
  return `${status}: ${message.replaceAll(/\s+/g, " ").slice(0, ERROR_CHARACTERS_MAX)}`;
}

/** Why a request did not get an answer: the system's words, which `fetch` wraps into "fetch failed". */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const { cause } = error;
  if (cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED") return "nothing listens there";
  return cause instanceof Error ? cause.message : error.message;
}

type JsonAnswer = { readonly status: number; readonly body: Json | undefined };

async function getJson(
  fetch: Fetch,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Result<JsonAnswer, string>> {
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const answer = await fetch(url, { headers, redirect: "error", signal });
    return ok({ status: answer.status, body: parseJson(await answer.text()) });
  } catch (error) {
    return fail(causeOf(error));
  }
}

function modelIds(body: Json | undefined): readonly string[] {
  const entries = asArray(asObject(body)?.["data"]) ?? [];
  return entries.flatMap((entry) => asString(asObject(entry)?.["id"]) ?? []);
}

function unreachable(url: string, why: string): string {
  return [
    `No gateway answers at ${url}: ${why}.`,
    "  fix   start it in another terminal: dragoman start",
    `        or say where it is: --gateway URL, or ${ADDRESS_VARIABLE}`,
  ].join("\n");
}

function keyHint(key: GatewayKey): string {
  if (key.kind === "key") return `  fix   the key is the one in ${key.variable}; put a valid one there`;
  return "  fix   put a gateway key into DRAGOMAN_KEY; dragoman keys create NAME makes one";
}
