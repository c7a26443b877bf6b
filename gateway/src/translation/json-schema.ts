import type { Loss } from "../canonical/loss.ts";
import { asArray, asObject, asString, isObject, type JsonObject } from "../lib/json.ts";
import { dropped, emulated } from "./limits.ts";
import { both, eitherObject, withoutAllOf, type Merging } from "./schema-merge.ts";
import { recursiveReferences, resolveReference } from "./schema-references.ts";
import { schemaRules, type SchemaTarget } from "./schema-rules.ts";
import { adaptNode, writeDefinitions } from "./schema-node.ts";
import { openSchemaState, saidValue, type SchemaState } from "./schema-state.ts";

/** Callers name their target by it. */
export type { SchemaTarget } from "./schema-rules.ts";

/** A schema that the target takes, and what that cost. */
export type AdaptedSchema = {
  readonly schema: JsonObject;
  /** Paths begin with `schema`, for the caller to put its own path in front; one loss per keyword. */
  readonly losses: readonly Loss[];
};

/**
 * A tool's or an answer's JSON Schema as a target takes it. It walks by position, never by key name: a property may be called
 * `properties`. What a target refuses is said in another way where there is one, else in the description, so that the model
 * still knows of it. The root of OpenAI's and Anthropic's schemas is always an object, without alternatives.
 */
export function adaptSchema(schema: JsonObject, target: SchemaTarget): AdaptedSchema {
  const { schema: adapted, losses } = adapt(schema, target);
  return { schema: adapted, losses };
}

/**
 * Whether the strict form of a schema takes the same values: nothing that it means is left to the description except bounds
 * and formats. Optional properties that become nullable are the same to OpenAI's users.
 */
export function qualifiesForStrict(schema: JsonObject, target: SchemaTarget): boolean {
  const strict = target === "openai" || target === "anthropic" ? (`${target}-strict` as const) : target;
  return adapt(schema, strict).isFaithful;
}

type Adaptation = AdaptedSchema & { readonly isFaithful: boolean };

function adapt(schema: JsonObject, target: SchemaTarget): Adaptation {
  const root = flattenRoot(schema, target);
  if (target === "openai" || target === "anthropic") return root;
  const rules = schemaRules[target];
  const state = openSchemaState(rules, root.schema, recursiveReferences(root.schema));
  const node = adaptNode(state, root.schema, "schema");
  const whole = writeDefinitions(state, node);
  return {
    schema: whole,
    losses: [...root.losses, ...lossesOf(state)],
    isFaithful: root.isFaithful && state.isFaithful,
  };
}

function lossesOf(state: SchemaState): Loss[] {
  return [...state.changes.values()].map(({ loss, detail, path, places }) => {
    const where = places === 1 ? "" : ` (${places} places)`;
    return loss === "dropped" ? dropped(path, `${detail}${where}`) : emulated(path, `${detail}${where}`);
  });
}

/** Alternatives of a root that are looked at. */
const ALTERNATIVES_MAX = 1000;

