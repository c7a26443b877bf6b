import { failure, type Failure } from "../canonical/failure.ts";
import type { ClientDialect } from "../dialects/dialect.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { authorise, type Caller } from "../limits/identify.ts";
import type { RelayedMatch } from "../operations/table.ts";
import { chooseCredential, type ChosenCredential } from "../routing/credentials.ts";
import { onlyProviderNamed, resolveOperation } from "../routing/operation-provider.ts";
import { planRelayed, type Target } from "../routing/plan.ts";
import { resolve, type Resolution } from "../routing/resolve.ts";
import { sessionOf } from "../routing/session.ts";
import type { Answer } from "./attempt.ts";
import { runAttempts } from "./attempts.ts";
import { patienceMs } from "./conversation.ts";
import type { Exchange } from "./exchange-state.ts";
import type { ModelWriter } from "./form-upload.ts";
import { countLocally } from "./local-answer.ts";
import { makeRelayedAttempt, type RelayedCall } from "./relayed-attempt.ts";
import { openRelayed, type RelayedRequest } from "./relayed-request.ts";

/**
 * From the body to a provider's answer, of an operation that is passed on in the format it came in: what `ask` is to a
 * conversation. Which operation it is only shows in its row.
 */
export async function askRelayed(
  exchange: Exchange,
  dialect: ClientDialect,
  match: RelayedMatch,
  query: URLSearchParams,
  caller: Caller,
): Promise<Result<Answer, Failure>> {
  const early = onlyProviderNamed(exchange.config, providerHeader(exchange)) !== undefined;
  const request = await openRelayed(exchange, match, query, early);
  if (!request.ok) return request;
  exchange.model = request.value.model ?? "";
  exchange.session = sessionOf(exchange.request.headers, undefined);
  const call = openCall(exchange, dialect, match, query, request.value);
  const answer = await answerOf(exchange, call, caller);
  if (!answer.ok) request.value.close();
  return answer;
}

function openCall(
  exchange: Exchange,
  dialect: ClientDialect,
  match: RelayedMatch,
  query: URLSearchParams,
  request: RelayedRequest,
): RelayedCall {
  const head = { model: request.model ?? "", stream: request.stream, candidates: 1, includeUsage: true };
  const client = {
    dialect: dialect.id,
    head,
    framing: "sse",
    echo: {},
    agent: exchange.agent,
    requestId: exchange.requestId,
    createdAt: Math.floor(exchange.startedWall / 1000),
  } as const;
  exchange.client = client;
  return { match, query, dialect, client, request, patienceMs: patienceMs(exchange.request.headers) };
}

async function answerOf(exchange: Exchange, call: RelayedCall, caller: Caller): Promise<Result<Answer, Failure>> {
  const { match, request } = call;
  const { operation } = match;
  const resolution = locate(exchange, call, caller);
  if (!resolution.ok) return resolution;
  const credential = chooseCredential(resolution.value.provider, caller.own, caller.spending);
  if (!credential.ok) return credential;
  const shared = sharedAccount(match, caller, credential.value, resolution.value);
  if (shared !== undefined) return fail(shared);
  const planned = planRelayed(resolution.value, operation, credential.value);
  if (!planned.ok) return planned;
  if (planned.value === "count-here") {
    if (request.wire === undefined) throw new Error(`${operation.id} counts a body that it does not take`);
    return countLocally(operation.id, request.wire);
  }
  const target = planned.value;
  const totalMs = Math.min(target.provider.timeouts.totalMs, call.patienceMs ?? Infinity);
  exchange.watchdog.set("total", totalMs);
  const attempt = (each: Target) => {
    const carried = request.carry(each.upstreamModel, modelWriter(exchange, call, caller, each));
    return carried.ok ? makeRelayedAttempt(exchange, call, each, carried.value) : Promise.resolve(carried);
  };
  return runAttempts(exchange, [target], attempt, (failed) => mayRepeat(match, failed));
}

/** What must not be done twice is tried again only where the provider has seen nothing of it. */
function mayRepeat({ operation }: RelayedMatch, failed: Failure): boolean {
  return operation.repeatable || failed.class === "unreachable";
}

/** The provider, by model where one is named. */
function locate(exchange: Exchange, call: RelayedCall, caller: Caller): Result<Resolution, Failure> {
  const { request, match } = call;
  const { operation } = match;
  const namesNone = request.model === undefined || operation.model === "none";
  if (namesNone || (request.model === "" && operation.modelOptional === true)) {
    return resolveOperation(exchange.config, operation, providerHeader(exchange));
  }
  return resolveModel(exchange, call, caller, request.model ?? "");
}

function resolveModel(
  exchange: Exchange,
  { dialect, match }: RelayedCall,
  caller: Caller,
  model: string,
): Result<Resolution, Failure> {
  const resolution = resolve(exchange.config, {
    model,
    providerHeader: providerHeader(exchange),
    dialect: dialect.id,
    chat: match.operation.countsTokens === true,
  });
  if (!resolution.ok) return resolution;
  const refusal = authorise(caller, resolution.value, model);
  return refusal === undefined ? resolution : fail(refusal);
}

/**
 * The name that a target's provider has for the model of a form. Of a form that is sent while it is still coming, the model is
 * first seen here, and refused here too: the provider then never gets the end of the form.
 */
function modelWriter(exchange: Exchange, call: RelayedCall, caller: Caller, target: Target): ModelWriter {
  if (call.request.model !== undefined) return () => ok(target.upstreamModel);
  return (model) => {
    exchange.model = model;
    const resolution = resolveModel(exchange, call, caller, model);
    if (!resolution.ok) return resolution;
    if (resolution.value.provider === target.provider) {
      exchange.upstreamModel = resolution.value.upstreamModel;
      return ok(resolution.value.upstreamModel);
    }
    const message = `The header x-genai-provider says "${target.provider.id}", but the model is written "${model}".`;
    return fail(failure("model_conflict", message, { param: "model" }));
  };
}

/**
 * Ids of files, batches and stored responses are known to whoever can list them, and an account of the gateway's would be
 * every key holder's. Without keys there is one user.
 */
function sharedAccount(
  { operation }: RelayedMatch,
  caller: Caller,
  credential: ChosenCredential,
  { provider }: Resolution,
): Failure | undefined {
  if (operation.model !== "none" || !caller.spending.keysDefined || credential.kind === "caller") return undefined;
  const message = `The ids of ${operation.id} at "${provider.id}" would be shared by every key of this gateway, so the gateway's own account is not used for them. Send your own key for "${provider.id}" next to the gateway key.`;
  return failure("shared_account", message);
}

function providerHeader(exchange: Exchange): string {
  return exchange.request.headers["x-genai-provider"] ?? "";
}
