/** Where a schema goes. `strict` ones also stand for structured output. */
export type SchemaTarget =
  | "openai"
  | "openai-strict"
  | "anthropic"
  | "anthropic-strict"
  | "gemini-json-schema"
  | "gemini-schema";

/** Targets that understand a part of JSON Schema only, and refuse or ignore the rest. */
export type NarrowTarget = Exclude<SchemaTarget, "openai" | "anthropic">;

/** What an API takes of JSON Schema. */
export type SchemaRules = {
  /** Keywords with plain values that are sent, by the type their value must have. Others move to the description. */
  readonly keywords: Readonly<Record<string, "string" | "number" | "any">>;
  readonly formats: "all" | readonly string[];
  readonly constants: "const" | "enum";
  readonly enumValues: readonly ("string" | "number" | "boolean" | "null")[];
  /** `keep`: `$ref` into `$defs`. `acyclic`: the same, but no recursion. `inline`: no references at all. */
  readonly references: "keep" | "acyclic" | "inline";
  /** `closed`: `additionalProperties: false` everywhere. `unsaid`: the keyword is refused. */
  readonly objects: "open" | "closed" | "unsaid";
  /** Every property must be required; optional ones may be null instead. */
  readonly allRequired: boolean;
  /** `lists`: `type` may be a list. `single`: one type in capitals, with `nullable`. */
  readonly types: "lists" | "single";
  /** Whether a schema must say its type or alternatives: `{}` is refused. */
  readonly typed: boolean;
  /** Whether the order of properties is said in a keyword of its own. */
  readonly propertyOrdering: boolean;
  readonly prefixItems: boolean;
};

const stringFormats = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
const bounds = { minItems: "number", maxItems: "number", minimum: "number", maximum: "number" } as const;
const words = { title: "string", description: "string" } as const;
const anyValue = ["string", "number", "boolean", "null"] as const;

/**
 * What each API takes. OpenAI: platform.openai.com/docs/guides/structured-outputs#supported-schemas. Anthropic: the
 * transformation in its own SDK (`transformJSONSchema`). Gemini: `responseJsonSchema` and `Schema` in ai.google.dev/api.
 */
export const schemaRules = {
  "openai-strict": {
    keywords: {
      ...words,
      ...bounds,
      exclusiveMinimum: "number",
      exclusiveMaximum: "number",
      multipleOf: "number",
      pattern: "string",
    },
    formats: stringFormats,
    constants: "const",
    enumValues: anyValue,
    references: "keep",
    objects: "closed",
    allRequired: true,
    types: "lists",
    typed: true,
    propertyOrdering: false,
    prefixItems: false,
  },
  "anthropic-strict": {
    keywords: words,
    formats: [...stringFormats, "uri"],
    constants: "const",
    enumValues: anyValue,
    references: "acyclic",
    objects: "closed",
    allRequired: false,
    types: "lists",
    typed: true,
    propertyOrdering: false,
    prefixItems: false,
  },
  "gemini-json-schema": {
    keywords: { ...words, ...bounds },
    formats: "all",
    constants: "enum",
    enumValues: ["string", "number"],
    references: "keep",
    objects: "open",
    allRequired: false,
    types: "lists",
    typed: false,
    propertyOrdering: true,
    prefixItems: true,
  },
  "gemini-schema": {
    keywords: {
      ...words,
      ...bounds,
      minLength: "number",
      maxLength: "number",
      pattern: "string",
      minProperties: "number",
      maxProperties: "number",
      default: "any",
      example: "any",
    },
    formats: ["date-time", "enum", "int32", "int64", "float", "double"],
    constants: "enum",
    enumValues: ["string"],
    references: "inline",
    objects: "unsaid",
    allRequired: false,
    types: "single",
    typed: false,
    propertyOrdering: true,
    prefixItems: false,
  },
} as const satisfies Record<NarrowTarget, SchemaRules>;

/** Keywords that tell a model nothing: left out without a word. */
export const silentKeywords: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "id",
  "$anchor",
  "$comment",
  "$vocabulary",
  "$dynamicAnchor",
  "readOnly",
  "writeOnly",
  "deprecated",
  "nullable",
  "propertyOrdering",
  "unevaluatedProperties",
  "additionalItems",
]);

/** Keywords with a place of their own in a schema; the walk reads them one by one. */
export const structuralKeywords: ReadonlySet<string> = new Set([
  "$ref",
  "$defs",
  "definitions",
  "type",
  "const",
  "enum",
  "format",
  "properties",
  "required",
  "additionalProperties",
  "items",
  "prefixItems",
  "anyOf",
  "oneOf",
  "allOf",
]);

/** Keywords of single types, so that a choice of types can be told apart. */
export const keywordTypes: Readonly<Record<string, readonly string[]>> = {
  minLength: ["string"],
  maxLength: ["string"],
  pattern: ["string"],
  format: ["string", "number", "integer"],
  minimum: ["number", "integer"],
  maximum: ["number", "integer"],
  exclusiveMinimum: ["number", "integer"],
  exclusiveMaximum: ["number", "integer"],
  multipleOf: ["number", "integer"],
  items: ["array"],
  prefixItems: ["array"],
  minItems: ["array"],
  maxItems: ["array"],
  uniqueItems: ["array"],
  contains: ["array"],
  properties: ["object"],
  required: ["object"],
  additionalProperties: ["object"],
  patternProperties: ["object"],
  propertyNames: ["object"],
  minProperties: ["object"],
  maxProperties: ["object"],
};
