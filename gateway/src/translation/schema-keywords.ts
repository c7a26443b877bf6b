import { asArray, asObject, asString, type Json, type JsonObject } from "../lib/json.ts";
import { keywordTypes, silentKeywords, structuralKeywords } from "./schema-rules.ts";
import { change, note, type Notes, type SchemaState } from "./schema-state.ts";

/** The types that a schema names, or that its keywords are about. `nullable` is OpenAPI's way to say null. */
export function typesOf(source: JsonObject): string[] {
  const named = (asArray(source["type"]) ?? [source["type"]]).flatMap((type) => asString(type)?.toLowerCase() ?? []);
  const known = named.filter((type) => typeNames.has(type));
  const types = known.length > 0 ? known : impliedTypes(source);
  return [...new Set(source["nullable"] === true && types.length > 0 ? [...types, "null"] : types)];
}

const typeNames: ReadonlySet<string> = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);

function impliedTypes(source: JsonObject): string[] {
  if (asObject(source["properties"]) !== undefined) return ["object"];
  if (source["items"] !== undefined || source["prefixItems"] !== undefined) return ["array"];
  const values = asArray(source["enum"]) ?? (source["const"] === undefined ? [] : [source["const"]]);
  return [...new Set(values.map(typeOfValue))];
}

function typeOfValue(value: Json | undefined): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}

/** `enum` and `const` as one list of allowed values. */
export function valuesOf({ rules }: SchemaState, source: JsonObject): readonly Json[] | undefined {
  const constant = source["const"];
  if (constant !== undefined) return rules.constants === "enum" ? [constant] : undefined;
  const values = asArray(source["enum"]);
  return values?.length === 0 ? undefined : values;
}

/** Whether a keyword says something of values of this type. */
export function isAbout(keyword: string, type: string): boolean {
  return !Object.hasOwn(keywordTypes, keyword) || keywordTypes[keyword]?.includes(type) === true;
}

/** `enum` and `const`, as far as the rules let their values be said. */
export function writeValues(
  state: SchemaState,
  result: JsonObject,
  source: JsonObject,
  values: readonly Json[] | undefined,
  notes: Notes,
  path: string,
): void {
  const { rules } = state;
  const constant = source["const"];
  if (values === undefined) {
    if (constant !== undefined) result["const"] = constant;
    return;
  }
  // Null is said by the type there.
  const isNullSaid = !includes(rules.enumValues, "null");
  const said = isNullSaid ? values.filter((value) => value !== null) : values;
  if (said.length > 0 && said.every((value) => includes(rules.enumValues, typeOfValue(value)))) {
    result["enum"] = [...said];
  } else if (said.length > 0) {
    note(state, notes, constant === undefined ? "enum" : "const", constant ?? [...values], path);
  }
}

function includes(list: readonly string[], each: string): boolean {
  return list.includes(each);
}

/** Keywords with plain values: kept, moved to the description, or left out without a word. */
export function writeOthers(
  state: SchemaState,
  result: JsonObject,
  source: JsonObject,
  notes: Notes,
  path: string,
): void {
  const { rules } = state;
  writeFormat(state, result, source, notes, path);
  if (source["anyOf"] !== undefined && source["oneOf"] !== undefined) {
    note(state, notes, "oneOf", source["oneOf"], path);
    state.isFaithful = false;
  }
  for (const [keyword, value] of Object.entries(source)) {
    if (value === undefined || structuralKeywords.has(keyword) || silentKeywords.has(keyword)) continue;
    const kind = Object.hasOwn(rules.keywords, keyword) ? rules.keywords[keyword] : undefined;
    const example =
      keyword === "examples" && Object.hasOwn(rules.keywords, "example") ? asArray(value)?.[0] : undefined;
    if (kind === "any" || (kind !== undefined && kind === typeof value)) result[keyword] = value;
    else if (example !== undefined) result["example"] = example;
    else if (Object.hasOwn(keywordTypes, keyword) || saidKeywords.has(keyword))
      note(state, notes, keyword, value, path);
    else change(state, keyword, `${path}.${keyword}`, "dropped", `\`${keyword}\` is not known there`);
    if (shapeKeywords.has(keyword)) state.isFaithful = false;
  }
}

/** Keywords that decide which properties and items there are, beyond what a description can make a strict model do. */
const shapeKeywords: ReadonlySet<string> = new Set([
  "patternProperties",
  "not",
  "if",
  "then",
  "else",
  "contains",
  "dependencies",
  "dependentSchemas",
  "dependentRequired",
  "propertyNames",
  "unevaluatedItems",
]);

/** Other keywords that a description can say. */
const saidKeywords: ReadonlySet<string> = new Set([
  ...shapeKeywords,
  "default",
  "example",
  "examples",
  "minContains",
  "maxContains",
  "contentEncoding",
  "contentMediaType",
]);

function writeFormat(state: SchemaState, result: JsonObject, source: JsonObject, notes: Notes, path: string): void {
  const { formats } = state.rules;
  const format = asString(source["format"]);
  if (format === undefined) return;
  if (formats === "all" || formats.includes(format)) result["format"] = format;
  else note(state, notes, "format", format, path);
}
