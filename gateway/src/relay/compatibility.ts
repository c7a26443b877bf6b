import type { Failure } from "../canonical/failure.ts";
import { to11CountRefusal, to11ErrorCode, to11ProviderFailure } from "../routing/to11.ts";
import type { Exchange } from "./exchange-state.ts";
import type { Headers } from "./ports.ts";

/* Where the profile of the configuration changes what an exchange answers. Without a profile everything here is the identity. */

/** Under which ids the client finds its request again; on every answer. */
export function identityHeaders(exchange: Exchange): Record<string, string> {
  const { config, requestId } = exchange;
  if (config.compatibility !== "to11") return { "x-request-id": requestId };
  return { "x-request-id": requestId, "x-to11-request-id": requestId };
}

/** A failure as the profile tells it. */
export function toldFailure(exchange: Exchange, reason: Failure): Failure {
  if (exchange.config.compatibility !== "to11" || !isProviderFailure(exchange, reason)) return reason;
  return to11ProviderFailure(reason);
}

/** What the profile adds to an error's headers. The code is that of what happened, not of how it is told. */
export function errorHeaders(exchange: Exchange, reason: Failure): Headers {
  if (exchange.config.compatibility !== "to11") return {};
  const { provider } = exchange;
  return {
    "x-to11-error-code": to11ErrorCode(reason),
    ...(provider === undefined ? {} : { "x-to11-upstream-provider": provider }),
  };
}

/** Why an answer is not given under the profile: an estimate is no count. */
export function answerRefusal(exchange: Exchange, headers: Headers): Failure | undefined {
  const isEstimate = headers["x-dragoman-estimated"] !== undefined;
  return isEstimate && exchange.config.compatibility === "to11" ? to11CountRefusal(exchange.model) : undefined;
}

/** Whether a provider was asked and is to blame, or blames the request; not when we ended the call ourselves. */
function isProviderFailure(exchange: Exchange, reason: Failure): boolean {
  if (reason.class === "unavailable" || reason.class === "internal") return false;
  return reason.upstream !== undefined || exchange.attempts.at(-1)?.failure !== undefined;
}
