import { catalog } from "../providers/catalog.ts";

const keyPrefixes = ["dgm_", ...Object.values(catalog).flatMap((row): readonly string[] => row.keyPrefixes)];
const KEY_SHAPE = new RegExp(`\\b(?:${keyPrefixes.join("|")})[A-Za-z0-9_-]{8,}`, "g");

/** `https://user:password@host`, `?key=…`. */
const URL_SECRET = /(?<=:\/\/)[^\s/@"']+(?=@)|(?<=[?&](?:key|token|api[-_]?key|access_token)=)[^&\s"']+/gi;

/** Stars over anything that has the shape of a gateway key or a known vendor's key, or the place of one in a URL; the length stays, so columns do. */
export function maskKeys(text: string): string {
  const stars = (secret: string) => "*".repeat(secret.length);
  return text.replace(KEY_SHAPE, stars).replace(URL_SECRET, stars);
}
