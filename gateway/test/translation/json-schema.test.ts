import assert from "node:assert/strict";
import { test } from "node:test";
import { transformJSONSchema } from "@anthropic-ai/sdk/lib/transform-json-schema";
import fc from "fast-check";
import { toStrictJsonSchema } from "openai/lib/transform";
import { isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { adaptSchema, qualifiesForStrict, type SchemaTarget } from "../../src/translation/json-schema.ts";
import { schemaProblems } from "./schema-check.ts";

const targets: SchemaTarget[] = [
  "openai",
  "openai-strict",
  "anthropic",
  "anthropic-strict",
  "gemini-json-schema",
  "gemini-schema",
];

/** A property's schema as each target gets it; `same`: as it was. */
type Row = { readonly given: Json } & { readonly [T in Exclude<SchemaTarget, "openai" | "anthropic">]: Json };

const rows: Record<string, Row> = {
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
function asProperty(given: Json): JsonObject {
  return { type: "object", properties: { p: given }, required: ["p"] };
}

for (const [name, { given, ...expected }] of Object.entries(rows)) {
  test(`schema: ${name}`, () => {
    for (const target of targets) {
      const { schema } = adaptSchema(asProperty(given), target);
      const properties = isObject(schema["properties"]) ? schema["properties"] : {};
      const wanted = target === "openai" || target === "anthropic" ? given : expected[target];
      assert.deepEqual(properties["p"], wanted, target);
      assert.deepEqual(schemaProblems(schema, target), [], target);
    }
  });
}

test("schema: what a target takes as it is is the same object, without losses", () => {
  const schema: JsonObject = {
    type: "object",
    properties: { a: { oneOf: [{ const: 1 }, { not: {} }] } },
    $schema: "s",
  };
  for (const target of ["openai", "anthropic"] as const) {
    const adapted = adaptSchema(schema, target);
    assert.equal(adapted.schema, schema);
    assert.deepEqual(adapted.losses, []);
  }
});

test("schema: properties may be called like keywords", () => {
  const names = [
    "properties",
    "const",
    "readOnly",
    "$ref",
    "type",
    "required",
    "anyOf",
    "additionalProperties",
    "__proto__",
  ];
  const properties = Object.fromEntries(names.map((name) => [name, { type: "string", minLength: 1 }]));
  for (const target of targets) {
    const { schema } = adaptSchema({ type: "object", properties, required: names }, target);
    assert.deepEqual(Object.keys(isObject(schema["properties"]) ? schema["properties"] : {}), names, target);
    assert.deepEqual(schemaProblems(schema, target), [], target);
  }
});

test("schema: one loss per keyword, at its first place", () => {
  const given = asProperty({ type: "array", items: { type: "string", minLength: 1 }, uniqueItems: true });
  const both = {
    ...given,
    properties: { ...(isObject(given["properties"]) ? given["properties"] : {}), q: { type: "string", minLength: 2 } },
  };
  assert.deepEqual(
    adaptSchema({ ...both, required: ["p", "q"], "x-own": 1 }, "anthropic-strict").losses.map(
      ({ path, reason, detail }) => [path, reason, detail],
    ),
    [
      ["schema.properties.p.items.minLength", "emulated", "`minLength` is said in the description (2 places)"],
      ["schema.properties.p.uniqueItems", "emulated", "`uniqueItems` is said in the description"],
      ["schema.x-own", "unsupported", "`x-own` is not known there"],
    ],
  );
});

const tree: JsonObject = {
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

test("schema: recursion stays where references do, is optional with Gemini, and is cut elsewhere", () => {
  const strict = adaptSchema(tree, "openai-strict").schema;
  assert.deepEqual(strict["$defs"], {
    Node: {
      type: "object",
      properties: { value: { type: "string" }, next: { $ref: "#/$defs/Node" } },
      required: ["value", "next"],
      additionalProperties: false,
    },
  });
  const gemini = adaptSchema(tree, "gemini-json-schema").schema["$defs"];
  assert.deepEqual(isObject(gemini) && isObject(gemini["Node"]) && gemini["Node"]["required"], ["value"]);
  const inline = adaptSchema(tree, "gemini-schema");
  assert.deepEqual(inline.schema["properties"], {
    root: {
      type: "OBJECT",
      description: "the tree",
      properties: { value: { type: "STRING" }, next: { type: "OBJECT" } },
      required: ["value", "next"],
      propertyOrdering: ["value", "next"],
    },
  });
  assert.match(inline.losses[0]?.detail ?? "", /#\/\$defs\/Node/);
  for (const target of targets) assert.deepEqual(schemaProblems(adaptSchema(tree, target).schema, target), [], target);
});

test("schema: references into the schema itself, to nowhere and to the whole", () => {
  const odd: JsonObject = {
    type: "object",
    properties: {
      a: { type: "string", description: "shared" },
      same: { $ref: "#/properties/a" },
      gone: { $ref: "#/$defs/Gone" },
      far: { $ref: "https://example.com/schema.json" },
      whole: { $ref: "#" },
      escaped: { $ref: "#/definitions/a~1b%25" },
    },
    definitions: { "a/b%": { type: "boolean" } },
  };
  for (const target of targets) {
    const { schema } = adaptSchema(odd, target);
    assert.deepEqual(schemaProblems(schema, target), [], target);
  }
  const { properties } = adaptSchema(odd, "gemini-schema").schema;
  assert.deepEqual(isObject(properties) && [properties["same"], properties["escaped"]], [
    { type: "STRING", description: "shared" },
    { type: "BOOLEAN" },
  ]);
});

test("schema: a root that is a reference is what it refers to", () => {
  const { schema, losses } = adaptSchema(
    { $ref: "#/definitions/In", definitions: { In: asProperty({ type: "string" }) } },
    "anthropic",
  );
  assert.deepEqual([schema["type"], schema["required"], schema["$ref"]], ["object", ["p"], undefined]);
  assert.deepEqual(losses, []);
});

test("schema: alternatives of the root become one object that says them", () => {
  const alternatives = [
    { type: "object", properties: { a: { type: "string" }, b: { type: "string" } }, required: ["a", "b"] },
    { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
  ];
  const { schema, losses } = adaptSchema({ anyOf: alternatives, description: "Either." }, "anthropic");
  assert.deepEqual(schema, {
    type: "object",
    properties: { a: { anyOf: [{ type: "string" }, { type: "number" }] }, b: { type: "string" } },
    required: ["a"],
    description: `Either.\n\n(anyOf: ${JSON.stringify(alternatives)})`,
  });
  assert.deepEqual(
    losses.map(({ path, reason }) => [path, reason]),
    [["schema", "emulated"]],
  );
});

test("schema: a list at the root stays with Gemini and becomes a property elsewhere", () => {
  const list: JsonObject = { type: "array", items: { type: "string" } };
  assert.deepEqual(adaptSchema(list, "gemini-schema").schema, { type: "ARRAY", items: { type: "STRING" } });
  const { schema, losses } = adaptSchema(list, "openai-strict");
  assert.deepEqual(schema["properties"], { value: list });
  assert.equal(losses.length, 1);
});

test("schema: requirements beside alternatives are required of each of them", () => {
  const given = {
    type: "object",
    properties: { a: { type: "string" }, b: { type: "string" } },
    anyOf: [{ required: ["a"] }, { required: ["b"] }],
  };
  const { schema } = adaptSchema(asProperty(given), "gemini-json-schema");
  const each = (name: string) => ({
    type: "object",
    properties: { a: { type: "string" }, b: { type: "string" } },
    required: [name],
    propertyOrdering: ["a", "b"],
  });
  assert.deepEqual(schema["properties"], { p: { anyOf: [each("a"), each("b")] } });
});

test("schema: optional properties of OpenAI's strict schemas may be null", () => {
  const { schema, losses } = adaptSchema(
    { type: "object", properties: { a: { enum: ["x"] }, b: { $ref: "#/$defs/B" } }, $defs: { B: { type: "string" } } },
    "openai-strict",
  );
  assert.deepEqual(schema["properties"], {
    a: { type: ["string", "null"], enum: ["x", null] },
    b: { anyOf: [{ $ref: "#/$defs/B" }, { type: "null" }] },
  });
  assert.deepEqual(
    losses.map(({ reason, detail }) => [reason, detail]),
    [["emulated", "optional properties may be null instead (2 places)"]],
  );
});

test("schema: allOf that leads back to itself says what it says once", () => {
  const b = { type: "object", properties: { c: { type: "string" } } };
  const schema = {
    allOf: [{ $ref: "#/$defs/a" }, { properties: { b } }, { properties: { b: structuredClone(b) } }],
    $defs: { a: { allOf: [{ $ref: "#/$defs/a" }, { $ref: "#" }] } },
  };
  const length = JSON.stringify(adaptSchema(schema, "anthropic").schema).length;
  assert.ok(length < 10 * JSON.stringify(schema).length, `${length} characters`);
});

test("schema: parts of allOf that are closed leave room for each other's properties", () => {
  const part = (name: string) => ({
    ...asProperty({ type: "string" }),
    properties: { [name]: { type: "string" } },
    required: [],
  });
  const allOf = [{ ...part("a"), additionalProperties: false }, part("b")];
  const { schema } = adaptSchema(asProperty({ allOf }), "gemini-json-schema");
  assert.deepEqual(schema["properties"], {
    p: {
      type: "object",
      properties: { a: { type: "string" }, b: { type: "string" } },
      propertyOrdering: ["a", "b"],
    },
  });
});

test("schema: which schemas may be strict", () => {
  const yes: JsonObject[] = [
    asProperty({ type: "string", minLength: 3, format: "email" }),
    asProperty({ oneOf: [{ type: "string" }, { type: "null" }] }),
    { type: "object", properties: { a: { type: "string" } } },
    { type: "object", properties: {}, additionalProperties: false },
  ];
  const no: JsonObject[] = [
    asProperty({ type: "object" }),
    asProperty({ type: "object", additionalProperties: { type: "string" } }),
    { ...asProperty({ type: "string" }), additionalProperties: true },
    asProperty({ type: "object", patternProperties: { "^a": {} }, properties: { a: {} } }),
    asProperty({}),
    asProperty({ type: "array", prefixItems: [{ type: "string" }, { type: "number" }] }),
    { anyOf: [asProperty({ type: "string" })] },
    {},
  ];
  for (const target of ["openai-strict", "anthropic-strict"] as const) {
    for (const each of yes) assert.equal(qualifiesForStrict(each, target), true, JSON.stringify(each));
    for (const each of no) assert.equal(qualifiesForStrict(each, target), false, JSON.stringify(each));
  }
  assert.deepEqual(
    [qualifiesForStrict(tree, "openai-strict"), qualifiesForStrict(tree, "anthropic-strict")],
    [true, false],
  );
});

test("schema: definitions that unfold exponentially are cut, soon", () => {
  const levels = 40;
  const $defs: JsonObject = { L0: { type: "string" } };
  for (let level = 1; level <= levels; level += 1) {
    const lower = { $ref: `#/$defs/L${level - 1}` };
    $defs[`L${level}`] = { type: "object", properties: { a: lower, b: lower }, allOf: [lower, lower] };
  }
  const bomb: JsonObject = { type: "object", properties: { x: { $ref: `#/$defs/L${levels}` } }, $defs };
  for (const target of targets) {
    const { schema } = adaptSchema(bomb, target);
    assert.ok(JSON.stringify(schema).length < 5_000_000, target);
    assert.deepEqual(schemaProblems(schema, target), [], target);
  }
});

const scalar = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: -5, max: 5 }), fc.boolean(), fc.constant(null));
const keywordName = fc.constantFrom("properties", "const", "readOnly", "a", "b", "$ref", "type", "__proto__");
const someSchema = fc.letrec<{ schema: Json; members: Json }>((tie) => ({
  members: fc.dictionary(keywordName, tie("schema"), { maxKeys: 3 }),
  schema: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Json>(
      {},
      true,
      false,
      { type: "string" },
      { $ref: "#/$defs/a" },
      { $ref: "#" },
      { $ref: "#/properties/a" },
    ),
    fc.record<{ [key: string]: Json }>(
      {
        type: fc.constantFrom<Json>(
          "object",
          "string",
          "integer",
          ["string", "null"],
          ["object", "array"],
          "null",
          "array",
        ),
        properties: tie("members"),
        required: fc.array(keywordName, { maxLength: 3 }),
        additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
        items: tie("schema"),
        prefixItems: fc.array(tie("schema"), { maxLength: 2 }),
        anyOf: fc.array(tie("schema"), { maxLength: 3 }),
        oneOf: fc.array(tie("schema"), { maxLength: 2 }),
        allOf: fc.array(tie("schema"), { maxLength: 2 }),
        not: tie("schema"),
        enum: fc.array(scalar, { maxLength: 3 }),
        const: scalar,
        format: fc.constantFrom("uri", "date-time", "int32"),
        minLength: fc.nat({ max: 3 }),
        minimum: fc.nat({ max: 3 }),
        pattern: fc.constant("^a"),
        description: fc.constant("d"),
        default: scalar,
        nullable: fc.boolean(),
        $defs: tie("members"),
        "x-own": scalar,
      },
      { requiredKeys: [] },
    ),
  ),
}));
const someRoot = someSchema.schema.filter(isObject);

test("schema: whatever a client declares, the result is what the target takes, every time the same", () => {
  fc.assert(
    fc.property(someRoot, fc.constantFrom(...targets), (given, target) => {
      const before = JSON.stringify(given);
      const { schema, losses } = adaptSchema(given, target);
      assert.deepEqual(schemaProblems(schema, target), [], JSON.stringify(schema));
      assert.equal(JSON.stringify(given), before);
      assert.deepEqual(adaptSchema(given, target), { schema, losses });
      assert.ok(losses.every(({ path }) => path.startsWith("schema")));
      qualifiesForStrict(given, target);
    }),
    { numRuns: 150 },
  );
});

test("schema: anything at all is survived", () => {
  const junk = fc.dictionary(
    fc.constantFrom(
      "type",
      "properties",
      "required",
      "$ref",
      "anyOf",
      "items",
      "enum",
      "allOf",
      "$defs",
      "format",
      "const",
    ),
    fc.jsonValue({ maxDepth: 4 }),
  );
  const property = fc.property(junk, fc.constantFrom(...targets), (given, target) => {
    const { schema } = adaptSchema(JSON.parse(JSON.stringify(given)) as JsonObject, target);
    assert.deepEqual(schemaProblems(schema, target), []);
  });
  fc.assert(property, { numRuns: 150 });
});

test("schema: the vendors' own SDKs have nothing to add to a strict schema", () => {
  const examples = [...Object.values(rows).map(({ given }) => asProperty(given)), tree];
  for (const given of examples) {
    const openai = adaptSchema(given, "openai-strict").schema;
    assert.deepEqual(toStrictJsonSchema(openai), openai);
    const anthropic = adaptSchema(given, "anthropic-strict").schema;
    // The SDK leaves out the type of literals, and knows lists of types of plain values only.
    if (!JSON.stringify(anthropic).match(/"(const|enum)"|"array"\]/)) {
      assert.deepEqual(transformJSONSchema(anthropic), anthropic);
    }
  }
});
