import type { Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { Secret } from "../lib/secret.ts";
import { applyCredential } from "../providers/auth.ts";
import type { AuthScheme, Provider } from "../providers/provider.ts";
import { operationId } from "../providers/urls.ts";
import type { ChosenCredential } from "../routing/credentials.ts";
import type { Target } from "../routing/plan.ts";
import type { Exchange } from "./exchange-state.ts";
import type { UpstreamCall } from "./ports.ts";
import { deadlineFailure } from "./upstream-call.ts";

/**
 * A complete call with the credential that was chosen for it. Some schemes sign all of it, so this comes last; some need an
 * access token first, and only then does it wait.
 */
export function authorise(
  exchange: Exchange,
  target: Target,
  call: UpstreamCall,
): Result<UpstreamCall, Failure> | Promise<Result<UpstreamCall, Failure>> {
  const { provider, credential } = target;
  if (credential.kind === "none") return ok(call);
  const scheme = schemeOf(provider, credential, target);
  const apply = (secret: Secret) => ok(applyCredential(call, scheme, secret, exchange.deps.clock.wall()));
  if (scheme.type !== "google" || credential.kind === "caller") return apply(credential.secret);
  const token = exchange.deps.tokens.get(credential.secret);
  if (!("then" in token)) return apply(token);
  return whileWaited(exchange, token).then((fetched) => (fetched.ok ? apply(fetched.value) : fetched));
}

/** The provider did not accept the token: another one is fetched for the next request. */
export function forgetToken(exchange: Exchange, { provider, credential }: Target): void {
  if (provider.auth.type === "google" && credential.kind === "managed") exchange.deps.tokens.forget(credential.secret);
}

function schemeOf(provider: Provider, credential: ChosenCredential, { operation }: Target): AuthScheme {
  const own = provider.operationAuth?.[operationId(operation)];
  return own ?? (credential.kind === "caller" ? callerScheme(provider, credential.place) : provider.auth);
}

/**
 * A caller's own credential goes up the way it came where the provider knows that way: an Anthropic OAuth token is only
 * good as Bearer, an API key also as `x-api-key`. Everything else goes up as the provider wants it.
 */
function callerScheme(provider: Provider, place: string): AuthScheme {
  if (
    place === "bearer" &&
    provider.dialects.some((dialect) => dialect === "anthropic-messages" || dialect === "gemini")
  ) {
    return { type: "bearer" };
  }
  return provider.auth;
}

/** A client that leaves, or whose time is over, does not wait on. The token is fetched all the same, for the others. */
function whileWaited(
  { watchdog, handle }: Exchange,
  token: Promise<Result<Secret, Failure>>,
): Promise<Result<Secret, Failure>> {
  return new Promise((resolve, reject) => {
    watchdog.listen((name) => resolve(fail(deadlineFailure(name))));
    const abort = (reason: Failure): void => resolve(fail(reason));
    handle.abort = abort;
    token.then(resolve, reject);
  });
}
