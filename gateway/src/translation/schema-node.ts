import { asArray, asObject, asString, compact, isObject, type Json, type JsonObject } from "../lib/json.ts";
import { isAbout, typesOf, valuesOf, writeOthers, writeValues } from "./schema-keywords.ts";
import { both, sizeOf, withoutAllOf, type Merging } from "./schema-merge.ts";
import { definitionName, referencesIn, referenceTo, resolveReference } from "./schema-references.ts";
import { silentKeywords } from "./schema-rules.ts";
import { change, note, writeNotes, type Notes, type SchemaState } from "./schema-state.ts";

/** Schemas that references may be unfolded into; a chain of definitions can be exponentially large. */
const UNFOLDED_MAX = 2000;

/** Schemas that are written, and parts that are merged: alternatives multiply what stands beside them. */
const STEPS_MAX = 20_000;
/** How deep schemas may lie in schemas; what is deeper may be anything. */
const DEPTH_MAX = 128;

/** The schema with the definitions that it refers to. */
export function writeDefinitions(state: SchemaState, schema: JsonObject): JsonObject {
  const definitions: [string, JsonObject][] = [];
  // Definitions may refer to more of them, which are found while these are written.
  for (const { name, schema: definition } of state.wanted.values()) {
    definitions.push([name, adaptNode(state, definition, `schema.$defs.${name}`)]);
  }
  return definitions.length === 0 ? schema : { ...schema, $defs: Object.fromEntries(definitions) };
}

/** One schema, as the rules have it. Booleans and what is no schema at all become `{}`, and so does what is too much. */
export function adaptNode(state: SchemaState, value: Json | undefined, path: string): JsonObject {
  if (!isObject(value)) return anything(state, path, value === true || value === undefined);
  if (state.depth >= DEPTH_MAX || !spend(state, 1)) return tooMuch(state, path);
  state.depth += 1;
  const reference = asString(value["$ref"]);
  const adapted =
    reference === undefined
      ? adaptPlain(state, withoutAllOf(value, mergingOf(state)), path)
      : adaptReference(state, value, reference, path);
  state.depth -= 1;
  return adapted;
}

function spend(state: SchemaState, steps: number): boolean {
  state.steps += steps;
  return state.steps <= STEPS_MAX;
}

function mergingOf(state: SchemaState): Merging {
  return {
    resolve: (reference) => unfold(state, asString(reference) ?? ""),
    spend: (steps) => spend(state, steps),
  };
}

function tooMuch(state: SchemaState, path: string): JsonObject {
  change(state, "size", path, "dropped", "the schema is too large or too deep");
  state.isFaithful = false;
  return anything(state, path, true);
}

function adaptReference(state: SchemaState, value: JsonObject, reference: string, path: string): JsonObject {
  const { $ref: _reference, ...own } = value;
  const { references } = state.rules;
  const isKept = references === "keep" || (references === "acyclic" && !state.recursive.has(reference));
  const name = isKept ? wantDefinition(state, reference) : undefined;
  if (name !== undefined) {
    const link: JsonObject = { $ref: referenceTo(name) };
    const description = asString(own["description"]);
    // Beside a reference nothing else may stand, so what is said about it goes around it.
    return description === undefined ? link : { description, anyOf: [link] };
  }
  const target = state.unfolding.includes(reference) ? undefined : unfold(state, reference);
  if (target === undefined) return cut(state, reference, path);
  state.unfolding.push(reference);
  const adapted = adaptNode(state, { ...target, ...own }, path);
  state.unfolding.pop();
  return adapted;
}

/** The name of the definition that a reference is to; undefined where it is not to a whole one. The root can be one as well. */
function wantDefinition(state: SchemaState, reference: string): string | undefined {
  const known = state.wanted.get(reference);
  if (known !== undefined) return known.name;
  const base = reference === "#" ? "root" : definitionName(reference);
  const schema = resolveReference(state.root, reference);
  if (base === undefined || schema === undefined) return undefined;
  let name = base;
  for (let count = 2; state.names.has(name); count += 1) name = `${base}_${count}`;
  state.names.add(name);
  state.wanted.set(reference, { name, schema });
  return name;
}

function unfold(state: SchemaState, reference: string): JsonObject | undefined {
  state.unfolded += 1;
  return state.unfolded > UNFOLDED_MAX ? undefined : resolveReference(state.root, reference);
}

/** Where a recursion is cut off, and where a reference leads nowhere, any object will do. */
function cut(state: SchemaState, reference: string, path: string): JsonObject {
  change(state, "$ref", path, "dropped", `\`$ref\` ${reference} cannot be followed any further`);
  state.isFaithful = false;
  return adaptPlain(state, { type: "object", ...(state.rules.objects === "closed" ? { properties: {} } : {}) }, path);
}

function anything(state: SchemaState, path: string, isAllowed: boolean): JsonObject {
  if (!isAllowed) change(state, "false", path, "dropped", "a schema that nothing satisfies");
  if (!isAllowed || state.rules.typed) state.isFaithful = false;
  return state.rules.typed ? { type: ["string", "number", "boolean", "null"] } : {};
}

