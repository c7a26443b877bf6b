import { readBoundary } from "../framing/multipart-head.ts";
import { formReader } from "../framing/multipart.ts";

export type FormField = { readonly filename: string | undefined; readonly contentType: string; readonly bytes: Buffer };

/** The fields of a whole form by name, the last of a name winning; undefined when it is none. */
export function readForm(contentType: string, bytes: Uint8Array): ReadonlyMap<string, FormField> | undefined {
  const boundary = readBoundary(contentType);
  if (boundary === undefined) return undefined;
  const events = formReader(boundary).push(bytes);
  if (!events.ok) return undefined;
  const fields = new Map<string, FormField>();
  let pieces: Uint8Array[] = [];
  let head: { readonly name: string; readonly filename: string | undefined; readonly contentType: string } | undefined;
  for (const event of events.value) {
    if (event.kind === "part") head = event.head;
    if (event.kind === "content") pieces.push(event.bytes);
    if (event.kind !== "part-end" || head === undefined) continue;
    fields.set(head.name, { filename: head.filename, contentType: head.contentType, bytes: Buffer.concat(pieces) });
    pieces = [];
  }
  return fields;
}