const rootCombinators = ["anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "then", "else"];

/** The root as an object without alternatives. Gemini's answers may be anything, so a root of another type stays there. */
function flattenRoot(schema: JsonObject, target: SchemaTarget): Adaptation {
  const merging = rootMerging(schema);
  const { base, isDirect } = followRoot(schema, merging.resolve);
  const isGemini = target === "gemini-json-schema" || target === "gemini-schema";
  const isObjectRoot = isObjectType(base);
  if (!isObjectRoot) return isGemini ? faithful(base) : wrapped(base);
  const hasCombinators = rootCombinators.some((keyword) => Object.hasOwn(base, keyword));
  if (hasCombinators) return flattened(base, merging);
  const isGood = isDirect && base["type"] === "object" && base["nullable"] === undefined;
  return faithful(isGood ? schema : withObjectType(base));
}

/** Parts of roots that are merged. */
const MERGED_MAX = 10_000;

function rootMerging(schema: JsonObject): Merging {
  let steps = 0;
  return {
    resolve: (reference) => resolveReference(schema, asString(reference) ?? ""),
    spend: (more) => (steps += more) <= MERGED_MAX,
  };
}

function faithful(schema: JsonObject): Adaptation {
  return { schema, losses: [], isFaithful: true };
}

/** How many references in a row a root may be. */
const ROOT_REFERENCES_MAX = 16;

/** What a root that is nothing but a reference points to, with the definitions that it may need. */
function followRoot(
  schema: JsonObject,
  resolve: Merging["resolve"],
): { readonly base: JsonObject; readonly isDirect: boolean } {
  let base = schema;
  for (let count = 0; count < ROOT_REFERENCES_MAX && base["$ref"] !== undefined; count += 1) {
    const { $ref, ...own } = base;
    base = { ...resolve($ref), ...own };
  }
  // Where it leads nowhere, in the end or in a circle, nothing is left to follow.
  const { $ref: _reference, ...rest } = base;
  return base === schema && base["$ref"] === undefined ? { base, isDirect: true } : { base: rest, isDirect: false };
}

/** Without a type, what a root says about properties decides; a root that says nothing takes any object. */
function isObjectType(schema: JsonObject): boolean {
  const { type } = schema;
  if (type !== undefined) return type === "object" || asArray(type)?.includes("object") === true;
  if (asObject(schema["properties"]) !== undefined || asArray(schema["required"]) !== undefined) return true;
  if (schema["enum"] !== undefined || schema["const"] !== undefined || schema["items"] !== undefined) return false;
  const alternatives = [...(asArray(schema["anyOf"]) ?? []), ...(asArray(schema["oneOf"]) ?? [])].slice(
    0,
    ALTERNATIVES_MAX,
  );
  return (
    alternatives.length === 0 ||
    alternatives.some((each) => isObject(each) && (each["$ref"] !== undefined || isObjectType(each)))
  );
}

function withObjectType(schema: JsonObject): JsonObject {
  const { nullable: _nullable, ...rest } = schema;
  return { ...rest, type: "object" };
}

/** Answers can only be objects there, so another root becomes the one property of an object. */
function wrapped(schema: JsonObject): Adaptation {
  const { $defs, definitions, $schema: _schema, ...value } = schema;
  return {
    schema: {
      type: "object",
      properties: { value },
      required: ["value"],
      ...($defs === undefined ? {} : { $defs }),
      ...(definitions === undefined ? {} : { definitions }),
    },
    losses: [emulated("schema", "the root must be an object: the value is its property `value`")],
    isFaithful: false,
  };
}

/** Alternatives of the root become one object that takes all of them, and a sentence about them in its description. */
function flattened(base: JsonObject, merging: Merging): Adaptation {
  const merged = withoutAllOf(base, merging);
  const said = rootCombinators.filter((keyword) => keyword !== "allOf" && merged[keyword] !== undefined);
  const isKept = (keyword: string) => keyword !== "$ref" && !rootCombinators.includes(keyword);
  const rest = Object.fromEntries(Object.entries(merged).filter(([keyword]) => isKept(keyword)));
  const alternatives = [...(asArray(merged["anyOf"]) ?? []), ...(asArray(merged["oneOf"]) ?? [])]
    .slice(0, ALTERNATIVES_MAX)
    .map((each) => merging.resolve(asObject(each)?.["$ref"] ?? "") ?? each)
    .filter(isObject)
    .map((each) => withoutAllOf(each, merging))
    .filter(isObjectType);
  const combined = alternatives.length === 0 ? rest : both(rest, eitherObject(alternatives));
  const sentences = said.map((keyword) => `${keyword}: ${saidValue(merged[keyword] ?? null)}`);
  if (sentences.length === 0) return faithful(withObjectType(combined));
  const description = [asString(base["description"]), `(${sentences.join("; ")})`].filter((part) => part !== undefined);
  return {
    schema: { ...withObjectType(combined), description: description.join("\n\n") },
    losses: [emulated("schema", "alternatives of the root are said in its description")],
    isFaithful: false,
  };
}
