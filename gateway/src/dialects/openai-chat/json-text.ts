import type { Json } from "../../lib/json.ts";

/**
 * JSON on one line for an SSE frame. U+2028 and U+2029 are legal in JSON, but some parsers of event streams take them for line
 * ends, so they are escaped.
 */
export function jsonText(value: Json): string {
  const text = JSON.stringify(value);
  return text.includes("\u2028") || text.includes("\u2029")
    ? text.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029")
    : text;
}
