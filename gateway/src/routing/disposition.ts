import { failure, type Failure, type FailureClass } from "../canonical/failure.ts";

/*
 * The branch that belongs to a report: what to do about a provider's failure, and which failure the client is told of. One
 * exhaustive table; `relay/attempts.ts` asks it, nothing else decides about retries.
 */

export type Disposition = {
  /** Whether the same target may be asked again, after a back-off. */
  readonly retrySame: boolean;
  /** Whether another target may be asked. */
  readonly tryNext: boolean;
};

const never: Disposition = { retrySame: false, tryNext: false };
const elsewhere: Disposition = { retrySame: false, tryNext: true };
const anywhere: Disposition = { retrySame: true, tryNext: true };

export const dispositions = {
  // The caller's own mistake stays one wherever it is sent.
  "invalid-request": never,
  "context-length": never,
  "unsupported-parameter": never,
  "unsupported-operation": never,
  "content-policy": never,
  signature: never,
  "not-found": never,
  "too-large": never,
  // Another target has another credential.
  authentication: elsewhere,
  permission: elsewhere,
  billing: elsewhere,
  "managed-credential": elsewhere,
  "model-not-found": elsewhere,
  // Nothing listened: the same address will refuse again at once.
  unreachable: elsewhere,
  // Already waited long for this one.
  timeout: elsewhere,
  conflict: anywhere,
  "rate-limit": anywhere,
  overloaded: anywhere,
  server: anywhere,
  truncated: anywhere,
  unreadable: anywhere,
  // Ours; a provider attempt never ends with them, and if one did, repeating would not help.
  "method-not-allowed": never,
  "request-timeout": anywhere,
  "unsupported-encoding": never,
  "upgrade-required": never,
  budget: never,
  "headers-too-large": never,
  cancelled: never,
  internal: never,
  "not-implemented": never,
  unavailable: never,
} as const satisfies Record<FailureClass, Disposition>;

export function dispositionOf(of: Failure): Disposition {
  if (of.retryable === false) return { retrySame: false, tryNext: dispositions[of.class].tryNext };
  return dispositions[of.class];
}

/** Statuses that say something about the credential or its account, not about the request. */
const credentialStatuses = new Set([401, 402, 403, 409, 451]);
/** The caller's own mistake, whoever's credential it was. */
const keptStatuses = new Set([400, 404, 413, 422, 429]);

/**
 * What the client is told of a provider's failure, given whose credential was refused: a refused credential of ours is our
 * failure (502), the caller's own mistake keeps the provider's status, the rest is told by its class.
 */
export function concludeFailure(of: Failure, credential: "managed" | "caller" | "none"): Failure {
  const status = of.upstream?.status;
  if (status === undefined) return of;
  if (credential === "managed" && (credentialStatuses.has(status) || of.class === "authentication")) {
    const message = `The provider refused the gateway's own credential (status ${status}). Whoever runs the gateway has to mend it; sending the request again does not help.`;
    // Without the upstream's body: it may name the gateway's account, and it is not an answer to this caller.
    return failure("provider_rejected_managed_credential", message, { retryable: false });
  }
  const keeps = keptStatuses.has(status) || (credential !== "managed" && status >= 400 && status < 500);
  return keeps ? { ...of, status } : of;
}

/** Whether a client's SDK should repeat the request by itself: what `x-should-retry` says. */
export function isWorthRetrying(of: Failure, attempts: number): boolean {
  if (of.retryable !== undefined) return of.retryable;
  switch (of.class) {
    case "rate-limit":
    case "overloaded":
    case "unavailable":
    case "request-timeout":
    case "conflict":
      return true;
    case "server":
    case "truncated":
    case "unreadable":
    case "unreachable":
    case "timeout":
      // We have repeated it already; the SDK's repetitions would multiply ours.
      return attempts <= 1;
    default:
      return false;
  }
}
