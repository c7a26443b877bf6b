import assert from "node:assert/strict";
import { test } from "node:test";
import { transformJSONSchema } from "@anthropic-ai/sdk/lib/transform-json-schema";
import { toStrictJsonSchema } from "openai/lib/transform";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import { adaptSchema, qualifiesForStrict } from "../../src/translation/json-schema.ts";
import { asProperty, recursiveSchema, schemaRows, schemaTargets } from "./json-schema-rows.ts";
import { schemaProblems } from "./schema-check.ts";

for (const [name, { given, ...expected }] of Object.entries(schemaRows)) {
  test(`schema: ${name}`, () => {
    for (const target of schemaTargets) {
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
  for (const target of schemaTargets) {
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
    [qualifiesForStrict(recursiveSchema, "openai-strict"), qualifiesForStrict(recursiveSchema, "anthropic-strict")],
    [true, false],
  );
});

test("schema: the vendors' own SDKs have nothing to add to a strict schema", () => {
  const examples = [...Object.values(schemaRows).map(({ given }) => asProperty(given)), recursiveSchema];
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
