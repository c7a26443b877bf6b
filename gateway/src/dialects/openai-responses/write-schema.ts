import { asObject, type Json, type JsonObject } from "../../lib/json.ts";
import { adaptSchema, qualifiesForStrict } from "../../translation/json-schema.ts";
import { clamped } from "../../translation/limits.ts";
import { lose, type Writing } from "./writing.ts";

/**
 * A schema from another format, and whether the model is held to it. Chat's rules are the same as here. Anthropic's and Google's
 * strict schemas may have optional properties; OpenAI's would make them nullable instead, and a client that never wrote `null`
 * into its schema would get it. Such a schema is asked for, not enforced.
 */
export function writeSchema(
  writing: Writing,
  given: JsonObject,
  strict: boolean,
  path: string,
): { readonly schema: JsonObject; readonly strict: boolean } {
  if (writing.request.source === "openai-chat") return { schema: given, strict };
  const enforced =
    strict && qualifiesForStrict(given, "openai-strict") ? adaptSchema(given, "openai-strict") : undefined;
  const isStrict = enforced !== undefined && requiredCount(enforced.schema) === requiredCount(given);
  if (strict && !isStrict) lose(writing, clamped(`${path}.strict`, "the schema is not one of OpenAI's strict ones"));
  const { schema, losses } = isStrict ? enforced : adaptSchema(given, "openai");
  lose(writing, ...losses.map((loss) => ({ ...loss, path: `${path}.${loss.path}` })));
  return { schema, strict: isStrict };
}

/** How many properties must be there, at any depth. */
function requiredCount(value: Json | undefined): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + requiredCount(each), 0);
  const members = Object.entries(asObject(value) ?? {});
  return members.reduce(
    (sum, [key, each]) => sum + (key === "required" && Array.isArray(each) ? each.length : requiredCount(each)),
    0,
  );
}
