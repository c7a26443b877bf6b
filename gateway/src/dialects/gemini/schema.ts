import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../lib/json.ts";
import { field, list, number } from "./fields.ts";

/**
 * Google's `Schema` (OpenAPI 3.0 in protobuf: https://ai.google.dev/api/caching#Schema) as JSON Schema. It walks by position,
 * never by key name: a property may be called `properties`. Keywords that both share, and unknown ones, stay as they are.
 */
export function toJsonSchema(schema: Json | undefined): JsonObject {
  const source = asObject(schema);
  if (source === undefined) return {};
  const result: JsonObject = {};
  for (const [spelling, value] of Object.entries(source)) {
    if (value === undefined || value === null) continue;
    const keyword = camelCase(spelling);
    const convert = Object.hasOwn(converters, keyword) ? converters[keyword] : undefined;
    if (convert === undefined) result[spelling] = value;
    else Object.assign(result, convert(value, source));
  }
  return field(source, "nullable") === true ? withNull(result) : result;
}

type Converter = (value: Json, schema: JsonObject) => JsonObject;

const converters: Readonly<Record<string, Converter>> = {
  type: (value) => {
    const name = typeof value === "number" ? numberedTypes[value] : asString(value);
    const isKnown = name !== undefined && name !== "" && name !== "TYPE_UNSPECIFIED";
    return isKnown ? { type: name.toLowerCase() } : {};
  },
  // Said by the type or the alternatives instead.
  nullable: () => ({}),
  properties: (value, schema) => ({ properties: properties(asObject(value) ?? {}, schema) }),
  // Its meaning is the order of `properties`.
  propertyOrdering: () => ({}),
  items: (value) => ({ items: toJsonSchema(value) }),
  prefixItems: (value) => ({ prefixItems: list(value).map(toJsonSchema) }),
  anyOf: (value) => ({ anyOf: list(value).map(toJsonSchema) }),
  additionalProperties: (value) => ({ additionalProperties: isObject(value) ? toJsonSchema(value) : value }),
  example: (value) => ({ examples: [value] }),
  // Vertex AI's Schema has references, without the dollar sign.
  ref: (value) => ({ $ref: asString(value)?.replace(/^#\/defs\//, "#/$defs/") ?? value }),
  defs: (value) => ({ $defs: schemaMap(asObject(value) ?? {}) }),
  // int64 in protobuf, and therefore a string in its JSON.
  ...Object.fromEntries(
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties", "minimum", "maximum"].map(
      (keyword): [string, Converter] => [keyword, (value) => ({ [keyword]: number(value) ?? value })],
    ),
  ),
};

/** `Type` as protobuf numbers it. */
const numberedTypes = [
  "TYPE_UNSPECIFIED",
  "STRING",
  "NUMBER",
  "INTEGER",
  "BOOLEAN",
  "ARRAY",
  "OBJECT",
  "NULL",
] as const satisfies readonly string[];

function properties(members: JsonObject, schema: JsonObject): JsonObject {
  const ordering = list(field(schema, "propertyOrdering")).filter((name) => typeof name === "string");
  const ordered = ordering.filter((name) => Object.hasOwn(members, name));
  const names = new Set([...ordered, ...Object.keys(members)]);
  return schemaMap(Object.fromEntries([...names].map((name) => [name, members[name]])));
}

function schemaMap(members: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(members).map(([name, member]) => [name, toJsonSchema(member)]));
}

/** OpenAPI's `nullable` as JSON Schema says it: null among the types, the alternatives and the enumerated values. */
function withNull(schema: JsonObject): JsonObject {
  const result = { ...schema };
  const values = asArray(schema["enum"]);
  if (values !== undefined && !values.includes(null)) result["enum"] = [...values, null];
  const alternatives = asArray(schema["anyOf"]);
  if (typeof schema["type"] === "string") result["type"] = [schema["type"], "null"];
  else if (alternatives !== undefined) result["anyOf"] = [...alternatives, { type: "null" }];
  return result;
}

/** Keywords come in both spellings; those of JSON Schema itself have no underscore. */
function camelCase(keyword: string): string {
  return keyword.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
