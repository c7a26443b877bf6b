import type { Output } from "../../canonical/request.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { adaptSchema } from "../../translation/json-schema.ts";
import { emulated } from "../../translation/limits.ts";
import { writeSchema } from "./write-schema.ts";
import { lose, type Writing } from "./writing.ts";

/** What the format is called where the client did not say. */
const FORMAT_NAME = "response";
const FORMAT_NAME_LENGTH_MAX = 64;

/** `text.format`, or undefined for text, and for what only words can ask for. */
export function writeFormat(writing: Writing): JsonObject | undefined {
  const { format } = writing.request.output;
  switch (format?.type) {
    case undefined:
      return undefined;
    case "text":
      return writing.isNative ? { type: "text" } : undefined;
    case "json":
      return { type: "json_object" };
    case "json-schema":
      return isExpressible(writing, format) ? writeSchemaFormat(writing, format) : undefined;
  }
}

type SchemaFormat = Extract<Output["format"], { readonly type: "json-schema" }>;

function writeSchemaFormat(writing: Writing, { name, description, schema, strict }: SchemaFormat): JsonObject {
  const written = speaksOpenAi(writing)
    ? { schema, strict }
    : writeSchema(writing, schema, strict === true, "output.format");
  return {
    type: "json_schema",
    name: writing.isNative ? (name ?? FORMAT_NAME) : formatName(name ?? asString(schema["title"])),
    ...compact({ description, ...written }),
  };
}

/** Chat's formats and this API's are the same thing. */
function speaksOpenAi({ isNative, request }: Writing): boolean {
  return isNative || request.source === "openai-chat";
}

function formatName(name: string | undefined): string {
  const plain = (name ?? "").replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, FORMAT_NAME_LENGTH_MAX);
  return plain === "" ? FORMAT_NAME : plain;
}

/** Answers of OpenAI's are objects. Elsewhere they may be lists or words, and wrapping those would give the client another answer. */
function isExpressible(writing: Writing, { schema }: SchemaFormat): boolean {
  if (speaksOpenAi(writing) || schema["properties"] !== undefined) return true;
  const { schema: adapted } = adaptSchema(schema, "openai");
  return Object.keys(asObject(adapted["properties"]) ?? {}).join() !== "value";
}

const JSON_INSTRUCTION = "Respond with a single JSON object and nothing else.";

/**
 * What has to be said about the answer's format, besides `text.format` or in its place, in an instruction before the
 * conversation. Only what stays in front of a growing conversation is looked at, so that it does not come and go.
 */
export function formatInstruction(writing: Writing): string | undefined {
  const { format } = writing.request.output;
  if (writing.isNative || format === undefined || format.type === "text") return undefined;
  if (format.type === "json-schema") {
    if (isExpressible(writing, format)) return undefined;
    lose(writing, emulated("output.format", "asked for in an instruction: the API takes objects only"));
    return `Respond with JSON that matches this JSON Schema, and nothing else:\n${JSON.stringify(format.schema)}`;
  }
  // "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
  if (firstTexts(writing).some((text) => /json/i.test(text))) return undefined;
  lose(writing, emulated("output.format", "an instruction asks for JSON, as the API demands"));
  return JSON_INSTRUCTION;
}

function firstTexts({ request }: Writing): string[] {
  const [first] = request.turns;
  const said = (first?.blocks ?? []).flatMap((block) => (block.type === "text" ? [block.text] : []));
  return [...request.instructions.map(({ text }) => text), ...said];
}
