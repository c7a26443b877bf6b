import { failure, type Failure } from "../canonical/failure.ts";
import type { Config, GatewayKey } from "../config/config.ts";
import type { Secret } from "../lib/secret.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { readCredentials, type OwnCredential, type Spending } from "../routing/credentials.ts";
import { matchesPattern, type Resolution } from "../routing/resolve.ts";
import { isGatewayKeyShape, verifyKey, type KeyStore } from "./keys.ts";

/** Who is asking: a key of the gateway's, the caller's own provider credential, both, or neither. */
export type Caller = {
  readonly key: GatewayKey | undefined;
  /** The key's project; without keys a label that the caller chose. */
  readonly project: string | undefined;
  readonly own: OwnCredential | undefined;
  readonly spending: Spending;
};

const PROJECT_CHARACTERS_MAX = 64;

/** Reads and verifies what a request presents. `queryKey` is `?key=` where the API has it. */
export function identify(
  headers: { readonly [name: string]: string | undefined },
  queryKey: string | undefined,
  config: Config,
  store: KeyStore,
  wallMs: number,
): Result<Caller, Failure> {
  const presented = readCredentials(headers, queryKey, isGatewayKeyShape);
  if (!presented.ok) return presented;
  const { gatewayKey, unknownInGatewayHeader, own } = presented.value;
  const keysDefined = config.keys.length > 0;
  if (keysDefined && unknownInGatewayHeader) return fail(invalidKey("The gateway key header holds something else."));
  const key = gatewayKey === undefined ? ok(undefined) : verify(gatewayKey, store, wallMs);
  if (!key.ok) return key;
  if (key.value === undefined && config.requireKeys) {
    return fail(
      failure("missing_credential", "This gateway answers only to its own keys (dgm_…); the request carries none."),
    );
  }
  const project = projectOf(headers, key.value, keysDefined);
  if (!project.ok) return project;
  const loopback = isLoopback(config.server.host);
  return ok({
    key: key.value,
    project: project.value,
    own,
    spending: { keyed: key.value !== undefined, keysDefined, loopback },
  });
}

/** Whether a key may use what its model name came to. Patterns match the bare id, and every written address of it. */
export function authorise(caller: Caller, resolution: Resolution, written: string): Failure | undefined {
  const { key } = caller;
  if (key === undefined || key.models.includes("*")) return undefined;
  const names = [resolution.modelId, resolution.address, `${resolution.provider.id}/${resolution.modelId}`, written];
  if (key.models.some((pattern) => names.some((name) => matchesPattern(pattern, name)))) return undefined;
  const message = `The key "${key.name}" may not use the model "${written}". It may use: ${key.models.join(", ") || "nothing"}.`;
  return failure("model_not_allowed", message, { param: "model" });
}

function verify(presented: Secret, store: KeyStore, wallMs: number): Result<GatewayKey, Failure> {
  const verified = verifyKey(presented.reveal(), store, wallMs);
  if (verified.ok) return verified;
  // Our own trouble must not send people hunting through their keys.
  if (verified.error === "unavailable") {
    return fail(failure("store_unavailable", "The gateway cannot look up keys at the moment. Try again shortly."));
  }
  const why =
    verified.error === "expired" ? "It has expired." : verified.error === "revoked" ? "It has been revoked." : "";
  return fail(invalidKey(why));
}

function invalidKey(why: string): Failure {
  const message = ["The gateway key is not valid.", why, "Make one with: dragoman keys create NAME"];
  return failure("invalid_gateway_key", message.filter((part) => part !== "").join(" "));
}

function projectOf(
  headers: { readonly [name: string]: string | undefined },
  key: GatewayKey | undefined,
  keysDefined: boolean,
): Result<string | undefined, Failure> {
  const written = headers["x-dragoman-project-id"] ?? headers["x-to11-project-id"];
  if (key !== undefined) {
    if (written === undefined || written === key.project) return ok(key.project);
    const message = `The key "${key.name}" belongs to the project "${key.project}", the request names "${written.slice(0, PROJECT_CHARACTERS_MAX)}".`;
    return fail(failure("project_mismatch", message));
  }
  // A caller without a key cannot speak for a project once there are keys to speak for them.
  if (written === undefined || keysDefined) return ok(undefined);
  if (written.length > PROJECT_CHARACTERS_MAX) {
    const message = `x-dragoman-project-id has ${written.length} characters; ${PROJECT_CHARACTERS_MAX} are allowed.`;
    return fail(failure("invalid_parameter", message, { param: "x-dragoman-project-id" }));
  }
  return ok(written);
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return (
    host === "127.0.0.1" ||
    host === "localhost" ||
    host === "::1" ||
    host === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(host)
  );
}
