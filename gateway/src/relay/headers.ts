import type { ChosenCredential } from "../routing/credentials.ts";
import { remembered } from "../lib/remembered.ts";
import type { Provider } from "../providers/provider.ts";
import type { Headers } from "./ports.ts";

/*
 * What crosses the gateway, each way, and why. Both header sets are built from nothing: a header that is not named here
 * does not pass. Credentials go up by `authorise.ts` alone, and nothing that could hold one comes down.
 */

/** Client headers that mean something to a provider of the same format. */
const passUp = new Set([
  // Selects features of the API; forwarded as it is, never allow-listed by value.
  "openai-beta",
  // Names the client program; providers gate some features of subscriptions on it.
  "user-agent",
  "x-app",
  "originator",
  // Let the provider see repetitions and conversations as one.
  "idempotency-key",
  "x-client-request-id",
  "session-id",
  "thread-id",
  "x-session-id",
  "x-goog-api-client",
  "x-server-timeout",
]);

/** Families of the same kind. `anthropic-*` is an open list: header and body halves of a beta travel together. */
const passUpPrefixes = ["anthropic-", "x-claude-code-", "x-codex-"] as const;

/** These name the caller's own account; with a credential of ours they would be wrong or tell too much. */
const passUpWithOwnCredential = new Set(["openai-organization", "openai-project", "x-goog-user-project"]);

export type HeaderOptions = {
  readonly verbatim: boolean;
  readonly stream: boolean;
  /** Of the body; undefined where there is none. */
  readonly contentType: string | undefined;
  /** What may be answered, where that is neither JSON nor events. */
  readonly accept?: string;
};

/**
 * Headers of a request to a provider, all but its credential. `verbatim` says whether the client speaks the provider's format:
 * then the client's own protocol headers go along.
 */
export function upstreamHeaders(
  client: Headers,
  provider: Provider,
  credential: ChosenCredential,
  options: HeaderOptions,
): Record<string, string> {
  const headers: Record<string, string> = {
    // Compressed answers would have to be undone before they can be followed, and compression batches a stream's chunks.
    "accept-encoding": "identity",
    accept: options.accept ?? (options.stream ? "text/event-stream, application/json" : "application/json"),
  };
  if (options.contentType !== undefined) headers["content-type"] = options.contentType;
  Object.assign(headers, provider.headers);
  if (options.verbatim) copyUp(client, headers, credential.kind === "caller");
  // The version stands in the body there.
  if (provider.traits.anthropicBodyVersion !== undefined) delete headers["anthropic-version"];
  return headers;
}

function copyUp(client: Headers, headers: Record<string, string>, ownCredential: boolean): void {
  for (const name in client) {
    const passage = upward(name);
    if (passage === "never" || (passage === "own" && !ownCredential)) continue;
    const value = client[name];
    if (value !== undefined) headers[name] = value;
  }
}

/** Whether a header crosses: always, with the caller's own credential only, or not. */
type Passage = "always" | "own" | "never";

const upward = remembered((name): Passage => {
  if (passUp.has(name) || passUpPrefixes.some((prefix) => name.startsWith(prefix))) return "always";
  return passUpWithOwnCredential.has(name) ? "own" : "never";
});

/** Provider headers that the client of a successful answer may see, whoever's credential it was. */
const passDown = new Set([
  "openai-processing-ms",
  "openai-version",
  "openai-model",
  "x-models-etag",
  "x-reasoning-included",
  // The name that a file was uploaded under.
  "content-disposition",
  // Our own mark on a count that no provider made.
  "x-dragoman-estimated",
]);

/** Rate limits and spending of an account: the caller's business only when it is the caller's account. */
const passDownWithOwnCredential = [
  "x-ratelimit-",
  "anthropic-ratelimit-",
  "anthropic-priority-",
  "anthropic-organization-id",
  "openai-organization",
  "openai-project",
  "x-codex-",
] as const;

const downward = remembered((name): Passage => {
  if (passDown.has(name)) return "always";
  return passDownWithOwnCredential.some((prefix) => name.startsWith(prefix)) ? "own" : "never";
});

const UPSTREAM_REQUEST_ID_HEADERS = ["x-request-id", "request-id", "x-amzn-requestid", "x-goog-request-id"] as const;

/** The provider's own id of a call, under whichever name it gives it. */
export function upstreamRequestId(headers: Headers): string | undefined {
  for (const name of UPSTREAM_REQUEST_ID_HEADERS) {
    const value = headers[name];
    if (value !== undefined) return value;
  }
  return undefined;
}

/** What of a provider's headers goes down to the client, next to the gateway's own. */
export function passedDownHeaders(upstream: Headers, credential: ChosenCredential["kind"]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in upstream) {
    const passage = downward(name);
    if (passage === "never" || (passage === "own" && credential !== "caller")) continue;
    const value = upstream[name];
    if (value !== undefined) headers[name] = value;
  }
  const id = upstreamRequestId(upstream);
  if (id !== undefined) headers["x-upstream-request-id"] = id;
  return headers;
}

/** Query parameters of the client that go on to a provider of the same format; `key` is a credential and never does. */
export function passedUpQuery(query: URLSearchParams): string {
  if (query.size === 0) return "";
  const passed = new URLSearchParams();
  for (const [name, value] of query) {
    if (name === "alt" || name === "beta") passed.append(name, value);
  }
  return passed.toString();
}
