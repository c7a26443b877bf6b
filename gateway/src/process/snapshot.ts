import type { Config } from "../config/config.ts";
import { isObject, type Json, type JsonObject } from "../lib/json.ts";
import { Secret } from "../lib/secret.ts";

/** Marks a secret on its way to a worker; no configuration key looks like it. */
const SECRET_KEY = "$secret";

/**
 * A configuration as a message to a worker of the same machine. Secrets go along in the clear: the channel is a pipe between a
 * process and its child, and the child has the environment they came from.
 */
export function encodeSnapshot(config: Config): Json {
  return encode(config);
}

export function decodeSnapshot(snapshot: Json): Config {
  return decode(snapshot) as Config;
}

function encode(value: unknown): Json {
  if (value instanceof Secret) return { [SECRET_KEY]: value.reveal() };
  if (Array.isArray(value)) return value.map(encode);
  if (!isObject(value)) return (value ?? null) as Json;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) result[key] = encode(member);
  }
  return result;
}

function decode(value: Json | undefined): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(decode));
  if (!isObject(value)) return value;
  const secret = value[SECRET_KEY];
  if (typeof secret === "string") return new Secret(secret);
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decode(member)])));
}
