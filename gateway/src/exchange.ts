import type { ClientDialectId } from "./canonical/dialect-id.ts";
import { failure, type Failure } from "./canonical/failure.ts";
import type { Config, ConfigSource } from "./config/config.ts";
import { readAgent } from "./dialects/agents.ts";
import type { ClientDialect } from "./dialects/dialect.ts";
import { dialects } from "./dialects/index.ts";
import { canTranslateTo } from "./dialects/upstream.ts";
import { fail, type Result } from "./lib/result.ts";
import { authorise, identify, type Caller } from "./limits/identify.ts";
import type { KeyStore } from "./limits/keys.ts";
import { readWire } from "./operations/read-wire.ts";
import {
  isProbe,
  isRelayed,
  matchOperation,
  surfaceOfHeaders,
  type Match,
  type MatchFailure,
} from "./operations/table.ts";
import { makeAttempt, type Answer } from "./relay/attempt.ts";
import { runAttempts } from "./relay/attempts.ts";
import { carryRequest } from "./relay/carry.ts";
import { openConversation } from "./relay/conversation.ts";
import { openExchange, type ExchangeDeps, type Exchange } from "./relay/exchange-state.ts";
import { respondLocally } from "./relay/local-answer.ts";
import type { Headers, InboundRequest, Reply } from "./relay/ports.ts";
import { crash, refuse } from "./relay/refuse.ts";
import { relayAnswer } from "./relay/relay-answer.ts";
import { askRelayed } from "./relay/relayed-exchange.ts";
import { readTarget } from "./relay/request-target.ts";
import { chooseCredential } from "./routing/credentials.ts";
import { planChat } from "./routing/plan.ts";
import { resolve } from "./routing/resolve.ts";

export type HandlerDeps = ExchangeDeps & {
  readonly config: ConfigSource;
  readonly keys: (config: Config) => KeyStore;
};

/**
 * The life of a request: open, identify, ask, relay. `refuse`, `respondLocally` and `relayAnswer` are the only exits, and
 * each settles: exactly one record per request, whatever happened; none of a probe.
 */
export async function handle(deps: HandlerDeps, request: InboundRequest, reply: Reply): Promise<void> {
  const exchange = openExchange(deps, deps.config.current(), request, reply);
  const target = readTarget(request.target);
  const match = matchOperation(request.method, target.pathname, request.headers);
  const dialect = dialects[surfaceOf(match, request.headers)].client;
  exchange.dialect = dialect;
  exchange.agent = readAgent(request.headers["user-agent"]);
  deps.live.add(exchange);
  try {
    if (match.kind !== "match") return refuse(exchange, dialect, unmatched(match, request));
    exchange.operation = match.operation;
    if (isProbe(match.operation)) return respondLocally(exchange, dialect, match, target.query, undefined);
    const queryKey = match.version === "v1beta" || match.version === "v1alpha" ? target.query.get("key") : null;
    const keys = deps.keys(exchange.config);
    const caller = identify(request.headers, queryKey ?? undefined, exchange.config, keys, exchange.startedWall);
    if (!caller.ok) return refuse(exchange, dialect, caller.error);
    exchange.keyId = caller.value.key?.id;
    exchange.project = caller.value.project;
    exchange.strict ||= caller.value.key?.strict === true;
    if (match.operation.kind === "local") return respondLocally(exchange, dialect, match, target.query, caller.value);
    const answer = isRelayed(match)
      ? await askRelayed(exchange, dialect, match, target.query, caller.value)
      : await ask(exchange, dialect, match, target.query, caller.value);
    if (!answer.ok) return refuse(exchange, dialect, answer.error);
    const relaying = relayAnswer(exchange, answer.value);
    if (relaying !== undefined) await relaying;
  } catch (bug) {
    deps.reportBug(bug, exchange.requestId);
    crash(exchange, dialect);
  } finally {
    deps.live.delete(exchange);
  }
}

/**
 * From the body to a provider's answer: read the head, resolve the model, authorise, plan, attempt. What it needed of the
 * request (raw bytes, parsed tree) is gone when it returns; a stream that lasts for an hour does not hold its prompt.
 */
async function ask(
  exchange: Exchange,
  dialect: ClientDialect,
  match: Match,
  query: URLSearchParams,
  caller: Caller,
): Promise<Result<Answer, Failure>> {
  const { config, request } = exchange;
  const raw = await request.readBody(config.server.bodyBytesMax);
  if (!raw.ok) return raw;
  exchange.requestBytes = raw.value.length;
  const wire = readWire(match, query, request.headers, raw.value);
  if (!wire.ok) return wire;
  const conversation = openConversation(exchange, dialect, wire.value);
  if (!conversation.ok) return conversation;
  const resolution = resolve(config, {
    model: exchange.model,
    providerHeader: request.headers["x-genai-provider"] ?? "",
    dialect: dialect.id,
    chat: true,
  });
  if (!resolution.ok) return resolution;
  const refusal = authorise(caller, resolution.value, exchange.model);
  if (refusal !== undefined) return fail(refusal);
  const credential = chooseCredential(resolution.value.provider, caller.own, caller.spending);
  if (!credential.ok) return credential;
  const planned = planChat(resolution.value, dialect.id, credential.value, canTranslateTo);
  if (!planned.ok) return planned;
  exchange.watchdog.set(
    "total",
    Math.min(planned.value.provider.timeouts.totalMs, conversation.value.patienceMs ?? Infinity),
  );
  // As a promise, what is returned would take two turns of the loop more.
  const answer = await runAttempts(exchange, [planned.value], (target) => {
    const carried = carryRequest(conversation.value, wire.value, target);
    return carried.ok ? makeAttempt(exchange, conversation.value, target, carried.value) : Promise.resolve(carried);
  });
  return answer;
}

/** The format a request is answered in: that of its path, on shared paths and for errors that of its headers. */
function surfaceOf(match: Match | MatchFailure, headers: Headers): ClientDialectId {
  const surface = match.kind === "match" ? match.operation.surface : match.surface;
  if (match.kind === "match" && match.operation.kind === "chat") {
    const sdk = surface === "gemini" ? undefined : headers["x-genai-sdk"];
    if (sdk === "anthropic") return "anthropic-messages";
    if (sdk === "openai" || sdk === "xai") {
      return match.path === "responses" ? "openai-responses" : "openai-chat";
    }
    return surface;
  }
  return surface === "openai-chat" ? (surfaceOfHeaders(headers) ?? surface) : surface;
}

function unmatched(match: MatchFailure, request: InboundRequest): Failure {
  const { pathname } = readTarget(request.target);
  if (match.kind === "method-not-allowed") {
    const message = `${request.method} is not a method of ${pathname}. It has: ${match.allow.join(", ")}.`;
    return failure("method_not_allowed", message, { allow: match.allow });
  }
  const message = `There is nothing at ${pathname}. The API is at /v1/chat/completions, /v1/responses, /v1/messages and /v1beta/models/{model}:generateContent.`;
  return failure("path_not_found", message);
}
