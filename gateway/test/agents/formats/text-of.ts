import { asArray, asObject, asString, type Json } from "../../../src/lib/json.ts";

/** The words of a content that is a text or a list of parts. */
export function textOf(content: Json | undefined): string {
  const parts = asArray(content) ?? [content ?? ""];
  return parts.map((part) => asString(part) ?? asString(asObject(part)?.["text"]) ?? "").join("");
}
