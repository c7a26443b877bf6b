import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import type { Config } from "../config/config.ts";
import type { Loader } from "../config/load.ts";
import { variable } from "../config/interpolate.ts";
import { ok, type Result } from "../lib/result.ts";
import type { ClientFacts } from "./clients/client.ts";
import { gatewayUrl, localUrl } from "./gateway-address.ts";
import type { ReachedGateway } from "./gateway-client.ts";
import { chooseKey, type GatewayKey } from "./gateway-key.ts";
import { readSettings } from "./settings/files.ts";

/** How the commands that talk to a gateway are told which one, as whom, and about which model. */
export type GatewayOptions = { readonly gateway?: string; readonly keyEnv?: string; readonly model?: string };

/** Which gateway, and what to present to it. `config` is the configuration here, where it is that gateway's. */
export type GatewayChoice = { readonly url: string; readonly key: GatewayKey; readonly config: Config | undefined };

/** Fails with a sentence about the command line or the environment. */
export function chooseGateway(options: GatewayOptions, loader: Loader): Result<GatewayChoice, string> {
  const { environment } = loader;
  const loaded = loader.load();
  const config = loaded.ok ? loaded.value : undefined;
  const url = gatewayUrl(options.gateway, environment, config);
  if (!url.ok) return url;
  const key = chooseKey(options.keyEnv, environment);
  if (!key.ok) return key;
  const isOwn = config !== undefined && localUrl(config.server) === url.value;
  return ok({ url: url.value, key: key.value, config: isOwn ? config : undefined });
}

/** What will go wrong later although everything answers now. */
export function choiceWarnings({ config, key }: GatewayChoice): readonly string[] {
  if (key.kind === "key" || config === undefined || config.keys.length === 0) return [];
  return ["The configuration has gateway keys, and DRAGOMAN_KEY holds none: calls without a key may be refused (401)."];
}

/** Everything that the settings of a client follow from, this machine included. */
export function clientFacts(
  gateway: ReachedGateway,
  model: string | undefined,
  loader: Loader,
  platform: string,
): ClientFacts {
  const { environment } = loader;
  return {
    url: gateway.url,
    key: gateway.key,
    model,
    models: gateway.models,
    environment,
    home: variable(environment, "HOME") || variable(environment, "USERPROFILE") || homedir(),
    platform,
    readText: (file) => {
      const read = readSettings(file);
      return read.ok ? read.value : "";
    },
    namesIn,
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A client that has never run here has no folder yet.
    return [];
  }
}
