import { asArray, asObject, isObject, type Json, type JsonObject } from "../lib/json.ts";

/** How deep `allOf` may lie in `allOf`, and references in references. */
const MERGE_DEPTH_MAX = 32;
/** Parts of one `allOf` that are looked at. */
const PARTS_MAX = 1000;

/** What a merge needs to know of the schema as a whole. */
export type Merging = {
  /** What a part refers to. */
  resolve(reference: Json): JsonObject | undefined;
  /** False once enough has been merged: a small schema can demand an endless number of things. */
  spend(steps: number): boolean;
};

/**
 * A schema without `allOf`: what its parts demand, in one. Of keywords that two parts set differently the first stays, except
 * for properties, which must fit both. What is referred to again demands nothing more.
 */
export function withoutAllOf(schema: JsonObject, merging: Merging): JsonObject {
  return mergeParts(schema, merging, new Set(), 0);
}

function mergeParts(schema: JsonObject, merging: Merging, merged: Set<Json>, depth: number): JsonObject {
  const parts = asArray(schema["allOf"]);
  if (parts === undefined) return schema;
  const { allOf: _allOf, ...base } = schema;
  let whole: JsonObject = base;
  for (const part of parts.slice(0, PARTS_MAX)) {
    if (!isObject(part) || depth >= MERGE_DEPTH_MAX || !merging.spend(sizeOf(part))) continue;
    const { $ref, ...own } = part;
    if ($ref !== undefined && merged.has($ref)) {
      whole = both(whole, mergeParts(own, merging, merged, depth + 1));
      continue;
    }
    const target = $ref === undefined ? undefined : merging.resolve($ref);
    if ($ref !== undefined && target !== undefined) merged.add($ref);
    whole = both(whole, mergeParts(target === undefined ? part : both(own, target), merging, merged, depth + 1));
  }
  return whole;
}

/** What it costs to merge a schema. */
export function sizeOf(schema: JsonObject): number {
  return 1 + Object.keys(asObject(schema["properties"]) ?? {}).length;
}

/** One schema that demands what two do, as far as that can be said without `allOf`. */
export function both(first: JsonObject, second: JsonObject): JsonObject {
  const merged: JsonObject = { ...second, ...first };
  const properties = bothProperties(asObject(first["properties"]), asObject(second["properties"]));
  if (properties !== undefined) merged["properties"] = properties;
  const required = [...new Set([...(asArray(first["required"]) ?? []), ...(asArray(second["required"]) ?? [])])];
  if (required.length > 0) merged["required"] = required;
  const values = bothValues(asArray(first["enum"]), asArray(second["enum"]));
  if (values !== undefined) merged["enum"] = values;
  // `additionalProperties: false` of one part would forbid the properties of the other.
  if (properties !== undefined && first["additionalProperties"] !== second["additionalProperties"]) {
    delete merged["additionalProperties"];
  }
  return merged;
}

function bothProperties(first: JsonObject | undefined, second: JsonObject | undefined): JsonObject | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries(
    [...names].map((name): [string, Json | undefined] => {
      const one = Object.hasOwn(first, name) ? first[name] : undefined;
      const other = Object.hasOwn(second, name) ? second[name] : undefined;
      if (one === undefined || other === undefined) return [name, one ?? other];
      return [name, one === other ? one : { allOf: [one, other] }];
    }),
  );
}

/** Values that are in both lists; where there are none, the first list, since an empty one is refused. */
function bothValues(first: Json[] | undefined, second: Json[] | undefined): Json[] | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const allowed = new Set(second.map((value) => JSON.stringify(value)));
  const common = first.filter((value) => allowed.has(JSON.stringify(value)));
  return common.length === 0 ? first : common;
}

/** One schema that takes what either of several objects does: their properties together, required what all require. */
export function eitherObject(alternatives: readonly JsonObject[]): JsonObject {
  const properties = new Map<string, Map<string, Json>>();
  const required = new Map<string, number>();
  for (const alternative of alternatives) {
    for (const [name, property] of Object.entries(asObject(alternative["properties"]) ?? {})) {
      if (property === undefined) continue;
      const known = properties.get(name) ?? new Map<string, Json>();
      properties.set(name, known.set(JSON.stringify(property), property));
    }
    for (const name of new Set(asArray(alternative["required"])?.filter((each) => typeof each === "string"))) {
      required.set(name, (required.get(name) ?? 0) + 1);
    }
  }
  const requiredByAll = [...required].flatMap(([name, count]) => (count === alternatives.length ? [name] : []));
  return {
    type: "object",
    properties: Object.fromEntries([...properties].map(([name, schemas]) => [name, oneOrAny([...schemas.values()])])),
    ...(requiredByAll.length === 0 ? {} : { required: requiredByAll }),
  };
}

function oneOrAny(schemas: Json[]): Json | undefined {
  return schemas.length === 1 ? schemas[0] : { anyOf: schemas };
}
