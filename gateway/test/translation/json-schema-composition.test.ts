import assert from "node:assert/strict";
import { test } from "node:test";
import { isObject, type JsonObject } from "../../src/lib/json.ts";
import { adaptSchema } from "../../src/translation/json-schema.ts";
import { asProperty, recursiveSchema, schemaTargets } from "./json-schema-rows.ts";
import { schemaProblems } from "./schema-check.ts";

/* Schemas that are made of others: references, alternatives and what `allOf` puts together. */

test("schema: recursion stays where references do, is optional with Gemini, and is cut elsewhere", () => {
  const strict = adaptSchema(recursiveSchema, "openai-strict").schema;
  assert.deepEqual(strict["$defs"], {
    Node: {
      type: "object",
      properties: { value: { type: "string" }, next: { $ref: "#/$defs/Node" } },
      required: ["value", "next"],
      additionalProperties: false,
    },
  });
  const gemini = adaptSchema(recursiveSchema, "gemini-json-schema").schema["$defs"];
  assert.deepEqual(isObject(gemini) && isObject(gemini["Node"]) && gemini["Node"]["required"], ["value"]);
  const inline = adaptSchema(recursiveSchema, "gemini-schema");
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
  for (const target of schemaTargets)
    assert.deepEqual(schemaProblems(adaptSchema(recursiveSchema, target).schema, target), [], target);
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
  for (const target of schemaTargets) {
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
