import type { Output } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { adaptSchema } from "../../translation/json-schema.ts";
import { emulated } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

export type WrittenFormat = {
  /** `outputConfig.textFormat` */
  readonly format?: JsonObject;
  /** A last system block. */
  readonly instruction?: string;
  /** A tool whose input is the answer, to be forced. */
  readonly tool?: { readonly name: string; readonly wire: JsonObject };
};

type SchemaFormat = Extract<Output["format"], { readonly type: "json-schema" }>;

const JSON_INSTRUCTION = "Respond with a single JSON object and nothing else.";
const JSON_TOOL = "json_output";

/**
 * Structured output: the API's own where the model has it, else a tool that the model is made to call, else words. JSON without
 * a schema has no counterpart.
 */
export function writeFormat(writing: Writing): WrittenFormat {
  const { format } = writing.request.output;
  if (format === undefined || format.type === "text") return {};
  const { structuredOutput, forcing } = writing.facts;
  const byTool = writing.options.traits.structuredOutput === "tool" && forcing !== "none";
  if (format.type === "json-schema" && structuredOutput && !byTool) return { format: ownFormat(writing, format) };
  if (byTool || (format.type === "json-schema" && forcing !== "none")) {
    lose(writing, emulated("output.format", "the input of a forced tool call"));
    return { tool: jsonTool(writing, format) };
  }
  lose(writing, emulated("output.format", "the model is asked for JSON in words"));
  const schema =
    format.type === "json-schema" ? ` It conforms to this JSON Schema:\n${JSON.stringify(format.schema)}` : "";
  return { instruction: JSON_INSTRUCTION + schema };
}

const FORMAT_NAME_LENGTH_MAX = 64;

/** The schema goes as text. Each vendor behind the API has limits of its own; those of Anthropic are the narrowest known. */
function ownFormat(writing: Writing, { schema, name, description }: SchemaFormat): JsonObject {
  const adapted = adaptSchema(schema, "anthropic-strict");
  lose(writing, ...adapted.losses.map((loss) => ({ ...loss, path: `output.format.${loss.path}` })));
  const clean = (name ?? "answer").replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, FORMAT_NAME_LENGTH_MAX);
  const jsonSchema = compact({ name: clean, schema: JSON.stringify(adapted.schema), description });
  return { type: "json_schema", structure: { jsonSchema } };
}

function jsonTool(writing: Writing, format: NonNullable<Output["format"]>): NonNullable<WrittenFormat["tool"]> {
  const name = freeName(writing);
  if (format.type !== "json-schema") {
    const description = "Give your answer as a JSON object.";
    return { name, wire: { toolSpec: { name, description, inputSchema: { json: { type: "object" } } } } };
  }
  const adapted = adaptSchema(format.schema, "anthropic");
  lose(writing, ...adapted.losses.map((loss) => ({ ...loss, path: `output.format.${loss.path}` })));
  const described = format.description !== undefined && format.description !== "";
  const description = described ? format.description : "Give your answer here.";
  return { name, wire: { toolSpec: { name, description, inputSchema: { json: adapted.schema } } } };
}

function freeName({ request, names }: Writing): string {
  const taken = new Set(
    request.tools.map((tool) => (tool.type === "builtin" ? tool.name : names.sent(tool.name, tool.namespace))),
  );
  let name = JSON_TOOL;
  for (let count = 2; taken.has(name); count += 1) name = `${JSON_TOOL}_${count}`;
  return name;
}
