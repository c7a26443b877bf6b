import { variable, type Environment } from "../config/interpolate.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { Secret } from "../lib/secret.ts";

/** Where a key is looked for when the command line names no other variable. */
export const KEY_VARIABLE = "DRAGOMAN_KEY";

/** What stands for a key where the gateway needs none: clients insist on having one. It counts as absent. */
export const PLACEHOLDER = "dragoman";

/** What a client presents to the gateway. `variable` is the environment variable the key was found in. */
export type GatewayKey =
  | { readonly kind: "key"; readonly variable: string; readonly secret: Secret }
  | { readonly kind: "placeholder" };

/** The key of the variable that was named, else of DRAGOMAN_KEY, else the placeholder. Never from the command line itself. */
export function chooseKey(named: string | undefined, environment: Environment): Result<GatewayKey, string> {
  const name = named ?? KEY_VARIABLE;
  // Somebody who gives the key itself must not see it again in a message, a log or a screenshot.
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || name.startsWith("dgm_")) {
    return fail("--key-env takes the name of an environment variable, never a key");
  }
  const value = variable(environment, name)?.trim() ?? "";
  if (value !== "") return ok({ kind: "key", variable: name, secret: new Secret(value) });
  return named === undefined ? ok({ kind: "placeholder" }) : fail(`the environment variable ${name} is not set`);
}

/** The text that goes into a request or a setting. */
export function keyText(key: GatewayKey): string {
  return key.kind === "key" ? key.secret.reveal() : PLACEHOLDER;
}