/** A schema without `$ref` and `allOf`. */
function adaptPlain(state: SchemaState, source: JsonObject, path: string): JsonObject {
  const alternatives = alternativesOf(source);
  if (alternatives !== undefined) return adaptAlternatives(state, source, alternatives, path);
  const types = typesOf(source);
  if (state.rules.types === "single" && types.filter((type) => type !== "null").length > 1) {
    return splitTypes(state, source, types, path);
  }
  const values = valuesOf(state, source);
  const notes: Notes = new Map();
  const result: JsonObject = {};
  writeType(state, result, types, values, path);
  writeValues(state, result, source, values, notes, path);
  if (types.includes("object")) writeObject(state, result, source, path);
  if (types.includes("array")) writeArray(state, result, source, notes, path);
  writeOthers(state, result, source, notes, path);
  writeNotes(result, notes);
  return result;
}

/** Keywords that stay outside of alternatives, because they are about all of them. */
const commonKeywords: ReadonlySet<string> = new Set([
  "anyOf",
  "oneOf",
  "title",
  "description",
  "default",
  "examples",
  "example",
  "$defs",
  "definitions",
]);

/** Alternatives stand alone there: what the schema demands besides is demanded by each of them instead. */
function adaptAlternatives(
  state: SchemaState,
  source: JsonObject,
  alternatives: readonly Json[],
  path: string,
): JsonObject {
  const isCommon = ([keyword]: readonly [string, unknown]) =>
    commonKeywords.has(keyword) || silentKeywords.has(keyword);
  const { type, ...demands } = Object.fromEntries(Object.entries(source).filter((entry) => !isCommon(entry)));
  const common = Object.fromEntries(Object.entries(source).filter(isCommon));
  const all = source["nullable"] === true ? [...alternatives, { type: "null" }] : alternatives;
  const isSingle = state.rules.types === "single";
  const others = all.filter((each) => !isSingle || asObject(each)?.["type"] !== "null");
  const adapted = others.map((each, at) =>
    adaptNode(state, demanding(state, each, type, demands), `${path}.anyOf[${at}]`),
  );
  const notes: Notes = new Map();
  const result: JsonObject = {};
  writeOthers(state, result, common, notes, path);
  writeNotes(result, notes);
  if (others.length < all.length) result["nullable"] = true;
  const [only, ...more] = adapted;
  if (only === undefined) return { ...result, ...(isSingle ? { type: "NULL" } : {}) };
  return more.length === 0 && isSingle ? { ...only, ...result } : { ...result, anyOf: adapted };
}

/** An alternative that demands what stood beside it. */
function demanding(state: SchemaState, alternative: Json, type: Json | undefined, demands: JsonObject): Json {
  if (!isObject(alternative) || alternative["type"] === "null") return alternative;
  const hasDemands = Object.keys(demands).length > 0;
  const reference = asString(alternative["$ref"]);
  if (reference !== undefined && !hasDemands) return alternative;
  const { $ref: _reference, ...own } = alternative;
  const target = reference === undefined ? undefined : unfold(state, reference);
  const whole = target === undefined ? alternative : both(own, target);
  if (hasDemands && !spend(state, sizeOf(demands))) return alternative;
  return both(whole, type === undefined ? demands : { type, ...demands });
}

function alternativesOf(source: JsonObject): readonly Json[] | undefined {
  const alternatives = asArray(source["anyOf"]) ?? asArray(source["oneOf"]);
  return alternatives === undefined || alternatives.length === 0 ? undefined : alternatives;
}

/** One alternative for each of several types, with the keywords that are about it. */
function splitTypes(state: SchemaState, source: JsonObject, types: readonly string[], path: string): JsonObject {
  const { title, description, type: _type, nullable: _nullable, ...rest } = source;
  const anyOf = types
    .filter((type) => type !== "null")
    .map((type) => {
      const own = Object.entries(rest).filter(([keyword]) => isAbout(keyword, type));
      return adaptNode(state, { ...Object.fromEntries(own), type }, path);
    });
  return {
    ...compact({ title: asString(title), description: asString(description) }),
    ...(types.includes("null") ? { nullable: true } : {}),
    anyOf,
  };
}

function writeType(
  state: SchemaState,
  result: JsonObject,
  types: readonly string[],
  values: readonly Json[] | undefined,
  path: string,
): void {
  const [first, ...others] = types;
  if (state.rules.types === "single") {
    const main = types.find((type) => type !== "null") ?? first;
    if (main !== undefined) result["type"] = main.toUpperCase();
    if (main !== undefined && main !== "null" && types.includes("null")) result["nullable"] = true;
  } else if (first !== undefined) {
    result["type"] = others.length === 0 ? first : [...types];
  } else if (values === undefined && state.rules.typed) {
    Object.assign(result, anything(state, path, true));
  }
}

