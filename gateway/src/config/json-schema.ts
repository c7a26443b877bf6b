import { z } from "zod";
import { isObject, type Json, type JsonObject } from "../lib/json.ts";
import { fileSchema } from "./schema.ts";

/** The JSON Schema of the configuration file, for editors; committed as docs/dragoman.schema.json. */
export function configJsonSchema(): JsonObject {
  const generated: unknown = z.toJSONSchema(fileSchema, { io: "input", target: "draft-2020-12" });
  const schema = isObject(generated) ? generated : {};
  const { $schema, ...rest } = schema;
  return {
    ...($schema === undefined ? {} : { $schema }),
    title: "Dragoman configuration",
    description: "The file dragoman.yaml; docs/configuration.md explains it.",
    ...rest,
  };
}

/** A key of the file: `server.port`, `providers.<id>.models[].upstream_id`. */
export type ConfigKey = { readonly path: string; readonly description: string; readonly default: Json | undefined };

let keys: readonly ConfigKey[] | undefined;

/** Every key of the file in reading order, sections included. Made on first use: a file without mistakes needs none. */
export function configKeys(): readonly ConfigKey[] {
  return (keys ??= keysBelow(configJsonSchema(), ""));
}

function keysBelow(schema: JsonObject, path: string): ConfigKey[] {
  const found: ConfigKey[] = [];
  for (const [key, member] of Object.entries(isObject(schema["properties"]) ? schema["properties"] : {})) {
    if (!isObject(member)) continue;
    const below = path === "" ? key : `${path}.${key}`;
    const description = typeof member["description"] === "string" ? member["description"] : "";
    found.push({ path: below, description, default: member["default"] }, ...keysBelow(member, below));
  }
  if (isObject(schema["additionalProperties"]))
    found.push(...keysBelow(schema["additionalProperties"], `${path}.<id>`));
  if (isObject(schema["items"])) found.push(...keysBelow(schema["items"], `${path}[]`));
  for (const option of Array.isArray(schema["anyOf"]) ? schema["anyOf"] : []) {
    if (isObject(option)) found.push(...keysBelow(option, path));
  }
  return found;
}

/** The names that may stand in the map at `path` (`["server"]`, `["keys", 0]`); empty where there is no such map. */
export function knownKeysAt(path: readonly (string | number)[]): readonly string[] {
  const general = path.map((step, index) => {
    if (typeof step === "number") return "[]";
    return index === 1 && path[0] === "providers" ? ".<id>" : `.${step}`;
  });
  const prefix = path.length === 0 ? "" : `${general.join("").slice(1)}.`;
  return configKeys()
    .filter((key) => key.path.startsWith(prefix) && /^[^.[]+$/.test(key.path.slice(prefix.length)))
    .map((key) => key.path.slice(prefix.length));
}
