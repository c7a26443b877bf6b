import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../lib/json.ts";

/** The schema that a local reference (`#`, `#/$defs/Node`) points to; undefined for others and for those that lead nowhere. */
export function resolveReference(root: JsonObject, reference: string): JsonObject | undefined {
  if (reference === "#" || reference === "#/") return root;
  if (!reference.startsWith("#/")) return undefined;
  let value: Json | undefined = root;
  for (const token of reference.slice(2).split("/")) {
    const key = unescapeToken(token);
    if (Array.isArray(value)) value = value[Number(key)];
    else value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return asObject(value);
}

/** The name of the definition that a reference points to, where it points to a whole one. */
export function definitionName(reference: string): string | undefined {
  const token = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1];
  return token === undefined ? undefined : unescapeToken(token);
}

/** `name` as the last part of a reference. */
export function referenceTo(name: string): string {
  return `#/$defs/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** JSON Pointer (RFC 6901), in a URI fragment. */
function unescapeToken(token: string): string {
  return decoded(token).replaceAll("~1", "/").replaceAll("~0", "~");
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token; // A bare percent sign in a name: meant as it stands.
  }
}

/** Schemas looked at to find out which references are recursive; in larger ones all of them count as such. */
const SCHEMAS_MAX = 100_000;

/** The references of `root` that lead back to themselves, or lie between two that do. */
export function recursiveReferences(root: JsonObject): ReadonlySet<string> {
  const edges = referenceEdges(root);
  if (edges === undefined) return referencesIn(root);
  const forwards = leadingToCycles(edges);
  return new Set(leadingToCycles(reversed(forwards)).keys());
}

/** Which references stand in what each reference points to; undefined where that takes too long to find out. */
function referenceEdges(root: JsonObject): Map<string, ReadonlySet<string>> | undefined {
  const edges = new Map<string, ReadonlySet<string>>();
  const waiting = [...referencesIn(root)];
  let schemas = 0;
  for (let reference = waiting.pop(); reference !== undefined; reference = waiting.pop()) {
    if (edges.has(reference)) continue;
    const target = resolveReference(root, reference);
    const next = target === undefined ? new Set<string>() : referencesIn(target, () => (schemas += 1));
    if (schemas > SCHEMAS_MAX) return undefined;
    edges.set(reference, next);
    waiting.push(...next);
  }
  return edges;
}

/** What is left when references that lead nowhere are taken away, again and again: those on the way to a cycle. */
function leadingToCycles(edges: ReadonlyMap<string, ReadonlySet<string>>): Map<string, ReadonlySet<string>> {
  const back = reversed(edges);
  const open = new Map([...edges].map(([reference, next]) => [reference, next.size]));
  const ended = [...open].flatMap(([reference, count]) => (count === 0 ? [reference] : []));
  for (let reference = ended.pop(); reference !== undefined; reference = ended.pop()) {
    open.delete(reference);
    for (const before of back.get(reference) ?? []) {
      const count = (open.get(before) ?? 0) - 1;
      open.set(before, count);
      if (count === 0) ended.push(before);
    }
  }
  const kept = [...edges].filter(([reference]) => open.has(reference));
  return new Map(kept.map(([reference, next]) => [reference, next.intersection(open)]));
}

function reversed(edges: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const back = new Map([...edges.keys()].map((reference) => [reference, new Set<string>()]));
  for (const [reference, next] of edges) {
    for (const each of next) back.get(each)?.add(reference);
  }
  return back;
}

const namedSchemas = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
const schemaLists = ["anyOf", "oneOf", "allOf", "prefixItems", "items"];
const singleSchemas = ["items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"];

/** All references in a schema, by position: a property may be called `$ref`, and an example may look like a schema. */
export function referencesIn(schema: JsonObject, count: () => void = () => {}): ReadonlySet<string> {
  const found = new Set<string>();
  const seen = new Set<JsonObject>();
  const waiting: JsonObject[] = [schema];
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    // Merged schemas share parts.
    if (seen.has(each)) continue;
    seen.add(each);
    count();
    const reference = asString(each["$ref"]);
    if (reference !== undefined) found.add(reference);
    waiting.push(...childrenOf(each));
  }
  return found;
}

function childrenOf(schema: JsonObject): JsonObject[] {
  return [
    ...namedSchemas.flatMap((keyword) => Object.values(asObject(schema[keyword]) ?? {})),
    ...schemaLists.flatMap((keyword) => asArray(schema[keyword]) ?? []),
    ...singleSchemas.map((keyword) => schema[keyword]),
  ].filter(isObject);
}
