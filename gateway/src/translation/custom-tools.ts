import type { CustomTool, FunctionTool } from "../canonical/request.ts";
import { compact } from "../lib/json.ts";
import { finishInput, openCustomInput, readInput } from "./custom-input.ts";

/*
 * Custom (free-form) tools take a text where functions take JSON. Targets that have only functions get a function with one
 * string argument `input`; its calls are unwrapped on the way back (`restore.ts`).
 */

/** The function that stands for a custom tool. A grammar cannot be enforced there, so the model is told of it. */
export function asFunctionTool(tool: CustomTool): FunctionTool {
  const { name, namespace, deferLoading } = tool;
  return compact({
    type: "function" as const,
    name,
    namespace,
    description: describe(tool),
    schema: {
      type: "object",
      properties: { input: { type: "string" } },
      required: ["input"],
      additionalProperties: false,
    },
    deferLoading,
  });
}

/** A custom call's text as the arguments of that function. */
export function wrapInput(input: string): string {
  return JSON.stringify({ input });
}

/**
 * The text that a function's arguments stand for. Models that ignore the wrapper send a JSON string or the bare text; that is
 * the text then.
 */
export function unwrapInput(argumentsText: string): string {
  const state = openCustomInput();
  return readInput(state, argumentsText) + finishInput(state);
}

function describe({ description, grammar }: CustomTool): string | undefined {
  const format = grammar === undefined ? undefined : `Input format (${grammar.syntax} grammar):\n${grammar.definition}`;
  const parts = [description, format].filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? undefined : parts.join("\n\n");
}