function writeObject(state: SchemaState, result: JsonObject, source: JsonObject, path: string): void {
  const { rules } = state;
  const properties = Object.entries(asObject(source["properties"]) ?? {});
  const names = properties.map(([name]) => name);
  const required = requiredNames(state, source, path);
  const adapted = properties.map(([name, property]): [string, JsonObject] => {
    const schema = adaptNode(state, property, `${path}.properties.${name}`);
    return [name, rules.allRequired && !required.has(name) ? nullable(state, schema, path) : schema];
  });
  if (source["properties"] !== undefined || rules.objects === "closed") {
    result["properties"] = Object.fromEntries(adapted);
  }
  const kept = rules.allRequired ? names : names.filter((name) => required.has(name));
  if (kept.length > 0 || rules.allRequired) result["required"] = kept;
  if (rules.propertyOrdering && names.length > 1) result["propertyOrdering"] = names;
  writeAdditional(state, result, source["additionalProperties"], names.length === 0, path);
}

/** The required properties. Gemini unrolls recursion, which only ends where it is optional. */
function requiredNames(state: SchemaState, source: JsonObject, path: string): ReadonlySet<Json> {
  const required = new Set(asArray(source["required"]) ?? []);
  if (!state.rules.propertyOrdering || state.recursive.size === 0) return required;
  if (!path.startsWith("schema.$defs.")) return required;
  for (const name of required) {
    const property = typeof name === "string" ? asObject(asObject(source["properties"])?.[name]) : undefined;
    const inner = property === undefined ? [] : [...referencesIn(property)];
    if (!inner.some((reference) => state.recursive.has(reference))) continue;
    required.delete(name);
    change(state, "required", path, "dropped", "a recursive property cannot be required");
  }
  return required;
}

/** OpenAI's strict schemas have no optional properties: null stands for an absent one. */
function nullable(state: SchemaState, schema: JsonObject, path: string): JsonObject {
  change(state, "optional", `${path}.required`, "emulated", "optional properties may be null instead");
  const { type, enum: values, anyOf, const: constant, ...rest } = schema;
  if (asArray(anyOf) !== undefined) {
    const alternatives = asArray(anyOf) ?? [];
    const hasNull = alternatives.some((each) => asObject(each)?.["type"] === "null");
    return hasNull ? schema : { ...schema, anyOf: [...alternatives, { type: "null" }] };
  }
  if (type === undefined || constant !== undefined) return { anyOf: [schema, { type: "null" }] };
  const types = [...new Set([...(asArray(type) ?? [type]), "null"])];
  const allowed = asArray(values);
  const withNull = allowed === undefined || allowed.includes(null) ? allowed : [...allowed, null];
  return { type: types, ...(withNull === undefined ? {} : { enum: withNull }), ...rest };
}

function writeAdditional(
  state: SchemaState,
  result: JsonObject,
  value: Json | undefined,
  isEmpty: boolean,
  path: string,
): void {
  const { objects } = state.rules;
  // An object that names no properties is meant to take any, unless it says otherwise.
  const isOpen = value === undefined ? isEmpty : value !== false;
  if (objects === "open") {
    if (value === undefined) return;
    result["additionalProperties"] =
      typeof value === "boolean" ? value : adaptNode(state, value, `${path}.additionalProperties`);
    return;
  }
  if (objects === "closed") {
    result["additionalProperties"] = false;
    if (isOpen) state.isFaithful = false;
  }
  const isLost = objects === "closed" ? isOpen && value !== undefined : isObject(value);
  if (isLost) change(state, "additionalProperties", path, "dropped", "`additionalProperties` cannot be said");
}

function writeArray(state: SchemaState, result: JsonObject, source: JsonObject, notes: Notes, path: string): void {
  const { rules } = state;
  const list = asArray(source["prefixItems"]) ?? asArray(source["items"]);
  const tuple = list?.length === 0 ? undefined : list;
  const items = Array.isArray(source["items"]) ? undefined : source["items"];
  if (tuple !== undefined && rules.prefixItems) {
    result["prefixItems"] = tuple.map((each, at) => adaptNode(state, each, `${path}.prefixItems[${at}]`));
    if (items !== undefined) result["items"] = adaptNode(state, items, `${path}.items`);
  } else if (tuple !== undefined) {
    // A list whose places differ, as a list of any of them.
    note(state, notes, "prefixItems", tuple, path);
    state.isFaithful = false;
    result["items"] = adaptNode(state, oneOrAny(tuple), `${path}.items`);
  } else if (items !== undefined) {
    result["items"] = adaptNode(state, items, `${path}.items`);
  } else if (rules.typed || rules.types === "single") {
    // These APIs refuse a list that does not say of what.
    if (rules.typed) result["items"] = anything(state, `${path}.items`, true);
    else result["items"] = { type: "STRING" };
  }
}

function oneOrAny(schemas: readonly Json[]): Json {
  const [first, ...others] = schemas;
  if (first === undefined) return {};
  return others.length === 0 ? first : { anyOf: [...schemas] };
}
