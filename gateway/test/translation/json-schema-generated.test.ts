import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { adaptSchema, qualifiesForStrict } from "../../src/translation/json-schema.ts";
import { schemaTargets } from "./json-schema-rows.ts";
import { schemaProblems } from "./schema-check.ts";

/* Schemas that nobody would write, and that clients may send nevertheless. */

test("schema: definitions that unfold exponentially are cut, soon", () => {
  const levels = 40;
  const $defs: JsonObject = { L0: { type: "string" } };
  for (let level = 1; level <= levels; level += 1) {
    const lower = { $ref: `#/$defs/L${level - 1}` };
    $defs[`L${level}`] = { type: "object", properties: { a: lower, b: lower }, allOf: [lower, lower] };
  }
  const bomb: JsonObject = { type: "object", properties: { x: { $ref: `#/$defs/L${levels}` } }, $defs };
  for (const target of schemaTargets) {
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
    fc.property(someRoot, fc.constantFrom(...schemaTargets), (given, target) => {
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
  const property = fc.property(junk, fc.constantFrom(...schemaTargets), (given, target) => {
    const { schema } = adaptSchema(JSON.parse(JSON.stringify(given)) as JsonObject, target);
    assert.deepEqual(schemaProblems(schema, target), []);
  });
  fc.assert(property, { numRuns: 150 });
});
