import type { Output } from "../../canonical/request.ts";
import { compact, type JsonObject } from "../../lib/json.ts";
import { adaptSchema } from "../../translation/json-schema.ts";
import { emulated } from "../../translation/limits.ts";
import { lose, refuse, type Writing } from "./writing.ts";

export type WrittenFormat = {
  /** `output_config.format` */
  readonly format?: JsonObject;
  /** A last system block. */
  readonly instruction?: string;
  /** A tool whose input is the answer, to be forced. */
  readonly tool?: JsonObject & { readonly name: string };
};

type SchemaFormat = Extract<Output["format"], { readonly type: "json-schema" }>;

const JSON_INSTRUCTION = "Respond with a single JSON object and nothing else.";
const JSON_TOOL = "json_output";

/**
 * Structured output: the API's own where the model has it, else a tool that the model is made to call. JSON without a schema
 * has no counterpart, so the model is asked for it in words.
 */
export function writeFormat(writing: Writing): WrittenFormat {
  const { format } = writing.request.output;
  if (format === undefined || format.type === "text") return {};
  if (writing.isNative) return format.type === "json-schema" ? { format: wireFormat(format.schema) } : {};
  const { structuredOutput } = writing.options.traits;
  if (writing.request.source === "openai-chat" && structuredOutput === undefined) {
    refuse(
      writing,
      "unsupported_parameter",
      "`response_format` is not sent to Anthropic models unless the configuration says how: set `structured_output: native` (the API's own) or `structured_output: tool` (a forced tool call) on the provider or model, or leave `response_format` out.",
      "response_format",
    );
    return {};
  }
  const { forcedTools, structuredOutput: hasOwn } = writing.facts;
  const byTool = structuredOutput === "tool" ? forcedTools : format.type === "json-schema" && !hasOwn;
  if (byTool) return { tool: jsonTool(writing, format) };
  if (format.type === "json-schema") return { format: wireFormat(adaptedSchema(writing, format)) };
  lose(writing, emulated("output.format", "the model is asked for JSON in words"));
  return { instruction: JSON_INSTRUCTION };
}

function wireFormat(schema: JsonObject): JsonObject {
  return { type: "json_schema", schema };
}

/** The name of a schema has no field; its title is the next best place for it. */
function adaptedSchema(writing: Writing, { schema, name, description }: SchemaFormat): JsonObject {
  const adapted = adaptSchema(schema, "anthropic-strict");
  lose(writing, ...adapted.losses.map((loss) => ({ ...loss, path: `output.format.${loss.path}` })));
  return compact({ title: name, description, ...adapted.schema });
}

function jsonTool(writing: Writing, format: NonNullable<Output["format"]>): JsonObject & { readonly name: string } {
  lose(writing, emulated("output.format", "the input of a forced tool call"));
  const name = freeName(writing);
  if (format.type !== "json-schema") {
    return { name, description: "Give your answer as a JSON object.", input_schema: { type: "object" } };
  }
  const adapted = adaptSchema(format.schema, "anthropic");
  lose(writing, ...adapted.losses.map((loss) => ({ ...loss, path: `output.format.${loss.path}` })));
  return { name, description: format.description ?? "Give your answer here.", input_schema: adapted.schema };
}

function freeName({ request, names }: Writing): string {
  const taken = new Set(
    request.tools.map((tool) => (tool.type === "builtin" ? tool.name : names.sent(tool.name, tool.namespace))),
  );
  let name = JSON_TOOL;
  for (let count = 2; taken.has(name); count += 1) name = `${JSON_TOOL}_${count}`;
  return name;
}
