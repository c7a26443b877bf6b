import { catalog } from "../providers/catalog.ts";

const keyPrefixes = ["dgm_", ...Object.values(catalog).flatMap((row): readonly string[] => row.keyPrefixes)];
const KEY_SHAPE = new RegExp(`\\b(?:${keyPrefixes.join("|")})[A-Za-z0-9_-]{8,}`, "g");

/** Stars over anything that has the shape of a gateway key or of a known vendor's key; the length stays, so columns do. */
export function maskKeys(text: string): string {
  return text.replace(KEY_SHAPE, (key) => "*".repeat(key.length));
}
