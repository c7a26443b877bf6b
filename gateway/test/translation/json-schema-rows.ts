import type { Json, JsonObject } from "../../src/lib/json.ts";
import type { SchemaTarget } from "../../src/translation/json-schema.ts";

/** All of them. */
export const schemaTargets = [
  "openai",
  "openai-strict",
  "anthropic",
  "anthropic-strict",
  "gemini-json-schema",
  "gemini-schema",
] as const satisfies readonly SchemaTarget[];

/** A property's schema as each target gets it that does not take it as it is. */
export type SchemaRow = { readonly given: Json } & {
  readonly [T in Exclude<SchemaTarget, "openai" | "anthropic">]: Json;
};

export const schemaRows: Record<string, SchemaRow> = {
  "a bounded text": {
    given: { type: "string", minLength: 2, maxLength: 9, pattern: "^a" },
    "openai-strict": { type: "string", pattern: "^a", description: "(minLength: 2; maxLength: 9)" },
    "anthropic-strict": { type: "string", description: '(minLength: 2; maxLength: 9; pattern: "^a")' },
    "gemini-json-schema": { type: "string", description: '(minLength: 2; maxLength: 9; pattern: "^a")' },
    "gemini-schema": { type: "STRING", minLength: 2, maxLength: 9, pattern: "^a" },
  },
  "a bounded number with a default": {
    given: { type: "integer", minimum: 1, exclusiveMaximum: 9, multipleOf: 2, default: 4, description: "How many." },
    "openai-strict": {
      type: "integer",
      minimum: 1,
      exclusiveMaximum: 9,
      multipleOf: 2,
      description: "How many.\n\n(default: 4)",
    },
    "anthropic-strict": {
      type: "integer",
      description: "How many.\n\n(minimum: 1; exclusiveMaximum: 9; multipleOf: 2; default: 4)",
    },
    "gemini-json-schema": {
      type: "integer",
      minimum: 1,
      description: "How many.\n\n(exclusiveMaximum: 9; multipleOf: 2; default: 4)",
    },
    "gemini-schema": {
      type: "INTEGER",
      minimum: 1,
      default: 4,
      description: "How many.\n\n(exclusiveMaximum: 9; multipleOf: 2)",
    },
  },
  "a text or null": {
    given: { type: ["string", "null"] },
    "openai-strict": { type: ["string", "null"] },
    "anthropic-strict": { type: ["string", "null"] },
    "gemini-json-schema": { type: ["string", "null"] },
    "gemini-schema": { type: "STRING", nullable: true },
  },
  "a text or a list": {
    given: { type: ["string", "array"], items: { type: "string" }, maxLength: 3, description: "d" },
    "openai-strict": { type: ["string", "array"], items: { type: "string" }, description: "d\n\n(maxLength: 3)" },
    "anthropic-strict": { type: ["string", "array"], items: { type: "string" }, description: "d\n\n(maxLength: 3)" },
    "gemini-json-schema": { type: ["string", "array"], items: { type: "string" }, description: "d\n\n(maxLength: 3)" },
    "gemini-schema": {
      description: "d",
      anyOf: [
        { type: "STRING", maxLength: 3 },
        { type: "ARRAY", items: { type: "STRING" } },
      ],
    },
  },
  "a constant": {
    given: { const: "v" },
    "openai-strict": { type: "string", const: "v" },
    "anthropic-strict": { type: "string", const: "v" },
    "gemini-json-schema": { type: "string", enum: ["v"] },
    "gemini-schema": { type: "STRING", enum: ["v"] },
  },
  "a constant that is no text": {
    given: { const: true },
    "openai-strict": { type: "boolean", const: true },
    "anthropic-strict": { type: "boolean", const: true },
    "gemini-json-schema": { type: "boolean", description: "(const: true)" },
    "gemini-schema": { type: "BOOLEAN", description: "(const: true)" },
  },
  "some numbers": {
    given: { enum: [1, 2] },
    "openai-strict": { type: "number", enum: [1, 2] },
    "anthropic-strict": { type: "number", enum: [1, 2] },
    "gemini-json-schema": { type: "number", enum: [1, 2] },
    "gemini-schema": { type: "NUMBER", description: "(enum: [1,2])" },
  },
  "a word or null": {
    given: { type: ["string", "null"], enum: ["a", null] },
    "openai-strict": { type: ["string", "null"], enum: ["a", null] },
    "anthropic-strict": { type: ["string", "null"], enum: ["a", null] },
    "gemini-json-schema": { type: ["string", "null"], enum: ["a"] },
    "gemini-schema": { type: "STRING", nullable: true, enum: ["a"] },
  },
  "one of several": {
    given: { oneOf: [{ type: "string" }, { type: "integer" }, { type: "null" }], title: "T" },
    "openai-strict": { title: "T", anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
    "anthropic-strict": { title: "T", anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
    "gemini-json-schema": { title: "T", anyOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] },
    "gemini-schema": { title: "T", nullable: true, anyOf: [{ type: "STRING" }, { type: "INTEGER" }] },
  },
  "all of several": {
    given: {
      allOf: [
        { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
        { type: "object", properties: { b: { type: "string" } }, required: ["b"] },
      ],
    },
    "openai-strict": {
      type: "object",
      properties: { b: { type: "string" }, a: { type: "string" } },
      required: ["a", "b"],
      additionalProperties: false,
    },
    "anthropic-strict": {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      required: ["a", "b"],
      additionalProperties: false,
    },
    "gemini-json-schema": {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      required: ["a", "b"],
      propertyOrdering: ["a", "b"],
    },
    "gemini-schema": {
      type: "OBJECT",
      properties: { a: { type: "STRING" }, b: { type: "STRING" } },
      required: ["a", "b"],
      propertyOrdering: ["a", "b"],
    },
  },
  "a format": {
    given: { type: "string", format: "uri" },
    "openai-strict": { type: "string", description: '(format: "uri")' },
    "anthropic-strict": { type: "string", format: "uri" },
    "gemini-json-schema": { type: "string", format: "uri" },
    "gemini-schema": { type: "STRING", description: '(format: "uri")' },
  },
  "a pair": {
    given: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] },
    "openai-strict": {
      type: "array",
      items: { anyOf: [{ type: "string" }, { type: "number" }] },
      description: '(prefixItems: [{"type":"string"},{"type":"number"}])',
    },
    "anthropic-strict": {
      type: "array",
      items: { anyOf: [{ type: "string" }, { type: "number" }] },
      description: '(prefixItems: [{"type":"string"},{"type":"number"}])',
    },
    "gemini-json-schema": { type: "array", prefixItems: [{ type: "string" }, { type: "number" }] },
    "gemini-schema": {
      type: "ARRAY",
      items: { anyOf: [{ type: "STRING" }, { type: "NUMBER" }] },
      description: '(prefixItems: [{"type":"string"},{"type":"number"}])',
    },
  },
  "annotations say nothing": {
    given: { $comment: "c", $id: "i", type: "string", readOnly: true, deprecated: true },
    "openai-strict": { type: "string" },
    "anthropic-strict": { type: "string" },
    "gemini-json-schema": { type: "string" },
    "gemini-schema": { type: "STRING" },
  },
  "a list of anything": {
    given: { type: "array" },
    "openai-strict": { type: "array", items: { type: ["string", "number", "boolean", "null"] } },
    "anthropic-strict": { type: "array", items: { type: ["string", "number", "boolean", "null"] } },
    "gemini-json-schema": { type: "array" },
    "gemini-schema": { type: "ARRAY", items: { type: "STRING" } },
  },
  "a map": {
    given: { type: "object", additionalProperties: { type: "string", minLength: 1 } },
    "openai-strict": { type: "object", properties: {}, required: [], additionalProperties: false },
    "anthropic-strict": { type: "object", properties: {}, additionalProperties: false },
    "gemini-json-schema": { type: "object", additionalProperties: { type: "string", description: "(minLength: 1)" } },
    "gemini-schema": { type: "OBJECT" },
  },
};

/** The schema of property `p` of an object that requires it. */
export function asProperty(given: Json): JsonObject {
  return { type: "object", properties: { p: given }, required: ["p"] };
}

/** A schema that refers to itself, as a list of linked nodes does. */
export const recursiveSchema: JsonObject = {
  type: "object",
  properties: { root: { $ref: "#/$defs/Node", description: "the tree" } },
  required: ["root"],
  $defs: {
    Node: {
      type: "object",
      properties: { value: { type: "string" }, next: { $ref: "#/$defs/Node" } },
      required: ["value", "next"],
      additionalProperties: false,
    },
    Unused: { type: "string" },
  },
};
