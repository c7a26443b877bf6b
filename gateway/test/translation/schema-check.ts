import { isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { SchemaTarget } from "../../src/translation/json-schema.ts";

/*
 * What each API says of a schema, written down a second time and checked from the outside. It knows nothing of how the
 * translation works; only the lists of keywords come from the same documentation.
 */

const common = ["type", "title", "description", "enum", "properties", "required", "items", "anyOf"];
const linked = [...common, "$ref", "$defs"];

const bounds = ["minimum", "maximum", "minItems", "maxItems"];

const allowedKeywords: Partial<Record<SchemaTarget, readonly string[]>> = {
  "openai-strict": linked.concat(bounds, [
    "const",
    "format",
    "additionalProperties",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "pattern",
  ]),
  "anthropic-strict": linked.concat(["const", "format", "additionalProperties"]),
  "gemini-json-schema": linked.concat(bounds, ["format", "prefixItems", "additionalProperties", "propertyOrdering"]),
  "gemini-schema": common.concat(
    bounds,
    ["format", "nullable", "minLength", "maxLength", "pattern", "minProperties", "maxProperties"],
    ["default", "example", "propertyOrdering"],
  ),
};

const typeNames = ["string", "number", "integer", "boolean", "object", "array", "null"];

/** Everything that `target` would refuse about `schema`. */
export function schemaProblems(schema: JsonObject, target: SchemaTarget): string[] {
  const problems: string[] = [];
  const isGemini = target.startsWith("gemini");
  if (!isGemini) {
    if (schema["type"] !== "object") problems.push("the root is no object");
    for (const keyword of ["anyOf", "oneOf", "allOf", "not", "enum", "$ref"]) {
      if (Object.hasOwn(schema, keyword)) problems.push(`the root has ${keyword}`);
    }
  }
  if (target === "openai" || target === "anthropic") return problems;
  checkNode(schema, "#", { target, root: schema, problems });
  if (target === "anthropic-strict" && isRecursive(schema)) problems.push("recursive");
  return problems;
}

type Checking = { readonly target: SchemaTarget; readonly root: JsonObject; readonly problems: string[] };

function checkNode(node: Json | undefined, path: string, checking: Checking): void {
  const { target, problems } = checking;
  if (!isObject(node)) {
    problems.push(`${path} is no schema`);
    return;
  }
  const allowed = allowedKeywords[target] ?? [];
  for (const keyword of Object.keys(node)) {
    if (!allowed.includes(keyword)) problems.push(`${path} has ${keyword}`);
  }
  const isStrict = target.endsWith("strict");
  if (typeof node["$ref"] === "string") checkReference(node, node["$ref"], path, checking);
  else if (isStrict && !["type", "anyOf", "enum", "const"].some((keyword) => Object.hasOwn(node, keyword))) {
    problems.push(`${path} says no type`);
  }
  checkType(node, path, checking);
  checkValues(node, path, checking);
  checkObject(node, path, checking);
  checkChildren(node, path, checking);
}

function checkReference(node: JsonObject, reference: string, path: string, { root, problems }: Checking): void {
  const name = reference.replace("#/$defs/", "").replaceAll("~1", "/").replaceAll("~0", "~");
  const definitions = root["$defs"];
  if (!isObject(definitions) || !Object.hasOwn(definitions, name)) problems.push(`${path} refers to nothing`);
  if (Object.keys(node).some((keyword) => keyword !== "$ref" && keyword !== "$defs")) {
    problems.push(`${path} has something beside its reference`);
  }
}

function checkType(node: JsonObject, path: string, { target, problems }: Checking): void {
  const { type } = node;
  if (type === undefined) return;
  if (target === "gemini-schema") {
    const isKnown = typeof type === "string" && typeNames.some((name) => name.toUpperCase() === type);
    if (!isKnown) problems.push(`${path} has the type ${JSON.stringify(type)}`);
    if (type === "ARRAY" && !isObject(node["items"])) problems.push(`${path} is a list of nothing`);
    return;
  }
  const names = Array.isArray(type) ? type : [type];
  const areKnown = names.length > 0 && names.every((name) => typeof name === "string" && typeNames.includes(name));
  if (!areKnown || new Set(names).size < names.length) problems.push(`${path} has the type ${JSON.stringify(type)}`);
}

function checkValues(node: JsonObject, path: string, { target, problems }: Checking): void {
  const values = node["enum"];
  if (values === undefined) return;
  const types: Partial<Record<SchemaTarget, readonly string[]>> = {
    "gemini-schema": ["string"],
    "gemini-json-schema": ["string", "number"],
  };
  const allowed = types[target] ?? ["string", "number", "boolean", "object"];
  if (!Array.isArray(values) || values.length === 0) problems.push(`${path} has an empty enum`);
  else if (!values.every((value) => allowed.includes(typeof value) && !isObject(value) && !Array.isArray(value))) {
    problems.push(`${path} has enum values of a wrong type`);
  }
}

function checkObject(node: JsonObject, path: string, { target, problems }: Checking): void {
  const properties = node["properties"];
  const names = isObject(properties) ? Object.keys(properties) : [];
  const required = Array.isArray(node["required"]) ? node["required"] : [];
  if (!required.every((name) => typeof name === "string" && names.includes(name))) {
    problems.push(`${path} requires what it does not have`);
  }
  const isObjectType = node["type"] === "object" || (Array.isArray(node["type"]) && node["type"].includes("object"));
  if (!isObjectType || !target.endsWith("strict")) return;
  if (node["additionalProperties"] !== false) problems.push(`${path} is open`);
  if (target === "openai-strict" && names.length !== required.length) problems.push(`${path} has optional properties`);
}

function checkChildren(node: JsonObject, path: string, checking: Checking): void {
  for (const keyword of ["properties", "$defs"]) {
    const members = node[keyword];
    if (members === undefined) continue;
    if (!isObject(members)) checking.problems.push(`${path}/${keyword} is no object`);
    else for (const [name, each] of Object.entries(members)) checkNode(each, `${path}/${keyword}/${name}`, checking);
  }
  for (const keyword of ["anyOf", "prefixItems"]) {
    const list = node[keyword];
    if (list === undefined) continue;
    if (!Array.isArray(list) || list.length === 0) checking.problems.push(`${path}/${keyword} is no list`);
    else list.forEach((each, index) => checkNode(each, `${path}/${keyword}/${index}`, checking));
  }
  if (node["items"] !== undefined) checkNode(node["items"], `${path}/items`, checking);
  const additional = node["additionalProperties"];
  if (isObject(additional)) checkNode(additional, `${path}/additionalProperties`, checking);
}

function isRecursive(root: JsonObject): boolean {
  const definitions = isObject(root["$defs"]) ? root["$defs"] : {};
  const reach = (schema: Json | undefined, trail: readonly string[]): boolean =>
    Array.from(JSON.stringify(schema ?? null).matchAll(/"\$ref":"#\/\$defs\/([^"]*)"/g), ([, name]) => name ?? "").some(
      (name) => trail.includes(name) || reach(definitions[name], [...trail, name]),
    );
  const { $defs: _definitions, ...rest } = root;
  return reach(rest, []);
}
