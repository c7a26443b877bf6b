import { asBuffer } from "../lib/as-buffer.ts";
import { isSpace } from "./bytes.ts";
import type { JsonScan, Span } from "./json-scan.ts";

/** A change of one top-level member. `value` is JSON text. */
export type Edit =
  | { readonly kind: "replace"; readonly key: string; readonly value: string }
  | { readonly kind: "insert"; readonly key: string; readonly value: string }
  | { readonly kind: "remove"; readonly key: string }
  | { readonly kind: "rename"; readonly key: string; readonly to: string };

/**
 * Applies edits to a scanned object without writing the rest of it anew: the answer is views of `raw` with small buffers
 * between them, in order. Whatever no edit names keeps its bytes: big integers, `1.0`, escapes, white space, order.
 *
 * All edits speak of the object as it was, and no two of them of the same key, save that a member may be renamed and replaced.
 * An edit of an absent key changes nothing; inserting a present one replaces its value; renaming to a present one takes its
 * place. New members come last. A repeated key (`scan.duplicates`) is edited in its first place only, while readers believe
 * the last: check before.
 */
export function spliceObject(raw: Uint8Array, scan: JsonScan, edits: readonly Edit[]): Uint8Array[] {
  const bytes = asBuffer(raw);
  const removed = removedKeys(scan, edits);
  const kept = edits.filter((edit) => !removed.has(edit.key));
  const changes = [
    ...removals(bytes, scan, removed),
    ...kept.flatMap((edit) => changesInPlace(bytes, scan, edit)),
    ...insertion(bytes, scan, kept, removed.size),
  ].toSorted((left, right) => left.start - right.start || left.end - right.end);
  return assemble(raw, changes);
}

/** The bytes from `start` to `end` become `text`. */
type Change = Span & { readonly text: string };

function removedKeys(scan: JsonScan, edits: readonly Edit[]): Set<string> {
  const removed = new Set<string>();
  for (const edit of edits) {
    if (edit.kind === "remove" && scan.members.has(edit.key)) removed.add(edit.key);
    if (edit.kind === "rename" && edit.to !== edit.key && scan.members.has(edit.key) && scan.members.has(edit.to)) {
      removed.add(edit.to);
    }
  }
  return removed;
}

/** Members that go together with the commas between them. */
function removals(bytes: Buffer, scan: JsonScan, removed: ReadonlySet<string>): Change[] {
  const runs: Span[] = [];
  for (const [key, member] of scan.members) {
    if (!removed.has(key)) continue;
    const entry = { start: member.keyStart, end: member.end };
    const last = runs.at(-1);
    // Removed neighbours are one run: what stands after the first is not a comma that stays.
    if (last !== undefined && nextEntryAt(bytes, last.end) === entry.start) {
      runs[runs.length - 1] = { start: last.start, end: entry.end };
    } else {
      runs.push(entry);
    }
  }
  return runs.map((run) => ({ ...withComma(bytes, run), text: "" }));
}

/** A run goes with the comma after it; at the end of the object with the one before it, if members stay there. */
function withComma(bytes: Buffer, run: Span): Span {
  const next = nextEntryAt(bytes, run.end);
  if (next !== undefined) return { start: run.start, end: next };
  const before = beforeSpace(bytes, run.start);
  return bytes[before - 1] === COMMA ? { start: before - 1, end: run.end } : run;
}

function changesInPlace(bytes: Buffer, scan: JsonScan, edit: Edit): Change[] {
  const member = scan.members.get(edit.key);
  if (member === undefined || edit.kind === "remove") return [];
  const { start, end, keyStart } = member;
  if (edit.kind !== "rename") return [{ start, end, text: edit.value }];
  // Between key and value there are only white space and a colon.
  const keyEnd = beforeSpace(bytes, beforeSpace(bytes, start) - 1);
  return [{ start: keyStart, end: keyEnd, text: JSON.stringify(edit.to) }];
}

function insertion(bytes: Buffer, scan: JsonScan, edits: readonly Edit[], removedCount: number): Change[] {
  const members = edits.flatMap((edit) =>
    edit.kind === "insert" && !scan.members.has(edit.key) ? [`${JSON.stringify(edit.key)}:${edit.value}`] : [],
  );
  if (members.length === 0) return [];
  const at = beforeSpace(bytes, scan.close);
  const isEmpty = scan.members.size === removedCount && scan.duplicates.length === 0;
  return [{ start: at, end: at, text: `${isEmpty ? "" : ","}${members.join(",")}` }];
}

function assemble(raw: Uint8Array, changes: readonly Change[]): Uint8Array[] {
  if (changes.length === 0) return [raw];
  const pieces: Uint8Array[] = [];
  let position = 0;
  for (const change of changes) {
    if (change.start > position) pieces.push(raw.subarray(position, change.start));
    if (change.text !== "") pieces.push(Buffer.from(change.text));
    position = change.end;
  }
  if (position < raw.length) pieces.push(raw.subarray(position));
  return pieces;
}

const COMMA = 0x2c;

/** Where the member after the one that ends at `end` begins; undefined when there is none. */
function nextEntryAt(bytes: Buffer, end: number): number | undefined {
  let position = end;
  while (isSpace(bytes[position])) position += 1;
  if (bytes[position] !== COMMA) return undefined;
  position += 1;
  while (isSpace(bytes[position])) position += 1;
  return position;
}

/** The offset after the last byte before `at` that is not white space. */
function beforeSpace(bytes: Buffer, at: number): number {
  let position = at;
  while (isSpace(bytes[position - 1])) position -= 1;
  return position;
}
