import { isObject, type JsonObject } from "../lib/json.ts";
import type { Config } from "./config.ts";

/*
 * A profile sets the defaults of settings that the file leaves out; whatever the file says itself wins. Behaviours that no
 * setting stands for ask `config.compatibility`.
 */

/** The names of `compatibility`. */
export const profileNames = ["none", "to11"] as const satisfies readonly Config["compatibility"][];

type Profile = {
  /** As the file would write them. */
  readonly defaults: JsonObject;
  /** Of every provider, those from the environment included. */
  readonly providerDefaults: { readonly timeout_ms?: number };
};

/** What to11 documents, setting by setting: docs/compatibility.md has each with its reason. */
const profiles: Readonly<Record<Config["compatibility"], Profile>> = {
  none: { defaults: {}, providerDefaults: {} },
  to11: {
    defaults: { demo: false, errors: { dialect: "plain" }, retry: { max_retries: 0 } },
    providerDefaults: { timeout_ms: 30_000 },
  },
};

/** The profile that a file names; one that does not exist is the schema's to complain of. */
export function profileOf(written: unknown): Profile {
  const name = isObject(written) ? written["compatibility"] : undefined;
  return profiles[profileNames.find((known) => known === name) ?? "none"];
}

/** The file with what its profile says where it says nothing itself. */
export function withProfile(written: unknown): unknown {
  if (!isObject(written)) return written;
  const { defaults, providerDefaults } = profileOf(written);
  const { providers } = written;
  const completed = completedWith(written, defaults);
  if (!isObject(providers)) return completed;
  const each = Object.entries(providers).map(([id, provider]) => [
    id,
    isObject(provider) ? { ...providerDefaults, ...provider } : provider,
  ]);
  return { ...completed, providers: Object.fromEntries(each) };
}

function completedWith(written: JsonObject, defaults: JsonObject): JsonObject {
  const completed: JsonObject = { ...written };
  for (const [name, value] of Object.entries(defaults)) {
    const present = completed[name];
    if (present === undefined) completed[name] = value;
    else if (isObject(present) && isObject(value)) completed[name] = completedWith(present, value);
  }
  return completed;
}
