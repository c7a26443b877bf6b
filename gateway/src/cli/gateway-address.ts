import type { Config } from "../config/config.ts";
import { variable, type Environment } from "../config/interpolate.ts";
import { fail, ok, type Result } from "../lib/result.ts";

/** Names the gateway that clients are to use, for the commands that are its clients. */
export const ADDRESS_VARIABLE = "DRAGOMAN_URL";

const DEFAULT_URL = "http://127.0.0.1:4000";

/** What clients on this machine call a listening address. One that means "all" is reached on the loopback. */
export function localUrl(address: { readonly host: string; readonly port: number }): string {
  const { host, port } = address;
  if (host === "0.0.0.0" || host === "::") return `http://127.0.0.1:${port}`;
  return `http://${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}

/**
 * The root of the gateway to use, without version and trailing slash: the command line's, else the environment's, else the
 * one that the configuration here would listen on. The configuration may be undefined: the gateway can run elsewhere, or
 * with credentials that this shell does not have. Fails with a sentence.
 */
export function gatewayUrl(
  named: string | undefined,
  environment: Environment,
  config: Config | undefined,
): Result<string, string> {
  const fromEnvironment = variable(environment, ADDRESS_VARIABLE);
  const written = named ?? (fromEnvironment === "" ? undefined : fromEnvironment);
  if (written === undefined) return ok(config === undefined ? DEFAULT_URL : localUrl(config.server));
  const url = URL.parse(written);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "") {
    const source = named === undefined ? ADDRESS_VARIABLE : "--gateway";
    return fail(`${source} is not the address of a gateway; one looks like ${DEFAULT_URL}`);
  }
  // Whoever copies a base URL out of an SDK has the version in it.
  const path = url.pathname.replace(/\/+$/, "").replace(/\/v1(?:beta)?$/, "");
  return ok(`${url.origin}${path}`);
}
